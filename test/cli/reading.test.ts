import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { CommandFailure } from '../../src/cli/command-failure.ts';
import { decodeText } from '../../src/cli/decode.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { processIo } from '../../src/cli/io.ts';
import { readMachines } from '../../src/cli/read-machines.ts';
import { writeFileAtomically } from '../../src/cli/write-file.ts';
import { fakeIo } from '../support/fake-io.ts';

const rules = '*filter\nCOMMIT\n';

describe('machines', () => {
  test('each FILE is a machine, --with belongs to all of them', async () => {
    const io = fakeIo({ a: rules, b: rules, addr: '' });
    const machines = await readMachines(['a', 'b'], ['addr'], io);
    expect(machines.map(({ texts }) => texts.map(({ name }) => name))).toEqual([
      ['a', 'addr'],
      ['b', 'addr'],
    ]);
  });

  test('without FILE, stdin is read', async () => {
    const [machine] = await readMachines([], [], fakeIo({}, rules));
    expect(machine?.texts).toEqual([{ name: '<stdin>', text: rules }]);
  });

  test.each([
    ['a terminal', [], undefined, exitCodes.usage, /nothing is piped in/, /iptables-save \| fwsim/],
    ['an empty pipe', [], '', exitCodes.couldNotLook, /"<stdin>" is empty/, /sudo/],
    ['an empty file', ['empty'], undefined, exitCodes.couldNotLook, /"empty" is empty/, undefined],
    ['a missing file', ['gone'], undefined, exitCodes.usage, /cannot read "gone"/, undefined],
    ['stdin twice', ['-', '-'], rules, exitCodes.usage, /only once/, undefined],
  ])('%s is said, and is never clean', async (_, files, stdin, exitCode, message, hint) => {
    const failure = await readMachines(files, [], fakeIo({ empty: ' \n' }, stdin)).catch((error) => error);
    expect(failure).toBeInstanceOf(CommandFailure);
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.message).toMatch(message);
    if (hint === undefined) expect(failure.hint).toBeUndefined();
    else expect(failure.hint).toMatch(hint);
  });
});

describe('bytes', () => {
  const bytes = (...parts: readonly (string | number)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));

  test('UTF-8 is read as it is, NUL included', () => {
    expect(decodeText(bytes('a\0é東😀\r\n'), 'x')).toEqual({ text: 'a\0é東😀\r\n', diagnostics: [] });
  });

  test('other bytes are read as Latin-1, each told at its place in the text', () => {
    const { text, diagnostics } = decodeText(bytes('é"', 0xe9, 'x', 0xff, '東"'), 'gw');
    expect(text).toBe('é"éxÿ東"');
    expect(diagnostics.map(({ id, severity, span }) => ({ id, severity, span }))).toEqual([
      { id: 'not-utf-8', severity: 'info', span: { start: 2, end: 3, source: 'gw' } },
      { id: 'not-utf-8', severity: 'info', span: { start: 4, end: 5, source: 'gw' } },
    ]);
  });

  test('many of them are counted', () => {
    const { diagnostics } = decodeText(new Uint8Array(1_000).fill(0x80), 'x');
    expect(diagnostics).toHaveLength(4);
    expect(diagnostics[3]?.message).toContain('997 more');
  });

  test('surrogates and overlong forms are no UTF-8', () => {
    for (const bad of [
      [0xed, 0xa0, 0x80],
      [0xc0, 0xaf],
      [0xe0, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ]) {
      expect(decodeText(Uint8Array.from(bad), 'x').text).toBe(String.fromCharCode(...bad));
    }
  });

  test('any bytes can be read, and valid text comes back as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (input) => {
        const { text } = decodeText(bytes('*', ...input), 'x');
        expect(text.isWellFormed()).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (before, after) => {
        const expected = `*${before}`.toWellFormed();
        expect(decodeText(bytes(expected, 0xff, after), 'x').text).toBe(`${expected}ÿ${after}`);
      }),
    );
  });

  test('a byte order mark is told, as iptables-restore refuses it', () => {
    const { text, diagnostics } = decodeText(bytes('\ufeff*filter'), 'x');
    expect(text).toBe('*filter');
    expect(diagnostics).toMatchObject([{ id: 'byte-order-mark', severity: 'error' }]);
  });

  test('compressed files and UTF-16 are named', () => {
    expect(() => decodeText(gzipSync(rules), 'gw.gz')).toThrow(/"gw.gz": it is gzip/);
    expect(() => decodeText(Buffer.from(`\ufeff${rules}`, 'utf16le'), 'x')).toThrow(/UTF-16/);
  });
});

describe('real files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-io-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const io = processIo('never', {});

  test('directories, missing files and odd names are said in words', () => {
    mkdirSync(join(folder, 'dir'));
    expect(() => io.readFile(join(folder, 'dir'))).toThrow(/it is a directory/);
    expect(() => io.readFile(join(folder, 'gone'))).toThrow(/there is no such file/);
    expect(() => io.readFile('a\0b')).toThrow(/NUL/);
    expect(() => io.readFile(join(folder, 'x'.repeat(300)))).toThrow(/name is too long/);
  });

  test('a file is replaced as a whole; mode and link stay', () => {
    const file = join(folder, 'rules');
    const link = join(folder, 'link');
    writeFileSync(file, 'old', { mode: 0o640 });
    symlinkSync(file, link);
    writeFileAtomically(link, 'new é\n');
    expect(readFileSync(file, 'utf8')).toBe('new é\n');
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  test('what cannot be written is said', () => {
    expect(() => writeFileAtomically(join(folder, 'no', 'such'), 'x')).toThrow(
      /cannot write .*: there is no such file or folder/,
    );
  });

  test('a device is written into, and stays one', () => {
    writeFileAtomically('/dev/null', 'gone');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

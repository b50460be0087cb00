/**
 * Goal: the process behaves in a shell. Method: a program with odd commands is built once and started through a
 * real shell, with pipes, closed readers and signals.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shippedOptions } from '../support/bundling.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-process-'));
const program = join(folder, 'odd.mjs');

beforeAll(async () => {
  await build({
    ...shippedOptions,
    entryPoints: [join(import.meta.dirname, 'odd-commands.ts')],
    outfile: program,
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Runs a line of shell in which `odd` is the program. bash takes a socket on stdin for a remote login and would
 * read its start-up file.
 */
function shell(line: string, env: Readonly<Record<string, string>> = {}, input = '') {
  const { PATH = '' } = process.env;
  const script = `odd() { '${process.execPath}' '${program}' "$@"; }\n${line}`;
  const result = spawnSync('bash', ['--norc', '-c', script], {
    env: { PATH, ...env },
    input,
    encoding: 'utf8',
    cwd: folder,
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

describe('in a shell', () => {
  test('a reader that goes away ends the output in silence, and the exit code stays', () => {
    expect(shell('odd flood | head -n 1; echo "$PIPESTATUS"')).toEqual({
      code: 0,
      out: `${'x'.repeat(100)} 0\n1\n`,
      err: '',
    });
  });

  test('all output arrives through a slow pipe', () => {
    expect(shell('odd flood | (sleep 0.3; wc -l); echo "$PIPESTATUS"').out.trim()).toBe('20000\n1');
  });

  test('a full disk is an error', () => {
    expect(shell('odd flood > /dev/full').code).toBe(2);
  });

  test('large and slow input is read to its end', () => {
    const { out, err } = shell('(echo a; sleep 0.2; head -c 3000000 /dev/zero | tr "\\0" b) | odd count');
    expect({ out, err }).toEqual({ out: '<stdin> 3000002\n', err: '' });
  });

  test('a process substitution is a file', () => {
    expect(shell('odd count <(echo abc)').out).toMatch(/^\/dev\/fd\/\d+ 4\n$/);
  });

  test('closed stdin is empty, and that is not clean', () => {
    expect(shell('odd count <&-').code).toBe(3);
    expect(shell('odd count < /dev/null').code).toBe(3);
    expect(shell('odd count .').err).toBe('fwsim: cannot read ".": it is a directory\n');
  });

  test('colour in pipes only on demand', () => {
    expect(shell('odd colour').out).toBe('red 100\n');
    expect(shell('odd colour', { FORCE_COLOR: '1', COLUMNS: '60' }).out).toBe(
      '\x1b[1m\x1b[31mred\x1b[39m\x1b[22m 60\n',
    );
    expect(shell('odd colour --color=always', { NO_COLOR: '1' }).out).toContain('\x1b[31m');
    expect(shell('odd colour --color=never', { FORCE_COLOR: '1' }).out).toBe('red 100\n');
  });

  test('a bug ends with 70, asks for the input, and sends no control characters', () => {
    const { code, out, err } = shell('odd bug');
    expect(code).toBe(70);
    expect(out).toBe('');
    expect(err).toContain('TypeError: something \\x1b[2J broke');
    expect(err).toContain('report this together with the input');
  });

  test('Ctrl-C ends even a busy process at once', async () => {
    const child = spawn(process.execPath, [program, 'spin'], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
  });
});

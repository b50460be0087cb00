/**
 * Goal: text of the input does nothing in what it is printed into. Method: a ruleset whose comments, names and prefixes are
 * hostile, through every command and format; each medium is looked at by rules of its own.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { makePacket } from '../../src/expression/make-packet.ts';
import type { Address } from '../../src/net/address.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import { hostileTexts } from '../fuzz/draw.ts';
import { checkVisible } from '../fuzz/targets.ts';
import { cookedFrame, writePcapng } from '../support/capture-writer.ts';
import { fakeIo } from '../support/fake-io.ts';

vi.setConfig({ testTimeout: 120_000 });

const quote = (text: string): string => `"${text.replace(/[\n\0\ud800]/g, ' ').replace(/["\\]/g, '\\$&')}"`;

const rules = [
  '*filter',
  ':INPUT ACCEPT [0:0]',
  ':FORWARD DROP [0:0]',
  ':OUTPUT ACCEPT [0:0]',
  ...hostileTexts.flatMap((text, i) => [
    `-A INPUT -p tcp -m tcp --dport ${1000 + i} -m comment --comment ${quote(text)} -j ACCEPT`,
    `-A INPUT -p tcp -m tcp --dport ${1000 + i} -m comment --comment ${quote(text)} -j DROP`,
    `-A INPUT -p udp -m udp --dport ${1000 + i} -j LOG --log-prefix ${quote(text.slice(0, 20))}`,
    `-A ${quote(text)} -i ${quote(text.slice(0, 15))} -j ${quote(text)}`,
  ]),
  'COMMIT',
  '',
].join('\n');

/** Names that a shell, a page and a terminal would each take for something else. */
const name = 'a `id` $(id) \x1b[31m<b>&"\'\n::error::x\u202e]]>';
const file = `${name}.rules`;
const other = `-${name}.other.rules`;
const policy = `${name}.policy.yml`;
const packet = ['--', '-i', 'eth0', '-p', 'tcp', '--dport', '1003'];

/** Each text as the name of a test, of a network and of an interface. */
const policyText = JSON.stringify({
  rules: `./${file}`,
  tests: hostileTexts.slice(0, 12).map((text, i) => ({
    name: text,
    packets: `-i ${quote(text.replace(/\s/g, '').slice(0, 15))} -p tcp --dport ${1000 + i}`,
    expect: 'drop',
  })),
});

const address = (text: string): Address => parseAddress('ipv4', text) as Address;
const syn = makePacket({
  family: 'ipv4',
  protocol: 6,
  src: address('198.51.100.9'),
  dst: address('203.0.113.1'),
  sport: 40000,
  dport: 1003,
  tcpFlags: 2,
});
const capture = writePcapng(
  hostileTexts.map((_, i) => ({ bytes: cookedFrame(syn, i + 1, 0), timeMs: i, interfaceIndex: i })),
  hostileTexts.map((text) => ({ linkType: 276, name: text })),
);
const context = hostileTexts
  .map((text, i) => `${i + 2}: ${text.replace(/\s/g, '')}    inet 192.0.2.${i + 1}/24 scope global ${text}`)
  .join('\n');

const files = {
  [file]: rules,
  [other]: rules.replace(':INPUT ACCEPT', ':INPUT DROP').replaceAll('--dport 1003', '--dport 1004'),
  [policy]: policyText,
  [`${name}.pcapng`]: capture,
  [`${name}.context`]: context,
  [`${name}.yml`]: JSON.stringify({ lint: { [name]: hostileTexts }, context: { zones: { [name]: [name] } } }),
  [`${name}.log`]: hostileTexts
    .map((t) => `kernel: ${t}IN=eth0 OUT= SRC=198.51.100.9 DST=203.0.113.1 PROTO=TCP SPT=4 DPT=1003 SYN`)
    .join('\n'),
};

async function print(...args: readonly string[]): Promise<string> {
  const io = fakeIo(files);
  const code = await runCommandLine(args, () => io);
  expect([0, 1, 2, 3]).toContain(code);
  checkVisible(io.said.err, 'stderr');
  checkVisible(io.said.out, args.join(' '));
  return io.said.out;
}

describe('terminal and data: no character that is obeyed', () => {
  test.each([
    ['lint', file],
    ['lint', file, '--preset', 'all', '--all', '--verbose'],
    ['lint', file, '--format', 'concise'],
    ['lint', file, '--format', 'jsonl'],
    ['lint', file, '--format', 'gitlab'],
    ['lint', file, '--fix'],
    ['trace', file, '--all', '--assume', 'local=203.0.113.1', ...packet, '-d', '203.0.113.1'],
    ['trace', file, '--json', ...packet],
    ['query', file, '--fate', 'drop', '--nodes', '20000'],
    [file, '--nodes', '20000'],
    ['graph', file],
    ['graph', file, '--format', 'dot'],
    ['graph', file, '--format', 'mermaid'],
    ['fmt', '--check', file],
    ['query', file, '--json', '--nodes', '20000', ...packet],
    ['matrix', file, '--port', '1003', '--nodes', '20000'],
    ['spoof', file, '--ranges', `${name}.context`, '--nodes', '10000'],
    ['spoof', file, '--with', `${name}.context`, '--nodes', '10000'],
    ['diff', file, `./${other}`, '--nodes', '20000'],
    ['diff', file, `./${other}`, '--format', 'markdown', '--nodes', '20000'],
    ['diff', file, `./${other}`, '--format', 'json', '--nodes', '20000'],
    ['test', policy],
    ['test', policy, '--format', 'tap'],
    ['test', policy, '--format', 'json'],
    ['test', policy, '--coverage'],
    ['test', '--init', file],
    ['replay', `${name}.pcapng`, file],
    ['replay', `${name}.pcapng`, file, '--json'],
    ['replay', `${name}.pcapng`, file, '--diff', `./${other}`, '--with', `${name}.context`],
    ['trace', file, '--log', `${name}.log`],
    ['lint', file, '--with', `${name}.context`],
    ['lint', file, '--config', `${name}.yml`],
    ['lint', file, '--show-fix'],
    ['lint', file, '--format', 'sarif'],
  ])('%s', async (...args) => {
    await print(...args);
  });
});

test('a terminal is shown what fmt prints, and a pipe gets the very characters', async () => {
  const seen = fakeIo(files);
  await runCommandLine(['fmt', file], () => ({ ...seen, outIsTerminal: true }));
  checkVisible(seen.said.out, 'fmt on a terminal');
  const piped = fakeIo(files);
  await runCommandLine(['fmt', file], () => piped);
  expect(piped.said.out).toContain('\x1b[2J');
});

describe('what is wrong with a command line is told in characters that nobody obeys', () => {
  test.each([
    ['lint', `${name}.gone`],
    [name],
    [name, file],
    ['lint', `--${name}`],
    ['lint', file, '--format', name],
    ['lint', file, '--format', `json=${name}/gone`],
    ['lint', file, '--select', name],
    ['lint', file, '--config', `${name}.gone`],
    ['explain', name],
    ['query', file, '--fate', name],
    ['query', file, '--', '-p', name],
    ['query', file, '--', `--${name}`, name],
    ['query', file, '--who-reaches', name],
    ['trace', file, '--assume', name, ...packet],
    ['trace', file, '--', '-i', name, '-m', name, '-s', name],
    ['matrix', file, '--port', name],
    ['graph', file, '--table', name],
    ['test', `${name}*`, `${name}?`],
    ['collect', '--without', name],
    ['replay', file, file],
    ['diff', policy, file],
  ])('%j', async (...args) => {
    await print(...args);
  });
});

describe('suggested commands', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-pasted-'));
  const stub = (program: string, script: string): void => {
    writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, program), 0o755);
  };

  test('do nothing but what they say when they are pasted', async () => {
    stub('fwsim', `for word; do /usr/bin/printf '%s\\0' "$word"; done >> '${folder}/words'`);
    stub('sed', 'exit 0');
    for (const program of ['id', 'alert', 'cmd']) stub(program, `echo ${program} >> '${folder}/ran'`);
    const wide = async (...args: readonly string[]): Promise<string> => {
      const io = fakeIo(files);
      const style = { ...io.outStyle, columns: 100_000 };
      await runCommandLine(args, () => ({ ...io, outStyle: style, errStyle: style }));
      return io.said.out + io.said.err;
    };
    const printed = [
      await wide('lint', file),
      await wide(file, '--nodes', '20000'),
      await wide('query', file, '--nodes', '20000'),
      await wide('diff', file, `./${other}`, '--nodes', '20000'),
      await wide('trace', file, ...packet),
      await wide('test', policy),
    ].join('\n');
    const commands = [...new Set(printed.match(/\bfwsim (?:trace|query|lint|diff|test) [^\n]*/g))];
    expect(commands.length).toBeGreaterThan(10);
    const pasted = { cwd: folder, env: { PATH: folder }, encoding: 'utf8' } as const;
    const { stderr } = spawnSync('/bin/sh', ['-c', commands.join('\n')], pasted);
    expect(stderr).toBe('');
    expect(existsSync(join(folder, 'ran'))).toBe(false);
    const words = readFileSync(join(folder, 'words'), 'utf8').split('\0');
    expect(words).toContain(file);
    rmSync(folder, { recursive: true });
  });
});

describe('formats of findings stay what they are', () => {
  test('JSON and SARIF are read, and hold the texts', async () => {
    for (const format of ['json', 'sarif']) {
      const text = await print('lint', file, '--format', format, '--select', 'FW2');
      expect(JSON.stringify(JSON.parse(text))).toContain('onerror=alert(1)');
    }
  });

  test('XML holds no element, end of a section or entity of the input', async () => {
    for (const format of ['checkstyle', 'junit']) {
      const text = await print('lint', file, '--format', format);
      expect(text).not.toMatch(/<script|<img|\]\]>|&#0;|<b>/);
    }
  });

  test('commands of a build log begin at the beginning of a line alone, and are ours', async () => {
    const lines = (await print('lint', file, '--format', 'github')).split('\n');
    expect(lines.filter((l) => l.startsWith('::') && !/^::(?:error|warning|notice) /.test(l))).toEqual([]);
    expect(lines.filter((l) => l !== '' && !l.startsWith('::'))).toEqual([]);
  });

  test('Markdown keeps no element', async () => {
    const text = await print('lint', file, '--format', 'markdown');
    // In code spans and blocks nothing is obeyed.
    const blocks = text.replace(/^(`{3,})[\s\S]*?^\1$/gm, '');
    const outside = blocks.replace(/(?<![\\`])(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, '');
    expect(outside).not.toMatch(/(?<!\\)<(?:script|img|b)\b/);
  });

  test('the page holds text and data, and no program but its own', async () => {
    const io = fakeIo(files);
    expect(await runCommandLine(['report', file], () => io)).toBe(0);
    const page = io.said.out.replace(/<script(?! type="application\/json")[^>]*>[\s\S]*?<\/script>/, '');
    checkVisible(page, 'report');
    expect(page).toContain('onerror=alert(1)');
    expect(page).not.toMatch(/<script(?! type="application\/json")|<img|<iframe|href="javascript:/);
  });

  test('SVG holds text, and nothing that runs', async () => {
    const text = await print('graph', file, '--format', 'svg');
    expect(text).toContain('<svg');
    expect(text).not.toMatch(/<script|<img|onerror=["']?alert\(1\)["']?>|<b>|<foreignObject/);
  });
});

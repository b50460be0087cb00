/**
 * Goal: text of the input does nothing in what it is printed into. Method: a ruleset whose comments, names and prefixes are
 * hostile, through every command and format; each medium is looked at by rules of its own.
 */
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { hostileTexts } from '../fuzz/draw.ts';
import { checkVisible } from '../fuzz/targets.ts';
import { fakeIo } from '../support/fake-io.ts';

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

/** A name that a shell, a page and a terminal would each take for something else. */
const file = 'a `id` $(id) \x1b[31m<b>&"\'.rules';
const packet = ['--', '-i', 'eth0', '-p', 'tcp', '--dport', '1003'];

async function print(...args: readonly string[]): Promise<string> {
  const io = fakeIo({ [file]: rules });
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
    ['query', file, '--fate', 'drop', '--nodes', '100000'],
    [file, '--nodes', '100000'],
    ['graph', file],
    ['graph', file, '--format', 'dot'],
    ['graph', file, '--format', 'mermaid'],
    ['fmt', '--check', file],
  ])('%s', async (...args) => {
    await print(...args);
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

  test('SVG holds text, and nothing that runs', async () => {
    const text = await print('graph', file, '--format', 'svg');
    expect(text).toContain('<svg');
    expect(text).not.toMatch(/<script|<img|onerror=["']?alert\(1\)["']?>|<b>|<foreignObject/);
  });
});

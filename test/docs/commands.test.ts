/** Goal: what the pages tell readers to type works, and prints what they show. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, consoleText, isAsShown } from '../../src/dev/doc-blocks.ts';
import { createDocMachine, runBlocks } from '../../src/dev/doc-machine.ts';
import { docPages } from '../../src/dev/doc-pages.ts';
import { shippedOptions } from '../support/bundling.ts';
import { repositoryRoot } from '../support/source-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-docs-'));

beforeAll(async () => {
  await build({
    ...shippedOptions,
    entryPoints: { cli: join(repositoryRoot, 'src/cli/main.ts') },
    outdir: folder,
    splitting: true,
    outExtension: { '.js': '.mjs' },
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(docPages(repositoryRoot))('%s', (page) => {
  const text = readFileSync(join(repositoryRoot, page), 'utf8');
  const blocks = blocksOf(text);
  const ran = blocks.filter(({ kind }) => kind === 'console' || kind === 'script');

  test.runIf(ran.length > 0)(
    'its commands do what it says (npm run docs writes down what they print)',
    { timeout: 120_000 },
    () => {
      const machine = createDocMachine(repositoryRoot, join(folder, 'cli.mjs'));
      try {
        for (const { block, printed } of runBlocks(blocks, machine)) {
          const place = `${page}:${block.at.line}`;
          for (const { command, output, code } of printed)
            expect([0, 1], `${place}: ${command}\n${output}`).toContain(code);
          if (block.kind !== 'console') continue;
          const shown = block.commands.map((command, index) => {
            const real = printed[index]?.output ?? '';
            return isAsShown(command.output, real) ? command : { ...command, output: real };
          });
          expect(consoleText(block.commands), place).toBe(consoleText(shown));
        }
      } finally {
        machine.dispose();
      }
    },
  );

  test('every block of commands is marked as one, or says why it is not run', () => {
    const fences = [...text.matchAll(/^```(\w*)$/gm)].map(([, language]) => language);
    const shells = fences.filter((language) => language === 'bash' || language === 'shell');
    expect(shells, 'use sh or console').toEqual([]);
    for (const block of blocks) if (block.kind === 'not-run') expect(block.reason).toMatch(/\w+ \w+/);
  });
});

describe('blocks of a page', () => {
  const page = [
    'Text.',
    '',
    '<!-- file: a/b.txt -->',
    '```yaml',
    'x: 1',
    '```',
    '```console',
    '$ cat a/b.txt \\',
    '    | head',
    'x: 1',
    '$ true',
    '```',
    '<!-- not run: it needs root -->',
    '```sh',
    'rm -rf /',
    '```',
    '```sh',
    'test -f a/b.txt',
    'cat a/b.txt |',
    '  wc',
    "cat > b.txt <<'END'",
    'text',
    'END',
    '```',
  ].join('\n');

  test('are found with their kinds', () => {
    expect(blocksOf(page)).toEqual([
      { kind: 'file', name: 'a/b.txt', text: 'x: 1\n', at: expect.objectContaining({ line: 4 }) },
      {
        kind: 'console',
        commands: [
          { command: 'cat a/b.txt \\\n    | head', output: 'x: 1\n' },
          { command: 'true', output: '' },
        ],
        at: expect.objectContaining({ line: 7 }),
      },
      { kind: 'not-run', reason: 'it needs root', at: expect.objectContaining({ line: 14 }) },
      {
        kind: 'script',
        commands: ['test -f a/b.txt', 'cat a/b.txt |\n  wc', "cat > b.txt <<'END'\ntext\nEND"],
        at: expect.objectContaining({ line: 17 }),
      },
    ]);
    const [, shown] = blocksOf(page);
    if (shown?.kind === 'console')
      expect(consoleText(shown.commands)).toBe(page.slice(shown.at.start, shown.at.end));
  });

  test('dots stand for lines left out, and for nothing else', () => {
    expect(isAsShown('a\n…\nd\n', 'a\nb\nc\nd\n')).toBe(true);
    expect(isAsShown('a\n…\n', 'a\nb\n')).toBe(true);
    expect(isAsShown('…\nd\n', 'a\nd\n')).toBe(true);
    expect(isAsShown('a\n…\nx\n', 'a\nb\nd\n')).toBe(false);
    expect(isAsShown('a\n', 'a\nb\n')).toBe(false);
    expect(isAsShown('a\nb\n', 'a\n')).toBe(false);
  });
});

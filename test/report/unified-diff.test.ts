/**
 * Goal: a patch makes the new text of the old one, and says no more than it must. Method: random texts of few different
 * lines, applied by the rules of the format; and `patch` itself, where it is there.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unifiedDiff } from '../../src/report/unified-diff.ts';

const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd', '', '-- e', '++ f', '\ttab'), { maxLength: 40 });
const text = fc
  .tuple(lines, fc.boolean())
  .map(([list, ended]) => list.join('\n') + (ended && list.length > 0 ? '\n' : ''));
/** Two texts that have much in common. */
const pair = fc
  .tuple(
    text,
    fc.array(fc.tuple(fc.nat(50), fc.nat(2), fc.constantFrom('a', 'x', '', '@@ y')), { maxLength: 5 }),
  )
  .map(([old, edits]): [string, string] => {
    const list = old.split('\n');
    for (const [at, gone, come] of edits) list.splice(at % (list.length + 1), gone, come);
    return [old, list.join('\n')];
  });

/** Applies a patch as the format says; throws where a line is not what the patch says it is. */
function applyPatch(old: string, patch: string): string {
  const source = old.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const body = patch.split('\n').slice(2, -1);
  const out: string[] = [];
  let at = 0;
  for (let i = 0; i < body.length; ) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(body[i++] ?? '');
    if (!head) throw new Error(`no head: ${body[i - 1]}`);
    let olds = Number(head[2] ?? 1);
    let news = Number(head[4] ?? 1);
    const from = olds === 0 ? Number(head[1]) : Number(head[1]) - 1;
    while (at < from) out.push(source[at++] ?? '');
    if ((news === 0 ? Number(head[3]) : Number(head[3]) - 1) !== out.length)
      throw new Error('wrong new line');
    while (olds > 0 || news > 0) {
      const line = body[i++] ?? '';
      const ended = body[i]?.startsWith('\\ No newline') ? '' : '\n';
      if (ended === '') i++;
      const content = `${line.slice(1)}${ended}`;
      if (line[0] !== '+') {
        if (source[at++] !== content) throw new Error(`not there: ${JSON.stringify(content)}`);
        olds--;
      }
      if (line[0] !== '-') {
        out.push(content);
        news--;
      }
    }
  }
  while (at < source.length) out.push(source[at++] ?? '');
  return out.join('');
}

test('a patch makes the new text of the old one', () => {
  fc.assert(
    fc.property(fc.oneof(pair, fc.tuple(text, text)), ([old, now]) => {
      const { text: patch, exact } = unifiedDiff('f', old, now);
      expect(exact).toBe(true);
      expect(patch === '').toBe(old === now);
      if (patch !== '') expect(applyPatch(old, patch)).toBe(now);
    }),
    { numRuns: 500, seed: 20261122 },
  );
});

test('it changes no more lines than it must', () => {
  const old = ['a', 'b', 'c', 'd', 'e', 'f'].map((l) => `${l}\n`).join('');
  const { text: patch } = unifiedDiff('f', old, old.replace('c\n', '').replace('e\n', 'e\nx\n'));
  expect(patch.split('\n').slice(3, -1)).toEqual([' a', ' b', '-c', ' d', ' e', '+x', ' f']);
});

test('texts that have too little in common are replaced as a whole', () => {
  const text = (letter: string): string => Array.from({ length: 1500 }, (_, i) => `${letter}${i}\n`).join('');
  const { text: patch } = unifiedDiff('f', text('a'), text('b'));
  expect(applyPatch(text('a'), patch)).toBe(text('b'));
});

test('a control character is shown, and the patch says that it is not exact', () => {
  const { text: patch, exact } = unifiedDiff('f', 'a\n\u001b[31mred\n', 'a\n');
  expect(exact).toBe(false);
  expect(patch).not.toContain('\u001b');
  expect(unifiedDiff('f', 'a\r\nb\r\n', 'b\r\n')).toEqual({
    text: '--- f\n+++ f\n@@ -1,2 +1 @@\n-a\r\n b\r\n',
    exact: true,
  });
});

const hasPatch = spawnSync('patch', ['--version']).status === 0;
test.skipIf(!hasPatch)('patch takes it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-patch-'));
  try {
    fc.assert(
      fc.property(pair, ([old, now]) => {
        const { text: patch } = unifiedDiff('rules', old, now);
        if (patch === '' || now === '' || old === '') return;
        writeFileSync(join(folder, 'rules'), old);
        const { status, stdout } = spawnSync('patch', ['--fuzz=0', 'rules'], {
          cwd: folder,
          input: `# told\n${patch}`,
        });
        expect([status, String(stdout)]).toEqual([0, expect.anything()]);
        expect(readFileSync(join(folder, 'rules'), 'utf8')).toBe(now);
      }),
      { numRuns: 20, seed: 20261122 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

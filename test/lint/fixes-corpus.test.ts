/**
 * Goal: fixes keep their promises on rulesets that people wrote. Method: rules-examples, and a sample of the corpus where it
 * is there, are mended; safe changes must be equal for a comparison of their own, a second run must have nothing to do,
 * and no more may be told of any code. `test/kernel/fixes.ts` does the same with all dumps, and loads them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diffMachines } from '../../src/comparing.ts';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { type FixResult, fixMachine } from '../../src/fixing.ts';
import { defaultRegistry } from '../../src/index.ts';
import { checks } from '../../src/lint/checks/index.ts';
import type { LintResult } from '../../src/lint/lint.ts';
import { describeWithShared } from '../support/shared.ts';
import { repositoryRoot } from '../support/source-tree.ts';

const registry = defaultRegistry();

const mend = (text: string, unsafe: boolean): FixResult =>
  fixMachine([{ name: 'gw.rules', text }], { registry, checks, presets: ['all'], preview: true }, { unsafe });

function countsOf({ findings }: LintResult, infoToo: boolean): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const finding of findings)
    for (const { code, severity } of [finding, ...(finding.explains ?? [])])
      if (infoToo || severity !== 'info') counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}

function holdsPromises(text: string, unsafe: boolean): FixResult {
  const result = mend(text, unsafe);
  const now = result.texts[0]?.text ?? '';
  const old = countsOf(result.first, !unsafe);
  for (const [code, count] of countsOf(result.last, !unsafe))
    expect([code, count]).toEqual([code, Math.min(count, old.get(code) ?? 0)]);
  if (now === text) return result;
  const again = mend(now, unsafe);
  expect([...again.safe, ...again.unsafe].map(({ fix }) => fix.title)).toEqual([]);
  if (!unsafe) {
    const { compared } = diffMachines([{ name: 'gw.rules', text }], result.texts, {
      registry,
      logging: true,
    });
    expect(compared?.families.map(({ diff }) => diff.kind)).toEqual(compared?.families.map(() => 'equal'));
  }
  return result;
}

const folder = join(repositoryRoot, 'rules-examples');
const files = readdirSync(folder).filter((name) => name.endsWith('.rules'));

describe.each(files)('%s', (file) => {
  const text = readFileSync(join(folder, file), 'utf8');
  test.each([false, true])('unsafe fixes: %s', { timeout: 120_000 }, (unsafe) => {
    holdsPromises(text, unsafe);
  });
});

describeWithShared('a sample of the corpus', 'corpus', (corpus) => {
  const small = corpusNames(corpus)
    .map((name) => readCorpusFile(corpus, name))
    .filter(({ text }) => text.length < 6000);
  const sample = small.filter((_, index) => index % 6 === 0);
  let applied = 0;
  test.each(sample)('$name', { timeout: 120_000 }, ({ text }) => {
    const { safe } = holdsPromises(text, false);
    applied += safe.length;
  });
  test('has something to mend', () => {
    expect(applied).toBeGreaterThan(5);
  });
});

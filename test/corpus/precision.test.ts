/**
 * Goal: what the pages say of a check's precision is what readers judged, and the linter is as precise as it promises.
 * Method: the stored findings and verdicts are counted again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyOfFound, measurePrecision, parseFound, parseVerdicts } from '../../src/dev/corpus-list.ts';
import { measuredPrecision } from '../../src/lint/precision.ts';
import { checks } from '../../src/linting.ts';
import { checkPageMarkdown } from '../../src/report/check-page.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');
const verdictRows = read('verdicts.tsv')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t'));
const found = parseFound(read('found.tsv'));
const verdicts = parseVerdicts(read('verdicts.tsv'));

test('every verdict is one, once, and says why where it is not plain', () => {
  expect(verdicts.size).toBe(verdictRows.length);
  for (const [file, fingerprint, judgement, why = ''] of verdictRows) {
    expect(['true', 'false', 'unclear'], `${file} ${fingerprint}`).toContain(judgement);
    if (judgement !== 'true') expect(why, `${file} ${fingerprint}`).not.toBe('');
  }
});

test('what the pages tell is what was judged', () => {
  const judged = measurePrecision(found, verdicts)
    .map(({ code, right, wrong, unclear }) => [code, { right, wrong, unclear }] as const)
    .filter(([, { right, wrong, unclear }]) => right + wrong + unclear > 0);
  expect(measuredPrecision).toEqual(Object.fromEntries(judged));
  for (const check of checks) {
    const p = measuredPrecision[check.code];
    const told = p === undefined ? '' : `${p.right} of ${p.right + p.wrong} findings read on real dumps`;
    expect(
      checkPageMarkdown(check, () => undefined),
      check.code,
    ).toContain(told);
  }
});

test.each([
  ['error', 0.97],
  ['warning', 0.9],
])('of all findings read, those with severity %s are true in a share of %d or more', (severity, least) => {
  const stable = new Set<string>(checks.filter((check) => check.state === 'stable').map(({ code }) => code));
  const judgements = found
    .filter((f) => f.severity === severity && stable.has(f.code))
    .flatMap((f) => verdicts.get(keyOfFound(f.file, f.fingerprint))?.judgement ?? []);
  const right = judgements.filter((judgement) => judgement === 'true').length;
  // What nobody could decide counts against it.
  expect(right / judgements.length).toBeGreaterThanOrEqual(least);
  expect(judgements.length).toBeGreaterThan(100);
});

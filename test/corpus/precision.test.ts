/**
 * Goal: what the pages say of a check's precision is what readers judged, and the linter is as precise as it promises.
 * Method: the stored findings and verdicts are counted again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  isReal,
  keyOfFound,
  measurePrecision,
  parseFound,
  parseVerdicts,
} from '../../src/dev/corpus-list.ts';
import { dumpsRead, measuredPrecision } from '../../src/lint/precision.ts';
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
  const measured = measurePrecision(found, verdicts).map(({ code, ...counts }) => [code, counts] as const);
  expect(measuredPrecision).toEqual(Object.fromEntries(measured));
  for (const check of checks) {
    const p = measuredPrecision[check.code];
    const read = p === undefined ? 0 : p.right + p.wrong + p.unclear;
    const told =
      p === undefined
        ? `never met on the ${dumpsRead} real dumps read`
        : read === 0
          ? 'not read yet'
          : p.right + p.wrong === 0
            ? `none of ${p.unclear} findings read on real dumps`
            : `${p.right} of ${p.right + p.wrong} findings read on real dumps`;
    expect(
      checkPageMarkdown(check, () => undefined),
      check.code,
    ).toContain(told);
  }
});

test.each(checks.filter((check) => check.state === 'stable'))(
  '$code is stable: what was read of it is true in nine cases of ten, and no error is false',
  ({ code }) => {
    const mine = found.filter((f) => f.code === code && isReal(f.file));
    const judged = mine.flatMap((f) => {
      const judgement = verdicts.get(keyOfFound(f.file, f.fingerprint))?.judgement;
      return judgement === undefined ? [] : [{ ...f, judgement }];
    });
    const right = judged.filter((f) => f.judgement === 'true').length;
    expect(judged.length, 'somebody has read what it finds').toBeGreaterThanOrEqual(Math.min(mine.length, 3));
    expect(right / Math.max(1, judged.length)).toBeGreaterThanOrEqual(judged.length === 0 ? 0 : 0.9);
    expect(judged.filter((f) => f.severity === 'error' && f.judgement === 'false')).toEqual([]);
  },
);

test('a preview says why it is one', () => {
  for (const check of checks.filter((c) => c.state === 'preview')) {
    const p = measuredPrecision[check.code];
    const read = p === undefined ? 0 : p.right + p.wrong + p.unclear;
    if (read >= 10) expect(check.probation, check.code).toBeDefined();
  }
  expect(checks.filter((c) => c.state === 'stable' && c.probation !== undefined)).toEqual([]);
});

test.each([
  ['error', 0.97],
  ['warning', 0.9],
])('of all findings read, those with severity %s are true in a share of %d or more', (severity, least) => {
  const stable = new Set<string>(checks.filter((check) => check.state === 'stable').map(({ code }) => code));
  const judgements = found
    .filter((f) => f.severity === severity && stable.has(f.code) && isReal(f.file))
    .flatMap((f) => verdicts.get(keyOfFound(f.file, f.fingerprint))?.judgement ?? []);
  const right = judgements.filter((judgement) => judgement === 'true').length;
  // What nobody could decide counts against it.
  expect(right / judgements.length).toBeGreaterThanOrEqual(least);
  expect(judgements.length).toBeGreaterThan(100);
});

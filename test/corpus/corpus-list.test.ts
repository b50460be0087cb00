/** Goal: the list of findings on real dumps says what a change did. Method: small lists, written and read again. */
import { describe, expect, test } from 'vitest';
import {
  compareFound,
  type Found,
  measurePrecision,
  parseFound,
  parseVerdicts,
  printFound,
} from '../../src/dev/corpus-list.ts';

const finding = (over: Partial<Found> = {}): Found => ({
  file: 'docker/a.rules',
  code: 'FW204',
  severity: 'warning',
  line: 12,
  fingerprint: 'FW204-0123456789abcdef0123',
  ...over,
});

describe('the list', () => {
  test('is read as it was written, in the order of dumps', () => {
    const short = 'FW204-01234567';
    const list = [finding({ file: 'ufw/b.rules' }), finding({ line: 40 }), finding()];
    expect(parseFound(printFound(list))).toEqual([
      finding({ fingerprint: short }),
      finding({ line: 40, fingerprint: short }),
      finding({ file: 'ufw/b.rules', fingerprint: short }),
    ]);
    expect(compareFound(parseFound(printFound(list)), list)).toEqual({ added: [], removed: [] });
  });

  test('a finding that moved to another line is the same', () => {
    const { added, removed } = compareFound([finding()], [finding({ line: 40 })]);
    expect([...added, ...removed]).toEqual([]);
  });

  test('a new severity is a change', () => {
    const graver = finding({ severity: 'error' });
    expect(compareFound([finding()], [graver])).toEqual({ added: [graver], removed: [finding()] });
  });
});

describe('precision', () => {
  const verdicts = parseVerdicts(
    [
      '# dump, fingerprint, judgement, why',
      'docker/a.rules\tFW204-0123456789abcdef0123\ttrue\tthe catch-all stands above',
      'gone.rules\tFW204-0123456789abcdef0123\tfalse\tno longer found',
      '',
    ].join('\n'),
  );

  test('counts verdicts on what is still found', () => {
    const other = finding({ file: 'ufw/b.rules' });
    expect(measurePrecision([finding(), other], verdicts)).toEqual([
      { code: 'FW204', found: 2, dumps: 2, right: 1, wrong: 0, unclear: 0 },
    ]);
  });
});

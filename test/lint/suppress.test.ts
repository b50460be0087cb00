/** Goal: suppressions hide what they name and nothing else, and what is wrong with one is told. */
import { describe, expect, test } from 'vitest';
import type { LintOptions } from '../../src/lint/lint.ts';
import { isUntil, parseSuppression } from '../../src/lint/suppress.ts';
import { lintText } from './lint-text.ts';

const dump = (lines: string, head = ''): string => `${head}*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
${lines}
COMMIT
`;
const twice = '-A INPUT -i lo -j ACCEPT';
const dead = '-A INPUT -p tcp -m tcp --dport 443';

function lint(text: string, options: Partial<LintOptions> = {}) {
  const { findings, suppressed } = lintText(text, {
    select: ['FW204', 'FW205', 'FW210'],
    family: 'ipv4',
    today: '2026-11-22',
    ...options,
  });
  return {
    told: findings.map(({ code, id }) => (code === 'FW910' ? `${code} ${id}` : code)),
    hidden: suppressed.map(({ finding, by }) => `${finding.code} ${by.kind}: ${by.reason}`),
  };
}

test.each([
  ['FW313: bastion, keys only', ['FW313'], 'bastion, keys only', undefined],
  ['FW313,one-name : why until=2027-06', ['FW313', 'one-name'], 'why', '2027-06'],
  ['FW313 FW1 until=2027-06-30', ['FW313', 'FW1'], '', '2027-06-30'],
  ['', [], '', undefined],
  [': nothing named', [], 'nothing named', undefined],
])('%j is read', (text, words, reason, until) => {
  expect(parseSuppression(text)).toEqual({ words, reason, until });
});

test.each([
  ['2027-06', true],
  ['2027-06-30', true],
  ['2027-13', false],
  ['2027', false],
  ['soon', false],
])('%s is a date: %s', (text, is) => {
  expect(isUntil(text)).toBe(is);
});

describe('where they stand', () => {
  test('in the comment of the rule', () => {
    const text = dump(
      `-A INPUT -j DROP\n${dead} -m comment --comment "web, fwsim-ignore FW204: for repairs" -j ACCEPT`,
    );
    expect(lint(text)).toEqual({ told: [], hidden: ['FW204 rule: for repairs'] });
  });

  test('on the line above, passing over comments and blank lines', () => {
    const text = dump(`# fwsim-ignore-next FW210: counted apart\n\n# really\n${twice}`);
    expect(lint(text)).toEqual({ told: [], hidden: ['FW210 file: counted apart'] });
  });

  test('several for one line', () => {
    const text = dump(
      `-A INPUT -j DROP\n# fwsim-ignore-next FW204: a\n# fwsim-ignore-next duplicate-rule: b\n${twice}`,
    );
    expect(lint(text).told).toEqual(['FW910 unused']);
    expect(lint(text).hidden).toEqual(['FW204 file: a']);
  });

  test('for the file: every finding of that check, no other', () => {
    const text = dump(`${twice}\n${twice}\n:old - [0:0]`, '# fwsim-ignore-file FW210: a generator\n');
    expect(lint(text)).toEqual({
      told: ['FW205'],
      hidden: ['FW210 file: a generator', 'FW210 file: a generator'],
    });
  });

  test('with carriage returns and indentation', () => {
    const text = dump(`  # fwsim-ignore-next FW210: why\n  ${twice}`).replaceAll('\n', '\r\n');
    expect(lint(text)).toMatchObject({ hidden: ['FW210 file: why'] });
  });

  test('beside the file, by fingerprint', () => {
    const found = lintText(dump(twice), { select: ['FW210'], family: 'ipv4' }).findings[0];
    if (!found) throw new Error('no finding');
    const at = { start: 0, end: 5, source: 'suppressions.yml' };
    const suppression = (fingerprint: string, owned: boolean) => ({
      words: ['FW210'],
      reason: 'known',
      until: undefined,
      scope: { kind: 'fingerprint' as const, fingerprint, owned },
      at,
    });
    expect(lint(dump(twice), { suppressions: [suppression(found.fingerprint, true)] })).toEqual({
      told: [],
      hidden: ['FW210 beside: known'],
    });
    const gone = `${found.fingerprint.slice(0, -1)}_`;
    expect(lint(dump(twice), { suppressions: [suppression(gone, false)] }).told).toEqual(['FW210']);
    expect(lint(dump(twice), { suppressions: [suppression(gone, true)] }).told).toContain('FW910 unused');
  });
});

describe('what is wrong with one is told, and it hides nothing', () => {
  test.each([
    ['FW210', 'no-reason'],
    ['FW210:', 'no-reason'],
    [': because', 'no-check'],
    ['FW999: because', 'unknown-check'],
    ['duplicate-rul: because', 'unknown-check'],
    ['FW2: because', 'not-one-check'],
    ['FW210: because until=2026-10', 'expired'],
    ['FW210: because until=2026-11-21', 'expired'],
    ['FW210: because until=soon', 'bad-date'],
  ])('%s: %s', (text, id) => {
    const { told, hidden } = lint(dump(`# fwsim-ignore-next ${text}\n${twice}`));
    expect(told).toContain(`FW910 ${id}`);
    expect(told).toContain('FW210');
    expect(hidden).toEqual([]);
  });

  test.each(['2026-11', '2026-11-22', '2027-01'])('until=%s still holds', (until) => {
    expect(lint(dump(`# fwsim-ignore-next FW210: why until=${until}\n${twice}`)).told).toEqual([]);
  });

  test('nobody below knows the date: without one, none is past', () => {
    const text = dump(`# fwsim-ignore-next FW210: why until=1999-01\n${twice}`);
    const { findings } = lintText(text, { select: ['FW210'], family: 'ipv4' });
    expect(findings.map(({ code }) => code)).toEqual([]);
  });

  test.each(['# fwsim-ignore FW210: why', '# fwsim-ignore-nxt FW210: why'])(
    '%s is no form of a comment line',
    (line) => {
      expect(lint(dump(`${line}\n${twice}`)).told).toEqual(['FW910 unknown-form', 'FW210']);
    },
  );

  test('in a rule, the forms of comment lines do nothing', () => {
    const text = dump(`${twice} -m comment --comment "fwsim-ignore-next FW204: x"`);
    expect(lint(text).told).toContain('FW910 unknown-form');
  });

  test('one that hides nothing', () => {
    expect(lint(dump('# fwsim-ignore-next FW210: why\n-A INPUT -i eth0 -j ACCEPT')).told).toEqual([
      'FW910 unused',
    ]);
    expect(
      lint(dump('-A INPUT -i eth0 -j ACCEPT\n# fwsim-ignore-next FW210: why').replace('COMMIT\n', '')).told,
    ).toContain('FW910 unused');
  });

  test('one of a check that did not run, or lacked context, is left alone', () => {
    const idle = dump('# fwsim-ignore-next FW106: why\n-A INPUT -i eth0 -j ACCEPT');
    expect(lint(idle).told).toEqual([]);
    expect(lint(idle, { select: ['FW106'] }).told).toEqual([]);
  });

  test('nobody can suppress what is said about suppressions', () => {
    const text = dump(
      '# fwsim-ignore-next FW210: why\n-A INPUT -i eth0 -j ACCEPT',
      '# fwsim-ignore-file FW910: no\n',
    );
    expect(lint(text).told).toContain('FW910 unused');
  });
});

test('a baseline hides what was there before, by fingerprint', () => {
  const before = lintText(dump(twice), { select: ['FW210'], family: 'ipv4' }).findings;
  const baseline = new Set(before.map(({ fingerprint }) => fingerprint));
  const now = lint(dump(`${twice}\n${dead} -j ACCEPT\n${dead} -j ACCEPT`), { baseline });
  expect(now.hidden).toEqual(['FW210 baseline: it was there before']);
  expect(now.told).toEqual(['FW210']);
});

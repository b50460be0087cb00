/**
 * Goal: what `fwsim lint --fix` promises. Method: every bad example of every check is mended; a safe change must be equal
 * for a comparison of its own, a second run must have nothing to do, and nothing new may be told.
 */
import { describe, expect, test } from 'vitest';
import { diffMachines, type MachineDiff } from '../../src/comparing.ts';
import { type FixResult, fixMachine } from '../../src/fixing.ts';
import { defaultRegistry } from '../../src/index.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import type { Check, CheckExample } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { applyEdits } from '../../src/lint/fixes/apply-edits.ts';
import { compareMended, whyNotEqual } from '../../src/lint/fixes/prove-equal.ts';
import type { LintResult } from '../../src/lint/lint.ts';
import { lintExample } from './lint-text.ts';

const registry = defaultRegistry();

function mend(check: Check, { rules, context }: CheckExample, unsafe: boolean): FixResult {
  const texts = [
    { name: 'gw.rules', text: rules },
    ...(context ? [{ name: 'gw.context', text: context }] : []),
  ];
  const select = check.code.startsWith('FW9') ? [] : [check.code];
  return fixMachine(texts, { registry, checks, select }, { unsafe });
}

/** Warnings and errors of each code, those among them that are told with another one. */
function countsOf({ findings }: LintResult): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const finding of findings)
    for (const { code } of [finding, ...(finding.explains ?? [])]) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

const mending = checks.filter((check) => check.fixes !== undefined);

describe.each(mending)('$code $name', (check) => {
  test('has the fixes that its page tells of, and no others', () => {
    const told = new Set(check.fixes?.map(({ kind }) => kind));
    const seen = new Set(
      check.examples.bad.flatMap((example) =>
        lintExample(check, example)
          .findings.filter((f) => f.code === check.code)
          .flatMap((f) => (f.fixes ?? []).map((fix) => fix.applicability)),
      ),
    );
    expect([...seen].sort()).toEqual([...told].sort());
  });

  test('safe fixes are equal, and leave nothing to do', () => {
    for (const example of check.examples.bad) {
      const { texts, safe, first, last } = mend(check, example, false);
      for (const [code, count] of Object.entries(countsOf(last)))
        expect([code, count]).toEqual([code, Math.min(count, countsOf(first)[code] ?? 0)]);
      if (safe.length === 0) continue;
      const { compared } = diffMachines(first.read.texts, texts, { registry, logging: true });
      expect(compared?.families.map(({ diff }) => diff.kind)).toEqual(compared?.families.map(() => 'equal'));
      const again = mend(check, { ...example, rules: texts[0]?.text ?? '' }, false);
      expect(again.safe).toEqual([]);
    }
  });

  test('unsafe fixes mend, bring nothing, and leave nothing to do', () => {
    for (const example of check.examples.bad) {
      const { texts, unsafe, first, last } = mend(check, example, true);
      for (const [code, count] of Object.entries(countsOf(last)))
        expect([code, count]).toEqual([code, Math.min(count, countsOf(first)[code] ?? 0)]);
      if (unsafe.length === 0) continue;
      const again = mend(check, { ...example, rules: texts[0]?.text ?? '' }, true);
      expect([...again.safe, ...again.unsafe]).toEqual([]);
    }
  });
});

test.each(checks.filter((check) => check.fixes === undefined))(
  '$code tells of no fix, and has none',
  (check) => {
    for (const example of check.examples.bad)
      for (const finding of lintExample(check, example).findings)
        if (finding.code === check.code) expect(finding.fixes).toBeUndefined();
  },
);

const dump = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`;
/** Rules that never match, said twice, or jump to nothing. */
const dead = ['FW201', 'FW202', 'FW204', 'FW205', 'FW206', 'FW207', 'FW210'];

const mendDump = (text: string, unsafe = false): FixResult =>
  fixMachine([{ name: 'gw.rules', text }], { registry, checks, select: [...dead, 'FW704'] }, { unsafe });

/** What a comparison says, without the rulesets. */
const said = (compared: MachineDiff | undefined) =>
  compared?.families.map(({ diff }) =>
    diff.kind === 'different'
      ? diff.differences.map((d) => [d.change, d.packets, d.old.ends, d.new.ends, d.witness?.packet])
      : diff.kind,
  );

describe('what is told of an unsafe fix', () => {
  test('is the difference of the two texts, with packets that show it', () => {
    const { texts, unsafe, compared } = mendDump(dump, true);
    expect(unsafe.map(({ finding }) => finding.code)).toEqual(['FW201']);
    const real = diffMachines([{ name: 'gw.rules', text: dump }], texts, { registry, logging: true });
    expect(said(compared)).toEqual(said(real.compared));
    const [differences] = said(compared) ?? [];
    expect(JSON.stringify(differences)).toContain('["closed"');
    expect(JSON.stringify(differences)).toContain('--dport');
  });

  test('a safe fix has nothing to tell', () => {
    const { safe, compared } = mendDump(dump);
    expect(safe).toHaveLength(1);
    expect(compared).toBeUndefined();
  });
});

describe('what cannot be proved is not applied, and told', () => {
  test.each([
    [
      'the last rule that makes the kernel track connections',
      `*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED -j ACCEPT\nCOMMIT\n`,
      'without these rules the kernel would no longer track connections',
    ],
    [
      'a dead rule that still writes a list',
      `*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -p tcp -m recent --set --name seen --rsource -j ACCEPT\n-A INPUT -m recent --rcheck --name seen --rsource -j ACCEPT\nCOMMIT\n`,
      'a rule that is changed writes a list or a count that others may read',
    ],
  ])('%s', (_, text, why) => {
    const { safe, left, texts } = mendDump(text);
    expect(safe).toEqual([]);
    expect(left.map((one) => one.why)).toContain(why);
    expect(texts[0]?.text).toBe(text);
  });

  test('a change that is promised to be safe and is not', () => {
    const read = readMachine([{ name: 'gw.rules', text: dump }], { registry });
    const opened = dump.replace('--dport 22', '--dport 22:23');
    const texts = [{ name: 'gw.rules', text: opened }];
    expect(whyNotEqual(read, texts, { registry })).toBe('some packets fare differently');
    expect(said(compareMended(read, texts, { registry }))?.[0]?.[0]?.[0]).toBe('opened');
    const broken = dump.replace('--dport 22', '--dportt 22');
    expect(whyNotEqual(read, [{ name: 'gw.rules', text: broken }], { registry })).toBe(
      'iptables-restore would refuse the result',
    );
  });
});

test('suppressed findings are not touched', () => {
  const text = dump.replace(
    '-A INPUT -s 203',
    '# fwsim-ignore-next FW201: kept for the auditor\n-A INPUT -s 203',
  );
  expect(mendDump(text).texts[0]?.text).toBe(text);
});

describe('a rule with a suppressed finding', () => {
  const text = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
# fwsim-ignore-next FW601: an old script looks for this word
-A INPUT -p tcp -m tcp --dport 22 -m state --state NEW -j DROP
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`;
  const run = (rules: string, unsafe = false): FixResult =>
    fixMachine(
      [{ name: 'gw.rules', text: rules }],
      { registry, checks, select: ['FW201', 'FW211', 'FW601'] },
      { unsafe },
    );

  test('is not taken by the fix of another one, and it is told why', () => {
    const { texts, left } = run(text);
    expect(texts[0]?.text).toBe(text);
    expect(left.map(({ finding, why }) => [finding.code, why])).toEqual([
      ['FW211', 'a suppressed FW601 is about what it changes'],
    ]);
  });

  test('is no matter without the suppression', () => {
    const { texts } = run(text.replace(/^#.*\n/m, ''));
    expect(texts[0]?.text).toBe(text.replace(/^#.*\n.*\n.*\n/m, ''));
  });

  test('is spelled otherwise where another finding asks for that, and stays', () => {
    const shadowed = text.replace('--dport 80', '--dport 22').replace('FW601', 'FW201');
    expect(run(shadowed).texts[0]?.text).toContain('--dport 22 -m conntrack --ctstate NEW -j DROP');
  });
});

test('a rule that is to be moved is not deleted before', () => {
  const text = dump.replace('COMMIT', '-A INPUT -p tcp -m tcp --dport 23 -j DROP\nCOMMIT');
  const { texts, safe, unsafe } = fixMachine(
    [{ name: 'gw.rules', text }],
    { registry, checks, select: ['FW201', 'FW211'] },
    { unsafe: true },
  );
  expect([...safe, ...unsafe].map(({ finding }) => finding.code)).toEqual(['FW211', 'FW201']);
  expect(texts[0]?.text.match(/--dport 2\d -j \w+/g)).toEqual(['--dport 22 -j DROP', '--dport 22 -j ACCEPT']);
});

test('findings of a baseline are not touched', () => {
  const { first } = mendDump(dump);
  const baseline = new Set(first.findings.map((f) => f.fingerprint));
  const texts = [{ name: 'gw.rules', text: dump }];
  const { texts: now } = fixMachine(texts, { registry, checks, select: dead, baseline }, { unsafe: true });
  expect(now[0]?.text).toBe(dump);
});

test('chains that a program writes are left to it', () => {
  const text = dump
    .replaceAll('-A INPUT', '-A f2b-sshd')
    .replace(':OUTPUT ACCEPT [0:0]\n', ':OUTPUT ACCEPT [0:0]\n:f2b-sshd - [0:0]\n-A INPUT -j f2b-sshd\n');
  const { first, texts } = mendDump(text, true);
  for (const finding of first.findings) expect(finding.fixes).toBeUndefined();
  expect(texts[0]?.text).toBe(text);
});

test('of two families in one stream, each has its own commands and its own place', () => {
  const six = dump
    .replace('*filter', '# Generated by ip6tables-save v1.8.9 (nf_tables)\n*filter')
    .replace('203.0.113.0/24', '2001:db8::/32');
  const both = `# Generated by iptables-save v1.8.9 (nf_tables)\n${dump}${six}`;
  const { first, texts } = mendDump(both);
  const programs = first.findings.flatMap((f) => (f.fixes ?? []).map((fix) => fix.commands[0]?.[0]));
  expect(new Set(programs)).toEqual(new Set(['iptables', 'ip6tables']));
  expect(texts[0]?.text).toBe(both.replace(/^.*203\.0.*\n/m, '').replace(/^.*2001:db8.*\n/m, ''));
});

test('a list of addresses in a set is the list, where the set is known', () => {
  const check = checks.find(({ code }) => code === 'FW702');
  const [example] = check?.examples.bad ?? [];
  if (!check || !example) throw new Error('no example');
  const { findings, read } = lintExample(check, example);
  const fix = findings.find((f) => f.code === 'FW702')?.fixes?.[0];
  expect(fix?.applicability).toBe('suggestion');
  const sets = fix?.commands
    .filter(([program]) => program === 'ipset')
    .map((words) => words.slice(1).join(' '));
  const [now] = applyEdits(read.texts, fix?.edits ?? []);
  // What `ipset save` prints is what the commands say.
  const text = `${now?.text}${sets?.join('\n')}\n`;
  expect(now?.text.match(/^-A/gm)).toHaveLength(1 + (example.rules.match(/^-A/gm)?.length ?? 0) - 20);
  const old = { name: 'gw.rules', text: `${example.rules}${sets?.join('\n')}\n` };
  const why = whyNotEqual(readMachine([old], { registry }), [{ name: 'gw.rules', text }], { registry });
  expect(why).toBeUndefined();
});

/**
 * Goal: a change of rules becomes that change of the text, and nothing else. Method: drawn rulesets written as people
 * write them (comments, counters, odd blanks, CRLF); each kind of change at random; the text read again must hold the
 * rules that the change says, and every line that it does not name, to the byte.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultRegistry } from '../../src/index.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import { ruleBody } from '../../src/link/rule-text.ts';
import type { RulesetView } from '../../src/lint/check.ts';
import { applyEdits } from '../../src/lint/fixes/apply-edits.ts';
import { commandsOf } from '../../src/lint/fixes/fix-commands.ts';
import type { FixDraft, RuleEdit } from '../../src/lint/fixes/fix-draft.ts';
import { lineEditsOf } from '../../src/lint/fixes/line-edits.ts';
import { createOwnerOf } from '../../src/lint/generators.ts';
import { createView } from '../../src/lint/ruleset-view.ts';
import type { Rule } from '../../src/model/ruleset.ts';
import { drawnRules, textOf } from '../support/tiny-universe.ts';

const registry = defaultRegistry();

function viewOf(text: string): RulesetView {
  const read = readMachine([{ name: 'gw.rules', text }], { registry, family: 'ipv4' });
  const [ruleset] = read.rulesets;
  if (!ruleset) throw new Error('no ruleset');
  return createView(ruleset, registry, read.machine, createOwnerOf(undefined));
}

/** Rule bodies by table and chain, with policies. */
function contentOf(view: RulesetView): Record<string, readonly string[]> {
  return Object.fromEntries(
    view.ruleset.tables.flatMap((table) =>
      table.chains.map((chain) => [
        `${table.name} ${chain.name}`,
        [chain.policy ?? '-', ...chain.rules.map(ruleBody)],
      ]),
    ),
  );
}

/** As people keep their files. */
const writtenText = fc
  .tuple(drawnRules, fc.infiniteStream(fc.nat(9)), fc.boolean(), fc.boolean())
  .map(([rules, noise, counted, crlf]) => {
    const eol = crlf ? '\r\n' : '\n';
    const lines = textOf(rules)
      .trimEnd()
      .split('\n')
      .flatMap((line) => {
        const n = noise.next().value ?? 0;
        const own = line.startsWith('-A')
          ? `${counted ? `[${n}:${n * 60}] ` : n === 1 ? '  ' : ''}${n === 2 ? line.replace('-A ', '--append  ') : line}${n === 3 ? ' ' : ''}`
          : line;
        return n === 4 ? ['', `# about the next one, ${line.length}`, own] : n === 5 ? [own, '#'] : [own];
      });
    return lines.join(eol) + eol;
  });

const body = '-s 198.51.100.7/32 -p tcp -m tcp --dport 8080 -m comment --comment "brand new" -j DROP';

/** What the chains hold after these edits, by the words of the edits alone. */
function expected(view: RulesetView, edits: readonly RuleEdit[]): Record<string, readonly string[]> {
  const chains = new Map<string, { policy: string; rules: (Rule | string)[] }>();
  for (const table of view.ruleset.tables)
    for (const chain of table.chains)
      chains.set(`${table.name} ${chain.name}`, { policy: chain.policy ?? '-', rules: [...chain.rules] });
  for (const edit of edits) {
    const place =
      'rule' in edit ? `${edit.rule.table} ${edit.rule.chain}` : `${edit.chain.table} ${edit.chain.name}`;
    const chain = chains.get(place);
    if (!chain) throw new Error(place);
    const { rules } = chain;
    switch (edit.kind) {
      case 'delete':
        rules.splice(rules.indexOf(edit.rule), 1);
        break;
      case 'replace':
        rules.splice(rules.indexOf(edit.rule), 1, edit.body);
        break;
      case 'insert':
        rules.splice(edit.before ? rules.indexOf(edit.before) : rules.length, 0, edit.body);
        break;
      case 'move':
        rules.splice(rules.indexOf(edit.rule), 1);
        rules.splice(edit.before ? rules.indexOf(edit.before) : rules.length, 0, edit.rule);
        break;
      case 'policy':
        chain.policy = edit.policy;
        break;
      case 'delete-chain':
        chains.delete(place);
        break;
    }
  }
  return Object.fromEntries(
    [...chains].map(([place, { policy, rules }]) => [
      place,
      [policy, ...rules.map((rule) => (typeof rule === 'string' ? rule : ruleBody(rule)))],
    ]),
  );
}

function drawEdit(
  view: RulesetView,
  kind: RuleEdit['kind'],
  pick: (n: number) => number,
): RuleEdit | undefined {
  const rules = view.rules();
  const rule = rules[pick(rules.length)];
  const builtin = view.table('filter')?.chains.filter((c) => c.hook !== undefined) ?? [];
  const chain = builtin[pick(builtin.length)];
  if (!chain) return undefined;
  const here = rule && view.chain(rule.table, rule.chain)?.rules;
  switch (kind) {
    case 'delete':
      return rule && { kind, rule };
    case 'replace':
      return rule && { kind, rule, body };
    case 'insert':
      return { kind, chain, before: chain.rules[pick(chain.rules.length + 1)], body };
    case 'move': {
      const before = here?.[pick(here.length + 1)];
      return rule && before !== rule ? { kind, rule, before } : undefined;
    }
    case 'policy':
      return { kind, chain, policy: chain.policy === 'DROP' ? 'ACCEPT' : 'DROP' };
    case 'delete-chain': {
      const unused = view
        .table('filter')
        ?.chains.find((c) => c.hook === undefined && view.callers('filter', c.name).length === 0);
      return unused && { kind, chain: unused };
    }
  }
}

const kinds = ['delete', 'replace', 'insert', 'move', 'policy', 'delete-chain'] as const;
const drawn = fc.tuple(writtenText, fc.infiniteStream(fc.nat(1000)));

describe.each(kinds)('to %s', (kind) => {
  test('changes what it says, and leaves all other lines as they are', () => {
    let changed = 0;
    fc.assert(
      fc.property(drawn, ([text, numbers]) => {
        const view = viewOf(text);
        const edit = drawEdit(view, kind, (n) => (n === 0 ? 0 : (numbers.next().value ?? 0) % n));
        if (edit === undefined) return;
        const draft: FixDraft = { title: kind, applicability: 'unsafe', view, edits: [edit] };
        const edits = lineEditsOf(draft);
        if (edits === undefined) throw new Error(`no edits for ${JSON.stringify(edit)}`);
        const [now] = applyEdits([view.source], edits);
        changed++;
        expect(contentOf(viewOf(now?.text ?? ''))).toEqual(expected(view, [edit]));
        // Lines that were there are there, in their order, but for those of the rules that were named.
        const old = text.split('\n');
        const kept = (now?.text ?? '').split('\n').filter((line) => !line.includes('brand new'));
        const missing = old.filter((line) => !kept.includes(line));
        const named = kind === 'delete-chain' && 'chain' in edit ? edit.chain.rules.length + 1 : 1;
        expect(missing.length).toBeLessThanOrEqual(named);
        const comments = (lines: readonly string[]) => lines.filter((line) => line.startsWith('#'));
        expect(comments(kept)).toEqual(comments(old));
        const endings = (lines: string) => [
          lines.match(/\r\n/g)?.length ?? 0,
          lines.match(/\n/g)?.length ?? 0,
        ];
        const [crs, lfs] = endings(now?.text ?? '');
        expect([0, lfs]).toContain(crs);
      }),
      { numRuns: 60, seed: 20261122 },
    );
    expect(changed).toBeGreaterThan(20);
  });
});

const rules = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
# fwsim-ignore-next FW313: for the office
# fwsim-ignore-next FW201: known
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`;
const deletion = (view: RulesetView, index: number): FixDraft => {
  const rule = view.chain('filter', 'INPUT')?.rules[index];
  if (!rule) throw new Error('no rule');
  return { title: '', applicability: 'safe', view, edits: [{ kind: 'delete', rule }] };
};

test('suppressions above a rule go with it', () => {
  const view = viewOf(rules);
  const [now] = applyEdits([view.source], lineEditsOf(deletion(view, 0)) ?? []);
  expect(now?.text).toBe(rules.replace(/# fwsim[\s\S]*?22 -j ACCEPT\n/, ''));
});

test.each([
  ['a line that inserts by number', rules.replace('-A INPUT -p tcp -m tcp --dport 80', '-I INPUT 1 -p udp')],
  [
    'a line that makes two rules',
    rules.replace('-A INPUT -p tcp -m tcp --dport 22', '-A INPUT -s 10.0.0.1,10.0.0.2'),
  ],
])('%s is left alone', (_, text) => {
  const view = viewOf(text);
  expect(lineEditsOf(deletion(view, 0))).toBeUndefined();
  expect(commandsOf(deletion(view, 0))).toEqual([['iptables', '-D', 'INPUT', '1']]);
});

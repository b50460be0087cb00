import { printBase } from '../../extensions/base.ts';
import { targetText } from '../../link/rule-text.ts';
import type { BaseMatch, Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft } from '../fixes/fix-draft.ts';
import { type Conditions, ruleSets } from './support/rule-sets.ts';
import { conditionsOf, isDecidedByPacket } from './support/rule-shape.ts';

/** A rule seen as one with an exception: `! -s A -p tcp` takes everybody's `-p tcp`, but A's. */
interface Excepting {
  readonly rule: Rule;
  /** The conditions of those whom it excepts: the same with the `!` taken away. */
  readonly excepted: Conditions;
  /** The other conditions, as text. */
  readonly others: string;
  /** Equal for rules that differ in the exception alone. */
  readonly key: string;
  /** How the exception is written: `! -s 198.51.100.10/32`. */
  readonly exception: string;
}

const baseKeys = [
  'src',
  'dst',
  'inInterface',
  'outInterface',
] as const satisfies readonly (keyof BaseMatch)[];
const portKeys = ['sport', 'dport'] as const;

/** Each way to see the rule as one with an exception. */
function exceptionsOf(rule: Rule): readonly Excepting[] {
  const matches = conditionsOf(rule);
  const target = targetText(rule.target);
  const found: Excepting[] = [];
  const add = (what: string, excepted: Conditions, rest: Conditions, exception: string): void => {
    const others = [...printBase(rest.base), ...rest.matches.map((m) => m.text)].join(' ').trim();
    found.push({ rule, excepted, others, key: `${what} ${others} ${target}`, exception });
  };
  for (const key of baseKeys) {
    const condition = rule.base[key];
    if (!condition?.negated) continue;
    const rest = { ...rule.base, [key]: undefined };
    const kept = new Set(printBase(rest));
    const turned = { ...rule.base, [key]: { ...condition, negated: false } };
    const text = printBase(rule.base).find((t) => !kept.has(t)) ?? '';
    add(key, { base: turned, matches }, { base: rest, matches }, text);
  }
  for (const use of matches) {
    const others = matches.filter((m) => m !== use);
    const replaced = (data: object): Conditions => ({
      base: rule.base,
      matches: matches.map((m) => (m === use ? { ...use, data } : m)),
    });
    const data = use.data as Record<string, unknown> | undefined;
    if (data?.['negated'] === true)
      add(
        use.extension,
        replaced({ ...data, negated: false }),
        { base: rule.base, matches: others },
        use.text,
      );
    for (const key of portKeys) {
      const port = data?.[key] as { readonly negated?: boolean } | undefined;
      if (!port?.negated) continue;
      const text = use.text.replace(new RegExp(` ! --${key} \\S+`), '');
      add(
        `${use.extension} ${key}`,
        replaced({ ...data, [key]: { ...port, negated: false } }),
        { base: rule.base, matches: [...others, { ...use, text }] },
        use.text,
      );
    }
  }
  return found;
}

/** Whether those whom the first rule excepts come to the last one, or are treated alike on the way. */
function nothingBetween(
  context: CheckContext,
  view: RulesetView,
  chain: Chain,
  first: Excepting,
  last: Rule,
): boolean {
  const { outcome } = view.effect(first.rule);
  return chain.rules.slice(first.rule.index + 1, last.index).every((rule) => {
    const effect = view.effect(rule);
    if (effect.outcome === outcome) return true;
    if (effect.outcome === 'continue' && effect.changes?.length === 0) return true;
    const both = ruleSets(context, view, [first.excepted, rule]);
    const [excepted, own] = both?.sets ?? [];
    return excepted !== undefined && own !== undefined && both?.space.disjoint(excepted, own) === true;
  });
}

/** Whether each of the rules takes all whom the other one excepts. */
function cancelEachOther(
  context: CheckContext,
  view: RulesetView,
  first: Excepting,
  second: Excepting,
): boolean {
  const made = ruleSets(context, view, [first.rule, first.excepted, second.rule, second.excepted]);
  const [a, notA, b, notB] = made?.sets ?? [];
  if (!made || a === undefined || notA === undefined || b === undefined || notB === undefined) return false;
  const { space } = made;
  const somebody = !space.disjoint(notA, space.all) && !space.disjoint(notB, space.all);
  return somebody && space.implies(notA, b) && space.implies(notB, a);
}

function* inChain(context: CheckContext, view: RulesetView, chain: Chain): Iterable<FindingDraft> {
  const groups = new Map<string, Excepting[]>();
  for (const rule of chain.rules) {
    const { outcome } = view.effect(rule);
    if (outcome !== 'accept' && outcome !== 'drop' && outcome !== 'return') continue;
    for (const e of exceptionsOf(rule)) {
      const list = groups.get(e.key);
      if (list) list.push(e);
      else groups.set(e.key, [e]);
    }
  }
  const reported = new Set<Rule>();
  for (const [first, ...later] of groups.values()) {
    if (!first || later.length === 0 || !isDecidedByPacket(context, view, first.rule)) continue;
    const second = later.find((e) => cancelEachOther(context, view, first, e));
    if (!second || reported.has(second.rule)) continue;
    if (!nothingBetween(context, view, chain, first, second.rule)) continue;
    reported.add(second.rule);
    yield finding(view, first, second);
  }
}

/** An accept for each exception in place of the first rule, then the rest of it without one; the second rule goes. */
function apartAccepted(view: RulesetView, first: Excepting, second: Excepting): readonly FixDraft[] {
  const { rule } = first;
  const key = baseKeys.find((k) => rule.base[k]?.negated && !first.excepted.base[k]?.negated);
  const chain = view.chain(rule.table, rule.chain);
  if (key === undefined || !chain) return [];
  const target = { kind: 'verdict', verdict: 'ACCEPT' } as const;
  const accept = ({ excepted }: Excepting): string =>
    changedBody(rule, { base: excepted.base, matches: conditionsOf(rule), target });
  const rest = changedBody(rule, { base: { ...rule.base, [key]: undefined } });
  return [
    {
      title: `accept ${key === 'src' || key === 'dst' ? 'both addresses' : 'both interfaces'} in rules of their own, and refuse the rest in one`,
      applicability: 'unsafe',
      view,
      edits: [
        ...[first, second].map((e) => ({ kind: 'insert', chain, before: rule, body: accept(e) }) as const),
        { kind: 'replace', rule, body: rest },
        { kind: 'delete', rule: second.rule },
      ],
    },
  ];
}

const doing: Readonly<Record<string, string>> = { accept: 'accept', drop: 'refuse', return: 'pass over' };

function finding(view: RulesetView, first: Excepting, second: Excepting): FindingDraft {
  const { rule } = second;
  const whose = second.others === '' ? 'every packet' : `every packet of "${second.others}"`;
  const does =
    rule.table === 'nat' && rule.target.kind === 'extension'
      ? 'translate'
      : (doing[view.effect(rule).outcome] ?? 'take');
  return {
    at: { kind: 'rule', view, rule },
    confidence: 'proved',
    message: `Rules ${first.rule.index + 1} and ${rule.index + 1} of ${rule.chain} together ${does} ${whose}: whom one excepts, the other takes`,
    underline: second.exception,
    caption: 'excepted here, taken above',
    why: `"${first.exception}" leaves only what "${second.exception}" takes, and the other way round`,
    related: [{ message: 'the other one', at: { kind: 'rule', view, rule: first.rule } }],
    help: [
      does === 'refuse'
        ? 'accept each of them in a rule of its own, then drop the rest in one rule without exception'
        : 'return or accept what is to be left alone in rules of their own, above one rule for the rest',
    ],
    fixes: does === 'refuse' ? apartAccepted(view, first, second) : [],
  };
}

/** "All but A" and "all but B", which together are all. */
export const negationsExcludeEveryone = defineCheck({
  code: 'FW216',
  name: 'negations-exclude-everyone',
  title: 'Rules with exceptions that cancel each other',
  severity: 'error',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Two rules of a chain do the same to everybody but A, and to everybody but B. Together they do it to everybody, A and B included.',
  rationale:
    'Each rule looks right by itself. But A meets the second rule and B the first: nobody is excepted from both.',
  decision:
    'Both rules have the same verdict and the same conditions but for one that is negated in each. By exact sets, each of them takes all packets that the other one excepts. Rules in between must not take those whom the first excepts to another end.',
  exceptions:
    'None are known: exceptions that overlap leave somebody, and are not reported. Chains that a program writes are left to it.',
  references: ['https://serverfault.com/questions/793631/'],
  fixes: [
    {
      kind: 'unsafe',
      does: 'accepts those who are excepted in rules of their own, and refuses the rest in one',
    },
  ],
  examples: {
    bad: [
      {
        title: 'ssh for two hosts, and so for none',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT ! -s 198.51.100.10/32 -p tcp -m tcp --dport 22 -j DROP
-A INPUT ! -s 198.51.100.11/32 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
      {
        title: 'two lists of ports',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m multiport ! --dports 22,80 -j DROP
-A INPUT -i eth0 -m limit --limit 5/min -j LOG --log-prefix "in: "
-A INPUT -i eth0 -p tcp -m multiport ! --dports 443 -j DROP
COMMIT
`,
      },
      {
        title: 'two networks that were to be left alone by the translation',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.1.0/24 ! -d 10.8.0.0/24 -j MASQUERADE
-A POSTROUTING -s 192.168.1.0/24 ! -d 192.168.2.0/24 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'each is accepted, the rest falls to the policy',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 198.51.100.10/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 198.51.100.11/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'one network within the other: the smaller one is excepted',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j DROP
-A INPUT ! -s 198.51.100.8/29 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
      {
        title: 'different services',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -s 198.51.100.10/32 -p tcp -m tcp --dport 22 -j DROP
-A INPUT ! -s 198.51.100.11/32 -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
      {
        title: 'the first one is accepted before the second can refuse it',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -s 198.51.100.10/32 -p tcp -m tcp --dport 22 -j DROP
-A INPUT -s 198.51.100.10/32 -j ACCEPT
-A INPUT ! -s 198.51.100.11/32 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          if (!view.owner(table.name, chain.name)) yield* inChain(context, view, chain);
        }
      }
    }
  },
});

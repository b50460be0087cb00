import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { ruleSets } from './support/rule-sets.ts';
import { conditionsOf, isDecidedByPacket, isDump, wordAfter, wordsOf } from './support/rule-shape.ts';

/** A match without which the rule describes the same packets; undefined: each of them says something. */
function redundantMatch(context: CheckContext, view: RulesetView, rule: Rule): string | undefined {
  const matches = conditionsOf(rule);
  for (const use of matches) {
    if (!isDecidedByPacket(context, view, rule, [use])) continue;
    const without = matches.filter((m) => m !== use);
    const both = ruleSets(context, view, [
      { base: rule.base, matches },
      { base: rule.base, matches: without },
    ]);
    const [whole, rest] = both?.sets ?? [];
    // A rule that matches nothing has another fault.
    if (whole === undefined || rest === undefined || both?.space.disjoint(whole, both.space.all)) continue;
    if (both?.space.implies(rest, whole)) return use.text;
  }
  return undefined;
}

const anywhere = /^(?:0\.0\.0\.0\/0(?:\.0\.0\.0)?|0\/0|::\/0)$/;

/** An address that says "any". */
function anyAddress(view: RulesetView, rule: Rule): string | undefined {
  const words = wordsOf(view, rule);
  const option = [
    ['-s', '--source', '--src'],
    ['-d', '--destination', '--dst'],
  ].find((names) => anywhere.test(wordAfter(words, names)?.text ?? ''));
  if (!option) return undefined;
  const name = words.find((w) => option.includes(w.text))?.text ?? '';
  return `${name} ${wordAfter(words, option)?.text ?? ''}`;
}

/** The nft back end makes a match of the words "-m tcp" alone that iptables-save prints, too. */
function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const match = redundantMatch(context, view, rule);
  const text = match ?? (isDump(view) ? undefined : anyAddress(view, rule));
  if (text === undefined) return undefined;
  return {
    at: { kind: 'rule', view, rule },
    confidence: 'proved',
    message: `"${text}" asks nothing: without it the rule matches the same packets`,
    underline: text,
    caption: 'always so',
    help: ['leave it out'],
    group: `${view.family} ${text}`,
  };
}

/** Conditions that every packet of the rule meets. */
export const redundantMatchModule = defineCheck({
  code: 'FW704',
  name: 'redundant-match-module',
  title: 'A condition that asks nothing',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A match, or an address of any, can be left out and the rule matches the same packets: `-m tcp` without an option behind `-p tcp`, all states of a connection, `-s 0.0.0.0/0`.',
  rationale: 'It is compared for every packet, and whoever reads the rule looks for its meaning.',
  decision:
    'The sets of packets with and without the match are the same, exactly. Matches that the packet does not decide are left out, and so are remarks.',
  exceptions: 'None are known; it costs little.',
  references: ['man iptables-extensions(8)'],
  examples: {
    bad: [
      {
        title: 'the match of the protocol without an option, and any address',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 0.0.0.0/0 -p tcp -m tcp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'all states',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'twice the same',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m multiport --dports 22,80 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'without them',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'each condition asks something',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a limit, a remark',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m limit --limit 5/sec -m comment --comment "ping" -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const found = view.owner(rule.table, rule.chain) ? undefined : judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});

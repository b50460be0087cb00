import { noBase, printBase } from '../../extensions/base.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft } from '../fixes/fix-draft.ts';
import { ruleSets } from './support/rule-sets.ts';
import {
  conditionsOf,
  isDecidedByPacket,
  isDump,
  keepsCount,
  wordAfter,
  wordsOf,
} from './support/rule-shape.ts';

/** Answers by the protocol and the matches of a rule: thousands of rules have the same. */
type Answers = Map<string, string | undefined>;

/** A match without which the rule describes the same packets; undefined: each of them says something. */
function redundantMatch(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  answers: Answers,
): string | undefined {
  const matches = conditionsOf(rule);
  if (matches.length === 0) return undefined;
  // Addresses and interfaces narrow both sets alike, so that what asks nothing without them asks nothing with them.
  const base = { ...noBase, protocol: rule.base.protocol };
  const key = [...printBase(base), ...matches.map((m) => m.text)].join(' ');
  if (!answers.has(key)) {
    const asksNothing = matches.find((use) => {
      if (keepsCount.has(use.extension) || !isDecidedByPacket(context, view, rule, [use])) return false;
      const both = ruleSets(context, view, [
        { base, matches },
        { base, matches: matches.filter((m) => m !== use) },
      ]);
      const [whole, rest] = both?.sets ?? [];
      // A rule that matches nothing has another fault.
      if (!both || whole === undefined || rest === undefined || both.space.disjoint(whole, both.space.all))
        return false;
      return both.space.implies(rest, whole);
    });
    answers.set(key, asksNothing?.text);
  }
  return answers.get(key);
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

/** The rule without these words; an address that says "any" is in none of its conditions. */
function without(view: RulesetView, rule: Rule, text: string): FixDraft {
  const at = rule.matches.findIndex((use) => use.text === text);
  const body = changedBody(rule, { matches: rule.matches.filter((_, index) => index !== at) });
  return {
    title: `leave ${text} out of rule ${rule.index + 1} of ${rule.chain}`,
    applicability: 'safe',
    view,
    edits: [{ kind: 'replace', rule, body, words: { from: text, to: '' } }],
  };
}

function judge(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  answers: Answers,
): FindingDraft | undefined {
  const match = redundantMatch(context, view, rule, answers);
  const text = match ?? (isDump(view) ? undefined : anyAddress(view, rule));
  if (text === undefined) return undefined;
  return {
    at: { kind: 'rule', view, rule },
    confidence: 'proved',
    message: `"${text}" asks nothing: without it the rule matches the same packets`,
    underline: text,
    caption: 'always so',
    help: ['leave it out'],
    fixes: [without(view, rule, text)],
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
  state: 'stable',
  since: '0.1.0',
  reports:
    'A match, or an address of any, can be left out and the rule matches the same packets: `-m tcp` without an option behind `-p tcp`, all states of a connection, `-s 0.0.0.0/0`.',
  rationale: 'It is compared for every packet, and whoever reads the rule looks for its meaning.',
  decision:
    'The sets of packets with and without the match are the same, exactly, whatever the addresses and interfaces. Matches that the packet does not decide, or that keep a list or a count, are left out, and so are remarks.',
  exceptions: 'None are known; it costs little.',
  references: ['man iptables-extensions(8)'],
  fixes: [{ kind: 'safe', does: 'leaves the words out' }],
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
      const answers: Answers = new Map();
      for (const rule of view.rules()) {
        const found = view.owner(rule.table, rule.chain) ? undefined : judge(context, view, rule, answers);
        if (found) yield found;
      }
    }
  },
});

import { LOG } from '../../extensions/targets/LOG.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { asksNoMore } from './support/rule-shape.ts';

/** What becomes of the packets that a log rule announces, where the rule behind it says so. */
function announced(view: RulesetView, rule: Rule): 'accept' | 'drop' | undefined {
  const next = view.chain(rule.table, rule.chain)?.rules[rule.index + 1];
  if (!next || !asksNoMore(next, rule)) return undefined;
  const { outcome } = view.effect(next);
  return outcome === 'accept' || outcome === 'drop' ? outcome : undefined;
}

function* withoutPrefix(view: RulesetView, rules: readonly Rule[]): Iterable<FindingDraft> {
  for (const rule of rules) {
    if (view.findTarget(rule, LOG)?.prefix !== '') continue;
    yield {
      at: { kind: 'rule', view, rule },
      id: 'no-prefix',
      confidence: 'proved',
      message:
        'This log rule has no prefix: its lines do not say which rule wrote them, nor what became of the packet',
      caption: 'no --log-prefix',
      help: [`add --log-prefix "${rule.chain.toLowerCase()}: ", with a blank at its end`],
      group: `${view.family} no prefix`,
    };
  }
}

function* onePrefixForBoth(view: RulesetView, rules: readonly Rule[]): Iterable<FindingDraft> {
  const firsts = new Map<string, { readonly rule: Rule; readonly fate: 'accept' | 'drop' }>();
  for (const rule of rules) {
    const prefix = view.findTarget(rule, LOG)?.prefix ?? '';
    const fate = prefix === '' ? undefined : announced(view, rule);
    if (!fate) continue;
    const first = firsts.get(prefix);
    if (!first) firsts.set(prefix, { rule, fate });
    else if (first.fate !== fate) {
      yield {
        at: { kind: 'rule', view, rule },
        id: 'same-prefix',
        confidence: 'proved',
        message: `The prefix "${prefix}" stands on packets that are accepted and on packets that are dropped`,
        underline: '--log-prefix',
        caption: `${fate === 'drop' ? 'dropped' : 'accepted'} here`,
        related: [
          {
            message: `the same prefix, ${first.fate === 'drop' ? 'dropped' : 'accepted'}`,
            at: { kind: 'rule', view, rule: first.rule },
          },
        ],
        help: ['give each its own'],
        group: `${view.family} ${prefix}`,
      };
    }
  }
}

/** Log lines that do not say what became of the packet. */
export const logIndistinct = defineCheck({
  code: 'FW605',
  name: 'log-indistinct',
  title: 'Log lines that do not say which rule wrote them',
  severity: 'info',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A LOG rule has no prefix, or has the same prefix as another whose packets meet the opposite verdict.',
  rationale:
    'A line of the kernel’s log has the packet and the prefix, and nothing else. Without the prefix nobody can tell at night whether the packet was let in.',
  decision:
    'The prefix is empty; or the rules right behind two log rules, which ask nothing more than these, accept in one place and drop in the other.',
  exceptions: 'Machines with one log rule, where there is nothing to tell apart.',
  references: ['man iptables-extensions(8), LOG'],
  examples: {
    bad: [
      {
        title: 'no prefix',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m limit --limit 5/min -j LOG
COMMIT
`,
      },
      {
        title: 'one prefix for what is let in and what is not',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j LOG --log-prefix "ssh: "
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 22 -j LOG --log-prefix "ssh: "
-A FORWARD -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
      {
        title: 'a level is no prefix',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bad - [0:0]
-A INPUT -m conntrack --ctstate INVALID -j bad
-A bad -j LOG --log-level 7
-A bad -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a prefix',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m limit --limit 5/min -j LOG --log-prefix "in-denied: "
COMMIT
`,
      },
      {
        title: 'one prefix, one verdict',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 23 -j LOG --log-prefix "telnet: "
-A INPUT -p tcp -m tcp --dport 23 -j DROP
-A FORWARD -p tcp -m tcp --dport 23 -j LOG --log-prefix "telnet: "
-A FORWARD -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
      {
        title: 'a prefix for each verdict',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j LOG --log-prefix "ssh in: "
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j LOG --log-prefix "telnet denied: "
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const rules = view
        .rules()
        .filter((rule) => view.findTarget(rule, LOG) && !view.owner(rule.table, rule.chain));
      yield* withoutPrefix(view, rules);
      yield* onePrefixForBoth(view, rules);
    }
  },
});

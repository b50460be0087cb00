import { LOG } from '../../extensions/targets/LOG.ts';
import { NFLOG } from '../../extensions/targets/NFLOG.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck } from '../check.ts';
import { deleteRules, moveRules } from '../fixes/fix-draft.ts';
import { deciderAbove } from './support/rule-shape.ts';

function logs(rule: Rule): boolean {
  return rule.target.kind === 'extension' && [LOG.name, NFLOG.name].includes(rule.target.extension);
}

/** Log rules whose packets were decided above. */
export const logAfterVerdict = defineCheck({
  code: 'FW603',
  name: 'log-after-verdict',
  title: 'A log rule below the rule that decides its packets',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule is to log packets that a rule above it in the same chain has accepted, dropped or returned already. It never writes a line.',
  rationale:
    'LOG does not decide: it writes and lets the packet go on. So it has to stand above the rule that it announces. Below it, the log stays empty, and an empty log reads as "nobody tried".',
  decision:
    'A rule above it in the chain decides, asks nothing that the log rule does not ask in the same words, and asks nothing that the packet alone does not decide (no rate, list or set). No rule in between changes packets.',
  exceptions:
    'None are known. Rules that several rules together leave nothing for are not found by this check.',
  references: ['man iptables-extensions(8), LOG'],
  yieldsTo: ['FW204'],
  fixes: [
    { kind: 'unsafe', does: 'moves the rule above the one that decides its packets' },
    { kind: 'safe', does: 'deletes the rule' },
  ],
  examples: {
    bad: [
      {
        title: 'dropped, then announced',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 203.0.113.0/24 -j DROP
-A INPUT -s 203.0.113.0/24 -j LOG --log-prefix "blocked: "
COMMIT
`,
      },
      {
        title: 'the rule above asks for less',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -m limit --limit 5/min -j LOG --log-prefix "ssh: "
COMMIT
`,
      },
      {
        title: 'in a chain of one’s own, for another daemon',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bad - [0:0]
-A INPUT -m conntrack --ctstate INVALID -j bad
-A bad -p udp -j DROP
-A bad -p udp -j NFLOG --nflog-group 1
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'announced, then dropped',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 203.0.113.0/24 -m limit --limit 5/min -j LOG --log-prefix "blocked: "
-A INPUT -s 203.0.113.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'what is over the rate comes to the log',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m limit --limit 10/sec -j ACCEPT
-A INPUT -p icmp -j LOG --log-prefix "ping flood: "
COMMIT
`,
      },
      {
        title: 'other packets than those above',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j LOG --log-prefix "ssh: "
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (!logs(rule) || view.owner(rule.table, rule.chain)) continue;
        const above = deciderAbove(context, view, rule);
        if (!above) continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: `Rule ${rule.index + 1} of ${rule.chain} never logs: rule ${above.index + 1} decides all of its packets`,
          caption: 'never asked',
          related: [{ message: 'decides them', at: { kind: 'rule', view, rule: above } }],
          help: [`move it above rule ${above.index + 1}`],
          fixes: [moveRules(view, [rule], above), deleteRules(view, [rule])],
        };
      }
    }
  },
});

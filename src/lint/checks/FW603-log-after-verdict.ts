import { LOG } from '../../extensions/targets/LOG.ts';
import { NFLOG } from '../../extensions/targets/NFLOG.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck } from '../check.ts';
import { deleteRules, moveRules } from '../fixes/fix-draft.ts';
import { nameOfRule, namesOfCover, tellCover } from './support/covered.ts';

function logs(rule: Rule): boolean {
  return rule.target.kind === 'extension' && [LOG.name, NFLOG.name].includes(rule.target.extension);
}

/** Log rules whose packets were decided above. */
export const logAfterVerdict = defineCheck({
  code: 'FW603',
  name: 'log-after-verdict',
  title: 'A log rule below the rule that decides its packets',
  severity: 'warning',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule is to log packets that rules asked before it have accepted, dropped or returned already. It never writes a line.',
  rationale:
    'LOG does not decide: it writes and lets the packet go on. So it has to stand above the rule that it announces. Below it, the log stays empty, and an empty log reads as "nobody tried".',
  decision:
    'All packets that can come to the chain, by every jump to it, are pushed through the rules above. It is reported if none that the log rule describes is left, whatever becomes of rates, lists and sets; and if earlier rules are why, not its own conditions (FW207) or its place (FW1xx). The fewest rules that together take all its packets are named.',
  exceptions: 'None are known.',
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
        title: 'two rules share its packets',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 1:1023 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1024:65535 -j DROP
-A INPUT -p tcp -m tcp --dport 1000:2000 -j LOG --log-prefix "tcp: "
COMMIT
`,
      },
      {
        title: 'decided before the jump to its chain',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:checks - [0:0]
-A INPUT -s 203.0.113.0/24 -j DROP
-A INPUT -j checks
-A checks -s 203.0.113.7/32 -j LOG --log-prefix "him again: "
-A checks -p tcp -m tcp --dport 22 -j ACCEPT
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
        title: 'a chain with two callers: by one of them packets come',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:seen - [0:0]
-A INPUT -p udp -j DROP
-A INPUT -j seen
-A FORWARD -j seen
-A seen -p udp -j LOG --log-prefix "udp: "
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
      const answers = context.answers(view);
      for (const rule of view.rules()) {
        if (!logs(rule) || view.owner(rule.table, rule.chain)) continue;
        const death = answers.death(rule);
        if (death?.kind !== 'covered' || death.deadJumps) continue;
        const { cover } = death;
        const needed = cover.filter((part) => part.needed);
        const [highest] = needed
          .map((part) => [...part.via, part.rule].find((r) => r.chain === rule.chain))
          .sort((x, y) => (x?.index ?? -1) - (y?.index ?? -1));
        yield {
          ...tellCover(context, view, { rule, cover }),
          at: { kind: 'rule', view, rule },
          message: `Rule ${rule.index + 1} of ${rule.chain} never logs: ${namesOfCover(needed, rule)} ${needed.length > 1 ? 'decide' : 'decides'} all of its packets`,
          caption: 'never asked',
          help: [
            highest
              ? `move it above ${nameOfRule(highest, rule)}`
              : `log them where they are decided: above ${namesOfCover(needed, rule)}`,
          ],
          fixes: [...(highest ? [moveRules(view, [rule], highest)] : []), deleteRules(view, [rule])],
        };
      }
    }
  },
});

import { defineCheck } from '../check.ts';
import { deleteRules } from '../fixes/fix-draft.ts';
import { coveredRules, namesOfCover, tellCover } from './support/covered.ts';

/** Dead rules whose packets earlier rules decide in the same way. */
export const ruleRedundant = defineCheck({
  code: 'FW202',
  name: 'rule-redundant',
  title: 'A rule whose packets earlier rules decide already',
  severity: 'info',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Earlier rules take every packet that a rule is for, and decide as it would. The rule never matches, and nothing would change without it.',
  rationale:
    'Such rules cost a little time for each packet and much for each reader: who deletes the narrow rule to close a port wonders why it stays open.',
  decision: 'As FW201, where all rules that are needed to cover it accept as it does, or refuse as it does.',
  exceptions:
    'Rules that stand there to be counted, or to be read. Chains that a program writes are left to that program.',
  references: ['https://github.com/freedomofpress/securedrop/issues/1236'],
  yieldsTo: ['FW411'],
  fixes: [{ kind: 'safe', does: 'deletes the rule' }],
  examples: {
    bad: [
      {
        title: 'answers that are let in twice',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --sports 80,443 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a network in two halves',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.0/25 -j DROP
-A INPUT -s 198.51.100.128/25 -j DROP
-A INPUT -s 198.51.100.0/24 -p udp -j DROP
COMMIT
`,
      },
      {
        title: 'a service that a chain lets in before',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -p tcp -j services
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 443 -j ACCEPT
-A services -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'each rule has packets of its own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two limits are two buckets, and a log ends nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m limit --limit 5/sec -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
-A INPUT -p tcp -j LOG
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rule before that returns from its chain only',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -p tcp -j services
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 443 -j ACCEPT
-A services -s 192.168.1.0/24 -j RETURN
-A services -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const covered of coveredRules(context, view)) {
        const { rule, cover, against } = covered;
        if (against.some((part) => part.needed)) continue;
        // Others that decide otherwise take nothing that these leave: to list them would only raise doubts.
        const needed = cover.filter((part) => part.needed);
        const names = namesOfCover(needed, rule);
        const many = needed.length > 1;
        yield {
          ...tellCover(context, view, { rule, cover: needed }),
          at: { kind: 'rule', view, rule },
          message: `Rule ${rule.index + 1} of ${rule.chain} never matches: ${names} ${
            many ? 'decide' : 'decides'
          } all its packets the same way`,
          caption: `done by ${names} already`,
          help: [`delete it: iptables -t ${rule.table} -D ${rule.chain} ${rule.index + 1}`],
          fixes: [deleteRules(view, [rule])],
          group: `${view.family} ${rule.table} ${rule.chain}`,
        };
      }
    }
  },
});

import { comment } from '../../extensions/matches/comment.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';
import { accepts, admitsInterface } from './support/rules-at.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** Whether the rule lets anybody begin a connection: an answer that nobody asked for begins none. */
function admitsNew(context: CheckContext, view: RulesetView, rule: Rule): boolean {
  const { space, rules, openers } = context.packets(view);
  const taken = rules.entering(rule).get('arrive');
  return taken !== undefined && !space.disjoint(taken, openers);
}

/** Rules that let connections in and do not say why. */
export const undocumentedRule = defineCheck({
  code: 'FW610',
  name: 'undocumented-rule',
  title: 'A rule that lets connections in from outside, without a remark',
  severity: 'info',
  confidences: ['proved', 'inferred'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of table filter accepts new connections from outside and has neither a comment nor a remark in the file.',
  rationale:
    'After two years nobody knows whom the rule was for, nobody dares to delete it, and it stays open. Rules for reviews of firewalls (NIST SP 800-41, PCI DSS 1.2) ask for a reason and an owner.',
  decision:
    'A rule with `-j ACCEPT` in a chain that INPUT or FORWARD leads to, whose interface may be one of those that lead outside, and that takes some packet that may begin a connection: a SYN, a datagram, a request. It has no `-m comment`, and no line beginning with # stands right above it in the file.',
  exceptions: 'Whoever keeps the reasons elsewhere. The check is for those who ask for it.',
  references: ['NIST SP 800-41 rev. 1, section 5.2.2'],
  examples: {
    bad: [
      {
        title: 'whom is this for?',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'new connections, by name of the state',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -p tcp -m tcp --dport 25 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in a chain of one’s own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -j services
-A services -p udp -m udp --dport 1194 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'what is known of a packet only on its way: its exit, its mark, its translation',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8443 -j MARK --set-mark 7
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m mark --mark 7 -j ACCEPT
-A FORWARD -d 10.0.0.2/32 -i eth0 -o eth1 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what, who, until when',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 8443 -m comment --comment "NET-142 partner API, owner ops, until 2027-06" -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a remark in the file',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
# partner API, owner ops
-A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'what belongs to connections that exist, and the loopback',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'answers to pings, and what nothing comes to',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 0 -j ACCEPT
-A INPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j ACCEPT
-A INPUT -p tcp -j DROP
-A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const strangers = strangersInterfaces(context, view.family);
      for (const rule of view.rules()) {
        if (rule.table !== 'filter' || !accepts(rule) || !admitsNew(context, view, rule)) continue;
        if (view.find(rule, comment) || view.linked.comments.has(rule.id)) continue;
        if (view.writer(rule)) continue;
        const hooks = view.hooks(rule.table, rule.chain);
        if (!hooks.includes('INPUT') && !hooks.includes('FORWARD')) continue;
        const from = strangers.find((i) => admitsInterface(rule, i.name));
        if (!from) continue;
        yield {
          at: { kind: 'rule', view, rule },
          message: 'This rule lets new connections in, and nothing says what for',
          caption: 'no comment',
          help: ['add -m comment --comment "WHAT, WHO, UNTIL WHEN"'],
          inferences: rule.base.inInterface ? from.inferences : [],
          group: `${view.family} ${rule.table} ${rule.chain}`,
        };
      }
    }
  },
});

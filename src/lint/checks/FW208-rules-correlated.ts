import { defineCheck } from '../check.ts';
import { overlapsIn } from './support/overlaps.ts';

/** Rules that overlap, so that their order matters. */
export const rulesCorrelated = defineCheck({
  code: 'FW208',
  name: 'rules-correlated',
  title: 'Two rules that overlap and decide differently',
  severity: 'info',
  confidences: ['proved'],
  groups: [],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Two rules of a chain describe some packets in common, each describes others as well, and they decide differently. Which of them stands first matters.',
  rationale:
    'It is how most rulesets work, and where most of them break: to move one of the two changes what becomes of the packets in common. Auditors want the list.',
  decision:
    'Both decide some packet in common that comes to the first of them, and decide it differently; of several such rules above it, the nearest is named. A jump decides what the chain that it leads to does not send back. Rules with a rate, a list or chance, dead rules, and chains of more than 400 rules are left out.',
  exceptions: 'Nearly always: the check is off, and has to be asked for.',
  references: ['Al-Shaer, Hamed: Discovery of Policy Anomalies in Distributed Firewalls, INFOCOM 2004'],
  examples: {
    bad: [
      {
        title: 'a network that may everything, a service that nobody may',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
      {
        title: 'a source and a destination',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 10.1.0.0/16 -j ACCEPT
-A FORWARD -d 10.2.0.0/16 -j DROP
COMMIT
`,
      },
      {
        title: 'ports that overlap',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 1:1000 -j DROP
-A INPUT -p udp -m udp --dport 500:2000 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a chain that sends back what both describe',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bad-tcp - [0:0]
-A INPUT -p tcp -j bad-tcp
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 --tcp-flags SYN SYN -j ACCEPT
-A bad-tcp -p tcp -m tcp --tcp-flags SYN,FIN SYN,FIN -s 192.0.2.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'one lies within the other',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 23 -j DROP
-A INPUT -p tcp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nothing in common',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
      {
        title: 'the same decision',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const chain of view.table('filter')?.chains ?? []) {
        if (view.owner(chain.table, chain.name)) continue;
        for (const { earlier, later, within } of overlapsIn(context, view, chain)) {
          if (within) continue;
          yield {
            at: { kind: 'rule', view, rule: later },
            confidence: 'proved',
            message: `Rules ${earlier.index + 1} and ${later.index + 1} of ${chain.name} overlap and decide differently: their order matters`,
            underline: `-A ${chain.name}`,
            caption: 'the earlier rule has the packets in common',
            related: [
              { message: 'takes the packets that both describe', at: { kind: 'rule', view, rule: earlier } },
            ],
            group: `${view.family} ${chain.name}`,
          };
        }
      }
    }
  },
});

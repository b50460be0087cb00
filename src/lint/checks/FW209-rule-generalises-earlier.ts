import { defineCheck } from '../check.ts';
import { overlapsIn } from './support/overlaps.ts';

/** Exceptions, and the rules that they are exceptions of. */
export const ruleGeneralisesEarlier = defineCheck({
  code: 'FW209',
  name: 'rule-generalises-earlier',
  title: 'A rule with an exception above it',
  severity: 'info',
  confidences: ['proved'],
  groups: [],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule describes all packets of an earlier one and more, and decides differently: the earlier is an exception of it.',
  rationale: 'This is how exceptions are written. The list of them is of use to those who review a ruleset.',
  decision:
    'Both decide some packet in common that comes to the first of them, and decide it differently; of several such rules above it, the nearest is named. A jump decides what the chain that it leads to does not send back. Rules with a rate, a list or chance, dead rules, and chains of more than 400 rules are left out.',
  exceptions: 'Nearly always: the check is off, and has to be asked for.',
  references: ['Al-Shaer, Hamed: Discovery of Policy Anomalies in Distributed Firewalls, INFOCOM 2004'],
  examples: {
    bad: [
      {
        title: 'one host, and its network',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.5/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
      {
        title: 'a ban, and a service',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 443 -j DROP
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a port, and all of them',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 23 -j DROP
-A INPUT -p tcp -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'no wider rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.5/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'they overlap only in part',
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
        title: 'the same decision',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.5/32 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -j ACCEPT
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
          if (!within) continue;
          yield {
            at: { kind: 'rule', view, rule: later },
            confidence: 'proved',
            message: `Rule ${later.index + 1} of ${chain.name} is wider than rule ${earlier.index + 1}, which is an exception of it`,
            underline: `-A ${chain.name}`,
            caption: 'an exception stands above',
            related: [{ message: 'the exception', at: { kind: 'rule', view, rule: earlier } }],
            group: `${view.family} ${chain.name}`,
          };
        }
      }
    }
  },
});

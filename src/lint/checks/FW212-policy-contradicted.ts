import type { Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';
import { decisions } from './support/decisions.ts';

/** The last rule that packets come to, if nothing comes past it to the policy and all that it does is accept. */
function lastAccepting(context: CheckContext, view: RulesetView, chain: Chain): Rule | undefined {
  const answers = context.answers(view);
  if (!answers.policyIsDead(chain)) return undefined;
  const last = chain.rules.findLast(
    (rule) => answers.standing(rule) === 'live' && decisions(view, rule).size > 0,
  );
  return last && [...decisions(view, last)].join() === 'accept' ? last : undefined;
}

/** A policy DROP that a rule above accepts everything from. */
export const policyContradicted = defineCheck({
  code: 'FW212',
  name: 'policy-contradicted',
  title: 'A policy DROP that no packet ever comes to',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'The policy of a chain is DROP, but a rule before it accepts all that is left. The chain looks closed in every listing, and is open.',
  rationale:
    'Whoever checks a firewall looks at the policies first. A rule that was put in to test something, or by a script, turns a chain that refuses what nobody allowed into one that allows what nobody refused.',
  decision:
    'No packet in any state comes to the policy, and the last rule that packets come to does nothing but accept. A chain that ends with a DROP or REJECT of its own is no contradiction: its policy is for the moments in which no rules are loaded.',
  exceptions:
    'A policy that is for the time before the rules are loaded; in OUTPUT, where this is usual, it is no more than a remark.',
  references: ['man iptables(8), -P'],
  yieldsTo: ['FW301', 'FW303'],
  examples: {
    bad: [
      {
        title: 'an ACCEPT for everything above the policy',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.66/32 -j DROP
-A INPUT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two rules that together accept all that is left',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 3306 -j DROP
-A INPUT -i eth0 -j ACCEPT
-A INPUT ! -i eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in every state that there is',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate NEW,RELATED,ESTABLISHED,UNTRACKED -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what is accepted is named',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a REJECT at the end, and the policy for the time without rules',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'a limit lets some packets come to the policy',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m limit --limit 100/sec -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const chain of view.table('filter')?.chains ?? []) {
        if (chain.hook === undefined || chain.policy !== 'DROP') continue;
        const last = lastAccepting(context, view, chain);
        if (!last) continue;
        const number = last.index + 1;
        yield {
          at: { kind: 'policy', view, chain },
          // Everything is let out on purpose, and the policy is for the time before the rules are loaded.
          ...(chain.hook === 'OUTPUT' ? { severity: 'info' } : {}),
          message: `The policy DROP of ${chain.name} is never asked: rule ${number} accepts all that is left`,
          caption: 'no packet comes this far',
          why: 'the chain accepts whatever no rule refuses, and is listed as one that drops it',
          openedBy: [
            { kind: 'rule', table: last.table, chain: last.chain, number, id: last.id, line: last.line },
          ],
          related: [{ message: 'accepts all that is left', at: { kind: 'rule', view, rule: last } }],
          help: [`accept in rule ${number} what is meant to be let in, and leave the rest to the policy`],
        };
      }
    }
  },
});

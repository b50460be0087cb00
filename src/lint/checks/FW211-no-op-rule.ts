import type { Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';
import { deleteRules } from '../fixes/fix-draft.ts';
import { countOf, keepsCount } from './support/rule-shape.ts';

/** Whether falling off the end of the chain comes to the same as this rule, for every packet that it matches. */
function isLikeTheEnd(chain: Chain, rule: Rule): boolean {
  const { target } = rule;
  if (target.kind !== 'verdict' || rule.matches.some((m) => !m.known || keepsCount.has(m.extension)))
    return false;
  return target.verdict === 'RETURN' || (chain.hook !== undefined && target.verdict === chain.policy);
}

/** Chains that a program ends with a RETURN for the administrator. */
const endedByPrograms: ReadonlySet<string> = new Set(['DOCKER-USER']);

/** Of the rules that end the chain and are like its end, those that packets come to: what is meant by a dead one is told elsewhere. */
function trailing(context: CheckContext, view: RulesetView, chain: Chain): readonly Rule[] {
  if (view.owner(chain.table, chain.name) || endedByPrograms.has(chain.name)) return [];
  const lastOther = chain.rules.findLastIndex((rule) => !isLikeTheEnd(chain, rule));
  return chain.rules.slice(lastOther + 1).filter((rule) => context.answers(view).standing(rule) !== 'dead');
}

/** Rules at the end of a chain that do what its end does. */
export const noOpRule = defineCheck({
  code: 'FW211',
  name: 'no-op-rule',
  title: 'Rules at the end of a chain that change nothing',
  severity: 'info',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'The last rules of a chain do what would happen without them: RETURN at the end of a chain of your own, or a verdict that is also the policy. Packets fare the same without them.',
  rationale:
    'Such rules are read as if they decided something. A list of accepts under an accepting policy looks like a whitelist and lets everybody in.',
  decision:
    'From the end of the chain upwards, rules whose verdict is the policy, or RETURN, whatever their conditions. The first rule that is none of these ends the search. Of them, rules that never match are left to FW201 and its kin: such a rule may have been meant to go before others. Rules without a target are left, since they count packets, and so are those with a match that keeps a list or a count.',
  exceptions:
    'Rules that stand there for their counters, or so that a later change of the policy does no harm. Where all rules of a chain are such, the policy is more likely wrong than the rules.',
  references: ['man iptables(8), TARGETS'],
  yieldsTo: ['FW204'],
  fixes: [{ kind: 'safe', does: 'deletes the rules' }],
  examples: {
    bad: [
      {
        title: 'accepts under a policy that accepts',
        rules: `*filter
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A OUTPUT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the last word of a chain of one’s own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -j services
-A services -p tcp -m tcp --dport 22 -j ACCEPT
-A services -j RETURN
COMMIT
`,
      },
      {
        title: 'a drop just before a policy that drops',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the policy says it',
        rules: `*filter
:OUTPUT ACCEPT [0:0]
COMMIT
`,
      },
      {
        title: 'a return that skips rules',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -j services
-A services -s 198.51.100.66/32 -j RETURN
-A services -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the chain that Docker leaves to its users',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A INPUT -i lo -j ACCEPT
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
`,
      },
      {
        title: 'a ban that nothing comes to is meant for more than the policy',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
      {
        title: 'an answer is more than the policy',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          const rules = trailing(context, view, chain);
          const [first] = rules;
          if (!first) continue;
          const end = chain.hook === undefined ? 'the end of the chain' : `the policy ${chain.policy}`;
          const last = rules.length === chain.rules.length - first.index;
          const all =
            rules.length === chain.rules.length && chain.hook !== undefined && chain.policy === 'ACCEPT';
          yield {
            at: { kind: 'rule', view, rule: first },
            confidence: 'proved',
            message:
              rules.length === 1
                ? `${last ? 'The last rule' : `Rule ${first.index + 1}`} of ${chain.name} does what ${end} does: without it every packet fares the same`
                : `${last ? `The last ${countOf(rules.length, 'rule')}` : `${countOf(rules.length, 'rule')} at the end`} of ${chain.name} do what ${end} does: without them every packet fares the same`,
            caption: `like ${end}`,
            help: [
              all
                ? `if this was to be a list of what is allowed, the policy of ${chain.name} must be DROP; else delete it`
                : rules.length === 1
                  ? 'delete it, unless its counter is wanted'
                  : 'delete them, unless it is their counters that are wanted',
            ],
            fixes: [deleteRules(view, rules)],
          };
        }
      }
    }
  },
});

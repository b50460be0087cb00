import { targetText } from '../../link/rule-text.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { type CoveredRule, coveredRules, namesOfCover, tellCover } from './support/covered.ts';

/** Whether two rules make the same of a packet: then the second is superfluous, and FW202 says so. */
function sameTranslation(a: Rule, b: Rule): boolean {
  return targetText(a.target) === targetText(b.target);
}

function judge(context: CheckContext, view: RulesetView, covered: CoveredRule): FindingDraft | undefined {
  const { rule, cover } = covered;
  const needed = cover.filter((part) => part.needed);
  if (needed.length === 0 || needed.every((part) => sameTranslation(part.rule, rule))) return undefined;
  const names = namesOfCover(needed, rule);
  const many = needed.length > 1;
  return {
    ...tellCover(context, view, covered),
    at: { kind: 'rule', view, rule },
    message: `Rule ${rule.index + 1} of nat ${rule.chain} never translates: ${names} ${many ? 'take' : 'takes'} all its connections first`,
    caption: 'no connection is left for it',
    why: 'table nat is asked once for each connection, and its first rule that matches decides for all of its packets',
    group: `${view.family} ${needed.map((part) => part.rule.id).join(' ')}`,
    help: [`move it above ${namesOfCover(needed.slice(0, 1), rule)}: the narrow rule first`],
  };
}

/** Dead rules of table nat. */
export const natRuleShadowed = defineCheck({
  code: 'FW411',
  name: 'nat-rule-shadowed',
  title: 'A translation whose connections earlier rules take',
  severity: 'warning',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Earlier rules of table nat take every connection that a rule is for, and give it another destination or source, or none. The rule never translates anything.',
  rationale:
    'The first rule of table nat that matches decides, as in table filter, and it decides for the whole connection. A forward of all ports to one host, above one of a single port to another, leaves the second host without visitors.',
  decision:
    'First packets of connections, all at once, are pushed through the rules: the rule is dead if none is left when it is asked, on any way into its chain. Rules that share out by chance (`statistic`) or by rates leave some and cover nothing. Where the earlier rules do exactly the same, FW202 tells it, and below a rule that matches everything FW204.',
  exceptions:
    'A rule kept for the day on which another is deleted. Chains that a program writes are left to that program.',
  references: ['man iptables(8), table nat'],
  examples: {
    bad: [
      {
        title: 'all of TCP goes to one host, port 443 was meant for another',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -j DNAT --to-destination 10.0.0.2
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.3
COMMIT
`,
      },
      {
        title: 'a network that is hidden behind another address than meant',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE
-A POSTROUTING -s 10.1.0.0/16 -o eth0 -j SNAT --to-source 203.0.113.7
COMMIT
`,
      },
      {
        title: 'an exception that takes everything away',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.0.0/16 -j RETURN
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the narrow rule first',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.3
-A PREROUTING -i eth0 -p tcp -j DNAT --to-destination 10.0.0.2
COMMIT
`,
      },
      {
        title: 'connections are shared out by chance',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.0.0.2
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.3
COMMIT
`,
      },
      {
        title: 'an exception for one destination',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.1.0/24 -d 10.8.0.0/16 -j RETURN
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      if (!view.table('nat')) continue;
      for (const covered of coveredRules(context, view)) {
        const found = covered.rule.table === 'nat' ? judge(context, view, covered) : undefined;
        if (found) yield found;
      }
    }
  },
});

import { fallThrough } from '../../analysis/fall-through.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';

/** One text for what a rule does in the end: refusals that answer differently are not the same. */
function doing(rule: Rule): string {
  return JSON.stringify(rule.target.kind === 'extension' ? rule.target.text : rule.target);
}

/**
 * The rules that would do the same without this one: `policy` where the policy would. Undefined where they would not,
 * or where that cannot be told.
 */
function successors(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
): readonly (Rule | 'policy')[] | undefined {
  const answers = context.answers(view);
  if (answers.standing(rule) !== 'live') return undefined;
  const found = new Set<Rule | 'policy'>();
  for (const visit of answers.visitsOf(rule)) {
    const chain = visit.analysis.model.chains.get(rule.chain);
    const action = chain?.rules[rule.index]?.action;
    if (chain === undefined || action?.kind !== 'end') return undefined;
    const ends = fallThrough(visit, chain, rule.index + 1, visit.taking(rule));
    if (ends === undefined) return undefined;
    for (const { ending, by } of ends) {
      if (ending !== action.ending) return undefined;
      if (by !== undefined && doing(by) !== doing(rule)) return undefined;
      if (by === undefined && action.ending === 'reject') return undefined;
      found.add(by ?? 'policy');
    }
  }
  return found.size === 0 ? undefined : [...found];
}

/** Rules whose packets would fare the same without them. */
export const ruleMadeRedundantByLater = defineCheck({
  code: 'FW203',
  name: 'rule-made-redundant-by-later',
  title: 'A rule without which its packets would fare the same',
  severity: 'info',
  confidences: ['proved', 'context'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule takes packets, and every one of them would be decided in the same way by the rules and the policy below it.',
  rationale:
    'Such a rule is either a shortcut for packets that come often, or left over from before the wider rule was added. Who deletes it to close something closes nothing.',
  decision:
    'The packets that the rule takes are sent through the rest of its chain. Only where all of them end there, or at the policy, and all alike, is the rule reported. What counts, logs or marks on the way is not looked at.',
  exceptions: 'Shortcuts in front of long chains, and rules that stand there to be read or counted.',
  references: ['Yuan et al.: FIREMAN, IEEE S&P 2006 (inefficiency)'],
  yieldsTo: ['FW201', 'FW202', 'FW210', 'FW211'],
  examples: {
    bad: [
      {
        title: 'a network, and then everybody',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.0.0/16 -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two rules below do the same together',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.0.0/16 -p tcp -m multiport --dports 80,443 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the policy does it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.0/24 -j DROP
-A INPUT -d 192.0.2.1/32 -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'one rule for all',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'between the two, some are refused',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.0.0/16 -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -j DROP
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a limit below takes not all of them',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.0.0/16 -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m limit --limit 10/sec -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (rule.table !== 'filter' || view.writer(rule)) continue;
        const after = successors(context, view, rule);
        if (!after) continue;
        const names = after.map((by) => (by === 'policy' ? 'the policy' : `rule ${by.index + 1}`));
        yield {
          at: { kind: 'rule', view, rule },
          message: `Rule ${rule.index + 1} of ${rule.chain} makes no difference: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ' and others' : ''} would do the same with its packets`,
          underline: `-A ${rule.chain}`,
          caption: 'the same happens without it',
          related: after.flatMap((by) =>
            by === 'policy'
              ? []
              : [{ message: 'does the same', at: { kind: 'rule', view, rule: by } as const }],
          ),
          help: [`delete it, or leave it as a shortcut`],
          group: `${view.family} ${rule.table} ${rule.chain}`,
        };
      }
    }
  },
});

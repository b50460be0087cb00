import { set } from '../../extensions/matches/set.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { countOf } from './support/rule-shape.ts';

/** Names of the sets that a rule looks into. */
function setsOf(rule: Rule): readonly string[] {
  return rule.matches.flatMap((use) =>
    use.known && use.extension === set.name
      ? [(use.data as { readonly set: { readonly name: string } }).set.name]
      : [],
  );
}

function usesOfSets(view: RulesetView): ReadonlyMap<string, readonly Rule[]> {
  const found = new Map<string, Rule[]>();
  for (const rule of view.rules())
    for (const name of new Set(setsOf(rule))) {
      const rules = found.get(name);
      if (rules) rules.push(rule);
      else found.set(name, [rule]);
    }
  return found;
}

/** Sets that rules look into and that nobody has shown. */
export const setContentsUnknown = defineCheck({
  code: 'FW906',
  name: 'set-contents-unknown',
  title: 'A set whose contents are not given',
  severity: 'info',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'Rules look into an ipset, and the input does not say what it holds. Whether such a rule matches is not known, and nothing is concluded from it.',
  rationale:
    'Rules and sets are kept apart: iptables-save prints the name of the set alone. A set that is empty, or that does not exist when the rules are loaded, is a hole, or no firewall at all.',
  decision:
    'No output of `ipset save` is in the input. Each set is told once, with the number of rules that ask it. With that output, sets that do not exist are FW901 and sets that cannot match are FW215.',
  exceptions: 'This is a remark on the answer, not on the ruleset.',
  references: ['man ipset(8)', 'man iptables-extensions(8), set'],
  examples: {
    bad: [
      {
        title: 'who is let in is written elsewhere',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m set --match-set not_created src -j ACCEPT
COMMIT
`,
      },
      {
        title: 'filled by a rule, but with what is in it already',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set scanners src -j DROP
-A INPUT -p tcp -m tcp --dport 23 -j SET --add-set scanners src
COMMIT
`,
      },
      {
        title: 'two sets in one rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m set --match-set offices src -m set --match-set servers dst -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'ipset save tells',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m set --match-set allow src -j ACCEPT
COMMIT
`,
        context: `create allow hash:ip family inet hashsize 1024 maxelem 65536
add allow 198.51.100.7
`,
      },
      {
        title: 'no sets',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.0/24 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rule that only fills a set asks nothing of it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 23 -j SET --add-set scanners src
COMMIT
`,
      },
    ],
  },
  *run(context) {
    if (context.machine.sets.value !== undefined) return;
    for (const view of context.views) {
      for (const [name, rules] of usesOfSets(view)) {
        const [first] = rules;
        if (!first) continue;
        yield {
          at: { kind: 'rule', view, rule: first },
          confidence: 'proved',
          message: `What the set "${name}" holds is not given: ${countOf(rules.length, 'rule')} may match or not`,
          underline: name,
          help: ['give the output of `ipset save` as well'],
          group: 'sets',
        };
      }
    }
  },
});

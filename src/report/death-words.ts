/** What makes a rule dead, in a few words; not escaped. */

import type { Death } from '../analysis/rule-answers.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Rule } from '../model/ruleset.ts';

/** Rules named in one explanation. */
const rulesNamedMax = 4;

function listed(rules: readonly Rule[], from: Rule): string {
  const name = (rule: Rule): string =>
    rule.chain === from.chain ? String(rule.index + 1) : `${rule.chain} ${rule.index + 1}`;
  const names = rules.slice(0, rulesNamedMax).map(name);
  const more = rules.length - names.length;
  const text = more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
  return `${rules.length === 1 ? 'rule' : 'rules'} ${text}`;
}

/** `rules 3 and 4 take all its packets`. */
export function deathWords(death: Death, rule: Rule): string {
  switch (death.kind) {
    case 'conditions':
      return 'its own conditions exclude each other';
    case 'unreferenced':
      return `nothing leads to the chain ${rule.chain}`;
    case 'jumps':
      return `the jumps that lead here refuse what it wants: ${death.jumps.slice(0, 2).map(ruleText).join('; ')}`;
    case 'arrivals':
      return 'no such packet comes to its hooks';
    case 'covered': {
      const needed = death.cover.filter((part) => part.needed).map((part) => part.rule);
      return `${listed(needed, rule)} ${needed.length === 1 ? 'takes' : 'take'} all its packets`;
    }
    case 'untold':
      return 'all its packets are taken before';
  }
}

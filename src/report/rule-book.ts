/** Rules and chains by what traces say of them. */

import type { Chain, Rule, Ruleset } from '../model/ruleset.ts';
import type { RuleRef } from '../model/trace.ts';

/** Rules and chains by the references that traces hold. */
export interface RuleBook {
  rule(ref: RuleRef): Rule | undefined;
  chain(table: string, name: string): Chain | undefined;
}

/** Makes the book of a ruleset. */
export function ruleBook(ruleset: Ruleset): RuleBook {
  const rules = new Map<number, Rule>();
  const chains = new Map<string, Chain>();
  for (const table of ruleset.tables)
    for (const chain of table.chains) {
      chains.set(`${table.name} ${chain.name}`, chain);
      for (const rule of chain.rules) rules.set(rule.id, rule);
    }
  return {
    rule: (ref) => rules.get(ref.id),
    chain: (table, name) => chains.get(`${table} ${name}`),
  };
}

/** Rules that no packet ever matches, with what makes them so: asked of all packets. */

import { analyse } from '../../analysis/analysis.ts';
import { answerRules, type Death } from '../../analysis/rule-answers.ts';
import type { Registry } from '../../extensions/registry.ts';
import { ruleText } from '../../link/rule-text.ts';
import type { Machine } from '../../model/machine.ts';
import type { Rule, Ruleset } from '../../model/ruleset.ts';
import type { DeadRule } from './questions.ts';

/** Rules named in one explanation. */
const rulesNamedMax = 4;

/** Nodes that the sets may take: some hundred megabytes, beside the screen. */
const nodesMax = 6_000_000;

function listed(rules: readonly Rule[], from: Rule): string {
  const name = (rule: Rule): string =>
    rule.chain === from.chain ? String(rule.index + 1) : `${rule.chain} ${rule.index + 1}`;
  const names = rules.slice(0, rulesNamedMax).map(name);
  const more = rules.length - names.length;
  const text = more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
  return `${rules.length === 1 ? 'rule' : 'rules'} ${text}`;
}

function deathWords(death: Death, rule: Rule): string {
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

/** All dead rules of a ruleset. What could not be decided within the bounds is left out. */
export function deadRules(ruleset: Ruleset, machine: Machine, registry: Registry): readonly DeadRule[] {
  const answers = answerRules(analyse({ ruleset, machine, registry, nodesMax }));
  const { family } = ruleset;
  return answers.dead().flatMap((rule) => {
    const death = answers.death(rule);
    return death ? [{ family, ruleId: rule.id, why: deathWords(death, rule) }] : [];
  });
}

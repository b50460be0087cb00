/** Rules that no packet ever matches, with what makes them so: asked of all packets. */

import { analyse } from '../../analysis/analysis.ts';
import { answerRules } from '../../analysis/rule-answers.ts';
import type { Registry } from '../../extensions/registry.ts';
import type { Machine } from '../../model/machine.ts';
import type { Ruleset } from '../../model/ruleset.ts';
import { deathWords } from '../../report/death-words.ts';
import type { DeadRule } from './questions.ts';

/** Nodes that the sets may take: some hundred megabytes, beside the screen. */
const nodesMax = 6_000_000;

/** All dead rules of a ruleset. What could not be decided within the bounds is left out. */
export function deadRules(ruleset: Ruleset, machine: Machine, registry: Registry): readonly DeadRule[] {
  const answers = answerRules(analyse({ ruleset, machine, registry, nodesMax }));
  const { family } = ruleset;
  return answers.dead().flatMap((rule) => {
    const death = answers.death(rule);
    return death ? [{ family, ruleId: rule.id, why: deathWords(death, rule) }] : [];
  });
}

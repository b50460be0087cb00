/** Rules that no packet ever matches, with what makes them so: asked of all packets, again after each change. */

import { isDeepStrictEqual } from 'node:util';
import { type AnswerEdits, answerEdits } from '../../analysis/edits.ts';
import type { Registry } from '../../extensions/registry.ts';
import type { Machine } from '../../model/machine.ts';
import type { Ruleset } from '../../model/ruleset.ts';
import type { Family } from '../../net/address.ts';
import { deathWords } from '../../report/death-words.ts';
import type { Answered, DeadRule } from './questions.ts';

/**
 * Nodes that the sets may take: some hundred megabytes, beside the screen. What was found out of the rules before is
 * kept in half of them.
 */
const nodesMax = 8_000_000;

/** Dead rules of rulesets, each of which is nearly the one before it of its family. */
export function createDeadRules(
  registry: Registry,
): (ruleset: Ruleset, machine: Machine) => Answered<readonly DeadRule[]> {
  const known = new Map<Family, { readonly machine: Machine; readonly answers: AnswerEdits }>();
  return (ruleset, machine) => {
    const { family } = ruleset;
    let kept = known.get(family);
    // What is inferred of the machine hangs on the rules: with another machine everything may be different.
    if (!kept || !isDeepStrictEqual(kept.machine, machine)) {
      kept = { machine, answers: answerEdits({ machine, registry, nodesMax }) };
      known.set(family, kept);
    }
    const answers = kept.answers(ruleset);
    const list = answers.dead().flatMap((rule) => {
      const death = answers.death(rule);
      return death ? [{ family, ruleId: rule.id, why: deathWords(death, rule) }] : [];
    });
    let undecided = 0;
    for (const table of ruleset.tables)
      for (const chain of table.chains)
        for (const rule of chain.rules) if (answers.standing(rule) === 'undecided') undecided++;
    const untold = `${undecided} would take more than ${nodesMax} nodes of packet sets`;
    return { kind: 'done', list, ...(undecided > 0 && { untold }) };
  };
}

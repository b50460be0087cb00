/** What the targets of a ruleset do to sets of packets. */

import type { FieldChange, TargetEffect } from '../extensions/define.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Machine } from '../model/machine.ts';
import type { Rule, Ruleset } from '../model/ruleset.ts';

/** What the rule's target does to sets; undefined for targets that nobody knows, jumps and verdicts. */
export function effectOf(
  ruleset: Ruleset,
  machine: Machine,
  registry: Registry,
  rule: Rule,
): TargetEffect | undefined {
  const { target } = rule;
  if (target.kind !== 'extension' || !target.known) return undefined;
  const extension = registry.target(target.extension, ruleset.family);
  return extension?.effect(target.data as object, { family: ruleset.family, base: rule.base, machine });
}

/** Every change that some rule of the ruleset makes. */
export function* changesOf(
  ruleset: Ruleset,
  machine: Machine,
  registry: Registry,
): Generator<readonly [Rule, FieldChange]> {
  for (const table of ruleset.tables)
    for (const chain of table.chains)
      for (const rule of chain.rules)
        for (const change of effectOf(ruleset, machine, registry, rule)?.changes ?? []) yield [rule, change];
}

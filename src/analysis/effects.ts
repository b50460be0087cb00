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

/** One change, and the rule that makes it. */
type RuleChange = readonly [Rule, FieldChange];

/** Rulesets are never changed, and many questions begin with what their rules change. */
const known = new WeakMap<
  Ruleset,
  { readonly machine: Machine; readonly registry: Registry; readonly changes: readonly RuleChange[] }
>();

/** Every change that some rule of the ruleset makes. */
export function changesOf(ruleset: Ruleset, machine: Machine, registry: Registry): readonly RuleChange[] {
  const before = known.get(ruleset);
  if (before?.machine === machine && before.registry === registry) return before.changes;
  const changes: RuleChange[] = [];
  for (const table of ruleset.tables)
    for (const chain of table.chains)
      for (const rule of chain.rules) {
        if (rule.target.kind !== 'extension') continue;
        for (const change of effectOf(ruleset, machine, registry, rule)?.changes ?? [])
          changes.push([rule, change]);
      }
  known.set(ruleset, { machine, registry, changes });
  return changes;
}

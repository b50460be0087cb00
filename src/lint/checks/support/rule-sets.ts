/**
 * The packets that single rules describe, exactly: each extension's own description, put together for one rule.
 * Nothing here knows what earlier rules do; a set says what a rule asks for, not what comes to it.
 */

import { basePackets } from '../../../extensions/base.ts';
import type { Rule } from '../../../model/ruleset.ts';
import { createCollector } from '../../../packetset/boundaries.ts';
import { createChoiceScope } from '../../../packetset/choices.ts';
import { buildCodec } from '../../../packetset/codec.ts';
import type { PacketSet, PacketSpace } from '../../../packetset/space.ts';
import { type BddPacketSpace, createPacketSpace } from '../../../packetset/space-bdd.ts';
import type { CheckContext, RulesetView } from '../../check.ts';

/** The conditions of a rule; a rule as it stands is one. */
export type Conditions = Pick<Rule, 'base' | 'matches'>;

/** Sets of a few rules in one space. */
export interface RuleSets {
  /** The packets that these conditions describe, among those that can exist. The nth of the conditions given. */
  readonly sets: readonly PacketSet[];
  readonly space: BddPacketSpace;
}

/** Nodes that the sets of a few rules may take; a rule takes some hundreds. */
const nodesMax = 1 << 18;

/**
 * The sets of these conditions, in their order; undefined where a match is not known here, or where the sets would grow
 * too large. What a packet does not decide (a rate, a list) is a variable of its own for each of the conditions.
 */
export function ruleSets(
  context: CheckContext,
  view: RulesetView,
  list: readonly Conditions[],
): RuleSets | undefined {
  const { machine, registry } = context;
  const { family } = view;
  const describe = ({ base, matches }: Conditions, space: PacketSpace): PacketSet | undefined => {
    let set = basePackets(base, space);
    for (const use of matches) {
      const extension = use.known ? registry.match(use.extension, family) : undefined;
      if (!extension) return undefined;
      set = space.and(set, extension.packets(use.data as never, space, { family, base, machine }));
    }
    return set;
  };
  const collector = createCollector(family);
  if (list.some((conditions) => describe(conditions, collector.space) === undefined)) return undefined;
  const scope = createChoiceScope();
  const space = createPacketSpace(buildCodec(collector.boundaries()), { scope, nodesMax });
  const sets: PacketSet[] = [];
  for (const [i, conditions] of list.entries()) {
    scope.enter(String(i));
    const set = space.and(space.valid, describe(conditions, space) ?? space.undecided);
    if (!space.isDecided(set)) return undefined;
    sets.push(set);
  }
  return { sets, space };
}

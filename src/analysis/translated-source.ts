/**
 * Packets that rules see after their source was translated: those that this machine sends to itself by `lo`, and those
 * that the security table meets behind nat in INPUT. Sets keep the source that a packet had at first, so its new one may be any
 * other: what asks for it may match or not.
 */

import type { Rule } from '../model/ruleset.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { SeenAs } from './chain-model.ts';
import { readersOf } from './changes.ts';
import { changesOf } from './effects.ts';
import type { Side } from './side.ts';
import type { Visit } from './table-run.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What another source is read by: the connection's answers go to it. */
const sourceFields: readonly FieldName[] = ['src', 'sport', 'ctReplDst', 'ctReplDport'];

/** What matches see of packets whose source is no longer known. */
export function seenWithAnySource({ space }: Vocabulary): SeenAs {
  const fields = sourceFields.filter((f) => space.codec.fields.has(f));
  const some = (set: PacketSet): PacketSet =>
    space.forget(space.mayOver(set, readersOf(space, ['src', 'sport'])), fields);
  return { may: some, must: (set) => space.not(some(space.not(set))) };
}

/** Of `among`, the packets that some rule of this visit of nat may give another source. */
export function givenAnotherSource(
  { side, vocabulary: { space } }: NatVisit,
  visit: Visit,
  among: PacketSet,
): PacketSet {
  const sets: PacketSet[] = [];
  for (const rule of translators(side, 'source')) {
    const may = visit.analysis.model.chains.get(rule.chain)?.rules[rule.index]?.may;
    if (may !== undefined && !space.disjoint(may, among)) sets.push(space.and(visit.taking(rule), among));
  }
  return space.union(sets);
}

/** Whether some rule of this visit of nat may give a packet another destination: its answers then have another source. */
export function givesAnotherDestination({ side }: NatVisit, visit: Visit): boolean {
  return translators(side, 'destination').some((rule) => visit.takes(rule) !== false);
}

/** What the questions above are asked of. */
interface NatVisit {
  readonly side: Side;
  readonly vocabulary: Vocabulary;
}

function translators({ ruleset, program, registry }: Side, half: 'source' | 'destination'): readonly Rule[] {
  return changesOf(ruleset, program.machine, registry).flatMap(([rule, change]) =>
    rule.table === 'nat' && change.field === 'nat' && (change.manip === half || change.manip === 'by-hook')
      ? [rule]
      : [],
  );
}

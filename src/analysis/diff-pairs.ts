/**
 * Two partitions (or nearly: fates overlap where something is not known) of the same packets, compared: which packets
 * moved from what to what.
 */

import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';

/** What may become of packets on one side. Relations of kinds that go on hold the header at the end as well. */
export interface Outcome {
  readonly key: string;
  /** The packets. */
  readonly set: PacketSet;
  /** With the header at the end; where that does not count, the packets again. */
  readonly relation: PacketSet;
}

/** Packets that moved. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  readonly set: PacketSet;
}

const none = (): PacketSet => 0 as PacketSet;

/** Outcomes by key. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** All packets of these outcomes. */
export function allOf(space: BddPacketSpace, outcomes: Outcomes): PacketSet {
  return space.union([...outcomes.values()].map((o) => o.set));
}

/**
 * What moved within `care`. A packet that lost one outcome and gained another moved from the one to the other; one that
 * only lost or only gained moved from or to those that it has on both sides. From a key to itself: the header at the
 * end is another.
 */
export function movedPackets(
  space: BddPacketSpace,
  before: Outcomes,
  after: Outcomes,
  care: PacketSet,
  packetsOf: (relation: PacketSet) => PacketSet,
): readonly Moved[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  const missing = (a: Outcome | undefined, b: Outcome | undefined): PacketSet => {
    if (a === undefined) return none();
    if (b === undefined) return space.and(a.set, care);
    if (a.relation === b.relation) return none();
    const gone = space.diff(a.relation, b.relation);
    return space.and(a.relation === a.set ? gone : packetsOf(gone), care);
  };
  const lost = new Map(keys.map((k) => [k, missing(before.get(k), after.get(k))]));
  const gained = new Map(keys.map((k) => [k, missing(after.get(k), before.get(k))]));
  const anyLost = space.union([...lost.values()]);
  const anyGained = space.union([...gained.values()]);
  const moved: Moved[] = [];
  const add = (from: string, to: string, set: PacketSet): void => {
    if (set === space.none) return;
    const known = moved.findIndex((m) => m.from === from && m.to === to);
    const old = moved[known];
    if (old === undefined) moved.push({ from, to, set });
    else moved[known] = { from, to, set: space.or(old.set, set) };
  };
  for (const from of keys) {
    const gone = lost.get(from) ?? none();
    if (gone === space.none) continue;
    for (const to of keys) add(from, to, space.and(gone, gained.get(to) ?? none()));
    const only = space.diff(gone, anyGained);
    for (const to of only === space.none ? [] : keys)
      if (to !== from || before.get(from)?.relation !== before.get(from)?.set)
        add(from, to, space.and(only, after.get(to)?.set ?? none()));
  }
  for (const to of keys) {
    const only = space.diff(gained.get(to) ?? none(), anyLost);
    for (const from of only === space.none ? [] : keys)
      if (to !== from || after.get(to)?.relation !== after.get(to)?.set)
        add(from, to, space.and(only, before.get(from)?.set ?? none()));
  }
  return moved;
}

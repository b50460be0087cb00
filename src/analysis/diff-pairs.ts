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

/** Whether the header at the end counts. */
const holdsMore = (o: Outcome | undefined): boolean => o !== undefined && o.relation !== o.set;

/** All packets of these outcomes. */
export function allOf(space: BddPacketSpace, outcomes: Outcomes): PacketSet {
  return space.union([...outcomes.values()].map((o) => o.set));
}

/**
 * What moved within `care`. A packet that lost one outcome and gained another moved from the one to the other; one that
 * only lost or only gained moved from or to those that it has on both sides. From a key to itself: the header at the
 * end is another. What it has on both sides and `turns` is taken first: a packet that may be dropped as before, and is
 * forwarded no more, was closed.
 */
export function movedPackets(
  space: BddPacketSpace,
  before: Outcomes,
  after: Outcomes,
  care: PacketSet,
  packetsOf: (relation: PacketSet) => PacketSet,
  turns: (from: string, to: string) => boolean = () => false,
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
    let only = space.diff(gone, anyGained);
    const others = keys.filter((to) => to !== from || holdsMore(before.get(from)));
    for (const first of [true, false]) {
      const there = others.filter((to) => turns(from, to) === first);
      for (const to of only === space.none ? [] : there)
        add(from, to, space.and(only, after.get(to)?.set ?? none()));
      only = space.diff(only, space.union(there.map((to) => after.get(to)?.set ?? none())));
    }
  }
  for (const to of keys) {
    let only = space.diff(gained.get(to) ?? none(), anyLost);
    const others = keys.filter((from) => to !== from || holdsMore(after.get(to)));
    for (const first of [true, false]) {
      const there = others.filter((from) => turns(from, to) === first);
      for (const from of only === space.none ? [] : there)
        add(from, to, space.and(only, before.get(from)?.set ?? none()));
      only = space.diff(only, space.union(there.map((from) => before.get(from)?.set ?? none())));
    }
  }
  return moved;
}

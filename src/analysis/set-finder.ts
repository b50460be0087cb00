/** Finds, among many sets, those that have packets in common with another one: by halves, so that few are looked at. */

import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';

/** Answers the entries that meet a set, in their order. */
export type SetFinder<T> = (set: PacketSet) => readonly T[];

/** Unions are made when they are first asked for; they cost what the entries' sets cost, once. */
export function createSetFinder<T extends { readonly set: PacketSet }>(
  space: BddPacketSpace,
  entries: readonly T[],
): SetFinder<T> {
  interface Half {
    readonly from: number;
    readonly to: number;
    union?: PacketSet;
    halves?: readonly [Half, Half];
  }
  const halvesOf = (h: Half): readonly [Half, Half] => {
    const middle = (h.from + h.to) >>> 1;
    h.halves ??= [
      { from: h.from, to: middle },
      { from: middle, to: h.to },
    ];
    return h.halves;
  };
  const unionOf = (h: Half): PacketSet => {
    if (h.to - h.from === 1) return (entries[h.from] as T).set;
    if (h.union === undefined) {
      const [a, b] = halvesOf(h);
      h.union = space.or(unionOf(a), unionOf(b));
    }
    return h.union;
  };
  const whole: Half = { from: 0, to: entries.length };
  return (set) => {
    const found: T[] = [];
    const look = (h: Half): void => {
      if (h.from === h.to || space.disjoint(unionOf(h), set)) return;
      if (h.to - h.from === 1) {
        found.push(entries[h.from] as T);
        return;
      }
      for (const half of halvesOf(h)) look(half);
    };
    look(whole);
    return found;
  };
}

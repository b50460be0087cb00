/** What becomes of packets, said of them as they come in: the question behind every answer about all packets. */

import { tcpFlagBits } from '../net/tcp-flags.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import { maskInUse } from '../packetset/valid.ts';
import type { FateKind, FatePart, Road } from './road.ts';
import { unconfirmed } from './tracking.ts';
import type { MaySet, Vocabulary } from './vocabulary.ts';

/**
 * The packets of a relation as they came in. What the machine adds on the way is forgotten: the out-interface, and `lo`
 * for packets that it sent to itself.
 */
export function atEntry(
  { space }: Vocabulary,
  relation: PacketSet,
  road: Pick<Road, 'name' | 'entering'>,
): PacketSet {
  const header = space.entryOf(relation);
  if (road.name === 'arrive')
    return space.and(
      space.forget(header, ['outInterface']),
      space.interface('out', { name: '', exact: true }),
    );
  return space.and(space.forget(header, ['inInterface', 'outInterface']), space.entryOf(road.entering));
}

/** Packets by how they end. `must`: however everything falls that is not known. */
export type Fates = ReadonlyMap<FateKind, MaySet>;

/**
 * All packets of a road that satisfy `part`, by fate, as they came in. A packet may have several fates where
 * something is not known: it then is in `may` of each and in `must` of none.
 */
export function fatesOf(vocabulary: Vocabulary, road: Road, only?: (part: FatePart) => boolean): Fates {
  const { space } = vocabulary;
  const byFate = new Map<FateKind, PacketSet[]>();
  for (const part of road.parts) {
    if (only?.(part) === false) continue;
    const list = byFate.get(part.fate);
    const set = atEntry(vocabulary, part.set, road);
    if (list === undefined) byFate.set(part.fate, [set]);
    else list.push(set);
  }
  const open = new Map([...byFate].map(([fate, sets]) => [fate, space.union(sets)]));
  const may = new Map([...open].map(([fate, set]) => [fate, space.may(set)]));
  const result = new Map<FateKind, MaySet>();
  for (const [fate, set] of may) {
    const others = space.union([...may].flatMap(([f, s]) => (f === fate ? [] : [s])));
    result.set(fate, { may: set, must: space.diff(set, others) });
  }
  return result;
}

/** Unknowns that decide between these fates, in words fit for `--assume` or for people. */
export function unknownsBehind(vocabulary: Vocabulary, parts: readonly FatePart[]): readonly string[] {
  const names = new Set<string>();
  for (const part of parts) for (const v of vocabulary.space.unknownsOf(part.set)) names.add(v.identity);
  return [...names].sort();
}

/**
 * Packets that may open a connection: what conntrack calls NEW (for ICMP, a request), a SYN for TCP, not a fragment.
 * Only fields in use are looked at, so this needs no room of its own in the space.
 */
export function openers({ space }: Vocabulary): PacketSet {
  const { fields } = space.codec;
  const inUse = (field: FieldName): boolean => fields.has(field);
  let set = space.valid;
  if (inUse('ctState')) {
    const first = unconfirmed(space, { has: inUse, tcpFlagsMask: 0 });
    set = space.and(set, space.and(space.named('ctState', 'NEW'), first));
  }
  if (inUse('fragmentKind')) set = space.and(set, space.interval('fragmentKind', 0, 0));
  const mask = maskInUse(space.codec, 'tcpFlags');
  const { SYN, ACK, FIN, RST } = tcpFlagBits;
  if (mask !== 0) {
    const syn = space.bits('tcpFlags', SYN & mask, (SYN | ACK | FIN | RST) & mask);
    set = space.and(set, space.or(space.not(space.interval('protocol', 6, 6)), syn));
  }
  return set;
}

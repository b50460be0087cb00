/** Conditions on a field that agree about every value that matters: candidates for the one that is shortest to say. */

import { type AddressRange, addressFromBigInt, addressToBigInt } from '../net/address.ts';
import { fieldValues } from './field-values.ts';
import type { PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';

/** Stretches of addresses that nobody has are taken in up to this length at the ends of a range. */
const endMax = 256n;

/**
 * The condition as it is, without and with all values that do not matter; for addresses also with those that lie between
 * or next to its own, so that a network without its own and its broadcast address is a network.
 */
export function roundings(
  space: BddPacketSpace,
  field: 'src' | 'dst' | 'inInterface' | 'outInterface' | 'sport' | 'dport' | 'icmpType',
  values: PacketSet,
  possible: PacketSet,
): readonly PacketSet[] {
  const idle = space.not(possible);
  const inside = space.and(values, possible);
  const plain = [values, inside, space.or(values, idle)];
  if (field !== 'src' && field !== 'dst') return plain;
  const close = (set: PacketSet): PacketSet => closed(space, field, set, idle);
  return [...plain, close(inside), space.not(close(space.diff(possible, values)))];
}

/** The addresses with what lies between and next to them and nobody has. */
function closed(space: BddPacketSpace, field: 'src' | 'dst', inside: PacketSet, idle: PacketSet): PacketSet {
  const own = fieldValues(space, field, inside);
  const grown = fieldValues(space, field, space.or(inside, idle));
  if (own.kind !== 'addresses' || grown.kind !== 'addresses') return inside;
  let filled = inside;
  let at = 0;
  for (const { low, high } of grown.ranges) {
    const from = addressToBigInt(low);
    const to = addressToBigInt(high);
    const within: AddressRange[] = [];
    for (let r = own.ranges[at]; r !== undefined && addressToBigInt(r.high) <= to; r = own.ranges[++at])
      within.push(r);
    const first = within[0];
    const last = within.at(-1);
    if (first === undefined || last === undefined) continue;
    const start = addressToBigInt(first.low);
    const end = addressToBigInt(last.high);
    filled = space.or(
      filled,
      space.addresses(field, {
        low: start - from <= endMax ? addressFromBigInt(low.family, from) : first.low,
        high: to - end <= endMax ? addressFromBigInt(low.family, to) : last.high,
      }),
    );
  }
  return filled;
}

/** The packets that can exist, as far as the encoding of one header allows others. */

import type { Codec } from './codec.ts';
import {
  entryFields,
  type FieldName,
  fieldSpecs,
  icmpProtocol,
  laterFragment,
  portProtocols,
  securityProtocols,
} from './fields.ts';
import type { BitField, IntervalField, NamedField, PacketSet, PacketSpace } from './space.ts';

/**
 * Every set of the algebra may hold combinations that no packet has: ICMP with ports, a later fragment with a type.
 * They are never looked at, because questions are asked within this set:
 *
 * - ports exactly for protocols with ports, types and codes exactly for ICMP, and not in later fragments;
 * - TCP flags and MSS for TCP alone, an SPI (IPv4) for ESP and AH alone;
 * - fields of the conntrack entry exactly for tracked packets;
 * - every other field always.
 *
 * Where fragments are not in use as a field, a packet of a protocol with ports that has none *is* a later fragment.
 */
export function validPackets(space: PacketSpace, codec: Codec): PacketSet {
  const used = (field: FieldName): boolean => codec.fields.has(field);
  const protocols = (numbers: readonly number[]): PacketSet =>
    numbers.reduce<PacketSet>((set, p) => space.or(set, space.interval('protocol', p, p)), space.none);
  const whole = used('fragmentKind')
    ? space.not(space.interval('fragmentKind', laterFragment, laterFragment))
    : undefined;
  const implies = (a: PacketSet, b: PacketSet): PacketSet => space.or(space.not(a), b);
  const both = (a: PacketSet, b: PacketSet): PacketSet => space.and(a, b);

  let valid = space.all;
  /** Fields that stand or fall together, exactly with packets of `owners`. */
  const together = (fields: readonly IntervalField[], owners: () => PacketSet): void => {
    const present = fields.filter(used).map((field) => space.has(field));
    const first = present[0];
    if (first === undefined) return;
    for (const other of present.slice(1))
      valid = both(valid, both(implies(first, other), implies(other, first)));
    const may = whole === undefined ? owners() : both(owners(), whole);
    valid = both(valid, implies(first, may));
    if (whole !== undefined) valid = both(valid, implies(may, first));
  };
  together(['sport', 'dport'], () => protocols(portProtocols));
  together(['icmpType', 'icmpCode'], () => protocols([icmpProtocol(codec.family)]));
  if (codec.family === 'ipv4') together(['spi'], () => protocols(securityProtocols));
  const tcp = (): PacketSet => {
    const all = whole === undefined ? protocols([6]) : both(protocols([6]), whole);
    return used('sport') || used('dport') ? both(all, space.has(used('sport') ? 'sport' : 'dport')) : all;
  };
  if (used('tcpFlags'))
    valid = both(valid, implies(space.not(space.bits('tcpFlags', 0, maskInUse(codec, 'tcpFlags'))), tcp()));
  if (used('mss')) valid = both(valid, implies(space.has('mss'), tcp()));

  for (const [field, { coding }] of codec.fields) {
    // A field that every packet has shares the partition of one that can be absent.
    const canBeAbsent =
      'atoms' in coding ? coding.atoms.hasAbsent : 'hasAbsent' in coding && coding.hasAbsent;
    const spec = fieldSpecs[field];
    if (canBeAbsent && 'optional' in spec && !spec.optional)
      valid = both(valid, hasField(space, codec, field));
  }
  const entry = entryFields.filter(used);
  if (entry.length > 0) {
    const tracked = space.tracked();
    for (const field of entry) {
      const spec = fieldSpecs[field];
      if (spec.kind === 'bits' && (field === 'connmark' || field === 'ctStatus')) {
        valid = both(valid, implies(space.not(space.bits(field, 0, maskInUse(codec, field))), tracked));
      } else if (field === 'helper') {
        valid = both(valid, implies(space.has(field), tracked));
      } else {
        const has = hasField(space, codec, field);
        valid = both(valid, both(implies(has, tracked), implies(tracked, has)));
      }
    }
  }
  return valid;
}

/** The bits of a field that have variables. */
export function maskInUse(codec: Codec, field: BitField): number {
  const coding = codec.fields.get(field)?.coding;
  if (coding?.kind !== 'bits') return 0;
  return coding.bitNumbers.reduce((mask, bit) => (mask | (1 << bit)) >>> 0, 0);
}

function hasField(space: PacketSpace, codec: Codec, field: FieldName): PacketSet {
  if (fieldSpecs[field].kind !== 'address') return space.has(field as IntervalField | NamedField);
  const zero = { family: codec.family, w0: 0, w1: 0, w2: 0, w3: 0 } as const;
  return space.network(field as 'ctOrigSrc', { address: zero, mask: zero });
}

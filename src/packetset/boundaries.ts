/**
 * The first of the two runs over every description of a set: nothing is built, only what is mentioned is noted, so
 * that each field can then be cut into atoms (see codec.ts).
 */

import {
  type Address,
  type AddressRange,
  compareAddresses,
  type Family,
  ipv4,
  networkRange,
} from '../net/address.ts';
import { type InterfacePattern, interfacePatternText } from '../net/interface-pattern.ts';
import { nextAddress } from './codings.ts';
import {
  canonicalName,
  entryFields,
  type FieldName,
  fieldNames,
  fieldSpecs,
  icmpProtocol,
  laterFragment,
  portProtocols,
  securityProtocols,
} from './fields.ts';
import { addressTypeRanges, type Locality } from './locality.ts';
import type { AddressField, IntervalField, PacketSet, PacketSpace } from './space.ts';

/** What was mentioned of one field. A field that is in use at all has an entry, if an empty one. */
export type Mentioned =
  /** First values of atoms, ascending; zero left out. */
  | { readonly kind: 'interval'; readonly starts: readonly number[] }
  /** The same for addresses. `raw`: a mask with holes is in play, so that the field is encoded bit by bit. */
  | { readonly kind: 'address'; readonly starts: readonly Address[]; readonly raw: boolean }
  /** `mask`: bits in use, unsigned. */
  | { readonly kind: 'bits'; readonly mask: number }
  /** Ascending. */
  | { readonly kind: 'named'; readonly values: readonly string[] }
  | { readonly kind: 'interface'; readonly patterns: readonly InterfacePattern[] };

/** All that was mentioned, as plain data. */
export interface Boundaries {
  readonly family: Family;
  readonly fields: Readonly<Partial<Record<FieldName, Mentioned>>>;
  /** Groups of fields that are compared with or copied to each other, and so share one partition. */
  readonly linked: readonly (readonly FieldName[])[];
}

/** Notes what is mentioned: by descriptions through `space`, by rewrites, queries and context through the rest. */
export interface Collector {
  readonly family: Family;
  readonly space: PacketSpace;
  /** Whether the field was mentioned so far, or is needed for one that was. */
  inUse(field: FieldName): boolean;
  /** Bits of the field that were mentioned so far, unsigned. */
  maskOf(field: FieldName): number;
  /** The field is needed, even if nothing is said about it. */
  use(field: FieldName): void;
  /** The field is rewritten under a mask with holes, or prefix-wise (NETMAP): encode it bit by bit. */
  rawBits(field: AddressField): void;
  /**
   * Values of `from` between `low` and `high` are moved by `offset` into `to`: atoms must be mapped to atoms. All
   * boundaries that this implies, also through further moves, are added.
   */
  shift(from: IntervalField, to: IntervalField, low: number, high: number, offset: number): void;
  /** These fields are compared with or copied to each other. Only fields of one kind and width. */
  link(fields: readonly FieldName[]): void;
  /** All that was noted so far. */
  boundaries(): Boundaries;
}

interface Shift {
  readonly from: IntervalField;
  readonly to: IntervalField;
  readonly low: number;
  readonly high: number;
  readonly offset: number;
}

interface Notes {
  /** Starts of intervals; of ranges of IPv4 addresses, too, as numbers. May hold one past the last value. */
  numbers: Set<number>;
  /** Starts of ranges of IPv6 addresses. */
  addresses: Address[];
  raw: boolean;
  mask: number;
  values: Set<string>;
  patterns: Map<string, InterfacePattern>;
}

const noNotes = (): Notes => ({
  numbers: new Set(),
  addresses: [],
  raw: false,
  mask: 0,
  values: new Set(),
  patterns: new Map(),
});

/** Starts the first run. `locality`: what the second run will be told too. */
export function createCollector(family: Family, locality?: Locality): Collector {
  const notes = new Map<FieldName, Notes>();
  const shifts: Shift[] = [];
  const links: (readonly FieldName[])[] = [];

  function noteOf(field: FieldName): Notes {
    let n = notes.get(field);
    if (n === undefined) {
      n = noNotes();
      notes.set(field, n);
    }
    return n;
  }

  function range(field: AddressField, { low, high }: AddressRange): void {
    const { addresses, numbers } = noteOf(field);
    if (low.family !== family || compareAddresses(low, high) > 0) return;
    if (family === 'ipv4') {
      numbers.add(low.w3).add(high.w3 + 1);
      return;
    }
    addresses.push(low);
    const next = nextAddress(high);
    if (next !== undefined) addresses.push(next);
  }

  function interval(field: IntervalField, low: number, high: number): void {
    const { numbers } = noteOf(field);
    if (low > high) return;
    numbers.add(low);
    numbers.add(high + 1);
  }

  // Whatever is asked, the answer is the same: a description must not look at it.
  const all = 1 as PacketSet;
  const space: PacketSpace = {
    all,
    none: 0 as PacketSet,
    and: () => all,
    or: () => all,
    not: () => all,
    interval: (field, low, high) => {
      interval(field, low, high);
      return all;
    },
    bits: (field, value, mask) => {
      // A value outside of its mask is never met: no bit is looked at.
      const n = noteOf(field);
      if ((value & ~mask) === 0) n.mask = (n.mask | mask) >>> 0;
      return all;
    },
    network: (field, net) => {
      const ends = networkRange(net);
      if (ends !== undefined) range(field, ends);
      else if (net.address.family === family) noteOf(field).raw = true;
      return all;
    },
    addresses: (field, ends) => {
      range(field, ends);
      return all;
    },
    interface: (direction, pattern) => {
      const n = noteOf(direction === 'in' ? 'inInterface' : 'outInterface');
      n.patterns.set(interfacePatternText(pattern), pattern);
      return all;
    },
    named: (field, value) => {
      noteOf(field).values.add(canonicalName(field, value));
      return all;
    },
    has: (field) => {
      noteOf(field);
      return all;
    },
    tracked: () => {
      noteOf('ctState');
      return all;
    },
    addressType: (field, type) => {
      noteOf(field);
      for (const ends of addressTypeRanges(locality, type).boundaries) range(field, ends);
      return all;
    },
    choice: () => all,
  };

  return {
    family,
    space,
    inUse: (field) => {
      notePresence(family, noteOf, notes);
      return notes.has(field);
    },
    maskOf: (field) => notes.get(field)?.mask ?? 0,
    use: (field) => void noteOf(field),
    rawBits: (field) => {
      noteOf(field).raw = true;
    },
    shift: (from, to, low, high, offset) => {
      noteOf(from);
      noteOf(to);
      const known = (s: Shift): boolean =>
        s.from === from && s.to === to && s.low === low && s.high === high && s.offset === offset;
      if (!shifts.some(known)) shifts.push({ from, to, low, high, offset });
    },
    link: (fields) => {
      if (!links.some((link) => link.join() === fields.join())) links.push(fields);
    },
    boundaries: () => {
      notePresence(family, noteOf, notes);
      return close(family, notes, links, shifts);
    },
  };
}

/** What decides whether a packet has the fields in use must be in use itself: see valid.ts. */
function notePresence(
  family: Family,
  noteOf: (field: FieldName) => Notes,
  notes: ReadonlyMap<FieldName, Notes>,
): void {
  const needProtocols = (fields: readonly FieldName[], protocols: readonly number[]): void => {
    if (!fields.some((field) => notes.has(field))) return;
    const { numbers } = noteOf('protocol');
    for (const protocol of protocols) numbers.add(protocol).add(protocol + 1);
  };
  needProtocols(['sport', 'dport'], portProtocols);
  needProtocols(['icmpType', 'icmpCode'], [icmpProtocol(family)]);
  needProtocols(['tcpFlags', 'mss'], [6]);
  if (family === 'ipv4') needProtocols(['spi'], securityProtocols);
  if (entryFields.some((field) => notes.has(field))) noteOf('ctState');
  if (notes.has('fragmentKind')) noteOf('fragmentKind').numbers.add(laterFragment);
}

/** Joins linked fields, carries boundaries through the shifts. */
function close(
  family: Family,
  notes: ReadonlyMap<FieldName, Notes>,
  links: readonly (readonly FieldName[])[],
  shifts: readonly Shift[],
): Boundaries {
  const groupOf = new Map<FieldName, FieldName[]>();
  for (const link of links) {
    const joined = [...new Set(link.flatMap((field) => groupOf.get(field) ?? [field]))];
    for (const field of joined) groupOf.set(field, joined);
  }
  const inUse = fieldNames.filter((field) => notes.has(field));
  const shared = new Map<FieldName, Notes>();
  for (const field of inUse) {
    if (shared.has(field)) continue;
    const group = (groupOf.get(field) ?? [field]).filter((f) => notes.has(f));
    const sum = noNotes();
    for (const n of group.map((f) => notes.get(f) ?? noNotes())) {
      for (const x of n.numbers) sum.numbers.add(x);
      sum.addresses = sum.addresses.concat(n.addresses);
      sum.raw ||= n.raw;
      sum.mask = (sum.mask | n.mask) >>> 0;
      for (const x of n.values) sum.values.add(x);
      for (const [text, pattern] of n.patterns) sum.patterns.set(text, pattern);
    }
    for (const f of group) shared.set(f, sum);
  }
  carryThroughShifts(shared, shifts);
  const fields: Partial<Record<FieldName, Mentioned>> = {};
  for (const field of inUse) {
    const n = shared.get(field);
    if (n !== undefined) fields[field] = mentioned(family, field, n);
  }
  const linked = [...new Set(groupOf.values())]
    .map((group) => fieldNames.filter((f) => group.includes(f) && notes.has(f)))
    .filter((group) => group.length > 1);
  return { family, fields, linked };
}

function carryThroughShifts(shared: ReadonlyMap<FieldName, Notes>, shifts: readonly Shift[]): void {
  const starts = (field: IntervalField): Set<number> => shared.get(field)?.numbers ?? new Set();
  for (const s of shifts) {
    for (const end of [s.low, s.high + 1]) {
      starts(s.from).add(end);
      starts(s.to).add(end + s.offset);
    }
  }
  for (let grew = shifts.length > 0; grew; ) {
    grew = false;
    for (const { from, to, low, high, offset } of shifts) {
      const source = starts(from);
      const target = starts(to);
      const before = source.size + target.size;
      for (const x of [...source]) if (x > low && x <= high) target.add(x + offset);
      for (const x of [...target]) if (x > low + offset && x <= high + offset) source.add(x - offset);
      if (source.size + target.size > before) grew = true;
    }
  }
}

/** Ascending, without zero and what is above `max`. */
const startsUpTo = (numbers: ReadonlySet<number>, max: number): number[] =>
  [...Float64Array.from(numbers).sort()].filter((x) => x > 0 && x <= max);

function mentioned(family: Family, field: FieldName, n: Notes): Mentioned {
  const spec = fieldSpecs[field];
  switch (spec.kind) {
    case 'interval':
      return { kind: 'interval', starts: startsUpTo(n.numbers, spec.max) };
    case 'address': {
      if (family === 'ipv4')
        return { kind: 'address', starts: startsUpTo(n.numbers, 0xffff_ffff).map(ipv4), raw: n.raw };
      const sorted = n.addresses.sort(compareAddresses);
      const starts = sorted.filter((a, i) => {
        const before = sorted[i - 1];
        return (
          (a.w0 | a.w1 | a.w2 | a.w3) !== 0 && (before === undefined || compareAddresses(before, a) !== 0)
        );
      });
      return { kind: 'address', starts, raw: n.raw };
    }
    case 'bits':
      return { kind: 'bits', mask: n.mask };
    case 'named':
      return { kind: 'named', values: [...n.values].sort() };
    case 'interface':
      return {
        kind: 'interface',
        patterns: [...n.patterns.keys()].sort().map((k) => n.patterns.get(k) as InterfacePattern),
      };
  }
}

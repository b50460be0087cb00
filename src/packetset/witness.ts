/** An ordinary packet of a set: what an administrator would have thought of first. */

import {
  type Address,
  addressBits,
  addressFromBigInt,
  addressToBigInt,
  compareAddresses,
  networkRange,
  prefix,
} from '../net/address.ts';
import { witnessAddresses, witnessNetworks } from '../net/documentation.ts';
import { FALSE } from './bdd.ts';
import type { UnknownVariable } from './choices.ts';
import type { FieldLayout } from './codec.ts';
import { atomOfCode, type Coding, codesOf, interfaceAtom } from './codings.ts';
import { codeOf } from './contains.ts';
import { fieldValues } from './field-values.ts';
import { type FieldName, icmpProtocol } from './fields.ts';
import type { AddressField, BitField, PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';

/** A number, a name or an address, as the field is. */
export type WitnessValue = number | string | Address;

/** One packet as a partial assignment. */
export interface Witness {
  /**
   * A value for every field in use that the packet has. Fields that it lacks have no entry; nor have fields that are
   * not in use: any value does for those.
   */
  readonly fields: ReadonlyMap<FieldName, WitnessValue>;
  /** Answers that put the packet into the set, "no" where that does. One for each unknown that the set depends on. */
  readonly answers: readonly { readonly variable: UnknownVariable; readonly holds: boolean }[];
}

/** What else a witness should be. */
export interface WitnessOptions {
  /** What to stay within. Default: packets that can exist. */
  readonly care?: PacketSet;
  /** Wishes that come before the ordinary ones, the strongest first; each is granted if it can be. */
  readonly wishes?: readonly PacketSet[];
  /** Names of interfaces to choose from before any are made up. */
  readonly interfaceNames?: readonly string[];
}

/** Ports that everybody knows, the most ordinary first. */
const ordinaryPorts = [80, 443, 22, 53, 25, 8080];
const clientPort = 40_000;
const SYN = 2;
const ACK = 16;

/** The order in which fields are settled, and the values tried for each; `undefined`: that the packet lacks it. */
function wishesFor(
  space: BddPacketSpace,
  options: WitnessOptions,
): [FieldName, (WitnessValue | undefined)[]][] {
  const { family } = space.codec;
  const [stranger, second, ...own] = witnessAddresses(family);
  const names = options.interfaceNames ?? [];
  return [
    ['protocol', [6, 17, icmpProtocol(family)]],
    ['fragmentKind', [0]],
    ['ctState', ['NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED']],
    ['ctDirection', ['original']],
    ['dport', ordinaryPorts],
    ['icmpType', [family === 'ipv4' ? 8 : 128]],
    ['icmpCode', [0]],
    ['tcpFlags', [SYN, ACK, SYN | ACK]],
    ['dst', [...own, stranger, second]],
    ['src', [stranger, second, ...own]],
    ['sport', [clientPort, 1024]],
    ['inInterface', [...names, 'eth0', 'eth1']],
    ['outInterface', [undefined, ...names, 'eth1', 'eth0']],
    ['ttl', [64, 63, 128]],
    ['lengthBytes', [family === 'ipv4' ? 60 : 80]],
    ['mss', [undefined, 1460]],
    ['uid', [undefined, 1000]],
    ['gid', [undefined, 1000]],
    ['packetType', ['unicast']],
    ['helper', [undefined]],
    ['mac', ['02:00:00:00:00:01', undefined]],
  ];
}

/** One packet of the set, by its header now; undefined for an empty or undecided set. Deterministic. */
export function findWitness(
  space: BddPacketSpace,
  set: PacketSet,
  options: WitnessOptions = {},
): Witness | undefined {
  const { codec } = space;
  const inside = space.and(set, options.care ?? space.valid);
  // The header is chosen first, whatever the unknowns and the header at entry.
  const copied = [...codec.fields.values()].filter((l) => l.entry !== l.now).map((l) => l.field);
  let left = space.forget(space.may(inside), copied, 'entry');
  if (left === FALSE || !space.isDecided(left)) return undefined;
  const grant = (wanted: PacketSet): boolean => {
    const both = space.and(left, wanted);
    if (both === FALSE || !space.isDecided(both)) return false;
    left = both;
    return true;
  };
  // A wish is about this header too, even if it is made of sets that speak of both.
  for (const wanted of options.wishes ?? []) grant(space.forget(space.may(wanted), copied, 'entry'));

  const fields = new Map<FieldName, WitnessValue>();
  const settle = (
    layout: FieldLayout,
    wishes: readonly (WitnessValue | undefined)[],
    taken: Address | undefined,
  ): void => {
    const value = settleField(space, layout, wishes, grant, () => left, taken);
    if (value !== undefined) fields.set(layout.field, value);
  };
  const wishes = wishesFor(space, options);
  const asked = new Set(wishes.map(([field]) => field));
  const others = [...codec.fields.keys()].filter((f) => !asked.has(f));
  for (const [field, values] of [...wishes, ...others.map((f) => [f, []] as const)]) {
    const layout = codec.fields.get(field);
    // Nobody talks to himself.
    const other = field === 'src' ? fields.get('dst') : undefined;
    const taken = typeof other === 'object' ? other : undefined;
    const fitting = taken === undefined ? values : values.filter((v) => !isAddress(v, taken));
    if (layout !== undefined) settle(layout, fitting, taken);
  }

  let rest = space.and(inside, left);
  const answers = space.unknownsOf(inside).map((variable) => {
    const no = space.diagram.cofactor(rest, variable.level, 0);
    const holds = no === FALSE;
    rest = holds ? space.diagram.cofactor(rest, variable.level, 1) : no;
    return { variable, holds };
  });
  return { fields, answers };
}

const isAddress = (value: WitnessValue | undefined, address: Address): boolean =>
  typeof value === 'object' && compareAddresses(value, address) === 0;

function settleField(
  space: BddPacketSpace,
  layout: FieldLayout,
  wishes: readonly (WitnessValue | undefined)[],
  grant: (wanted: PacketSet) => boolean,
  left: () => PacketSet,
  taken: Address | undefined,
): WitnessValue | undefined {
  const { field, coding } = layout;
  if (coding.kind === 'bits') return settleBits(space, field as BitField, coding.bitNumbers, wishes, grant);
  if (coding.kind === 'rawAddress') {
    return settleRawAddress(space, field as AddressField, coding, wishes[0] as Address | undefined, grant);
  }
  const pin = (value: WitnessValue | undefined): boolean => {
    const i = atomOfCode<unknown>(coding.atoms, codeOf(coding, value));
    return grant(space.diagram.codes(layout.now, [codesOf<unknown>(coding.atoms, i, i)]));
  };
  for (const value of wishes) {
    if (value === undefined && !coding.atoms.hasAbsent && coding.kind !== 'interfaces') continue;
    if (pin(value)) return value;
  }
  const fallback = ordinaryValue(space, layout, left(), taken);
  pin(fallback);
  return fallback;
}

/** Each bit as in the first wish, if it can be. */
function settleBits(
  space: BddPacketSpace,
  field: BitField,
  bitNumbers: readonly number[],
  wishes: readonly (WitnessValue | undefined)[],
  grant: (wanted: PacketSet) => boolean,
): number {
  const mask = bitNumbers.reduce((m, bit) => (m | (1 << bit)) >>> 0, 0);
  for (const wish of wishes) {
    if (typeof wish === 'number' && grant(space.bits(field, (wish & mask) >>> 0, mask))) return wish;
  }
  let value = 0;
  for (const bit of bitNumbers) {
    if (!grant(space.bits(field, 0, (1 << bit) >>> 0))) value = (value | (1 << bit)) >>> 0;
  }
  return value;
}

function settleRawAddress(
  space: BddPacketSpace,
  field: AddressField,
  coding: Extract<Coding, { kind: 'rawAddress' }>,
  wish: Address | undefined,
  grant: (wanted: PacketSet) => boolean,
): Address | undefined {
  const { family } = coding;
  const every = space.network(field, prefix(addressFromBigInt(family, 0n), 0));
  if (coding.hasAbsent && !grant(every)) return undefined;
  const like = wish === undefined ? 0n : addressToBigInt(wish);
  let value = 0n;
  for (let bit = BigInt(addressBits(family)) - 1n; bit >= 0n; bit--) {
    const one = 1n << bit;
    const wanted = like & one;
    const mask = addressFromBigInt(family, one);
    const granted = grant(space.network(field, { address: addressFromBigInt(family, wanted), mask }));
    value |= granted ? wanted : wanted ^ one;
  }
  return addressFromBigInt(family, value);
}

/** A value that the set still allows: of all, one that looks ordinary, and not an address that is taken. */
function ordinaryValue(
  space: BddPacketSpace,
  layout: FieldLayout,
  left: PacketSet,
  taken: Address | undefined,
): WitnessValue | undefined {
  const others = [...space.codec.fields.keys()].filter((f) => f !== layout.field);
  const v = fieldValues(space, layout.field, space.forget(left, others));
  switch (v.kind) {
    case 'numbers': {
      const [first] = v.intervals;
      return first === undefined ? undefined : first[0] === 0 && first[1] > 0 ? 1 : first[0];
    }
    case 'addresses':
      return ordinaryAddress(space, v.ranges, taken);
    case 'names': {
      const label = v.labels[0];
      return label === undefined ? undefined : label.kind === 'value' ? label.value : madeUpName(layout);
    }
    case 'interfaces': {
      const label = v.labels.find((l) => l.kind === 'name') ?? v.labels.find((l) => l.kind !== 'none');
      if (label === undefined) return undefined;
      if (label.kind === 'name') return label.name;
      return madeUpInterface(layout, label.kind === 'prefix' ? label.prefix : '');
    }
    default:
      return undefined;
  }
}

function ordinaryAddress(
  space: BddPacketSpace,
  ranges: readonly { readonly low: Address; readonly high: Address }[],
  taken: Address | undefined,
): Address | undefined {
  for (const network of witnessNetworks(space.codec.family)) {
    const ends = networkRange(network);
    for (const { low, high } of ranges) {
      if (ends === undefined || compareAddresses(low, ends.high) > 0 || compareAddresses(high, ends.low) < 0)
        continue;
      const from = compareAddresses(low, ends.low) > 0 ? low : ends.low;
      const to = compareAddresses(high, ends.high) < 0 ? high : ends.high;
      return hostIn(from, to, taken);
    }
  }
  // Unassigned low and multicast high ends of the space are the least ordinary.
  const middle = ranges.find((r) => r.low.w0 + r.low.w3 !== 0) ?? ranges[0];
  return middle === undefined ? undefined : hostIn(middle.low, middle.high, taken);
}

/** The seventh address, or the first: networks begin with addresses that no host has. If it is taken, the next one. */
function hostIn(low: Address, high: Address, taken: Address | undefined): Address {
  const last = addressToBigInt(high);
  const seventh = addressToBigInt(low) + 7n;
  const host = seventh <= last ? seventh : addressToBigInt(low);
  const free = taken === undefined || host !== addressToBigInt(taken) || host === last ? host : host + 1n;
  return addressFromBigInt(low.family, free);
}

/** A name that falls into the class of those that nobody mentioned. */
function madeUpName(layout: FieldLayout): string {
  const { coding, field } = layout;
  const taken = new Set(
    coding.kind === 'names' ? coding.atoms.values.flatMap((l) => (l.kind === 'value' ? [l.value] : [])) : [],
  );
  for (let n = 1; ; n++) {
    const name = field === 'mac' ? `02:00:00:00:00:${(n & 255).toString(16).padStart(2, '0')}` : `helper${n}`;
    if (!taken.has(name) || n > 255) return name;
  }
}

function madeUpInterface(layout: FieldLayout, beginning: string): string {
  const { coding } = layout;
  if (coding.kind !== 'interfaces') return beginning;
  const { atoms } = coding;
  const wanted = beginning === '' ? undefined : beginning;
  for (let n = 0; n < 10_000; n++) {
    const name = `${wanted ?? 'if'}${n}`;
    const label = atoms.values[interfaceAtom(atoms, name)];
    if (wanted === undefined ? label?.kind === 'other' : label?.kind === 'prefix' && label.prefix === wanted)
      return name;
  }
  return beginning;
}

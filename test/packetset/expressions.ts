/** Random descriptions of packet sets, with two readings: as a set, and as a condition on one packet. */

import fc from 'fast-check';
import type { PacketConnection, Tuple } from '../../src/model/connection.ts';
import type { CtState } from '../../src/model/netfilter.ts';
import type { Packet, PacketType } from '../../src/model/packet.ts';
import {
  type Address,
  type Family,
  ipv4,
  ipv6,
  network,
  networkContains,
  prefixMask,
  rangeContains,
} from '../../src/net/address.ts';
import { interfaceMatches, interfacePattern } from '../../src/net/interface-pattern.ts';
import { fieldSpecs } from '../../src/packetset/fields.ts';
import { fieldValue, type PacketView } from '../../src/packetset/packet-view.ts';
import type {
  AddressField,
  BitField,
  IntervalField,
  NamedField,
  PacketSet,
  PacketSpace,
} from '../../src/packetset/space.ts';

export type Description =
  | { readonly is: 'interval'; readonly field: IntervalField; readonly low: number; readonly high: number }
  | { readonly is: 'bits'; readonly field: BitField; readonly value: number; readonly mask: number }
  | {
      readonly is: 'network';
      readonly field: AddressField;
      readonly address: Address;
      readonly mask: Address;
    }
  | { readonly is: 'addresses'; readonly field: AddressField; readonly low: Address; readonly high: Address }
  | { readonly is: 'interface'; readonly direction: 'in' | 'out'; readonly pattern: string }
  | { readonly is: 'named'; readonly field: NamedField; readonly value: string }
  | { readonly is: 'has'; readonly field: IntervalField | NamedField }
  | { readonly is: 'tracked' }
  | { readonly is: 'choice'; readonly key: string }
  | { readonly is: 'not'; readonly a: Description }
  | { readonly is: 'and' | 'or'; readonly a: Description; readonly b: Description };

/** The description as a set. */
export function describeIn(space: PacketSpace, d: Description): PacketSet {
  switch (d.is) {
    case 'interval':
      return space.interval(d.field, d.low, d.high);
    case 'bits':
      return space.bits(d.field, d.value, d.mask);
    case 'network':
      return space.network(d.field, network(d.address, d.mask));
    case 'addresses':
      return space.addresses(d.field, d);
    case 'interface':
      return space.interface(d.direction, interfacePattern(d.pattern));
    case 'named':
      return space.named(d.field, d.value);
    case 'has':
      return space.has(d.field);
    case 'tracked':
      return space.tracked();
    case 'choice':
      return space.choice({ kind: 'pure', key: d.key, reads: ['payload'] });
    case 'not':
      return space.not(describeIn(space, d.a));
    default:
      return space[d.is](describeIn(space, d.a), describeIn(space, d.b));
  }
}

/** The description as a condition on one packet. */
export function holdsFor(d: Description, view: PacketView): boolean {
  switch (d.is) {
    case 'interval': {
      const x = fieldValue(view, d.field);
      return typeof x === 'number' && x >= d.low && x <= d.high;
    }
    case 'bits': {
      const x = fieldValue(view, d.field) as number;
      return (x & d.mask) >>> 0 === d.value >>> 0;
    }
    case 'network': {
      const x = fieldValue(view, d.field) as Address | undefined;
      return x !== undefined && networkContains(network(d.address, d.mask), x);
    }
    case 'addresses': {
      const x = fieldValue(view, d.field) as Address | undefined;
      return x !== undefined && rangeContains(d, x);
    }
    case 'interface':
      return interfaceMatches(
        interfacePattern(d.pattern),
        d.direction === 'in' ? view.inInterface : view.outInterface,
      );
    case 'named':
      return fieldValue(view, d.field) === d.value;
    case 'has':
      return fieldValue(view, d.field) !== undefined;
    case 'tracked':
      return view.connection.state !== 'INVALID' && view.connection.state !== 'UNTRACKED';
    case 'choice':
      return choiceOf(d.key);
    case 'not':
      return !holdsFor(d.a, view);
    case 'and':
      return holdsFor(d.a, view) && holdsFor(d.b, view);
    case 'or':
      return holdsFor(d.a, view) || holdsFor(d.b, view);
  }
}

/** Some keys say yes and some no. */
const choiceOf = (key: string): boolean => key.length % 2 === 0;

// ---------------------------------------------------------------------------------------------- drawing

const pool = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** Addresses are drawn close to each other, so that sets and packets meet. */
function addressNear(family: Family): fc.Arbitrary<Address> {
  const word = fc.oneof(pool(0, 1, 0xffffffff, 0x0a000001, 0x80000000), fc.integer({ min: 0, max: 7 }));
  return family === 'ipv4'
    ? fc.oneof(fc.integer({ min: 0x0a000000, max: 0x0a000010 }), word).map(ipv4)
    : fc.tuple(pool(0x20010db8, 0xfe800000), pool(0, 1), pool(0, 0xffffffff), word).map((w) => ipv6(...w));
}

const intervalFields: readonly IntervalField[] = [
  'protocol',
  'sport',
  'dport',
  'icmpType',
  'ttl',
  'lengthBytes',
  'fragmentKind',
  'mss',
  'uid',
  'ctOrigDport',
];
const addressFields: readonly AddressField[] = ['src', 'dst', 'ctOrigDst'];
const bitFields: readonly BitField[] = ['mark', 'connmark', 'tos', 'tcpFlags', 'ctStatus'];
const patterns = ['eth0', 'eth1', 'eth', 'eth+', 'e+', '+', 'ppp0', 'wg+', 'abcdefghijklmno+', 'eth0.1'];
const states: readonly CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
const macs = ['00:11:22:33:44:55', '66:77:88:99:aa:bb', 'cc:dd:ee:ff:00:11'];
const numbers = fc.oneof(pool(0, 1, 6, 17, 22, 80, 443, 65535), fc.nat(12));

export interface DrawOptions {
  readonly family: Family;
  /** Masks with holes. */
  readonly holes: boolean;
  /** Only what is true of a header: no choices. */
  readonly choices: boolean;
  readonly addressFields?: readonly AddressField[];
}

export function description(o: DrawOptions): fc.Arbitrary<Description> {
  const address = addressNear(o.family);
  const addressField = pool(...(o.addressFields ?? addressFields));
  const mask = o.holes
    ? fc.oneof(
        prefix(o.family),
        pool(ipv4(0xff0000ff), ipv4(0x0000000f), ipv4(0xf0f0f0f0)).map((m) => ({ ...m, family: o.family })),
      )
    : prefix(o.family);
  const leaf: fc.Arbitrary<Description> = fc.oneof(
    fc.tuple(pool(...intervalFields), numbers, numbers).map(([field, a, b]) => {
      const { max } = fieldSpecs[field] as { max: number };
      return {
        is: 'interval' as const,
        field,
        low: Math.min(a, b, max),
        high: Math.min(Math.max(a, b), max),
      };
    }),
    fc.tuple(pool(...bitFields), fc.nat(15), fc.nat(15)).map(([field, value, m]) => ({
      is: 'bits' as const,
      field,
      value,
      mask: m,
    })),
    fc.record({ is: fc.constant('network' as const), field: addressField, address, mask }),
    fc.record({
      is: fc.constant('addresses' as const),
      field: addressField,
      low: address,
      high: address,
    }),
    fc.record({
      is: fc.constant('interface' as const),
      direction: pool('in' as const, 'out' as const),
      pattern: pool(...patterns),
    }),
    fc.record({
      is: fc.constant('named' as const),
      field: fc.constant('ctState' as const),
      value: pool(...states),
    }),
    fc.record({
      is: fc.constant('named' as const),
      field: fc.constant('mac' as const),
      value: pool(...macs),
    }),
    fc.record({
      is: fc.constant('has' as const),
      field: pool<IntervalField | NamedField>('sport', 'mac', 'uid'),
    }),
    fc.constant({ is: 'tracked' as const }),
    ...(o.choices
      ? [fc.record({ is: fc.constant('choice' as const), key: pool('a', 'bb', 'ccc', 'dddd') })]
      : []),
  );
  return fc.letrec<{ d: Description }>((tie) => ({
    d: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.record({ is: fc.constant('not' as const), a: tie('d') }),
      fc.record({ is: pool('and' as const, 'or' as const), a: tie('d'), b: tie('d') }),
    ),
  })).d;
}

function prefix(family: Family): fc.Arbitrary<Address> {
  const length = family === 'ipv4' ? pool(0, 8, 24, 28, 31, 32) : pool(0, 32, 64, 96, 127, 128);
  return length.map((n) => prefixMask(family, n));
}

/** Packets, ordinary and odd alike: fields are drawn without regard to each other. */
export function packetView(family: Family): fc.Arbitrary<PacketView> {
  const address = addressNear(family);
  const maybe = <T>(a: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(a, { nil: undefined });
  const port = fc.oneof(numbers, fc.integer({ min: 0, max: 65535 }));
  const packet: fc.Arbitrary<Packet> = fc.record({
    family: fc.constant(family),
    src: address,
    dst: address,
    protocol: pool(0, 1, 6, 17, 50, 58, 132, 255),
    ttl: pool(0, 1, 7, 64, 255),
    tos: fc.nat(255),
    lengthBytes: numbers,
    identification: fc.constant(0),
    dontFragment: fc.constant(false),
    moreFragments: fc.boolean(),
    fragmentOffsetBytes: pool(0, 0, 8),
    ipOptions: fc.constant(''),
    extensionHeaders: fc.constant([]),
    sport: maybe(port),
    dport: maybe(port),
    tcpFlags: fc.nat(255),
    seq: fc.constant(0),
    ack: fc.constant(0),
    window: fc.constant(0),
    tcpOptions: pool([], [{ kind: 2, data: '0050' }], [{ kind: 2, data: '05b4' }]),
    icmpType: maybe(fc.nat(12)),
    icmpCode: maybe(fc.nat(3)),
    icmpId: fc.constant(undefined),
    icmpSeq: fc.constant(undefined),
    icmpRest: fc.constant(undefined),
    quote: fc.constant(undefined),
    sctpTag: fc.constant(0),
    sctpChunks: fc.constant(''),
    spi: maybe(fc.nat(9)),
    payload: fc.constant(undefined),
    layer4: fc.constant(undefined),
    badChecksum: fc.constant(false),
    mark: fc.nat(31),
    ethSrc: maybe(pool(...macs)),
    ethDst: fc.constant(undefined),
    packetType: pool<PacketType>('unicast', 'broadcast', 'multicast', 'otherhost'),
    uid: maybe(numbers),
    gid: maybe(numbers),
  });
  const tuple: fc.Arbitrary<Tuple> = fc.record({
    src: address,
    dst: address,
    protocol: pool(1, 6, 17),
    sport: numbers,
    dport: numbers,
  });
  const connection: fc.Arbitrary<PacketConnection> = fc.record({
    state: pool(...states),
    direction: pool('original' as const, 'reply' as const),
    entry: maybe(
      fc.record({
        original: tuple,
        reply: tuple,
        status: fc.nat(15),
        mark: fc.nat(15),
        zone: fc.constant(0),
        helper: fc.constant(undefined),
        labels: fc.constant([]),
        packets: fc.constant({ original: 1, reply: 0 }),
        bytes: fc.constant({ original: 60, reply: 0 }),
        expiresMs: fc.constant(0),
        master: fc.constant(undefined),
      }),
    ),
  });
  const name = pool(
    'eth0',
    'eth1',
    'eth',
    'eth7',
    'ppp0',
    'wg0',
    'em1',
    'abcdefghijklmno',
    'abcdefghijklmn',
    'lo',
  );
  return fc.record({ packet, connection, inInterface: maybe(name), outInterface: maybe(name) }).map((v) => ({
    ...v,
    choices: (variable) =>
      variable.unknown.kind === 'choice' && variable.unknown.choice.kind === 'pure'
        ? choiceOf(variable.unknown.choice.key)
        : false,
  }));
}

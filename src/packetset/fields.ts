/** The fields that packet sets speak of: how each is encoded, how wide it is, and in which order they are decided. */

import type { Family } from '../net/address.ts';
import type { AddressField, BitField, IntervalField, NamedField } from './space.ts';

/** The interfaces by which a packet came and goes. */
export type InterfaceField = 'inInterface' | 'outInterface';
/** Any field that sets can speak of. */
export type FieldName = IntervalField | AddressField | BitField | NamedField | InterfaceField;

/**
 * - `interval`: whole numbers from 0 to `max`, cut into atoms.
 * - `address`: addresses, cut into atoms, or bit by bit.
 * - `bits`: bit by bit.
 * - `named`: the values mentioned, and "any other". `closed` lists all values of a field that can have no others.
 * - `interface`: interface names, cut by the names and prefixes mentioned.
 *
 * `optional`: a packet may lack the field, which is an atom of its own.
 */
export type FieldSpec =
  | { readonly kind: 'interval'; readonly max: number; readonly optional: boolean }
  | { readonly kind: 'address'; readonly optional: boolean }
  | { readonly kind: 'bits'; readonly bitCount: number }
  | { readonly kind: 'named'; readonly closed: readonly string[] | undefined; readonly optional: boolean }
  | { readonly kind: 'interface' };

const u8 = 0xff;
const u16 = 0xffff;
const u32 = 0xffff_ffff;
const always = (max: number): FieldSpec => ({ kind: 'interval', max, optional: false });
const sometimes = (max: number): FieldSpec => ({ kind: 'interval', max, optional: true });
const bits = (bitCount: number): FieldSpec => ({ kind: 'bits', bitCount });

/**
 * All fields, in the order in which their variables are decided. Addresses first: rules differ most in them, and
 * protocol or ports before addresses cost two to four times the nodes. Choices come after all fields.
 */
export const fieldSpecs: Readonly<Record<FieldName, FieldSpec>> = {
  src: { kind: 'address', optional: false },
  dst: { kind: 'address', optional: false },
  ctOrigSrc: { kind: 'address', optional: true },
  ctOrigDst: { kind: 'address', optional: true },
  ctReplSrc: { kind: 'address', optional: true },
  ctReplDst: { kind: 'address', optional: true },
  mac: { kind: 'named', closed: undefined, optional: true },
  inInterface: { kind: 'interface' },
  outInterface: { kind: 'interface' },
  protocol: always(u8),
  fragmentKind: always(2),
  sport: sometimes(u16),
  dport: sometimes(u16),
  icmpType: sometimes(u8),
  icmpCode: sometimes(u8),
  tcpFlags: bits(8),
  mss: sometimes(u16),
  spi: sometimes(u32),
  // An IPv6 header and the longest payload; jumbograms are left out.
  lengthBytes: always(40 + u16),
  ttl: always(u8),
  tos: bits(8),
  packetType: {
    kind: 'named',
    closed: ['unicast', 'broadcast', 'multicast', 'otherhost'],
    optional: false,
  },
  uid: sometimes(u32),
  gid: sometimes(u32),
  ctState: {
    kind: 'named',
    closed: ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'],
    optional: false,
  },
  ctDirection: { kind: 'named', closed: ['original', 'reply'], optional: false },
  ctStatus: bits(12),
  ctProtocol: sometimes(u8),
  ctOrigSport: sometimes(u16),
  ctOrigDport: sometimes(u16),
  ctReplSport: sometimes(u16),
  ctReplDport: sometimes(u16),
  helper: { kind: 'named', closed: undefined, optional: true },
  mark: bits(32),
  connmark: bits(32),
};

/** All field names, in the order of their variables. */
export const fieldNames = Object.keys(fieldSpecs) as readonly FieldName[];

/** Protocols whose packets have ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
export const portProtocols: readonly number[] = [6, 17, 33, 132, 136];

/** ICMP or ICMPv6. */
export function icmpProtocol(family: Family): number {
  return family === 'ipv4' ? 1 : 58;
}

/** ESP and AH. */
export const securityProtocols: readonly number[] = [50, 51];

/** Fields of the conntrack entry: only tracked packets have them. */
export const entryFields: readonly FieldName[] = [
  'ctOrigSrc',
  'ctOrigDst',
  'ctReplSrc',
  'ctReplDst',
  'ctProtocol',
  'ctOrigSport',
  'ctOrigDport',
  'ctReplSport',
  'ctReplDport',
  'ctStatus',
  'connmark',
  'helper',
];

/** `fragmentKind` of a second or later fragment. */
export const laterFragment = 2;

/** How names are compared: MAC addresses without regard to case. */
export function canonicalName(field: NamedField, value: string): string {
  return field === 'mac' ? value.toLowerCase() : value;
}

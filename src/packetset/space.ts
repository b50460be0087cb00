/**
 * The algebra of packet sets, as extensions see it.
 *
 * An extension describes the packets it matches by calls on a {@link PacketSpace}. The same description is run
 * twice: once over a space that only notes which boundaries and bits are mentioned (so that fields can be cut into
 * atoms), once over the real one. A description must therefore not depend on the results of its own calls.
 */

import type { AddressRange, Network } from '../net/address.ts';
import type { InterfacePattern } from '../net/interface-pattern.ts';

declare const packetSetBrand: unique symbol;
/** A set of packets of one space. Ids of the same space are equal exactly if the sets are. */
export type PacketSet = number & { readonly [packetSetBrand]: true };

/** Fields compared by interval. `fragmentKind`: 0 whole packet, 1 first fragment, 2 later fragment. */
export type IntervalField =
  | 'protocol'
  | 'sport'
  | 'dport'
  | 'icmpType'
  | 'icmpCode'
  | 'lengthBytes'
  | 'ttl'
  | 'spi'
  | 'mss'
  | 'fragmentKind'
  | 'uid'
  | 'gid'
  | 'ctProtocol'
  | 'ctOrigSport'
  | 'ctOrigDport'
  | 'ctReplSport'
  | 'ctReplDport';

/** Addresses: of the packet, and of the two tuples of its connection. */
export type AddressField = 'src' | 'dst' | 'ctOrigSrc' | 'ctOrigDst' | 'ctReplSrc' | 'ctReplDst';

/** Fields that are compared under a mask; zero for a packet that lacks them. `ctStatus`: bits of ctStatusBit. */
export type BitField = 'mark' | 'connmark' | 'tos' | 'tcpFlags' | 'ctStatus';

/**
 * Fields with a few named values; a value never mentioned stands in the class "any other". `helper`: of the
 * connection that expected the packet's, as `-m helper` asks.
 */
export type NamedField = 'ctState' | 'ctDirection' | 'mac' | 'packetType' | 'helper';

/**
 * What the packet does not decide.
 * - `pure`: a function of fields that are not modelled; one variable per `key` and per version of the fields `reads`.
 * - `rule`: one variable per rule and visit, whatever the text.
 * - `shared`: one variable per `key`, versioned by the rules that write the list `list`.
 */
export type Choice =
  | {
      readonly kind: 'pure';
      readonly key: string;
      readonly reads: readonly (IntervalField | AddressField | BitField | 'payload' | 'tcpOptions')[];
    }
  | { readonly kind: 'rule' }
  | { readonly kind: 'shared'; readonly list: string; readonly key: string };

/** The algebra that extensions describe their sets in. */
export interface PacketSpace {
  readonly all: PacketSet;
  readonly none: PacketSet;
  and(a: PacketSet, b: PacketSet): PacketSet;
  or(a: PacketSet, b: PacketSet): PacketSet;
  not(a: PacketSet): PacketSet;
  /** Packets whose field lies in [low, high], both ends included. A packet without the field is in no interval. */
  interval(field: IntervalField, low: number, high: number): PacketSet;
  /** Packets with (field & mask) == value. Bits of `value` outside of `mask` give the empty set. */
  bits(field: BitField, value: number, mask: number): PacketSet;
  network(field: AddressField, network: Network): PacketSet;
  addresses(field: AddressField, range: AddressRange): PacketSet;
  /** Packets whose in- or out-interface matches; a packet without one matches only the pattern `+`. */
  interface(direction: 'in' | 'out', pattern: InterfacePattern): PacketSet;
  /** Packets whose field has this value; a packet without the field (no MAC, no helper) has none. */
  named(field: NamedField, value: string): PacketSet;
  /** Packets that have the field at all: `interval` over its whole range, and the same for named fields. */
  has(field: IntervalField | NamedField): PacketSet;
  /** Packets that have a conntrack entry: neither INVALID nor UNTRACKED. */
  tracked(): PacketSet;
  /** Whether the FIB says that this address has this type (`LOCAL`, `UNICAST`, `BROADCAST`, …). */
  addressType(field: 'src' | 'dst', type: string): PacketSet;
  /** For packets in this set the choice says yes. */
  choice(choice: Choice): PacketSet;
}

/** The set or its complement: the one place where a `!` turns a description over. */
export function complementIf(negated: boolean, space: PacketSpace, set: PacketSet): PacketSet {
  return negated ? space.not(set) : set;
}

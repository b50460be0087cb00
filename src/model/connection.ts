/** Connection tracking entries as data. */

import type { Address } from '../net/address.ts';
import type { CtDirection, CtState } from './netfilter.ts';

/**
 * One direction of a connection. For ICMP, `sport` is the identifier and `dport` is type × 256 + code; protocols
 * without selectors have zeros.
 *
 * Source: include/net/netfilter/nf_conntrack_tuple.h.
 */
export interface Tuple {
  readonly src: Address;
  readonly dst: Address;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
}

/**
 * Status bits of an entry, as the kernel numbers them.
 *
 * Source: include/uapi/linux/netfilter/nf_conntrack_common.h enum ip_conntrack_status.
 */
export const ctStatusBit = {
  EXPECTED: 1 << 0,
  SEEN_REPLY: 1 << 1,
  ASSURED: 1 << 2,
  CONFIRMED: 1 << 3,
  SRC_NAT: 1 << 4,
  DST_NAT: 1 << 5,
  SEQ_ADJUST: 1 << 6,
  SRC_NAT_DONE: 1 << 7,
  DST_NAT_DONE: 1 << 8,
  DYING: 1 << 9,
  FIXED_TIMEOUT: 1 << 10,
  TEMPLATE: 1 << 11,
} as const;

/** A conntrack entry as a match sees it. */
export interface Connection {
  readonly original: Tuple;
  readonly reply: Tuple;
  /** Bits of {@link ctStatusBit}. */
  readonly status: number;
  /** Connection mark, unsigned 32 bits. */
  readonly mark: number;
  readonly zone: number;
  /** The zone in each direction, where a rule gave it one direction only. Absent: `zone` in both. */
  readonly zoneOriginal?: number;
  readonly zoneReply?: number;
  readonly helper: string | undefined;
  /** Bit numbers of labels that are set. */
  readonly labels: readonly number[];
  /** Packets and bytes seen, by direction; the current packet included. */
  readonly packets: Readonly<Record<CtDirection, number>>;
  readonly bytes: Readonly<Record<CtDirection, number>>;
  /** When the entry dies if nothing more comes, in milliseconds of simulated time. */
  readonly expiresMs: number;
  /** The connection that this one was expected by or is an error about. */
  readonly master: Connection | undefined;
  /** TCP in state TIME_WAIT or CLOSE: connlimit counts it no more. Absent: not closed. */
  readonly closed?: boolean;
}

/** What conntrack attached to the packet at hand. */
export interface PacketConnection {
  readonly state: CtState;
  readonly direction: CtDirection;
  /** Absent for INVALID and UNTRACKED packets. */
  readonly entry: Connection | undefined;
}

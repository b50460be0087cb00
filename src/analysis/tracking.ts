/**
 * What connection tracking may say of a packet before any rule has had a word: the phases of symbolic analysis as
 * sets over the packet's header and its conntrack state.
 *
 * Source: net/netfilter/nf_conntrack_core.c resolve_normal_ct(), nf_conntrack_proto_tcp.c tcp_new(),
 * nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c.
 */

import { validTcpFlags } from '../engine/conntrack/tcp.ts';
import { isIcmpRequest } from '../engine/conntrack/tuple.ts';
import { ctStatusBit } from '../model/connection.ts';
import type { CtState } from '../model/netfilter.ts';
import { type FieldName, icmpProtocol } from '../packetset/fields.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';

/** What of the header is in use. */
export interface HeaderInUse {
  has(field: FieldName): boolean;
  /** Bits of the TCP flags in use. */
  readonly tcpFlagsMask: number;
}

const allFlags = 0xff;

/** Types of ICMP errors: they belong to the connection of the packet that they quote, or to none. */
const errorTypes = { ipv4: [3, 4, 5, 11, 12], ipv6: [1, 2, 3, 4, 137] } as const;
/** Types that may begin something, with their answers. */
const queryTypes = { ipv4: [8, 0, 13, 14, 15, 16, 17, 18], ipv6: [128, 129, 139, 140] } as const;
/** Neighbour and router discovery, listener reports: never tracked. */
const untrackedTypes = [130, 131, 132, 133, 134, 135, 136, 143];

/** The values of TCP flags for which this holds, as far as bits are in use. */
function flagsWhere(space: PacketSpace, mask: number, holds: (flags: number) => boolean): PacketSet {
  const seen = new Set<number>();
  let set = space.none;
  for (let flags = 0; flags <= allFlags; flags++) {
    const visible = flags & mask;
    if (seen.has(visible) || !holds(flags)) continue;
    seen.add(visible);
    set = space.or(set, space.bits('tcpFlags', visible, mask));
  }
  return set;
}

/**
 * The packets that conntrack may find in this state (its own view, before NOTRACK). Over-approximation: a packet
 * may be in several.
 */
function packetsInState(
  state: CtState,
  space: PacketSpace,
  inUse: HeaderInUse,
  family: 'ipv4' | 'ipv6',
): PacketSet {
  const icmp = space.interval('protocol', icmpProtocol(family), icmpProtocol(family));
  const tcp = space.interval('protocol', 6, 6);
  const types = (list: readonly number[]): PacketSet =>
    list.reduce<PacketSet>((set, t) => space.or(set, space.interval('icmpType', t, t)), space.none);
  const icmpOf = (list: readonly number[]): PacketSet =>
    inUse.has('icmpType') ? space.and(icmp, types(list)) : icmp;
  const withoutIcmp = space.not(icmp);
  const flags = (holds: (f: number) => boolean): PacketSet =>
    inUse.tcpFlagsMask === 0
      ? space.all
      : space.or(space.not(tcp), flagsWhere(space, inUse.tcpFlagsMask, holds));
  const discovery = family === 'ipv6' && inUse.has('icmpType') ? icmpOf(untrackedTypes) : space.none;
  const known = space.not(discovery);
  switch (state) {
    case 'NEW':
      return space.and(
        // A connection that had no answer yet stays NEW, whatever its sender sends on.
        flags(validTcpFlags),
        space.or(
          withoutIcmp,
          icmpOf(queryTypes[family].filter((t) => isIcmpRequest(icmpProtocol(family), t))),
        ),
      );
    case 'ESTABLISHED':
      return space.and(flags(validTcpFlags), space.or(withoutIcmp, icmpOf(queryTypes[family])));
    case 'RELATED':
      return space.or(space.and(flags(validTcpFlags), withoutIcmp), icmpOf(errorTypes[family]));
    case 'INVALID':
      return known;
    case 'UNTRACKED':
      return family === 'ipv6' ? (inUse.has('icmpType') ? discovery : icmp) : space.none;
  }
}

/**
 * Packets that begin a connection: their entry is not confirmed yet. Where nothing depends on the difference,
 * `ctStatus` is not in use, and packets that follow without an answer are among them.
 */
export function unconfirmed(space: PacketSpace, inUse: HeaderInUse): PacketSet {
  return inUse.has('ctStatus') ? space.bits('ctStatus', 0, ctStatusBit.CONFIRMED) : space.all;
}

/** All packets with a state that they may have. `ctState` must be in use. */
export function describeTracking(space: PacketSpace, inUse: HeaderInUse, family: 'ipv4' | 'ipv6'): PacketSet {
  const states: readonly CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
  let set = space.none;
  for (const state of states)
    set = space.or(
      set,
      space.and(packetsInState(state, space, inUse, family), space.named('ctState', state)),
    );
  if (inUse.has('ctStatus'))
    set = space.and(
      set,
      space.or(space.not(space.named('ctState', 'ESTABLISHED')), space.not(unconfirmed(space, inUse))),
    );
  if (!inUse.has('ctDirection')) return set;
  // A first packet and one without entry are on their way there, by definition.
  const either = space.or(space.named('ctState', 'ESTABLISHED'), space.named('ctState', 'RELATED'));
  return space.and(set, space.or(either, space.named('ctDirection', 'original')));
}

/**
 * Connection tuples: what of a packet tells connections apart.
 *
 * Source: net/netfilter/nf_conntrack_core.c nf_ct_get_tuple(), nf_ct_invert_tuple().
 */

import type { Tuple } from '../../model/connection.ts';
import type { Packet } from '../../model/packet.ts';
import { type Address, sameAddress } from '../../net/address.ts';

/** IANA numbers of the protocols that conntrack treats on their own. */
export const protocol = {
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  SCTP: 132,
  UDPLITE: 136,
} as const;

/** Protocols whose tuples carry ports. DCCP is not one of them: its tracker left the kernel in 6.17. */
export function hasTrackedPorts(p: number): boolean {
  return p === protocol.TCP || p === protocol.UDP || p === protocol.SCTP || p === protocol.UDPLITE;
}

/** ICMP of either family. */
export function isIcmp(p: number): boolean {
  return p === protocol.ICMP || p === protocol.ICMPV6;
}

/** The tuple of a packet in its own direction; undefined where the kernel finds none (later fragments, cut headers). */
export function tupleOf(packet: Packet): Tuple | undefined {
  const { src, dst, protocol: p } = packet;
  if (packet.fragmentOffsetBytes > 0) return undefined;
  if (hasTrackedPorts(packet.protocol)) {
    if (packet.sport === undefined || packet.dport === undefined) return undefined;
    return { src, dst, protocol: p, sport: packet.sport, dport: packet.dport };
  }
  if (isIcmp(packet.protocol)) {
    if (packet.icmpType === undefined) return undefined;
    // The identifier is read from every type's first two bytes after the checksum.
    const id = packet.icmpId ?? (packet.icmpRest ?? 0) >>> 16;
    return { src, dst, protocol: p, sport: id, dport: packet.icmpType * 256 + (packet.icmpCode ?? 0) };
  }
  if (p === protocol.GRE) {
    const key = callId(packet.layer4 ?? packet.payload ?? '');
    return key === undefined ? undefined : { src, dst, protocol: p, sport: 0, dport: key };
  }
  return { src, dst, protocol: p, sport: 0, dport: 0 };
}

/**
 * The call of PPTP's GRE, zero for any other; undefined: version 1 that carries no PPP. The key of the other direction
 * only the PPTP helper knows.
 *
 * Source: net/netfilter/nf_conntrack_proto_gre.c gre_pkt_to_tuple().
 */
function callId(hex: string): number | undefined {
  const version = Number.parseInt(hex.slice(3, 4) || '0', 16) & 7;
  if (version !== 1 || hex.length < 8) return 0;
  if (hex.slice(4, 8) !== '880b') return undefined;
  return hex.length < 16 ? 0 : Number.parseInt(hex.slice(12, 16), 16);
}

const icmpPairs: readonly (readonly [number, number])[] = [
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
];
const icmpv6Pairs: readonly (readonly [number, number])[] = [
  [128, 129],
  [139, 140],
];

/** The answering ICMP type, if there is one. */
function invertIcmpType(p: number, type: number): number | undefined {
  for (const [request, reply] of p === protocol.ICMP ? icmpPairs : icmpv6Pairs) {
    if (type === request) return reply;
    if (type === reply) return request;
  }
  return undefined;
}

/** Types that may open a connection. */
export function isIcmpRequest(p: number, type: number): boolean {
  return (p === protocol.ICMP ? icmpPairs : icmpv6Pairs).some(([request]) => request === type);
}

/** The tuple of the answer; undefined for ICMP types that have none. */
export function invertTuple(t: Tuple): Tuple | undefined {
  if (isIcmp(t.protocol)) {
    const type = invertIcmpType(t.protocol, t.dport >>> 8);
    if (type === undefined) return undefined;
    return {
      src: t.dst,
      dst: t.src,
      protocol: t.protocol,
      sport: t.sport,
      dport: type * 256 + (t.dport & 255),
    };
  }
  return { src: t.dst, dst: t.src, protocol: t.protocol, sport: t.dport, dport: t.sport };
}

/** Sixteen bits a character: short texts that are made and hashed quickly. */
const addressKey = (a: Address): string =>
  a.family === 'ipv4'
    ? String.fromCharCode(a.w3 >>> 16, a.w3 & 0xffff)
    : String.fromCharCode(
        a.w0 >>> 16,
        a.w0 & 0xffff,
        a.w1 >>> 16,
        a.w1 & 0xffff,
        a.w2 >>> 16,
        a.w2 & 0xffff,
        a.w3 >>> 16,
        a.w3 & 0xffff,
      );

/** A text, not for reading, that is equal for equal tuples of one zone. */
export function tupleKey(t: Tuple, zone: number): string {
  return addressKey(t.src) + addressKey(t.dst) + String.fromCharCode(t.protocol, t.sport, t.dport, zone);
}

/** A text, not for reading, that is equal for tuples of one zone from the same source. */
export function sourceKey(t: Tuple, zone: number): string {
  return addressKey(t.src) + String.fromCharCode(t.protocol, t.sport, zone);
}

/** Equality of all fields. */
export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.sport === b.sport &&
    a.dport === b.dport &&
    a.protocol === b.protocol &&
    sameAddress(a.src, b.src) &&
    sameAddress(a.dst, b.dst)
  );
}

/** Classes of addresses that the routing code asks for. */

import type { Address } from '../net/address.ts';

/** 224.0.0.0/4. */
export const isMulticast4 = (a: Address): boolean => a.w3 >>> 28 === 14;
/** 255.255.255.255. */
export const isLimitedBroadcast = (a: Address): boolean => a.family === 'ipv4' && a.w3 === 0xffffffff;
/** 127.0.0.0/8. */
export const isLoopback4 = (a: Address): boolean => a.w3 >>> 24 === 127;
/** 0.0.0.0 alone: since Linux 5.3 the rest of 0/8 is ordinary. */
export const isZero = (a: Address): boolean => a.w3 === 0 && a.w2 === 0 && a.w1 === 0 && a.w0 === 0;
/** 224.0.0.1, the one group that every machine is a member of. */
export const isAllHosts4 = (a: Address): boolean => a.w3 === 0xe0000001;
/** 224.0.0.0/24. */
export const isLocalMulticast4 = (a: Address): boolean => a.w3 >>> 8 === 0xe00000;

/** ff00::/8. */
export const isMulticast6 = (a: Address): boolean => a.w0 >>> 24 === 0xff;
/** fe80::/10. */
export const isLinkLocal6 = (a: Address): boolean => a.w0 >>> 22 === 0x3fa;
/** ::1. */
export const isLoopback6 = (a: Address): boolean =>
  a.family === 'ipv6' && a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1;
/** Scope nibble of a multicast address. */
export const multicastScope6 = (a: Address): number => (a.w0 >>> 16) & 15;
/** rt6_need_strict(): the interface is part of such an address. */
export const needsInterface6 = (a: Address): boolean => isMulticast6(a) || isLinkLocal6(a) || isLoopback6(a);

/** A group address of either family. */
export function isMulticast(a: Address): boolean {
  return a.family === 'ipv4' ? isMulticast4(a) : isMulticast6(a);
}

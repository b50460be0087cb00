/**
 * One's complement checksums over hexadecimal text.
 *
 * Source: RFC 1071; include/net/checksum.h.
 */

import type { Packet } from '../model/packet.ts';

/** Sum of the 16-bit words; an odd last byte is the upper half of its word. Not folded. */
export function sumHex(hex: string): number {
  let sum = 0;
  for (let i = 0; i < hex.length; i += 4) sum += Number.parseInt(hex.slice(i, i + 4).padEnd(4, '0'), 16) || 0;
  return sum;
}

function words(n: number): number {
  return (n >>> 16) + (n & 0xffff);
}

/** Sum of the pseudo header: addresses, length of the contents, protocol. */
export function pseudoHeaderSum(p: Packet, lengthBytes: number, protocol = p.protocol): number {
  let sum = protocol + words(lengthBytes);
  for (const a of [p.src, p.dst]) sum += words(a.w0) + words(a.w1) + words(a.w2) + words(a.w3);
  return sum;
}

/** Whether a sum that includes its checksum is in order: all ones once folded (or no bits at all). */
export function isZeroSum(sum: number): boolean {
  let s = sum;
  while (s > 0xffff) s = (s % 0x10000) + Math.floor(s / 0x10000);
  return s === 0xffff || s === 0;
}

/** Whether the layer-4 checksum within `hex` is right; true for protocols that have none that is checked here. */
export function layer4ChecksumRight(p: Packet, hex: string): boolean {
  const bytes = hex.length / 2;
  switch (p.protocol) {
    case 17:
      if (hex.slice(12, 16) === '0000') return true;
      return isZeroSum(sumHex(hex) + pseudoHeaderSum(p, bytes));
    case 6:
    case 58:
      return isZeroSum(sumHex(hex) + pseudoHeaderSum(p, bytes));
    case 1:
      return isZeroSum(sumHex(hex));
    default:
      return true;
  }
}

/**
 * Verdicts on layer-4 checksums of whole packets.
 *
 * Source: RFC 1071, RFC 3828 §3.1, RFC 9260 appendix A; include/net/checksum.h csum_tcpudp_magic().
 */

import type { Address } from '../net/address.ts';
import { byteReader } from './byte-reader.ts';

/**
 * `partial`: only the pseudo header is summed, the network card was to do the rest; such packets are in order on
 * the machine that made or merged them. `unknown`: not all is there, or the protocol has none that is checked.
 */
export type ChecksumVerdict = 'right' | 'wrong' | 'partial' | 'unknown';

/** Where the layer-4 bytes of a whole packet lie, and what its pseudo header is made of. */
export interface ChecksumInput {
  readonly src: Address;
  readonly dst: Address;
  readonly protocol: number;
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

function fold(sum: number): number {
  let s = sum;
  while (s > 0xffff) s = (s % 0x10000) + Math.floor(s / 0x10000);
  return s;
}

function sum16(bytes: Uint8Array, from: number, to: number): number {
  const { u16, u8 } = byteReader(bytes);
  let sum = 0;
  let at = from;
  for (; at + 1 < to; at += 2) sum += u16(at);
  if (at < to) sum += u8(at) << 8;
  return sum;
}

/** Whether an IPv4 header's own checksum is right. */
export function headerChecksumRight(bytes: Uint8Array, from: number, to: number): boolean {
  return fold(sum16(bytes, from, to)) === 0xffff;
}

function pseudoHeaderSum({ src, dst, protocol }: ChecksumInput, lengthBytes: number): number {
  let sum = protocol + (lengthBytes >>> 16) + (lengthBytes & 0xffff);
  for (const a of [src, dst])
    for (const word of [a.w0, a.w1, a.w2, a.w3]) sum += (word >>> 16) + (word & 0xffff);
  return sum;
}

/** The verdict. */
export function layer4ChecksumVerdict(input: ChecksumInput): ChecksumVerdict {
  const { protocol, bytes, from, to } = input;
  const length = to - from;
  switch (protocol) {
    case 1:
      return length < 8 ? 'unknown' : fold(sum16(bytes, from, to)) === 0xffff ? 'right' : 'wrong';
    case 6:
      return length < 20 ? 'unknown' : overAll(input, 16);
    case 58:
      return length < 4 ? 'unknown' : overAll(input, 2);
    case 17:
      if (length < 8) return 'unknown';
      return byteReader(bytes).u16(from + 6) === 0 ? 'right' : overAll(input, 6);
    case 136:
      return length < 8 ? 'unknown' : overCoverage(input);
    case 132:
      return length < 12 ? 'unknown' : sctpVerdict(input);
    default:
      return 'unknown';
  }
}

function overAll(input: ChecksumInput, checksumAt: number): ChecksumVerdict {
  const { bytes, from, to } = input;
  const pseudo = pseudoHeaderSum(input, to - from);
  if (fold(pseudo + sum16(bytes, from, to)) === 0xffff) return 'right';
  return byteReader(bytes).u16(from + checksumAt) === fold(pseudo) ? 'partial' : 'wrong';
}

/** UDP-Lite sums as many bytes as its header says; none is forbidden, all is written as zero. */
function overCoverage(input: ChecksumInput): ChecksumVerdict {
  const { bytes, from, to } = input;
  const { u16 } = byteReader(bytes);
  const said = u16(from + 4);
  const coverage = said === 0 ? to - from : said;
  if (coverage < 8 || coverage > to - from || u16(from + 6) === 0) return 'wrong';
  const pseudo = pseudoHeaderSum(input, to - from);
  return fold(pseudo + sum16(bytes, from, from + coverage)) === 0xffff ? 'right' : 'wrong';
}

const crcTable: readonly number[] = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = (c >>> 1) ^ ((c & 1) === 1 ? 0x82f63b78 : 0);
  return c >>> 0;
});

/** CRC32c with zeros in place of itself, lowest byte first; all zero where the card was to fill it in. */
function sctpVerdict({ bytes, from, to }: ChecksumInput): ChecksumVerdict {
  let crc = 0xffffffff;
  for (let at = from; at < to; at++) {
    const byte = at >= from + 8 && at < from + 12 ? 0 : (bytes[at] ?? 0);
    crc = ((crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0)) >>> 0;
  }
  const said = byteReader(bytes, true).u32(from + 8);
  if (said === ~crc >>> 0) return 'right';
  return said === 0 ? 'partial' : 'wrong';
}

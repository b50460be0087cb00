/**
 * A packet as the bytes that `string` and `u32` look into, from the first byte of its IP header on.
 *
 * Some bytes cannot be known: contents that nobody gave, and so a checksum over them; a checksum said to be wrong; a
 * flow label that nobody gave.
 */

import type { Packet } from '../model/packet.ts';
import type { Address } from '../net/address.ts';

/** Bytes, and which of them are known. */
export interface PacketBytes {
  /** As many as the packet is long. */
  readonly bytes: Uint8Array;
  /** 1 where the byte of the same place is known. */
  readonly known: Uint8Array;
}

const ipv6HeaderBytes = 40;
const lengthMax = ipv6HeaderBytes + 0xffff;
const sctp = 132;
const sctpChecksumAt = 8;

/** Writes into a packet from its front; what lies beyond its length is dropped. */
class Writer {
  readonly bytes: Uint8Array;
  readonly known: Uint8Array;
  at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.known = new Uint8Array(length);
  }

  u8(value: number): void {
    this.bytes[this.at] = value;
    this.known[this.at] = 1;
    this.at++;
  }

  u16(value: number): void {
    this.u8(value >>> 8);
    this.u8(value & 0xff);
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  unknown(count: number): void {
    this.at += count;
  }

  hex(text: string): void {
    for (let i = 0; i + 1 < text.length; i += 2) this.u8(Number.parseInt(text.slice(i, i + 2), 16));
  }

  address(a: Address): void {
    if (a.family === 'ipv6') for (const word of [a.w0, a.w1, a.w2]) this.u32(word);
    this.u32(a.w3);
  }
}

function ipv4Checksum(bytes: Uint8Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function writeIpv4Header(w: Writer, p: Packet): void {
  const optionBytes = Math.ceil(p.ipOptions.length / 8) * 4;
  w.u8(0x40 | (5 + optionBytes / 4));
  w.u8(p.tos);
  w.u16(p.lengthBytes);
  w.u16(p.identification);
  w.u16((p.dontFragment ? 0x4000 : 0) | (p.moreFragments ? 0x2000 : 0) | (p.fragmentOffsetBytes >>> 3));
  w.u8(p.ttl);
  w.u8(p.protocol);
  w.u16(0);
  w.address(p.src);
  w.address(p.dst);
  w.hex(p.ipOptions);
  while (w.at < 20 + optionBytes) w.u8(0);
  const checksum = ipv4Checksum(w.bytes, w.at);
  w.bytes[10] = checksum >>> 8;
  w.bytes[11] = checksum & 0xff;
}

function writeIpv6Headers(w: Writer, p: Packet): void {
  const chain = p.extensionHeaders;
  w.u8(0x60 | (p.tos >>> 4));
  if (p.flowLabel === undefined) w.unknown(3);
  else {
    w.u8(((p.tos & 15) << 4) | (p.flowLabel >>> 16));
    w.u16(p.flowLabel & 0xffff);
  }
  w.u16(p.lengthBytes - ipv6HeaderBytes);
  w.u8(chain[0]?.protocol ?? p.protocol);
  w.u8(p.ttl);
  w.address(p.src);
  w.address(p.dst);
  for (const [i, header] of chain.entries()) {
    const size = 2 + header.body.length / 2;
    w.u8(chain[i + 1]?.protocol ?? p.protocol);
    // The fragment header has no length, AH counts words, the others eights of bytes.
    w.u8(header.protocol === 44 ? 0 : header.protocol === 51 ? size / 4 - 2 : size / 8 - 1);
    w.hex(header.body);
  }
}

function writeTcp(w: Writer, p: Packet): void {
  const start = w.at;
  w.u16(p.sport ?? 0);
  w.u16(p.dport ?? 0);
  w.u32(p.seq);
  w.u32(p.ack);
  w.u8(0);
  w.u8(p.tcpFlags);
  w.u16(p.window);
  w.unknown(2);
  w.u16(0);
  for (const { kind, data } of p.tcpOptions) {
    w.u8(kind);
    if (kind > 1) {
      w.u8(2 + data.length / 2);
      w.hex(data);
    }
  }
  while ((w.at - start) % 4 !== 0) w.u8(0);
  w.bytes[start + 12] = ((w.at - start) / 4) << 4;
}

function writeIcmp(w: Writer, p: Packet): void {
  w.u8(p.icmpType ?? 0);
  w.u8(p.icmpCode ?? 0);
  w.unknown(2);
  if (p.icmpId !== undefined) {
    w.u16(p.icmpId);
    w.u16(p.icmpSeq ?? 0);
  } else if (p.icmpRest !== undefined) w.u32(p.icmpRest);
  else w.unknown(4);
  if (p.quote) {
    const quoted = packetBytes(p.quote);
    for (const [i, byte] of quoted.bytes.entries()) {
      if (quoted.known[i] === 1) w.u8(byte);
      else w.unknown(1);
    }
  }
}

/** Writes the header of layer 4; false where the bytes that follow it are not {@link Packet.payload}. */
function writeLayer4Header(w: Writer, p: Packet): boolean {
  switch (p.protocol) {
    case 6:
      writeTcp(w, p);
      return true;
    case 17:
    case 136:
      w.u16(p.sport ?? 0);
      w.u16(p.dport ?? 0);
      w.u16(p.lengthBytes - (w.at - 4));
      w.unknown(2);
      return true;
    case sctp:
      w.u16(p.sport ?? 0);
      w.u16(p.dport ?? 0);
      w.u32(p.sctpTag);
      w.unknown(4);
      w.hex(p.sctpChunks);
      return false;
    case 33:
      w.u16(p.sport ?? 0);
      w.u16(p.dport ?? 0);
      return false;
    case 1:
    case 58:
      writeIcmp(w, p);
      return p.quote === undefined;
    case 50:
      if (p.spi !== undefined) w.u32(p.spi);
      return false;
    default:
      return true;
  }
}

/** Where a protocol keeps its checksum, from the start of its header, and whether the sum begins with addresses. */
const checksums: Readonly<Record<number, { readonly at: number; readonly pseudo: boolean }>> = {
  1: { at: 2, pseudo: false },
  6: { at: 16, pseudo: true },
  17: { at: 6, pseudo: true },
  58: { at: 2, pseudo: true },
  136: { at: 6, pseudo: true },
};

/** CRC32c of the bytes from `start` on, with zeros in place of the checksum; undefined if not all are known. */
function sctpChecksum(w: Writer, start: number): number | undefined {
  let crc = 0xffffffff;
  for (let at = start; at < w.bytes.length; at++) {
    const isChecksum = at >= start + sctpChecksumAt && at < start + sctpChecksumAt + 4;
    if (!isChecksum && w.known[at] !== 1) return undefined;
    crc ^= isChecksum ? 0 : (w.bytes[at] ?? 0);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** SCTP's checksum is written with its lowest byte first. */
function writeSctpChecksum(w: Writer, start: number): void {
  const value = w.bytes.length < start + 12 ? undefined : sctpChecksum(w, start);
  if (value === undefined) return;
  w.at = start + sctpChecksumAt;
  for (const shift of [0, 8, 16, 24]) w.u8((value >>> shift) & 0xff);
}

/** Fills in the checksum of layer 4, which begins at `start`, if all that it covers is known. */
function writeChecksum(w: Writer, p: Packet, start: number): void {
  const place = checksums[p.protocol];
  const length = w.bytes.length - start;
  if (!place || length < place.at + 2) return;
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const at = start + i;
    if (i === place.at || i === place.at + 1) continue;
    if (w.known[at] !== 1) return;
    sum += (w.bytes[at] ?? 0) << (i % 2 === 0 ? 8 : 0);
  }
  if (place.pseudo) {
    for (const a of [p.src, p.dst])
      for (const word of [a.w0, a.w1, a.w2, a.w3]) sum += (word >>> 16) + (word & 0xffff);
    sum += p.protocol + (length >>> 16) + (length & 0xffff);
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  let value = ~sum & 0xffff;
  // Zero means "no checksum" to UDP.
  if (value === 0 && (p.protocol === 17 || p.protocol === 136)) value = 0xffff;
  w.at = start + place.at;
  w.u16(value);
}

/** The packet's bytes. */
export function packetBytes(packet: Packet): PacketBytes {
  const w = new Writer(Math.max(0, Math.min(packet.lengthBytes, lengthMax)));
  if (packet.family === 'ipv4') writeIpv4Header(w, packet);
  else writeIpv6Headers(w, packet);
  const start = w.at;
  if (packet.layer4 !== undefined) w.hex(packet.layer4);
  else if (packet.fragmentOffsetBytes === 0) {
    if (writeLayer4Header(w, packet)) w.hex(packet.payload ?? '');
    if (packet.moreFragments || packet.badChecksum) return w;
    if (packet.protocol === sctp) writeSctpChecksum(w, start);
    else writeChecksum(w, packet, start);
  }
  return w;
}

/** The bytes of hexadecimal text. */
export function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

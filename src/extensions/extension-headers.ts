/** IPv6 extension headers as matches look at them. */

import type { ExtensionHeader, Packet } from '../model/packet.ts';

/** Numbers in the next-header field. */
export const nextHeader = { hopByHop: 0, fragment: 44, auth: 51, destination: 60 } as const;

/** The first header of that kind, or undefined. Source: net/ipv6/exthdrs_core.c ipv6_find_hdr(). */
export function findHeader(packet: Packet, protocol: number): ExtensionHeader | undefined {
  for (const header of packet.extensionHeaders) if (header.protocol === protocol) return header;
  return undefined;
}

/** Length of the header in bytes, its first two included. */
export function headerLengthBytes(header: ExtensionHeader): number {
  return header.body.length / 2 + 2;
}

/** The byte at an offset from the header's start, which must be at least 2; undefined past its end. */
export function headerByte(header: ExtensionHeader, offset: number): number | undefined {
  const at = (offset - 2) * 2;
  const text = header.body.slice(at, at + 2);
  return text.length === 2 ? Number.parseInt(text, 16) : undefined;
}

/** The big-endian number in `length` bytes from an offset; bytes past the end are zero. */
export function headerNumber(header: ExtensionHeader, offset: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (headerByte(header, offset + i) ?? 0);
  return value;
}

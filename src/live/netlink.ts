/** Netlink messages of netfilter as bytes. Source: include/uapi/linux/netlink.h, netfilter/nfnetlink.h. */

import { endianness } from 'node:os';

/** Headers of netlink are in the byte order of the machine, values of netfilter in that of the network. */
const little = endianness() === 'LE';

/** Flags of requests. */
export const requestFlag = {
  request: 0x001,
  acknowledge: 0x004,
  dump: 0x300,
  create: 0x400,
  append: 0x800,
} as const;

/** Bytes one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A 32-bit number in the order of the network. */
export function be32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value | 0);
  return bytes;
}

/** A 32-bit number in the order of this machine, as registers hold marks. */
export function host32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, little);
  return bytes;
}

/** A text with the NUL that ends it. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

/** One attribute, padded to four bytes. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((value.length + 4 + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, value.length + 4, little);
  view.setUint16(2, type, little);
  bytes.set(value, 4);
  return bytes;
}

/** An attribute that holds others. */
export function nested(type: number, attributes: readonly Uint8Array[]): Uint8Array {
  return attribute(type | 0x8000, concat(attributes));
}

/** What a message of netfilter is about. */
export interface MessageHead {
  readonly type: number;
  readonly flags: number;
  /** Address family of the netfilter header. */
  readonly family: number;
  /** `res_id` of that header. */
  readonly resource?: number;
  readonly sequence: number;
}

/** A whole message. */
export function message(head: MessageHead, attributes: readonly Uint8Array[]): Uint8Array {
  const body = concat(attributes);
  const bytes = new Uint8Array(20 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, little);
  view.setUint16(4, head.type, little);
  view.setUint16(6, head.flags | requestFlag.request, little);
  view.setUint32(8, head.sequence, little);
  view.setUint8(16, head.family);
  view.setUint16(18, head.resource ?? 0);
  bytes.set(body, 20);
  return bytes;
}

/** A message that came: its type, and what follows the netlink header. */
export interface ReceivedMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** The messages of one datagram; what is cut off is left out. */
export function readMessages(data: Uint8Array): readonly ReceivedMessage[] {
  const found: ReceivedMessage[] = [];
  let rest = data;
  while (rest.length >= 16) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
    const size = view.getUint32(0, little);
    if (size < 16 || size > rest.length) break;
    found.push({ type: view.getUint16(4, little), body: rest.subarray(16, size) });
    rest = rest.subarray((size + 3) & ~3);
  }
  return found;
}

/** Attributes by type; of several of one type the last. */
export function readAttributes(data: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  let rest = data;
  while (rest.length >= 4) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
    const size = view.getUint16(0, little);
    if (size < 4 || size > rest.length) break;
    found.set(view.getUint16(2, little) & 0x3fff, rest.subarray(4, size));
    rest = rest.subarray((size + 3) & ~3);
  }
  return found;
}

/** A number of up to 32 bits, in the order of the network. */
export function readNumber(value: Uint8Array | undefined): number | undefined {
  return value?.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** A text without its NUL. */
export function readText(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value).replace(/\0.*/s, '');
}

/** The error of an answer: zero is an acknowledgement; undefined for any other message. */
export function errorOf({ type, body }: ReceivedMessage): number | undefined {
  if (type !== 2 || body.length < 4) return undefined;
  return -new DataView(body.buffer, body.byteOffset, body.length).getInt32(0, little);
}

/** Reading and writing addresses the way inet_aton(3), inet_pton(3) and inet_ntop(3) do. */

import { type Address, addressBits, type Family, ipv4, ipv6, type Network, prefixLength } from './address.ts';
import { parseUnsigned } from './integer-text.ts';

/**
 * Reads an IPv4 address as inet_pton(3) does: four decimal octets. `lenient` also takes what iptables takes by
 * way of inet_aton(3): octets with leading zeros read as decimal, hexadecimal octets (`0x0a.0.0.1`).
 *
 * Source: iptables `libxtables/xtables.c xtables_numeric_to_ipaddr()`.
 */
export function parseIpv4(text: string, lenient = false): Address | undefined {
  const plain = plainIpv4(text);
  if (plain >= 0) return ipv4(plain);
  if (!lenient) return undefined;
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  let value = 0;
  for (const octet of octets) {
    let n: number;
    if (/^\d{1,10}$/.test(octet)) n = Number.parseInt(octet, 10);
    else if (/^0x[0-9a-f]{1,8}$/i.test(octet)) n = Number.parseInt(octet.slice(2), 16);
    else return undefined;
    if (n > 255) return undefined;
    value = value * 256 + n;
  }
  return ipv4(value);
}

/** Four decimal octets without leading zeros as a number, else -1: dumps hold a million, so no part is cut out. */
function plainIpv4(text: string): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (octet < 0) return -1;
      value = value * 256 + octet;
      octet = -1;
      dots++;
      continue;
    }
    const digit = code - 48;
    if (digit < 0 || digit > 9 || octet === 0) return -1;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return -1;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}

/**
 * Reads an IPv4 address as inet_aton(3) does: one to four numbers with base 0, the last of which fills the rest
 * (`10.1` is 10.0.0.1, `24` is 0.0.0.24).
 */
export function parseInetAton(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length > 4) return undefined;
  let value = 0;
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    const n = /^[0-9]/.test(part) ? parseUnsigned(part, last ? 2 ** (8 * (4 - i)) - 1 : 255) : undefined;
    if (n === undefined) return undefined;
    value = last ? value * 2 ** (8 * (4 - i)) + n : value * 256 + n;
  }
  return ipv4(value);
}

/** Reads an IPv6 address as inet_pton(3) does: `::` once, at most four digits a group, an IPv4 tail allowed. */
export function parseIpv6(text: string): Address | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  let body = text;
  const tail: number[] = [];
  if (body.includes('.')) {
    const colon = body.lastIndexOf(':');
    const v4 = colon < 0 ? undefined : parseIpv4(body.slice(colon + 1));
    if (!v4) return undefined;
    tail.push(v4.w3 >>> 16, v4.w3 & 0xffff);
    body = body.slice(0, colon + 1);
    // Keep a `::` that ends the body; a single colon was only the separator.
    if (!body.endsWith('::')) body = body.slice(0, -1);
  }
  const gap = body.indexOf('::');
  if (gap >= 0 && body.indexOf('::', gap + 1) >= 0) return undefined;
  const groups = (part: string): number[] | undefined => {
    if (part === '') return [];
    const out: number[] = [];
    for (const g of part.split(':')) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(g)) return undefined;
      out.push(Number.parseInt(g, 16));
    }
    return out;
  };
  const head = groups(gap < 0 ? body : body.slice(0, gap));
  const rest = gap < 0 ? [] : groups(body.slice(gap + 2));
  if (!head || !rest) return undefined;
  const after = [...rest, ...tail];
  const missing = 8 - head.length - after.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...new Array<number>(missing).fill(0), ...after];
  const word = (i: number): number => (all[2 * i] ?? 0) * 65536 + (all[2 * i + 1] ?? 0);
  return ipv6(word(0), word(1), word(2), word(3));
}

/** Reads an address of the given family; strict spelling. */
export function parseAddress(family: Family, text: string): Address | undefined {
  return family === 'ipv4' ? parseIpv4(text) : parseIpv6(text);
}

/** Prints an address as inet_ntop(3) does (RFC 5952, with an IPv4 tail for mapped and compatible addresses). */
export function addressText(a: Address): string {
  if (a.family === 'ipv4') return `${a.w3 >>> 24}.${(a.w3 >>> 16) & 255}.${(a.w3 >>> 8) & 255}.${a.w3 & 255}`;
  const g = [
    a.w0 >>> 16,
    a.w0 & 65535,
    a.w1 >>> 16,
    a.w1 & 65535,
    a.w2 >>> 16,
    a.w2 & 65535,
    a.w3 >>> 16,
    a.w3 & 65535,
  ];
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let j = i;
    while (j < 8 && g[j] === 0) j++;
    if (j - i > bestLength) {
      best = i;
      bestLength = j - i;
    }
    i = Math.max(j, i + 1);
  }
  // glibc: "::a.b.c.d" for compatible and "::ffff:a.b.c.d" for mapped addresses.
  const v4Tail = best === 0 && (bestLength === 6 || (bestLength === 5 && g[5] === 0xffff));
  const hex = (from: number, to: number): string =>
    g
      .slice(from, to)
      .map((n) => n.toString(16))
      .join(':');
  const last = v4Tail ? 6 : 8;
  let text = best < 0 ? hex(0, last) : `${hex(0, best)}::${hex(best + bestLength, last)}`;
  if (v4Tail) {
    const dotted = addressText(ipv4(a.w3));
    text = text.endsWith(':') ? text + dotted : `${text}:${dotted}`;
  }
  return text;
}

/** The mask as iptables writes it after the slash: a prefix length where the ones are contiguous, else an address. */
function maskText(mask: Address): string {
  const length = prefixLength(mask);
  return length === undefined ? addressText(mask) : String(length);
}

/** `10.0.0.0/8`, `2001:db8::/32`, `10.0.12.0/255.0.12.0`: always with a mask, as iptables-save prints it. */
export function networkText(net: Network): string {
  return `${addressText(net.address)}/${maskText(net.mask)}`;
}

/** `192.0.2.1` for a single host, else as {@link networkText}. */
export function networkTextShort(net: Network): string {
  return prefixLength(net.mask) === addressBits(net.address.family)
    ? addressText(net.address)
    : networkText(net);
}

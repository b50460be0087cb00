/** The text of an ipset's element, taken apart. */

import {
  type Address,
  addressBits,
  addressFromBigInt,
  addressToBigInt,
  compareAddresses,
  type Family,
  maskAddress,
  networkRange,
  prefix,
  prefixMask,
} from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { icmpTypes } from '../net/icmp-types.ts';
import { parseMac } from '../net/mac.ts';
import { parseProtocol } from '../net/protocols.ts';
import { findService } from '../net/services.ts';

/** What one dimension of a set's type holds. */
export type Dimension = 'ip' | 'net' | 'port' | 'mac' | 'mark' | 'iface' | 'set';

/** One part of an element. Ranges and port lists have been spread out before. */
export type ElementPart =
  | { readonly kind: 'ip' | 'net'; readonly address: Address; readonly length: number }
  | { readonly kind: 'port'; readonly protocol: number; readonly port: number }
  | { readonly kind: 'mac'; readonly mac: string | undefined }
  | { readonly kind: 'mark'; readonly mark: number }
  /** A `+` at the end is a part of the name; a member's `wildcard` makes it a beginning of names. */
  | { readonly kind: 'iface'; readonly name: string; readonly physdev: boolean }
  | { readonly kind: 'set'; readonly name: string };

/** The dimensions of a type: `hash:ip,port` has `ip` and `port`. Undefined for a type that is not known. */
export function dimensionsOf(type: string): readonly Dimension[] | undefined {
  if (type === 'list:set') return ['set'];
  const m = /^(hash|bitmap):([a-z,]+)$/.exec(type);
  if (!m) return undefined;
  const known: readonly Dimension[] = ['ip', 'net', 'port', 'mac', 'mark', 'iface'];
  const parts = (m[2] ?? '').split(',');
  const dimensions = parts.flatMap((p) => known.find((k) => k === p) ?? []);
  return dimensions.length === parts.length ? dimensions : undefined;
}

/** More elements than these are not made of one text; ipset's own limit is 2³². */
const spreadMax = 65536;

function parseEnd(family: Family, text: string): { address: Address; length: number } | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(family, slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = addressBits(family);
  if (slash < 0) return { address, length: bits };
  const lengthText = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bits) return undefined;
  return { address, length: Number(lengthText) };
}

/** The largest networks that together make up the range, first to last. Source: ipset lib ip_set_range_to_cidr(). */
function rangeToPrefixes(
  low: Address,
  high: Address,
): readonly { readonly address: Address; readonly length: number }[] {
  const bits = addressBits(low.family);
  const end = addressToBigInt(high);
  const out: { address: Address; length: number }[] = [];
  for (let at = addressToBigInt(low); at <= end && out.length < 2 * bits; ) {
    let length = bits;
    while (length > 0) {
      const size = 1n << BigInt(bits - length + 1);
      if (at % size !== 0n || at + size - 1n > end) break;
      length--;
    }
    out.push({ address: addressFromBigInt(low.family, at), length });
    at += 1n << BigInt(bits - length);
  }
  return out;
}

/** `10.0.0.1`, `10.0.0.0/30` (four addresses in an `ip` dimension), `10.0.0.1-10.0.0.9`. */
function parseAddresses(
  kind: 'ip' | 'net',
  family: Family,
  text: string,
): readonly ElementPart[] | undefined {
  const bits = addressBits(family);
  const dash = text.indexOf('-');
  if (dash >= 0) {
    const low = parseAddress(family, text.slice(0, dash));
    const high = parseAddress(family, text.slice(dash + 1));
    if (!low || !high || compareAddresses(low, high) > 0) return undefined;
    if (kind === 'net') return rangeToPrefixes(low, high).map((n) => ({ kind, ...n }));
    return spread(low, high);
  }
  const end = parseEnd(family, text);
  if (!end) return undefined;
  if (kind === 'net') return [{ kind, address: prefix(end.address, end.length).address, length: end.length }];
  if (end.length === bits) return [{ kind, ...end }];
  const range = networkRange(prefix(end.address, end.length));
  return range && spread(range.low, range.high);
}

function spread(low: Address, high: Address): readonly ElementPart[] | undefined {
  const first = addressToBigInt(low);
  const count = addressToBigInt(high) - first + 1n;
  if (count > BigInt(spreadMax)) return undefined;
  const length = addressBits(low.family);
  return Array.from({ length: Number(count) }, (_, i) => ({
    kind: 'ip' as const,
    address: addressFromBigInt(low.family, first + BigInt(i)),
    length,
  }));
}

/** Protocols whose elements have a real port; all others have 0. */
const portProtocols = new Set([6, 17, 132, 136]);

/** `80`, `tcp:80`, `udp:53-60`, `icmp:8/0`, `icmp:echo-request`, `47:0`. Without a protocol: tcp. */
function parsePorts(text: string): readonly ElementPart[] | undefined {
  const colon = text.indexOf(':');
  const protocol = colon < 0 ? 6 : parseProtocol(text.slice(0, colon));
  const rest = text.slice(colon + 1);
  if (protocol === undefined) return undefined;
  if (protocol === 1 || protocol === 58) {
    const numbers = /^(\d{1,3})\/(\d{1,3})$/.exec(rest);
    const named = icmpTypes(protocol === 1 ? 'ipv4' : 'ipv6').find(
      (t) => t.name.toLowerCase() === rest.toLowerCase(),
    );
    if (!numbers && !named) return undefined;
    const type = numbers ? Number(numbers[1]) : (named?.type ?? 0);
    const code = numbers ? Number(numbers[2]) : (named?.codeMin ?? 0);
    return [{ kind: 'port', protocol, port: type * 256 + code }];
  }
  const one = (word: string): number | undefined =>
    /^\d{1,5}$/.test(word) ? Number(word) : findService(word, protocol)?.port;
  const whole = one(rest);
  if (whole !== undefined) return whole > 65535 ? undefined : [{ kind: 'port', protocol, port: whole }];
  const dash = rest.lastIndexOf('-');
  if (dash < 0 || !portProtocols.has(protocol)) return undefined;
  const low = one(rest.slice(0, dash));
  const high = one(rest.slice(dash + 1));
  if (low === undefined || high === undefined || low > high || high > 65535) return undefined;
  return Array.from({ length: high - low + 1 }, (_, i) => ({
    kind: 'port' as const,
    protocol,
    port: low + i,
  }));
}

function parsePart(dimension: Dimension, family: Family, text: string): readonly ElementPart[] | undefined {
  switch (dimension) {
    case 'ip':
    case 'net':
      return parseAddresses(dimension, family, text);
    case 'port':
      return parsePorts(text);
    case 'mac': {
      const mac = parseMac(text);
      return mac === undefined ? undefined : [{ kind: 'mac', mac }];
    }
    case 'mark':
      return /^(?:0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(text)
        ? [{ kind: 'mark', mark: Number(text) >>> 0 }]
        : undefined;
    case 'iface': {
      const physdev = text.startsWith('physdev:');
      const name = physdev ? text.slice(8) : text;
      return name === '' ? undefined : [{ kind: 'iface', name, physdev }];
    }
    case 'set':
      return [{ kind: 'set', name: text }];
  }
}

/**
 * All elements that one text stands for (a range or a list of ports is several), each with one part per dimension.
 * Undefined: the text is not an element of this type.
 */
export function parseElement(
  type: string,
  family: Family,
  text: string,
): readonly (readonly ElementPart[])[] | undefined {
  const dimensions = dimensionsOf(type);
  if (!dimensions) return undefined;
  const texts = dimensions.length === 1 ? [text] : text.split(',');
  let elements: readonly (readonly ElementPart[])[] = [[]];
  for (const [i, dimension] of dimensions.entries()) {
    const part = texts[i];
    // bitmap:ip,mac may leave the MAC address open: the first packet fills it in.
    if (part === undefined && type === 'bitmap:ip,mac') {
      elements = elements.map((e) => [...e, { kind: 'mac', mac: undefined }]);
      continue;
    }
    if (part === undefined) return undefined;
    const parsed = parsePart(dimension, family, part);
    if (!parsed || elements.length * parsed.length > spreadMax) return undefined;
    elements = elements.flatMap((e) => parsed.map((p) => [...e, p]));
  }
  return texts.length > dimensions.length ? undefined : elements;
}

/** One part as `ipset save` prints it, with numbers for protocols that have no name. */
export function elementPartText(part: ElementPart, type: string): string {
  switch (part.kind) {
    case 'ip':
    case 'net':
      return part.length === addressBits(part.address.family)
        ? addressText(part.address)
        : `${addressText(part.address)}/${part.length}`;
    case 'port':
      if (type === 'bitmap:port') return String(part.port);
      return `${protocolWord(part.protocol)}:${
        part.protocol === 1 || part.protocol === 58 ? `${part.port >> 8}/${part.port & 255}` : part.port
      }`;
    case 'mac':
      return (part.mac ?? '').toUpperCase();
    case 'mark':
      return `0x${part.mark.toString(16).padStart(8, '0')}`;
    case 'iface':
      return `${part.physdev ? 'physdev:' : ''}${part.name}`;
    case 'set':
      return part.name;
  }
}

function protocolWord(protocol: number): string {
  switch (protocol) {
    case 1:
      return 'icmp';
    case 6:
      return 'tcp';
    case 17:
      return 'udp';
    case 58:
      return 'icmpv6';
    case 132:
      return 'sctp';
    case 136:
      return 'udplite';
    default:
      return String(protocol);
  }
}

/** The address cut to a set's `netmask` or `bitmask`. */
export function maskForSet(address: Address, mask: Address | undefined): Address {
  return mask ? maskAddress(address, mask) : address;
}

/** The mask that a set applies to its addresses: `netmask 24`, `bitmask 255.255.0.255`. Undefined: none. */
export function setMask(family: Family, options: Readonly<Record<string, string>>): Address | undefined {
  const length = options['netmask'];
  if (length !== undefined && /^\d{1,3}$/.test(length)) return prefixMask(family, Number(length));
  const mask = options['bitmask'];
  return mask === undefined ? undefined : parseAddress(family, mask);
}

import type { Packet } from '../../model/packet.ts';
import {
  type Address,
  addressFromBigInt,
  type Network,
  networkContains,
  prefixLength,
} from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { type BoundOption, defineMatch, NO, YES } from '../define.ts';
import { hostMask, hostMaskNetwork } from '../host-address.ts';
import { integer } from '../option-types.ts';
import { bytesOfHex } from '../packet-bytes.ts';
import { option } from '../printed-words.ts';

interface Negatable<T> {
  readonly value: T;
  readonly negated: boolean;
}

interface Flag {
  readonly negated: boolean;
}

/** Comparisons of one field. The kernel keeps one value for all three: the one written last. */
interface Comparisons {
  readonly value: number;
  readonly eq: Flag | undefined;
  readonly gt: Flag | undefined;
  readonly lt: Flag | undefined;
}

/** Conditions on the segment routing header; all must hold. Without one, none does, negated or not. */
export interface SrhData {
  readonly nextHeader: Negatable<number> | undefined;
  readonly headerLength: Comparisons | undefined;
  readonly segmentsLeft: Comparisons | undefined;
  readonly lastEntry: Comparisons | undefined;
  readonly tag: Negatable<number> | undefined;
  /** The segments before and after the current one, and the last of all. */
  readonly previous: Negatable<Network> | undefined;
  readonly next: Negatable<Network> | undefined;
  readonly last: Negatable<Network> | undefined;
}

const byte = integer(0, 255);

const compared = [
  ['srh-hdr-len', 'headerLength'],
  ['srh-segs-left', 'segmentsLeft'],
  ['srh-last-entry', 'lastEntry'],
] as const;

function comparisons(
  eq: BoundOption<number> | undefined,
  gt: BoundOption<number> | undefined,
  lt: BoundOption<number> | undefined,
): Comparisons | undefined {
  const given = [eq, gt, lt].filter((o) => o !== undefined).sort((a, b) => a.position - b.position);
  const sign = (o: BoundOption<number> | undefined) => o && { negated: o.negated };
  const last = given.at(-1);
  return last && { value: last.value, eq: sign(eq), gt: sign(gt), lt: sign(lt) };
}

const negatable = <T>(o: BoundOption<T> | undefined) => o && { value: o.value, negated: o.negated };

/** The header of type 4; undefined if the packet has none that is whole. */
function segmentHeader(packet: Packet) {
  const chain = packet.extensionHeaders;
  const index = chain.findIndex((h) => h.protocol === 43);
  const header = chain[index];
  if (!header) return undefined;
  const body = bytesOfHex(header.body);
  const [type, segmentsLeft = 0, lastEntry = 0] = body;
  if (type !== 4 || segmentsLeft > lastEntry) return undefined;
  const segment = (i: number): Address | undefined => {
    const at = 6 + i * 16;
    return at + 16 <= body.length
      ? addressFromBigInt(
          'ipv6',
          body.slice(at, at + 16).reduce((n, b) => (n << 8n) | BigInt(b), 0n),
        )
      : undefined;
  };
  return {
    nextHeader: chain[index + 1]?.protocol ?? packet.protocol,
    headerLength: (body.length + 2) / 8 - 1,
    segmentsLeft,
    lastEntry,
    tag: ((body[4] ?? 0) << 8) | (body[5] ?? 0),
    segment,
  };
}

function comparisonsHold(c: Comparisons | undefined, actual: number): boolean {
  if (!c) return true;
  if (c.eq && (actual === c.value) === c.eq.negated) return false;
  if (c.gt && actual > c.value === c.gt.negated) return false;
  return !(c.lt && actual < c.value === c.lt.negated);
}

function segmentHolds(c: Negatable<Network> | undefined, segment: Address | undefined): boolean {
  if (!c) return true;
  return segment !== undefined && networkContains(hostMaskNetwork(c.value), segment) !== c.negated;
}

const networkLengthText = (n: Network): string => `${addressText(n.address)}/${prefixLength(n.mask)}`;

function conditions(d: SrhData): readonly string[] {
  const out: string[] = [];
  if (d.nextHeader) out.push(option('srh-next-hdr', String(d.nextHeader.value), d.nextHeader.negated));
  for (const [name, key] of compared) {
    const c = d[key];
    if (!c) continue;
    for (const op of ['eq', 'gt', 'lt'] as const) {
      const sign = c[op];
      if (sign) out.push(option(`${name}-${op}`, String(c.value), sign.negated));
    }
  }
  if (d.tag) out.push(option('srh-tag', String(d.tag.value), d.tag.negated));
  for (const [name, c] of [
    ['srh-psid', d.previous],
    ['srh-nsid', d.next],
    ['srh-lsid', d.last],
  ] as const) {
    if (c) out.push(option(name, networkLengthText(c.value), c.negated));
  }
  return out;
}

/** The segment routing header (RFC 8754). */
export const srh = defineMatch({
  name: 'srh',
  families: ['ipv6'],
  options: {
    'srh-next-hdr': { type: byte, invertible: true },
    'srh-hdr-len-eq': { type: byte, invertible: true },
    'srh-hdr-len-gt': { type: byte, invertible: true },
    'srh-hdr-len-lt': { type: byte, invertible: true },
    'srh-segs-left-eq': { type: byte, invertible: true },
    'srh-segs-left-gt': { type: byte, invertible: true },
    'srh-segs-left-lt': { type: byte, invertible: true },
    'srh-last-entry-eq': { type: byte, invertible: true },
    'srh-last-entry-gt': { type: byte, invertible: true },
    'srh-last-entry-lt': { type: byte, invertible: true },
    'srh-tag': { type: integer(0, 65535), invertible: true },
    'srh-psid': { type: hostMask, invertible: true },
    'srh-nsid': { type: hostMask, invertible: true },
    'srh-lsid': { type: hostMask, invertible: true },
  },
  constraints: {},
  needs: [],
  bind: (o): SrhData => ({
    nextHeader: negatable(o['srh-next-hdr']),
    headerLength: comparisons(o['srh-hdr-len-eq'], o['srh-hdr-len-gt'], o['srh-hdr-len-lt']),
    segmentsLeft: comparisons(o['srh-segs-left-eq'], o['srh-segs-left-gt'], o['srh-segs-left-lt']),
    lastEntry: comparisons(o['srh-last-entry-eq'], o['srh-last-entry-gt'], o['srh-last-entry-lt']),
    tag: negatable(o['srh-tag']),
    previous: negatable(o['srh-psid']),
    next: negatable(o['srh-nsid']),
    last: negatable(o['srh-lsid']),
  }),
  print: conditions,
  compile: (d) => (packet) => {
    const h = segmentHeader(packet);
    if (!h) return NO;
    if (d.nextHeader && (h.nextHeader === d.nextHeader.value) === d.nextHeader.negated) return NO;
    if (!comparisonsHold(d.headerLength, h.headerLength)) return NO;
    if (!comparisonsHold(d.segmentsLeft, h.segmentsLeft)) return NO;
    if (!comparisonsHold(d.lastEntry, h.lastEntry)) return NO;
    if (d.tag && (h.tag === d.tag.value) === d.tag.negated) return NO;
    const previous = h.segmentsLeft === h.lastEntry ? undefined : h.segment(h.segmentsLeft + 1);
    if (!segmentHolds(d.previous, previous)) return NO;
    const next = h.segmentsLeft === 0 ? undefined : h.segment(h.segmentsLeft - 1);
    if (!segmentHolds(d.next, next)) return NO;
    return segmentHolds(d.last, h.segment(0)) ? YES : NO;
  },
  columns: () => [],
  packets: (d, space) => space.choice({ kind: 'pure', key: `srh ${conditions(d).join(' ')}`, reads: [] }),
  docs: {
    summary: 'Fields of the IPv6 segment routing header.',
    man: 'iptables-extensions(8) srh',
    kernel: 'net/ipv6/netfilter/ip6t_srh.c srh1_mt6()',
  },
});

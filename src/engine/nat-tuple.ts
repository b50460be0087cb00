/**
 * Finding a unique tuple for a translated connection.
 *
 * Source: net/netfilter/nf_nat_core.c get_unique_tuple(), find_best_ips_proto(), nf_nat_l4proto_unique_tuple().
 */

import type { NatRange } from '../extensions/define.ts';
import type { Tuple } from '../model/connection.ts';
import { type Address, type AddressRange, ipv4, ipv6, rangeContains, sameAddress } from '../net/address.ts';
import { hasTrackedPorts, invertTuple, isIcmp, sameTuple, sourceKey, tupleKey } from './conntrack/tuple.ts';
import type { Entry } from './state.ts';
import { findTuple, type Shared } from './working-state.ts';

/** The half of a mapping: SNAT or DNAT. */
export type Manip = 'source' | 'destination';

/** Ports tried before the kernel gives up on a large range. */
const attemptsMax = 128;

/** nf_conntrack_tuple_taken(): whether another connection uses the answer of this tuple. */
function used(s: Shared, tuple: Tuple, own: Entry): boolean {
  const reply = invertTuple(tuple);
  if (!reply) return true;
  const found =
    findTuple(s, tupleKey(reply, own.zoneReply)) ??
    (own.zoneOriginal === own.zoneReply ? undefined : findTuple(s, tupleKey(reply, own.zoneOriginal)));
  if (!found || found.entry.id === own.id) return false;
  return !sameTuple(found.entry.original, own.original);
}

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** jhash2() of include/linux/jhash.h for four words. */
function jhash4(k: readonly [number, number, number, number], seed: number): number {
  let a = (0xdeadbeef + (4 << 2) + seed) | 0;
  let b = a;
  let c = a;
  // One full block of three words …
  a = (a + k[0]) | 0;
  b = (b + k[1]) | 0;
  c = (c + k[2]) | 0;
  a = (a - c) | 0;
  a ^= rotl(c, 4);
  c = (c + b) | 0;
  b = (b - a) | 0;
  b ^= rotl(a, 6);
  a = (a + c) | 0;
  c = (c - b) | 0;
  c ^= rotl(b, 8);
  b = (b + a) | 0;
  a = (a - c) | 0;
  a ^= rotl(c, 16);
  c = (c + b) | 0;
  b = (b - a) | 0;
  b ^= rotl(a, 19);
  a = (a + c) | 0;
  c = (c - b) | 0;
  c ^= rotl(b, 4);
  b = (b + a) | 0;
  // … and the last one.
  a = (a + k[3]) | 0;
  c ^= b;
  c = (c - rotl(b, 14)) | 0;
  a ^= c;
  a = (a - rotl(c, 11)) | 0;
  b ^= a;
  b = (b - rotl(a, 25)) | 0;
  c ^= b;
  c = (c - rotl(b, 16)) | 0;
  a ^= c;
  a = (a - rotl(c, 4)) | 0;
  b ^= a;
  b = (b - rotl(a, 14)) | 0;
  c ^= b;
  c = (c - rotl(b, 24)) | 0;
  return c >>> 0;
}

/** A word as a little-endian machine reads it from a header. */
const swapped = (n: number): number =>
  (((n & 0xff) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)) >>> 0;

/** The words of union nf_inet_addr: an IPv4 address stands in the first. */
function unionWords(a: Address): [number, number, number, number] {
  return a.family === 'ipv4'
    ? [swapped(a.w3), 0, 0, 0]
    : [swapped(a.w0), swapped(a.w1), swapped(a.w2), swapped(a.w3)];
}

const scale = (value: number, dist: number): number => Number((BigInt(value) * BigInt(dist)) >> 32n);

/** find_best_ips_proto(): the address that hashing source and destination picks from the range. */
function pickAddress(tuple: Tuple, range: AddressRange, persistent: boolean, zone: number): Address {
  if (sameAddress(range.low, range.high)) return range.low;
  const v4 = range.low.family === 'ipv4';
  const last = v4 ? 0 : 3;
  const dst = unionWords(tuple.dst);
  let j = jhash4(unionWords(tuple.src), persistent ? 0 : ((dst[last] as number) ^ zone) >>> 0);
  const words = (a: Address): number[] => (v4 ? [a.w3] : [a.w0, a.w1, a.w2, a.w3]);
  const low = words(range.low);
  const high = words(range.high);
  const out: number[] = [];
  let full = false;
  for (let i = 0; i <= last; i++) {
    const min = full ? 0 : (low[i] as number);
    const dist = full ? 0xffffffff : ((high[i] as number) - min + 1) >>> 0;
    const word = (min + scale(j, dist)) >>> 0;
    out.push(word);
    if (word !== high[i]) full = true;
    if (!persistent) j = (j ^ (dst[i] as number)) >>> 0;
  }
  return v4
    ? ipv4(out[0] as number)
    : ipv6(out[0] as number, out[1] as number, out[2] as number, out[3] as number);
}

function withAddress(t: Tuple, manip: Manip, a: Address): Tuple {
  return manip === 'source' ? { ...t, src: a } : { ...t, dst: a };
}

/** The selector that this manipulation may change: a port, or the ICMP id on either side. */
function selector(t: Tuple, manip: Manip): number {
  return manip === 'source' || isIcmp(t.protocol) ? t.sport : t.dport;
}

function withSelector(t: Tuple, manip: Manip, value: number): Tuple {
  return manip === 'source' || isIcmp(t.protocol) ? { ...t, sport: value } : { ...t, dport: value };
}

/** l4proto_in_range(). */
function selectorInRange(t: Tuple, manip: Manip, ports: readonly [number, number]): boolean {
  if (!isIcmp(t.protocol) && !hasTrackedPorts(t.protocol) && t.protocol !== 47) return true;
  const value = isIcmp(t.protocol) ? t.sport : manip === 'source' ? t.sport : t.dport;
  return ports[0] <= value && value <= ports[1];
}

/** nf_in_range(): address, and source selector where ports are given. */
function inRange(t: Tuple, range: NatRange): boolean {
  if (range.addresses && !rangeContains(range.addresses, t.src)) return false;
  return range.ports === undefined || selectorInRange(t, 'source', range.ports);
}

/** find_appropriate_src(): another connection of the same source that is mapped into this range already. */
function mappedSource(s: Shared, t: Tuple, range: NatRange, own: Entry): Tuple | undefined {
  for (const id of s.sources.get(sourceKey(t, own.zoneOriginal)) ?? []) {
    const e = s.entries.get(String(id));
    if (!e || e.expiresMs <= s.timeMs) continue;
    const back = invertTuple(e.reply);
    if (!back) continue;
    const candidate = { ...t, src: back.src, sport: back.sport };
    if (inRange(candidate, range)) return candidate;
  }
  return undefined;
}

/** Whether the kernel rolls for the port even where the wanted one is free (NF_NAT_RANGE_PROTO_RANDOM_ALL). */
export function rollsPort(range: NatRange): boolean {
  return range.random || range.randomFully;
}

/** What {@link uniqueTuple} found. */
export interface FoundTuple {
  readonly tuple: Tuple;
  /** The port (or ICMP id) is one of many: the kernel begins its search at a random one. */
  readonly anyPort: boolean;
}

function freeSelector(s: Shared, start: Tuple, range: NatRange, manip: Manip, own: Entry): FoundTuple {
  const p = start.protocol;
  let min: number;
  let size: number;
  if (isIcmp(p)) {
    min = range.ports ? range.ports[0] : 0;
    size = range.ports ? range.ports[1] - range.ports[0] + 1 : 65536;
  } else if (hasTrackedPorts(p)) {
    if (!range.ports) {
      if (manip === 'destination') return { tuple: start, anyPort: false };
      const port = start.sport;
      if (port < 512) {
        min = 1;
        size = 511;
      } else if (port < 1024) {
        min = 600;
        size = 424;
      } else {
        min = 1024;
        size = 64512;
      }
    } else {
      min = Math.min(range.ports[0], range.ports[1]);
      size = Math.abs(range.ports[1] - range.ports[0]) + 1;
    }
  } else return { tuple: start, anyPort: false };
  const anyPort = size > 1 && range.basePort === undefined && (manip === 'source' || rollsPort(range));
  // Where the kernel begins at a random port, this engine begins at the first: one of the possible answers.
  let offset = range.basePort === undefined ? 0 : selector(start, manip) - range.basePort;
  let candidate = start;
  // The kernel makes several rounds of at most `attemptsMax` at random places; a sequential search needs as many.
  const attempts = Math.min(size, attemptsMax * 4);
  for (let i = 0; i < attempts; i++, offset++) {
    // `off` is a u16 in the kernel, so a negative distance wraps.
    candidate = withSelector(start, manip, min + ((offset & 0xffff) % size));
    if (!used(s, candidate, own)) return { tuple: candidate, anyPort };
  }
  return { tuple: candidate, anyPort };
}

/** A tuple in the range whose answer nobody else uses; the last one tried where all are taken. */
export function uniqueTuple(
  s: Shared,
  current: Tuple,
  range: NatRange,
  manip: Manip,
  own: Entry,
): FoundTuple {
  const kept = (t: Tuple): FoundTuple => ({ tuple: t, anyPort: false });
  if (manip === 'source' && !rollsPort(range)) {
    if (inRange(current, range)) {
      if (!used(s, current, own)) return kept(current);
    } else {
      const mapped = mappedSource(s, current, range, own);
      if (mapped && !used(s, mapped, own)) return kept(mapped);
    }
  }
  let tuple = current;
  if (range.addresses)
    tuple = withAddress(
      tuple,
      manip,
      pickAddress(tuple, range.addresses, range.persistent, own.zoneOriginal),
    );
  if (!rollsPort(range)) {
    if (range.ports) {
      if (
        range.basePort === undefined &&
        selectorInRange(tuple, manip, range.ports) &&
        (range.ports[0] === range.ports[1] || !used(s, tuple, own))
      )
        return kept(tuple);
    } else if (!used(s, tuple, own)) return kept(tuple);
  }
  return freeSelector(s, tuple, range, manip, own);
}

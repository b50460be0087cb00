/**
 * The members of an ipset, ready to be looked up: networks by prefix length, most specific first, as the kernel keeps
 * them. A look-up costs one access per length that occurs, whatever the number of members.
 *
 * Source: net/netfilter/ipset/ip_set_hash_gen.h mtype_add_cidr(), mtype_test_cidrs().
 */

import type { IpSet, IpSetMember } from '../model/machine.ts';
import { type Address, maskAddress, prefixMask } from '../net/address.ts';
import {
  type Dimension,
  dimensionsOf,
  type ElementPart,
  maskForSet,
  parseElement,
  setMask,
} from './set-element.ts';

/** A member and one of the elements that its text means. */
export interface Entry {
  readonly member: IpSetMember;
  readonly parts: readonly ElementPart[];
}

type Key = number | string;

/** All elements whose networks have these prefix lengths. */
export interface Level {
  readonly lengths: readonly number[];
  readonly entries: Map<Key, Entry | Entry[]>;
}

/** A set's members, ready to be looked up. */
export interface Index {
  /** Most specific first, by the first network, then by the second. */
  readonly levels: readonly Level[];
  /** Members whose text could not be read: a lookup that finds nothing is not sure then. */
  readonly unreadableCount: number;
}

/** A set made ready; keep it for as long as the set lives. */
export interface PreparedSet {
  readonly set: IpSet;
  /** Undefined for a type that is not known here. */
  readonly dimensions: readonly Dimension[] | undefined;
  readonly mask: Address | undefined;
  readonly index: Index;
}

function addressKey(a: Address): Key {
  return a.family === 'ipv4' ? a.w3 : `${a.w0},${a.w1},${a.w2},${a.w3}`;
}

/** Key of all parts but interfaces, with the addresses already masked. */
function keyOf(parts: readonly ElementPart[], type: string): Key {
  const [first] = parts;
  if (parts.length === 1 && first && (first.kind === 'ip' || first.kind === 'net'))
    return addressKey(first.address);
  let key = '';
  for (const p of parts) {
    switch (p.kind) {
      case 'ip':
      case 'net':
        key += `${addressKey(p.address)};`;
        break;
      case 'port':
        key += type === 'bitmap:port' ? `${p.port};` : `${p.protocol}:${p.port};`;
        break;
      case 'mac':
        // The members of bitmap:ip,mac are one per address; the MAC is compared afterwards.
        if (type !== 'bitmap:ip,mac') key += `${p.mac};`;
        break;
      case 'mark':
        key += `${p.mark};`;
        break;
      case 'set':
        key += `${p.name};`;
        break;
      case 'iface':
        break;
    }
  }
  return key;
}

/** Reads the members and puts them by their lengths; `mask` is the set's netmask or bitmask. */
export function buildIndex(set: IpSet, members: Iterable<IpSetMember>, mask: Address | undefined): Index {
  const levels = new Map<string, Level>();
  let unreadableCount = 0;
  for (const member of members) {
    const elements = parseElement(set.type, set.family, member.text);
    if (!elements) {
      unreadableCount++;
      continue;
    }
    for (const element of elements) {
      const parts = element.map((p) =>
        p.kind === 'ip' || p.kind === 'net' ? { ...p, address: maskForSet(p.address, mask) } : p,
      );
      const lengths = parts.flatMap((p) => (p.kind === 'net' ? [p.length] : []));
      const name = lengths.join();
      let level = levels.get(name);
      if (!level) {
        level = { lengths, entries: new Map() };
        levels.set(name, level);
      }
      const key = keyOf(parts, set.type);
      const entry: Entry = { member, parts };
      const known = level.entries.get(key);
      // Only elements with an interface may share a key; elsewhere the last one stands.
      if (known === undefined || !parts.some((p) => p.kind === 'iface')) level.entries.set(key, entry);
      else if (Array.isArray(known)) known.push(entry);
      else level.entries.set(key, [known, entry]);
    }
  }
  const ordered = [...levels.values()].sort((a, b) => {
    for (const [i, length] of a.lengths.entries()) {
      const difference = (b.lengths[i] ?? 0) - length;
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return { levels: ordered, unreadableCount };
}

/** Reads all members once. Linear in their number. */
export function prepareSet(set: IpSet): PreparedSet {
  const mask = setMask(set.family, set.options);
  const known = dimensionsOf(set.type);
  return {
    set,
    dimensions: known,
    mask,
    index:
      known && set.type !== 'list:set'
        ? buildIndex(set, set.members, mask)
        : { levels: [], unreadableCount: 0 },
  };
}

/** The key of the parts with their networks cut to the lengths of a level. */
export function keyAt(parts: readonly ElementPart[], level: Level, type: string): Key {
  if (level.lengths.length === 0) return keyOf(parts, type);
  const [first] = parts;
  // The commonest type, hash:net of IPv4, goes without a new object.
  if (parts.length === 1 && first?.kind === 'net' && first.address.family === 'ipv4') {
    const length = level.lengths[0] ?? 32;
    return length === 0 ? 0 : (first.address.w3 & (-1 << (32 - length))) >>> 0;
  }
  let i = 0;
  return keyOf(
    parts.map((p) => (p.kind === 'net' ? cutTo(p, level.lengths[i++] ?? p.length) : p)),
    type,
  );
}

/** The network with its prefix cut to a length. */
export function cutTo(part: ElementPart & { readonly kind: 'ip' | 'net' }, length: number): ElementPart {
  return { ...part, address: maskAddress(part.address, prefixMask(part.address.family, length)), length };
}

/** Levels of both, those with the same lengths together, in lookup order; the changes come first. */
export function mergedLevels(base: readonly Level[], added: readonly Level[]): readonly (readonly Level[])[] {
  const groups = new Map<string, Level[]>();
  for (const level of [...added, ...base]) {
    const name = level.lengths.join();
    const group = groups.get(name);
    if (group) group.push(level);
    else groups.set(name, [level]);
  }
  return [...groups.values()].sort((a, b) => {
    const x = a[0]?.lengths ?? [];
    const y = b[0]?.lengths ?? [];
    return (y[0] ?? 0) - (x[0] ?? 0) || (y[1] ?? 0) - (x[1] ?? 0);
  });
}

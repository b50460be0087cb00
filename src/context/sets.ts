/**
 * Looking packets up in ipsets.
 *
 * Networks are kept by prefix length, most specific first, as the kernel keeps them: a lookup costs one table access
 * per length that occurs, whatever the number of members.
 *
 * Source: net/netfilter/ipset/ip_set_core.c ip_set_test(), ip_set_hash_gen.h mtype_test_cidrs(),
 * ip_set_getport.c, ip_set_list_set.c list_set_ktest().
 */

import { lacksHeader } from '../model/layer4-header.ts';
import type { IpSet, IpSetMember } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import { type Address, addressBits, maskAddress, prefixMask } from '../net/address.ts';
import {
  type Dimension,
  dimensionsOf,
  type ElementPart,
  elementPartText,
  maskForSet,
  parseElement,
  setMask,
} from './set-element.ts';

/** 0 no, 1 yes, 2 unknown: the answers of matches. */
type Answer = 0 | 1 | 2;

/** Which side of the packet a dimension looks at. */
export type SetDirection = 'src' | 'dst';

/** What a lookup needs of a match's environment. */
export interface SetEnvironment {
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  ask(topic: string, answers: readonly [no: string, yes: string]): Answer;
  readState(slot: string): unknown;
  writeState(slot: string, value: unknown): void;
}

interface CounterCondition {
  readonly op: 'eq' | 'ne' | 'lt' | 'gt';
  readonly value: number;
}

/** What `--match-set` adds to a lookup. */
export interface SetLookupFlags {
  readonly returnNomatch: boolean;
  readonly packetsTest?: CounterCondition;
  readonly bytesTest?: CounterCondition;
  readonly updateCounters: boolean;
  readonly updateSubcounters: boolean;
}

/** Changes that SET targets made to a set since it was read: by element, null where it was deleted. Plain data. */
export type SetChanges = Readonly<Record<string, ChangedMember | null>>;

/** A member that a SET target added. */
export interface ChangedMember extends IpSetMember {
  /** When it times out; absent: never, or no clock is kept. */
  readonly expiresMs?: number;
}

/** The time now, and the time from which the timeouts of members that were read count. */
export interface SetClock {
  readonly nowMs: number;
  readonly sinceMs: number;
}

/** Whether the member's time is over. Zero seconds mean: for good. */
function isOver(member: ChangedMember, clock: SetClock | undefined): boolean {
  if (!clock) return false;
  if (member.expiresMs !== undefined) return clock.nowMs > member.expiresMs;
  const seconds = member.timeoutSeconds;
  return seconds !== undefined && seconds > 0 && clock.nowMs > clock.sinceMs + seconds * 1000;
}

interface Entry {
  readonly member: IpSetMember;
  readonly parts: readonly ElementPart[];
}

type Key = number | string;

/** All elements whose networks have these prefix lengths. */
interface Level {
  readonly lengths: readonly number[];
  readonly entries: Map<Key, Entry | Entry[]>;
}

/** A set's members, ready to be looked up. */
interface Index {
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

/** A view of a set; fits the `SetView` of the extensions. */
export interface SetLookup {
  readonly type: string;
  /** Looks the packet up as `--match-set NAME dir,dir` does, without the rule's own `!`. */
  test(packet: Packet, env: SetEnvironment, dirs: readonly SetDirection[], flags: SetLookupFlags): Answer;
  /**
   * The element that `-j SET --add-set NAME dir,dir` would add or delete; undefined: none (wrong family, no port …).
   * Networks get the most specific prefix length of the set.
   */
  elementOf(packet: Packet, env: SetEnvironment, dirs: readonly SetDirection[]): string | undefined;
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

const isZero = (a: Address): boolean => a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 0;

function buildIndex(set: IpSet, members: Iterable<IpSetMember>, mask: Address | undefined): Index {
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

/** A port as sets see it: ICMP has type and code, protocols without ports have 0; undefined: not to be had. */
function packetPort(packet: Packet, dir: SetDirection | undefined): number | undefined {
  const { protocol } = packet;
  const withPort = protocol === 6 || protocol === 17 || protocol === 132 || protocol === 136;
  if (packet.fragmentOffsetBytes > 0)
    return packet.family === 'ipv6' || withPort || protocol === 1 ? undefined : 0;
  // Ports and types are read from a whole header or not at all.
  if ((withPort || protocol === 1 || protocol === 58) && lacksHeader(packet)) return undefined;
  if (withPort) return dir === 'src' ? packet.sport : packet.dport;
  if (protocol === 1 || protocol === 58)
    return packet.icmpType === undefined ? undefined : packet.icmpType * 256 + (packet.icmpCode ?? 0);
  return 0;
}

/** What the packet has in one dimension; undefined: the kernel gives up here, and the packet is not in the set. */
function queryPart(
  prepared: PreparedSet,
  dimension: Dimension,
  packet: Packet,
  env: SetEnvironment,
  dir: SetDirection | undefined,
): ElementPart | undefined {
  const { set, mask } = prepared;
  switch (dimension) {
    case 'ip':
    case 'net': {
      const address = maskForSet(dir === 'src' ? packet.src : packet.dst, mask);
      // hash:ip keeps no zero address, and so looks for none.
      if (set.type === 'hash:ip' && isZero(address)) return undefined;
      return { kind: dimension, address, length: addressBits(address.family) };
    }
    case 'port': {
      if (set.type === 'bitmap:port' && packet.protocol !== 6 && packet.protocol !== 17) return undefined;
      const port = packetPort(packet, dir);
      return port === undefined ? undefined : { kind: 'port', protocol: packet.protocol, port };
    }
    case 'mac': {
      const mac = dir === 'src' ? packet.ethSrc : packet.ethDst;
      return mac === undefined ? undefined : { kind: 'mac', mac: mac.toLowerCase() };
    }
    case 'mark': {
      const markMask = set.options['markmask'];
      return { kind: 'mark', mark: (packet.mark & (markMask === undefined ? -1 : Number(markMask))) >>> 0 };
    }
    case 'iface': {
      const name = dir === 'src' ? env.inInterface : env.outInterface;
      return name === undefined || name === '' ? undefined : { kind: 'iface', name, physdev: false };
    }
    case 'set':
      return undefined;
  }
}

/** The key of the parts with their networks cut to the lengths of a level. */
function keyAt(parts: readonly ElementPart[], level: Level, type: string): Key {
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

function cutTo(part: ElementPart & { readonly kind: 'ip' | 'net' }, length: number): ElementPart {
  return { ...part, address: maskAddress(part.address, prefixMask(part.address.family, length)), length };
}

/** Whether the interfaces agree. Elements with `physdev:` never do: xt_set does not ask for bridge ports. */
function interfaceFits(entry: Entry, query: ElementPart | undefined): boolean {
  const element = entry.parts.at(-1);
  if (element?.kind !== 'iface' || query?.kind !== 'iface') return true;
  if (element.physdev) return false;
  return entry.member.wildcard ? query.name.startsWith(element.name) : query.name === element.name;
}

function compare(value: number, condition: CounterCondition | undefined): boolean {
  switch (condition?.op) {
    case undefined:
      return true;
    case 'eq':
      return value === condition.value;
    case 'ne':
      return value !== condition.value;
    case 'lt':
      return value < condition.value;
    case 'gt':
      return value > condition.value;
  }
}

type Counters = Readonly<Record<string, readonly [packets: number, bytes: number]>>;

/** Counts the packet for an element and compares, in the kernel's order: ip_set_match_extensions(). */
function passesCounters(
  set: IpSet,
  entry: Entry,
  packet: Packet,
  env: SetEnvironment,
  flags: SetLookupFlags,
): boolean {
  if (!Object.hasOwn(set.options, 'counters')) return true;
  const slot = `ipset-counters:${set.name}`;
  const all = (env.readState(slot) ?? {}) as Counters;
  const { text } = entry.member;
  let [packets, bytes] = (Object.hasOwn(all, text) ? all[text] : undefined) ?? [
    entry.member.packets ?? 0,
    entry.member.bytes ?? 0,
  ];
  if (flags.updateCounters) {
    packets++;
    bytes += packet.lengthBytes;
    env.writeState(slot, { ...all, [text]: [packets, bytes] });
  }
  return compare(packets, flags.packetsTest) && compare(bytes, flags.bytesTest);
}

type Hit = 'match' | 'nomatch' | 'none';

/**
 * A view of a set as it is now. `resolve` finds the members of a list:set; `changes` are those of SET targets.
 */
export function createSetView(
  source: IpSet | PreparedSet,
  resolve: (name: string) => SetLookup | undefined,
  changes: SetChanges = {},
  clock?: SetClock,
): SetLookup {
  const prepared = 'index' in source ? source : prepareSet(source);
  const { set, dimensions, index, mask } = prepared;
  const changed = Object.keys(changes).length > 0;
  const added = changed
    ? buildIndex(
        set,
        Object.values(changes).flatMap((m) => m ?? []),
        mask,
      )
    : undefined;
  const hasNomatch = dimensions?.includes('net') === true;
  /** Sets of ports alone, of MAC addresses alone, and lists hold no address and so have no family. */
  const anyFamily = set.type === 'bitmap:port' || set.type === 'hash:mac' || set.type === 'list:set';
  const levels = added ? mergedLevels(index.levels, added.levels) : index.levels.map((l) => [l]);

  const addedLevels = new Set(added?.levels);

  /** Whether a SET target deleted or replaced the element since. */
  function isGone(entry: Entry): boolean {
    const text = entry.parts.map((p) => elementPartText(p, set.type)).join(',');
    return Object.hasOwn(changes, text);
  }

  function find(
    query: readonly ElementPart[],
    packet: Packet,
    env: SetEnvironment,
    flags: SetLookupFlags,
  ): Hit {
    const iface = query.at(-1);
    for (const group of levels) {
      const [first] = group;
      if (!first) continue;
      const key = keyAt(query, first, set.type);
      let sawNetwork = false;
      for (const level of group) {
        const found = level.entries.get(key);
        if (found === undefined) continue;
        for (const entry of Array.isArray(found) ? found : [found]) {
          if (changed && !addedLevels.has(level) && isGone(entry)) continue;
          if (isOver(entry.member, clock)) continue;
          sawNetwork = true;
          if (!interfaceFits(entry, iface)) continue;
          const elementMac = entry.parts[1];
          const packetMac = query[1];
          if (
            set.type === 'bitmap:ip,mac' &&
            elementMac?.kind === 'mac' &&
            elementMac.mac !== undefined &&
            packetMac?.kind === 'mac' &&
            packetMac.mac !== elementMac.mac
          )
            continue;
          if (!passesCounters(set, entry, packet, env, flags)) {
            sawNetwork = false;
            continue;
          }
          return entry.member.nomatch ? 'nomatch' : 'match';
        }
      }
      // A network that is there for other interfaces only hides the less specific ones: mtype_test_cidrs() `multi`.
      if (sawNetwork && iface?.kind === 'iface') return 'none';
    }
    return 'none';
  }

  const topic = `set:${set.name}`;
  const unknown = (env: SetEnvironment): Answer => env.ask(topic, ['no', 'yes']);

  function testList(
    packet: Packet,
    env: SetEnvironment,
    dirs: readonly SetDirection[],
    flags: SetLookupFlags,
  ): Answer {
    const below: SetLookupFlags = {
      returnNomatch: flags.returnNomatch,
      updateCounters: flags.updateCounters && flags.updateSubcounters,
      updateSubcounters: false,
    };
    let answer: Answer = 0;
    for (const member of listMembers(set, changes)) {
      if (isOver(member, clock)) continue;
      const view = resolve(member.text);
      // The kernel allows no list within a list.
      const one = !view || view.type === 'list:set' ? unknown(env) : view.test(packet, env, dirs, below);
      if (one === 0) continue;
      if (one === 2) {
        answer = 2;
        continue;
      }
      if (passesCounters(set, { member, parts: [] }, packet, env, flags)) return 1;
    }
    return answer;
  }

  function queryOf(
    packet: Packet,
    env: SetEnvironment,
    dirs: readonly SetDirection[],
  ): readonly ElementPart[] | undefined {
    if (!dimensions || dirs.length < dimensions.length) return undefined;
    if (!anyFamily && packet.family !== set.family) return undefined;
    const query: ElementPart[] = [];
    for (const [i, dimension] of dimensions.entries()) {
      const part = queryPart(prepared, dimension, packet, env, dirs[i]);
      if (!part) return undefined;
      query.push(part);
    }
    return query;
  }

  return {
    type: set.type,
    test(packet, env, dirs, flags) {
      if (!dimensions) return unknown(env);
      if (set.type === 'list:set') return dirs.length < 1 ? 0 : testList(packet, env, dirs, flags);
      const query = queryOf(packet, env, dirs);
      if (!query) return 0;
      const hit = find(query, packet, env, flags);
      if (hit === 'none') return index.unreadableCount > 0 ? unknown(env) : 0;
      return (hit === 'match') === (flags.returnNomatch && hasNomatch) ? 0 : 1;
    },
    elementOf(packet, env, dirs) {
      if (set.type === 'list:set') return undefined;
      const query = queryOf(packet, env, dirs);
      if (!query) return undefined;
      let i = 0;
      const lengths = [0, 1].map((n) => Math.max(-1, ...levels.map((g) => g[0]?.lengths[n] ?? -1)));
      return query
        .map((p) => {
          if (p.kind !== 'net') return p;
          const known = lengths[i++] ?? -1;
          return known > 0 ? cutTo(p, known) : p;
        })
        .map((p) => elementPartText(p, set.type))
        .join(',');
    },
  };
}

/** The members of a list:set now. */
function listMembers(set: IpSet, changes: SetChanges): readonly IpSetMember[] {
  const kept = set.members.filter((m) => !Object.hasOwn(changes, m.text));
  return [...kept, ...Object.values(changes).flatMap((m) => m ?? [])];
}

/** Levels of both, those with the same lengths together, in lookup order; the changes come first. */
function mergedLevels(base: readonly Level[], added: readonly Level[]): readonly (readonly Level[])[] {
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

/**
 * Adds an element (`timeoutSeconds` undefined: the set's default) or deletes it; the old changes stay as they are. An
 * element that is there already keeps its time, unless `exist` is said.
 */
export function changeSet(
  set: IpSet,
  changes: SetChanges,
  operation: 'add' | 'del',
  element: string,
  timeoutSeconds?: number,
  clock?: SetClock,
  exist = true,
): SetChanges {
  const fallback = set.options['timeout'];
  const seconds = timeoutSeconds ?? (fallback === undefined ? undefined : Number(fallback));
  if (operation === 'add' && !exist && clock && fallback !== undefined) {
    const known = Object.hasOwn(changes, element)
      ? changes[element]
      : set.members.find((m) => m.text === element);
    if (known && !isOver(known, clock)) return changes;
  }
  return {
    ...changes,
    [element]:
      operation === 'del'
        ? null
        : {
            text: element,
            timeoutSeconds: seconds,
            ...(clock && seconds ? { expiresMs: clock.nowMs + seconds * 1000 } : {}),
            nomatch: false,
            skbmark: undefined,
            packets: Object.hasOwn(set.options, 'counters') ? 0 : undefined,
            bytes: Object.hasOwn(set.options, 'counters') ? 0 : undefined,
            comment: undefined,
          },
  };
}

/** The elements of a set as canonical texts, for checks: ranges spread out, ports with their protocol. */
export function canonicalElements(set: IpSet): readonly string[] | undefined {
  const out: string[] = [];
  for (const member of set.members) {
    const elements = parseElement(set.type, set.family, member.text);
    if (!elements) return undefined;
    for (const parts of elements) out.push(parts.map((p) => elementPartText(p, set.type)).join(','));
  }
  return out;
}

/**
 * Looking packets up in ipsets.
 *
 * Source: net/netfilter/ipset/ip_set_core.c ip_set_test(), ip_set_hash_gen.h mtype_test_cidrs(), ip_set_getport.c,
 * ip_set_list_set.c list_set_ktest().
 */

import { lacksHeader } from '../model/layer4-header.ts';
import type { IpSet } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import { type Address, addressBits } from '../net/address.ts';
import { isOver, listMembers, type SetChanges, type SetClock } from './set-changes.ts';
import { type Dimension, type ElementPart, elementPartText, maskForSet } from './set-element.ts';
import {
  buildIndex,
  cutTo,
  type Entry,
  keyAt,
  mergedLevels,
  type PreparedSet,
  prepareSet,
} from './set-index.ts';

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

const isZero = (a: Address): boolean => a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 0;

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

import type { Connection, Tuple } from '../../model/connection.ts';
import { ctStatusBit } from '../../model/connection.ts';
import { endsBefore } from '../../model/layer4-header.ts';
import type { Packet } from '../../model/packet.ts';
import { type Address, addressBits, maskAddress, prefixLength, prefixMask } from '../../net/address.ts';
import { addressText, parseAddress, parseIpv4 } from '../../net/address-text.ts';
import { parseUnsigned } from '../../net/integer-text.ts';
import { complementIf } from '../../packetset/space.ts';
import { tupleKey } from '../connection-key.ts';
import {
  defineMatch,
  type MatchEnv,
  type OptionType,
  type Refusal,
  refuse,
  type Tri,
  tri,
} from '../define.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** How many connections, counted by which part of which address. */
export interface ConnlimitData {
  readonly limit: number;
  /** Matches what exceeds the limit; else what stays within. */
  readonly above: boolean;
  readonly maskLength: number;
  readonly side: 'source' | 'destination';
}

/** A length, or a netmask; a mask with holes counts as 32. */
const maskOption: OptionType<number> = {
  arity: 1,
  placeholder: 'prefix-length|netmask',
  shape: { kind: 'integer', min: 0, max: 128 },
  parse(words, context) {
    const text = words[0] ?? '';
    const bits = addressBits(context.family);
    const number = parseUnsigned(text, 0xffffffff);
    if (number !== undefined && number <= bits) return number;
    // A number beyond 32 is read as an address, a mask with holes: 32.
    if (number !== undefined && context.family === 'ipv4') return 32;
    const mask = context.family === 'ipv4' ? parseIpv4(text, true) : parseAddress('ipv6', text);
    if (mask) return prefixLength(mask) ?? bits;
    return refuse(
      'bad-mask',
      `connlimit: bad value for option "${context.option}", neither a valid network mask nor valid CIDR (0-${bits})`,
      { word: context.option, option: context.option },
    );
  },
};

/** A connection as it was counted: without an entry yet (in raw), it is in no zone. */
interface CountedTuple {
  readonly tuple: string;
  readonly zoneOriginal: number;
  readonly zoneReply: number;
}

/** Connections counted for one address or network. */
interface CountedList {
  /** By their original tuples, in the order in which they came. */
  readonly tuples: readonly CountedTuple[];
  /** When all of the list was looked through last. */
  readonly cleanedMs: number;
}

type Lists = Readonly<Record<string, CountedList>>;

/** What nf_ct_get_tuple() reads of layer 4: ports, or the whole header of ICMP. */
const wantedBytes: Readonly<Record<number, number>> = { 1: 8, 6: 4, 17: 4, 58: 8, 132: 4, 136: 4 };

/** The tuple of a packet without connection; undefined: a fragment has none, nor has what ends too soon. */
function packetTuple(packet: Packet): Tuple | undefined {
  if (packet.fragmentOffsetBytes > 0) return undefined;
  if (endsBefore(packet, wantedBytes[packet.protocol] ?? 0)) return undefined;
  const icmp = packet.icmpType !== undefined;
  return {
    src: packet.src,
    dst: packet.dst,
    protocol: packet.protocol,
    sport: icmp ? (packet.icmpId ?? 0) : (packet.sport ?? 0),
    dport: icmp ? (packet.icmpType ?? 0) * 256 + (packet.icmpCode ?? 0) : (packet.dport ?? 0),
  };
}

/** The connections of the table by both of their tuples and zones, which is how the kernel finds them again. */
function openConnections(env: MatchEnv): ReadonlyMap<string, Connection> {
  const open = new Map<string, Connection>();
  for (const c of env.connections()) {
    open.set(`${tupleKey(c.original)} original ${c.zoneOriginal ?? c.zone}`, c);
    open.set(`${tupleKey(c.reply)} reply ${c.zoneReply ?? c.zone}`, c);
  }
  return open;
}

/** nf_conntrack_find_get(): a counted tuple may be that of either direction, in the zone of that direction. */
function findOpen(open: ReadonlyMap<string, Connection>, counted: CountedTuple): Connection | undefined {
  return (
    open.get(`${counted.tuple} original ${counted.zoneOriginal}`) ??
    open.get(`${counted.tuple} reply ${counted.zoneReply}`)
  );
}

/**
 * The list after this packet. A packet of an assured connection adds nothing; it has the list cleaned of what is
 * gone or closed. Any other packet walks the list as far as its own connection, cleans on the way, and adds itself
 * at the end if it is not there. What was cleaned at this very moment is not walked again: the packet of a
 * connection that is not confirmed yet is then added once more.
 */
function counted(
  old: CountedList,
  own: CountedTuple,
  entry: Connection | undefined,
  open: ReadonlyMap<string, Connection>,
  nowMs: number,
): CountedList {
  const status = entry?.status ?? 0;
  const confirmed = (status & ctStatusBit.CONFIRMED) !== 0;
  const assured = confirmed && (status & ctStatusBit.ASSURED) !== 0;
  if (old.cleanedMs === nowMs) {
    if (assured) return old;
    if (!confirmed) return { ...old, tuples: [...old.tuples, own] };
  }
  const now: CountedTuple[] = [];
  for (const [i, one] of old.tuples.entries()) {
    const c = findOpen(open, one);
    if (!c) continue;
    const same =
      one.tuple === own.tuple && one.zoneOriginal === own.zoneOriginal && one.zoneReply === own.zoneReply;
    if (!assured && same) return { ...old, tuples: [...now, ...old.tuples.slice(i)] };
    if (c.closed !== true) now.push(one);
  }
  if (!assured) now.push(own);
  return { tuples: now, cleanedMs: nowMs };
}

/** Counts as the kernel does since 6.18: if nothing is left in the list, the match drops the packet. */
function judge(
  d: ConnlimitData,
  slot: string,
  mask: Address,
  packet: Packet,
  env: MatchEnv,
  nowMs: number,
): Tri {
  const attached = env.connection.entry;
  // A template tells its zone, and nothing of the packet (get_ct_or_tuple_from_skb()).
  const entry = attached && attached.status & ctStatusBit.TEMPLATE ? undefined : attached;
  const tuple = entry?.original ?? packetTuple(packet);
  if (!tuple) return env.hotDrop();
  const address = d.side === 'source' ? packet.src : packet.dst;
  const key = `${addressText(maskAddress(address, mask))} ${attached?.zone ?? 0}`;
  const own: CountedTuple = {
    tuple: tupleKey(tuple),
    zoneOriginal: attached?.zoneOriginal ?? attached?.zone ?? 0,
    zoneReply: attached?.zoneReply ?? attached?.zone ?? 0,
  };
  const lists = (env.readState(slot) as Lists | undefined) ?? {};
  const old = lists[key];
  const now = old
    ? counted(old, own, entry, openConnections(env), nowMs)
    : { tuples: [own], cleanedMs: nowMs };
  env.writeState(slot, { ...lists, [key]: now });
  if (now.tuples.length === 0) return env.hotDrop();
  return tri(now.tuples.length > d.limit, !d.above);
}

/** How many connections there are from or to an address or network, this packet's among them. */
export const connlimit = defineMatch({
  name: 'connlimit',
  families: ['ipv4', 'ipv6'],
  options: {
    'connlimit-upto': { type: integer(0, 0xffffffff), invertible: true, excludes: ['connlimit-above'] },
    'connlimit-above': { type: integer(0, 0xffffffff), invertible: true, excludes: ['connlimit-upto'] },
    'connlimit-mask': { type: maskOption },
    'connlimit-saddr': { type: flag, excludes: ['connlimit-daddr'] },
    'connlimit-daddr': { type: flag, excludes: ['connlimit-saddr'] },
  },
  constraints: {},
  needs: ['conntrack', 'clock'],
  usesConntrack: () => true,
  bind: (o, context): ConnlimitData | Refusal => {
    const given = o['connlimit-above'] ?? o['connlimit-upto'];
    if (!given)
      return refuse('missing-option', 'You must specify "--connlimit-above" or "--connlimit-upto".');
    return {
      limit: given.value,
      above: (o['connlimit-above'] !== undefined) !== given.negated,
      maskLength: o['connlimit-mask']?.value ?? addressBits(context.family),
      side: o['connlimit-daddr'] ? 'destination' : 'source',
    };
  },
  print: (d) => [
    option(d.above ? 'connlimit-above' : 'connlimit-upto', String(d.limit)),
    option('connlimit-mask', String(d.maskLength)),
    option(d.side === 'source' ? 'connlimit-saddr' : 'connlimit-daddr'),
  ],
  compile: (d, context) => {
    const slot = `connlimit:${context.slot}`;
    const mask = prefixMask(context.family, d.maskLength);
    return (packet, env) => {
      if (env.timeMs !== undefined) return judge(d, slot, mask, packet, env, env.timeMs);
      return d.above ? env.ask('limit', ['under', 'over']) : env.ask('limit', ['over', 'under']);
    };
  },
  // Every rule keeps its own list.
  packets: (d, space) => complementIf(d.above, space, space.choice({ kind: 'rule' })),
  docs: {
    summary: 'Number of connections from or to an address or network.',
    man: 'iptables-extensions(8) connlimit',
    kernel: 'net/netfilter/xt_connlimit.c connlimit_mt(), net/netfilter/nf_conncount.c',
  },
});

/** Random packets for the kernel: what arrives or is sent without answering anything. */

import fc from 'fast-check';
import type { CasePacket } from '../../src/dev/conform-case.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import type { DrawnHost } from './arbitrary-kernel-hosts.ts';
import { rareProtocol, specialPackets } from './arbitrary-kernel-oddities.ts';
import { choice, chosen, ports } from './arbitrary-kernel-rules.ts';

/** Names of rules and names of packets. */
const rareProtocols: Readonly<Record<string, string>> = {
  dccp: '33',
  '33': '33',
  ah: '51',
  '51': '51',
  sctp: 'sctp',
  '132': 'sctp',
  udplite: 'udplite',
  '136': 'udplite',
  esp: '50',
  '50': '50',
  'ipv6-mh': '135',
  'mobility-header': '135',
  mh: '135',
  '135': '135',
};

/** What a ruleset speaks of. */
export interface Hints {
  readonly ports: readonly number[];
  readonly addresses: readonly string[];
  /** Protocols that are rare elsewhere, as packets name them. */
  readonly protocols: readonly string[];
}

/** Numbers of a ruleset that may be ports, and the addresses in it that packets can have. */
export function hintsOf(ruleset: string, family: 4 | 6): Hints {
  const numbers = [...ruleset.matchAll(/(?:port|:|,)s? ?(\d{1,5})\b/g)]
    .map((m) => Number(m[1]))
    .filter((n) => n < 65536);
  const written =
    family === 4
      ? /\b\d+\.\d+\.\d+\.\d+\b/g
      : /(?<= |\[)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?=\/| |\]|\n|-)/g;
  const addresses = [...ruleset.matchAll(written)].map((m) => m[0]);
  const named = [...ruleset.matchAll(/(?<!! )-p (\w[\w-]*)/g)].map((m) => rareProtocols[m[1] ?? '']);
  return {
    ports: numbers,
    // Rules may write octal numbers, and more words than an address has.
    addresses: addresses.filter(
      (a) =>
        (family === 4 || a.includes('::')) && parseAddress(family === 4 ? 'ipv4' : 'ipv6', a) !== undefined,
    ),
    protocols: named.filter((p) => p !== undefined),
  };
}

const floor = Math.floor;

/** A packet that answers none before it. */
export interface FreshDraw {
  readonly kind: 'fresh';
  /** 0: sent by a process; otherwise the interface. */
  readonly from: number;
  readonly src: number;
  readonly dst: number;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly flags: number;
  readonly ttl: number;
  readonly tos: number;
  readonly owner: number;
  readonly extra: number;
  /** What is out of the ordinary about it; mostly nothing. */
  readonly special: number;
}

/** Draws of {@link freshPackets}. */
export const freshDraw: fc.Arbitrary<FreshDraw> = fc.record({
  kind: fc.constant('fresh' as const),
  from: choice,
  src: choice,
  dst: choice,
  protocol: choice,
  sport: choice,
  dport: choice,
  flags: choice,
  ttl: choice,
  tos: choice,
  owner: choice,
  extra: choice,
  special: choice,
});

/** `GET /`, as hexadecimal. */
export const data = '474554202f0d0a';

/** The packet of a draw; several where it comes in pieces. `index`: its place in the case. */
export function freshPackets(
  d: FreshDraw,
  family: 4 | 6,
  drawn: DrawnHost,
  hints: Hints,
  index: number,
): readonly CasePacket[] {
  const packet = plainPacket(d, family, drawn, hints, index);
  return specialPackets(d.special, packet, family, drawn, index);
}

function plainPacket(d: FreshDraw, family: 4 | 6, drawn: DrawnHost, hints: Hints, index: number): CasePacket {
  const { interfaces } = drawn.host;
  const links = interfaces.flatMap((one, i) => (one.bridge ? [] : [i]));
  const where = d.from % (links.length + 2);
  const local = where === 1 || (where === 0 && d.from % 2 === 1);
  const arrives = local ? 0 : (links[Math.max(0, where - 2) % links.length] ?? 0);
  const port = (n: number): number =>
    n % 3 === 1 && hints.ports.length > 0 ? chosen(hints.ports, floor(n / 3)) : chosen(ports, floor(n / 3));
  const usable = local ? global : (addresses: readonly string[]) => addresses;
  const own = usable(drawn.own);
  const odd = usable(drawn.odd);
  const strange = hints.addresses.length > 0 ? usable(hints.addresses) : odd;
  const near = usable(drawn.near[arrives] ?? []);
  const outside = [...near, ...(arrives === 0 ? drawn.far : [])];
  const others = usable(drawn.near.filter((_, i) => i !== arrives).flat());
  const pick = (n: number, ...lists: readonly (readonly string[])[]): string => {
    const list = chosen(lists, n);
    return chosen(list.length > 0 ? list : outside, floor(n / lists.length));
  };
  const src = local
    ? pick(
        d.src,
        own,
        own,
        own,
        own,
        ['127.0.0.1'].map((a) => (family === 4 ? a : '::1')),
      )
    : pick(d.src, outside, outside, outside, outside, outside, outside, strange, odd, own);
  const dst = local
    ? pick(d.dst, near, drawn.far, others, own, drawn.far, strange, [family === 4 ? '127.0.0.1' : '::1'], odd)
    : pick(d.dst, own, own, others, others, drawn.far, strange, odd);
  const usual = [
    'tcp',
    'udp',
    'tcp',
    family === 4 ? 'icmp' : 'icmpv6',
    'tcp',
    'udp',
    'sctp',
    'udplite',
    '47',
    '50',
  ];
  const proto = chosen([...usual, ...hints.protocols, ...hints.protocols], d.protocol);
  const eth =
    local || !interfaces[arrives]
      ? { local: true, ...owner(d.owner) }
      : {
          iface: interfaces[arrives].name,
          ...(interfaces[arrives].master === undefined
            ? {
                eth_src: d.owner % 4 === 3 ? '02:ee:00:00:00:02' : '02:ee:00:00:00:01',
                eth_dst: linkAddress(dst, drawn, interfaces[arrives].mac, d.owner),
              }
            : bridgeAddresses(dst, drawn, arrives, d.owner)),
        };
  const base: CasePacket = {
    ...eth,
    src,
    dst,
    proto,
    ttl: chosen([64, 64, 64, 1, 2, 128, 255], d.ttl),
    tos: chosen([0, 0, 0, 0x10, 0xb8, 0x02], d.tos),
    ...(family === 4 ? { id: 4096 + 7 * index } : {}),
  };
  if (['47', '50'].includes(proto)) return { ...base, payload: '0000100100000001' };
  if (/^\d/.test(proto)) return rareProtocol(base, proto, family);
  if (proto.startsWith('icmp')) {
    const types = family === 4 ? [8, 8, 8, 13, 0, 8, 3, 42] : [128, 128, 128, 129, 128, 1, 135, 200];
    const type = chosen(types, d.dport);
    return {
      ...base,
      icmp_type: type,
      icmp_code: 0,
      icmp_id: 7 + (d.sport % 3),
      icmp_seq: 1,
      ...(d.extra % 5 === 4 ? { payload: data } : {}),
    };
  }
  const withPorts = {
    ...base,
    sport: d.sport % 2 === 0 ? 40000 + (d.sport % 3) : port(d.sport),
    dport: port(d.dport),
  };
  const bad = d.extra % 31 === 30 ? { bad_checksum: true } : {};
  if (proto === 'tcp') {
    const flags = chosen(
      [
        ['SYN'],
        ['SYN'],
        ['SYN'],
        ['SYN'],
        ['ACK'],
        ['SYN'],
        ['RST'],
        ['SYN', 'ACK'],
        ['FIN', 'PSH', 'URG'],
        [],
      ],
      d.flags,
    );
    return {
      ...withPorts,
      tcp_flags: flags,
      ...(d.extra % 4 === 3 ? { mss: chosen([1460, 536, 1200], d.extra) } : {}),
      ...(d.extra % 7 === 6 ? { df: true } : {}),
      ...bad,
    };
  }
  if (proto === 'sctp') return withPorts;
  const wide = local || (interfaces[arrives]?.mtu ?? 1500) >= 1500;
  const size = wide && d.extra % 23 === 22 ? 1400 : d.extra % 4;
  return { ...withPorts, payload: '61'.repeat(size), ...(d.extra % 5 === 4 ? { df: true } : {}), ...bad };
}

/** Local senders would have to name an interface for link-local addresses. */
function global(addresses: readonly string[]): readonly string[] {
  return addresses.filter((a) => !a.startsWith('fe80'));
}

function owner(n: number): Partial<CasePacket> {
  return {
    ...(n % 3 === 2 ? { uid: 1000, gid: n % 2 === 0 ? 1000 : 0 } : {}),
    ...(n % 5 === 4 ? { mark: chosen([1, 2, 16], n) } : {}),
  };
}

/**
 * Behind each port of a bridge are hosts with one MAC address. What is not for a host behind another port is for the
 * bridge itself, or for a router behind the other port.
 */
function bridgeAddresses(
  dst: string,
  drawn: DrawnHost,
  port: number,
  n: number,
): { eth_src: string; eth_dst: string } {
  const { interfaces } = drawn.host;
  const host = (i: number): string => `02:ee:00:00:01:${interfaces[i]?.mac.slice(-2)}`;
  const { master } = interfaces[port] ?? {};
  const other = interfaces.findIndex((one, i) => one.master === master && i !== port);
  const there = drawn.near[other]?.includes(dst) || (!drawn.own.includes(dst) && n % 4 === 3);
  const bridge = interfaces.find((one) => one.name === master)?.mac ?? '';
  return { eth_src: host(port), eth_dst: there ? host(other) : bridge };
}

/** The MAC address that the sender would take; sometimes another one. */
function linkAddress(dst: string, drawn: DrawnHost, own: string, n: number): string {
  if (n % 29 === 28) return 'ff:ff:ff:ff:ff:ff';
  if (n % 37 === 36) return '02:00:00:00:00:99';
  if (dst.startsWith('ff')) return `33:33:00:00:00:0${dst.slice(-1)}`;
  if (dst === '255.255.255.255' || (dst.endsWith('.255') && drawn.odd.includes(dst)))
    return 'ff:ff:ff:ff:ff:ff';
  const [first = 0, second = 0, third = 0, fourth = 0] = dst.split('.').map(Number);
  if (first < 224 || first > 239 || dst.includes(':')) return own;
  return ['01:00:5e', ...[second & 127, third, fourth].map((b) => b.toString(16).padStart(2, '0'))].join(':');
}

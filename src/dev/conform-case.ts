/** Recorded kernel cases as fwsim's own data: machine, packets, entry points. The format is in test/fixtures/kernel-cases. */

import { claimContext } from '../context/claim.ts';
import { createDraft, finishDraft } from '../context/facts.ts';
import type { JsonObject } from '../context/json.ts';
import { readRulesJson } from '../context/read-policy-rules.ts';
import { readRoutesJson } from '../context/read-routes.ts';
import { layer4ChecksumRight } from '../engine/checksum.ts';
import { headerBytes, layer4HeaderBytes, readLayer4, readTcpOptions } from '../engine/layer4.ts';
import type {
  Fact,
  HostBehind,
  Interface,
  InterfaceAddress,
  Machine,
  Provenance,
  Route,
} from '../model/machine.ts';
import {
  type ExtensionHeader,
  type Packet,
  type PacketType,
  type TcpOption,
  tcpFlag,
} from '../model/packet.ts';
import type { EntryPoint } from '../model/trace.ts';
import { addressBits, type Family, ipv4, ipv6, networkContains, prefix } from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';

/** A packet as a case writes it. */
export interface CasePacket {
  readonly src: string;
  readonly dst: string;
  readonly proto: string;
  readonly ttl: number;
  readonly tos: number;
  readonly id?: number;
  readonly df?: boolean;
  readonly mf?: boolean;
  readonly frag_off?: number;
  readonly ip_options?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly tcp_flags?: readonly string[];
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly mss?: number;
  readonly tcp_options?: string;
  readonly icmp_type?: number;
  readonly icmp_code?: number;
  readonly icmp_id?: number;
  readonly icmp_seq?: number;
  readonly icmp_rest?: number;
  readonly quote?: CasePacket;
  readonly payload?: string;
  readonly l4_raw?: string;
  /** IPv6: in front of the fragment header, if there is one. */
  readonly ext_headers?: readonly ExtensionHeader[];
  readonly vtag?: number;
  readonly sctp_chunk?: string;
  readonly bad_checksum?: boolean;
  readonly iface?: string;
  readonly eth_src?: string;
  readonly eth_dst?: string;
  readonly local?: boolean;
  readonly uid?: number;
  readonly gid?: number;
  readonly mark?: number;
}

/** One record of the kernel's rule trace. */
export interface CaseTraceEntry {
  readonly table: string;
  readonly chain: string;
  readonly rule?: number;
  readonly policy?: boolean;
  readonly verdict: string;
  readonly to?: string;
  readonly mark?: number;
}

/** A packet as it was delivered or seen on the wire. */
export interface CasePacketOut {
  readonly [field: string]: unknown;
}

/** What became of one packet: `expect` of a case, and the answers of a simulator. */
export interface CaseAnswer {
  readonly trace?: readonly CaseTraceEntry[];
  readonly fate: string;
  readonly drop_at?: {
    readonly table: string;
    readonly chain: string;
    readonly rule?: number;
    readonly policy?: boolean;
  };
  readonly reject_with?: string;
  readonly out_iface?: string;
  readonly packet_out?: CasePacketOut;
  readonly ct?: { readonly state: string; readonly dir?: string; readonly status?: readonly string[] };
  readonly generated?: readonly (CaseAnswer & { readonly copy?: boolean })[];
  readonly errno?: string;
}

/** One machine with its rules and the packets that were sent to it. */
export interface KernelCase {
  readonly id: string;
  readonly title: string;
  readonly family: 4 | 6;
  readonly ruleset: string;
  readonly ipsets?: string;
  readonly host: {
    readonly interfaces: readonly {
      readonly name: string;
      readonly mac: string;
      readonly addresses: readonly string[];
      readonly mtu?: number;
      /** It is a bridge; its ports name it as their master. */
      readonly bridge?: boolean;
      readonly master?: string;
    }[];
    /** `ADDRESS lladdr MAC dev BRIDGE`; the MAC ends as that of the port which the host is behind. */
    readonly neighbours?: readonly string[];
    readonly sysctls: Readonly<Record<string, string>>;
    readonly routes_json: readonly JsonObject[];
    readonly rules_json: readonly JsonObject[];
  };
  readonly conntrack_active: boolean;
  readonly packets: readonly CasePacket[];
  readonly expect: readonly CaseAnswer[];
  readonly conntrack_end?: readonly string[];
}

const protocolNumbers: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  ospf: 89,
  sctp: 132,
  udplite: 136,
};

/** The case's family in our words. */
export function familyOf(c: KernelCase): Family {
  return c.family === 4 ? 'ipv4' : 'ipv6';
}

function optionsOf(p: CasePacket): readonly TcpOption[] {
  const options: TcpOption[] = [];
  if (p.mss !== undefined) options.push({ kind: 2, data: p.mss.toString(16).padStart(4, '0') });
  if (p.tcp_options !== undefined) options.push(...readTcpOptions(p.tcp_options));
  return options;
}

/** The header that an IPv6 fragment carries. */
function fragmentHeader(p: CasePacket): ExtensionHeader {
  const offset = ((p.frag_off ?? 0) | (p.mf ? 1 : 0)).toString(16).padStart(4, '0');
  return { protocol: 44, body: `${offset}${((p.id ?? 0) >>> 0).toString(16).padStart(8, '0')}` };
}

const initChunk = '01000014000000010000ffff0001000100000001';

/** Reads a packet of a case. `machine` tells how its frame was addressed. */
export function readPacket(p: CasePacket, family: Family, machine?: Machine): Packet {
  const protocol = protocolNumbers[p.proto] ?? Number(p.proto);
  const address = (text: string): Packet['src'] =>
    parseAddress(family, text) ?? (family === 'ipv4' ? ipv4(0) : ipv6(0, 0, 0, 0));
  const quote = p.quote && readPacket({ ...p.quote, ttl: p.quote.ttl ?? 64, tos: p.quote.tos ?? 0 }, family);
  const fragment = (p.frag_off ?? 0) > 0;
  const raw = p.l4_raw;
  const ports = [6, 17, 33, 132, 136].includes(protocol);
  const base: Packet = {
    family,
    src: address(p.src),
    dst: address(p.dst),
    protocol,
    ttl: p.ttl,
    tos: p.tos,
    ...(family === 'ipv6' ? { flowLabel: 0 } : {}),
    lengthBytes: 0,
    identification: p.id ?? 0,
    dontFragment: p.df ?? false,
    moreFragments: p.mf ?? false,
    fragmentOffsetBytes: p.frag_off ?? 0,
    ipOptions: p.ip_options ?? '',
    extensionHeaders: [
      ...(p.ext_headers ?? []),
      ...(family === 'ipv6' && (p.mf || fragment || raw !== undefined) ? [fragmentHeader(p)] : []),
    ],
    sport: ports && !fragment && raw === undefined ? (p.sport ?? 0) : undefined,
    dport: ports && !fragment && raw === undefined ? (p.dport ?? 0) : undefined,
    tcpFlags:
      protocol === 6 && !fragment && raw === undefined
        ? (p.tcp_flags ?? []).reduce((n, f) => n | tcpFlag[f as keyof typeof tcpFlag], 0)
        : 0,
    seq: p.seq ?? 1000,
    ack: p.ack ?? 0,
    window: p.window ?? 64240,
    tcpOptions: protocol === 6 && !fragment ? optionsOf(p) : [],
    icmpType: fragment ? undefined : p.icmp_type,
    icmpCode: fragment ? undefined : p.icmp_code,
    icmpId: p.quote || p.icmp_rest !== undefined ? undefined : p.icmp_id,
    icmpSeq: p.quote || p.icmp_rest !== undefined ? undefined : p.icmp_seq,
    icmpRest: p.icmp_rest ?? (p.quote ? 0 : undefined),
    quote,
    sctpTag: p.vtag ?? 0,
    sctpChunks: protocol === 132 && raw === undefined ? (p.sctp_chunk ?? initChunk) : '',
    spi: undefined,
    payload: raw !== undefined ? undefined : (p.payload ?? ''),
    layer4: raw,
    // The recorder fills in no checksum of DCCP.
    badChecksum: p.bad_checksum ?? protocol === 33,
    mark: p.mark ?? 0,
    ethSrc: p.eth_src,
    ethDst: p.eth_dst,
    packetType: packetTypeOf(p, machine),
    uid: p.local ? (p.uid ?? 0) : undefined,
    gid: p.local ? (p.gid ?? 0) : undefined,
    ...(raw !== undefined && !fragment ? withoutPayload(readLayer4(protocol, raw)) : {}),
  };
  const extra =
    base.quote !== undefined
      ? quotedBytes(base.quote)
      : protocol === 132
        ? base.sctpChunks.length / 2
        : (base.payload ?? '').length / 2;
  const lengthBytes =
    raw !== undefined
      ? headerBytes(base) + raw.length / 2
      : headerBytes(base) + layer4HeaderBytes(base) + extra;
  const payload = base.payload;
  const spi =
    (protocol === 50 || protocol === 51) && payload !== undefined && payload.length >= 16
      ? Number.parseInt(payload.slice(protocol === 50 ? 0 : 8, protocol === 50 ? 8 : 16), 16)
      : base.spi;
  const whole = raw !== undefined && !p.mf && !fragment;
  const badChecksum = p.bad_checksum ?? (whole ? !layer4ChecksumRight(base, raw) : base.badChecksum);
  // Protocols without fields of their own here are known as bytes.
  const bare = ![1, 6, 17, 33, 58, 132, 136].includes(protocol) && raw === undefined;
  return { ...base, lengthBytes, spi, badChecksum, ...(bare ? { layer4: payload ?? '' } : {}) };
}

function withoutPayload(fields: Partial<Packet>): Partial<Packet> {
  const { payload: _, ...rest } = fields;
  return rest;
}

/** IPv4 quotes the header and 8 bytes, IPv6 the header and up to 64 bytes. */
function quotedBytes(q: Packet): number {
  const data = q.lengthBytes - headerBytes(q);
  return headerBytes(q) + Math.min(data, q.family === 'ipv4' ? 8 : 64);
}

function packetTypeOf(p: CasePacket, machine: Machine | undefined): PacketType {
  if (p.local || p.eth_dst === undefined || !machine) return 'unicast';
  const link = machine.interfaces.value?.find((i) => i.name === p.iface);
  const bridge = machine.interfaces.value?.find((i) => i.name === link?.master);
  if (p.eth_dst === link?.mac || p.eth_dst === bridge?.mac) return 'unicast';
  if (p.eth_dst === 'ff:ff:ff:ff:ff:ff') return 'broadcast';
  return Number.parseInt(p.eth_dst.slice(0, 2), 16) & 1 ? 'multicast' : 'otherhost';
}

/** Where the packet comes from. */
export function entryOf(p: CasePacket): EntryPoint {
  return p.local ? { kind: 'local', rawSocket: true } : { kind: 'arrives', inInterface: p.iface ?? '' };
}

function fact<T>(value: T, provenance: Provenance = 'given'): Fact<T> {
  return { value, provenance, source: 'case' };
}

function interfaceAddress(text: string): InterfaceAddress[] {
  const [address = '', length = ''] = text.split('/');
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const a = parseAddress(family, address);
  if (!a) return [];
  const prefixLength = Number(length);
  const hosts = prefixLength >= 31 ? 0 : 0xffffffff >>> prefixLength;
  return [
    {
      address: a,
      prefixLength,
      broadcast: family === 'ipv4' && prefixLength < 31 ? ipv4((a.w3 | hosts) >>> 0) : undefined,
      peer: undefined,
      scope:
        family === 'ipv4'
          ? a.w3 >>> 24 === 127
            ? 'host'
            : 'global'
          : addressText(a) === '::1'
            ? 'host'
            : a.w0 >>> 22 === 0x3fa
              ? 'link'
              : 'global',
      secondary: false,
    },
  ];
}

/** IPv4: the first address of a subnet on an interface is the primary one. */
function addressesOf(texts: readonly string[]): InterfaceAddress[] {
  const out: InterfaceAddress[] = [];
  for (const a of texts.flatMap(interfaceAddress)) {
    const mask = a.prefixLength === 0 ? 0 : (0xffffffff << (32 - a.prefixLength)) >>> 0;
    const secondary =
      a.address.family === 'ipv4' &&
      out.some(
        (b) =>
          b.address.family === 'ipv4' &&
          b.prefixLength === a.prefixLength &&
          ((b.address.w3 ^ a.address.w3) & mask) === 0,
      );
    out.push({ ...a, secondary });
  }
  return out;
}

/** The kernel's lists: IPv6 addresses by scope, the widest first; the newest in front of its equals. */
function kernelOrder(list: InterfaceAddress[]): InterfaceAddress[] {
  const v4 = list.filter((a) => a.address.family === 'ipv4');
  const v6 = list.filter((a) => a.address.family === 'ipv6');
  const global = v6.filter((a) => a.scope === 'global').reverse();
  return [...v4, ...global, ...v6.filter((a) => a.scope !== 'global')];
}

/** Settings that all recordings share and no case lists. */
const recordedSysctls = {
  'net.ipv4.conf.all.send_redirects': '0',
  'net.ipv4.icmp_ratelimit': '0',
  'net.ipv6.icmp.ratelimit': '0',
  'net.ipv4.ip_forward': '0',
  'net.ipv6.conf.all.forwarding': '0',
};

/** Some recordings listed the routes before the kernel had made those of the machine's own IPv6 addresses. */
function withLocalRoutes(routes: readonly Route[], interfaces: readonly Interface[]): readonly Route[] {
  const out = [...routes];
  for (const i of interfaces)
    for (const a of i.addresses) {
      const own = prefix(a.address, addressBits(a.address.family));
      const known = routes.some((r) => r.type === 'local' && networkContains(r.destination, a.address));
      if (known || a.address.family !== 'ipv6') continue;
      const local: Route = {
        type: 'local',
        destination: own,
        source: undefined,
        table: 255,
        nextHops: [{ via: undefined, device: i.name, weight: 1 }],
        preferredSource: undefined,
        metric: 0,
        scope: 'host',
        tos: 0,
        mtuBytes: undefined,
        realm: 0,
        down: false,
      };
      out.push(local);
    }
  return out;
}

/** Hosts behind the ports of a bridge. */
function hostsBehind({ family, host }: KernelCase): readonly Fact<HostBehind>[] {
  return (host.neighbours ?? []).flatMap((entry) => {
    const [text = '', , mac = '', , bridge] = entry.split(' ');
    const address = parseAddress(family === 4 ? 'ipv4' : 'ipv6', text);
    const port = host.interfaces.find((i) => i.master === bridge && i.mac.slice(-2) === mac.slice(-2));
    return address && port ? [fact({ address, interfaceName: port.name })] : [];
  });
}

/** The machine of a case: all of it given. */
export function machineOf(c: KernelCase): Machine {
  const family = familyOf(c);
  const draft = createDraft();
  readRoutesJson(draft, c.host.routes_json, family);
  readRulesJson(draft, c.host.rules_json, family);
  const facts = finishDraft(draft);
  const sets = c.ipsets ? (claimContext([{ text: c.ipsets, offset: 0 }]).facts.sets?.value ?? []) : [];
  const loopback: Interface = {
    name: 'lo',
    index: 1,
    mac: '00:00:00:00:00:00',
    mtuBytes: 65536,
    up: true,
    linkType: 'loopback',
    master: undefined,
    group: 0,
    addresses: [...interfaceAddress('127.0.0.1/8'), ...interfaceAddress('::1/128')],
  };
  const interfaces: Interface[] = [
    loopback,
    ...c.host.interfaces.map((i, n) => ({
      name: i.name,
      index: n + 2,
      mac: i.mac,
      mtuBytes: i.mtu ?? 1500,
      up: true,
      linkType: 'ether',
      master: i.master,
      ...(i.master === undefined ? {} : { masterKind: 'bridge' }),
      group: 0,
      addresses: kernelOrder(addressesOf(i.addresses)),
    })),
  ];
  return {
    hostName: fact('recorded'),
    kernelRelease: fact('6.18'),
    backend: fact('nft'),
    interfaces: fact(interfaces),
    routes: fact(withLocalRoutes(facts.routes?.value ?? [], interfaces)),
    policyRules: fact(facts.policyRules?.value ?? []),
    sysctls: fact({ ...recordedSysctls, ...c.host.sysctls }),
    sets: fact(sets),
    listeners: fact([]),
    conntrack: fact('auto'),
    localAddresses: [],
    remoteAddresses: [],
    behind: hostsBehind(c),
    outside: [],
  };
}

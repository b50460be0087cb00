/** The words of traces: packets, questions, reasons and verdicts as an administrator would say them. */

import { assumptionText } from '../engine/tape.ts';
import type { Packet } from '../model/packet.ts';
import { tcpFlag } from '../model/packet.ts';
import type {
  Assumption,
  Endpoints,
  Fate,
  Question,
  RouteDecision,
  RouteDropReason,
  TraceEvent,
} from '../model/trace.ts';
import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { icmpTypeName } from '../net/icmp-types.ts';
import { protocolName } from '../net/protocols.ts';
import { assertNever } from '../support/invariant.ts';
import { shellQuote } from './shell-quote.ts';

/** A number as marks are written. */
export function hexText(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** `198.51.100.7:40000`, `[2001:db8::1]:80`; without a port the address alone. */
function endpointText(address: Address, port: number | undefined): string {
  const text = addressText(address);
  if (port === undefined) return text;
  return address.family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}

/** Both ends of a packet: `198.51.100.7:40000 -> 203.0.113.1:80`. */
export function endpointsText(e: Endpoints): string {
  return `${endpointText(e.src, e.sport)} -> ${endpointText(e.dst, e.dport)}`;
}

/** The flags of a segment by name, `none` for none. */
export function tcpFlagNames(flags: number): string {
  const names = Object.entries(tcpFlag)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
  return names.length === 0 ? 'no flags' : names.join(',');
}

/** `TCP SYN`, `ICMP echo-request`, `ESP`. */
function kindText(p: Packet): string {
  const name = protocolName(p.protocol).toUpperCase();
  if (p.fragmentOffsetBytes > 0) return `${name} fragment (not the first)`;
  if (p.protocol === 6) return `${name} ${tcpFlagNames(p.tcpFlags)}`;
  if (p.icmpType !== undefined) return `${name} ${icmpTypeName(p.family, p.icmpType, p.icmpCode ?? 0)}`;
  return name;
}

/** A packet in one line: `TCP SYN 198.51.100.7:40000 -> 203.0.113.1:80`. */
export function packetText(p: Packet): string {
  return `${kindText(p)} ${endpointText(p.src, p.sport)} -> ${endpointText(p.dst, p.dport)}`;
}

/** What else there is to say of a packet: `TTL 64, 40 bytes, mark 0x1`. */
export function packetDetails(p: Packet): string {
  const words = [`${p.family === 'ipv4' ? 'TTL' : 'hop limit'} ${p.ttl}`, `${p.lengthBytes} bytes`];
  if (p.tos !== 0) words.push(`TOS ${hexText(p.tos)}`);
  if (p.mark !== 0) words.push(`mark ${hexText(p.mark)}`);
  if (p.uid !== undefined) words.push(`user ${p.uid}`);
  if (p.gid !== undefined && p.gid !== p.uid) words.push(`group ${p.gid}`);
  if (p.ethSrc !== undefined) words.push(`from MAC ${p.ethSrc}`);
  if (p.packetType !== 'unicast') words.push(p.packetType);
  if (p.dontFragment) words.push('DF');
  if (p.moreFragments) words.push('more fragments follow');
  if (p.badChecksum) words.push('bad checksum');
  if (p.quote) words.push(`about ${packetText(p.quote)}`);
  return words.join(', ');
}

/** The `--assume` option that gives this answer; to be printed without a line break in it. */
export function assumeOption(assumption: Assumption): string {
  return `--assume ${shellQuote(assumptionText(assumption))}`;
}

/** What is assumed, in words: `203.0.113.9 is this machine's`, `rule 5 of filter INPUT matches`. */
export function assumptionWords({ key, answer }: Assumption): string {
  const rule = /^(rule|target):([^/]+)\/(.+)\/(\d+)$/.exec(key);
  if (rule) {
    const name = `rule ${rule[4]} of ${rule[2]} ${rule[3]}`;
    if (rule[1] === 'rule') return `${name} ${answer === 'yes' ? 'matches' : 'does not match'}`;
    return `${name} ${answer === 'continue' ? 'lets the packet go on' : answer === 'accept' ? 'accepts' : 'drops'}`;
  }
  if (key.startsWith('local:'))
    return `${key.slice(6)} is ${answer === 'yes' ? "this machine's address" : "not this machine's address"}`;
  if (key.startsWith('out:')) return `packets to ${key.slice(4)} leave by ${answer}`;
  if (key === 'forwarding') return `the machine ${answer === 'off' ? 'does not forward' : 'forwards'}`;
  return `${key} is ${answer}`;
}

/** What the packet does not decide, by the topic of the question. */
export function topicWords({ topic }: Question): string {
  if (topic.startsWith('set:')) return `what is in set ${topic.slice(4)} is not known`;
  const [, list] = /^recent[: ](.+)$/.exec(topic) ?? [];
  if (list !== undefined) return `who is on the list ${list} is not known`;
  if (topic.startsWith('local:')) return 'the addresses of this machine are not known';
  if (topic.startsWith('out:')) return 'the routes are not known';
  const known: Readonly<Record<string, string>> = {
    unknown: 'nothing is known of one of its matches',
    limit: 'how much of its limit is used up is not known',
    random: 'it is decided by chance',
    payload: 'what the packet carries was not said',
    time: 'the time was not said',
    forwarding: 'whether this machine forwards is not known',
    ipsec: 'whether IPsec is applied is not known',
    owner: 'whose process sent it was not said',
    socket: 'the sockets of this machine are not known',
    quota: 'how much of its quota is used up is not known',
  };
  return known[topic] ?? `"${topic}" is not known`;
}

/** What would settle a question for good: an output to add, or an assumption for all rules at once. */
export function settleHint({ topic }: Question): string | undefined {
  if (topic.startsWith('set:'))
    return `add the output of ipset save by --with FILE, or --assume ${topic}=ADDRESS,…`;
  if (topic.startsWith('local:')) return 'add the output of ip -j addr by --with FILE';
  if (topic.startsWith('out:'))
    return 'add the outputs of ip -j addr and ip -j route show table all by --with FILE';
  if (topic === 'forwarding') return 'add the output of sysctl net.ipv4.ip_forward by --with FILE';
  if (topic === 'limit') return '--assume limit=under or limit=over decides for all rules at once';
  if (topic === 'random') return '--assume random=yes or random=no decides for all rules at once';
  if (topic === 'payload') return "say what it carries: --payload text:'…' behind the --";
  return undefined;
}

/** Drops beside the routes: by IPsec's policies, for sockets. */
const policyReasons = {
  'ipsec-policy': "IPsec's policy asks for protection that it did not have, or forbids it",
  'no-bridge-port': 'the bridge has no port to send it on: the host is behind the one that it came by',
  'socket-assigned': 'TPROXY gave it to a socket of this machine, and routing would forward it',
};

const routeReasons: Readonly<Record<RouteDropReason, string>> = {
  ...policyReasons,
  'no-route': 'there is no route to the destination',
  unreachable: 'the route says unreachable',
  prohibit: 'the route says prohibit',
  blackhole: 'the route is a blackhole',
  'reverse-path': 'the way back to the source leaves by another interface (rp_filter)',
  'martian-source': 'no packet may come from such a source address (martian)',
  'martian-destination': 'no packet may go to such a destination (martian)',
  'local-source': "its source is this machine's own address",
  'local-net': '127.0.0.0/8 may not leave or enter a machine (route_localnet is off)',
  'not-forwarding': 'it is for another machine, and forwarding is off',
  'broadcast-not-forwarded': 'broadcasts are not forwarded',
  'multicast-not-joined': 'this machine has not joined the multicast group',
  'layer2-broadcast': 'it came in a broadcast frame, and those are not forwarded',
  'ttl-exceeded': 'its TTL ran out',
  'too-big': 'it is too big for the interface and may not be fragmented',
  scope: 'an address of one link is not forwarded to another',
  'bad-options': 'its header cannot be used',
};

/** Reasons that are no rule's, in words; what is not listed is said as it is. */
const otherReasons: Readonly<Record<string, string>> = {
  'no-free-tuple': 'NAT found no free address and port for it',
  'masquerade-interface-changed': 'its masqueraded connection left by another interface before',
  'icmp-translation': 'NAT could not translate the packet that the error quotes',
  'connection not unique': 'its connection clashes with one that exists',
  'other-host': 'the frame was for another machine',
  'loopback-address': 'a loopback address may not come from outside',
  'multicast-source': 'a multicast address may not be a source',
  'multicast-scope': 'multicast of this scope does not leave a machine',
  'duplicate-fragment': 'this fragment was there already',
  'overlapping-fragment': 'its fragments overlap',
  undecided: 'it could not be decided',
};

/** A reason of conntrack, NAT or the header checks. */
function reasonWords(reason: string): string {
  const [, again] = /^reroute: (.+)$/.exec(reason) ?? [];
  if (again !== undefined) {
    const why = Object.hasOwn(routeReasons, again) ? routeReasons[again as RouteDropReason] : again;
    return `it was routed again, and ${why}`;
  }
  return otherReasons[reason] ?? reason;
}

/** Which route was used, and where it leads. */
export function routeWords(d: RouteDecision): string {
  const by = d.outInterface === undefined ? '' : `, out by ${d.outInterface}`;
  const via = d.gateway === undefined ? '' : ` via ${addressText(d.gateway)}`;
  const route =
    d.route === undefined
      ? ''
      : ` (route ${d.route}${d.table === undefined ? '' : `, table ${tableName(d.table)}`})`;
  switch (d.kind) {
    case 'local':
      return `for this machine${route}`;
    case 'forward':
      return `to be forwarded${by}${via}${route}`;
    case 'output':
      return `sent${by}${via}${route}`;
    case 'broadcast':
      return d.outInterface === undefined
        ? `a broadcast, for this machine too${route}`
        : `a broadcast${by}${route}`;
    case 'multicast':
      return d.outInterface === undefined
        ? `a multicast, for this machine too${route}`
        : `a multicast${by}${route}`;
    case 'drop':
      return `dropped: ${d.reason === undefined ? 'no reason known' : routeReasons[d.reason]}`;
    default:
      return assertNever(d.kind);
  }
}

function tableName(table: number): string {
  return { 253: 'default', 254: 'main', 255: 'local' }[table] ?? String(table);
}

/** Why a mapping has another port, and of which choice the port that is shown stands for many. */
export function portWords({
  manip,
  reply,
  portChanged,
}: Extract<TraceEvent, { readonly kind: 'nat-setup' }>): string {
  // Both directions of an ICMP query have one id, and it is kept where a source port would be.
  const icmp = reply.protocol === 1 || reply.protocol === 58;
  const port = manip === 'source' && !icmp ? reply.dport : reply.sport;
  const what = icmp ? 'ICMP id' : 'port';
  return portChanged
    ? `another mapping has its ${what}: the kernel rolls for a free one, ${port} stands for it`
    : `the kernel rolls for the ${what}: ${port} stands for it`;
}

/** The side of a packet that NAT changed, before and after. */
export function natWords(manip: 'source' | 'destination', before: Endpoints, after: Endpoints): string {
  return manip === 'source'
    ? `source ${endpointText(before.src, before.sport)} -> ${endpointText(after.src, after.sport)}`
    : `destination ${endpointText(before.dst, before.dport)} -> ${endpointText(after.dst, after.dport)}`;
}

type ConntrackEvent = Extract<TraceEvent, { kind: 'conntrack' }>;

const invalidReasons: Readonly<Record<string, string>> = {
  'tcp-flags': 'no segment has such flags',
  'tcp-state': 'it does not fit the state of its connection',
  'tcp-window': 'it lies outside of the window',
  checksum: 'its checksum is wrong',
  header: 'its header cannot be read',
  fragment: 'it is a fragment',
  quote: 'what it quotes cannot be read',
  'quote-of-unknown-connection': 'it is about a connection that is not known',
  'quote-of-another': 'it went to another than the sender of what it quotes',
  'icmp-type': 'no request is known that it answers',
  'neighbour-discovery': 'neighbour discovery is never tracked',
};

/** What conntrack made of the packet. */
export function conntrackWords(e: ConntrackEvent): string {
  if (e.reason === 'as told') return `${e.state}${e.direction === 'reply' ? ', a reply' : ''} (as you said)`;
  if (e.state === 'INVALID' || e.state === 'UNTRACKED') {
    const why = e.reason === undefined ? '' : ` (${invalidReasons[e.reason] ?? e.reason})`;
    return `${e.state}${why}`;
  }
  if (e.created) return `${e.state}, a new connection`;
  return `${e.state}, ${e.direction === 'reply' ? 'a reply' : 'in the direction of its first packet'}`;
}

/** What a change of a packet's field is, before and after. */
export function changeWords(field: string, before: unknown, after: unknown): string {
  const names: Readonly<Record<string, string>> = { ttl: 'TTL', tos: 'TOS', tcpOptions: 'TCP options' };
  const text = (value: unknown): string => {
    if (typeof value === 'number') return field === 'ttl' ? String(value) : hexText(value);
    if (Array.isArray(value)) {
      const options = value as readonly { kind: number; data: string }[];
      const words = options.map(({ kind, data }) =>
        kind === 2 ? `MSS ${Number.parseInt(data, 16)}` : `option ${kind}`,
      );
      return words.length === 0 ? 'none' : words.join(' ');
    }
    return String(value);
  };
  return `${names[field] ?? field} ${text(before)} -> ${text(after)}`;
}

/** How a way ended: a word in capitals, what happened (with the mark that joins them, if not a blank), and its tone. */
export interface FateWords {
  readonly word: string;
  readonly rest: string;
  readonly tone: 'accept' | 'drop' | 'other';
}

/** The end of a way without what decided. */
export function fateWords(fate: Fate): FateWords {
  switch (fate.kind) {
    case 'local':
      return { word: 'DELIVERED', rest: 'to this machine itself', tone: 'accept' };
    case 'forward':
    case 'sent': {
      const cut = fate.fragments === undefined ? '' : `, in ${fate.fragments.length} fragments`;
      const word = fate.kind === 'sent' ? 'SENT' : 'FORWARDED';
      return {
        word,
        rest: `out by ${fate.outInterface} as ${packetText(fate.packet)}${cut}`,
        tone: 'accept',
      };
    }
    case 'drop':
      return { word: 'DROPPED', rest: '', tone: 'drop' };
    case 'reject':
      return { word: 'REJECTED', rest: `with ${fate.with}`, tone: 'drop' };
    case 'queue':
      return { word: 'QUEUED', rest: 'for a program, which decides', tone: 'other' };
    case 'stolen':
      return { word: 'TAKEN', rest: ', whose target handles it itself', tone: 'other' };
    case 'route-drop':
      return {
        word: 'DROPPED',
        rest: `by routing after ${fate.after}: ${routeReasons[fate.reason]}`,
        tone: 'drop',
      };
    case 'ingress-drop':
      return { word: 'DROPPED', rest: `before any rule: ${reasonWords(fate.reason)}`, tone: 'drop' };
    case 'queued':
      return { word: 'WAITING', rest: 'for the other fragments of its packet', tone: 'other' };
    case 'hook-drop':
      return { word: 'DROPPED', rest: `in ${fate.hook}: ${reasonWords(fate.reason)}`, tone: 'drop' };
    case 'lost':
      return {
        word: 'LOST',
        rest: `after the last rule: ${reasonWords(fate.reason)}`,
        tone: 'drop',
      };
    case 'send-error':
      return {
        word: 'NOT SENT',
        rest: `: the sender gets ${fate.errno}: ${routeReasons[fate.reason]}`,
        tone: 'drop',
      };
    case 'undecided':
      return { word: 'UNDECIDED', rest: `: ${topicWords(fate.question)}`, tone: 'other' };
    case 'exhausted':
      return {
        word: 'GIVEN UP',
        rest:
          fate.resource === 'steps'
            ? `after ${fate.limit} rules`
            : ': the rules jump too deep, the kernel would refuse them',
        tone: 'other',
      };
    default:
      return assertNever(fate);
  }
}

/** `br0 (port eth1)`, where a bridge handed the packet over. */
export function portText(name: string, port: string | undefined): string {
  return port === undefined ? name : `${name} (port ${port})`;
}

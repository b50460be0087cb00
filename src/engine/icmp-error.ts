/**
 * ICMP errors that the kernel itself sends.
 *
 * Source: net/ipv4/icmp.c icmp_send(), icmp_route_lookup(), net/ipv6/icmp.c icmp6_send(); RFC 1122 §3.2.2, RFC 4443 §2.4.
 */

import type { Machine } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import { type Address, prefixLength, sameAddress } from '../net/address.ts';
import { isLinkLocal6, isLoopback6, isMulticast4, isMulticast6, isZero } from './addresses.ts';
import { isIcmpError } from './conntrack/track.ts';
import type { Destination } from './destination.ts';
import { hopLimit, isOwnAddress, type MachineFacts, selectAddress, sysctlNumber } from './facts.ts';
import { spendIcmpError } from './icmp-rate.ts';
import { echoedOptions } from './ip-options.ts';
import { localityOf } from './locality.ts';
import { type OutputFlow, routeOutput } from './routing.ts';
import { sourceAddress6 } from './source-address.ts';
import type { Walk } from './walk.ts';

/** A packet of this machine with nothing in it yet. */
export function emptyPacket(from: Packet, change: Partial<Packet>): Packet {
  return {
    family: from.family,
    src: from.dst,
    dst: from.src,
    protocol: 0,
    ttl: 64,
    tos: 0,
    lengthBytes: 0,
    identification: 0,
    dontFragment: false,
    moreFragments: false,
    fragmentOffsetBytes: 0,
    ipOptions: '',
    extensionHeaders: [],
    sport: undefined,
    dport: undefined,
    tcpFlags: 0,
    seq: 0,
    ack: 0,
    window: 0,
    tcpOptions: [],
    icmpType: undefined,
    icmpCode: undefined,
    icmpId: undefined,
    icmpSeq: undefined,
    icmpRest: undefined,
    quote: undefined,
    sctpTag: 0,
    sctpChunks: '',
    spi: undefined,
    payload: '',
    layer4: undefined,
    badChecksum: false,
    mark: 0,
    ethSrc: undefined,
    ethDst: undefined,
    packetType: 'unicast',
    uid: undefined,
    gid: undefined,
    ...change,
  };
}

/** IP4_REPLY_MARK, IP6_REPLY_MARK. */
export function replyMark(w: Walk): number {
  const name = w.family === 'ipv4' ? 'net.ipv4.fwmark_reflect' : 'net.ipv6.fwmark_reflect';
  return sysctlNumber(w.shared.facts, name, 0) !== 0 ? w.packet.mark : 0;
}

/** Source that routing gives a packet without one. */
export function chosenSource(w: Walk, d: Destination, dst: Address): Address | undefined {
  // ip6_route_get_saddr() asks the interface of the route: of a local address, the one that has it.
  if (w.family === 'ipv6')
    return sourceAddress6(w.shared.facts, dst, d.nextHop?.device ?? d.outInterface) ?? d.preferredSource;
  if (d.preferredSource) return d.preferredSource;
  if (d.outInterface === 'lo') return dst;
  if (d.outInterface === undefined) return undefined;
  const scope = d.gateway === undefined && d.route?.scope === 'link' ? 'link' : 'global';
  return selectAddress(w.shared.facts, d.outInterface, d.gateway ?? dst, scope);
}

function flowOf(
  dst: Address,
  src: Address | undefined,
  mark: number,
  tos: number,
  protocol: number,
): OutputFlow {
  return {
    dst,
    src,
    mark,
    tos,
    protocol,
    sport: undefined,
    dport: undefined,
    uid: 0,
    anySource: true,
  };
}

/** An address to stand for one that nobody knows. */
function anyOwnAddress(w: Walk): Address {
  const known = (f: Machine['localAddresses'][number]): boolean =>
    f.value.family === w.family && f.provenance !== 'default';
  return w.machine.localAddresses.find(known)?.value ?? w.packet.dst;
}

/** icmp_pointers[].error: errors, and types that the kernel does not know. */
const unansweredTypes = new Set([1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12]);

/** icmp_errors_use_inbound_ifaddr: an address of the interface that the packet came in by, if that is wanted. */
function inboundAddress(w: Walk): Address | undefined {
  const { facts } = w.shared;
  if (w.inInterface === undefined || w.destination?.kind === 'output') return undefined;
  if (sysctlNumber(facts, 'net.ipv4.icmp_errors_use_inbound_ifaddr', 0) === 0) return undefined;
  return selectAddress(facts, w.inInterface, w.packet.src, 'link');
}

function sendError4(w: Walk, type: number, code: number, rest: number): void {
  const p = w.packet;
  const d = w.destination;
  if (p.packetType !== 'unicast' || d?.toMany || p.fragmentOffsetBytes > 0) return;
  if (p.protocol === 1 && (p.icmpType === undefined || p.icmpType > 18 || unansweredTypes.has(p.icmpType)))
    return;
  const toUs = d !== undefined && (d.kind === 'local' || (d.kind === 'output' && d.outInterface === 'lo'));
  const tos = (p.tos & 0x1e) | 0xc0;
  const mark = replyMark(w);
  let src = toUs ? (isZero(p.dst) ? undefined : p.dst) : inboundAddress(w);
  const answer = routeOutput(w, flowOf(p.src, src, mark, tos, 1));
  if (answer.kind !== 'to') return;
  if (!spendIcmpError(w, p.src, type, code, answer.destination.outInterface)) return;
  src ??= chosenSource(w, answer.destination, p.src) ?? anyOwnAddress(w);
  // The options of what a process sends nobody has read yet.
  const ipOptions = w.lastInInterface === undefined ? '' : echoedOptions(p.ipOptions);
  const headers = 28 + ipOptions.length / 2;
  const quoted = Math.min(p.lengthBytes, 576 - headers);
  w.shared.actions.sendGenerated(
    w,
    emptyPacket(p, {
      src,
      dst: p.src,
      protocol: 1,
      // Towards a group it is the multicast TTL of the kernel's own socket.
      ttl: isMulticast4(p.src) ? 1 : hopLimit(w.shared.facts, 'ipv4', answer.destination.outInterface),
      tos,
      mark,
      ipOptions,
      lengthBytes: headers + quoted,
      icmpType: type,
      icmpCode: code,
      icmpRest: rest,
      quote: { ...p },
      payload: '',
    }),
    {
      cause: w.rejectedWith === undefined ? 'icmp-error' : 'reject',
      destination: answer.destination,
      attach: true,
    },
  );
}

/**
 * IP6CB(skb)->iif: where the kernel thinks that an IPv6 packet came in. Undefined of what a bridge switches. Of what has
 * a route already it is the route's interface.
 *
 * Source: net/ipv6/ip6_input.c ip6_rcv_core(), net/bridge/br_netfilter_ipv6.c br_validate_ipv6().
 */
export function cameInBy6({
  physOut,
  routedByBridge,
  destination: d,
  inInterface,
}: Walk): string | undefined {
  if (physOut !== undefined) return undefined;
  return routedByBridge ? (d?.nextHop?.device ?? d?.outInterface) : inInterface;
}

/**
 * skb->dev: of what a bridge switches, the port that it leaves by, else the interface that it came in by. What is sent
 * has none yet, and nf_send_unreach6() puts lo there.
 */
const deviceOf = (w: Walk): string => w.physOut ?? w.inInterface ?? 'lo';

/** icmp6_dev(): on the way through lo, the interface that has the local address. */
function linkOf(w: Walk): string | undefined {
  const device = deviceOf(w);
  return device === 'lo' ? (w.destination?.nextHop?.device ?? w.outInterface ?? device) : device;
}

/** ipv6_anycast_destination(): the routers of a subnet, too, whose address is the subnet's own. */
function isAnycast(d: Destination, a: Address): boolean {
  if (d.route?.type === 'anycast') return true;
  const net = d.route?.destination;
  if (!net || d.gateway !== undefined || !sameAddress(net.address, a)) return false;
  return (prefixLength(net.mask) ?? 0) < 127;
}

/** A link-local address is the machine's own only at its interface, and ::1 at lo: ipv6_chk_addr(). */
function isOnLinkOf(facts: MachineFacts, a: Address, device: string): boolean {
  const there = facts.interfaces.get(device);
  return there?.addresses.some((x) => sameAddress(x.address, a)) ?? (device !== 'lo' || isLoopback6(a));
}

function sendError6(w: Walk, type: number, code: number, rest: number): void {
  const p = w.packet;
  const { facts } = w.shared;
  const known =
    isOwnAddress(facts, p.dst) || localityOf(w, p.dst) === true || w.destination?.type === 'anycast';
  const ofOneLink = isLinkLocal6(p.dst) || isLoopback6(p.dst);
  const own = known && (!ofOneLink || isOnLinkOf(facts, p.dst, deviceOf(w)));
  let src: Address | undefined = own ? p.dst : undefined;
  if (isMulticast6(p.dst) || p.packetType !== 'unicast') {
    if (type !== 2) return;
    src = undefined;
  }
  if (isZero(p.src) || isMulticast6(p.src)) return;
  if (isIcmpError(p)) return;
  const mark = replyMark(w);
  const scoped = isLinkLocal6(p.src) ? linkOf(w) : undefined;
  const cameIn = cameInBy6(w);
  if (!src && cameIn !== undefined && cameIn !== 'lo') src = sourceAddress6(facts, p.src, cameIn);
  const answer = routeOutput(w, { ...flowOf(p.src, src, mark, 0, 58), outInterface: scoped });
  if (answer.kind !== 'to' || isAnycast(answer.destination, p.src)) return;
  if (!spendIcmpError(w, p.src, type, code, answer.destination.outInterface)) return;
  src ??= chosenSource(w, answer.destination, p.src) ?? anyOwnAddress(w);
  const quoted = Math.min(p.lengthBytes, 1280 - 48);
  w.shared.actions.sendGenerated(
    w,
    emptyPacket(p, {
      src,
      dst: p.src,
      protocol: 58,
      ttl: hopLimit(facts, 'ipv6', answer.destination.outInterface),
      mark,
      lengthBytes: 48 + quoted,
      icmpType: type,
      icmpCode: code,
      icmpRest: rest,
      quote: { ...p },
      payload: '',
    }),
    {
      cause: w.rejectedWith === undefined ? 'icmp-error' : 'reject',
      destination: answer.destination,
      attach: true,
    },
  );
}

/** Sends an error about the packet under way, unless the kernel would not. `rest`: the word after the checksum. */
export function sendIcmpError(w: Walk, type: number, code: number, rest = 0): void {
  if (w.family === 'ipv4') sendError4(w, type, code, rest);
  else sendError6(w, type, code, rest);
}

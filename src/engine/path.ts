/**
 * The way of a packet from hook to hook.
 *
 * Source: net/ipv4/ip_input.c, ip_forward.c, ip_output.c, raw.c; net/ipv6/ip6_input.c, ip6_output.c.
 */

import type { Packet } from '../model/packet.ts';
import type { Fate, RouteDropReason, Trace } from '../model/trace.ts';
import { type Address, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import {
  isAllHosts4,
  isLinkLocal6,
  isLoopback6,
  isMulticast6,
  isZero,
  multicastScope6,
} from './addresses.ts';
import {
  bondOf,
  bridgeCallsIptables,
  bridgeDestination,
  bridgeEvidence,
  bridgeOf,
  frameIsFor,
  portTowards,
} from './bridge.ts';
import { type Destination, emitRoute } from './destination.ts';
import { confAnd, forwardsIpv4, forwardsIpv6 } from './facts.ts';
import type { FibError } from './fib.ts';
import { collect, isFragment } from './fragments.ts';
import { runHook, undecidedFate } from './hooks.ts';
import { cameInBy6, chosenSource, sendIcmpError } from './icmp-error.ts';
import { spendRouteError } from './icmp-rate.ts';
import { isSourceRouted } from './ip-options.ts';
import { isProtected, policyRefuses, transformsByPolicy, transformsTakenOff } from './ipsec.ts';
import { applyOutPolicy, forgetConnection, transmit, wrap } from './leaving.ts';
import { localityOf } from './locality.ts';
import { errnoOf, joined6, routeInput, routeOutput } from './routing.ts';
import { Walk } from './walk.ts';

const routeDrop = (w: Walk, reason: RouteDropReason): Fate => ({ kind: 'route-drop', after: w.hook, reason });

// ------------------------------------------------------------------------------------------ input

/** Frames for others and headers that ip_rcv() and ip6_rcv() refuse: why, or undefined. */
function refusedAtIngress(w: Walk): string | undefined {
  const p = w.packet;
  if (p.packetType === 'otherhost') return 'other-host';
  if (w.family === 'ipv4') return undefined;
  if (isMulticast6(p.src)) return 'multicast-source';
  if (w.inInterface === 'lo') return undefined;
  if (isLoopback6(p.src) || isLoopback6(p.dst)) return 'loopback-address';
  if (isMulticast6(p.dst) && multicastScope6(p.dst) <= 1) return 'multicast-scope';
  return undefined;
}

/** A packet comes in by an interface. */
export function arrive(w: Walk): Fate {
  if (w.entry.hints?.ipsec) w.ipsec = transformsByPolicy(w);
  const whole = bondOf(w.shared.facts, w.inInterface);
  if (whole !== undefined) {
    w.note(`${w.inInterface} is a part of ${whole}: rules see ${whole}`);
    w.inInterface = whole;
  }
  const bridge = w.physIn === undefined ? bridgeOf(w.shared.facts, w.inInterface) : w.inInterface;
  if (bridge !== undefined) {
    w.physIn ??= w.inInterface;
    w.inInterface = bridge;
    return arriveByPort(w, bridge);
  }
  const refused = refusedAtIngress(w);
  if (refused !== undefined) return { kind: 'ingress-drop', reason: refused };
  return receive(w);
}

function receive(w: Walk): Fate {
  w.outInterface = undefined;
  w.lastInInterface = w.inInterface;
  const end = runHook(w, 'PREROUTING');
  if (end) return end;
  if (!w.destination || !w.viaLoopback) {
    // tcp_v4_early_demux(), tcp_v6_early_demux() look for a socket.
    if (w.packet.protocol === 6 && w.packet.packetType === 'unicast') w.pull(20);
    return routeIn(w);
  }
  // The route still says what it is good for: __mkroute_output() makes none of other groups a local one.
  if (w.family === 'ipv4' && refusesOptions(w)) return routeDrop(w, 'bad-options');
  if (w.family === 'ipv4' && w.destination.toMany === 'multicast' && !isAllHosts4(w.packet.dst))
    return routeDrop(w, 'multicast-not-joined');
  // ip6_mc_input() looks for the group again, and DNPT may have written another address.
  if (w.family === 'ipv6' && w.destination.toMany === 'multicast' && !isMulticast6(w.packet.dst))
    return routeDrop(w, 'multicast-not-joined');
  return deliver(w);
}

/** ip_rcv_options(): a route that the sender chose is taken only where every interface and this one may. */
function refusesOptions(w: Walk): boolean {
  if (!isSourceRouted(w.packet.ipOptions)) return false;
  return !confAnd(w.shared.facts, w.inInterface ?? '', 'accept_source_route');
}

/** The routing decision of a packet that came in, and where it leads. */
function routeIn(w: Walk): Fate {
  const answer = routeInput(w);
  emitRoute(w, 'input', answer);
  if (answer.kind === 'undecided') return undecidedFate(w);
  // Options are read behind the lookup and in front of its consequences.
  if (w.family === 'ipv4' && refusesOptions(w)) return routeDrop(w, 'bad-options');
  if (answer.kind === 'drop') {
    w.destination = undefined;
    answerRouteError(w, answer.error);
    return routeDrop(w, answer.reason);
  }
  w.destination = answer.destination;
  return answer.destination.kind === 'forward' ? forward(w) : deliver(w);
}

/** A frame comes in by a port of a bridge. */
function arriveByPort(w: Walk, bridge: string): Fate {
  const { facts } = w.shared;
  const whom = frameIsFor(w, bridge);
  const shown = bridgeCallsIptables(w, whom === 'there');
  if (w.shared.question) return undecidedFate(w);
  if (whom === 'there' && shown === false) {
    const port = portTowards(w, bridge);
    if (w.shared.question) return undecidedFate(w);
    w.noteNotRecorded(
      `${bridge} switches it to ${port ?? 'no other port'} without asking iptables (${bridgeEvidence(w)})`,
    );
    if (port === undefined) return { kind: 'ingress-drop', reason: 'no-bridge-port' };
    return { kind: 'forward', outInterface: port, packet: { ...w.packet }, fragments: undefined };
  }
  if (shown === false) {
    w.physIn = undefined;
    const refused = refusedAtIngress(w);
    return refused === undefined ? receive(w) : { kind: 'ingress-drop', reason: refused };
  }
  w.noteNotRecorded(
    whom === 'there'
      ? `${bridge} switches it and shows it to iptables (${bridgeEvidence(w)})`
      : `${bridge} hands it to this machine${whom === 'all' ? ' and to its other ports' : ''} (${bridgeEvidence(w)})`,
  );
  const { packetType } = w.packet;
  const { dst } = w.packet;
  // In the hooks a frame for another host looks like one for this machine.
  if (packetType === 'otherhost') w.packet.packetType = 'unicast';
  w.lastInInterface = bridge;
  const end = runHook(w, 'PREROUTING');
  if (end) return end;
  if (!sameAddress(dst, w.packet.dst)) {
    const answer = routeInput(w, true);
    emitRoute(w, 'input', answer);
    if (answer.kind === 'undecided') return undecidedFate(w);
    if (answer.kind === 'drop') {
      // IPv4 hands it up with a route that leads nowhere, where it is answered like any other.
      w.packet.packetType = 'unicast';
      if (w.family === 'ipv4' && !refusesOptions(w)) answerRouteError(w, answer.error);
      return routeDrop(w, answer.reason);
    }
    const to = answer.destination;
    if (to.outInterface === bridge)
      // A frame that was for another host stays one (PACKET_OTHERHOST): ip6_rcv() takes no copy of it.
      return to.type === 'multicast' && whom !== 'there' && joined6(w, w.packet.dst, bridge)
        ? switchAndKeep(w, bridge, to)
        : switchFrame(w, bridge, to, to.type === 'multicast' ? undefined : (to.gateway ?? w.packet.dst));
    w.destination = to;
    w.routedByBridge = true;
    w.packet.packetType = 'unicast';
    w.largestFragmentBytes = undefined;
    w.pieceBytes = undefined;
    if (w.family === 'ipv4' && refusesOptions(w)) return routeDrop(w, 'bad-options');
    if (refusedAtIngress(w) !== undefined) return routeDrop(w, 'martian-source');
    if (w.destination.kind !== 'forward') return deliver(w);
    const forwards = w.family === 'ipv4' || forwardsIpv6(facts, cameInBy6(w));
    return forwards ? forward(w) : routeDrop(w, 'not-forwarding');
  }
  if (whom === 'there') return switchFrame(w, bridge, bridgeDestination(facts, bridge));
  // Only now the machine itself looks at it, and knows nothing of pieces any more.
  w.largestFragmentBytes = undefined;
  w.pieceBytes = undefined;
  if (refusedAtIngress(w) !== undefined) return routeDrop(w, 'martian-source');
  return routeIn(w);
}

/** br_handle_frame_finish(): of a frame to a group this machine gets a copy, too. */
function switchAndKeep(w: Walk, bridge: string, to: Destination): Fate {
  const copy = new Walk(w.shared, w.program, w.packet, w.entry, w.depth + 1);
  copy.untracked = w.untracked;
  copy.seenByConntrack = w.seenByConntrack;
  copy.destination = to;
  copy.physIn = w.physIn;
  copy.inInterface = w.inInterface;
  const fate = switchFrame(w, bridge, to);
  if (fate.kind === 'undecided') return fate;
  copy.attach(w.ct, w.connection.state, w.connection.direction);
  w.emit({ kind: 'generated', cause: 'broadcast-copy', trace: traceOf(copy, deliver(copy)) });
  return fate;
}

/** From one port of a bridge to another: no routing, no TTL. `host`: whom the frame is for, where NAT made it so. */
function switchFrame(w: Walk, bridge: string, to: Destination, host?: Address): Fate {
  const port = portTowards(w, bridge, host);
  if (w.shared.question) return undecidedFate(w);
  if (port === undefined) return routeDrop(w, 'no-bridge-port');
  w.destination = { ...to, kind: 'forward', outInterface: bridge };
  w.outInterface = bridge;
  w.physOut = port;
  const stopped = runHook(w, 'FORWARD');
  if (stopped) return stopped;
  w.inInterface = undefined;
  const end = runHook(w, 'POSTROUTING');
  if (end) return end;
  w.outInterface = port;
  return transmit(w, 'forward');
}

/** ip_error(), ip6_pkt_discard(), ip6_pkt_prohibit(): the ICMP error of a failed lookup. */
function answerRouteError(w: Walk, error: FibError | undefined): void {
  if (error === undefined || error === 'blackhole') return;
  if (w.family === 'ipv6') {
    if (isZero(w.packet.dst)) return;
    sendIcmpError(w, 1, error === 'prohibit' ? 1 : 0);
    return;
  }
  if (!forwardsIpv4(w.shared.facts, w.inInterface ?? '')) return;
  if (!spendRouteError(w, w.packet.src)) return;
  sendIcmpError(w, 3, error === 'unreachable' ? 1 : error === 'prohibit' ? 13 : 0);
}

/** To a local process. */
function deliver(w: Walk): Fate {
  if (w.family === 'ipv4' && isFragment(w.packet)) {
    const waiting = reassembleHere(w);
    if (waiting) return waiting;
  }
  w.outInterface = undefined;
  const end = runHook(w, 'INPUT');
  if (end) return end;
  const { decapsulated } = w.entry.hints ?? {};
  if (decapsulated && !w.decapsulated && isProtected(w.packet)) return unwrap(w, decapsulated.packet);
  if (policyRefuses(w, 'in')) {
    w.noteNotRecorded('the policies of IPsec refuse it');
    return routeDrop(w, 'ipsec-policy');
  }
  // IPv6 puts local fragments together only now: each of them is delivered as far as filtering goes.
  return { kind: 'local', inInterface: w.inInterface ?? '', packet: { ...w.packet } };
}

/** What was inside comes in again, by the same interface and with the same mark, and conntrack knows nothing of it. */
function unwrap(w: Walk, inner: Packet): Fate {
  const outer = w.packet;
  w.decapsulated = true;
  if (inner.family !== w.family) {
    w.noteNotRecorded('the packet inside is of the other family; its way is not followed');
    return { kind: 'local', inInterface: w.inInterface ?? '', packet: { ...outer } };
  }
  w.ipsec = transformsTakenOff(w, inner);
  w.noteNotRecorded('IPsec unwraps it, and the packet inside comes in again');
  w.packet = {
    ...inner,
    mark: outer.mark,
    ethSrc: outer.ethSrc,
    ethDst: outer.ethDst,
    packetType: 'unicast',
    uid: undefined,
    gid: undefined,
  };
  forgetConnection(w);
  w.destination = undefined;
  const refused = refusedAtIngress(w);
  if (refused !== undefined) return { kind: 'ingress-drop', reason: refused };
  return receive(w);
}

function reassembleHere(w: Walk): Fate | undefined {
  const collected = collect(w.shared, w.packet, 'local');
  switch (collected.kind) {
    case 'complete':
      w.packet = { ...collected.packet };
      w.emit({ kind: 'fragment', complete: true, packet: collected.packet });
      return undefined;
    case 'waiting':
      w.emit({ kind: 'fragment', complete: false, packet: undefined });
      return { kind: 'queued' };
    default:
      return routeDrop(w, 'bad-options');
  }
}

// ------------------------------------------------------------------------------------------ forward

function forward(w: Walk): Fate {
  const p = w.packet;
  const d = w.destination as Destination;
  if (p.packetType !== 'unicast') return routeDrop(w, 'layer2-broadcast');
  if (w.divertedTo) return routeDrop(w, 'socket-assigned');
  const v4 = w.family === 'ipv4';
  if (policyRefuses(w, 'fwd')) {
    w.noteNotRecorded('the policies of IPsec refuse it');
    return routeDrop(w, 'ipsec-policy');
  }
  if (p.ttl <= 1) {
    sendIcmpError(w, v4 ? 11 : 3, 0);
    return routeDrop(w, 'ttl-exceeded');
  }
  if (!v4 && d.outInterface !== cameInBy6(w)) {
    if (isZero(p.src) || isMulticast6(p.src) || isLoopback6(p.src)) return routeDrop(w, 'martian-source');
    if (isLinkLocal6(p.src)) {
      sendIcmpError(w, 1, 2);
      return routeDrop(w, 'scope');
    }
  }
  const mtu = v4 ? d.mtuBytes : Math.max(1280, d.mtuBytes);
  const size = w.largestFragmentBytes ?? p.lengthBytes;
  if (size > mtu && (!v4 || p.dontFragment)) {
    if (v4) sendIcmpError(w, 3, 4, mtu);
    else sendIcmpError(w, 2, 0, mtu);
    return routeDrop(w, 'too-big');
  }
  if (!applyOutPolicy(w)) return routeDrop(w, 'ipsec-policy');
  const before = p.ttl;
  p.ttl = before - 1;
  w.emit({ kind: 'change', field: 'ttl', before, after: p.ttl, by: 'forwarding' });
  w.outInterface = w.destination?.outInterface;
  const end = runHook(w, 'FORWARD') ?? runHook(w, 'POSTROUTING');
  if (end) return end;
  return wrap(w) ?? transmit(w, 'forward');
}

// ------------------------------------------------------------------------------------------ output

/** Whether a process wrote the headers itself. */
const isRaw = ({ entry }: Walk): boolean => entry.kind === 'local' && entry.rawSocket === true;

/** A process sends a packet. */
export function send(w: Walk): Fate {
  const p = w.packet;
  const raw = isRaw(w);
  const { facts } = w.shared;
  const holder = facts.ownAddresses.get(addressText(p.src));
  const own = raw
    ? holder !== undefined && holder !== 'lo'
    : localityOf(w, p.src) === true || !facts.fib[w.family];
  const answer = routeOutput(w, {
    // rawv6_sendmsg(), ip6_datagram_connect(), tcp_v6_connect(): to nobody is to the machine itself.
    dst: w.family === 'ipv6' && isZero(p.dst) ? { ...p.dst, w3: 1 } : p.dst,
    src: own && !isZero(p.src) ? p.src : undefined,
    mark: p.mark,
    tos: raw ? 0 : p.tos,
    protocol: raw ? 255 : p.protocol,
    sport: raw ? undefined : p.sport,
    dport: raw ? undefined : p.dport,
    uid: p.uid ?? 0,
    anySource: false,
  });
  emitRoute(w, 'output', answer);
  if (answer.kind === 'undecided') return undecidedFate(w);
  if (answer.kind === 'drop') {
    w.errno = errnoOf(answer.error);
    return { kind: 'send-error', errno: w.errno, reason: answer.reason };
  }
  const d = answer.destination;
  if (raw && p.lengthBytes > d.mtuBytes) {
    w.errno = 'EMSGSIZE';
    return { kind: 'send-error', errno: 'EMSGSIZE', reason: 'too-big' };
  }
  if (raw && w.family === 'ipv4' && isZero(p.src)) {
    // raw_send_hdrinc() puts the address in, and leaves the checksum of the contents as it was.
    p.src = chosenSource(w, d, p.dst) ?? p.src;
    if ([6, 17, 136].includes(p.protocol)) p.badChecksum = true;
  }
  w.hasSocket = true;
  w.destination = d;
  if (!applyOutPolicy(w)) {
    w.errno = 'EPERM';
    return { kind: 'send-error', errno: 'EPERM', reason: 'ipsec-policy' };
  }
  return output(w, w.destination);
}

/** From OUTPUT on. */
export function output(w: Walk, d: Destination): Fate {
  w.destination = d;
  w.inInterface = undefined;
  w.outInterface = d.outInterface;
  const end = runHook(w, 'OUTPUT');
  if (end) return end;
  const to = w.destination as Destination;
  w.outInterface = to.outInterface;
  if (w.family === 'ipv4' && to.copyBack) {
    copyBack(w, to);
    // ip_mc_output(): such a packet goes no further than this machine.
    if (to.toMany === 'multicast' && w.packet.ttl === 0) return routeDrop(w, 'ttl-exceeded');
  }
  const late = runHook(w, 'POSTROUTING');
  if (late) return late;
  if (w.family === 'ipv6' && to.copyBack) {
    copyBack(w, to);
    if (w.packet.ttl === 0) return { kind: 'lost', reason: 'ttl-exceeded', outInterface: w.outInterface };
  }
  if (w.outInterface === 'lo') return loop(w);
  return wrap(w) ?? transmit(w, 'sent');
}

/** Out by lo and in again: the connection, the mark and the route stay with the packet, the socket does not. */
function loop(w: Walk): Fate {
  w.emit({ kind: 'loopback' });
  w.viaLoopback = true;
  w.entryAtLoopback = w.ct;
  w.hasSocket = false;
  w.hasKernelSocket = false;
  w.packet.uid = undefined;
  w.packet.gid = undefined;
  // What a socket leaves to the network card (CHECKSUM_PARTIAL) is never summed on lo.
  if (w.depth === 0 && !isRaw(w) && [6, 17].includes(w.packet.protocol)) w.packet.badChecksum = false;
  w.inInterface = 'lo';
  const refused = refusedAtIngress(w);
  if (refused !== undefined) return { kind: 'lost', reason: refused, outInterface: 'lo' };
  return receive(w);
}

/** ip_mc_output(), ip6_finish_output2(): this machine gets its own broadcasts and multicasts, too. */
function copyBack(w: Walk, d: Destination): void {
  const copy = new Walk(w.shared, w.program, w.packet, w.entry, w.depth + 1);
  copy.attach(w.ct, w.connection.state, w.connection.direction);
  copy.untracked = w.untracked;
  copy.seenByConntrack = w.seenByConntrack;
  copy.destination = d;
  copy.outInterface = d.outInterface;
  // skb_clone() leaves the socket behind.
  copy.hasSocket = false;
  copy.packet.uid = undefined;
  copy.packet.gid = undefined;
  copy.viaLoopback = true;
  copy.hasFrame = false;
  const finish = (): Fate => {
    const end = runHook(copy, 'POSTROUTING');
    if (end) return end;
    copy.inInterface = d.outInterface;
    copy.packet.packetType = d.toMany === 'multicast' ? 'multicast' : 'broadcast';
    const refused = refusedAtIngress(copy);
    if (refused !== undefined) return { kind: 'lost', reason: refused, outInterface: d.outInterface };
    return receive(copy);
  };
  const fate = finish();
  w.emit({ kind: 'generated', cause: 'broadcast-copy', trace: traceOf(copy, fate) });
  // What the copy set up for the connection holds for the original as well.
  if (copy.ct && w.ct && copy.ct.id === w.ct.id)
    w.attach(copy.ct, w.connection.state, w.connection.direction);
}

/** The whole way of one walk as data. */
export function traceOf(w: Walk, fate: Fate): Trace {
  return {
    entry: w.entry,
    packet: w.original,
    events: w.events,
    fate,
    errno: w.errno,
    inInterface: w.lastInInterface,
    viaLoopback: w.viaLoopback,
    connection: w.lastConnection,
    assumptions: w.depth === 0 ? w.shared.assumptions.slice() : [],
  };
}

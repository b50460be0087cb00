/**
 * The way of a packet from hook to hook.
 *
 * Source: net/ipv4/ip_input.c, ip_forward.c, ip_output.c, raw.c; net/ipv6/ip6_input.c, ip6_output.c.
 */

import { ctStatusBit } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { Fate, RouteDropReason, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { isLinkLocal6, isLoopback6, isMulticast6, isZero, multicastScope6 } from './addresses.ts';
import { forwardsIpv4 } from './facts.ts';
import type { FibError } from './fib.ts';
import { collect, cut, isFragment } from './fragments.ts';
import { runHook, undecidedFate } from './hooks.ts';
import { sendIcmpError } from './icmp-error.ts';
import { spendRouteError } from './icmp-rate.ts';
import { localityOf } from './locality.ts';
import { type Destination, emitRoute, errnoOf, routeInput, routeOutput } from './routing.ts';
import { Walk } from './walk.ts';
import type { GeneratedPacket } from './working-state.ts';

/** A generated packet may lead to another one, and so on: an end to that. */
const generatedDepthMax = 8;

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
  const refused = refusedAtIngress(w);
  if (refused !== undefined) return { kind: 'ingress-drop', reason: refused };
  return receive(w);
}

function receive(w: Walk): Fate {
  w.outInterface = undefined;
  w.lastInInterface = w.inInterface;
  const end = runHook(w, 'PREROUTING');
  if (end) return end;
  if (w.destination && w.viaLoopback) return deliver(w);
  const answer = routeInput(w);
  emitRoute(w, 'input', answer);
  if (answer.kind === 'undecided') return undecidedFate(w);
  if (answer.kind === 'drop') {
    w.destination = undefined;
    answerRouteError(w, answer.error);
    return routeDrop(w, answer.reason);
  }
  w.destination = answer.destination;
  return answer.destination.kind === 'forward' ? forward(w) : deliver(w);
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
  // IPv6 puts local fragments together only now: each of them is delivered as far as filtering goes.
  return { kind: 'local', inInterface: w.inInterface ?? '', packet: { ...w.packet } };
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
  const v4 = w.family === 'ipv4';
  if (p.ttl <= 1) {
    sendIcmpError(w, v4 ? 11 : 3, 0);
    return routeDrop(w, 'ttl-exceeded');
  }
  if (!v4 && d.outInterface !== w.inInterface) {
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
  const before = p.ttl;
  p.ttl = before - 1;
  w.emit({ kind: 'change', field: 'ttl', before, after: p.ttl, by: 'forwarding' });
  w.outInterface = d.outInterface;
  const end = runHook(w, 'FORWARD') ?? runHook(w, 'POSTROUTING');
  if (end) return end;
  return transmit(w, 'forward');
}

// ------------------------------------------------------------------------------------------ output

/** A process sends a packet. */
export function send(w: Walk): Fate {
  const p = w.packet;
  const raw = w.entry.kind === 'local' && w.entry.rawSocket === true;
  const { facts } = w.shared;
  const holder = facts.ownAddresses.get(addressText(p.src));
  const own = raw
    ? holder !== undefined && holder !== 'lo'
    : localityOf(w, p.src) === true || !facts.fib[w.family];
  const answer = routeOutput(w, {
    dst: p.dst,
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
  w.hasSocket = true;
  return output(w, d);
}

/** From OUTPUT on. */
function output(w: Walk, d: Destination): Fate {
  w.destination = d;
  w.inInterface = undefined;
  w.outInterface = d.outInterface;
  const end = runHook(w, 'OUTPUT');
  if (end) return end;
  const to = w.destination as Destination;
  w.outInterface = to.outInterface;
  if (w.family === 'ipv4' && to.copyBack) copyBack(w, to);
  const late = runHook(w, 'POSTROUTING');
  if (late) return late;
  if (w.family === 'ipv6' && to.copyBack) copyBack(w, to);
  if (w.outInterface === 'lo') return loop(w);
  return transmit(w, 'sent');
}

/** Out by lo and in again: the connection, the mark and the route stay with the packet, the socket does not. */
function loop(w: Walk): Fate {
  w.emit({ kind: 'loopback' });
  w.viaLoopback = true;
  w.hasSocket = false;
  w.packet.uid = undefined;
  w.packet.gid = undefined;
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
  copy.destination = d;
  copy.outInterface = d.outInterface;
  copy.hasSocket = w.hasSocket;
  copy.viaLoopback = true;
  const finish = (): Fate => {
    const end = runHook(copy, 'POSTROUTING');
    if (end) return end;
    copy.hasSocket = false;
    copy.inInterface = d.outInterface;
    copy.packet.packetType = d.toMany === 'multicast' ? 'multicast' : 'broadcast';
    return receive(copy);
  };
  const fate = finish();
  w.emit({ kind: 'generated', cause: 'broadcast-copy', trace: traceOf(copy, fate) });
  // What the copy set up for the connection holds for the original as well.
  if (copy.ct && w.ct && copy.ct.id === w.ct.id)
    w.attach(copy.ct, w.connection.state, w.connection.direction);
}

/** Onto the wire, cut where needed. */
function transmit(w: Walk, kind: 'forward' | 'sent'): Fate {
  const d = w.destination as Destination;
  const p = w.packet;
  const limit =
    w.largestFragmentBytes === undefined ? d.mtuBytes : Math.min(d.mtuBytes, w.largestFragmentBytes);
  const fragments = w.family === 'ipv4' || w.largestFragmentBytes !== undefined ? cut(p, limit) : undefined;
  return { kind, outInterface: w.outInterface ?? '', packet: { ...p }, fragments };
}

// ------------------------------------------------------------------------------------------ generated

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

/** Sends what the kernel made because of the packet of `w`. Its trace stands within the other's. */
export function sendGenerated(w: Walk, packet: Packet, made: GeneratedPacket): void {
  if (w.depth >= generatedDepthMax) return;
  const g = new Walk(w.shared, w.program, packet, { kind: 'local' }, w.depth + 1);
  if (made.attach && w.ct && !(w.ct.status & ctStatusBit.TEMPLATE))
    g.attach(w.ct, 'RELATED', w.connection.direction === 'original' ? 'reply' : 'original');
  if (made.attach && w.untracked) g.seenByConntrack = true;
  const fate = output(g, made.destination);
  // The answer shares the connection: what it set up there holds for the packet that it answers.
  if (g.ct && w.ct && g.ct.id === w.ct.id) w.attach(g.ct, w.connection.state, w.connection.direction);
  w.emit({ kind: 'generated', cause: made.cause, trace: traceOf(g, fate) });
}

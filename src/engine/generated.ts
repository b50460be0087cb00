/**
 * Packets that the kernel sends because of another: answers of REJECT, ICMP errors, copies of TEE. They start in OUTPUT.
 */

import { ctStatusBit } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { Fate } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { bridgeDestination } from './bridge.ts';
import type { Destination } from './destination.ts';
import { applyOutPolicy } from './leaving.ts';
import { connectedInterface } from './locality.ts';
import { output, traceOf } from './path.ts';
import { routeOutput } from './routing.ts';
import { Walk } from './walk.ts';
import type { GeneratedPacket } from './working-state.ts';

/** A generated packet may lead to another one, and so on: an end to that. */
const generatedDepthMax = 8;

/** Sends what the kernel made because of the packet of `w`. Its trace stands within the other's. */
export function sendGenerated(w: Walk, packet: Packet, made: GeneratedPacket): void {
  if (w.depth >= generatedDepthMax) return;
  const g = new Walk(w.shared, w.program, packet, { kind: 'local' }, w.depth + 1);
  if (made.attach && w.ct && !(w.ct.status & ctStatusBit.TEMPLATE))
    g.attach(w.ct, 'RELATED', w.connection.direction === 'original' ? 'reply' : 'original');
  if (made.attach && w.untracked) g.seenByConntrack = true;
  if (made.untracked) g.untrack();
  g.duplicated = w.duplicated || made.cause === 'duplicate';
  g.destination = made.destination;
  // icmp_send() and icmp6_send() have sockets of their own, nf_send_reset() has none.
  g.hasKernelSocket = made.cause !== 'duplicate' && packet.icmpType !== undefined;
  let fate: Fate;
  if (made.byPort !== undefined) {
    g.noteNotRecorded(`it leaves by the port ${made.byPort} at once, and no chain sees it`);
    fate = { kind: 'sent', outInterface: made.byPort, packet: { ...packet }, fragments: undefined };
  } else if (applyOutPolicy(g)) fate = output(g, g.destination);
  else fate = { kind: 'send-error', errno: 'EPERM', reason: 'ipsec-policy' };
  // The answer shares the connection: what it set up there holds for the packet that it answers. Out by lo it comes in
  // again only when that one is done with.
  const entry = g.viaLoopback ? g.entryAtLoopback : g.ct;
  if (entry && w.ct && entry.id === w.ct.id) w.attach(entry, w.connection.state, w.connection.direction);
  w.emit({ kind: 'generated', cause: made.cause, trace: traceOf(g, fate) });
}

/**
 * TEE: a copy of the packet goes to a neighbour, untracked and with its own addresses. No way there: no copy.
 *
 * Source: net/ipv4/netfilter/nf_dup_ipv4.c nf_dup_ipv4(), net/ipv6/netfilter/nf_dup_ipv6.c nf_dup_ipv6().
 */
export function sendDuplicate(w: Walk, gateway: Packet['dst'], device: string | undefined): void {
  const p = w.packet;
  const { fib } = w.shared.facts;
  const copy: Packet = {
    ...p,
    ttl: w.hook === 'PREROUTING' || w.hook === 'INPUT' ? Math.max(0, p.ttl - 1) : p.ttl,
    ...(w.family === 'ipv4' ? { dontFragment: true } : {}),
  };
  let destination: Destination;
  if (fib[w.family]) {
    const answer = routeOutput(w, {
      dst: gateway,
      src: undefined,
      mark: 0,
      tos: p.tos,
      protocol: 0,
      sport: undefined,
      dport: undefined,
      uid: 0,
      outInterface: device,
      anySource: true,
    });
    if (answer.kind !== 'to') {
      w.note('no copy is sent: there is no route to the gateway');
      return;
    }
    destination = { ...answer.destination, gateway, copyBack: false };
  } else {
    const outInterface = device ?? connectedInterface(w, gateway);
    if (outInterface === undefined) {
      w.note(`a copy is sent to ${addressText(gateway)}`);
      return;
    }
    destination = { ...bridgeDestination(w.shared.facts, outInterface), kind: 'output', gateway };
  }
  sendGenerated(w, copy, { cause: 'duplicate', destination, attach: false, untracked: true });
}

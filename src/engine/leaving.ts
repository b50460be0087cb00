/**
 * How a packet leaves: what IPsec's policies want of it, and onto the wire.
 *
 * Source: net/xfrm/xfrm_policy.c xfrm_lookup(), net/ipv4/ip_output.c ip_finish_output(), net/ipv6/ip6_output.c.
 */

import type { Fate } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { Destination } from './destination.ts';
import { cut } from './fragments.ts';
import { runHook } from './hooks.ts';
import { lookupOut, protect } from './ipsec.ts';
import { routeOutput } from './routing.ts';
import type { Walk } from './walk.ts';

/** nf_reset_ct(): conntrack knows nothing of the packet any more. */
export function forgetConnection(w: Walk): void {
  w.attach(undefined, 'INVALID', 'original');
  w.untracked = false;
  w.seenByConntrack = false;
  w.ctTemplate = undefined;
  w.largestFragmentBytes = undefined;
  w.pieceBytes = undefined;
}

/**
 * xfrm_lookup(): the policy for a packet on its way out. In tunnel mode the interface is the one towards the other
 * end. False: a policy forbids the packet.
 */
export function applyOutPolicy(w: Walk): boolean {
  const { transforms, blocked } = lookupOut(w);
  w.ipsecOut = transforms;
  if (blocked) w.noteNotRecorded('a policy of IPsec blocks it');
  const far = transforms.findLast((t) => t.tunnelDst)?.tunnelDst?.address;
  const d = w.destination;
  if (far && d && far.family === w.family) {
    const answer = routeOutput(w, {
      dst: far,
      src: undefined,
      mark: w.packet.mark,
      tos: 0,
      protocol: 50,
      sport: undefined,
      dport: undefined,
      uid: 0,
      anySource: true,
    });
    if (answer.kind === 'to') w.destination = { ...d, outInterface: answer.destination.outInterface };
  }
  return !blocked;
}

/** After POSTROUTING: the transformations that IPsec owes the packet. Undefined: none. */
export function wrap(w: Walk): Fate | undefined {
  // NAT may have made it a packet that another policy speaks of, or none (nf_xfrm_me_harder()).
  if (!w.transformed && !applyOutPolicy(w))
    return { kind: 'lost', reason: 'ipsec-policy', outInterface: w.outInterface };
  if (w.ipsecOut.length === 0) return undefined;
  const { packet, rest } = protect(w, w.ipsecOut);
  if (w.ipsecOut.some((t) => t.tunnelDst && t.tunnelDst.address.family !== w.family)) {
    w.noteNotRecorded('IPsec wraps it into a packet of the other family, whose way is not followed');
    return undefined;
  }
  w.noteNotRecorded(
    `IPsec wraps it into a packet from ${addressText(packet.src)} to ${addressText(packet.dst)}, which passes OUTPUT and POSTROUTING`,
  );
  w.packet = { ...packet };
  w.transformed = true;
  w.ipsecOut = rest;
  w.ipsec = [];
  forgetConnection(w);
  w.physIn = undefined;
  w.inInterface = undefined;
  w.outInterface = w.destination?.outInterface;
  const end = runHook(w, 'OUTPUT');
  if (end) return end;
  w.outInterface = w.destination?.outInterface;
  return runHook(w, 'POSTROUTING') ?? wrap(w) ?? transmit(w, 'sent');
}

/** Onto the wire, cut where needed. */
export function transmit(w: Walk, kind: 'forward' | 'sent'): Fate {
  const d = w.destination as Destination;
  const p = w.packet;
  const largest = w.largestFragmentBytes ?? Number.POSITIVE_INFINITY;
  const v4 = w.family === 'ipv4';
  // IPv6 cuts only what came in pieces, and makes none smaller than every link takes.
  const tooBig = p.lengthBytes > (v4 ? Math.min(d.mtuBytes, largest) : largest);
  const limit = v4 ? Math.min(d.mtuBytes, largest) : Math.max(1280, largest);
  const fragments = tooBig ? cut(p, limit, w.pieceBytes) : undefined;
  return { kind, outInterface: w.outInterface ?? '', packet: { ...p }, fragments };
}

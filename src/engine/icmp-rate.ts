/**
 * Limits on ICMP errors to one peer: a token bucket per address that two parts of the kernel share.
 *
 * Source: net/ipv4/route.c ip_error(), net/ipv4/icmp.c icmpv4_xrlim_allow(), net/ipv4/inetpeer.c
 * inet_peer_xrlim_allow(), net/ipv6/icmp.c icmpv6_xrlim_allow().
 */

import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { sysctlNumber } from './facts.ts';
import type { Walk } from './walk.ts';

interface Bucket {
  /** Milliseconds saved up. */
  readonly tokens: number;
  readonly lastMs: number;
}

/** ip_rt_error_cost and ip_rt_error_burst, net.ipv4.route.error_cost and error_burst in milliseconds. */
const routeErrorCostMs = 1000;
const routeErrorBurstMs = 5000;
/** XRLIM_BURST_FACTOR. */
const burstFactor = 6;
/** A new peer begins with what a minute saves up. */
const newPeerMs = 60_000;

const slotOf = (peer: Address): string => `icmp peer ${addressText(peer)}`;

function bucketOf(w: Walk, peer: Address): Bucket {
  // Without a clock nothing was sent before.
  const known = w.readState(slotOf(peer)) as Bucket | undefined;
  const { tokens, lastMs } = known ?? { tokens: 0, lastMs: w.shared.timeMs - newPeerMs };
  return { tokens: tokens + w.shared.timeMs - lastMs, lastMs: w.shared.timeMs };
}

/** Whether a failed route may be answered to this sender. */
export function spendRouteError(w: Walk, peer: Address): boolean {
  const { tokens, lastMs } = bucketOf(w, peer);
  const have = Math.min(tokens, routeErrorBurstMs);
  const allowed = have >= routeErrorCostMs;
  w.writeState(slotOf(peer), { tokens: allowed ? have - routeErrorCostMs : have, lastMs });
  return allowed;
}

function spend(w: Walk, peer: Address, timeoutMs: number): boolean {
  const known = w.readState(slotOf(peer)) as Bucket | undefined;
  const bucket = bucketOf(w, peer);
  // Savings are cut to this bucket's size only when time has passed since the last look.
  const aged = known === undefined || known.lastMs !== bucket.lastMs;
  const have = aged ? Math.min(bucket.tokens, burstFactor * timeoutMs) : bucket.tokens;
  const allowed = have >= timeoutMs;
  w.writeState(slotOf(peer), { tokens: allowed ? have - timeoutMs : have, lastMs: bucket.lastMs });
  return allowed;
}

/** Whether an ICMP error of this type may go to the peer now. Errors that leave by lo are free. */
export function spendIcmpError(
  w: Walk,
  peer: Address,
  type: number,
  code: number,
  outInterface: string | undefined,
): boolean {
  if (outInterface === 'lo') return true;
  const { facts } = w.shared;
  if (w.family === 'ipv4') {
    if (type === 3 && code === 4) return true;
    if (((1 << type) & sysctlNumber(facts, 'net.ipv4.icmp_ratemask', 0x1818)) === 0) return true;
    return spend(w, peer, sysctlNumber(facts, 'net.ipv4.icmp_ratelimit', 1000));
  }
  // Packet too big is never limited.
  if (type === 2) return true;
  return spend(w, peer, sysctlNumber(facts, 'net.ipv6.icmp.ratelimit', 1000));
}

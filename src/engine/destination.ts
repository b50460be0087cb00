/** Where routing leads: the route that a packet carries, and what the trace says of it. */

import type { NextHop, Route, RouteType } from '../model/machine.ts';
import type { RouteDecision, RouteDropReason, RoutePurpose } from '../model/trace.ts';
import { type Address, prefixLength } from '../net/address.ts';
import { networkText } from '../net/address-text.ts';
import type { MachineFacts } from './facts.ts';
import type { FibError, FibHit } from './fib.ts';
import type { Walk } from './walk.ts';

/** The route attached to a packet, as the kernel's dst_entry. */
export interface Destination {
  readonly kind: 'local' | 'forward' | 'broadcast' | 'multicast' | 'output';
  readonly type: RouteType | undefined;
  readonly outInterface: string | undefined;
  readonly gateway: Address | undefined;
  readonly preferredSource: Address | undefined;
  readonly mtuBytes: number;
  /** RTCF_BROADCAST, RTCF_MULTICAST: no ICMP error answers such a packet. */
  readonly toMany: 'broadcast' | 'multicast' | undefined;
  /** RTCF_LOCAL on a sent multicast or broadcast: a copy comes back to this machine. */
  readonly copyBack: boolean;
  readonly route: Route | undefined;
  readonly nextHop: NextHop | undefined;
}

/** Where routing leads, or that it drops, or that it must be told more. */
export type RouteAnswer =
  | { readonly kind: 'to'; readonly destination: Destination }
  /** `error`: the kernel answers with an ICMP error where it forwards. */
  | { readonly kind: 'drop'; readonly reason: RouteDropReason; readonly error: FibError | undefined }
  | { readonly kind: 'undecided' };

const defaultMtu = 1500;

/** dst_mtu(): the MTU of a route, in bytes: its own, or that of the interface. */
export function mtuOf(facts: MachineFacts, device: string | undefined, route: Route | undefined): number {
  if (route?.mtuBytes !== undefined) return route.mtuBytes;
  if (device === 'lo') return 65536;
  return (device === undefined ? undefined : facts.interfaces.get(device)?.mtuBytes) ?? defaultMtu;
}

/** A way, by what the lookup found and what else is known of it. */
export function destination(
  facts: MachineFacts,
  kind: Destination['kind'],
  hit: FibHit | undefined,
  change: Partial<Destination> = {},
): RouteAnswer {
  const outInterface = 'outInterface' in change ? change.outInterface : hit?.nextHop?.device;
  return {
    kind: 'to',
    destination: {
      kind,
      type: hit?.route.type,
      outInterface,
      gateway: hit?.nextHop?.via,
      preferredSource: hit?.route.preferredSource,
      mtuBytes: mtuOf(facts, outInterface, hit?.route),
      toMany: undefined,
      copyBack: false,
      route: hit?.route,
      nextHop: hit?.nextHop,
      ...change,
    },
  };
}

/** No way, and why. */
export const dropped = (reason: RouteDropReason, error?: FibError): RouteAnswer => ({
  kind: 'drop',
  reason,
  error,
});
/** Something must be told first. */
export const undecided: RouteAnswer = { kind: 'undecided' };

/** What the trace says of a decision. */
function decisionOf(answer: RouteAnswer): RouteDecision | undefined {
  if (answer.kind === 'undecided') return undefined;
  if (answer.kind === 'drop')
    return {
      kind: 'drop',
      type: undefined,
      outInterface: undefined,
      gateway: undefined,
      route: undefined,
      table: undefined,
      nextHop: undefined,
      preferredSource: undefined,
      reason: answer.reason,
      source: undefined,
    };
  const d = answer.destination;
  return {
    kind: d.kind,
    type: d.type,
    outInterface: d.outInterface,
    gateway: d.gateway,
    route:
      d.route &&
      (prefixLength(d.route.destination.mask) === 0 ? 'default' : networkText(d.route.destination)),
    table: d.route?.table,
    nextHop: d.nextHop,
    preferredSource: d.preferredSource,
    reason: undefined,
    source: d.route ? 'routes' : undefined,
  };
}

/** Leaves the decision in the trace. */
export function emitRoute(w: Walk, purpose: RoutePurpose, answer: RouteAnswer): void {
  const decision = decisionOf(answer);
  if (decision) w.emit({ kind: 'route', purpose, decision });
}

/**
 * Routing decisions: for packets that arrive, packets that are sent, and packets that are routed again.
 *
 * Source: net/ipv4/route.c ip_route_input_slow(), ip_route_output_key_hash_rcu(), net/ipv4/fib_frontend.c
 * fib_validate_source(), net/ipv6/route.c, net/ipv4/netfilter.c ip_route_me_harder().
 */

import type { Packet } from '../model/packet.ts';
import type { RouteDropReason } from '../model/trace.ts';
import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import {
  isAllHosts4,
  isLimitedBroadcast,
  isLinkLocal6,
  isLocalMulticast4,
  isLoopback4,
  isLoopback6,
  isMulticast4,
  isMulticast6,
  isZero,
  multicastScope6,
  needsInterface6,
} from './addresses.ts';
import { destination, dropped, type RouteAnswer } from './destination.ts';
import {
  confAnd,
  confOr,
  forwardsIpv4,
  forwardsIpv6,
  isOwnAddress,
  reversePathFilter,
  routesAt,
  sysctlNumber,
} from './facts.ts';
import { type Fib, type FibError, type FibHit, type Flow, fibLookup, lookupLocalTable } from './fib.ts';
import { inputRouteWithoutFacts, outputRouteWithoutFacts } from './routing-without-routes.ts';
import type { Walk } from './walk.ts';

function portsOf(packet: Packet): { sport: number | undefined; dport: number | undefined } {
  return { sport: packet.sport, dport: packet.dport };
}

// ------------------------------------------------------------------------------------------ input

/** Why fib_validate_source() refuses the sender, or undefined. `dst` zero: broadcast and multicast. */
function validateSource(
  w: Walk,
  fib: Fib,
  dst: Address | undefined,
  outInterface: string | undefined,
): RouteDropReason | undefined {
  const { facts } = w.shared;
  const p = w.packet;
  const device = w.inInterface ?? '';
  const rpf = reversePathFilter(facts, device);
  const redirects =
    outInterface === device &&
    device !== '' &&
    sysctlNumber(facts, 'net.ipv4.conf.all.send_redirects', 1) > 0;
  if (rpf === 0 && !redirects) {
    if (confOr(facts, device, 'accept_local')) return undefined;
    if (!fib.customLocalRoutes && !fib.customRules)
      return isOwnAddress(facts, p.src) || p.src.w3 === loopbackAddress ? 'local-source' : undefined;
  }
  const answer = fibLookup(fib, {
    dst: p.src,
    src: dst,
    mark: confOr(facts, device, 'src_valid_mark') ? p.mark : 0,
    tos: p.tos,
    inInterface: outInterface ?? 'lo',
    outInterface: undefined,
    protocol: p.protocol,
    sport: p.dport,
    dport: p.sport,
    uid: 0,
  });
  const lastResort = rpf > 0 ? ('reverse-path' as const) : undefined;
  if ('error' in answer) return lastResort;
  const { route } = answer.hit;
  if (route.type !== 'unicast' && !(route.type === 'local' && confOr(facts, device, 'accept_local')))
    return route.type === 'local' ? 'local-source' : 'martian-source';
  if (route.nextHops.some((h) => h.device === device) || (route.type === 'local' && device === 'lo'))
    return undefined;
  const hasAddress =
    facts.interfaces.get(device)?.addresses.some((a) => a.address.family === 'ipv4') ?? false;
  if (!hasAddress) return lastResort;
  return rpf === 1 ? 'reverse-path' : undefined;
}

function inputFlow(w: Walk): Flow {
  const p = w.packet;
  return {
    dst: p.dst,
    src: p.src,
    mark: p.mark,
    tos: p.tos,
    inInterface: w.inInterface ?? '',
    outInterface: undefined,
    protocol: p.protocol,
    ...portsOf(p),
    uid: 0,
  };
}

/** 127.0.0.1, the only one of 127.0.0.0/8 that an interface has. */
const loopbackAddress = 0x7f000001;

function inputRoute4(w: Walk, fib: Fib): RouteAnswer {
  const { facts } = w.shared;
  const p = w.packet;
  const device = w.inInterface ?? '';
  const localNet = (): boolean => confOr(facts, device, 'route_localnet');

  if (isMulticast4(p.dst)) {
    if (!isAllHosts4(p.dst)) return dropped('multicast-not-joined');
    if (isMulticast4(p.src) || isLimitedBroadcast(p.src)) return dropped('martian-source');
    if (isLoopback4(p.src) && !localNet()) return dropped('local-net');
    if (isZero(p.src)) {
      if (!isLocalMulticast4(p.dst)) return dropped('martian-source');
    } else {
      const refused = validateSource(w, fib, undefined, undefined);
      if (refused) return dropped(refused);
    }
    return destination(facts, 'multicast', undefined, { toMany: 'multicast', type: 'multicast' });
  }
  if (isMulticast4(p.src) || isLimitedBroadcast(p.src)) return dropped('martian-source');
  const broadcast = (hit: FibHit | undefined): RouteAnswer => {
    if (!isZero(p.src)) {
      const refused = validateSource(w, fib, undefined, undefined);
      if (refused) return dropped(refused);
    }
    return destination(facts, 'broadcast', hit, {
      toMany: 'broadcast',
      type: 'broadcast',
      outInterface: undefined,
    });
  };
  if (isLimitedBroadcast(p.dst) || (isZero(p.src) && isZero(p.dst))) return broadcast(undefined);
  if (isZero(p.src)) return dropped('martian-source');
  if (isZero(p.dst)) return dropped('martian-destination');
  if (isLoopback4(p.dst)) {
    if (!localNet()) return dropped('local-net');
  } else if (isLoopback4(p.src) && !localNet()) return dropped('local-net');

  const answer = fibLookup(fib, inputFlow(w));
  const forwards = forwardsIpv4(facts, device) ?? false;
  if ('error' in answer) return forwards ? dropped(answer.error, answer.error) : dropped('not-forwarding');
  const { hit } = answer;
  if (hit.route.type === 'broadcast') {
    if (!confAnd(facts, device, 'bc_forwarding')) return broadcast(hit);
  } else if (hit.route.type === 'local') {
    const refused = validateSource(w, fib, p.dst, undefined);
    if (refused) return dropped(refused);
    return destination(facts, 'local', hit, { outInterface: undefined });
  } else {
    if (!forwards) return dropped('not-forwarding');
    if (hit.route.type !== 'unicast') return dropped('martian-destination');
  }
  const refused = validateSource(w, fib, p.dst, hit.nextHop?.device);
  if (refused) return dropped(refused);
  return destination(facts, 'forward', hit);
}

/** Groups that every IPv6 machine has joined: all nodes, all routers where it forwards, solicited-node ones. */
export function joined6(w: Walk, group: Address, device: string): boolean {
  const { facts } = w.shared;
  const low = group.w1 === 0 && group.w2 === 0;
  const scope = (group.w0 >>> 16) & 15;
  if ((group.w0 & 0xfff00000) >>> 0 === 0xff000000 && low && group.w3 === 1 && (scope === 1 || scope === 2))
    return true;
  if (low && group.w3 === 2 && (scope === 1 || scope === 2 || scope === 5)) return routesAt(facts, device);
  if (group.w0 >>> 0 === 0xff020000 && group.w1 === 0 && group.w2 === 1 && group.w3 >>> 24 === 0xff) {
    const tail = group.w3 & 0xffffff;
    const own = facts.interfaces.get(device)?.addresses ?? [];
    return own.some(
      (a) =>
        a.address.family === 'ipv6' &&
        ((a.address.w3 & 0xffffff) === tail ||
          (tail === 0 && a.prefixLength < 127 && routesAt(facts, device))),
    );
  }
  return false;
}

function inputRoute6(w: Walk, fib: Fib, byBridge: boolean): RouteAnswer {
  const { facts } = w.shared;
  const p = w.packet;
  const device = w.inInterface ?? '';
  if (isMulticast6(p.dst)) {
    // Any group has a route by the link that it came from; who has joined it ip6_mc_input() asks.
    if (byBridge)
      return destination(facts, 'forward', undefined, { outInterface: device, type: 'multicast' });
    if (!joined6(w, p.dst, device)) return dropped('multicast-not-joined');
    return destination(facts, 'multicast', undefined, { toMany: 'multicast', type: 'multicast' });
  }
  const strict = needsInterface6(p.dst);
  const answer = fibLookup(fib, {
    ...inputFlow(w),
    strictInterface: strict ? device : undefined,
    outInterface: undefined,
  });
  if ('error' in answer) return dropped(answer.error, answer.error);
  const { hit } = answer;
  if (hit.route.type === 'local' || hit.route.type === 'anycast')
    return destination(facts, 'local', hit, { outInterface: undefined });
  // Whether this machine forwards ip6_forward() asks.
  if (!byBridge && !(forwardsIpv6(facts, device) ?? false)) return dropped('not-forwarding');
  return destination(facts, 'forward', hit);
}

/**
 * The decision for a packet that came in, between PREROUTING and INPUT or FORWARD. `byBridge`: made by br_netfilter,
 * which in IPv6 minds neither whether this machine forwards nor whether it has joined a group.
 */
export function routeInput(w: Walk, byBridge = false): RouteAnswer {
  const fib = w.shared.facts.fib[w.family];
  if (!fib) return inputRouteWithoutFacts(w);
  return w.family === 'ipv4' ? inputRoute4(w, fib) : inputRoute6(w, fib, byBridge);
}

// ------------------------------------------------------------------------------------------ output

/** What a lookup for a packet of this machine depends on. */
export interface OutputFlow {
  readonly dst: Address;
  /** Undefined: not chosen yet. */
  readonly src: Address | undefined;
  readonly mark: number;
  readonly tos: number;
  readonly protocol: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly uid: number;
  /** Interface that the sender is bound to, or that a link-local address belongs to. */
  readonly outInterface?: string | undefined;
  /** IPv6: the sender's socket is bound to `outInterface`, so that only routes of that interface will do. */
  readonly bound?: boolean;
  /** FLOWI_FLAG_ANYSRC: the source need not be an own address. */
  readonly anySource: boolean;
}

function isLocalSource(w: Walk, fib: Fib, a: Address): boolean {
  return isLoopback4(a) || isOwnAddress(w.shared.facts, a) || lookupLocalTable(fib, a)?.type === 'local';
}

function outputRoute4(w: Walk, fib: Fib, flow: OutputFlow): RouteAnswer {
  const { facts } = w.shared;
  const device = flow.outInterface;
  const { src } = flow;
  let dst = flow.dst;
  if (src && !isZero(src)) {
    if (isMulticast4(src) || isLimitedBroadcast(src)) return dropped('martian-source', 'blackhole');
    const many = isMulticast4(dst) || isLimitedBroadcast(dst);
    if (device === undefined && many) {
      // To many it goes out by the interface that has the source, which must be an own one even where any would do.
      const holder =
        facts.ownAddresses.get(addressText(src)) ?? (isLocalSource(w, fib, src) ? 'lo' : undefined);
      if (holder === undefined) return dropped('no-route', 'no-route');
      return makeOutput4(w, flow, dst, holder, undefined);
    }
    if (!flow.anySource && !isLocalSource(w, fib, src)) return dropped('martian-source', 'blackhole');
  }
  if (device !== undefined && (isLocalMulticast4(dst) || isLimitedBroadcast(dst)))
    return makeOutput4(w, flow, dst, device, undefined);
  if (isZero(dst)) {
    dst = src && !isZero(src) ? src : { ...dst, w3: 0x7f000001 };
    return destination(facts, 'output', undefined, { outInterface: 'lo', type: 'local' });
  }
  const answer = fibLookup(fib, {
    dst,
    src,
    mark: flow.mark,
    tos: flow.tos,
    inInterface: 'lo',
    outInterface: device,
    protocol: flow.protocol,
    sport: flow.sport,
    dport: flow.dport,
    uid: flow.uid,
  });
  if ('error' in answer) {
    if (device === undefined) return dropped(answer.error, answer.error);
    return makeOutput4(w, flow, dst, device, undefined);
  }
  return makeOutput4(
    w,
    flow,
    dst,
    answer.hit.route.type === 'local' ? 'lo' : (answer.hit.nextHop?.device ?? device ?? 'lo'),
    answer.hit,
  );
}

/** __mkroute_output(). */
function makeOutput4(
  w: Walk,
  flow: OutputFlow,
  dst: Address,
  device: string,
  hit: FibHit | undefined,
): RouteAnswer {
  const { facts } = w.shared;
  if (device !== 'lo' && flow.src && isLoopback4(flow.src) && !confOr(facts, device, 'route_localnet'))
    return dropped('local-net', 'blackhole');
  if (isLimitedBroadcast(dst) || hit?.route.type === 'broadcast')
    return destination(facts, 'output', isLimitedBroadcast(dst) ? undefined : hit, {
      outInterface: device,
      gateway: undefined,
      type: 'broadcast',
      toMany: 'broadcast',
      copyBack: device !== 'lo',
    });
  if (isMulticast4(dst))
    return destination(facts, 'output', hit, {
      outInterface: device,
      gateway: undefined,
      type: 'multicast',
      toMany: 'multicast',
      copyBack: device !== 'lo' && isAllHosts4(dst),
    });
  return destination(facts, 'output', hit, {
    outInterface: device,
    ...(hit?.route.type === 'local' ? { gateway: undefined } : {}),
  });
}

function outputRoute6(w: Walk, fib: Fib, flow: OutputFlow): RouteAnswer {
  const { facts } = w.shared;
  let device = flow.outInterface;
  const strict = needsInterface6(flow.dst) && !isLoopback6(flow.dst);
  // Only a process speaks through a socket that is bound to the link of its address.
  if (strict && device === undefined && !flow.anySource && flow.src && isLinkLocal6(flow.src))
    device = facts.ownAddresses.get(addressText(flow.src));
  const answer = fibLookup(fib, {
    dst: flow.dst,
    src: flow.src,
    mark: flow.mark,
    tos: flow.tos,
    inInterface: 'lo',
    outInterface: device,
    protocol: flow.protocol,
    sport: flow.sport,
    dport: flow.dport,
    uid: flow.uid,
    strictInterface: strict || flow.bound ? device : undefined,
  });
  if ('error' in answer) return dropped(answer.error, answer.error);
  const { hit } = answer;
  const local = hit.route.type === 'local' || hit.route.type === 'anycast';
  return destination(facts, 'output', hit, {
    outInterface: local ? 'lo' : hit.nextHop?.device,
    ...(isMulticast6(flow.dst)
      ? { toMany: 'multicast' as const, copyBack: loopsBack6(w, flow.dst, hit.nextHop?.device) }
      : {}),
  });
}

/** ip6_finish_output2(): what goes to a group that the machine itself has joined at that interface comes in, too. */
function loopsBack6(w: Walk, group: Address, device: string | undefined): boolean {
  return device !== undefined && multicastScope6(group) > 1 && joined6(w, group, device);
}

/** The decision for a packet that this machine sends, also for the answers that the kernel makes. */
export function routeOutput(w: Walk, flow: OutputFlow): RouteAnswer {
  const fib = w.shared.facts.fib[w.family];
  if (!fib) return outputRouteWithoutFacts(w, flow.dst);
  return w.family === 'ipv4' ? outputRoute4(w, fib, flow) : outputRoute6(w, fib, flow);
}

/**
 * The interface that an IPv6 socket is bound to: one with a link-local address that speaks to its link cannot be had
 * without. The binding outlasts what NAT makes of the addresses.
 *
 * Source: net/ipv6/raw.c rawv6_bind(), net/ipv6/datagram.c __ip6_datagram_connect(), net/ipv6/tcp_ipv6.c.
 */
function boundInterface6(w: Walk): string | undefined {
  const { src, dst } = w.original;
  if (!w.hasSocket || !isLinkLocal6(src) || !(isLinkLocal6(dst) || isMulticast6(dst))) return undefined;
  return w.shared.facts.ownAddresses.get(addressText(src));
}

/** ip_route_me_harder(), ip6_route_me_harder(): a changed packet in OUTPUT is routed again. */
export function reroute(w: Walk): RouteAnswer {
  const p = w.packet;
  const fib = w.shared.facts.fib[w.family];
  let src: Address | undefined = p.src;
  if (w.family === 'ipv4' && fib) {
    // A source that is neither local nor unicast is left out of the lookup.
    if (isMulticast4(src) || isLimitedBroadcast(src) || isZero(src)) src = undefined;
    else if (lookupLocalTable(fib, src)?.type === 'broadcast') src = undefined;
  }
  const bound = w.family === 'ipv6' ? boundInterface6(w) : undefined;
  // Routed again a second time, the packet stands on what the first time found.
  const onLink =
    w.family === 'ipv6' && needsInterface6(p.dst) && !isLoopback6(p.dst)
      ? (w.destination?.outInterface ?? w.outInterface)
      : undefined;
  return routeOutput(w, {
    dst: p.dst,
    src,
    mark: p.mark,
    tos: p.tos,
    protocol: p.protocol,
    ...portsOf(p),
    // ip_route_me_harder() leaves the owner out.
    uid: w.family === 'ipv4' ? 0 : (p.uid ?? 0),
    outInterface: bound ?? onLink,
    bound: bound !== undefined,
    anySource: true,
  });
}

/** errno of a failed lookup for a local sender. */
export function errnoOf(error: FibError | undefined): string {
  switch (error) {
    case 'unreachable':
      return 'EHOSTUNREACH';
    case 'prohibit':
      return 'EACCES';
    case 'blackhole':
      return 'EINVAL';
    default:
      return 'ENETUNREACH';
  }
}

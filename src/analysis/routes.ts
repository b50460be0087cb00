/** Routing tables as sets: which packets a lookup sends where. */

import { confOr, reversePathFilter } from '../engine/facts.ts';
import type { Fib } from '../engine/fib.ts';
import type { PolicyRule, Route } from '../model/machine.ts';
import { prefixLength } from '../net/address.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import type { Side } from './side.ts';

/** Where a lookup leads. */
export type RouteEnd =
  | { readonly kind: 'local' | 'broadcast' | 'error' | 'none' }
  /** `devices`: several for a multipath route; empty where the route names none. */
  | { readonly kind: 'unicast'; readonly devices: readonly string[] };

/** The packets of one end. */
export interface RoutedPackets {
  readonly end: RouteEnd;
  readonly set: PacketSet;
}

/** Which field is looked up, and who asks. */
export interface Lookup {
  readonly field: 'dst' | 'src';
  /** Routing of arriving packets (`iif` is theirs), of sent ones (`iif lo`), or the reverse path. */
  readonly purpose: 'input' | 'output' | 'reverse';
}

/** The packets that a policy rule speaks of; what the reverse look cannot say is left open (may). */
function ruleSet(r: PolicyRule, lookup: Lookup, space: PacketSpace, mayMarks: boolean): PacketSet {
  let set = space.all;
  const only = (part: PacketSet): void => {
    set = space.and(set, part);
  };
  const reverse = lookup.field === 'src';
  if (r.source) only(space.network(reverse ? 'dst' : 'src', r.source));
  if (r.destination) only(space.network(reverse ? 'src' : 'dst', r.destination));
  if (r.inInterface !== undefined) {
    if (lookup.purpose === 'output') only(r.inInterface === 'lo' ? space.all : space.none);
    else if (!reverse) only(space.interface('in', interfacePattern(r.inInterface)));
    else only(space.none);
  }
  if (r.outInterface !== undefined) only(space.none);
  if (r.markMask !== 0) only(mayMarks ? space.bits('mark', r.mark & r.markMask, r.markMask) : space.none);
  if (r.tos !== 0) only(space.bits('tos', r.tos & 0xfc, 0xfc));
  if (r.protocol !== undefined) only(space.interval('protocol', r.protocol, r.protocol));
  if (r.sport) only(space.interval(reverse ? 'dport' : 'sport', r.sport[0], r.sport[1]));
  if (r.dport) only(space.interval(reverse ? 'sport' : 'dport', r.dport[0], r.dport[1]));
  if (r.uid) only(space.interval('uid', r.uid[0], r.uid[1]));
  return r.inverted ? space.not(set) : set;
}

function endOf(route: Route): RouteEnd {
  switch (route.type) {
    case 'local':
    case 'anycast':
      return { kind: 'local' };
    case 'broadcast':
      return { kind: 'broadcast' };
    case 'unicast':
    case 'multicast':
      return { kind: 'unicast', devices: [...new Set(route.nextHops.flatMap((h) => h.device ?? []))] };
    default:
      return { kind: 'error' };
  }
}

const keyOf = (end: RouteEnd): string => (end.kind === 'unicast' ? `to ${end.devices.join(' ')}` : end.kind);

/**
 * A whole lookup through the policy rules, as a partition of `from`. Linear in routes, for each policy rule that
 * asks their table.
 */
export function lookUp(
  fib: Fib,
  lookup: Lookup,
  from: PacketSet,
  space: PacketSpace,
): readonly RoutedPackets[] {
  const parts = new Map<string, { end: RouteEnd; set: PacketSet }>();
  const add = (end: RouteEnd, set: PacketSet): void => {
    const key = keyOf(end);
    const old = parts.get(key);
    parts.set(key, { end, set: old === undefined ? set : space.or(old.set, set) });
  };
  let rest = from;
  /** Packets that a `goto` carries on to a later rule. */
  const waiting: { readonly until: number; readonly set: PacketSet }[] = [];
  for (const r of fib.rules) {
    for (let i = waiting.length - 1; i >= 0; i--) {
      const w = waiting[i] as (typeof waiting)[number];
      if (r.priority < w.until) continue;
      rest = space.or(rest, w.set);
      waiting.splice(i, 1);
    }
    const here = space.and(rest, ruleSet(r, lookup, space, true));
    const others = space.and(rest, space.not(here));
    switch (r.action) {
      case 'nop':
        continue;
      case 'goto':
        waiting.push({ until: r.target, set: here });
        rest = others;
        continue;
      case 'lookup': {
        let left = here;
        let thrown = space.none;
        for (const route of fib.tables.get(r.target)?.routes ?? []) {
          let hit = space.and(left, space.network(lookup.field, route.destination));
          if (route.source)
            hit = space.and(hit, space.network(lookup.field === 'dst' ? 'src' : 'dst', route.source));
          if (fib.family === 'ipv4' && route.tos !== 0)
            hit = space.and(hit, space.bits('tos', route.tos & 0xfc, 0xfc));
          left = space.and(left, space.not(hit));
          const short =
            r.suppressPrefixLength !== undefined &&
            (prefixLength(route.destination.mask) ?? 0) <= r.suppressPrefixLength;
          if (short || route.type === 'throw') thrown = space.or(thrown, hit);
          else add(endOf(route), hit);
        }
        rest = space.or(others, space.or(left, thrown));
        continue;
      }
      default:
        add({ kind: 'error' }, here);
        rest = others;
    }
  }
  for (const w of waiting) rest = space.or(rest, w.set);
  add({ kind: 'none' }, rest);
  return [...parts.values()];
}

/** Mentions everything that lookups on this side speak of. */
export function describeRoutes(side: Side, space: PacketSpace): void {
  const fib = side.facts.fib[side.ruleset.family];
  if (fib === undefined) return;
  lookUp(fib, { field: 'dst', purpose: 'input' }, space.all, space);
  lookUp(fib, { field: 'dst', purpose: 'output' }, space.all, space);
  if (looksBack(side)) lookUp(fib, { field: 'src', purpose: 'reverse' }, space.all, space);
  for (const route of [...fib.tables.values()].flatMap((t) => t.routes))
    for (const hop of route.nextHops)
      if (hop.device !== undefined) space.interface('out', interfacePattern(hop.device));
}

/** Whether the kernel looks up the way back for some packet: rp_filter, or local routes that are not its own. */
export function looksBack({ ruleset, facts }: Side): boolean {
  const fib = facts.fib.ipv4;
  if (ruleset.family !== 'ipv4' || fib === undefined) return false;
  return (
    fib.customLocalRoutes ||
    fib.customRules ||
    Number(facts.interfaceSysctl('all', 'rp_filter') ?? 0) > 0 ||
    Number(facts.interfaceSysctl('default', 'rp_filter') ?? 0) > 0 ||
    [...facts.interfaces.keys()].some((name) => reversePathFilter(facts, name) > 0)
  );
}

/** Whether packets from or to 127.0.0.0/8 may cross this interface. */
export function crossesLoopback(side: Side, device: string): boolean {
  return confOr(side.facts, device, 'route_localnet');
}

/**
 * The forwarding information base: policy rules over routing tables, longest prefix first.
 *
 * Source: net/ipv4/fib_trie.c fib_table_lookup(), net/ipv4/fib_rules.c, net/ipv6/ip6_fib.c, net/ipv6/fib6_rules.c.
 */

import type { NextHop, PolicyRule, Route } from '../model/machine.ts';
import { routeTable } from '../model/machine.ts';
import type { Address, Family } from '../net/address.ts';
import { networkContains, prefixLength } from '../net/address.ts';

/** What a lookup is made for. Absent addresses are "any" (zero). */
export interface Flow {
  readonly dst: Address;
  readonly src: Address | undefined;
  readonly mark: number;
  readonly tos: number;
  /** `lo` for packets of this machine. */
  readonly inInterface: string;
  readonly outInterface: string | undefined;
  readonly protocol: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly uid: number;
  /** IPv6: the route must be of this interface (link-local and multicast destinations). */
  readonly strictInterface?: string | undefined;
}

/** The route that a lookup chose, with the next hop. */
export interface FibHit {
  readonly route: Route;
  readonly nextHop: NextHop | undefined;
}

/** Kinds of failing lookup, as the error numbers of fib_props: ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL. */
export type FibError = 'no-route' | 'unreachable' | 'prohibit' | 'blackhole';

/** A route, or why there is none. */
export type FibAnswer = { readonly hit: FibHit } | { readonly error: FibError };

interface PreparedTable {
  /** Longest prefix first, then the kernel's order among equals. */
  readonly routes: readonly Route[];
}

/** The routing tables and policy rules of one family. */
export interface Fib {
  readonly family: Family;
  readonly tables: ReadonlyMap<number, PreparedTable>;
  readonly rules: readonly PolicyRule[];
  /** Rules other than the three that the kernel makes. */
  readonly customRules: boolean;
  /** Local routes that do not come from an address of an interface. */
  readonly customLocalRoutes: boolean;
}

function rule(family: Family, priority: number, target: number): PolicyRule {
  return {
    family,
    priority,
    inverted: false,
    source: undefined,
    destination: undefined,
    inInterface: undefined,
    outInterface: undefined,
    mark: 0,
    markMask: 0,
    tos: 0,
    protocol: undefined,
    sport: undefined,
    dport: undefined,
    uid: undefined,
    action: 'lookup',
    target,
    suppressPrefixLength: undefined,
  };
}

/** The rules of a machine where nobody made any. */
function defaultRules(family: Family): PolicyRule[] {
  const rules = [rule(family, 0, routeTable.local), rule(family, 32766, routeTable.main)];
  if (family === 'ipv4') rules.push(rule(family, 32767, routeTable.default));
  return rules;
}

function isDefaultRule(r: PolicyRule): boolean {
  return (
    r.action === 'lookup' &&
    !r.inverted &&
    !r.source &&
    !r.destination &&
    r.inInterface === undefined &&
    r.outInterface === undefined &&
    r.markMask === 0 &&
    r.tos === 0 &&
    r.protocol === undefined &&
    r.suppressPrefixLength === undefined &&
    ((r.priority === 0 && r.target === routeTable.local) ||
      (r.priority === 32766 && r.target === routeTable.main) ||
      (r.priority === 32767 && r.target === routeTable.default))
  );
}

const lengthOf = (r: Route): number => prefixLength(r.destination.mask) ?? 0;
const sourceLengthOf = (r: Route): number => (r.source ? (prefixLength(r.source.mask) ?? 0) : 0);

function sorted(routes: readonly Route[]): readonly Route[] {
  return routes
    .map((route, index) => ({ route, index }))
    .sort(
      (a, b) =>
        lengthOf(b.route) - lengthOf(a.route) ||
        sourceLengthOf(b.route) - sourceLengthOf(a.route) ||
        b.route.tos - a.route.tos ||
        a.route.metric - b.route.metric ||
        // fib_insert_alias(): the local table stands before main where both are one trie.
        b.route.table - a.route.table ||
        a.index - b.index,
    )
    .map((x) => x.route);
}

/** Prepares routes and rules of one family. Routes of other families are passed over. */
export function prepareFib(
  family: Family,
  routes: readonly Route[],
  policyRules: readonly PolicyRule[] | undefined,
  ownAddress: (a: Address) => boolean,
): Fib {
  const given = policyRules?.filter((r) => r.family === family) ?? [];
  const rules = (given.length > 0 ? given : defaultRules(family))
    .slice()
    .sort((a, b) => a.priority - b.priority);
  const customRules = rules.some((r) => !isDefaultRule(r)) || rules[0]?.target !== routeTable.local;
  const byTable = new Map<number, Route[]>();
  let customLocalRoutes = false;
  for (const route of routes) {
    if (route.destination.address.family !== family || route.down) continue;
    // net/ipv4: until a custom rule exists, local and main are one trie, so the longest prefix of both wins.
    const id =
      family === 'ipv4' && !customRules && route.table === routeTable.local ? routeTable.main : route.table;
    const list = byTable.get(id);
    if (list) list.push(route);
    else byTable.set(id, [route]);
    if (
      route.type === 'local' &&
      !ownAddress(route.destination.address) &&
      !(family === 'ipv4' && route.destination.address.w3 >>> 24 === 127)
    )
      customLocalRoutes = true;
  }
  const tables = new Map<number, PreparedTable>();
  for (const [id, list] of byTable) tables.set(id, { routes: sorted(list) });
  return { family, tables, rules, customRules, customLocalRoutes };
}

const within = (value: number | undefined, range: readonly [number, number]): boolean =>
  value !== undefined && range[0] <= value && value <= range[1];

/** What `tos` of a rule or route is compared with: INET_DSCP_LEGACY_TOS_MASK, the whole DSCP. */
const tosMask: Readonly<Record<Family, number>> = { ipv4: 0x1c, ipv6: 0xfc };

/** fib4_rule_match(), fib6_rule_match(), fib_rule_match(). */
function ruleMatches(r: PolicyRule, flow: Flow): boolean {
  const answer =
    (r.inInterface === undefined || r.inInterface === flow.inInterface) &&
    (r.outInterface === undefined || r.outInterface === flow.outInterface) &&
    ((r.mark ^ flow.mark) & r.markMask) === 0 &&
    (r.uid === undefined || within(flow.uid, r.uid)) &&
    (r.source === undefined || (flow.src !== undefined && networkContains(r.source, flow.src))) &&
    (r.destination === undefined || networkContains(r.destination, flow.dst)) &&
    (r.tos === 0 || (r.tos & 0xfc) === (flow.tos & tosMask[r.family])) &&
    (r.protocol === undefined || r.protocol === flow.protocol) &&
    (r.sport === undefined || within(flow.sport, r.sport)) &&
    (r.dport === undefined || within(flow.dport, r.dport));
  return answer !== r.inverted;
}

const typeErrors: Readonly<Record<string, FibError>> = {
  unreachable: 'unreachable',
  prohibit: 'prohibit',
  blackhole: 'blackhole',
};

/** One table: a hit, an error route, or undefined to go on with the next rule. */
function lookupTable(
  fib: Fib,
  table: PreparedTable,
  flow: Flow,
  suppressPrefixLength: number | undefined,
): FibAnswer | undefined {
  let fallback: FibAnswer | undefined;
  for (const route of table.routes) {
    if (!networkContains(route.destination, flow.dst)) continue;
    if (route.source && !(flow.src && networkContains(route.source, flow.src))) continue;
    if (fib.family === 'ipv4' && route.tos !== 0 && (route.tos & 0xfc) !== (flow.tos & tosMask.ipv4))
      continue;
    if (fallback && lengthOf(route) < lengthOf((fallback as { hit: FibHit }).hit.route)) return fallback;
    if (suppressPrefixLength !== undefined && lengthOf(route) <= suppressPrefixLength) return undefined;
    if (route.type === 'throw') return undefined;
    const error = typeErrors[route.type];
    if (error) return { error };
    const wanted = flow.strictInterface ?? (fib.family === 'ipv4' ? flow.outInterface : undefined);
    const hops = route.nextHops.filter((h) => wanted === undefined || h.device === wanted);
    const nextHop = hops[0];
    if (route.nextHops.length > 0 && !nextHop) continue;
    const hit: FibAnswer = { hit: { route, nextHop } };
    // IPv6 prefers, among equal routes, one of the interface that the packet came from or is bound to.
    if (
      fib.family === 'ipv6' &&
      flow.outInterface !== undefined &&
      nextHop?.device !== flow.outInterface &&
      flow.strictInterface === undefined
    ) {
      fallback ??= hit;
      continue;
    }
    if (
      fallback &&
      lengthOf(route) === lengthOf((fallback as { hit: FibHit }).hit.route) &&
      route.metric > (fallback as { hit: FibHit }).hit.route.metric
    )
      return fallback;
    return hit;
  }
  return fallback;
}

/** A whole lookup through the policy rules. */
export function fibLookup(fib: Fib, flow: Flow): FibAnswer {
  for (let i = 0; i < fib.rules.length; i++) {
    const r = fib.rules[i];
    if (!r || !ruleMatches(r, flow)) continue;
    switch (r.action) {
      case 'nop':
        break;
      case 'goto': {
        const at = fib.rules.findIndex((x, k) => k > i && x.priority >= r.target);
        if (at < 0) return { error: 'no-route' };
        i = at - 1;
        break;
      }
      case 'unreachable':
        return { error: fib.family === 'ipv4' ? 'no-route' : 'unreachable' };
      case 'prohibit':
        return { error: 'prohibit' };
      case 'blackhole':
        return { error: 'blackhole' };
      case 'lookup': {
        const table = fib.tables.get(r.target);
        const answer = table && lookupTable(fib, table, flow, r.suppressPrefixLength);
        if (answer) return answer;
        break;
      }
    }
  }
  return { error: 'no-route' };
}

/** Only the local table, as inet_addr_type() does; merged tables are searched by type. */
export function lookupLocalTable(fib: Fib, dst: Address): Route | undefined {
  const table =
    fib.tables.get(routeTable.local) ?? (fib.customRules ? undefined : fib.tables.get(routeTable.main));
  if (!table) return undefined;
  for (const route of table.routes)
    if (networkContains(route.destination, dst)) {
      // In the merged trie a longer prefix of main hides a shorter local route.
      return route.table === routeTable.local ? route : undefined;
    }
  return undefined;
}

/** The routing decisions between hooks, for whole sets: where arriving packets go, and by which interface packets leave. */

import { isLinkLocal6 } from '../engine/addresses.ts';
import { addressesOf, confOr, forwardsIpv4, forwardsIpv6, reversePathFilter } from '../engine/facts.ts';
import { type Address, ipv6, type Network, prefix, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import {
  allHosts4,
  everybody4,
  groups4,
  linkScope6,
  localGroups4,
  loopbackOf,
  nobody4,
  ownLinkAddresses,
  ownSources,
} from './mention.ts';
import { crossesLoopback, looksBack, lookUp, type RoutedPackets } from './routes.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Where arriving packets go. Sets may overlap where the machine is not known well enough. */
export interface Arrivals {
  readonly local: PacketSet;
  /** With their out-interface. */
  readonly forward: PacketSet;
  /** What a bridge hands from port to port: it passes FORWARD, and is not routed. */
  readonly switched: PacketSet;
  readonly dropped: PacketSet;
}

/** Answers routing questions for the sets of one side. */
export interface Routing {
  arriving(set: PacketSet): Arrivals;
  /** Packets that this machine sends, with their out-interface; `dropped`: there is no way. `again`: rules changed them. */
  sending(set: PacketSet, again?: boolean): { readonly sent: PacketSet; readonly dropped: PacketSet };
  /** Destinations that are local, for some and for every answer to what is not known. */
  readonly local: PacketSet;
}

/** The subnet of link-local addresses, and the interfaces that have one; undefined: fewer than two of the same width. */
function linksOf({
  facts,
  ruleset,
}: Side): { readonly network: Network; readonly interfaces: readonly string[] } | undefined {
  if (ruleset.family === 'ipv4') return undefined;
  const found = [...facts.interfaces.values()].flatMap(({ name, addresses }) =>
    addresses
      .filter((a) => a.peer === undefined && a.address.family === 'ipv6' && isLinkLocal6(a.address))
      .map((a) => ({ name, network: prefix(a.address, a.prefixLength) })),
  );
  const [first] = found;
  if (first === undefined || found.length < 2) return undefined;
  const same = found.filter(
    ({ network }) =>
      sameAddress(network.address, first.network.address) && sameAddress(network.mask, first.network.mask),
  );
  return { network: first.network, interfaces: [...new Set(same.map(({ name }) => name))] };
}

/** Prepares routing. The sets that do not depend on the packets are made once. */
export function createRouting(side: Side, vocabulary: Vocabulary): Routing {
  const { space, family } = vocabulary;
  const { facts } = side;
  const fib = facts.fib[family];
  const names = [...new Set([...facts.interfaces.keys(), ...side.program.namedInterfaces])].filter(
    (n) => n !== 'lo',
  );
  const inside = (name: string): PacketSet => space.interface('in', interfacePattern(name));
  const outBy = (name: string): PacketSet => space.interface('out', interfacePattern(name));
  const describe = (run: (s: PacketSpace) => PacketSet): PacketSet => vocabulary.describe(side, run).may;
  const local = describe((s) => s.addressType('dst', 'LOCAL'));
  const byLo = inside('lo');
  const noOut = outBy('lo');
  /** `where` holds for interfaces one by one; `others` for those that nobody named. */
  const byInterface = (holds: (name: string) => boolean): PacketSet => {
    const others = holds('');
    let set = others ? space.all : space.none;
    for (const name of names) {
      if (holds(name) === others) continue;
      set = others ? space.diff(set, inside(name)) : space.or(set, inside(name));
    }
    return set;
  };

  const loopback = (field: 'src' | 'dst'): PacketSet => space.network(field, loopbackOf(family));
  const bridges = new Set<string>();
  for (const { master, masterKind } of facts.interfaces.values())
    if (master !== undefined && (masterKind ?? 'bridge') === 'bridge') bridges.add(master);
  // To everybody, ip_route_input_slow() takes a packet before it looks for those.
  const ownLoopbacks =
    family === 'ipv4' ? space.diff(loopback('src'), space.network('dst', everybody4)) : loopback('src');
  const loopbacks = space.or(ownLoopbacks, loopback('dst'));
  const bridgeCalls = facts.sysctl(
    `net.bridge.bridge-nf-call-${family === 'ipv4' ? 'iptables' : 'ip6tables'}`,
  );
  /** Whether bridges show their frames to iptables; undefined: not known. */
  const bridgeShows = bridgeCalls === undefined ? undefined : Number(bridgeCalls) > 0;
  const loopbacksByBridge = space.and(loopbacks, space.union([...bridges].map(inside)));
  // ip6_rcv_core() looks before any hook, but where a bridge has shown the packet to PREROUTING already.
  const martian =
    family === 'ipv4'
      ? space.diff(
          loopbacks,
          space.or(
            byLo,
            byInterface((name) => crossesLoopback(side, name)),
          ),
        )
      : bridgeShows === true
        ? loopbacksByBridge
        : space.none;
  const perhapsMartian = family === 'ipv6' && bridgeShows === undefined ? loopbacksByBridge : space.none;
  /** IPv6: ::1 and own link-local addresses, seen from an interface that has them not (rt6_need_strict()). */
  const elsewhere = ((): PacketSet => {
    if (family === 'ipv4') return space.none;
    const own = ipv6(0, 0, 0, 1);
    const holders = new Map([[addressText(own), { address: own as Address, here: byLo }]]);
    for (const { name, addresses } of facts.interfaces.values())
      for (const { address } of addresses) {
        if (address.family !== 'ipv6' || !isLinkLocal6(address)) continue;
        const holder = holders.get(addressText(address)) ?? { address, here: byLo };
        holders.set(addressText(address), { address, here: space.or(holder.here, inside(name)) });
      }
    return space.union(
      [...holders.values()].map(({ address, here }) =>
        space.diff(space.addresses('dst', { low: address, high: address }), here),
      ),
    );
  })();
  const typed = (type: string): PacketSet =>
    side.locality.known
      .filter((k) => k.types.includes(type))
      .reduce<PacketSet>((set, k) => space.or(set, space.addresses('dst', k.range)), space.none);
  /** No destination: ip_route_output_key_hash_rcu() and rawv6_sendmsg() take it for the machine itself. */
  const nobody = space.network('dst', family === 'ipv4' ? nobody4 : prefix(ipv6(0, 0, 0, 0), 128));
  /** Broadcast and multicast are handed to the machine itself. */
  const toMany = space.or(typed('BROADCAST'), typed('MULTICAST'));

  const forwards = ((): PacketSet => {
    const answer = (name: string): boolean | undefined =>
      family === 'ipv4' ? forwardsIpv4(facts, name) : forwardsIpv6(facts, name === '' ? undefined : name);
    const unknown = answer('') === undefined && names.every((n) => answer(n) === undefined);
    if (unknown) return space.ambient(`${side.machine}forwarding`);
    return byInterface((name) => answer(name) ?? true);
  })();

  /** Gives packets their out-interface; several: any of them. */
  const leaveBy = (set: PacketSet, through: PacketSet): PacketSet =>
    space.rewrite(set, ['outInterface'], through);

  /** Without routes: the subnet of an interface, the one way outside, or any interface. */
  const leaveWithoutRoutes = (set: PacketSet): PacketSet => {
    let rest = set;
    const parts: PacketSet[] = [];
    // Every interface has a link of its own.
    const links = linksOf(side);
    if (links !== undefined) {
      const net = space.network('dst', links.network);
      parts.push(leaveBy(space.and(rest, net), space.union(links.interfaces.map(outBy))));
      rest = space.diff(rest, net);
    }
    for (const i of facts.interfaces.values()) {
      if (i.name === 'lo') continue;
      for (const a of i.addresses) {
        if (a.address.family !== family || a.prefixLength === 0) continue;
        const net = space.network('dst', prefix(a.peer ?? a.address, a.prefixLength));
        parts.push(leaveBy(space.and(rest, net), outBy(i.name)));
        rest = space.diff(rest, net);
      }
    }
    for (const { value } of facts.machine.behind ?? []) {
      if (value.address.family !== family) continue;
      const host = space.addresses('dst', { low: value.address, high: value.address });
      parts.push(leaveBy(space.and(rest, host), outBy(value.interfaceName)));
      rest = space.diff(rest, host);
    }
    const { outside } = facts.machine;
    const only = facts.interfacesKnown && outside.length === 1 ? outside[0]?.value : undefined;
    const someInterface = facts.interfacesKnown
      ? [...facts.interfaces.keys()]
          .filter((n) => n !== 'lo')
          .reduce<PacketSet>((s, n) => space.or(s, outBy(n)), space.none)
      : space.diff(space.not(noOut), space.interface('out', { name: '', exact: true }));
    parts.push(leaveBy(rest, only === undefined ? someInterface : outBy(only)));
    return space.union(parts);
  };

  const leaveByRoute = (part: RoutedPackets): PacketSet =>
    part.end.kind === 'unicast' && part.end.devices.length > 0
      ? leaveBy(
          part.set,
          part.end.devices.reduce<PacketSet>((s, d) => space.or(s, outBy(d)), space.none),
        )
      : leaveWithoutRoutes(part.set);

  /** ip_route_input_slow(): addresses that no packet may have, and sources that fib_validate_source() refuses. */
  const refusedPackets = (): {
    readonly odd: PacketSet;
    readonly wrong: PacketSet;
    readonly perhaps: PacketSet;
  } => {
    if (family !== 'ipv4') return { odd: space.none, wrong: space.none, perhaps: space.none };
    const from = (net: Network): PacketSet => space.network('src', net);
    const to = (net: Network): PacketSet => space.network('dst', net);
    const toGroups = to(groups4);
    const nobody = from(nobody4);
    const withoutSource = space.union([space.and(toGroups, to(localGroups4)), to(everybody4), to(nobody4)]);
    const odd = space.union([
      from(groups4),
      from(everybody4),
      space.diff(nobody, withoutSource),
      space.diff(to(nobody4), nobody),
      // Which groups the machine has joined is known by its routes.
      fib === undefined ? space.none : space.diff(toGroups, to(allHosts4)),
    ]);
    const takesOwn = byInterface((name) => confOr(facts, name, 'accept_local'));
    let wrong = space.diff(
      ownSources(side).reduce<PacketSet>(
        (set, range) => space.or(set, space.addresses('src', range)),
        space.none,
      ),
      takesOwn,
    );
    if (fib !== undefined && looksBack(side)) {
      const filtered = (level: number): PacketSet =>
        byInterface((name) => reversePathFilter(facts, name) === level);
      const custom = fib.customLocalRoutes || fib.customRules;
      let proper = space.none;
      let some = space.none;
      let odd = space.none;
      for (const { end, set } of lookUp(fib, { field: 'src', purpose: 'reverse' }, space.all, space)) {
        if (end.kind === 'local') odd = space.or(odd, space.diff(set, takesOwn));
        if (end.kind === 'broadcast') odd = space.or(odd, set);
        if (end.kind === 'local') {
          some = space.or(some, set);
          proper = space.or(proper, set);
        }
        if (end.kind !== 'unicast') continue;
        some = space.or(some, set);
        for (const device of end.devices) proper = space.or(proper, space.and(set, inside(device)));
      }
      // An interface without an address of its own is never content with any other way back.
      const addressed = byInterface((name) => addressesOf(facts, name, 'ipv4').length > 0);
      const strict = space.or(filtered(1), space.diff(filtered(2), addressed));
      const loose = space.and(filtered(2), addressed);
      wrong = space.union([wrong, space.diff(strict, proper), space.diff(loose, some)]);
      if (custom) wrong = space.or(wrong, odd);
    }
    // Without a source nothing is looked up. To everybody, only addresses of interfaces are known for own ones.
    const perhaps = space.and(wrong, space.and(to(everybody4), loopback('src')));
    return { odd, wrong: space.diff(wrong, space.or(nobody, perhaps)), perhaps };
  };
  let refusedKnown: ReturnType<typeof refusedPackets> | undefined;

  /** Destinations that NAT wrote and nobody singled out: local or not, who knows. */
  const openDestination = (set: PacketSet): PacketSet => {
    if (!vocabulary.rewritten.has('dst')) return space.none;
    const decided = [
      ...side.locality.known.map((k) => k.range),
      ...side.locality.singled.map((a: Address) => ({ low: a, high: a })),
    ];
    const changed = space.diff(set, space.unchanged(['dst']));
    if (changed === space.none) return changed;
    return decided.reduce<PacketSet>(
      (s, range) => (s === space.none ? s : space.diff(s, space.addresses('dst', range))),
      changed,
    );
  };

  /** br_netfilter: what a bridge switches from port to port passes FORWARD without being routed. */
  const switched = (set: PacketSet): PacketSet =>
    bridgeShows === false
      ? space.none
      : space.union([...bridges].map((name) => leaveBy(space.and(set, inside(name)), outBy(name))));
  /** Of what leaves by the bridge that it came by, NAT may have sent some back to the port that it came by. */
  const turned = (forward: PacketSet): PacketSet => {
    if (bridgeShows === false || !vocabulary.rewritten.has('dst')) return space.none;
    const back = space.union([...bridges].map((name) => space.and(inside(name), outBy(name))));
    const moved = space.diff(space.and(forward, back), space.unchanged(['dst']));
    return space.rewrite(moved, ['outInterface'], space.interface('out', { name: '', exact: true }));
  };

  return {
    local,
    arriving: (arrived) => {
      // IPv4 takes it for a broadcast.
      const mine = family === 'ipv6' ? space.and(arrived, space.and(nobody, byLo)) : space.none;
      const set = space.diff(arrived, mine);
      refusedKnown ??= refusedPackets();
      const { odd, wrong, perhaps } = refusedKnown;
      // What this machine sent to itself has its route already, unless DNAT changes where it goes.
      const refused = space.or(martian, space.diff(space.or(odd, wrong), byLo));
      const again = vocabulary.rewritten.has('dst') ? space.diff(byLo, space.unchanged(['dst'])) : space.none;
      const alive = space.diff(set, refused);
      let dropped = space.and(
        set,
        space.union([refused, perhapsMartian, space.diff(perhaps, byLo), space.and(odd, again)]),
      );
      if (fib === undefined) {
        const many = space.and(alive, toMany);
        const single = space.diff(alive, toMany);
        const open = openDestination(single);
        const rest = space.diff(single, open);
        const away = space.or(space.diff(rest, local), open);
        const forward = leaveWithoutRoutes(space.and(away, forwards));
        return {
          local: space.union([mine, many, space.and(rest, local), open]),
          forward,
          switched: switched(set),
          dropped: space.union([dropped, space.diff(away, forwards), turned(forward)]),
        };
      }
      const strange = space.and(alive, elsewhere);
      const good = space.diff(alive, strange);
      dropped = space.or(dropped, strange);
      const toLocal: PacketSet[] = [mine, space.and(good, toMany)];
      // Which groups the machine has joined is not told; IPv4's are dealt with above.
      if (family === 'ipv6') dropped = space.or(dropped, space.and(good, toMany));
      const toForward: PacketSet[] = [leaveWithoutRoutes(space.and(strange, forwards))];
      for (const part of lookUp(fib, { field: 'dst', purpose: 'input' }, space.diff(good, toMany), space)) {
        switch (part.end.kind) {
          case 'local':
          case 'broadcast':
            toLocal.push(part.set);
            break;
          case 'unicast':
            toForward.push(leaveByRoute({ end: part.end, set: space.and(part.set, forwards) }));
            dropped = space.or(dropped, space.diff(part.set, forwards));
            break;
          default:
            dropped = space.or(dropped, part.set);
        }
      }
      const forward = space.union(toForward);
      return {
        local: space.union(toLocal),
        forward,
        switched: switched(set),
        dropped: space.or(dropped, turned(forward)),
      };
    },
    sending: (set, again = false) => {
      // In IPv6 a socket takes the machine itself for nobody's address, and routing does not.
      const self = again && family === 'ipv6' ? space.none : space.and(set, nobody);
      if (fib === undefined) {
        const open = openDestination(space.diff(set, toMany));
        const rest = space.diff(set, space.or(open, self));
        const here = space.union([self, space.and(space.diff(rest, toMany), local), open]);
        return {
          sent: space.or(
            leaveBy(here, outBy('lo')),
            leaveWithoutRoutes(space.or(space.diff(rest, space.diff(local, toMany)), open)),
          ),
          dropped: space.none,
        };
      }
      const sent: PacketSet[] = [];
      // __mkroute_output(): an address of lo leaves by no other interface.
      let dropped = again && family === 'ipv4' ? space.and(set, loopback('src')) : space.none;
      for (const part of lookUp(fib, { field: 'dst', purpose: 'output' }, space.diff(set, toMany), space)) {
        if (part.end.kind === 'local') sent.push(leaveBy(part.set, outBy('lo')));
        else if (part.end.kind === 'unicast' || part.end.kind === 'broadcast') sent.push(leaveByRoute(part));
        else dropped = space.or(dropped, part.set);
      }
      const many = space.diff(space.and(set, toMany), self);
      // ip_route_output_key_hash_rcu(): to groups and to everybody, what is sent from an address of lo leaves by lo.
      const unrouted =
        family === 'ipv4' ? space.or(typed('MULTICAST'), space.network('dst', everybody4)) : toMany;
      // A socket with a link-local address is bound to its interface; what comes out of none is not.
      const links = linkScope6.map((net) => space.network('dst', net));
      const onLink = family === 'ipv4' ? space.none : space.and(set, space.union(links));
      // Routed again, it goes to the link that it was going to: ip6_route_me_harder().
      if (again) sent.push(onLink);
      const bound = ownLinkAddresses(side).map(({ address, interfaceName }) =>
        leaveBy(
          space.and(onLink, space.addresses('src', { low: address, high: address })),
          outBy(interfaceName),
        ),
      );
      sent.push(
        leaveBy(self, outBy('lo')),
        leaveWithoutRoutes(many),
        leaveBy(space.and(space.and(many, unrouted), loopback('src')), outBy('lo')),
        ...bound,
      );
      return { sent: space.union(sent), dropped };
    },
  };
}

/** Sources that an interface's packets may have: what people mean by "packets from there" unless they say otherwise. */

import { ordinaryAddresses } from '../analysis/ordinary.ts';
import type { RoadName } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { ReadMachine } from '../link/read-machine.ts';
import { type Family, type Network, networkRange, prefix, prefixLength } from '../net/address.ts';
import type { PacketSet } from '../packetset/space.ts';

interface Reach {
  readonly networks: Network[];
  /** Everything that is behind no other interface. */
  elsewhere: boolean;
}

/** Addresses of whole networks: nobody's own. */
function endsOf({ machine }: ReadMachine, family: Family): readonly Network[] {
  if (family === 'ipv6') return [];
  return (machine.interfaces.value ?? []).flatMap((i) =>
    i.addresses.flatMap((a) => {
      const ends =
        a.address.family === family && a.peer === undefined && a.prefixLength <= 30
          ? networkRange(prefix(a.address, a.prefixLength))
          : undefined;
      return ends === undefined ? [] : [prefix(ends.low, 32), prefix(ends.high, 32)];
    }),
  );
}

/** What is behind each interface, by its addresses and the routes. */
function reachOf({ machine }: ReadMachine, family: Family): ReadonlyMap<string, Reach> {
  const reach = new Map<string, Reach>();
  const of = (name: string): Reach => {
    let found = reach.get(name);
    if (found === undefined) {
      found = { networks: [], elsewhere: false };
      reach.set(name, found);
    }
    return found;
  };
  for (const i of machine.interfaces.value ?? [])
    for (const a of i.addresses)
      if (a.address.family === family && i.linkType !== 'loopback' && a.scope === 'global')
        of(i.name).networks.push(prefix(a.peer ?? a.address, a.prefixLength));
  for (const { type, destination, nextHops } of machine.routes.value ?? []) {
    if (type !== 'unicast' || destination.address.family !== family) continue;
    for (const { device } of nextHops) {
      if (device === undefined) continue;
      if (prefixLength(destination.mask) === 0) of(device).elsewhere = true;
      else of(device).networks.push(destination);
    }
  }
  for (const { value } of machine.outside) of(value).elsewhere = true;
  return reach;
}

/**
 * Packets whose source belongs behind the interface that they come by, and is not this machine's own. An interface of
 * which nothing is known may bring anything.
 */
export function plausibleSources(read: ReadMachine, family: Family): Description {
  const reach = [...reachOf(read, family)];
  const ends = endsOf(read, family);
  return (space) => {
    const from = (networks: readonly Network[]): PacketSet =>
      networks.reduce<PacketSet>((set, n) => space.or(set, space.network('src', n)), space.none);
    return reach.reduce<PacketSet>(
      (set, [name, { networks, elsewhere }]) => {
        const others = reach.flatMap(([other, r]) => (other === name ? [] : r.networks));
        const own = from(networks);
        const belongs = elsewhere ? space.or(own, space.not(from(others))) : own;
        const comes = space.interface('in', { name, exact: true });
        return networks.length === 0 && !elsewhere
          ? set
          : space.and(set, space.or(space.not(comes), belongs));
      },
      space.and(space.not(space.addressType('src', 'LOCAL')), space.not(from(ends))),
    );
  };
}

/** Packets from an address that this machine has, where its addresses are known. */
export function ownPackets({ machine }: ReadMachine, family: Family): Description {
  const own = (machine.interfaces.value ?? []).flatMap((i) =>
    i.addresses.flatMap(({ address }) => (address.family === family ? [address] : [])),
  );
  if (own.length === 0) return (space) => space.all;
  return (space) =>
    own.reduce<PacketSet>(
      (set, address) => space.or(set, space.addresses('src', { low: address, high: address })),
      space.none,
    );
}

/** What a test's packets are besides what it says of them: between ordinary addresses, from where they may come. */
export function meantPackets(read: ReadMachine, family: Family, road: RoadName): Description {
  const ordinary = ordinaryAddresses(family);
  const plausible = road === 'local' ? ownPackets(read, family) : plausibleSources(read, family);
  return (space) => space.and(ordinary(space), plausible(space));
}

/** The routes that the kernel makes by itself when an interface gets an address. */

import type { Interface, Route } from '../model/machine.ts';
import { routeTable } from '../model/machine.ts';
import { type Address, addressBits, type Family, networkRange, prefix } from '../net/address.ts';

type Basics = Pick<Route, 'type' | 'destination' | 'table' | 'scope' | 'preferredSource' | 'metric'>;

function route(device: string, basics: Basics): Route {
  return {
    ...basics,
    source: undefined,
    nextHops: [{ via: undefined, device, weight: 1 }],
    tos: 0,
    mtuBytes: undefined,
    realm: 0,
    down: false,
  };
}

function host(address: Address): Route['destination'] {
  return prefix(address, addressBits(address.family));
}

/**
 * Routes of the local table that follow from addresses: own addresses, loopback network, broadcasts (IPv4), and
 * multicast (IPv6).
 *
 * Source: net/ipv4/fib_frontend.c fib_add_ifaddr(); net/ipv6/addrconf.c.
 */
export function localRoutes(interfaces: readonly Interface[], family: Family): readonly Route[] {
  const routes: Route[] = [];
  const local = routeTable.local;
  const seen = new Set<string>();
  const add = (r: Route): void => {
    const key = JSON.stringify([r.type, r.destination, r.nextHops[0]?.device]);
    if (!seen.has(key)) routes.push(r);
    seen.add(key);
  };
  for (const i of interfaces) {
    const loopback = i.linkType === 'loopback';
    for (const a of i.addresses) {
      if (a.address.family !== family) continue;
      const preferredSource = family === 'ipv4' ? a.address : undefined;
      add(
        route(i.name, {
          type: 'local',
          destination: host(a.address),
          table: local,
          scope: family === 'ipv4' ? 'host' : 'global',
          preferredSource,
          metric: 0,
        }),
      );
      if (family !== 'ipv4' || !i.up) continue;
      const net = prefix(a.address, a.prefixLength);
      if (loopback && a.prefixLength < 32)
        add(
          route(i.name, {
            type: 'local',
            destination: net,
            table: local,
            scope: 'host',
            preferredSource,
            metric: 0,
          }),
        );
      const range = a.prefixLength < 31 && a.peer === undefined ? networkRange(net) : undefined;
      const broadcasts = [...(a.broadcast ? [a.broadcast] : []), ...(range ? [range.high] : [])];
      for (const b of broadcasts)
        add(
          route(i.name, {
            type: 'broadcast',
            destination: host(b),
            table: local,
            scope: 'link',
            preferredSource,
            metric: 0,
          }),
        );
    }
    if (family === 'ipv6' && i.up && !loopback && i.addresses.some((a) => a.address.family === 'ipv6'))
      add(
        route(i.name, {
          type: 'multicast',
          destination: prefix({ family, w0: 0xff000000, w1: 0, w2: 0, w3: 0 }, 8),
          table: local,
          scope: 'global',
          preferredSource: undefined,
          metric: 256,
        }),
      );
  }
  return routes;
}

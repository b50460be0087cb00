/** What a machine adds to the vocabulary: own addresses, interfaces, routes, and what tracking needs. */

import { type Family, ipv4, ipv6, type Network, prefix } from '../net/address.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { Collector } from '../packetset/boundaries.ts';
import { describeRoutes } from './routes.ts';
import type { Side } from './side.ts';

/** Mentions everything of the machine that the traversal will speak of. */
export function mentionMachine(collector: Collector, side: Side): void {
  const { space } = collector;
  const { switches, facts, locality } = side;
  for (const field of ['src', 'dst', 'inInterface', 'outInterface', 'protocol'] as const)
    collector.use(field);
  for (const name of ['lo', ...facts.interfaces.keys(), ...facts.machine.outside.map((f) => f.value)]) {
    space.interface('in', interfacePattern(name));
    space.interface('out', interfacePattern(name));
  }
  for (const { range } of locality.known) {
    space.addresses('dst', range);
    if (facts.fib[side.ruleset.family] !== undefined) space.addresses('src', range);
  }
  space.addressType('dst', 'LOCAL');
  const loopback = loopbackOf(side.ruleset.family);
  for (const field of ['src', 'dst'] as const) space.network(field, loopback);
  if (switches.nat) space.network('dst', redirectTarget(side.ruleset.family));
  if (switches.conntrack) {
    collector.use('ctState');
    if (switches.nat) collector.use('ctDirection');
  }
  describeRoutes(side, space);
}

/** Addresses that never leave a machine. */
export function loopbackOf(family: Family): Network {
  return family === 'ipv4' ? prefix(ipv4(0x7f000000), 8) : redirectTarget(family);
}

/** Where REDIRECT sends what the machine itself sends. */
export function redirectTarget(family: Family): Network {
  return family === 'ipv4' ? prefix(ipv4(0x7f000001), 32) : prefix(ipv6(0, 0, 0, 1), 128);
}

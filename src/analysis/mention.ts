/** What a machine adds to the vocabulary: own addresses, interfaces, routes, and what tracking needs. */

import { isLinkLocal6 } from '../engine/addresses.ts';
import type { Rule, Ruleset } from '../model/ruleset.ts';
import {
  type Address,
  type AddressRange,
  type Family,
  ipv4,
  ipv6,
  type Network,
  prefix,
} from '../net/address.ts';
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
  }
  // Without routes, the way out is by the subnets of the interfaces.
  for (const { addresses } of facts.interfaces.values())
    for (const { address, peer, prefixLength } of addresses)
      if (address.family === side.ruleset.family) space.network('dst', prefix(peer ?? address, prefixLength));
  for (const range of ownSources(side)) space.addresses('src', range);
  for (const { value } of facts.machine.behind ?? []) {
    space.addresses('dst', { low: value.address, high: value.address });
    space.interface('out', interfacePattern(value.interfaceName));
  }
  space.addressType('dst', 'LOCAL');
  const loopback = loopbackOf(side.ruleset.family);
  for (const field of ['src', 'dst'] as const) {
    space.network(field, loopback);
    if (side.ruleset.family === 'ipv4') for (const net of oddNetworks) space.network(field, net);
  }
  const links = ownLinkAddresses(side);
  for (const { address } of links) space.addresses('src', { low: address, high: address });
  if (links.length > 0) for (const net of linkScope6) space.network('dst', net);
  if (switches.nat || redirects(side.ruleset)) space.network('dst', redirectTarget(side.ruleset.family));
  if (side.ruleset.family === 'ipv6' && redirects(side.ruleset))
    for (const net of narrowScopes6) space.network('dst', net);
  if (switches.conntrack) {
    collector.use('ctState');
    if (switches.nat) collector.use('ctDirection');
  }
  describeRoutes(side, space);
}

/** Whether a rule redirects; one outside of nat would not load, and is followed all the same. */
function redirects({ tables }: Ruleset): boolean {
  const isRedirect = ({ target }: Rule): boolean =>
    target.kind === 'extension' && target.extension === 'REDIRECT';
  return tables.some(({ chains }) => chains.some(({ rules }) => rules.some(isRedirect)));
}

const net4 = (address: number, length: number): Network => prefix(ipv4(address), length);
/** The source of those that have no address yet; as a destination, an old broadcast. */
export const nobody4 = net4(0, 32);
/** The limited broadcast. */
export const everybody4 = net4(0xffffffff, 32);
/** All multicast groups. */
export const groups4 = net4(0xe0000000, 4);
/** Groups that never leave a link. */
export const localGroups4 = net4(0xe0000000, 24);
/** The one group that every machine is a member of. */
export const allHosts4 = net4(0xe0000001, 32);
const oddNetworks = [nobody4, everybody4, groups4, localGroups4, allHosts4];

/** The address of `lo`. */
const ownLoopback = ipv4(0x7f000001);

/** Addresses that only this machine itself may send from: of its interfaces, and of its local routes. */
export function ownSources({ ruleset, facts, locality }: Side): readonly AddressRange[] {
  const { family } = ruleset;
  if (facts.fib[family] !== undefined)
    return locality.known.filter((k) => k.types.includes('LOCAL')).map((k) => k.range);
  const addresses = [...facts.interfaces.values()].flatMap((i) => i.addresses.map(({ address }) => address));
  // What goes to everybody is looked at before 127.0.0.0/8 is refused: this one is told apart, being an address of `lo`.
  return [...addresses, ownLoopback].flatMap((address) =>
    address.family === family ? [{ low: address, high: address }] : [],
  );
}

/** Destinations that a process reaches through one interface only, which it has to name: RFC 4007. */
export const linkScope6: readonly Network[] = [
  prefix(ipv6(0xfe800000, 0, 0, 0), 10),
  prefix(ipv6(0xff000000, 0, 0, 0), 8),
];

/** Destinations of less than global scope, and all groups: these may be. */
export const narrowScopes6: readonly Network[] = [...linkScope6, prefix(ipv6(0xfec00000, 0, 0, 0), 10)];

/** IPv6: own link-local addresses with their interface; a socket that has one is bound to it. */
export function ownLinkAddresses({
  ruleset,
  facts,
}: Side): readonly { readonly address: Address; readonly interfaceName: string }[] {
  if (ruleset.family === 'ipv4') return [];
  return [...facts.interfaces.values()].flatMap(({ name, addresses }) =>
    addresses.flatMap(({ address }) =>
      address.family === 'ipv6' && isLinkLocal6(address) ? [{ address, interfaceName: name }] : [],
    ),
  );
}

/** Addresses that never leave a machine. */
export function loopbackOf(family: Family): Network {
  return family === 'ipv4' ? prefix(ipv4(0x7f000000), 8) : redirectTarget(family);
}

/** Where REDIRECT sends what the machine itself sends. */
export function redirectTarget(family: Family): Network {
  return family === 'ipv4' ? prefix(ipv4(0x7f000001), 32) : prefix(ipv6(0, 0, 0, 1), 128);
}

/** Packets with addresses that an ordinary conversation may have: what people mean unless they say otherwise. */

import { type Family, ipv4, ipv6, type Network, prefix } from '../net/address.ts';
import { icmpProtocol, portProtocols } from '../packetset/fields.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import { sameOrAbsent } from './changes.ts';
import { openers } from './fates.ts';
import { tupleTwins } from './mention-rules.ts';
import type { Side } from './side.ts';
import type { Description, Vocabulary } from './vocabulary.ts';

const odd: Readonly<Record<Family, readonly Network[]>> = {
  ipv4: [
    prefix(ipv4(0), 8),
    prefix(ipv4(0x7f000000), 8),
    prefix(ipv4(0xe0000000), 4),
    prefix(ipv4(0xffffffff), 32),
  ],
  ipv6: [prefix(ipv6(0, 0, 0, 0), 127), prefix(ipv6(0xff000000, 0, 0, 0), 8)],
};

/** Neither nobody, loopback, groups nor broadcast. To be mentioned among the queries of a vocabulary. */
export function ordinaryAddresses(family: Family): Description {
  return (space: PacketSpace): PacketSet =>
    odd[family].reduce<PacketSet>(
      (set, net) =>
        space.and(set, space.and(space.not(space.network('src', net)), space.not(space.network('dst', net)))),
      space.all,
    );
}

/** The same without the broadcast addresses that the machine is known to hear. */
export function ordinaryOn(side: Side): Description {
  const broadcasts = side.locality.known.filter(({ types }) => types.includes('BROADCAST'));
  const addresses = ordinaryAddresses(side.ruleset.family);
  return (space) =>
    broadcasts.reduce<PacketSet>(
      (set, { range }) => space.and(set, space.not(space.addresses('dst', range))),
      addresses(space),
    );
}

/** Packets that may open a connection, as they come in: headers alone, without a word of what they become. */
export function openingPackets(vocabulary: Vocabulary): PacketSet {
  const { space, family } = vocabulary;
  const { fields } = space.codec;
  let set = space.forget(openers(vocabulary), [...vocabulary.rewritten], 'entry');
  /** Where fragments are no field of their own, what lacks its ports is one. */
  const whole = (field: 'dport' | 'sport' | 'icmpType', protocols: readonly number[]): void => {
    if (!fields.has(field)) return;
    for (const p of protocols)
      set = space.and(set, space.or(space.not(space.interval('protocol', p, p)), space.has(field)));
  };
  whole('dport', portProtocols);
  whole('sport', portProtocols);
  whole('icmpType', [icmpProtocol(family)]);
  // The entry of a first packet is what the packet says.
  for (const [mine, ...theirs] of tupleTwins)
    for (const field of theirs) set = sameOrAbsent(space, set, mine, field);
  return set;
}

/** Packets that come in by an interface that the machine has; all where its interfaces are not known. */
export function byKnownInterfaces({ space }: Vocabulary, { facts }: Side): PacketSet {
  if (!facts.interfacesKnown) return space.all;
  return space.union(
    [...facts.interfaces.keys()].map((name) => space.interface('in', { name, exact: true })),
  );
}

/** Protocols that people know by name: mentioned, so that each can be told apart. To be among the queries. */
export function namedProtocols(family: Family): Description {
  return (space) =>
    [...portProtocols, icmpProtocol(family)].reduce<PacketSet>(
      (set, p) => space.or(set, space.interval('protocol', p, p)),
      space.none,
    );
}

/** The answers to a set of packets, as a set: what was the source is the destination. */

import type { Description } from '../analysis/vocabulary.ts';
import type { AddressField, IntervalField, PacketSpace } from '../packetset/space.ts';

const addresses: Partial<Record<AddressField, AddressField>> = { src: 'dst', dst: 'src' };
const ports: Partial<Record<IntervalField, IntervalField>> = { sport: 'dport', dport: 'sport' };

/**
 * Packets that may answer those described. What a packet does not hand on to its answer (flags, marks, length, age)
 * is left open, and so are, where the connection may be translated, its addresses and ports.
 */
export function backwards(describe: Description, translates: boolean): Description {
  return (space) => {
    const open = (): ReturnType<PacketSpace['choice']> => space.choice({ kind: 'rule' });
    const turned: PacketSpace = {
      all: space.all,
      none: space.none,
      and: space.and,
      or: space.or,
      not: space.not,
      interval: (field, low, high) => {
        if (field === 'protocol') return space.interval(field, low, high);
        const other = ports[field];
        return other === undefined || translates ? open() : space.interval(other, low, high);
      },
      bits: open,
      network: (field, network) => {
        const other = addresses[field];
        return other === undefined || translates ? open() : space.network(other, network);
      },
      addresses: (field, range) => {
        const other = addresses[field];
        return other === undefined || translates ? open() : space.addresses(other, range);
      },
      interface: (direction, pattern) => space.interface(direction === 'in' ? 'out' : 'in', pattern),
      named: open,
      has: (field) =>
        field === 'sport' || field === 'dport' ? space.has(field === 'sport' ? 'dport' : 'sport') : open(),
      tracked: () => space.tracked(),
      addressType: (field, type) =>
        translates ? open() : space.addressType(field === 'src' ? 'dst' : 'src', type),
      choice: open,
    };
    return describe(turned);
  };
}

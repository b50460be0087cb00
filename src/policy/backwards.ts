/** The answers to a set of packets, as a set: what was the source is the destination. */

import type { Description } from '../analysis/vocabulary.ts';
import { interfaceMatches } from '../net/interface-pattern.ts';
import type { AddressField, IntervalField, PacketSpace } from '../packetset/space.ts';

const addresses: Partial<Record<AddressField, AddressField>> = { src: 'dst', dst: 'src' };
const ports: Partial<Record<IntervalField, IntervalField>> = { sport: 'dport', dport: 'sport' };

/** Fields of an answer that its question does not settle: what translation has changed, or is still to change back. */
export type OpenFields = readonly ('src' | 'dst' | 'sport' | 'dport')[];

/** How a question came in, where its answer may leave by another interface: by this one, or by none of these. */
export type CameIn = { readonly by: string } | { readonly byNoneOf: readonly string[] };

/**
 * Packets that may answer those described. What a packet does not hand on to its answer (flags, marks, length, age)
 * is left open, and so is what `open` names, in the words of the answer. `cameIn` absent: the answer leaves by the
 * interface that the question came by.
 */
export function backwards(describe: Description, open: OpenFields, cameIn?: CameIn): Description {
  return (space) => {
    const any = (): ReturnType<PacketSpace['choice']> => space.choice({ kind: 'rule' });
    const turned: PacketSpace = {
      all: space.all,
      none: space.none,
      and: space.and,
      or: space.or,
      not: space.not,
      interval: (field, low, high) => {
        if (field === 'protocol') return space.interval(field, low, high);
        const other = ports[field];
        return other === undefined || open.includes(other as 'sport')
          ? any()
          : space.interval(other, low, high);
      },
      bits: any,
      network: (field, network) => {
        const other = addresses[field];
        return other === undefined || open.includes(other as 'src') ? any() : space.network(other, network);
      },
      addresses: (field, range) => {
        const other = addresses[field];
        return other === undefined || open.includes(other as 'src') ? any() : space.addresses(other, range);
      },
      interface: (direction, pattern) => {
        if (direction === 'out') return space.interface('in', pattern);
        if (cameIn === undefined) return space.interface('out', pattern);
        if ('by' in cameIn) return interfaceMatches(pattern, cameIn.by) ? space.all : space.none;
        return pattern.exact && cameIn.byNoneOf.includes(pattern.name) ? space.none : any();
      },
      named: any,
      has: (field) =>
        field === 'sport' || field === 'dport' ? space.has(field === 'sport' ? 'dport' : 'sport') : any(),
      tracked: () => space.tracked(),
      addressType: (field, type) => {
        const other = field === 'src' ? 'dst' : 'src';
        return open.includes(other) ? any() : space.addressType(other, type);
      },
      choice: any,
    };
    return describe(turned);
  };
}

import type { Packet } from '../../model/packet.ts';
import { meetsRange, type RangeCondition } from '../conditions.ts';
import { type BoundOption, defineMatch, NO, YES } from '../define.ts';
import { findHeader, headerNumber, nextHeader } from '../extension-headers.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { printU32Range, u32Condition, u32Range } from '../u32-range.ts';

/** What is wanted of the fragment header; all of it must hold. */
export interface FragData {
  readonly id: RangeCondition | undefined;
  /** Kept and printed; the kernel does not look at it. */
  readonly length: { readonly bytes: number; readonly negated: boolean } | undefined;
  /** The reserved bits must be zero. */
  readonly reservedZero: boolean;
  readonly first: boolean;
  readonly more: 'more' | 'last' | undefined;
}

const lengthOf = (o: BoundOption<number> | undefined): FragData['length'] =>
  o && { bytes: o.value, negated: o.negated };

/** Reserved bits of the fragment header beside the offset; zero where only the packet's fields are known. */
function reservedBits(packet: Packet): number {
  const header = findHeader(packet, nextHeader.fragment);
  return header ? headerNumber(header, 2, 2) & 6 : 0;
}

/** Whether there is a fragment header; whole packets may have one too. */
function hasFragmentHeader(packet: Packet): boolean {
  return (
    packet.moreFragments ||
    packet.fragmentOffsetBytes > 0 ||
    findHeader(packet, nextHeader.fragment) !== undefined
  );
}

/** The IPv6 fragment header. With connection tracking on, fragments are put together before any rule sees them. */
export const frag = defineMatch({
  name: 'frag',
  families: ['ipv6'],
  options: {
    fragid: { type: u32Range, invertible: true },
    fraglen: { type: integer(0, 0xffffffff), invertible: true },
    fragres: { type: flag },
    fragfirst: { type: flag },
    fragmore: { type: flag, excludes: ['fraglast'] },
    fraglast: { type: flag, excludes: ['fragmore'] },
  },
  constraints: {},
  needs: [],
  bind: (o): FragData => ({
    id: u32Condition(o.fragid),
    length: lengthOf(o.fraglen),
    reservedZero: o.fragres !== undefined,
    first: o.fragfirst !== undefined,
    more: o.fragmore ? 'more' : o.fraglast ? 'last' : undefined,
  }),
  print: (d, context) => [
    ...printU32Range('fragid', d.id, context),
    ...(d.length ? [option('fraglen', String(d.length.bytes), d.length.negated)] : []),
    ...(d.reservedZero ? [option('fragres')] : []),
    ...(d.first ? [option('fragfirst')] : []),
    ...(d.more ? [option(d.more === 'more' ? 'fragmore' : 'fraglast')] : []),
  ],
  compile: (d) => {
    const { id, reservedZero, first, more } = d;
    return (packet) => {
      if (!hasFragmentHeader(packet)) return NO;
      if (id && !meetsRange(id, packet.identification)) return NO;
      if (reservedZero && reservedBits(packet) !== 0) return NO;
      if (first && packet.fragmentOffsetBytes > 0) return NO;
      return more && packet.moreFragments !== (more === 'more') ? NO : YES;
    };
  },
  columns: () => [],
  packets: (d, space) => {
    const pure = (key: string) => space.choice({ kind: 'pure', key: `frag ${key}`, reads: [] });
    const kind = (low: number, high: number) => space.interval('fragmentKind', low, high);
    // 0: a whole packet, which may have the header; 1: the first of several; 2: a later one, perhaps the last.
    const whole = space.and(kind(0, 0), pure('header'));
    let set = space.or(whole, kind(1, 2));
    if (d.first) set = space.and(set, kind(0, 1));
    if (d.more) {
      const more = space.or(kind(1, 1), space.and(kind(2, 2), pure('more')));
      set = space.and(set, d.more === 'more' ? more : space.not(more));
    }
    if (d.id) set = space.and(set, pure(`id ${d.id.negated ? '! ' : ''}${d.id.low}:${d.id.high}`));
    return d.reservedZero ? space.and(set, pure('res')) : set;
  },
  docs: {
    summary: 'Identification and position of an IPv6 fragment.',
    man: 'iptables-extensions(8) frag',
    kernel: 'net/ipv6/netfilter/ip6t_frag.c frag_mt6()',
  },
});

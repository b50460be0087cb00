/** The fewest rules, as far as greed finds them, that together keep all packets in question from a rule. */

import type { Rule } from '../model/ruleset.ts';
import type { Measure } from '../packetset/measure.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import type { Blocker } from './cover-blockers.ts';

/** One rule of a cover. */
export interface CoverPart {
  readonly rule: Rule;
  /** The jumps and gotos by which packets come to it from the way to the covered rule, the outermost first. */
  readonly via: readonly Rule[];
  readonly ending: Blocker['ending'];
  /** False for a rule that is told only because it takes some of the packets with another verdict. */
  readonly needed: boolean;
  /** Packets in question that it would take alone; header as it is at the covered rule. */
  readonly takes: PacketSet;
  /** Their share of all packets in question, 0 to 1. Shares of several rules may overlap. */
  readonly share: number;
  /** Share of the packets in question that it is the first to take, as the rules stand. */
  readonly firstShare: number;
}

/** What {@link coverOf} is told. */
export interface CoverRequest {
  readonly space: BddPacketSpace;
  readonly measure: Measure;
  readonly blockers: readonly Blocker[];
  /** By way: what has to be covered. */
  readonly inQuestion: readonly PacketSet[];
  /** An ending that some part should have, if any rule takes packets with it: the verdict of another kind. */
  readonly wanted: (ending: Blocker['ending']) => boolean;
}

/**
 * The cover, largest share first; undefined where the blockers together leave something uncovered. If none of its
 * rules has a wanted ending and some rule does take packets with one, that rule is told behind them.
 */
export function coverOf(o: CoverRequest): readonly CoverPart[] | undefined {
  const { space, inQuestion } = o;
  // A goto whose chain decides is told by the rules of that chain, where these say it all.
  const decided = o.blockers.filter((b) => b.ending !== 'away');
  const chosen = choose(o, decided) ?? choose(o, o.blockers);
  if (chosen === undefined) return undefined;
  const needed = withoutNeedless(space, chosen, inQuestion);
  const parts = partsOf(o, needed, true);
  if (needed.some((b) => o.wanted(b.ending))) return parts;
  const other = partsOf(
    o,
    o.blockers.filter((b) => o.wanted(b.ending)),
    false,
  ).reduce<CoverPart | undefined>(
    (best, p) => (p.firstShare > (best?.firstShare ?? 0) ? p : best),
    undefined,
  );
  return other === undefined ? parts : [...parts, other];
}

/** Every blocker with its shares, largest first share first: who took what, as the rules stand. */
export function takersOf(o: CoverRequest): readonly CoverPart[] {
  return partsOf(o, o.blockers, true).toSorted((a, b) => b.firstShare - a.firstShare);
}

function partsOf(o: CoverRequest, blockers: readonly Blocker[], needed: boolean): readonly CoverPart[] {
  const { space } = o;
  const whole = sizeOf(o, o.inQuestion);
  return blockers
    .map(({ rule, via, ending, takes, first }) => ({
      rule,
      via,
      ending,
      needed,
      takes: space.union(takes),
      share: ratio(sizeOf(o, takes), whole),
      firstShare: ratio(sizeOf(o, first), whole),
    }))
    .sort((a, b) => b.share - a.share);
}

/** Packets of all ways together; one that comes by two counts twice. */
function sizeOf({ space, measure }: CoverRequest, sets: readonly PacketSet[]): bigint {
  return sets.reduce((n, set) => n + measure.count(space.may(set)), 0n);
}

/** A quotient with nine decimal places. */
function ratio(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000_000_000n) / whole) / 1e9;
}

/** Takes the rule with the most packets that are left, again and again. Undefined: something is left at the end. */
function choose(o: CoverRequest, blockers: readonly Blocker[]): Blocker[] | undefined {
  const { space, inQuestion } = o;
  const alone = blockers.find((b) => b.takes.every((set, w) => set === inQuestion[w]));
  if (alone !== undefined) return [alone];
  let left = [...inQuestion];
  // What a rule adds only becomes less: an old count is a bound, and most need not be counted again.
  const bounds = blockers.map((b) => ({ b, bound: sizeOf(o, b.takes) }));
  const chosen: Blocker[] = [];
  while (left.some((set) => set !== space.none)) {
    let best: (typeof bounds)[number] | undefined;
    // Of equals, the one that packets come to first.
    bounds.sort((x, y) => (x.bound < y.bound ? 1 : x.bound > y.bound ? -1 : 0));
    for (const one of bounds) {
      if (best !== undefined && one.bound <= best.bound) break;
      one.bound = sizeOf(
        o,
        one.b.takes.map((set, w) => space.and(set, left[w] as PacketSet)),
      );
      if (best === undefined || one.bound > best.bound) best = one;
    }
    if (best === undefined || best.bound === 0n) return undefined;
    const { b } = best;
    chosen.push(b);
    left = left.map((set, w) => space.diff(set, b.takes[w] as PacketSet));
    bounds.splice(bounds.indexOf(best), 1);
  }
  return chosen;
}

/** Rules chosen early may have become needless by those chosen after them. */
function withoutNeedless(
  space: BddPacketSpace,
  chosen: readonly Blocker[],
  inQuestion: readonly PacketSet[],
): Blocker[] {
  const kept = [...chosen];
  for (let i = kept.length - 1; i >= 0 && kept.length > 1 && kept.length <= needlessMax; i--) {
    const others = kept.filter((_, k) => k !== i);
    const covered = inQuestion.every((set, w) =>
      space.implies(set, space.union(others.map((b) => b.takes[w] as PacketSet))),
    );
    if (covered) kept.splice(i, 1);
  }
  return kept;
}

/** Longer covers are not looked through once more. */
const needlessMax = 64;

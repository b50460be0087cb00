/** A set as a short list of boxes: products of one condition per field, as rules are. */

import { FALSE, TERMINAL_LEVEL, TRUE } from './bdd.ts';
import type { CodeRange } from './codings.ts';
import type { FieldName } from './fields.ts';
import type { PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';

/** What boxes are wanted. */
export interface BoxesOptions {
  /** Conditions on bit fields are products of single bits, never more. */
  readonly bitwise?: boolean;
  /** Where the list would not be complete, nobody asks which boxes are in it. */
  readonly allOrNone?: boolean;
}

/** The conditions of one box; what does not matter has no entry. `unknown`: what the packet does not decide. */
export type Box = ReadonlyMap<FieldName | 'unknown', PacketSet>;

/** A list of boxes, and whether it is all of them. */
export interface Boxes {
  readonly boxes: readonly Box[];
  /** False where there would have been more boxes than wanted: then these cover a part only. */
  readonly complete: boolean;
}

/** What is branched on at once: all variables of an atom-coded field, or a single bit. */
interface Dimension {
  readonly field: FieldName | 'unknown';
  readonly levels: readonly number[];
}

/** One class of values of a dimension: those that lead to the same two sets. */
interface Branch {
  readonly upper: PacketSet;
  lower: PacketSet;
  readonly runs: readonly CodeRange[];
}

interface Cover {
  readonly boxes: readonly Box[];
  readonly set: PacketSet;
}

/** The box as a set. */
export function boxSet(space: BddPacketSpace, box: Box): PacketSet {
  return [...box.values()].reduceRight((all, values) => space.and(values, all), space.all);
}

/**
 * Boxes that together hold every packet between `lower` and `upper` that is in `lower`, and none outside of
 * `upper`. No box can be left out, and none can be widened in the field where it was made. After Minato and
 * Morreale, over fields with many values instead of bits: conditions that hold whatever the field is come first.
 */
export function coverByBoxes(
  space: BddPacketSpace,
  lower: PacketSet,
  upper: PacketSet,
  boxesMax: number,
  { bitwise = false, allOrNone = false }: BoxesOptions = {},
): Boxes {
  const dimensions = dimensionsByLevel(space, bitwise);
  let left = boxesMax;
  let complete = true;

  function cover(low: PacketSet, high: PacketSet): Cover {
    if (low === FALSE) return { boxes: [], set: space.none };
    if (left <= 0 || !space.isDecided(low) || !space.isDecided(high)) {
      complete = false;
      return { boxes: [], set: space.none };
    }
    if (high === TRUE) {
      left--;
      return { boxes: [new Map()], set: space.all };
    }
    const level = Math.min(space.diagram.topLevel(low), space.diagram.topLevel(high));
    const dimension = dimensions(level);
    const branches = split(space, dimension, low, high);
    const whatever = branches.reduce((set, b) => space.and(set, b.upper), space.all);
    const found: Box[] = [];
    let set = space.none;
    if (whatever !== FALSE) {
      // What only one branch asks for is no general condition, even where the others do not mind.
      let once = space.none;
      let twice = space.none;
      for (const b of branches) {
        twice = space.or(twice, space.and(once, b.lower));
        once = space.or(once, b.lower);
      }
      const wanted = space.and(whatever, twice);
      const general = cover(wanted, whatever);
      if (allOrNone && !complete) return general;
      found.push(...general.boxes);
      set = general.set;
      for (const b of branches) b.lower = space.diff(b.lower, general.set);
    }
    for (const branch of branches) {
      const special = cover(branch.lower, branch.upper);
      if (allOrNone && !complete) return special;
      for (const box of special.boxes) {
        const here = boxSet(space, box);
        if (space.disjoint(here, branch.lower)) continue;
        const fitting = branches.filter((b) => space.implies(here, b.upper));
        const values = space.diagram.codes(dimension.levels, mergedRuns(fitting));
        for (const b of fitting) b.lower = space.diff(b.lower, here);
        const widened = new Map(box);
        if (values !== TRUE) {
          widened.set(dimension.field, space.and(values, box.get(dimension.field) ?? space.all));
        }
        found.push(widened);
        set = space.or(set, space.and(values, here));
      }
    }
    return { boxes: found, set };
  }

  const { boxes } = cover(lower, space.or(lower, upper));
  return { boxes: boxes.map((box) => inFieldOrder(space, box)), complete };
}

/** The runs of several branches, ascending, those that touch made one. */
function mergedRuns(branches: readonly Branch[]): CodeRange[] {
  const merged: [number, number][] = [];
  for (const [low, high] of branches.flatMap((b) => b.runs).sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && last[1] === low - 1) last[1] = high;
    else merged.push([low, high]);
  }
  return merged;
}

function inFieldOrder(space: BddPacketSpace, box: Box): Box {
  const ordered = new Map<FieldName | 'unknown', PacketSet>();
  for (const field of [...space.codec.fields.keys(), 'unknown' as const]) {
    const values = box.get(field);
    if (values !== undefined && values !== TRUE) ordered.set(field, values);
  }
  return ordered;
}

/** Bit fields with more bits in use than this are branched on bit by bit. */
const bitsTogetherMax = 8;

function dimensionsByLevel(space: BddPacketSpace, bitwise: boolean): (level: number) => Dimension {
  const byLevel: Dimension[] = [];
  for (const [field, layout] of space.codec.fields) {
    const { kind } = layout.coding;
    const whole = kind === 'bits' ? !bitwise && layout.now.length <= bitsTogetherMax : kind !== 'rawAddress';
    for (const levels of layout.entry === layout.now ? [layout.now] : [layout.now, layout.entry]) {
      for (const level of levels) byLevel[level] = { field, levels: whole ? levels : [level] };
    }
  }
  return (level) => byLevel[level] ?? { field: 'unknown', levels: [level] };
}

function split(space: BddPacketSpace, dimension: Dimension, lower: PacketSet, upper: PacketSet): Branch[] {
  const { levels } = dimension;
  const last = levels.at(-1) ?? TERMINAL_LEVEL;
  const byPair = new Map<string, { lower: PacketSet; upper: PacketSet; runs: CodeRange[] }>();
  const visit = (bit: number, prefix: number, low: PacketSet, high: PacketSet): void => {
    const top = Math.min(space.diagram.topLevel(low), space.diagram.topLevel(high));
    if (bit === levels.length || top > last) {
      const rest = 2 ** (levels.length - bit);
      const key = `${low} ${high}`;
      const entry = byPair.get(key) ?? { lower: low, upper: high, runs: [] };
      byPair.set(key, entry);
      const before = entry.runs.at(-1);
      const first = prefix * rest;
      if (before !== undefined && before[1] === first - 1) {
        entry.runs[entry.runs.length - 1] = [before[0], first + rest - 1];
      } else entry.runs.push([first, first + rest - 1]);
      return;
    }
    const level = levels[bit] as number;
    for (const value of [0, 1] as const) {
      visit(
        bit + 1,
        prefix * 2 + value,
        space.diagram.cofactor(low, level, value),
        space.diagram.cofactor(high, level, value),
      );
    }
  };
  visit(0, 0, lower, upper);
  return [...byPair.values()];
}

/** The codes of an atom-coded field that a condition on it allows, as few runs as possible. */
export function codesIn(
  space: BddPacketSpace,
  levels: readonly number[],
  values: PacketSet,
): readonly CodeRange[] {
  return split(space, { field: 'unknown', levels }, values, values).find((b) => b.lower === TRUE)?.runs ?? [];
}

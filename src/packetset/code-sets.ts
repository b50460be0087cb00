/** Diagrams of single fields: runs of codes, bits under a mask, equality of two columns of variables. */

import { type Bdd, FALSE, TRUE } from './bdd.ts';
import type { CodeRange } from './codings.ts';

/**
 * Codes between `low` and `high`, both included, given bit by bit (most significant first, one per level). Builds
 * at most two nodes per level. The levels must ascend.
 */
export function bitRange(
  bdd: Bdd,
  levels: readonly number[],
  low: ArrayLike<number>,
  high: ArrayLike<number>,
): number {
  let split = 0;
  while (split < levels.length && low[split] === high[split]) split++;
  let set = TRUE;
  if (split < levels.length) {
    // Below the first bit that differs, one side is bounded from below and the other from above.
    let atLeast = TRUE;
    let atMost = TRUE;
    for (let i = levels.length - 1; i > split; i--) {
      const level = levels[i] as number;
      atLeast = low[i] === 1 ? bdd.make(level, FALSE, atLeast) : bdd.make(level, atLeast, TRUE);
      atMost = high[i] === 1 ? bdd.make(level, TRUE, atMost) : bdd.make(level, atMost, FALSE);
    }
    set = bdd.make(levels[split] as number, atLeast, atMost);
  }
  for (let i = split - 1; i >= 0; i--) {
    const level = levels[i] as number;
    set = low[i] === 1 ? bdd.make(level, FALSE, set) : bdd.make(level, set, FALSE);
  }
  return set;
}

/** The bits of a code, most significant first. */
function codeBits(code: number, count: number): Uint8Array {
  const bits = new Uint8Array(count);
  for (let i = count - 1; i >= 0; i--) {
    bits[i] = code & 1;
    code = Math.floor(code / 2);
  }
  return bits;
}

/** The union of runs of codes, which are ascending and disjoint. Linear in runs times levels. */
export function codeRanges(bdd: Bdd, levels: readonly number[], runs: readonly CodeRange[]): number {
  const [only] = runs;
  if (only === undefined) return FALSE;
  const bits = levels.length;
  if (runs.length === 1) return bitRange(bdd, levels, codeBits(only[0], bits), codeBits(only[1], bits));
  // Runs from index `from` up to `to` are those that touch the codes from `start` on.
  const build = (bit: number, start: number, from: number, to: number): number => {
    const end = start + 2 ** (bits - bit) - 1;
    while (from < to && (runs[from] as CodeRange)[1] < start) from++;
    while (from < to && (runs[to - 1] as CodeRange)[0] > end) to--;
    if (from === to) return FALSE;
    const [low, high] = runs[from] as CodeRange;
    if (low <= start && high >= end) return TRUE;
    const below = build(bit + 1, start, from, to);
    const above = build(bit + 1, start + 2 ** (bits - bit - 1), from, to);
    return bdd.make(levels[bit] as number, below, above);
  };
  return build(0, 0, 0, runs.length);
}

/** The union of many sets, in a balanced order. */
export function unionOf(bdd: Bdd, sets: readonly number[]): number {
  let list = sets;
  while (list.length > 1) {
    const half: number[] = [];
    for (let i = 0; i < list.length; i += 2) half.push(bdd.or(list[i] as number, list[i + 1] ?? FALSE));
    list = half;
  }
  return list[0] ?? FALSE;
}

/** Single variables with fixed values. */
export function cube(bdd: Bdd, literals: readonly (readonly [level: number, value: number])[]): number {
  const sorted = [...literals].sort((a, b) => b[0] - a[0]);
  let set = TRUE;
  for (const [level, value] of sorted) {
    set = value === 1 ? bdd.make(level, FALSE, set) : bdd.make(level, set, FALSE);
  }
  return set;
}

/** Where two columns of variables have equal values, bit by bit. */
export function equalColumns(bdd: Bdd, a: readonly number[], b: readonly number[]): number {
  let set = TRUE;
  for (let i = a.length - 1; i >= 0; i--) {
    const x = bdd.variable(a[i] as number);
    const y = bdd.variable(b[i] as number);
    set = bdd.and(set, bdd.not(bdd.xor(x, y)));
  }
  return set;
}

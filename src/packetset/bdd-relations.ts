/**
 * Operations that treat diagrams as relations: quantification, relational product, renaming, cofactors, and
 * simplification under a care set. All of them answer {@link UNDECIDED} where the nodes run out.
 */

import { type Bdd, FALSE, MISS, TERMINAL_LEVEL, TRUE, UNDECIDED } from './bdd.ts';

/** A set of variables of one diagram, ready for quantification. Make it once and keep it: results are cached by it. */
export interface VariableSet {
  readonly levels: readonly number[];
  /** Entry n is 1 where level n belongs to the set; shorter than the number of levels. */
  readonly member: Uint8Array;
  readonly last: number;
  readonly existsOperation: number;
  readonly andExistsOperation: number;
}

/** Makes a set of variables. Repeated levels do no harm. */
export function variableSet(bdd: Bdd, levels: Iterable<number>): VariableSet {
  const sorted = [...new Set(levels)].sort((a, b) => a - b);
  const last = sorted.at(-1) ?? -1;
  const member = new Uint8Array(last + 1);
  for (const level of sorted) member[level] = 1;
  return {
    levels: sorted,
    member,
    last,
    existsOperation: bdd.newOperation(),
    andExistsOperation: bdd.newOperation(),
  };
}

/** Where f holds for some value of the variables. */
export function exists(bdd: Bdd, f: number, variables: VariableSet): number {
  if (f <= TRUE) return f;
  const level = bdd.level(f);
  if (level > variables.last) return f;
  const known = bdd.cached(f, 0, variables.existsOperation);
  if (known !== MISS) return known;
  const highBranch = bdd.high(f);
  const low = exists(bdd, bdd.low(f), variables);
  if (low < 0) return low;
  const quantified = variables.member[level] === 1;
  let result: number;
  if (quantified && low === TRUE) result = TRUE;
  else {
    const high = exists(bdd, highBranch, variables);
    result = quantified ? bdd.or(low, high) : bdd.make(level, low, high);
  }
  return bdd.keep(f, 0, variables.existsOperation, result);
}

/** Where f holds for every value of the variables. */
export function forall(bdd: Bdd, f: number, variables: VariableSet): number {
  return bdd.not(exists(bdd, bdd.not(f), variables));
}

/** The relational product: exists(f and g), without building f and g. */
export function andExists(bdd: Bdd, f: number, g: number, variables: VariableSet): number {
  if (f === FALSE || g === FALSE) return FALSE;
  if ((f | g) < 0) return UNDECIDED;
  if (g === TRUE || f === g) return exists(bdd, f, variables);
  if (f === TRUE) return exists(bdd, g, variables);
  if (f > g) return andExists(bdd, g, f, variables);
  const fLevel = bdd.level(f);
  const gLevel = bdd.level(g);
  const level = fLevel < gLevel ? fLevel : gLevel;
  if (level > variables.last) return bdd.and(f, g);
  const known = bdd.cached(f, g, variables.andExistsOperation);
  if (known !== MISS) return known;
  const fHigh = fLevel === level ? bdd.high(f) : f;
  const gHigh = gLevel === level ? bdd.high(g) : g;
  const low = andExists(bdd, fLevel === level ? bdd.low(f) : f, gLevel === level ? bdd.low(g) : g, variables);
  if (low < 0) return low;
  const quantified = variables.member[level] === 1;
  let result: number;
  if (quantified && low === TRUE) result = TRUE;
  else {
    const high = andExists(bdd, fHigh, gHigh, variables);
    result = quantified ? bdd.or(low, high) : bdd.make(level, low, high);
  }
  return bdd.keep(f, g, variables.andExistsOperation, result);
}

/** A renaming of variables, ready for use. Make it once and keep it. */
export interface Renaming {
  /** Entry n is the new level of level n, or −1 where it keeps its own. */
  readonly to: Int32Array;
  readonly last: number;
  readonly operation: number;
}

/** `pairs`: old level, new level. Several may be swapped at once. */
export function renaming(bdd: Bdd, pairs: Iterable<readonly [from: number, to: number]>): Renaming {
  const list = [...pairs];
  const last = list.reduce((max, [from]) => Math.max(max, from), -1);
  const to = new Int32Array(last + 1).fill(-1);
  for (const [from, target] of list) to[from] = target;
  return { to, last, operation: bdd.newOperation() };
}

/**
 * f with its variables renamed, all at once. Linear in f where the renaming keeps the order of the variables that
 * f reads, as the copies of one field do; else it may grow.
 */
export function rename(bdd: Bdd, f: number, map: Renaming): number {
  if (f <= TRUE) return f;
  const level = bdd.level(f);
  if (level > map.last) return f;
  const known = bdd.cached(f, 0, map.operation);
  if (known !== MISS) return known;
  const highBranch = bdd.high(f);
  const low = rename(bdd, bdd.low(f), map);
  if (low < 0) return low;
  const high = rename(bdd, highBranch, map);
  if (high < 0) return high;
  const target = map.to[level] as number;
  const newLevel = target < 0 ? level : target;
  const inOrder = newLevel < bdd.level(low) && newLevel < bdd.level(high);
  const result = inOrder ? bdd.make(newLevel, low, high) : bdd.ite(bdd.variable(newLevel), high, low);
  return bdd.keep(f, 0, map.operation, result);
}

/** Cofactors and simplification, with their places in the cache of one diagram. */
export interface Cofactors {
  /** f where the variable of this level has this value; it no longer depends on it. */
  cofactor(f: number, level: number, value: 0 | 1): number;
  /**
   * A function that agrees with f inside of `care`, and is often smaller (Coudert and Madre's *restrict*). It
   * depends on no variable that f does not depend on.
   */
  simplify(f: number, care: number): number;
}

/** Takes places in the cache of one diagram; make it once. */
export function createCofactors(bdd: Bdd): Cofactors {
  const cofactorOperation = bdd.newOperation();
  const simplifyOperation = bdd.newOperation();

  function cofactor(f: number, level: number, value: 0 | 1): number {
    if (f <= TRUE) return f;
    const top = bdd.level(f);
    if (top > level) return f;
    if (top === level) return value === 1 ? bdd.high(f) : bdd.low(f);
    const key = level * 2 + value;
    const known = bdd.cached(f, key, cofactorOperation);
    if (known !== MISS) return known;
    const highBranch = bdd.high(f);
    const low = cofactor(bdd.low(f), level, value);
    if (low < 0) return low;
    const high = cofactor(highBranch, level, value);
    return bdd.keep(f, key, cofactorOperation, bdd.make(top, low, high));
  }

  function simplify(f: number, care: number): number {
    if (f <= TRUE || care === TRUE) return f;
    if (care < 0) return UNDECIDED;
    if (care === FALSE) return FALSE;
    if (f === care) return TRUE;
    const known = bdd.cached(f, care, simplifyOperation);
    if (known !== MISS) return known;
    const top = bdd.level(f);
    const careTop = bdd.level(care);
    let result: number;
    if (careTop < top) result = simplify(f, bdd.or(bdd.low(care), bdd.high(care)));
    else {
      const careLow = careTop === top ? bdd.low(care) : care;
      const careHigh = careTop === top ? bdd.high(care) : care;
      if (careLow === FALSE) result = simplify(bdd.high(f), careHigh);
      else if (careHigh === FALSE) result = simplify(bdd.low(f), careLow);
      else {
        const highBranch = bdd.high(f);
        const low = simplify(bdd.low(f), careLow);
        result = low < 0 ? low : bdd.make(top, low, simplify(highBranch, careHigh));
      }
    }
    return bdd.keep(f, care, simplifyOperation, result);
  }

  return { cofactor, simplify };
}

/**
 * f with everything from `fromLevel` down replaced: by 1 where some values of those variables make f true
 * (`some`), or where all do. Quick, because the variables at the end of the order leave nothing behind.
 */
export interface TailQuantifier {
  readonly fromLevel: number;
  some(f: number): number;
  every(f: number): number;
}

/** Quantifies everything from `fromLevel` on; make it once. */
export function tailQuantifier(bdd: Bdd, fromLevel: number): TailQuantifier {
  const operations = [bdd.newOperation(), bdd.newOperation()] as const;
  // A node from here down is no constant, so some values make it true and some false.
  function quantify(f: number, tail: 0 | 1): number {
    if (f <= TRUE) return f;
    const level = bdd.level(f);
    if (level >= fromLevel) return tail;
    const operation = operations[tail];
    const known = bdd.cached(f, 0, operation);
    if (known !== MISS) return known;
    const highBranch = bdd.high(f);
    const low = quantify(bdd.low(f), tail);
    if (low < 0) return low;
    const high = quantify(highBranch, tail);
    return bdd.keep(f, 0, operation, bdd.make(level, low, high));
  }
  return { fromLevel, some: (f) => quantify(f, TRUE), every: (f) => quantify(f, FALSE) };
}

// ---------------------------------------------------------------------------------------------- reading

/** Levels that f depends on, ascending. Linear in nodes. */
export function support(bdd: Bdd, f: number): number[] {
  const levels = new Set<number>();
  bdd.forEachNode(f, (id) => levels.add(bdd.level(id)));
  return [...levels].sort((a, b) => a - b);
}

/** Nodes of f, constants left out. Linear in nodes. */
export function size(bdd: Bdd, f: number): number {
  let count = 0;
  bdd.forEachNode(f, () => count++);
  return count;
}

/** Assignments to levels 0 to levelCount − 1 that satisfy f. Linear in nodes. */
export function satCount(bdd: Bdd, f: number, levelCount: number): bigint {
  const known = new Map<number, bigint>();
  const levelOf = (id: number): number => Math.min(bdd.level(id), levelCount);
  // Answers for the variables from the node's own level on.
  const below = (id: number): bigint => {
    if (id <= TRUE) return BigInt(id);
    let n = known.get(id);
    if (n === undefined) {
      const level = bdd.level(id);
      n =
        (below(bdd.low(id)) << BigInt(levelOf(bdd.low(id)) - level - 1)) +
        (below(bdd.high(id)) << BigInt(levelOf(bdd.high(id)) - level - 1));
      known.set(id, n);
    }
    return n;
  };
  return f < 0 ? 0n : below(f) << BigInt(levelOf(f));
}

/** One satisfying assignment by level, zeros preferred, variables that do not matter left out; undefined for none. */
export function pick(bdd: Bdd, f: number): Map<number, 0 | 1> | undefined {
  if (f <= FALSE) return undefined;
  const assignment = new Map<number, 0 | 1>();
  while (f > TRUE && bdd.level(f) < TERMINAL_LEVEL) {
    const value = bdd.low(f) !== FALSE ? 0 : 1;
    assignment.set(bdd.level(f), value);
    f = value === 0 ? bdd.low(f) : bdd.high(f);
  }
  return assignment;
}

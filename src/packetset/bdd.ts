/**
 * Reduced ordered binary decision diagrams on typed arrays.
 *
 * A node decides one variable, named by its *level*: level 0 is decided first. Nodes are shared: two ids are equal
 * exactly if they stand for the same Boolean function. Ids grow, and a node's children are always older than the
 * node itself; mark, reset and compaction rest on that.
 *
 * One node is four words of one Int32Array, so that a visit costs one cache line:
 *
 *     word   0        1        2        3
 *          +--------+--------+--------+--------+
 *          | level  | low    | high   | stamp  |     id n lives at words 4n … 4n+3
 *          +--------+--------+--------+--------+
 *           decides   id if 0  id if 1  scratch of whole-graph walks
 *
 * The unique table holds ids by open addressing (0: free; terminals are never in it). The computed cache is lossy:
 * one entry per slot, `operand, operand, operation, result`; an all-zero entry is free, since no cached operation
 * has the constant 0 as its first operand.
 *
 * No operation throws. One that would need more nodes than allowed, or whose meter says stop, answers
 * {@link UNDECIDED}, which then stands for "some function, we do not know which" in every further operation.
 */

import type { Meter } from '../support/budget.ts';

/** The function that is nowhere 1: the empty set. */
export const FALSE = 0;
/** The function that is 1 everywhere: all packets. */
export const TRUE = 1;
/** The answer of an operation that ran out of nodes. */
export const UNDECIDED = -1;

/** Level of the two constants: below every variable. */
export const TERMINAL_LEVEL = 0x7fff_ffff;

const NODE_SHIFT = 2;
const LEVEL = 0;
const LOW = 1;
/** Always one after LOW: descending adds the bit. */
const HIGH = 2;
const STAMP = 3;

const ENTRY_SHIFT = 2;
const KEY_A = 0;
const KEY_B = 1;
const KEY_OPERATION = 2;
const RESULT = 3;

/** What a cache lookup answers when it knows nothing. */
export const MISS = -2;

// Operation codes of the computed cache. ITE keeps its third operand there, as a negative number.
const AND = 1;
const OR = 2;
const XOR = 3;
const DIFF = 4;
const IMPLIES = 5;
const DISJOINT = 6;
/** Further operations take codes from here on: see {@link Bdd.newOperation}. */
const FIRST_FREE_OPERATION = 8;

/** How many new nodes pass between two questions to the meter. */
const nodesPerPoll = 4096;

/** Nodes alive at once where nobody says how many: half a gigabyte, and less than a minute of work. */
export const nodesMaxDefault = 1 << 24;

/** Bounds of one graph; the defaults suit a ruleset of a hundred thousand rules. */
export interface BddOptions {
  /** Ceiling on nodes alive at once. One node costs 16 bytes, and 8 to 16 more in the unique table. */
  readonly nodesMax?: number;
  /** Asked now and then; new nodes are spent on it. */
  readonly meter?: Meter;
  /** Ceiling on entries of the computed cache, a power of two. One entry costs 16 bytes. */
  readonly cacheEntriesMax?: number;
  /** Entries of the computed cache to begin with, and at the least: a power of two. For work that comes back to old sets. */
  readonly cacheEntriesMin?: number;
}

/** Nodes to begin with; both tables double from here. */
const initialCapacity = 1 << 15;
const initialCacheEntries = 1 << 15;

/** The cache's size is thought over each time that this many results per entry were kept. */
const keepsPerReview = 4;
/** By how much a doubled cache must raise the share of lookups that succeed. */
const rateGainMin = 0.02;

function powerOfTwoAtLeast(n: number): number {
  let p = 1;
  while (p < n) p *= 2;
  return p;
}

/**
 * Where a node is looked for: first near the place of its younger child, because what is built together is asked
 * for together, and such tables live in the processor's cache (three times as fast at 30 million nodes); after
 * `nearSlots` taken places, anywhere. The order of places depends on the node alone.
 */
const nearSlots = 24;

function mix(level: number, low: number, high: number): number {
  const hash = Math.imul(low, 0x9e3779b1) + Math.imul(high, 0x85ebca77) + Math.imul(level, 0xc2b2ae3d);
  return hash ^ (hash >>> 15);
}

function nearPlace(low: number, high: number, hash: number): number {
  return ((low > high ? low : high) << 1) + (hash & 0x7f);
}

/** One graph of shared nodes, its operations and its arena. */
export class Bdd {
  private nodes = new Int32Array(initialCapacity << NODE_SHIFT);
  private table = new Int32Array(initialCapacity * 2);
  private tableMask = initialCapacity * 2 - 1;
  private cache = new Int32Array(initialCacheEntries << ENTRY_SHIFT);
  /** A hash is shifted right by this to become an entry's number. */
  private cacheShift = Math.clz32(initialCacheEntries) + 1;
  private readonly cacheEntriesMax: number;
  private count = 2;
  private limit: number;
  private readonly limitMax: number;
  private readonly meter: Meter | undefined;
  private nodesUntilPoll = nodesPerPoll;
  private stopped = false;
  private currentStamp = 0;
  private hits = 0;
  private keepsUntilReview = initialCacheEntries * keepsPerReview;
  private rateBefore = 0;
  private onTrial = false;
  private reviewsToSkip = 0;
  private operationCount = FIRST_FREE_OPERATION;

  constructor(options: BddOptions = {}) {
    this.limitMax = Math.min(options.nodesMax ?? nodesMaxDefault, 1 << 28);
    this.limit = this.limitMax;
    this.meter = options.meter;
    this.cacheEntriesMax = powerOfTwoAtLeast(options.cacheEntriesMax ?? 1 << 21);
    const entries = Math.min(powerOfTwoAtLeast(options.cacheEntriesMin ?? 0), this.cacheEntriesMax);
    if (entries > this.cacheEntries) this.resizeCache(entries);
    this.writeTerminals();
  }

  private writeTerminals(): void {
    const { nodes } = this;
    nodes[LEVEL] = TERMINAL_LEVEL;
    nodes[LOW] = nodes[HIGH] = FALSE;
    const t = TRUE << NODE_SHIFT;
    nodes[t + LEVEL] = TERMINAL_LEVEL;
    nodes[t + LOW] = nodes[t + HIGH] = TRUE;
  }

  // -------------------------------------------------------------------------------------------- nodes

  /** Nodes alive, both constants included. */
  get nodeCount(): number {
    return this.count;
  }

  /** Bytes of all tables. */
  get bytes(): number {
    return this.nodes.byteLength + this.table.byteLength + this.cache.byteLength;
  }

  level(f: number): number {
    return this.nodes[(f << NODE_SHIFT) + LEVEL] as number;
  }

  low(f: number): number {
    return this.nodes[(f << NODE_SHIFT) + LOW] as number;
  }

  high(f: number): number {
    return this.nodes[(f << NODE_SHIFT) + HIGH] as number;
  }

  /** The function "variable `level` is 1". */
  variable(level: number): number {
    return this.make(level, FALSE, TRUE);
  }

  /** The node that decides `level` and goes on with `low` or `high`, whose levels must be greater. */
  make(level: number, low: number, high: number): number {
    if (low === high) return low;
    if ((low | high) < 0) return UNDECIDED;
    const { nodes, table, tableMask } = this;
    const hash = mix(level, low, high);
    let slot = nearPlace(low, high, hash) & tableMask;
    let tries = 0;
    for (let id = table[slot] as number; id !== 0; id = table[slot] as number) {
      const at = id << NODE_SHIFT;
      if (nodes[at + LOW] === low && nodes[at + HIGH] === high && nodes[at + LEVEL] === level) return id;
      slot = (++tries === nearSlots ? hash : slot + 1) & tableMask;
    }
    const id = this.count;
    if (id >= this.limit || this.stopped || --this.nodesUntilPoll < 0) {
      if (!this.mayGoOn()) return UNDECIDED;
    }
    const at = id << NODE_SHIFT;
    if (at >= nodes.length) {
      if (!this.grow()) return UNDECIDED;
      // The node is put in by a second call, which finds the new tables.
      return this.make(level, low, high);
    }
    nodes[at + LEVEL] = level;
    nodes[at + LOW] = low;
    nodes[at + HIGH] = high;
    nodes[at + STAMP] = 0;
    table[slot] = id;
    this.count = id + 1;
    return id;
  }

  private mayGoOn(): boolean {
    if (this.stopped) return false;
    if (this.nodesUntilPoll < 0) {
      this.nodesUntilPoll = nodesPerPoll;
      if (this.meter !== undefined && !this.meter.spend('nodes', nodesPerPoll)) this.stopped = true;
    }
    if (this.count >= this.limit) this.stopped = true;
    return !this.stopped;
  }

  /** Doubles nodes and unique table, and the cache with them. False where the memory is not to be had. */
  private grow(): boolean {
    const capacity = (this.nodes.length >>> NODE_SHIFT) * 2;
    try {
      this.resize(capacity);
    } catch {
      // RangeError: array buffer allocation failed. The old tables are still whole.
      this.stopped = true;
      return false;
    }
    return true;
  }

  private resize(capacity: number): void {
    const nodes = new Int32Array(capacity << NODE_SHIFT);
    const table = new Int32Array(capacity * 2);
    nodes.set(this.nodes.subarray(0, this.count << NODE_SHIFT));
    this.nodes = nodes;
    this.table = table;
    this.tableMask = capacity * 2 - 1;
    for (let id = 2; id < this.count; id++) table[this.slotOf(id, 0)] = id;
  }

  /** The slot that holds `wanted`, on the way that the node of `id` takes through the table; 0 finds a free one. */
  private slotOf(id: number, wanted: number): number {
    const { nodes, table, tableMask } = this;
    const at = id << NODE_SHIFT;
    const low = nodes[at + LOW] as number;
    const high = nodes[at + HIGH] as number;
    const hash = mix(nodes[at + LEVEL] as number, low, high);
    let slot = nearPlace(low, high, hash) & tableMask;
    for (let tries = 0; table[slot] !== wanted; ) {
      slot = (++tries === nearSlots ? hash : slot + 1) & tableMask;
    }
    return slot;
  }

  // -------------------------------------------------------------------------------------------- cache

  get cacheEntries(): number {
    return this.cache.length >>> ENTRY_SHIFT;
  }

  /** A code under which one further operation (with one fixed parameter) may keep its results. */
  newOperation(): number {
    return this.operationCount++;
  }

  /** The result of `operation` on `a` and `b` (`a` ≥ 2), or {@link MISS}. */
  cached(a: number, b: number, operation: number): number {
    const { cache } = this;
    const at = this.entry(a, b, operation);
    if (cache[at + KEY_A] !== a || cache[at + KEY_B] !== b || cache[at + KEY_OPERATION] !== operation)
      return MISS;
    this.hits++;
    return cache[at + RESULT] as number;
  }

  /** Keeps a result and hands it through; {@link UNDECIDED} is not kept. */
  keep(a: number, b: number, operation: number, result: number): number {
    if (result < 0) return result;
    if (--this.keepsUntilReview < 0) this.reviewCache();
    const { cache } = this;
    const at = this.entry(a, b, operation);
    cache[at + KEY_A] = a;
    cache[at + KEY_B] = b;
    cache[at + KEY_OPERATION] = operation;
    cache[at + RESULT] = result;
    return result;
  }

  private entry(a: number, b: number, operation: number): number {
    const hash = Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca77) + Math.imul(operation, 0xc2b2ae3d);
    return ((hash ^ (hash >>> 15)) >>> this.cacheShift) << ENTRY_SHIFT;
  }

  /**
   * A larger cache is slower, because it falls out of the processor's own, so a double size is only tried: it stays
   * where lookups then succeed more often, and is not tried again for a while where they do not.
   */
  private reviewCache(): void {
    const rate = this.hits / (this.hits + this.cacheEntries * keepsPerReview);
    if (this.onTrial && rate < this.rateBefore + rateGainMin) {
      this.resizeCache(this.cacheEntries / 2);
      this.reviewsToSkip = 32;
      this.onTrial = false;
    } else {
      this.onTrial = this.cacheEntries < this.cacheEntriesMax && --this.reviewsToSkip <= 0;
      this.rateBefore = rate;
      if (this.onTrial) this.resizeCache(this.cacheEntries * 2);
    }
    this.hits = 0;
    this.keepsUntilReview = this.cacheEntries * keepsPerReview;
  }

  private resizeCache(entries: number): void {
    const old = this.cache;
    try {
      this.cache = new Int32Array(entries << ENTRY_SHIFT);
    } catch {
      // No memory for a larger one: go on with this one.
      return;
    }
    this.cacheShift = Math.clz32(entries) + 1;
    const { cache } = this;
    for (let from = 0; from < old.length; from += 1 << ENTRY_SHIFT) {
      const a = old[from + KEY_A] as number;
      if (a === 0) continue;
      const to = this.entry(a, old[from + KEY_B] as number, old[from + KEY_OPERATION] as number);
      for (let word = KEY_A; word <= RESULT; word++) cache[to + word] = old[from + word] as number;
    }
  }

  // -------------------------------------------------------------------------------------------- operations

  and(f: number, g: number): number {
    if ((f | g) < 0) return f === FALSE || g === FALSE ? FALSE : UNDECIDED;
    return this.andRec(f, g);
  }

  or(f: number, g: number): number {
    if ((f | g) < 0) return f === TRUE || g === TRUE ? TRUE : UNDECIDED;
    return this.orRec(f, g);
  }

  /** f without g. */
  diff(f: number, g: number): number {
    if ((f | g) < 0) return f === FALSE || g === TRUE ? FALSE : UNDECIDED;
    return this.diffRec(f, g);
  }

  xor(f: number, g: number): number {
    return (f | g) < 0 ? UNDECIDED : this.xorRec(f, g);
  }

  not(f: number): number {
    return f < 0 ? UNDECIDED : this.xorRec(f, TRUE);
  }

  private andRec(f: number, g: number): number {
    if (f === g || g === TRUE) return f;
    if (f > g) {
      const swap = f;
      f = g;
      g = swap;
    }
    if (f <= TRUE) return f === TRUE ? g : FALSE;
    const known = this.cached(f, g, AND);
    if (known !== MISS) return known;
    const { nodes } = this;
    const fAt = f << NODE_SHIFT;
    const gAt = g << NODE_SHIFT;
    const fLevel = nodes[fAt] as number;
    const gLevel = nodes[gAt] as number;
    const level = fLevel < gLevel ? fLevel : gLevel;
    const fHigh = fLevel === level ? (nodes[fAt + HIGH] as number) : f;
    const gHigh = gLevel === level ? (nodes[gAt + HIGH] as number) : g;
    const low = this.andRec(
      fLevel === level ? (nodes[fAt + LOW] as number) : f,
      gLevel === level ? (nodes[gAt + LOW] as number) : g,
    );
    if (low < 0) return low;
    const high = this.andRec(fHigh, gHigh);
    return this.keep(f, g, AND, this.make(level, low, high));
  }

  private orRec(f: number, g: number): number {
    if (f === g || g === FALSE) return f;
    if (f > g) {
      const swap = f;
      f = g;
      g = swap;
    }
    if (f <= TRUE) return f === TRUE ? TRUE : g;
    const known = this.cached(f, g, OR);
    if (known !== MISS) return known;
    const { nodes } = this;
    const fAt = f << NODE_SHIFT;
    const gAt = g << NODE_SHIFT;
    const fLevel = nodes[fAt] as number;
    const gLevel = nodes[gAt] as number;
    const level = fLevel < gLevel ? fLevel : gLevel;
    const fHigh = fLevel === level ? (nodes[fAt + HIGH] as number) : f;
    const gHigh = gLevel === level ? (nodes[gAt + HIGH] as number) : g;
    const low = this.orRec(
      fLevel === level ? (nodes[fAt + LOW] as number) : f,
      gLevel === level ? (nodes[gAt + LOW] as number) : g,
    );
    if (low < 0) return low;
    const high = this.orRec(fHigh, gHigh);
    return this.keep(f, g, OR, this.make(level, low, high));
  }

  private diffRec(f: number, g: number): number {
    if (f === FALSE || g === FALSE) return f;
    if (f === g || g === TRUE) return FALSE;
    if (f === TRUE) return this.xorRec(g, TRUE);
    const known = this.cached(f, g, DIFF);
    if (known !== MISS) return known;
    const { nodes } = this;
    const fAt = f << NODE_SHIFT;
    const gAt = g << NODE_SHIFT;
    const fLevel = nodes[fAt] as number;
    const gLevel = nodes[gAt] as number;
    const level = fLevel < gLevel ? fLevel : gLevel;
    const fHigh = fLevel === level ? (nodes[fAt + HIGH] as number) : f;
    const gHigh = gLevel === level ? (nodes[gAt + HIGH] as number) : g;
    const low = this.diffRec(
      fLevel === level ? (nodes[fAt + LOW] as number) : f,
      gLevel === level ? (nodes[gAt + LOW] as number) : g,
    );
    if (low < 0) return low;
    const high = this.diffRec(fHigh, gHigh);
    return this.keep(f, g, DIFF, this.make(level, low, high));
  }

  private xorRec(f: number, g: number): number {
    if (f === g) return FALSE;
    // The greater id first: the complement, xor with TRUE, must not begin with a constant.
    if (f < g) {
      const swap = f;
      f = g;
      g = swap;
    }
    if (g === FALSE) return f;
    if (f === TRUE) return TRUE;
    const known = this.cached(f, g, XOR);
    if (known !== MISS) return known;
    const fLevel = this.level(f);
    const gLevel = this.level(g);
    const level = fLevel < gLevel ? fLevel : gLevel;
    const fHigh = fLevel === level ? this.high(f) : f;
    const gHigh = gLevel === level ? this.high(g) : g;
    const low = this.xorRec(fLevel === level ? this.low(f) : f, gLevel === level ? this.low(g) : g);
    if (low < 0) return low;
    const high = this.xorRec(fHigh, gHigh);
    return this.keep(f, g, XOR, this.make(level, low, high));
  }

  /** if f then g else h. */
  ite(f: number, g: number, h: number): number {
    if ((f | g | h) < 0) return UNDECIDED;
    if (f === TRUE || g === h) return g;
    if (f === FALSE) return h;
    if (g === TRUE) return this.orRec(f, h);
    if (g === FALSE) return this.diffRec(h, f);
    if (h === FALSE) return this.andRec(f, g);
    const operation = -h;
    const known = this.cached(f, g, operation);
    if (known !== MISS) return known;
    const fLevel = this.level(f);
    const gLevel = this.level(g);
    const hLevel = this.level(h);
    const level = Math.min(fLevel, gLevel, hLevel);
    const fHigh = fLevel === level ? this.high(f) : f;
    const gHigh = gLevel === level ? this.high(g) : g;
    const hHigh = hLevel === level ? this.high(h) : h;
    const low = this.ite(
      fLevel === level ? this.low(f) : f,
      gLevel === level ? this.low(g) : g,
      hLevel === level ? this.low(h) : h,
    );
    if (low < 0) return low;
    const high = this.ite(fHigh, gHigh, hHigh);
    return this.keep(f, g, operation, this.make(level, low, high));
  }

  /** Whether f is a subset of g. Builds no node; false where an operand is undecided. */
  implies(f: number, g: number): boolean {
    if (f === FALSE || g === TRUE || (f === g && f >= 0)) return true;
    if (f <= TRUE || g <= FALSE) return false;
    const known = this.cached(f, g, IMPLIES);
    if (known !== MISS) return known === 1;
    const fLevel = this.level(f);
    const gLevel = this.level(g);
    const level = fLevel < gLevel ? fLevel : gLevel;
    const answer =
      this.implies(fLevel === level ? this.low(f) : f, gLevel === level ? this.low(g) : g) &&
      this.implies(fLevel === level ? this.high(f) : f, gLevel === level ? this.high(g) : g);
    this.keep(f, g, IMPLIES, answer ? 1 : 0);
    return answer;
  }

  /** Whether f and g have nothing in common. Builds no node; false where an operand is undecided. */
  disjoint(f: number, g: number): boolean {
    if (f === FALSE || g === FALSE) return true;
    if (f === g || f <= TRUE || g <= TRUE) return false;
    if (f > g) return this.disjoint(g, f);
    const known = this.cached(f, g, DISJOINT);
    if (known !== MISS) return known === 1;
    const fLevel = this.level(f);
    const gLevel = this.level(g);
    const level = fLevel < gLevel ? fLevel : gLevel;
    const answer =
      this.disjoint(fLevel === level ? this.low(f) : f, gLevel === level ? this.low(g) : g) &&
      this.disjoint(fLevel === level ? this.high(f) : f, gLevel === level ? this.high(g) : g);
    this.keep(f, g, DISJOINT, answer ? 1 : 0);
    return answer;
  }

  // -------------------------------------------------------------------------------------------- arena

  /** The present end of the arena, for {@link reset}. */
  mark(): number {
    return this.count;
  }

  /** Forgets every node made since the mark, and that something was undecided since. Linear in what is forgotten plus the cache. */
  reset(mark: number): void {
    const { table, cache } = this;
    // Youngest first: nothing older ever probed past a slot that was taken later, so clearing it breaks no chain.
    for (let id = this.count - 1; id >= mark; id--) table[this.slotOf(id, id)] = 0;
    if (mark < this.count) {
      for (let at = 0; at < cache.length; at += 1 << ENTRY_SHIFT) {
        const third = cache[at + KEY_OPERATION] as number;
        if (
          (cache[at + KEY_A] as number) >= mark ||
          (cache[at + KEY_B] as number) >= mark ||
          (cache[at + RESULT] as number) >= mark ||
          (third < 0 && -third >= mark)
        ) {
          cache[at + KEY_A] = 0;
        }
      }
    }
    this.count = mark;
    this.stopped = this.meter?.exhausted !== undefined;
  }

  /**
   * Keeps the nodes that `roots` lead to and forgets all others. Every id changes: the answer tells the new id of
   * a root or of any node below one (−1 for a forgotten one). Linear in nodes.
   */
  compact(roots: Iterable<number>): (old: number) => number {
    const { nodes, count } = this;
    const moved = new Int32Array(count).fill(-1);
    moved[FALSE] = FALSE;
    moved[TRUE] = TRUE;
    for (const root of roots) if (root > TRUE) moved[root] = TRUE;
    // Parents are younger than their children: one pass from the top finds everything below the roots.
    for (let id = count - 1; id >= 2; id--) {
      if (moved[id] === -1) continue;
      const at = id << NODE_SHIFT;
      const low = nodes[at + LOW] as number;
      const high = nodes[at + HIGH] as number;
      if (low > TRUE) moved[low] = TRUE;
      if (high > TRUE) moved[high] = TRUE;
    }
    let next = 2;
    for (let id = 2; id < count; id++) {
      if (moved[id] === -1) continue;
      const from = id << NODE_SHIFT;
      const to = next << NODE_SHIFT;
      nodes[to + LEVEL] = nodes[from + LEVEL] as number;
      nodes[to + LOW] = moved[nodes[from + LOW] as number] as number;
      nodes[to + HIGH] = moved[nodes[from + HIGH] as number] as number;
      nodes[to + STAMP] = 0;
      moved[id] = next++;
    }
    this.count = next;
    this.currentStamp = 0;
    this.resize(Math.max(initialCapacity, powerOfTwoAtLeast(next + (next >>> 1))));
    this.cache.fill(0);
    this.stopped = this.meter?.exhausted !== undefined;
    return (old) => (old < 0 ? old : (moved[old] ?? -1));
  }

  /** Forgets all nodes and results. */
  clear(): void {
    this.compact([]);
  }

  /** Allows at most this many further nodes; the answer puts the old ceiling back. */
  allow(nodesMore: number): () => void {
    const before = this.limit;
    this.limit = Math.min(before, this.count + nodesMore);
    return () => {
      this.limit = before;
      if (this.count < before) this.stopped = this.meter?.exhausted !== undefined;
    };
  }

  /** Whether some operation was refused nodes since the last reset. */
  get exhausted(): boolean {
    return this.stopped;
  }

  // -------------------------------------------------------------------------------------------- walks

  /** Calls `visit` once for every node below f that is no constant, parents before their low children. */
  forEachNode(f: number, visit: (id: number) => void): void {
    if (f <= TRUE) return;
    const { nodes } = this;
    const stamp = ++this.currentStamp;
    const stack = [f];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      const at = id << NODE_SHIFT;
      if (nodes[at + STAMP] === stamp) continue;
      nodes[at + STAMP] = stamp;
      visit(id);
      const low = nodes[at + LOW] as number;
      const high = nodes[at + HIGH] as number;
      if (high > TRUE && nodes[(high << NODE_SHIFT) + STAMP] !== stamp) stack.push(high);
      if (low > TRUE && nodes[(low << NODE_SHIFT) + STAMP] !== stamp) stack.push(low);
    }
  }

  /**
   * Goes down from f by an assignment (0 or 1 per level) for as long as `ready` is 1 for the level asked. Answers
   * the node where it stopped, a constant at the end.
   */
  descend(f: number, assignment: Uint8Array, ready: Uint8Array): number {
    const { nodes } = this;
    while (f > TRUE) {
      const at = f << NODE_SHIFT;
      const level = nodes[at + LEVEL] as number;
      if (ready[level] !== 1) return f;
      f = nodes[at + LOW + (assignment[level] as number)] as number;
    }
    return f;
  }
}

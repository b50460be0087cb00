/** The real packet space: sets of packets as decision diagrams. */

import type { AddressRange } from '../net/address.ts';
import type { Meter } from '../support/budget.ts';
import { invariant } from '../support/invariant.ts';
import { Bdd, FALSE, TRUE, UNDECIDED } from './bdd.ts';
import {
  andExists,
  type Cofactors,
  createCofactors,
  exists,
  type Renaming,
  rename,
  renaming,
  size,
  support,
  tailQuantifier,
  type VariableSet,
  variableSet,
} from './bdd-relations.ts';
import { createBitChanges } from './change-bits.ts';
import { type ChoiceScope, createChoiceScope, createUnknownTable, type UnknownVariable } from './choices.ts';
import { codeRanges, equalColumns, unionOf } from './code-sets.ts';
import type { Codec, Copy, FieldLayout } from './codec.ts';
import { type CodeRange, codesOf, numberAtom } from './codings.ts';
import { createMembership } from './contains.ts';
import type { FieldName } from './fields.ts';
import type { Locality } from './locality.ts';
import type { PacketView } from './packet-view.ts';
import type { BitField, IntervalField, PacketSet, PacketSpace } from './space.ts';
import { createFieldSets } from './space-fields.ts';
import { validPackets } from './valid.ts';

/** What a space is told beside its codec. */
export interface PacketSpaceOptions {
  /** Which choices are the same. Default: one straight walk, {@link createChoiceScope}. */
  readonly scope?: ChoiceScope;
  /** What is known about the types of addresses: the same as the collector was given. */
  readonly locality?: Locality;
  /** Ceiling on nodes alive at once: 2^24 by default, about half a gigabyte. */
  readonly nodesMax?: number;
  /** Ceiling on entries of the computed cache (16 bytes each), a power of two. */
  readonly cacheEntriesMax?: number;
  /** Entries of the computed cache at the least: for work that comes back to old sets. */
  readonly cacheEntriesMin?: number;
  /** Asked now and then; new nodes are spent on it. */
  readonly meter?: Meter;
}

/** What a bounded piece of work came to. */
export type Decided<T> =
  | { readonly kind: 'decided'; readonly value: T }
  /** The nodes ran out, or the meter said stop. */
  | { readonly kind: 'undecided'; readonly nodesUsed: number };

/** A point in the life of the arena; see {@link BddPacketSpace.mark}. */
export interface ArenaMark {
  readonly nodes: number;
}

/** What those need who take sets apart. */
export interface DiagramAccess {
  /** The first level that the set looks at; beyond all levels for a constant. */
  topLevel(set: PacketSet): number;
  /** `set` where the variable of this level has this value. */
  cofactor(set: PacketSet, level: number, value: 0 | 1): PacketSet;
  /** Where the variables of these levels, most significant first, spell one of these codes. */
  codes(levels: readonly number[], runs: readonly CodeRange[]): PacketSet;
}

/**
 * Sets over one codec. `not` is the plain complement, also over combinations that no packet has: ask questions of
 * `and(set, valid)`. An operation that runs out of nodes answers {@link BddPacketSpace.undecided}, which every
 * later operation hands on.
 */
export interface BddPacketSpace extends PacketSpace {
  readonly codec: Codec;
  /** The same descriptions, of the header as it was when the packet came in. */
  readonly entry: PacketSpace;
  /** Combinations of fields that a packet can have, in both copies. */
  readonly valid: PacketSet;
  readonly undecided: PacketSet;
  readonly diagram: DiagramAccess;
  isDecided(set: PacketSet): boolean;

  /** Packets of `a` that are not in `b`. */
  diff(a: PacketSet, b: PacketSet): PacketSet;
  xor(a: PacketSet, b: PacketSet): PacketSet;
  ite(condition: PacketSet, then: PacketSet, otherwise: PacketSet): PacketSet;
  union(sets: readonly PacketSet[]): PacketSet;
  /** Whether `a` is a subset of `b`; builds nothing. */
  implies(a: PacketSet, b: PacketSet): boolean;
  /** Whether the sets have nothing in common; builds nothing. */
  disjoint(a: PacketSet, b: PacketSet): boolean;
  /** A set that agrees with `set` within `care`, and is often smaller. */
  simplify(set: PacketSet, care: PacketSet): PacketSet;

  /** Packets that are in the set whatever these fields are: for some value of them. */
  forget(set: PacketSet, fields: readonly FieldName[], copy?: Copy): PacketSet;
  /** `forget(and(a, b), fields)` in one go: the relational product. */
  andForget(a: PacketSet, b: PacketSet, fields: readonly FieldName[], copy?: Copy): PacketSet;
  /** The set after its packets' `fields` were replaced by what `values` says of them. */
  rewrite(set: PacketSet, fields: readonly FieldName[], values: PacketSet): PacketSet;
  /** The set after `field` was moved by `offset` where it is between `low` and `high`. The collector must know the shift. */
  shift(set: PacketSet, field: IntervalField, low: number, high: number, offset: number): PacketSet;
  /** The set after (field & ~clear) ^ xor, then | or. Bits that are not in use are passed over. */
  changeBits(set: PacketSet, field: BitField, clear: number, xor: number, or: number): PacketSet;
  /** The set after to = (to & ~toMask) ^ (from & fromMask); a bit that is both kept and xored is left open. */
  copyBits(
    set: PacketSet,
    to: 'mark' | 'connmark',
    from: 'mark' | 'connmark',
    toMask: number,
    fromMask: number,
  ): PacketSet;
  /** NETMAP: the bits in which both ends of the range agree replace the address's; it must be encoded bit by bit. */
  changePrefix(set: PacketSet, field: 'src' | 'dst', range: AddressRange): PacketSet;
  /** Packets whose two fields are equal; the fields must be linked. */
  equal(a: FieldName, b: FieldName): PacketSet;
  /** Packets whose fields (by default all with two copies) are as they were at entry. */
  unchanged(fields?: readonly FieldName[]): PacketSet;
  /** The packets at entry from which those of the set came, as a set of headers. Nothing remains about the header now. */
  entryOf(set: PacketSet): PacketSet;
  /** The same set, said of the header at entry. */
  atEntry(set: PacketSet): PacketSet;
  /** The set with pairs of linked fields exchanged: what a request's set is for its replies. */
  exchange(set: PacketSet, pairs: readonly (readonly [FieldName, FieldName])[]): PacketSet;

  /** A fact about the machine on which context is silent. */
  ambient(key: string): PacketSet;
  /** In the set for some answers to what the packet does not decide. */
  may(set: PacketSet): PacketSet;
  /** In the set for all answers. */
  must(set: PacketSet): PacketSet;
  /** In the set for some answers to these unknowns, whatever the others. */
  mayOver(set: PacketSet, unknowns: readonly UnknownVariable[]): PacketSet;
  /** In the set for all answers to these unknowns. */
  mustOver(set: PacketSet, unknowns: readonly UnknownVariable[]): PacketSet;
  /** The same descriptions for another machine, where other addresses are local. */
  under(locality: Locality): PacketSpace;
  /** The unknowns that the set depends on, oldest first. Linear in nodes. */
  unknownsOf(set: PacketSet): readonly UnknownVariable[];
  /** All unknowns given out. */
  readonly unknowns: readonly UnknownVariable[];
  /** Fields of this copy that the set depends on. Linear in nodes. */
  fieldsOf(set: PacketSet, copy?: Copy): readonly FieldName[];

  /** Whether the packet is in the set: below a microsecond. Views are not to be changed between two questions. */
  contains(set: PacketSet, view: PacketView): boolean;

  /** Nodes of one set. Linear in them. */
  size(set: PacketSet): number;
  readonly nodeCount: number;
  /** Whether nodes have run out: what is asked now stays undecided. */
  readonly exhausted: boolean;
  readonly bytes: number;
  /** Does the work with at most this many new nodes. Undecided work leaves no nodes behind. */
  within<T>(nodesMax: number, work: () => T): Decided<T>;
  /** Allows at most this many further nodes, until the answer is called. What ran out of them stays undecided. */
  allow(nodesMore: number): () => void;
  /** The present end of the arena. */
  mark(): ArenaMark;
  /** Forgets all sets made since the mark. Not for a space that a vocabulary has described rules in: it keeps their sets. */
  reset(mark: ArenaMark): void;
  /**
   * Forgets all sets but those that these are made of. Every id changes: the answer tells the new one of a kept set. Not
   * for a space that a vocabulary has described rules in, see `reset`.
   */
  compact(kept: Iterable<PacketSet>): (old: PacketSet) => PacketSet;
}

/** An empty space over the codec. Costs little; its tables grow with use. */
export function createPacketSpace(codec: Codec, options: PacketSpaceOptions = {}): BddPacketSpace {
  const bdd = new Bdd({
    ...(options.nodesMax === undefined ? {} : { nodesMax: options.nodesMax }),
    ...(options.cacheEntriesMax === undefined ? {} : { cacheEntriesMax: options.cacheEntriesMax }),
    ...(options.cacheEntriesMin === undefined ? {} : { cacheEntriesMin: options.cacheEntriesMin }),
    ...(options.meter === undefined ? {} : { meter: options.meter }),
  });
  const scope = options.scope ?? createChoiceScope();
  const unknowns = createUnknownTable(codec.levelCount);
  const shared = { bdd, codec, unknowns, scope, locality: options.locality };
  const now = createFieldSets({ ...shared, copy: 'now' });
  const entry = createFieldSets({ ...shared, copy: 'entry' });
  const { cofactor, simplify }: Cofactors = createCofactors(bdd);
  const tail = tailQuantifier(bdd, codec.levelCount);
  const bits = createBitChanges(bdd, { cofactor });
  const contains = createMembership(bdd, codec, unknowns);
  const set = (f: number): PacketSet => f as PacketSet;

  let valid = validPackets(now, codec);
  if ([...codec.fields.values()].some((l) => l.entry !== l.now)) {
    valid = now.and(valid, validPackets(entry, codec));
  }

  // Fields' variables for quantification and renaming, by what was asked for: the cache of results hangs on them.
  const variableSets = new Map<string, VariableSet>();
  const renamings = new Map<string, Renaming>();

  function layoutOf(field: FieldName): FieldLayout {
    const layout = codec.fields.get(field);
    invariant(layout !== undefined, `field ${field} was not mentioned when the codec was made`);
    return layout;
  }
  const inUse = (fields: readonly FieldName[]): FieldName[] => fields.filter((f) => codec.fields.has(f));

  function variablesOf(fields: readonly FieldName[], copy: Copy): VariableSet {
    const key = `${copy} ${[...fields].sort().join(' ')}`;
    let vs = variableSets.get(key);
    if (vs === undefined) {
      vs = variableSet(
        bdd,
        inUse(fields).flatMap((f) => layoutOf(f)[copy]),
      );
      variableSets.set(key, vs);
    }
    return vs;
  }

  function renamingOf(key: string, pairs: () => [number, number][]): Renaming {
    let r = renamings.get(key);
    if (r === undefined) {
      r = renaming(bdd, pairs());
      renamings.set(key, r);
    }
    return r;
  }
  const zip = (a: readonly number[], b: readonly number[]): [number, number][] =>
    a.map((level, i) => [level, b[i] as number]);
  const twoCopies = (): FieldLayout[] => [...codec.fields.values()].filter((l) => l.entry !== l.now);

  function forget(s: PacketSet, fields: readonly FieldName[], copy: Copy = 'now'): PacketSet {
    return set(exists(bdd, s, variablesOf(fields, copy)));
  }

  function unknownsSet(list: readonly UnknownVariable[]): VariableSet {
    const levels = list.map((v) => v.level);
    const key = `unknown ${levels.join(' ')}`;
    let vs = variableSets.get(key);
    if (vs === undefined) {
      vs = variableSet(bdd, levels);
      variableSets.set(key, vs);
    }
    return vs;
  }

  function linked(a: FieldName, b: FieldName): boolean {
    return a === b || codec.linked.some((group) => group.includes(a) && group.includes(b));
  }

  function shift(s: PacketSet, field: IntervalField, low: number, high: number, offset: number): PacketSet {
    const layout = layoutOf(field);
    const { coding } = layout;
    invariant(coding.kind === 'numbers', `field ${field} is not compared by interval`);
    const { atoms } = coding;
    const moving = now.interval(field, low, high);
    const parts: number[] = [bdd.diff(s, moving)];
    for (
      let i = numberAtom(atoms, low);
      i < atoms.values.length && (atoms.values[i] as number) <= high;
      i++
    ) {
      const part = bdd.and(s, codeRanges(bdd, layout.now, [codesOf(atoms, i, i)]));
      if (part === FALSE) continue;
      const first = (atoms.values[i] as number) + offset;
      const last = (atoms.values[i + 1] ?? coding.max + 1) - 1 + offset;
      parts.push(bdd.and(forget(set(part), [field]), now.interval(field, first, last)));
    }
    return set(unionOf(bdd, parts));
  }

  return {
    ...now,
    codec,
    entry,
    get valid() {
      return valid;
    },
    undecided: set(UNDECIDED),
    isDecided: (s) => s >= 0,
    diagram: {
      topLevel: (s) => bdd.level(s),
      cofactor: (s, level, value) => set(cofactor(s, level, value)),
      codes: (levels, runs) => set(codeRanges(bdd, levels, runs)),
    },

    diff: (a, b) => set(bdd.diff(a, b)),
    xor: (a, b) => set(bdd.xor(a, b)),
    ite: (c, a, b) => set(bdd.ite(c, a, b)),
    union: (sets) => set(unionOf(bdd, sets)),
    implies: (a, b) => bdd.implies(a, b),
    disjoint: (a, b) => bdd.disjoint(a, b),
    simplify: (s, care) => set(simplify(s, care)),

    forget,
    andForget: (a, b, fields, copy = 'now') => set(andExists(bdd, a, b, variablesOf(fields, copy))),
    rewrite: (s, fields, values) => set(bdd.and(forget(s, fields), values)),
    shift,
    changeBits: (s, field, clear, xor, or) => {
      const layout = codec.fields.get(field);
      return layout === undefined ? s : set(bits.change(s, layout, clear, xor, or));
    },
    changePrefix: (s, field, range) => set(bits.prefix(s, layoutOf(field), range)),
    copyBits: (s, to, from, toMask, fromMask) => {
      const target = codec.fields.get(to);
      if (target === undefined) return s;
      const source = codec.fields.get(from) ?? { ...target, coding: { kind: 'bits', bitNumbers: [] } };
      return set(bits.copy(s, target, source, toMask, fromMask));
    },
    equal: (a, b) => {
      invariant(linked(a, b), `fields ${a} and ${b} are not linked`);
      return set(equalColumns(bdd, layoutOf(a).now, layoutOf(b).now));
    },
    unchanged: (fields) => {
      const layouts = fields === undefined ? twoCopies() : inUse(fields).map(layoutOf);
      // Last levels first, so that each step adds nodes on top.
      return set(
        layouts.reduceRight(
          (f, l) => bdd.and(l.entry === l.now ? TRUE : equalColumns(bdd, l.entry, l.now), f),
          TRUE,
        ),
      );
    },
    entryOf: (s) => {
      const fields = twoCopies();
      const names = fields.map((l) => l.field);
      const map = renamingOf('entry to now', () => fields.flatMap((l) => zip(l.entry, l.now)));
      return set(rename(bdd, forget(s, names), map));
    },
    atEntry: (s) => {
      const fields = twoCopies();
      const names = fields.map((l) => l.field);
      const map = renamingOf('now to entry', () => fields.flatMap((l) => zip(l.now, l.entry)));
      return set(rename(bdd, forget(s, names, 'entry'), map));
    },
    exchange: (s, pairs) => {
      const usable = pairs.filter(([a, b]) => codec.fields.has(a) || codec.fields.has(b));
      for (const [a, b] of usable) invariant(linked(a, b), `fields ${a} and ${b} are not linked`);
      const map = renamingOf(`exchange ${usable.map((p) => p.join('↔')).join(' ')}`, () =>
        usable.flatMap(([a, b]) => {
          const x = layoutOf(a).now;
          const y = layoutOf(b).now;
          return [...zip(x, y), ...zip(y, x)];
        }),
      );
      return set(rename(bdd, s, map));
    },

    ambient: (key) => set(bdd.variable(unknowns.variable({ kind: 'ambient', key }, `ambient ${key}`).level)),
    may: (s) => set(tail.some(s)),
    must: (s) => set(tail.every(s)),
    mayOver: (s, list) => set(exists(bdd, s, unknownsSet(list))),
    mustOver: (s, list) => set(bdd.not(exists(bdd, bdd.not(s), unknownsSet(list)))),
    under: (locality) => createFieldSets({ ...shared, locality, copy: 'now' }),
    unknownsOf: (s) =>
      support(bdd, s).flatMap((level) => {
        const v = unknowns.atLevel(level);
        return v === undefined ? [] : [v];
      }),
    unknowns: unknowns.variables,
    fieldsOf: (s, copy = 'now') => {
      const levels = new Set(support(bdd, s));
      return [...codec.fields.values()].filter((l) => l[copy].some((x) => levels.has(x))).map((l) => l.field);
    },

    contains,

    size: (s) => size(bdd, s),
    get nodeCount() {
      return bdd.nodeCount;
    },
    get bytes() {
      return bdd.bytes;
    },
    get exhausted() {
      return bdd.exhausted;
    },
    within: (nodesMax, work) => {
      const before = bdd.mark();
      const restore = bdd.allow(nodesMax);
      const value = work();
      const { exhausted } = bdd;
      const nodesUsed = bdd.nodeCount - before;
      restore();
      if (!exhausted) return { kind: 'decided', value };
      bdd.reset(before);
      return { kind: 'undecided', nodesUsed };
    },
    allow: (nodesMore) => bdd.allow(nodesMore),
    mark: () => ({ nodes: bdd.mark() }),
    reset: (mark) => bdd.reset(mark.nodes),
    compact: (kept) => {
      const moved = bdd.compact([valid, ...kept]);
      valid = set(moved(valid));
      return (old) => set(moved(old));
    },
  };
}

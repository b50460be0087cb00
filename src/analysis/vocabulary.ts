/**
 * The packet space of an analysis: made of everything that its rulesets, machines and questions mention.
 *
 * A match that a packet does not decide is no variable here, but two sets: packets that *may* match and packets that
 * *must*. A limit is asked anew at each visit, so nothing ties two of its answers together, and leaving both ways open
 * is exact. Only what is a function of the unchanged packet (`-m string`, an unknown set) is a variable, one for each
 * text, so that the same condition decides alike wherever it stands.
 */

import type { MatchUse, Rule } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { createCollector } from '../packetset/boundaries.ts';
import type { ChoiceScope } from '../packetset/choices.ts';
import { buildCodec } from '../packetset/codec.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { Choice, PacketSet, PacketSpace } from '../packetset/space.ts';
import { type BddPacketSpace, createPacketSpace } from '../packetset/space-bdd.ts';
import type { Meter } from '../support/budget.ts';
import {
  baseParts,
  describeUse,
  frameOf,
  keyOfUse,
  mentionRules,
  mentionSides,
  sameFrame,
} from './mention-rules.ts';
import { type Side, sameMachine } from './side.ts';

/** A description of a set, run over the collector first and over the space afterwards. */
export type Description = (space: PacketSpace) => PacketSet;

/** Packets that match for some, and for every, answer to what they do not decide. */
export interface MaySet {
  readonly may: PacketSet;
  readonly must: PacketSet;
}

/** What {@link createVocabulary} is told. */
export interface VocabularyOptions {
  /** One, or the two of a comparison; of one family. */
  readonly sides: readonly Side[];
  /** Sets that will be asked about. */
  readonly queries?: readonly Description[];
  /** Marks count as part of the result: they are followed even where nothing reads them. */
  readonly marks?: boolean;
  readonly spareCodes?: number;
  readonly nodesMax?: number;
  /** Entries of the computed cache at the least: for work that comes back to old sets. */
  readonly cacheEntriesMin?: number;
  readonly meter?: Meter;
}

/** The space with what is needed to speak in it. */
export interface Vocabulary {
  readonly family: Family;
  readonly space: BddPacketSpace;
  /** Fields that have a second copy: the header as it came in. */
  readonly rewritten: ReadonlySet<FieldName>;
  /** The packets that a rule's conditions describe on this side; of `within`, where only those count. */
  matches(side: Side, rule: Rule, within?: PacketSet): MaySet;
  /** A set described on this side; what it leaves open is left open. */
  describe(side: Side, description: Description): MaySet;
  /**
   * Lets the only side make room for another ruleset on the same machine; `changed` are the rules of it that this
   * vocabulary has not met. Sets stay what they are. False where that cannot be done: the vocabulary is then spent.
   */
  replace(side: Side, changed: readonly Rule[]): boolean;
}

/**
 * What the conditions of each rule were found to describe: a check asks for that again, of up to a million rules. Kept by
 * number, since maps of so many objects cost more than the sets.
 */
class RuleSets {
  readonly #rules: Rule[] = [];
  readonly #may: PacketSet[] = [];
  readonly #must: PacketSet[] = [];

  get(rule: Rule): MaySet | undefined {
    if (this.#rules[rule.id] !== rule) return undefined;
    return { may: this.#may[rule.id] as PacketSet, must: this.#must[rule.id] as PacketSet };
  }

  set(rule: Rule, { may, must }: MaySet): void {
    this.#rules[rule.id] = rule;
    this.#may[rule.id] = may;
    this.#must[rule.id] = must;
  }
}

/** Makes the space of these rulesets. Linear in rules, but for sorting. */
export function createVocabulary(o: VocabularyOptions): Vocabulary {
  const { sides, queries = [], marks = false } = o;
  const [first] = sides;
  if (first === undefined) throw new Error('an analysis needs a ruleset');
  const { family } = first.ruleset;
  const collector = createCollector(family, first.locality);
  mentionSides(collector, sides, marks);
  for (const query of queries) query(collector.space);
  const frame = frameOf(collector, sides);
  const { rewritten, lists } = frame;
  const codec = buildCodec(frame.boundaries, {
    rewritten: [...rewritten],
    interleaved: frame.interleaved,
    ...(o.spareCodes === undefined ? {} : { spareCodes: o.spareCodes }),
  });

  let position = 0;
  let tag = '';
  const open = (): string => `open ${position++}`;
  const scope: ChoiceScope = {
    identity: (choice: Choice) => {
      switch (choice.kind) {
        case 'rule':
          return open();
        case 'shared':
          // Matches of `recent` and `connlabel` write the lists that they read.
          return lists.has(choice.list) || !choice.list.startsWith('set:')
            ? open()
            : `shared ${tag}${choice.list} ${choice.key}`;
        case 'pure':
          return !choice.key.startsWith('addressType ') && choice.reads.some((f) => isRewritten(f))
            ? open()
            : `pure ${tag}${choice.key}`;
      }
    },
  };
  const isRewritten = (field: string): boolean =>
    rewritten.has(field as FieldName) || (field === 'src' && sides.some((s) => s.switches.nat));
  const space = createPacketSpace(codec, {
    scope,
    locality: first.locality,
    ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
    ...(o.cacheEntriesMin === undefined ? {} : { cacheEntriesMin: o.cacheEntriesMin }),
    ...(o.meter === undefined ? {} : { meter: o.meter }),
  });
  const spaces = new WeakMap<Side, PacketSpace>([[first, space]]);
  const spaceOf = (side: Side): PacketSpace => {
    let s = spaces.get(side);
    if (s === undefined) {
      s = space.under(side.locality);
      spaces.set(side, s);
    }
    return s;
  };

  /** Quantifies what was left open by one description; the variables serve the next one again. */
  const settle = (side: Side, run: Description): MaySet => {
    position = 0;
    tag = side.machine === '' ? '' : `${side.machine} `;
    const set = run(spaceOf(side));
    if (position === 0) return { may: set, must: set };
    const opened = space.unknowns.filter((v) => v.identity.startsWith('open '));
    return { may: space.mayOver(set, opened), must: space.mustOver(set, opened) };
  };

  const known = new WeakMap<Side, Map<MatchUse, Map<string, MaySet>>>();
  const setOfUse = (side: Side, use: MatchUse, rule: Rule): MaySet => {
    const bySide = known.get(side) ?? new Map<MatchUse, Map<string, MaySet>>();
    known.set(side, bySide);
    const byKey = bySide.get(use) ?? new Map<string, MaySet>();
    bySide.set(use, byKey);
    const key = keyOfUse(rule.base);
    let found = byKey.get(key);
    if (found === undefined) {
      const context = { family, base: rule.base, machine: side.described };
      found = settle(side, (s) => describeUse(side, use, context, s));
      // What ran out of nodes may be decided with more of them.
      if (space.isDecided(found.may) && space.isDecided(found.must)) byKey.set(key, found);
    }
    return found;
  };

  const describeRule = (side: Side, rule: Rule, within: PacketSet): MaySet => {
    let may = within;
    let must = within;
    let same = true;
    for (let i = rule.matches.length - 1; i >= 0 && may !== space.none; i--) {
      const set = setOfUse(side, rule.matches[i] as MatchUse, rule);
      may = space.and(may, set.may);
      if (same && set.may === set.must) must = may;
      else {
        same = false;
        must = space.and(must, set.must);
      }
    }
    baseParts(rule.base, spaceOf(side), (part) => {
      may = space.and(may, part);
      must = same ? may : space.and(must, part);
      return may !== space.none;
    });
    return { may, must: may === space.none ? may : must };
  };

  const described = new WeakMap<Side, RuleSets>();
  let current = first;
  return {
    family,
    space,
    rewritten,
    describe: settle,
    matches: (side, rule, within = space.all) => {
      if (within !== space.all) return describeRule(side, rule, within);
      const ofSide = described.get(side) ?? new RuleSets();
      described.set(side, ofSide);
      const before = ofSide.get(rule);
      if (before !== undefined) return before;
      const found = describeRule(side, rule, within);
      if (space.isDecided(found.may) && space.isDecided(found.must)) ofSide.set(rule, found);
      return found;
    },
    replace: (side, changed) => {
      if (sides.length > 1 || !sameMachine(current, side)) return false;
      const own = createCollector(family, side.locality);
      mentionRules(own, side, changed, marks);
      if (own.inUse('ctStatus') && !frame.statusRead) return false;
      mentionRules(collector, side, changed, marks);
      const then = frameOf(collector, [side], frame);
      if (!sameFrame(frame, then) || !codec.extend(then.boundaries)) return false;
      spaces.set(side, spaceOf(current));
      known.set(side, known.get(current) ?? new Map());
      current = side;
      return true;
    },
  };
}

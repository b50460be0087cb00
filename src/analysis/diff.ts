/**
 * Which packets fare differently under two rulesets: all of them, or a proof that there are none.
 *
 * Both sides are walked in one vocabulary, so that equal sets are the same set. Their fates are compared as relations
 * between the packet that came in and the one that left; what sets cannot hold is compared in the words of the rules.
 */

import type { FamilyProgram, Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import { targetText } from '../link/rule-text.ts';
import type { Hook } from '../model/netfilter.ts';
import { type Rule, type Ruleset, ruleCount } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { icmpProtocol, portProtocols } from '../packetset/fields.ts';
import type { IntervalField, PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import type { Meter } from '../support/budget.ts';
import { effectMoves } from './diff-effects.ts';
import {
  createDeciders,
  type Deciders,
  fateMoves,
  fateOutcomes,
  goesOn,
  kindOfKey,
  openOutcomes,
  writersOf,
} from './diff-fates.ts';
import { createFrame, type Decided, type Decider, type Frame } from './diff-frame.ts';
import { type ChangeKind, deciderText, groupMoves, type Move } from './diff-groups.ts';
import type { Moved, Outcomes } from './diff-pairs.ts';
import { type Difference, type GroupedPackets, tellDifference } from './diff-tell.ts';
import { diffWitnesses } from './diff-witness.ts';
import { changesOf } from './effects.ts';
import { budgetReached, tooManyRules } from './machine-rulesets.ts';
import { openingPackets, ordinaryAddresses } from './ordinary.ts';
import { createRoads } from './road.ts';
import { createSide, type Side } from './side.ts';
import { changedRules, conditionsText, sameStructure } from './structure.ts';
import { createVocabulary, type Description, type Vocabulary } from './vocabulary.ts';

/** One of the two sides. */
export interface DiffSide {
  readonly ruleset: Ruleset;
  /** Of the machine, with this ruleset among its rulesets. */
  readonly program: Program;
}

/** What {@link diffRulesets} is told. */
export interface RulesetDiffOptions {
  readonly registry: Registry;
  readonly old: DiffSide;
  readonly new: DiffSide;
  /** Both programs are of one machine, with the same facts. False: addresses and routes differ as well. */
  readonly oneMachine: boolean;
  /** Only packets of this set are compared. */
  readonly only?: Description;
  /** Log lines count. */
  readonly logging?: boolean;
  /** Lines that describe the packets of one difference; default 4. */
  readonly linesMax?: number;
  /** Differences for which a witness is looked for, the first ones; default: all. */
  readonly witnessesMax?: number;
  readonly nodesMax?: number;
  /** Stops the work when it is used up or cancelled. */
  readonly meter?: Meter;
}

/** The answer for one family. */
export type RulesetDiff =
  /**
   * `structure`: the texts say the same; `sets`: they differ, and no packet fares differently; `nothing`: there are no
   * packets of the kind that was asked for.
   */
  | { readonly kind: 'equal'; readonly proof: 'structure' | 'sets' | 'nothing' }
  /** Packets that open connections first. `changed`: rules that the other side does not have. */
  | {
      readonly kind: 'different';
      readonly differences: readonly Difference[];
      readonly changed: ReadonlySet<Rule>;
    }
  | { readonly kind: 'undecided'; readonly why: string };

/** A ruleset that lets everything pass: what a machine has that was given none. */
export function emptyRuleset(like: Ruleset): Ruleset {
  return { family: like.family, backend: like.backend, version: like.version, tables: [] };
}

/** Compares to the end; see {@link diffRulesetsStepwise}. */
export function diffRulesets(options: RulesetDiffOptions): RulesetDiff {
  const work = diffRulesetsStepwise(options);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Compares two rulesets of one family in steps, so that others may work in between; each step yields what was done.
 * Costs what the analysis of both rulesets costs, and little where their structure is the same.
 */
export function* diffRulesetsStepwise(o: RulesetDiffOptions): Generator<string, RulesetDiff> {
  if (o.oneMachine && sameStructure(o.old.ruleset, o.new.ruleset))
    return { kind: 'equal', proof: 'structure' };
  if (o.nodesMax === undefined && ruleCount(o.old.ruleset) + ruleCount(o.new.ruleset) > 2 * rulesMax)
    return { kind: 'undecided', why: tooManyRules('what differs is not worked out', rulesMax) };
  const sides = makeSides(o);
  const [oldSide, newSide] = sides;
  const budget = {
    ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
    ...(o.meter === undefined ? {} : { meter: o.meter }),
  };
  const { only } = o;
  const ordinary = ordinaryAddresses(o.old.ruleset.family);
  const vocabulary = createVocabulary({
    sides,
    marks: true,
    queries: [ordinary, ...writtenFields(sides), ...(only === undefined ? [] : [only])],
    ...budget,
  });
  const { space } = vocabulary;
  yield 'vocabulary';
  const oldRoads = createRoads(oldSide, vocabulary, undefined);
  const newRoads = createRoads(newSide, vocabulary, undefined);
  const whole = sides.every((s) => s.switches.defragment) ? wholePackets(vocabulary) : space.all;
  const asked = only === undefined ? whole : space.and(whole, vocabulary.describe(oldSide, only).may);
  const changed = changedRules(o.old.ruleset, o.new.ruleset);
  let some = false;
  const gathered: GroupedPackets[] = [];
  for (const road of ['arrive', 'local'] as const) {
    oldRoads.road(road);
    yield `${road}, old`;
    newRoads.road(road);
    yield `${road}, new`;
    const frames = [createFrame(oldRoads, road), createFrame(newRoads, road)] as const;
    const { moves, care, seenAt, compared, stuck } = movesOf(frames, asked, o.logging ?? false);
    some ||= compared;
    const undecided = moves.some((m) => !space.isDecided(m.set)) || !space.isDecided(care);
    const why = budgetReached(!undecided, budget);
    if (why !== undefined) return { kind: 'undecided', why };
    if (stuck) return { kind: 'undecided', why: stuckOnBothSides };
    for (const group of groupMoves(space, moves, changed)) gathered.push({ road, group, care, seenAt });
    yield `${road}, compared`;
  }
  if (gathered.length === 0) return { kind: 'equal', proof: some ? 'sets' : 'nothing' };

  const opening = openingPackets(vocabulary);
  const usual = vocabulary.describe(oldSide, ordinary).may;
  const told = { opening, usual, texts: new Map() };
  const find = diffWitnesses(vocabulary, sides);
  const ranked = gathered
    .map((g) => ({ ...g, opens: !space.disjoint(g.group.set, opening) }))
    .sort(
      (a, b) =>
        Number(b.opens) - Number(a.opens) || changeOrder[a.group.change] - changeOrder[b.group.change],
    );
  const differences: Difference[] = [];
  for (const [index, g] of ranked.entries()) {
    const wanted = index < (o.witnessesMax ?? Number.POSITIVE_INFINITY);
    differences.push(tellDifference(vocabulary, g, told, wanted ? find : undefined, o.linesMax ?? 4));
    yield 'difference';
    if (o.meter?.exhausted !== undefined) break;
  }
  const why = budgetReached(true, budget);
  if (why !== undefined) return { kind: 'undecided', why };
  return { kind: 'different', differences, changed };
}

/** Beyond so many rules a side the sets take more than a minute; they are made where a ceiling on nodes is given. */
const rulesMax = 500_000;

const stuckOnBothSides =
  'packets of both rulesets end in a loop of jumps or deeper than chains may call each other: the kernel would refuse these rules, so nobody can say that they do the same';

// ---------------------------------------------------------------------------------------------- sides

/** On one machine, what one ruleset switches on is on for both: connections do not end when rules are replaced. */
function aligned(program: Program, family: Family, other: FamilyProgram): Program {
  const mine = program.families[family];
  return {
    ...program,
    families: {
      ...program.families,
      [family]: {
        ...mine,
        conntrack: mine.conntrack || other.conntrack,
        defragment: mine.defragment || other.defragment,
        nat: mine.nat || other.nat,
      },
    },
  };
}

function makeSides(o: RulesetDiffOptions): readonly [Side, Side] {
  const { registry, oneMachine } = o;
  const { family } = o.old.ruleset;
  const named = [...new Set([...o.old.program.namedInterfaces, ...o.new.program.namedInterfaces])].sort();
  const side = (mine: DiffSide, theirs: DiffSide, machine: string): Side =>
    createSide({
      ruleset: mine.ruleset,
      program: {
        ...(oneMachine ? aligned(mine.program, family, theirs.program.families[family]) : mine.program),
        namedInterfaces: named,
      },
      registry,
      ...(oneMachine ? { beside: [theirs.ruleset] } : { machine }),
    });
  return [side(o.old, o.new, 'old'), side(o.new, o.old, 'new')];
}

/** Fields that count because rules write them, even where none reads them. */
function writtenFields(sides: readonly Side[]): readonly Description[] {
  const fields = new Set<string>();
  for (const side of sides)
    for (const [, change] of changesOf(side.ruleset, side.program.machine, side.registry))
      fields.add(change.field);
  return fields.has('tos') ? [(s) => s.bits('tos', 0, 0xff)] : [];
}

/** Not a later fragment: where fragments are no field of their own, they are known by the ports that they lack. */
function wholePackets({ space, family }: Vocabulary): PacketSet {
  let set = space.all;
  const expect = (protocols: readonly number[], fields: readonly IntervalField[]): void => {
    const field = fields.find((f) => space.codec.fields.has(f));
    if (field === undefined) return;
    const owners = protocols.reduce<PacketSet>(
      (s, p) => space.or(s, space.interval('protocol', p, p)),
      space.none,
    );
    set = space.and(set, space.or(space.not(owners), space.has(field)));
  };
  expect(portProtocols, ['sport', 'dport']);
  expect([icmpProtocol(family)], ['icmpType', 'icmpCode']);
  return set;
}

/** What is told first. */
const changeOrder: Readonly<Record<ChangeKind, number>> = {
  opened: 0,
  closed: 1,
  redirected: 2,
  translated: 3,
  answered: 4,
  limited: 5,
  marked: 6,
  otherwise: 7,
  effect: 8,
};

// ---------------------------------------------------------------------------------------------- moves

const stopping: ReadonlySet<string> = new Set(['drop', 'reject', 'stuck']);

function changeOf({ from, to }: Moved, fields: readonly string[]): ChangeKind {
  const a = kindOfKey(from);
  const b = kindOfKey(to);
  if (goesOn(a) && goesOn(b)) {
    const moved = a !== b || fields.some((f) => f === 'dst' || f === 'dport' || f === 'outInterface');
    return moved ? 'redirected' : 'marked';
  }
  if (goesOn(a) && stopping.has(b)) return 'closed';
  if (stopping.has(a) && goesOn(b)) return 'opened';
  return stopping.has(a) && stopping.has(b) ? 'answered' : 'otherwise';
}

/** The same for deciders of both sides that say the same in the same place. */
function placeText(d: Decider): string {
  if (d.kind !== 'rule') return deciderText(d);
  const { rule } = d;
  return `${rule.table} ${rule.chain} ${conditionsText(rule)} ${targetText(rule.target)}`;
}

/**
 * Of the deciders about an end that packets may have on both sides, those that the other side does not have: where there
 * are some, they make the difference.
 */
function newlyDeciding(
  space: BddPacketSpace,
  found: readonly Decided[],
  others: readonly Decided[],
): readonly Decided[] {
  const known = new Map<string, PacketSet>();
  for (const { decider, set } of others) {
    const key = placeText(decider);
    known.set(key, space.or(known.get(key) ?? space.none, set));
  }
  const fresh = found.map((d) => ({
    ...d,
    set: space.diff(d.set, known.get(placeText(d.decider)) ?? space.none),
  }));
  const explained = space.union(fresh.map((d) => d.set));
  return found
    .map((d, i) => ({ ...d, set: space.or(fresh[i]?.set ?? space.none, space.diff(d.set, explained)) }))
    .filter((d) => d.set !== space.none);
}

/** Packets that come to a hook where some table has a chain. */
function comingTo(frame: Frame, hook: Hook): PacketSet {
  const { space } = frame.vocabulary;
  return space.union(frame.road.visits.filter((v) => v.hook === hook).map((v) => frame.packets(v.entering)));
}

const isRule = ({ decider }: Decided): boolean => decider.kind === 'rule';

function movesOf(
  frames: readonly [Frame, Frame],
  asked: PacketSet,
  logging: boolean,
): Omit<GroupedPackets, 'road' | 'group'> & {
  readonly moves: readonly Move[];
  readonly compared: boolean;
  /** Some packets are stuck under both rulesets: nobody knows what becomes of them. */
  readonly stuck: boolean;
} {
  const [old, now] = frames;
  const { space } = old.vocabulary;
  const care = space.and(space.and(old.entering, now.entering), asked);
  const before = fateOutcomes(old, care);
  const after = fateOutcomes(now, care);
  const { moved, differing } = fateMoves(old, before, after, care);
  const oldDeciders = createDeciders(old, differing);
  const newDeciders = createDeciders(now, differing);
  const moves = moved.map((m): Move => {
    const change = changeOf(m, m.fields);
    const deciders = (
      ofSide: Deciders,
      ofOther: Deciders,
      there: Outcomes,
      key: string,
    ): readonly Decided[] => {
      const found = ofSide(key, m.set);
      const kept = space.and(there.get(key)?.set ?? space.none, m.set);
      return kept === space.none ? found : newlyDeciding(space, found, ofOther(key, kept));
    };
    const base = { change, from: m.from, to: m.to, about: m.fields.join(' '), set: m.set };
    if (change === 'marked' || change === 'redirected') {
      const fields = change === 'marked' ? m.fields : (['dst', 'dport', 'mark'] as const);
      const a = writersOf(old, fields, m.set);
      const b = writersOf(now, fields, m.set);
      if (a.some(isRule) || b.some(isRule)) return { ...base, oldDeciders: a, newDeciders: b };
    }
    return {
      ...base,
      oldDeciders: deciders(oldDeciders, newDeciders, after, m.from),
      newDeciders: deciders(newDeciders, oldDeciders, before, m.to),
    };
  });
  const arriving = (frame: Frame): PacketSet =>
    frame.packets(
      space.union(frame.road.parts.filter((part) => part.fate !== 'route-drop').map((part) => part.set)),
    );
  const goingOn = (outcomes: Outcomes): PacketSet =>
    space.union([...outcomes.values()].filter((x) => goesOn(x.key)).map((x) => x.set));
  const effects = effectMoves(
    { frame: old, goingOn: goingOn(before), open: openOutcomes(old, before) },
    { frame: now, goingOn: goingOn(after), open: openOutcomes(now, after) },
    space.diff(care, differing),
    logging,
  );
  const kinds: Readonly<Record<string, ChangeKind>> = {
    source: 'translated',
    destination: 'redirected',
    limit: 'limited',
  };
  return {
    compared: care !== space.none,
    stuck: !space.disjoint(before.get('stuck')?.set ?? space.none, after.get('stuck')?.set ?? space.none),
    seenAt: (['INPUT', 'FORWARD'] as const).map((hook) => ({
      hook,
      packets: space.may(space.or(comingTo(old, hook), comingTo(now, hook))),
    })),
    care: space.and(care, space.may(space.or(arriving(old), arriving(now)))),
    moves: [
      ...moves,
      ...effects.map((e): Move => ({ ...e, change: kinds[e.kind] ?? 'effect', about: e.kind })),
    ],
  };
}

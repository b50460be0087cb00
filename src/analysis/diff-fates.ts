/** How the packets of a road end, as outcomes to be compared, and who decided. */

import { targetText } from '../link/rule-text.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Ending, RuleModel } from './chain-model.ts';
import {
  type Decided,
  decidedByPolicy,
  decidedByRule,
  endsSo,
  type Frame,
  partsOf,
  type Takers,
  withRest,
} from './diff-frame.ts';
import { allOf, type Moved, movedPackets, type Outcome, type Outcomes } from './diff-pairs.ts';
import type { FateKind } from './road.ts';
import type { Visit } from './table-run.ts';

/** Ends at which the packet goes on to somebody. */
const passing: readonly FateKind[] = ['local', 'forward', 'sent'];

/** Ends that the target's own words tell apart: what is answered, who gets the packet. */
const worded: readonly FateKind[] = ['reject', 'queue', 'stolen'];

/** Whether packets of this key go on. */
export function goesOn(key: string): boolean {
  return (passing as readonly string[]).includes(key);
}

/** The kind of end of a key; a key may have the target's words behind it. */
export function kindOfKey(key: string): FateKind {
  const [kind] = key.split(' ');
  return kind as FateKind;
}

const isOf =
  (text: string) =>
  (r: RuleModel): boolean =>
    targetText(r.rule.target) === text;

/** Texts of the targets that end packets so, at the visits of this road. */
function textsOf(frame: Frame, fate: FateKind): ReadonlySet<string> {
  const texts = new Set<string>();
  for (const { visit } of partsOf(frame, fate))
    for (const chain of visit?.analysis.model.chains.values() ?? [])
      for (const r of chain.rules)
        if (r.action.kind === 'end' && r.action.ending === fate) texts.add(targetText(r.rule.target));
  return texts;
}

/** The outcomes of a road. Dropped by a rule or by routing is the same to everybody outside. */
export function fateOutcomes(frame: Frame, care: PacketSet): Outcomes {
  const { space } = frame.vocabulary;
  const outcomes = new Map<string, Outcome>();
  const add = (key: string, set: PacketSet, relation: PacketSet): void => {
    if (set === space.none) return;
    const known = outcomes.get(key);
    outcomes.set(
      key,
      known === undefined
        ? { key, set, relation }
        : { key, set: space.or(known.set, set), relation: space.or(known.relation, relation) },
    );
  };
  const byFate = new Map<FateKind, PacketSet[]>();
  for (const part of frame.road.parts) {
    const fate = part.fate === 'route-drop' ? 'drop' : part.fate;
    const list = byFate.get(fate);
    if (list === undefined) byFate.set(fate, [part.set]);
    else list.push(part.set);
  }
  const careAtEntry = space.atEntry(space.forget(care, ['outInterface']));
  for (const [fate, sets] of byFate) {
    const whole = space.union(sets);
    const set = space.and(frame.packets(whole), care);
    if (passing.includes(fate)) {
      // Where nothing is rewritten, the packets are all there is to say.
      const rewritten = frame.vocabulary.rewritten.size > 0;
      add(fate, set, rewritten ? space.and(frame.relation(whole), careAtEntry) : set);
    } else if (!worded.includes(fate)) add(fate, set, set);
    else {
      const texts = [...textsOf(frame, fate)];
      let rest = set;
      for (const text of texts) {
        if (rest === space.none) break;
        const taken = texts.length === 1 ? set : takenBy(frame, fate, set, text);
        add(`${fate} ${text}`, taken, taken);
        rest = space.diff(rest, taken);
      }
      add(fate, rest, rest);
    }
  }
  return outcomes;
}

function takenBy(frame: Frame, fate: FateKind, set: PacketSet, text: string): PacketSet {
  const { space } = frame.vocabulary;
  const written = isOf(text);
  return space.union(
    partsOf(frame, fate).flatMap(({ visit }) =>
      visit === undefined
        ? []
        : frame
            .takers(visit, set, (r) => endsSo(r, fate as Ending) && written(r))
            .rules.map((taker) => taker.set),
    ),
  );
}

/** Hooks whose filter table lets packets pass that end so. */
const filterHook = { local: 'INPUT', forward: 'FORWARD', sent: 'OUTPUT' } as const;

/** Says who lets packets end as a key says. Overlaps where that is not known. */
export type Deciders = (key: string, packets: PacketSet) => readonly Decided[];

/**
 * Prepares {@link Deciders} for subsets of `all`: each visit is walked once with all of them, whatever is asked then.
 */
export function createDeciders(frame: Frame, all: PacketSet): Deciders {
  const { space } = frame.vocabulary;
  const walked = new Map<Visit, Takers>();
  const endersAt = (
    visit: Visit,
    ending: Ending,
    packets: PacketSet,
    written?: (r: RuleModel) => boolean,
  ): readonly Decided[] => {
    let takers = walked.get(visit);
    if (takers === undefined) {
      takers = frame.takers(visit, all, ({ action }) => action.kind === 'end' || action.kind === 'open');
      walked.set(visit, takers);
    }
    const found: Decided[] = [];
    for (const taker of takers.rules) {
      if (!endsSo(taker.model, ending) || written?.(taker.model) === false) continue;
      const set = space.and(taker.set, packets);
      if (set !== space.none) found.push(decidedByRule({ ...taker, set }));
    }
    const policy = space.and(takers.policy, packets);
    return policy === space.none ? found : [...found, ...decidedByPolicy(visit, ending, policy)];
  };
  return (key, packets) => {
    const fate = kindOfKey(key);
    const found: Decided[] = [];
    if (goesOn(fate)) {
      const hook = filterHook[fate as keyof typeof filterHook];
      for (const visit of frame.road.visits)
        if (visit.table === 'filter' && visit.hook === hook)
          for (const one of endersAt(visit, 'accept', packets)) found.push(one);
    } else {
      const text = key.slice(fate.length + 1);
      const written = text === '' ? undefined : isOf(text);
      for (const { visit } of partsOf(frame, fate))
        if (visit !== undefined)
          for (const one of endersAt(visit, fate as Ending, packets, written)) found.push(one);
      if (fate === 'drop')
        for (const { set } of partsOf(frame, 'route-drop')) {
          const here = space.and(frame.packets(set), packets);
          if (here !== space.none) found.push({ decider: { kind: 'routing' }, set: here });
        }
    }
    return withRest(frame, found, packets);
  };
}

/** Rules that write one of these fields, on the way of these packets. */
export function writersOf(
  frame: Frame,
  fields: readonly FieldName[],
  packets: PacketSet,
): readonly Decided[] {
  const found = frame.road.visits
    .filter((visit) => visit.analysis.model.chains.get(visit.hook)?.rewrites === true)
    .flatMap((visit) => {
      const before = visit.hook === 'PREROUTING' || visit.hook === 'OUTPUT';
      const writes = ({ changes }: RuleModel): boolean =>
        changes.some((change) =>
          change.field === 'nat'
            ? fields.includes('dst') && before && change.manip !== 'source'
            : (fields as readonly string[]).includes(change.field),
        );
      return frame.takers(visit, packets, writes).rules.map(decidedByRule);
    });
  return withRest(frame, found, packets);
}

/** What moved between two sides of a road, and where the packets are that moved. */
export interface FateMoves {
  readonly moved: readonly (Moved & { readonly fields: readonly FieldName[] })[];
  readonly differing: PacketSet;
}

const groups: readonly (readonly FieldName[])[] = [
  ['dst', 'dport'],
  ['mark'],
  ['connmark'],
  ['ctState', 'ctDirection'],
  ['tos'],
  ['ttl'],
];

/**
 * Compares how packets end. First where they come equally far, then without regard to the interface by which they
 * leave, for those that only differ in that. `frame`: of either side.
 */
export function fateMoves(
  frame: Frame,
  oldOutcomes: Outcomes,
  newOutcomes: Outcomes,
  care: PacketSet,
): FateMoves {
  const { space, rewritten } = frame.vocabulary;
  const anyOut = (set: PacketSet): PacketSet => space.forget(set, ['outInterface']);
  const covered = space.and(allOf(space, oldOutcomes), allOf(space, newOutcomes));
  const packetsOf = frame.packets;
  const turns = (from: string, to: string): boolean => goesOn(from) !== goesOn(to);
  const both = space.and(care, covered);
  const first = movedPackets(space, oldOutcomes, newOutcomes, both, packetsOf, turns);
  const differing = space.union(first.map((m) => m.set));
  // What only one side sends out by an interface counts where the packet does not differ anyway.
  const uncovered = space.xor(allOf(space, oldOutcomes), allOf(space, newOutcomes));
  const elsewhere = space.diff(anyOut(space.and(uncovered, care)), anyOut(differing));
  const all: (Moved & { fields: readonly FieldName[] })[] = [];
  for (const m of first) {
    if (m.from !== m.to) {
      all.push({ ...m, fields: [] });
      continue;
    }
    let rest = m.set;
    for (const group of groups) {
      const fields = group.filter((f) => rewritten.has(f));
      if (fields.length === 0 || rest === space.none) continue;
      const others = [...rewritten].filter((f) => !fields.includes(f));
      const seen = (outcomes: Outcomes): PacketSet =>
        space.forget(outcomes.get(m.from)?.relation ?? space.none, others);
      const here = space.and(packetsOf(space.xor(seen(oldOutcomes), seen(newOutcomes))), rest);
      if (here !== space.none) all.push({ ...m, set: here, fields });
      rest = space.diff(rest, here);
    }
    if (rest !== space.none) all.push({ ...m, set: rest, fields: [...rewritten] });
  }
  // A packet that is stopped on both sides, here before and there after routing, is none of them.
  const byAnyWay = (outcomes: Outcomes): Outcomes =>
    new Map(
      [...outcomes].map(([key, o]) => {
        const set = anyOut(o.set);
        return [key, { key, set, relation: goesOn(key) ? o.relation : set }];
      }),
    );
  const moved = movedPackets(
    space,
    byAnyWay(oldOutcomes),
    byAnyWay(newOutcomes),
    elsewhere,
    (relation) => anyOut(packetsOf(relation)),
    turns,
  );
  for (const m of moved) all.push({ ...m, fields: ['outInterface'] });
  const other = space.union(moved.map((m) => m.set));
  return { moved: all, differing: space.or(differing, other) };
}

/** Packets with more than one of these ends. */
export function openOutcomes(frame: Frame, outcomes: Outcomes): PacketSet {
  const { space } = frame.vocabulary;
  let once: PacketSet = space.none;
  let twice: PacketSet = space.none;
  for (const { set } of outcomes.values()) {
    twice = space.or(twice, space.and(once, set));
    once = space.or(once, set);
  }
  return twice;
}

/** Packets that fare differently, gathered under the rules that make the difference: as few groups as can be. */

import type { Rule } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import type { Decided, Decider } from './diff-frame.ts';

/**
 * What a change means to a reviewer.
 *
 * - `opened`, `closed`: packets pass that did not, or the other way round.
 * - `answered`: stopped on both sides, but told so in another way (dropped, rejected, with which answer).
 * - `redirected`: they pass, to another destination or by another interface.
 * - `marked`: they pass, with another mark, state or header.
 * - `translated`: they leave with another source.
 * - `limited`: the same may become of them, but a limit or something else that packets do not decide differs.
 * - `effect`: something else that a rule does differs: a log line, a list, a TTL.
 * - `otherwise`: handed to user space, or taken by a target.
 */
export type ChangeKind =
  | 'opened'
  | 'closed'
  | 'answered'
  | 'redirected'
  | 'marked'
  | 'translated'
  | 'limited'
  | 'effect'
  | 'otherwise';

/** Packets that moved from one outcome to another. */
export interface Move {
  readonly change: ChangeKind;
  /** Outcomes as keys of `diff-fates.ts`, or words of rules. */
  readonly from: string;
  readonly to: string;
  /** Of effects: what kind. */
  readonly about: string;
  readonly set: PacketSet;
  readonly oldDeciders: readonly Decided[];
  readonly newDeciders: readonly Decided[];
}

/** One group. */
export interface Group {
  readonly change: ChangeKind;
  readonly about: string;
  /** Outcomes, the one with most rules behind it first. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly old: readonly Decider[];
  readonly new: readonly Decider[];
  readonly set: PacketSet;
}

/** Deciders of both sides that have packets of a move in common. */
interface Atom {
  readonly move: Move;
  readonly old: Decided;
  readonly new: Decided;
}

/** One text for equal deciders of one side. */
export function deciderText(d: Decider): string {
  switch (d.kind) {
    case 'rule':
      return `rule ${d.rule.table} ${d.rule.chain} ${d.rule.index}`;
    case 'policy':
      return `policy ${d.table} ${d.chain}`;
    default:
      return d.kind;
  }
}

/** Finds those of many sets that have something in common with one: nearly as quickly as they are few. */
function meetingsOf(
  space: BddPacketSpace,
  sets: readonly PacketSet[],
): (set: PacketSet) => readonly number[] {
  // Unions of two, of four and so on: what meets none of them is not looked at one by one.
  const floors = [sets];
  for (let below = sets; below.length > 1; ) {
    const unions: PacketSet[] = [];
    for (let i = 0; i < below.length; i += 2)
      unions.push(space.or(below[i] as PacketSet, below[i + 1] ?? space.none));
    floors.push(unions);
    below = unions;
  }
  return (set) => {
    const found: number[] = [];
    const look = (floor: number, i: number): void => {
      const here = floors[floor]?.[i];
      if (here === undefined || space.disjoint(set, here)) return;
      if (floor === 0) {
        found.push(i);
        return;
      }
      look(floor - 1, 2 * i);
      look(floor - 1, 2 * i + 1);
    };
    look(floors.length - 1, 0);
    return found;
  };
}

function atomsOf(space: BddPacketSpace, moves: readonly Move[]): Atom[] {
  const atoms: Atom[] = [];
  for (const move of moves) {
    const meetings = meetingsOf(
      space,
      move.newDeciders.map((d) => d.set),
    );
    for (const old of move.oldDeciders)
      for (const i of meetings(old.set)) atoms.push({ move, old, new: move.newDeciders[i] as Decided });
  }
  return atoms;
}

/**
 * Groups moves: again and again the rule that explains most of what is left takes it all, rules that the other side
 * does not have before others. Quadratic in groups.
 */
export function groupMoves(
  space: BddPacketSpace,
  moves: readonly Move[],
  changed: ReadonlySet<Rule>,
): readonly Group[] {
  const candidates = new Map<string, { readonly isChanged: boolean; readonly atoms: Set<Atom> }>();
  const keysOf = (atom: Atom): readonly string[] => {
    const what = `${atom.move.change} ${atom.move.about}`;
    return [`${what} old ${deciderText(atom.old.decider)}`, `${what} new ${deciderText(atom.new.decider)}`];
  };
  const isChanged = (d: Decider): boolean => d.kind === 'rule' && changed.has(d.rule);
  for (const atom of atomsOf(space, moves))
    for (const [i, key] of keysOf(atom).entries()) {
      const entry = candidates.get(key) ?? {
        isChanged: isChanged((i === 0 ? atom.old : atom.new).decider),
        atoms: new Set<Atom>(),
      };
      candidates.set(key, entry);
      entry.atoms.add(atom);
    }
  const groups: Group[] = [];
  for (;;) {
    let best: { readonly isChanged: boolean; readonly atoms: Set<Atom> } | undefined;
    for (const c of candidates.values()) {
      if (c.atoms.size === 0) continue;
      if (
        best === undefined ||
        (c.isChanged && !best.isChanged) ||
        (c.isChanged === best.isChanged && c.atoms.size > best.atoms.size)
      )
        best = c;
    }
    if (best === undefined) return groups;
    const atoms = [...best.atoms];
    for (const atom of atoms) for (const key of keysOf(atom)) candidates.get(key)?.atoms.delete(atom);
    groups.push(groupOf(space, atoms));
  }
}

/** Distinct values by text, the most frequent first. */
function byFrequency<T>(values: readonly T[], text: (value: T) => string): readonly T[] {
  const counts = new Map<string, { readonly value: T; count: number }>();
  for (const value of values) {
    const key = text(value);
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { value, count: 1 });
    else known.count++;
  }
  return [...counts.values()].sort((a, b) => b.count - a.count).map((c) => c.value);
}

function groupOf(space: BddPacketSpace, atoms: readonly Atom[]): Group {
  const { move } = atoms[0] as Atom;
  const word = (text: string): string => text;
  return {
    change: move.change,
    about: move.about,
    from: byFrequency(
      atoms.map((a) => a.move.from),
      word,
    ),
    to: byFrequency(
      atoms.map((a) => a.move.to),
      word,
    ),
    old: byFrequency(
      atoms.map((a) => a.old.decider),
      deciderText,
    ),
    new: byFrequency(
      atoms.map((a) => a.new.decider),
      deciderText,
    ),
    set: space.union(atoms.map((a) => space.and(a.old.set, a.new.set))),
  };
}

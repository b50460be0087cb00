/**
 * What a chain that changes nothing does, whatever is sent into it: computed once, used by every caller.
 *
 * Endings may overlap where a rule may match or not; every packet has at least one, or comes back.
 */

import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { type ChainModel, type Ending, endings, openEndings, type RuleModel } from './chain-model.ts';

/** One chain in short. All sets are of the header as it is when the chain is entered. */
export interface ChainSummary {
  readonly ends: ReadonlyMap<Ending, PacketSet>;
  /** Packets that come to the end of the chain or to a RETURN. */
  readonly returns: PacketSet;
  /** By rule: packets that come to it, had all packets been sent in. */
  readonly reaching: readonly PacketSet[];
  /** By rule: those of them that it may take, where that was asked for. See {@link takenBy}. */
  readonly taken: (PacketSet | undefined)[];
}

/** The packets that come to a rule of the chain, had all been sent in, and that it may take. */
export function takenBy(summary: ChainSummary, r: RuleModel, space: BddPacketSpace): PacketSet {
  const { index } = r.rule;
  const known = summary.taken[index];
  if (known !== undefined) return known;
  const taken = space.and(summary.reaching[index] as PacketSet, r.may);
  if (space.isDecided(taken)) summary.taken[index] = taken;
  return taken;
}

/** Sets that are collected one by one and united at the end, in a balanced order. */
class Parts {
  readonly #lists = new Map<Ending | 'return', PacketSet[]>();

  add(where: Ending | 'return', set: PacketSet, none: PacketSet): void {
    if (set === none) return;
    const list = this.#lists.get(where);
    if (list === undefined) this.#lists.set(where, [set]);
    else list.push(set);
  }

  union(where: Ending | 'return', space: BddPacketSpace): PacketSet {
    return space.union(this.#lists.get(where) ?? []);
  }
}

/** What is known of a chain whose first rules are the same: a summary, and how many rules are. */
interface KnownBeginning {
  readonly summary: ChainSummary;
  readonly rules: number;
}

/**
 * The summary of a chain all of whose callees have theirs in `known`. Linear in rules, times the size of sets; rules of
 * the known beginning cost little.
 */
export function summarise(
  model: ChainModel,
  space: BddPacketSpace,
  known: ReadonlyMap<ChainModel, ChainSummary>,
  beginning?: KnownBeginning,
): ChainSummary {
  const parts = new Parts();
  const reaching: PacketSet[] = [];
  const taken: (PacketSet | undefined)[] = [];
  let rest = space.all;
  for (const [i, r] of model.rules.entries()) {
    reaching.push(rest);
    const old = beginning !== undefined && i < beginning.rules ? beginning.summary : undefined;
    const next = old?.reaching[i + 1];
    if (r.action.kind === 'continue' || rest === space.none) taken.push(old?.taken[i]);
    else {
      const here = old?.taken[i] ?? space.and(rest, r.may);
      taken.push(here);
      rest = passRule({ r, rest, taken: here, next }, space, parts, known);
    }
  }
  parts.add('return', rest, space.none);
  const ends = new Map<Ending, PacketSet>();
  for (const ending of endings) {
    const set = parts.union(ending, space);
    if (set !== space.none) ends.set(ending, set);
  }
  return { ends, returns: parts.union('return', space), reaching, taken };
}

/** Packets at one rule. */
interface AtRule {
  readonly r: RuleModel;
  readonly rest: PacketSet;
  readonly taken: PacketSet;
  /** What comes to the next rule, if that is known. */
  readonly next: PacketSet | undefined;
}

/** What is left for the next rule; the others become parts of what the chain does. */
function passRule(
  { r, rest, taken, next }: AtRule,
  space: BddPacketSpace,
  parts: Parts,
  known: ReadonlyMap<ChainModel, ChainSummary>,
): PacketSet {
  const { action } = r;
  const { none } = space;
  const others = (): PacketSet => next ?? space.diff(rest, r.must);
  switch (action.kind) {
    case 'continue':
      return rest;
    case 'end':
      parts.add(action.ending, taken, none);
      return others();
    case 'return':
      parts.add('return', taken, none);
      return others();
    case 'open':
      for (const ending of action.endings) parts.add(ending, taken, none);
      return rest;
    case 'jump':
    case 'goto': {
      const summary = action.chain === undefined ? undefined : known.get(action.chain);
      if (action.chain === undefined) {
        for (const ending of openEndings) parts.add(ending, taken, none);
        return rest;
      }
      if (summary === undefined) {
        parts.add('stuck', taken, none);
        return others();
      }
      for (const [ending, set] of summary.ends) parts.add(ending, space.and(taken, set), none);
      const back = space.and(taken, summary.returns);
      if (action.kind === 'goto') {
        parts.add('return', back, none);
        return others();
      }
      // Nothing of the chain ends there: everything goes on.
      if (summary.ends.size === 0) return rest;
      return next ?? space.or(space.diff(rest, r.must), back);
    }
  }
}

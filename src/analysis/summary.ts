/**
 * What a chain that changes nothing does, whatever is sent into it: computed once, used by every caller.
 *
 * Endings may overlap where a rule may match or not; every packet has at least one, or comes back.
 */

import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { type ChainModel, type Ending, endings, type RuleModel } from './chain-model.ts';

/** One chain in short. All sets are of the header as it is when the chain is entered. */
export interface ChainSummary {
  readonly ends: ReadonlyMap<Ending, PacketSet>;
  /** Packets that come to the end of the chain or to a RETURN. */
  readonly returns: PacketSet;
  /** By rule: packets that come to it, had all packets been sent in. */
  readonly reaching: readonly PacketSet[];
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

/** The summary of a chain all of whose callees have theirs in `known`. Linear in rules, times the size of sets. */
export function summarise(
  model: ChainModel,
  space: BddPacketSpace,
  known: ReadonlyMap<ChainModel, ChainSummary>,
): ChainSummary {
  const parts = new Parts();
  const reaching: PacketSet[] = [];
  let rest = space.all;
  for (const r of model.rules) {
    reaching.push(rest);
    rest = passRule(r, rest, space, parts, known);
  }
  parts.add('return', rest, space.none);
  const ends = new Map<Ending, PacketSet>();
  for (const ending of endings) {
    const set = parts.union(ending, space);
    if (set !== space.none) ends.set(ending, set);
  }
  return { ends, returns: parts.union('return', space), reaching };
}

/** What is left for the next rule. */
function passRule(
  r: RuleModel,
  rest: PacketSet,
  space: BddPacketSpace,
  parts: Parts,
  known: ReadonlyMap<ChainModel, ChainSummary>,
): PacketSet {
  const { action } = r;
  if (action.kind === 'continue' || rest === space.none) return rest;
  const taken = space.and(rest, r.may);
  const none = space.none;
  switch (action.kind) {
    case 'end':
      parts.add(action.ending, taken, none);
      return space.diff(rest, r.must);
    case 'return':
      parts.add('return', taken, none);
      return space.diff(rest, r.must);
    case 'open':
      parts.add('accept', taken, none);
      parts.add('drop', taken, none);
      return rest;
    case 'jump':
    case 'goto': {
      const summary = action.chain === undefined ? undefined : known.get(action.chain);
      if (action.chain === undefined) {
        parts.add('accept', taken, none);
        parts.add('drop', taken, none);
        return rest;
      }
      if (summary === undefined) {
        parts.add('stuck', taken, none);
        return space.diff(rest, r.must);
      }
      for (const [ending, set] of summary.ends) parts.add(ending, space.and(taken, set), none);
      const back = space.and(taken, summary.returns);
      if (action.kind === 'goto') {
        parts.add('return', back, none);
        return space.diff(rest, r.must);
      }
      // Nothing of the chain ends there: everything goes on.
      if (summary.ends.size === 0) return rest;
      return space.or(space.diff(rest, r.must), back);
    }
  }
}

/**
 * What comes to the beginning of each chain in one visit of a table. Chains that change nothing pass packets on to
 * their callees without being walked: what they pass on is worked out for the chains that somebody asks about.
 */

import type { PacketSet } from '../packetset/space.ts';
import type { ChainModel } from './chain-model.ts';
import { takenBy } from './summary.ts';
import type { Caller, TableAnalysis } from './table-run.ts';

/** Answers about one visit. */
export interface Arrivals {
  /** Packets that come to the beginning of the chain. */
  entries(chain: ChainModel): PacketSet;
  /** The same by who sends them there; none of the parts is empty. */
  comings(chain: ChainModel): readonly PacketSet[];
  /** One of these parts; undefined behind the last. Thousands may jump to a chain, and the first part may be enough. */
  coming(chain: ChainModel, index: number): PacketSet | undefined;
}

/** Parts as far as they are known. */
interface Progress {
  readonly parts: PacketSet[];
  readonly callers: readonly Caller[];
  /** The next caller to ask. */
  next: number;
}

/** `pushed`: packets that the visit itself has sent to chains. */
export function createArrivals(
  analysis: TableAnalysis,
  pushed: ReadonlyMap<ChainModel, readonly PacketSet[]>,
): Arrivals {
  const { model, vocabulary } = analysis;
  const { space } = vocabulary;
  const known = new Map<ChainModel, Progress>();
  const united = new Map<ChainModel, PacketSet>();
  const passesOn = (chain: ChainModel): boolean => !chain.rewrites && !chain.loops;
  let places: ReadonlyMap<ChainModel, number> | undefined;

  /** The chains above one, down from the built-in ones, that were not put together yet. */
  function chainsAbove(chain: ChainModel): readonly ChainModel[] {
    const above = new Set<ChainModel>();
    const open = [chain];
    for (let one = open.pop(); one !== undefined; one = open.pop())
      for (const caller of analysis.callers(one)) {
        if (!passesOn(caller.chain) || united.has(caller.chain) || above.has(caller.chain)) continue;
        above.add(caller.chain);
        open.push(caller.chain);
      }
    if (above.size < 2) return [...above];
    places ??= new Map(model.order.map((c, i) => [c, i]));
    const place = (c: ChainModel): number => places?.get(c) ?? 0;
    return [...above].sort((a, b) => place(b) - place(a));
  }

  function progressOf(chain: ChainModel): Progress {
    let progress = known.get(chain);
    if (progress === undefined) {
      const callers = analysis.callers(chain).filter((c) => passesOn(c.chain));
      progress = { parts: [...(pushed.get(chain) ?? [])], callers, next: 0 };
      known.set(chain, progress);
      for (const caller of chainsAbove(chain)) unite(caller);
    }
    return progress;
  }

  function coming(chain: ChainModel, index: number): PacketSet | undefined {
    const progress = progressOf(chain);
    const { parts, callers } = progress;
    while (parts.length <= index && progress.next < callers.length) {
      const { chain: from, rule } = callers[progress.next++] as Caller;
      const here = unite(from);
      const summary = analysis.summary(from);
      if (here === space.none || summary === undefined) continue;
      const into = space.and(here, takenBy(summary, rule, space));
      if (into !== space.none) parts.push(into);
    }
    return parts[index];
  }

  function unite(chain: ChainModel): PacketSet {
    let set = united.get(chain);
    if (set === undefined) {
      set = space.union(comings(chain));
      united.set(chain, set);
    }
    return set;
  }

  function comings(chain: ChainModel): readonly PacketSet[] {
    coming(chain, Number.POSITIVE_INFINITY);
    return progressOf(chain).parts;
  }

  return { entries: unite, comings, coming };
}

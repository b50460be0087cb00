/**
 * One visit of packets to a table at a hook.
 *
 * The packets are a relation between the header at entry and the header now. Chains that change nothing are answered
 * by their summaries; through the others the packets are pushed rule by rule.
 */

import type { Hook, Policy, TableName } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { createArrivals } from './arrivals.ts';
import {
  type ChainModel,
  type Ending,
  endings,
  openEndings,
  type RuleModel,
  type TableModel,
} from './chain-model.ts';
import { applyChanges, refusedByChanges } from './changes.ts';
import type { KeptTable } from './kept.ts';
import type { Side } from './side.ts';
import { type ChainSummary, summarise, takenBy } from './summary.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Chains entered within each other before the analysis gives up on what lies deeper. */
const depthMax = 256;

/** A rule that sends packets to a chain. */
export interface Caller {
  readonly chain: ChainModel;
  readonly rule: RuleModel;
}

/** A table with the summaries of its chains, made when first asked for and kept for all visits. */
export interface TableAnalysis {
  readonly side: Side;
  readonly vocabulary: Vocabulary;
  readonly model: TableModel;
  /** What an analysis before this one left of it, and where it leaves its own. */
  readonly kept: KeptTable | undefined;
  /** The jumps and gotos that lead to a chain, in the order of the table. */
  callers(chain: ChainModel): readonly Caller[];
  /** Of a chain that changes nothing and does not loop. */
  summary(chain: ChainModel): ChainSummary | undefined;
}

/** Prepares a table. */
export function analyseTable(
  side: Side,
  vocabulary: Vocabulary,
  model: TableModel,
  kept?: KeptTable,
): TableAnalysis {
  const known = new Map<ChainModel, ChainSummary>();
  let done = 0;
  let callers: ReadonlyMap<ChainModel, readonly Caller[]> | undefined;
  return {
    side,
    vocabulary,
    model,
    kept,
    callers: (chain) => {
      callers ??= callersOf(model);
      return callers.get(chain) ?? [];
    },
    summary: (chain) => {
      // In the order of the table, so that callees are there before their callers.
      while (!known.has(chain) && done < model.order.length) {
        const next = model.order[done++] as ChainModel;
        if (next.rewrites || next.loops) continue;
        const { space } = vocabulary;
        known.set(next, kept?.summary(next, space, known) ?? summarise(next, space, known));
      }
      return known.get(chain);
    },
  };
}

function callersOf({ order }: TableModel): ReadonlyMap<ChainModel, readonly Caller[]> {
  const callers = new Map<ChainModel, Caller[]>();
  for (const chain of order)
    for (const rule of chain.rules) {
      const { action } = rule;
      if (!('chain' in action) || action.chain === undefined) continue;
      const list = callers.get(action.chain);
      if (list === undefined) callers.set(action.chain, [{ chain, rule }]);
      else list.push({ chain, rule });
    }
  return callers;
}

/** Packets that a terminating rule took: relations between the header at entry and the one at the rule. */
export interface Visit {
  readonly hook: Hook;
  readonly table: TableName;
  readonly analysis: TableAnalysis;
  /** What came in. */
  readonly entering: PacketSet;
  /** What each ending took, as it was when it happened. */
  readonly ends: ReadonlyMap<Ending, PacketSet>;
  /** Packets for which the chain's policy decided, in `ends` as well. */
  readonly byPolicy: PacketSet;
  readonly policy: Policy;
  /** Packets that come to this rule, before its conditions: a relation. */
  reaching(rule: Rule): PacketSet;
  /** Of these, the packets that it may take. */
  taking(rule: Rule): PacketSet;
  /** Whether it may take any: as `taking`, without making the set. Undefined: the nodes ran out. */
  takes(rule: Rule): boolean | undefined;
  /** Packets that come to the beginning of this chain. */
  entries(chain: ChainModel): PacketSet;
  /** The same by who sends them there; none of the parts is empty. */
  comings(chain: ChainModel): readonly PacketSet[];
}

interface Passed {
  readonly returns: PacketSet;
}

/** Sends `entering` through the built-in chain of this hook. */
export function visitTable(analysis: TableAnalysis, hook: Hook, entering: PacketSet): Visit {
  const { vocabulary, model, side } = analysis;
  const { space } = vocabulary;
  const table = model.table.name as TableName;
  const builtin = model.chains.get(hook);
  const ends = new Map<Ending, PacketSet[]>();
  const arrivals = new Map<ChainModel, PacketSet[]>();
  /** By rule of a chain that packets are pushed through. */
  const pushed = new Map<Rule, PacketSet[]>();

  const end = (ending: Ending, set: PacketSet): void => {
    if (set === space.none) return;
    const list = ends.get(ending);
    if (list === undefined) ends.set(ending, [set]);
    else list.push(set);
  };
  const note = <K>(map: Map<K, PacketSet[]>, key: K, set: PacketSet): void => {
    const list = map.get(key);
    if (list === undefined) map.set(key, [set]);
    else list.push(set);
  };

  function enter(chain: ChainModel, set: PacketSet, depth: number): Passed {
    if (set === space.none) return { returns: space.none };
    note(arrivals, chain, set);
    if (chain.loops || depth > depthMax) {
      end('stuck', set);
      return { returns: space.none };
    }
    if (!chain.rewrites) {
      const summary = analysis.summary(chain) as ChainSummary;
      for (const [ending, part] of summary.ends) end(ending, space.and(set, part));
      return { returns: space.and(set, summary.returns) };
    }
    return push(chain, set, depth);
  }

  function push(chain: ChainModel, set: PacketSet, depth: number): Passed {
    const returned: PacketSet[] = [];
    let rest = set;
    for (const r of chain.rules) {
      if (rest === space.none) break;
      note(pushed, r.rule, rest);
      rest = pushRule(r, rest, returned, depth);
    }
    returned.push(rest);
    return { returns: space.union(returned) };
  }

  function pushRule(r: RuleModel, rest: PacketSet, returned: PacketSet[], depth: number): PacketSet {
    const { action, changes } = r;
    if (action.kind === 'continue' && changes.length === 0) return rest;
    const taken = space.and(rest, r.may);
    if (taken === space.none) return rest;
    const stays = space.diff(rest, r.must);
    let changed = taken;
    if (changes.length > 0) {
      const refused = refusedByChanges({ side, vocabulary, hook, set: taken, changes });
      end('drop', space.or(refused.certain, refused.perhaps));
      changed = applyChanges({ side, vocabulary, hook, set: space.diff(taken, refused.certain), changes });
    }
    switch (action.kind) {
      case 'continue':
        return space.or(stays, changed);
      case 'end':
        end(action.ending, changed);
        return stays;
      case 'return':
        returned.push(taken);
        return stays;
      case 'open':
        for (const ending of action.endings) end(ending, ending === 'accept' ? changed : taken);
        return space.union([stays, taken, changed]);
      case 'jump':
      case 'goto': {
        if (action.chain === undefined) {
          for (const ending of openEndings) end(ending, taken);
          return rest;
        }
        const { returns } = enter(action.chain, taken, depth + 1);
        if (action.kind === 'jump') return space.or(stays, returns);
        returned.push(returns);
        return stays;
      }
    }
  }

  const policy = builtin?.chain.policy ?? 'ACCEPT';
  const { returns } = builtin === undefined ? { returns: entering } : enter(builtin, entering, 0);
  end(policy === 'DROP' ? 'drop' : policy === 'QUEUE' ? 'queue' : 'accept', returns);
  const ended = new Map<Ending, PacketSet>();
  for (const ending of endings) {
    const list = ends.get(ending);
    if (list !== undefined) ended.set(ending, space.union(list));
  }

  const arriving = createArrivals(analysis, arrivals);
  const { entries, comings } = arriving;
  const modelOf = (rule: Rule): RuleModel | undefined => model.chains.get(rule.chain)?.rules[rule.index];
  const reaching = (rule: Rule): PacketSet => {
    const chain = model.chains.get(rule.chain);
    if (chain === undefined || rule.table !== table) return space.none;
    if (chain.rewrites) return space.union(pushed.get(rule) ?? []);
    const summary = analysis.summary(chain);
    return summary === undefined
      ? space.none
      : space.and(entries(chain), summary.reaching[rule.index] as PacketSet);
  };

  const takes = (rule: Rule): boolean | undefined => {
    const r = modelOf(rule);
    const chain = model.chains.get(rule.chain);
    if (r === undefined || chain === undefined || rule.table !== table) return false;
    const meets = (coming: PacketSet, own: PacketSet): boolean | undefined =>
      coming === space.none || own === space.none
        ? false
        : space.isDecided(coming) && space.isDecided(own)
          ? !space.disjoint(coming, own)
          : undefined;
    if (chain.rewrites) {
      const answers = (pushed.get(rule) ?? []).map((set) => meets(set, r.may));
      return answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
    }
    const summary = analysis.summary(chain);
    // Within a loop nothing is told.
    if (summary === undefined) return comings(chain).length === 0 ? false : undefined;
    let decided = true;
    for (
      let i = 0, part = arriving.coming(chain, 0);
      part !== undefined;
      part = arriving.coming(chain, ++i)
    ) {
      const some = meets(part, takenBy(summary, r, space));
      if (some === true) return true;
      if (some === undefined) decided = false;
    }
    return decided ? false : undefined;
  };

  return {
    hook,
    table,
    analysis,
    entering,
    ends: ended,
    byPolicy: returns,
    policy,
    reaching,
    taking: (rule) => {
      const r = modelOf(rule);
      return r === undefined ? space.none : space.and(reaching(rule), r.may);
    },
    takes,
    entries,
    comings,
  };
}

/** The header now of a relation: what the header was at entry is forgotten. */
export function nowOf(
  space: BddPacketSpace,
  relation: PacketSet,
  rewritten: ReadonlySet<FieldName>,
): PacketSet {
  return rewritten.size === 0 ? relation : space.forget(relation, [...rewritten], 'entry');
}

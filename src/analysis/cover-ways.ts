/**
 * The ways to a rule: from the built-in chain of each hook through jumps to the rule's chain, with the packets that
 * could come by each if no rule ended any.
 *
 * Sets here are of the header as it is at the rule. Fields that a rule of the table writes before it goes on are not
 * looked at: a condition on them is taken for "maybe" where packets are asked for, and for "no" where one must be sure.
 * What is concluded then holds whatever those fields are.
 */

import type { Hook } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import { entryFields, type FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { ChainModel, RuleModel, TableModel } from './chain-model.ts';
import { written } from './mention-rules.ts';
import { analyseTable, nowOf, type TableAnalysis, type Visit } from './table-run.ts';
import type { Vocabulary } from './vocabulary.ts';

/** One chain of a way, and how many of its rules stand before the next jump, or before the rule itself. */
interface Leg {
  readonly chain: ChainModel;
  readonly before: number;
}

/** One way to a rule. */
export interface Way {
  readonly hook: Hook;
  readonly table: SteadyTable;
  /** From the built-in chain to the chain of the rule. */
  readonly legs: readonly Leg[];
  /** Packets for which all jumps and the rule itself may match, whichever come. */
  readonly asked: PacketSet;
  /** Packets that come to the hook. */
  readonly coming: PacketSet;
  /** Both: the packets in question. */
  readonly packets: PacketSet;
}

/** A table whose rules change nothing: see the head of this file. */
export interface SteadyTable {
  readonly analysis: TableAnalysis;
  /** Whether some jumps lead from a built-in chain to this one. */
  referenced(chain: ChainModel): boolean;
  /** Leaves open what rules write before they go on. */
  widen(set: PacketSet): PacketSet;
}

/** More ways than this are not followed one by one. */
const waysMax = 64;

/** Fields that rules write before packets go on to further rules of the table. */
function unsteadyFields({ chains }: TableModel): readonly FieldName[] {
  const fields = new Set<FieldName>();
  for (const { rules } of chains.values())
    for (const { action, changes } of rules) {
      if (action.kind === 'end') continue;
      for (const change of changes)
        for (const field of change.field === 'ctState'
          ? (['ctState', 'ctDirection', ...entryFields] as const)
          : written(change))
          fields.add(field);
    }
  return [...fields];
}

/** See the head of this file. Linear in rules where nothing is written; summaries are made when asked for. */
export function steadyTable(analysis: TableAnalysis): SteadyTable {
  const { vocabulary, model } = analysis;
  const { space } = vocabulary;
  const unsteady = unsteadyFields(model);
  const widen = (set: PacketSet): PacketSet => (unsteady.length === 0 ? set : space.forget(set, unsteady));
  const narrow = (set: PacketSet): PacketSet =>
    unsteady.length === 0 ? set : space.not(space.forget(space.not(set), unsteady));

  const changes = [...model.chains.values()].some((c) => c.rewrites);
  const steady = changes
    ? analyseTable(analysis.side, vocabulary, withoutChanges(model, widen, narrow), analysis.kept?.steady)
    : analysis;

  const referenced = new Set<ChainModel>();
  // Callers before callees.
  for (const chain of [...steady.model.order].reverse())
    if (chain.chain.hook !== undefined || steady.callers(chain).some((c) => referenced.has(c.chain)))
      referenced.add(chain);

  return {
    analysis: steady,
    referenced: (chain) => referenced.has(chain),
    widen,
  };
}

function withoutChanges(
  { table, chains, order }: TableModel,
  widen: (set: PacketSet) => PacketSet,
  narrow: (set: PacketSet) => PacketSet,
): TableModel {
  const models = new Map<string, ChainModel & { rules: RuleModel[] }>();
  for (const [name, { chain, loops }] of chains)
    models.set(name, { chain, rules: [], rewrites: false, loops });
  for (const [name, { rules }] of chains)
    for (const r of rules) {
      const { action } = r;
      const target = 'chain' in action && action.chain ? models.get(action.chain.chain.name) : undefined;
      models.get(name)?.rules.push({
        rule: r.rule,
        may: widen(r.may),
        must: narrow(r.must),
        action: 'chain' in action ? { kind: action.kind, chain: target } : action,
        changes: [],
      });
    }
  return {
    table,
    chains: models,
    order: order.map((c) => models.get(c.chain.name) as ChainModel),
  };
}

/** Finds the ways to rules through the visits of one kind of packets. */
export interface Ways {
  /** Undefined where there are more than 64, or where jumps lead in a circle. */
  to(rule: Rule): readonly Way[] | undefined;
}

/** Prepares ways. What comes to a hook twice (from the wire, and back by `lo`) is one set here. */
export function createWays(vocabulary: Vocabulary, visits: readonly Visit[]): Ways {
  const { space } = vocabulary;
  const tables = new Map<TableAnalysis, SteadyTable>();
  const steadyOf = (analysis: TableAnalysis): SteadyTable => {
    let table = tables.get(analysis);
    if (table === undefined) {
      table = steadyTable(analysis);
      tables.set(analysis, table);
    }
    return table;
  };
  const comings = new Map<TableAnalysis, Map<Hook, PacketSet[]>>();
  for (const { analysis, hook, entering } of visits) {
    const byHook = comings.get(analysis) ?? new Map<Hook, PacketSet[]>();
    comings.set(analysis, byHook);
    byHook.set(hook, [...(byHook.get(hook) ?? []), entering]);
  }
  /** Headers that a packet can have, nothing said of those at entry. */
  const possible = nowOf(space, space.valid, vocabulary.rewritten);
  const headers = new Map<string, PacketSet>();
  /** What comes to a hook, by its header there. */
  const coming = (analysis: TableAnalysis, hook: Hook, number: number): PacketSet => {
    const key = `${number} ${hook}`;
    let set = headers.get(key);
    if (set === undefined) {
      const all = space.union(comings.get(analysis)?.get(hook) ?? []);
      set = steadyOf(analysis).widen(nowOf(space, all, vocabulary.rewritten));
      headers.set(key, set);
    }
    return set;
  };

  /** Ways up from a chain to a built-in one; false: too many. */
  function climb(table: SteadyTable, chain: ChainModel, legs: readonly Leg[], found: Leg[][]): boolean {
    if (chain.loops) return false;
    if (chain.chain.hook !== undefined) {
      found.push([...legs]);
      return found.length <= waysMax;
    }
    return table.analysis
      .callers(chain)
      .every(
        (c) =>
          !table.referenced(c.chain) ||
          climb(table, c.chain, [{ chain: c.chain, before: c.rule.rule.index }, ...legs], found),
      );
  }

  return {
    to: (rule) => {
      const ways: Way[] = [];
      for (const [number, analysis] of [...comings.keys()].entries()) {
        if (analysis.model.table.name !== rule.table) continue;
        const table = steadyOf(analysis);
        const chain = table.analysis.model.chains.get(rule.chain);
        if (chain === undefined || !table.referenced(chain)) continue;
        const found: Leg[][] = [];
        if (!climb(table, chain, [{ chain, before: rule.index }], found)) return undefined;
        for (const legs of found) {
          // The rule's own conditions first: they are the narrowest.
          let asked = space.all;
          for (let i = legs.length - 1; i >= 0; i--) {
            const { chain: c, before } = legs[i] as Leg;
            asked = space.and(asked, (c.rules[before] as RuleModel).may);
          }
          const hook = legs[0]?.chain.chain.hook;
          if (hook === undefined) continue;
          asked = space.and(asked, possible);
          if (ways.length >= waysMax) return undefined;
          const here = coming(analysis, hook, number);
          ways.push({ hook, table, legs, asked, coming: here, packets: space.and(asked, here) });
        }
      }
      return ways;
    },
  };
}

/** The chains of a ruleset as packets meet them: hook by hook, table by table, with the jumps between them. */

import { tablesAt } from '../engine/hooks.ts';
import type { RulesetView } from '../lint/check.ts';
import { type Hook, hooks, type Policy } from '../model/netfilter.ts';
import type { Chain, Rule } from '../model/ruleset.ts';
import { type FoldedGroup, foldChains } from './fold.ts';
import type { Shares, Weigher } from './shares.ts';

/** What a target means for the packet: let through, stopped, addresses rewritten, or anything else. */
export type ActionKind = 'accept' | 'drop' | 'nat' | 'other';

/** Rules of a chain that do the same. Jumps are no actions: they are {@link GraphCall}s. */
export interface GraphAction {
  /** The target as the rules name it: `ACCEPT`, `DNAT` … */
  readonly target: string;
  readonly kind: ActionKind;
  readonly ruleCount: number;
}

/** A box of the picture: a chain at one hook, or several chains that were folded into one. */
export interface GraphNode {
  /** Unique in the graph: `HOOK/TABLE/CHAIN`; of folded chains `HOOK/TABLE/+N`. */
  readonly id: string;
  readonly hook: Hook;
  readonly table: string;
  /** The chain, or what the folded ones have in common: `KUBE-SEP-…`. */
  readonly name: string;
  /** Names of the chains, in the order of the ruleset: one, or all that were folded. */
  readonly chains: readonly string[];
  readonly builtin: boolean;
  /** Built-in chains only. */
  readonly policy: Policy | undefined;
  /** The program that writes these chains; undefined for the administrator's. */
  readonly owner: string | undefined;
  readonly ruleCount: number;
  /** Most rules first, then by name. */
  readonly actions: readonly GraphAction[];
  /** 1-based line of the (first) chain in its source; 0: not declared there. */
  readonly line: number;
  /** How many of all packets come here, where the picture was asked to say it. */
  readonly shares: Shares | undefined;
}

/** Jumps and gotos from one box to another. */
export interface GraphCall {
  /** {@link GraphNode.id} of both ends. */
  readonly from: string;
  readonly to: string;
  readonly ruleCount: number;
  /** Every one of them is a goto: packets do not come back. */
  readonly goto: boolean;
  /** The rule, where it is one. */
  readonly rule: Rule | undefined;
  /** Packets that the rules have counted; undefined where the dump has no counters. */
  readonly packets: number | undefined;
  /** How many of all packets take it, where the picture was asked to say it. */
  readonly shares: Shares | undefined;
}

/** Tables of one hook that have something to say, in the kernel's order. */
export interface GraphHook {
  readonly hook: Hook;
  /** Tables with a box of their own. */
  readonly tables: readonly string[];
  /** Tables that are there, have no rules at this hook and accept. */
  readonly idle: readonly string[];
}

/** One ruleset as a graph. */
export interface FlowGraph {
  /** In the order of a packet's way: PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING. */
  readonly hooks: readonly GraphHook[];
  readonly nodes: readonly GraphNode[];
  readonly calls: readonly GraphCall[];
  /** Chains that no hook leads to, as `table chain`. */
  readonly unused: readonly string[];
  /** Chains that share a box with others, each counted once for each hook. */
  readonly foldedCount: number;
}

/** How to draw. */
export interface FlowGraphOptions {
  /** Boxes of one table at one hook; where there would be more, chains are folded. At least 2. */
  readonly boxesMax: number;
  /** Whether calls carry what the rules have counted. */
  readonly counters: boolean;
  /** Says how many of all packets come where; absent: nobody asked. */
  readonly weigher?: Weigher;
}

/** Makes the graph. Linear in the rules times the hooks that lead to them. */
export function buildFlowGraph(view: RulesetView, options: FlowGraphOptions): FlowGraph {
  const nodes: GraphNode[] = [];
  const calls: GraphCall[] = [];
  let foldedCount = 0;
  const hookList = hooks.map((hook): GraphHook => {
    const drawn: string[] = [];
    const idle: string[] = [];
    for (const table of tablesAt(hook, view.ruleset.backend)) {
      const base = view.chain(table, hook);
      if (base?.hook !== hook) continue;
      if (base.rules.length === 0 && base.policy !== 'DROP' && base.policy !== 'QUEUE') {
        idle.push(table);
        continue;
      }
      drawn.push(table);
      const groups = foldChains(reachableFrom(view, base), options.boxesMax, (chain) =>
        ownerName(view, chain),
      );
      const box = (index: number): string => idOf(hook, table, groups[index] as FoldedGroup, index);
      const groupOf = new Map(groups.flatMap(({ chains }, index) => chains.map((c) => [c.name, index])));
      groups.forEach((group, index) => {
        nodes.push(nodeOf(view, hook, group, box(index), options.weigher));
        if (group.chains.length > 1) foldedCount += group.chains.length;
      });
      calls.push(...callsOf(groups, groupOf, box, hook, options));
    }
    return { hook, tables: drawn, idle };
  });
  const unused = view.ruleset.tables.flatMap((table) =>
    table.chains
      .filter((c) => c.hook === undefined && view.hooks(table.name, c.name).length === 0)
      .map((c) => `${table.name} ${c.name}`),
  );
  return { hooks: hookList, nodes, calls, unused, foldedCount };
}

function ownerName(view: RulesetView, chain: Chain): string | undefined {
  return chain.hook === undefined ? view.owner(chain.table, chain.name)?.name : undefined;
}

/** All chains that a packet may meet after this one, nearest first; those of one caller in the order of its rules. */
function reachableFrom(view: RulesetView, base: Chain): readonly Chain[] {
  const found = new Map([[base.name, base]]);
  for (const chain of found.values())
    for (const { target } of chain.rules) {
      if (target.kind !== 'jump' && target.kind !== 'goto') continue;
      const next = view.chain(base.table, target.chain);
      if (next) found.set(next.name, next);
    }
  return [...found.values()];
}

function idOf(hook: Hook, table: string, { chains }: FoldedGroup, index: number): string {
  const [only] = chains;
  return `${hook}/${table}/${chains.length === 1 && only ? only.name : `+${index}`}`;
}

function nodeOf(
  view: RulesetView,
  hook: Hook,
  { name, chains }: FoldedGroup,
  id: string,
  weigher: Weigher | undefined,
): GraphNode {
  const [first] = chains;
  const owners = new Set(chains.map((c) => ownerName(view, c)));
  const counts = new Map<string, { target: string; kind: ActionKind; ruleCount: number }>();
  for (const chain of chains)
    for (const rule of chain.rules) {
      const action = actionOf(view, rule);
      if (action === undefined) continue;
      const key = `${action.kind} ${action.target}`;
      const known = counts.get(key);
      if (known) known.ruleCount++;
      else counts.set(key, { ...action, ruleCount: 1 });
    }
  return {
    id,
    hook,
    table: first?.table ?? '',
    name,
    chains: chains.map((c) => c.name),
    builtin: first?.hook !== undefined,
    policy: first?.policy,
    owner: owners.size === 1 ? [...owners][0] : undefined,
    ruleCount: chains.reduce((sum, c) => sum + c.rules.length, 0),
    actions: [...counts.values()].sort((a, b) => b.ruleCount - a.ruleCount || (a.target < b.target ? -1 : 1)),
    line: first?.line ?? 0,
    shares: weigher?.chains(hook, chains),
  };
}

function actionOf(view: RulesetView, rule: Rule): { target: string; kind: ActionKind } | undefined {
  const { target } = rule;
  if (target.kind === 'none' || target.kind === 'jump' || target.kind === 'goto') return undefined;
  const name = target.kind === 'verdict' ? target.verdict : target.extension;
  const { outcome, changes } = view.effect(rule);
  if (changes?.some((c) => c.field === 'nat') === true) return { target: name, kind: 'nat' };
  if (outcome === 'accept') return { target: name, kind: 'accept' };
  return { target: name, kind: outcome === 'drop' ? 'drop' : 'other' };
}

/** The jumps between groups; within a folded one they are not seen. */
function callsOf(
  groups: readonly FoldedGroup[],
  groupOf: ReadonlyMap<string, number>,
  box: (index: number) => string,
  hook: Hook,
  { counters, weigher }: FlowGraphOptions,
): readonly GraphCall[] {
  const found = new Map<string, { from: number; to: number; rules: Rule[] }>();
  groups.forEach(({ chains }, from) => {
    for (const chain of chains)
      for (const rule of chain.rules) {
        if (rule.target.kind !== 'jump' && rule.target.kind !== 'goto') continue;
        const to = groupOf.get(rule.target.chain);
        if (to === undefined || (to === from && chains.length > 1)) continue;
        const key = `${from} ${to}`;
        const known = found.get(key);
        if (known) known.rules.push(rule);
        else found.set(key, { from, to, rules: [rule] });
      }
  });
  return [...found.values()].map(({ from, to, rules }) => ({
    from: box(from),
    to: box(to),
    ruleCount: rules.length,
    goto: rules.every((r) => r.target.kind === 'goto'),
    rule: rules.length === 1 ? rules[0] : undefined,
    packets:
      counters && rules.every((r) => r.counters !== undefined)
        ? rules.reduce((sum, r) => sum + (r.counters?.packets ?? 0), 0)
        : undefined,
    shares: weigher?.rules(hook, rules),
  }));
}

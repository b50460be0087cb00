/**
 * What-if: rules edited, inserted, moved and switched off in memory. A draft holds the chains that were touched and
 * nothing else; every change makes a new draft and leaves the old one as it is, so that undoing is exact.
 */

import type { Policy } from '../../model/netfilter.ts';
import { type Chain, findChain, findTable, type Rule, type Ruleset } from '../../model/ruleset.ts';
import type { Family } from '../../net/address.ts';

/** A chain by name. */
export interface ChainName {
  readonly family: Family;
  readonly table: string;
  readonly chain: string;
}

/** A rule in its place, whether in force or not. `Rule.index` is where it was read; its place here counts. */
export interface DraftRule {
  readonly rule: Rule;
  readonly enabled: boolean;
  /** What was done to it since it was read. */
  readonly change: 'new' | 'changed' | 'moved' | undefined;
}

/** A chain that was touched. */
export interface DraftChain {
  readonly entries: readonly DraftRule[];
  readonly policy: Policy | undefined;
}

/** The touched chains by {@link chainKey}. */
export type Draft = ReadonlyMap<string, DraftChain>;

/** Nothing touched. */
export const emptyDraft: Draft = new Map();

/** One text for a chain's name. */
export function chainKey({ family, table, chain }: ChainName): string {
  return `${family} ${table} ${chain}`;
}

/** The chain as it was read. */
function originalChain(rulesets: readonly Ruleset[], name: ChainName): Chain | undefined {
  const ruleset = rulesets.findLast((r) => r.family === name.family);
  const table = ruleset && findTable(ruleset, name.table);
  return table && findChain(table, name.chain);
}

/** Reads chains of a draft: the touched one, or the one that was read, without copying it. */
export interface ChainView {
  readonly size: number;
  readonly policy: Policy | undefined;
  at(row: number): DraftRule | undefined;
}

/** The chain as the draft has it; undefined if there is none of that name. */
export function viewChain(
  rulesets: readonly Ruleset[],
  draft: Draft,
  name: ChainName,
): ChainView | undefined {
  const touched = draft.get(chainKey(name));
  if (touched)
    return { size: touched.entries.length, policy: touched.policy, at: (row) => touched.entries[row] };
  const chain = originalChain(rulesets, name);
  if (!chain) return undefined;
  return {
    size: chain.rules.length,
    policy: chain.policy,
    at: (row) => {
      const rule = chain.rules[row];
      return rule && { rule, enabled: true, change: undefined };
    },
  };
}

/** The draft with one chain changed; the same draft where there is no such chain. */
export function changeChain(
  rulesets: readonly Ruleset[],
  draft: Draft,
  name: ChainName,
  change: (chain: DraftChain) => DraftChain,
): Draft {
  const chain = originalChain(rulesets, name);
  if (!chain) return draft;
  const before = draft.get(chainKey(name)) ?? {
    entries: chain.rules.map((rule): DraftRule => ({ rule, enabled: true, change: undefined })),
    policy: chain.policy,
  };
  const after = change(before);
  return after === before ? draft : new Map(draft).set(chainKey(name), after);
}

/** Replaces some entries of a chain by others. */
export function splice(
  entries: readonly DraftRule[],
  at: number,
  removed: number,
  inserted: readonly DraftRule[],
): readonly DraftRule[] {
  return entries.toSpliced(at, removed, ...inserted);
}

/** The rules in force: what the kernel would have after the draft was loaded. Untouched chains stay the same object. */
export function draftRuleset(ruleset: Ruleset, draft: Draft): Ruleset {
  if (draft.size === 0) return ruleset;
  return {
    ...ruleset,
    tables: ruleset.tables.map((table) => {
      const touched = table.chains.some((c) =>
        draft.has(chainKey({ family: ruleset.family, table: table.name, chain: c.name })),
      );
      if (!touched) return table;
      return {
        ...table,
        chains: table.chains.map((chain) => {
          const own = draft.get(chainKey({ family: ruleset.family, table: table.name, chain: chain.name }));
          if (!own) return chain;
          const rules = own.entries
            .filter((e) => e.enabled)
            .map(({ rule }, index) => (rule.index === index ? rule : { ...rule, index }));
          return { ...chain, policy: own.policy, rules };
        }),
      };
    }),
  };
}

const counted = new WeakMap<Draft, number>();

/** How many rules and policies differ from what was read. Counted once for each draft. */
export function changeCount(rulesets: readonly Ruleset[], draft: Draft): number {
  const known = counted.get(draft);
  if (known !== undefined) return known;
  const count = countChanges(rulesets, draft);
  counted.set(draft, count);
  return count;
}

function countChanges(rulesets: readonly Ruleset[], draft: Draft): number {
  let count = 0;
  for (const [key, chain] of draft) {
    const [family, table, ...rest] = key.split(' ');
    const original = originalChain(rulesets, {
      family: family as Family,
      table: table ?? '',
      chain: rest.join(' '),
    });
    if (original?.policy !== chain.policy) count++;
    let kept = 0;
    for (const entry of chain.entries) {
      if (!entry.enabled || entry.change !== undefined) count++;
      if (entry.change !== 'new') kept++;
    }
    // What was read and is not there any more was taken out.
    count += (original?.rules.length ?? 0) - kept;
  }
  return count;
}

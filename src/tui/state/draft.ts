/**
 * What-if: rules edited, inserted, moved and switched off in memory. A draft holds the chains that were touched, each as
 * a list of pieces: runs of rules as they were read, and rules that were touched. A change costs what changes and makes
 * a new draft beside the old one, so that undoing is exact and many changes of 100,000 rules take little memory. A draft
 * is plain data: a thread that has read the same texts makes the same rules of it.
 */

import type { Policy } from '../../model/netfilter.ts';
import type { Chain, Rule, Ruleset } from '../../model/ruleset.ts';
import type { Family } from '../../net/address.ts';
import {
  columnsOf,
  findInColumn,
  type RuleColumns,
  type RuleList,
  type ShownChain,
  type ShownRuleset,
} from './shown-rules.ts';

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

/** Rules of the chain as it was read, from one index up to (not including) another; or one that was touched. */
type Piece = { readonly kind: 'read'; readonly from: number; readonly to: number } | TouchedPiece;
interface TouchedPiece {
  readonly kind: 'touched';
  readonly entry: DraftRule;
}

/** A chain that was touched. */
interface DraftChain {
  readonly pieces: readonly Piece[];
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
function originalChain(rulesets: readonly ShownRuleset[], name: ChainName): ShownChain | undefined {
  const ruleset = rulesets.findLast((r) => r.family === name.family);
  const table = ruleset?.tables.find((t) => t.name === name.table);
  return table?.chains.find((c) => c.name === name.chain);
}

const sizeOf = (piece: Piece): number => (piece.kind === 'read' ? piece.to - piece.from : 1);

const whole = ({ rules }: ShownChain): readonly Piece[] =>
  rules.length === 0 ? [] : [{ kind: 'read', from: 0, to: rules.length }];

/** Reads chains of a draft: the touched one, or the one that was read, without copying it. */
export interface ChainView {
  readonly size: number;
  readonly policy: Policy | undefined;
  at(row: number): DraftRule | undefined;
  /** The row of a rule by its identity; -1 if it is not there. */
  rowOf(ruleId: number): number;
  /** Where the line of the rule in a row begins in its source; -1: it was made here, or there is none. */
  offsetAt(row: number): number;
  /** The row of the first rule that jumps or goes to a chain; -1 if there is none. */
  rowOfJump(chain: string): number;
  /** How many rules above a row are in force. */
  enabledAbove(row: number): number;
}

/** The chain as the draft has it; undefined if there is none of that name. */
export function viewChain(
  rulesets: readonly ShownRuleset[],
  draft: Draft,
  name: ChainName,
): ChainView | undefined {
  const chain = originalChain(rulesets, name);
  if (!chain) return undefined;
  const touched = draft.get(chainKey(name));
  return viewPieces(chain.rules, touched?.pieces ?? whole(chain), touched ? touched.policy : chain.policy);
}

function viewPieces(rules: RuleList, pieces: readonly Piece[], policy: Policy | undefined): ChainView {
  let columns: RuleColumns | undefined;
  const columnsHere = (): RuleColumns => {
    columns ??= columnsOf(rules);
    return columns;
  };
  const asRead = (index: number): DraftRule | undefined => {
    const rule = rules.at(index);
    return rule && { rule, enabled: true, change: undefined };
  };
  /** The index of the rule in a row as it was read, or the rule that was touched. */
  const placeOf = (row: number): number | DraftRule | undefined => {
    let left = row;
    for (const piece of left < 0 ? [] : pieces) {
      const size = sizeOf(piece);
      if (left < size) return piece.kind === 'read' ? piece.from + left : piece.entry;
      left -= size;
    }
    return undefined;
  };
  return {
    policy,
    size: pieces.reduce((sum, piece) => sum + sizeOf(piece), 0),
    at(row) {
      const place = placeOf(row);
      return typeof place === 'number' ? asRead(place) : place;
    },
    offsetAt(row) {
      const place = placeOf(row);
      if (typeof place !== 'number') return place?.rule.offset ?? -1;
      const { offsets, from } = columnsHere();
      return offsets[from + place] ?? -1;
    },
    rowOfJump(chain) {
      const { jumps, targets, from } = columnsHere();
      const wanted = targets.indexOf(chain);
      let row = 0;
      for (const piece of pieces) {
        if (piece.kind === 'touched') {
          const { target } = piece.entry.rule;
          if ((target.kind === 'jump' || target.kind === 'goto') && target.chain === chain) return row;
        } else if (wanted >= 0)
          for (let i = piece.from; i < piece.to; i++)
            if (jumps[from + i] === wanted) return row + i - piece.from;
        row += sizeOf(piece);
      }
      return -1;
    },
    rowOf(ruleId) {
      const index = findInColumn(rules, 'ids', ruleId);
      let row = 0;
      for (const piece of pieces) {
        if (piece.kind === 'touched' && piece.entry.rule.id === ruleId) return row;
        if (piece.kind === 'read' && index >= piece.from && index < piece.to) return row + index - piece.from;
        row += sizeOf(piece);
      }
      return -1;
    },
    enabledAbove(row) {
      let count = 0;
      let left = row;
      for (const piece of pieces) {
        if (left <= 0) break;
        if (piece.kind === 'read') count += Math.min(left, sizeOf(piece));
        else if (piece.entry.enabled) count++;
        left -= sizeOf(piece);
      }
      return count;
    },
  };
}

/** One change of a chain: some rows by others, or another policy. */
export type ChainEdit =
  | {
      readonly kind: 'rules';
      readonly at: number;
      readonly removed: number;
      readonly inserted: readonly DraftRule[];
    }
  | { readonly kind: 'policy'; readonly policy: Policy };

/** The draft with one chain changed; the same draft where there is no such chain, or `edit` wants no change. */
export function changeChain(
  rulesets: readonly ShownRuleset[],
  draft: Draft,
  name: ChainName,
  edit: (chain: ChainView) => ChainEdit | undefined,
): Draft {
  const chain = originalChain(rulesets, name);
  const view = viewChain(rulesets, draft, name);
  const change = view && edit(view);
  if (!chain || !change) return draft;
  const before = draft.get(chainKey(name)) ?? { pieces: whole(chain), policy: chain.policy };
  const after: DraftChain =
    change.kind === 'policy'
      ? { ...before, policy: change.policy }
      : {
          ...before,
          pieces: [
            ...cut(before.pieces, 0, change.at),
            ...change.inserted.map((entry): Piece => ({ kind: 'touched', entry })),
            ...cut(before.pieces, change.at + change.removed, Number.POSITIVE_INFINITY),
          ],
        };
  return new Map(draft).set(chainKey(name), after);
}

/** The pieces of some rows, `to` not included. */
function cut(pieces: readonly Piece[], from: number, to: number): readonly Piece[] {
  const out: Piece[] = [];
  let row = 0;
  for (const piece of pieces) {
    const end = row + sizeOf(piece);
    const first = Math.max(row, from);
    const last = Math.min(end, to);
    if (first < last)
      out.push(
        piece.kind === 'read'
          ? { kind: 'read', from: piece.from + first - row, to: piece.from + last - row }
          : piece,
      );
    row = end;
  }
  return out;
}

/** The rules in force: what the kernel would have after the draft was loaded. Untouched chains stay the same object. */
export function draftRuleset(ruleset: Ruleset, draft: Draft): Ruleset {
  if (draft.size === 0) return ruleset;
  const { family } = ruleset;
  const made = new Map<Chain, Chain>();
  for (const table of ruleset.tables)
    for (const chain of table.chains) {
      const own = draft.get(chainKey({ family, table: table.name, chain: chain.name }));
      if (!own) continue;
      const rules: Rule[] = [];
      const put = (rule: Rule): void => {
        rules.push(rule.index === rules.length ? rule : { ...rule, index: rules.length });
      };
      for (const piece of own.pieces) {
        if (piece.kind === 'touched') {
          if (piece.entry.enabled) put(piece.entry.rule);
          continue;
        }
        for (let i = piece.from; i < piece.to; i++) put(chain.rules[i] as Rule);
      }
      made.set(chain, { ...chain, policy: own.policy, rules });
    }
  return {
    ...ruleset,
    tables: ruleset.tables.map((table) =>
      table.chains.some((chain) => made.has(chain))
        ? { ...table, chains: table.chains.map((chain) => made.get(chain) ?? chain) }
        : table,
    ),
  };
}

const counted = new WeakMap<Draft, number>();

/** How many rules and policies differ from what was read. Counted once for each draft. */
export function changeCount(rulesets: readonly ShownRuleset[], draft: Draft): number {
  const known = counted.get(draft);
  if (known !== undefined) return known;
  const count = countChanges(rulesets, draft);
  counted.set(draft, count);
  return count;
}

function countChanges(rulesets: readonly ShownRuleset[], draft: Draft): number {
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
    for (const piece of chain.pieces) {
      if (piece.kind === 'read') {
        kept += sizeOf(piece);
        continue;
      }
      const { enabled, change } = piece.entry;
      if (!enabled || change !== undefined) count++;
      if (change !== 'new') kept++;
    }
    // What was read and is not there any more was taken out.
    count += (original?.rules.length ?? 0) - kept;
  }
  return count;
}

/**
 * Rulesets as the screen reads them: whole ones, or those of a large machine, whose rules are unpacked when they are
 * asked for. What is looked for among all rules stands in columns, so that 100,000 of them take a moment.
 */

import type { Chain, Rule, Ruleset, Table } from '../../model/ruleset.ts';

/** Rules in order: an array, or a list that makes what is asked for. */
export interface RuleList {
  readonly length: number;
  /** From 0 on; undefined behind the last. */
  at(index: number): Rule | undefined;
  /** Of rules that are packed; asked for by {@link columnsOf}. */
  readonly columns?: RuleColumns;
}

/** What is looked for among all rules: the rule at an index of a list stands at `from` + index. */
export interface RuleColumns {
  readonly from: number;
  readonly ids: Int32Array;
  readonly lines: Int32Array;
  readonly offsets: Int32Array;
  /** Position in `targets` of the chain that the rule jumps or goes to; -1: it does neither. */
  readonly jumps: Int32Array;
  readonly targets: readonly string[];
}

/** A chain as it was read. */
export interface ShownChain extends Omit<Chain, 'rules'> {
  readonly rules: RuleList;
}

/** A table as it was read. */
interface ShownTable extends Omit<Table, 'chains'> {
  readonly chains: readonly ShownChain[];
}

/** A ruleset as it was read. Every {@link Ruleset} is one. */
export interface ShownRuleset extends Omit<Ruleset, 'tables'> {
  readonly tables: readonly ShownTable[];
}

const made = new WeakMap<RuleList, RuleColumns>();

/** The columns of a list; made once. */
export function columnsOf(rules: RuleList): RuleColumns {
  const known = rules.columns ?? made.get(rules);
  if (known) return known;
  const columns = makeColumns([rules]);
  made.set(rules, columns);
  return columns;
}

/** Columns of several lists, one after the other. */
export function makeColumns(lists: readonly RuleList[]): RuleColumns {
  const count = lists.reduce((sum, { length }) => sum + length, 0);
  const ids = new Int32Array(count);
  const lines = new Int32Array(count);
  const offsets = new Int32Array(count);
  const jumps = new Int32Array(count).fill(-1);
  const targets = new Map<string, number>();
  let at = 0;
  for (const rules of lists)
    for (let index = 0; index < rules.length; index++, at++) {
      const { id, line, offset, target } = rules.at(index) as Rule;
      ids[at] = id;
      lines[at] = line;
      offsets[at] = offset;
      if (target.kind !== 'jump' && target.kind !== 'goto') continue;
      const number = targets.get(target.chain) ?? targets.size;
      targets.set(target.chain, number);
      jumps[at] = number;
    }
  return { from: 0, ids, lines, offsets, jumps, targets: [...targets.keys()] };
}

/** Index in a list of the first rule with a value in a column; -1 if there is none. */
export function findInColumn(rules: RuleList, column: 'ids' | 'lines' | 'jumps', value: number): number {
  const columns = columnsOf(rules);
  const values = columns[column];
  for (let index = 0; index < rules.length; index++) if (values[columns.from + index] === value) return index;
  return -1;
}

/** How many rules a machine has, over all of its rulesets. */
export function countRules(rulesets: readonly ShownRuleset[]): number {
  let count = 0;
  for (const r of rulesets) for (const t of r.tables) for (const c of t.chains) count += c.rules.length;
  return count;
}

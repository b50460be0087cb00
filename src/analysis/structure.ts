/**
 * The text of a ruleset without what means nothing: counters, comments, the names of the user's chains.
 * Rulesets with equal structure do the same; others may still.
 */

import { printBase } from '../extensions/base.ts';
import { targetText } from '../link/rule-text.ts';
import type { Chain, Rule, Ruleset, Table } from '../model/ruleset.ts';

/** The conditions of a rule in one text. A match without options may still ask something: `-m tcp` of fragments. */
export function conditionsText(rule: Rule): string {
  const uses = rule.matches.filter((use) => use.extension !== 'comment');
  return [...printBase(rule.base), ...uses.map((use) => use.text)].join(' ');
}

/** What the rule does, in one text; `nameOf` says what a chain is called. */
function calledText({ target }: Rule, nameOf: (chain: string) => string): string {
  if (target.kind === 'jump') return `-j ${nameOf(target.chain)}`;
  if (target.kind === 'goto') return `-g ${nameOf(target.chain)}`;
  return targetText(target);
}

/** Numbers that are equal for equal texts. */
class Numbers {
  readonly #known = new Map<string, number>();

  of(text: string): number {
    let n = this.#known.get(text);
    if (n === undefined) {
      n = this.#known.size;
      this.#known.set(text, n);
    }
    return n;
  }
}

/** Calls within calls that are followed; the kernel allows fewer. */
const depthMax = 256;

/** The structure of one table by hook; undefined where chains call each other in a loop. */
function tableStructure(table: Table, numbers: Numbers): ReadonlyMap<string, string> | undefined {
  const byName = new Map(table.chains.map((c) => [c.name, c]));
  const known = new Map<Chain, number>();
  const open = new Set<Chain>();
  let loops = false;
  const numberOf = (chain: Chain): number => {
    const before = known.get(chain);
    if (before !== undefined) return before;
    if (open.has(chain) || open.size > depthMax) {
      loops = true;
      return -1;
    }
    open.add(chain);
    const nameOf = (name: string): string => {
      const callee = byName.get(name);
      return callee === undefined ? `missing ${name}` : `#${numberOf(callee)}`;
    };
    const text = chain.rules.map((r) => `${conditionsText(r)} ${calledText(r, nameOf)}`).join('\n');
    open.delete(chain);
    const n = numbers.of(text);
    known.set(chain, n);
    return n;
  };
  const hooks = new Map<string, string>();
  for (const chain of table.chains)
    if (chain.hook !== undefined) hooks.set(chain.hook, `${chain.policy ?? 'ACCEPT'} #${numberOf(chain)}`);
  return loops ? undefined : hooks;
}

/** Whether two rulesets have the same tables with the same structure. Linear in rules. */
export function sameStructure(a: Ruleset, b: Ruleset): boolean {
  if (a.family !== b.family || a.backend !== b.backend || a.tables.length !== b.tables.length) return false;
  const numbers = new Numbers();
  return a.tables.every((table) => {
    const other = b.tables.find((t) => t.name === table.name);
    const left = tableStructure(table, numbers);
    const right = other && tableStructure(other, numbers);
    return (
      left !== undefined &&
      right !== undefined &&
      left.size === right.size &&
      [...left].every(([hook, text]) => right.get(hook) === text)
    );
  });
}

/**
 * Rules of each ruleset that the other one does not have: in no chain of that name a rule of the same text. Of equal
 * rules, as many as there are more of them.
 */
export function changedRules(a: Ruleset, b: Ruleset): ReadonlySet<Rule> {
  const changed = new Set<Rule>();
  const byText = (ruleset: Ruleset): Map<string, Rule[]> => {
    const rules = new Map<string, Rule[]>();
    for (const table of ruleset.tables)
      for (const chain of table.chains)
        for (const rule of chain.rules) {
          const key = `${table.name} ${chain.name} ${conditionsText(rule)} ${targetText(rule.target)}`;
          const list = rules.get(key);
          if (list === undefined) rules.set(key, [rule]);
          else list.push(rule);
        }
    return rules;
  };
  const left = byText(a);
  const right = byText(b);
  for (const [mine, others] of [
    [left, right],
    [right, left],
  ] as const)
    for (const [key, rules] of mine)
      for (const rule of rules.slice(others.get(key)?.length ?? 0)) changed.add(rule);
  return changed;
}

/** The chains of one table while commands change them. */

import { builtinChains, builtinHook, type Hook, type Policy, type TableName } from '../model/netfilter.ts';
import type { Counters, Rule } from '../model/ruleset.ts';
import { type PositionList, positionList } from './position-list.ts';
import { ruleBody } from './rule-text.ts';

/** A rule on its way into a chain. */
export interface DraftRule {
  readonly base: Rule['base'];
  readonly matches: Rule['matches'];
  readonly target: Rule['target'];
  counters: Counters | undefined;
  readonly offset: number;
  readonly comments: readonly string[];
  /** The chain that it jumps to; by object, so that renaming costs nothing. */
  readonly to: DraftChain | undefined;
  /** Its text without the chain, once somebody asked. */
  body: string | undefined;
}

/** A chain under construction. */
export interface DraftChain {
  name: string;
  readonly hook: Hook | undefined;
  policy: Policy | undefined;
  counters: Counters | undefined;
  readonly rules: PositionList<DraftRule>;
  /** By `:NAME` or `-N`; built-in chains are born declared. */
  declared: boolean;
  /** Rules that jump to it. */
  references: number;
  offset: number;
}

/** One table: its chains by name. */
export interface ChainStore {
  readonly table: string;
  readonly offset: number;
  /** Some line made a chain or a rule: iptables-nft creates the table only then. */
  touched: boolean;
  readonly chains: ReadonlyMap<string, DraftChain>;
  /** The chain of that name; one that nobody declared is made, so that nothing is lost. */
  chain(name: string, offset: number): DraftChain;
  add(chain: DraftChain, index: number, rules: readonly DraftRule[]): void;
  remove(chain: DraftChain, index: number): void;
  flush(chain: DraftChain): void;
  deleteChain(chain: DraftChain): void;
  rename(chain: DraftChain, name: string): void;
}

/** A table with its built-in chains: both back ends have all of them as soon as it is used. */
export function chainStore(table: string, offset: number): ChainStore {
  const chains = new Map<string, DraftChain>();
  const create = (name: string, at: number, declared: boolean): DraftChain => {
    const hook = builtinHook(table, name);
    const chain: DraftChain = {
      name,
      hook,
      policy: hook === undefined ? undefined : 'ACCEPT',
      counters: undefined,
      rules: positionList(),
      declared,
      references: 0,
      offset: at,
    };
    chains.set(name, chain);
    return chain;
  };
  for (const hook of builtinChains[table as TableName] ?? []) create(hook, offset, true);
  const forget = (rule: DraftRule): void => {
    if (rule.to) rule.to.references--;
  };
  return {
    table,
    offset,
    touched: false,
    chains,
    chain: (name, at) => chains.get(name) ?? create(name, at, false),
    add(chain, index, rules) {
      for (const rule of rules) if (rule.to) rule.to.references++;
      if (index === chain.rules.length) for (const rule of rules) chain.rules.push(rule);
      else chain.rules.insert(index, rules);
    },
    remove(chain, index) {
      const rule = chain.rules.removeAt(index);
      if (rule) forget(rule);
    },
    flush(chain) {
      for (const rule of chain.rules) forget(rule);
      chain.rules.clear();
    },
    deleteChain: (chain) => {
      chains.delete(chain.name);
    },
    rename(chain, name) {
      chains.delete(chain.name);
      chain.name = name;
      chains.set(name, chain);
    },
  };
}

/** The target of a rule, under the name that its chain has now. */
export function targetOf({ target, to }: DraftRule): Rule['target'] {
  const renamed = to && (target.kind === 'jump' || target.kind === 'goto') && target.chain !== to.name;
  return renamed ? { ...target, chain: to.name } : target;
}

/** The text by which `-D` finds a rule. */
export function bodyOf(rule: DraftRule): string {
  rule.body ??= ruleBody({ base: rule.base, matches: rule.matches, target: targetOf(rule) });
  return rule.body;
}

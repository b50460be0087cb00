/** A linked ruleset: what restore would have put into the kernel, as data. */

import type { Family, Network } from '../net/address.ts';
import type { InterfacePattern } from '../net/interface-pattern.ts';
import type { Backend, Hook, Policy } from './netfilter.ts';

/** `packets` and `bytes` as iptables-save -c prints them. */
export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

/** A value with the `!` in front of it. */
export interface Invertible<T> {
  readonly value: T;
  readonly negated: boolean;
}

/** The conditions that every rule may have without `-m`: the fields of struct ipt_ip / ip6t_ip6. */
export interface BaseMatch {
  readonly src: Invertible<Network> | undefined;
  readonly dst: Invertible<Network> | undefined;
  /** IANA number; never 0 (`-p all` is no condition). */
  readonly protocol: Invertible<number> | undefined;
  readonly inInterface: Invertible<InterfacePattern> | undefined;
  readonly outInterface: Invertible<InterfacePattern> | undefined;
  /** `-f`: second and later fragments (IPv4 only). */
  readonly fragment: Invertible<true> | undefined;
}

/** One use of a match in a rule. Uses with the same text share one object. */
export interface MatchUse {
  /** Name of the extension in the registry; for an unknown one, the name after `-m`. */
  readonly extension: string;
  /** False: nobody here knows this match; it is kept verbatim in `text` and answers "unknown". */
  readonly known: boolean;
  /** What the extension's `bind` made of the options; plain data. Undefined if not known. */
  readonly data: unknown;
  /** The options as iptables-save prints them, `-m NAME` included. */
  readonly text: string;
}

/** What a rule does with a packet that matches. */
export type RuleTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: 'ACCEPT' | 'DROP' | 'QUEUE' | 'RETURN' }
  | { readonly kind: 'jump'; readonly chain: string }
  | { readonly kind: 'goto'; readonly chain: string }
  | {
      readonly kind: 'extension';
      readonly extension: string;
      readonly known: boolean;
      readonly data: unknown;
      /** The options as iptables-save prints them, `-j NAME` included. */
      readonly text: string;
    };

/** One rule in its place: conditions, matches in order, and what it does. */
export interface Rule {
  /** Identity within its ruleset: kept through insert, move and disable; not a position. */
  readonly id: number;
  readonly table: string;
  readonly chain: string;
  /** 0-based position in the chain; the rule number shown to people is one more. */
  readonly index: number;
  readonly base: BaseMatch;
  readonly matches: readonly MatchUse[];
  readonly target: RuleTarget;
  readonly counters: Counters | undefined;
  /** Offset of the rule's line in its source, and the 1-based line. -1 and 0 for rules that were made, not read. */
  readonly offset: number;
  readonly line: number;
}

/** A chain with its rules in order. */
export interface Chain {
  readonly name: string;
  readonly table: string;
  /** Set for built-in chains. */
  readonly hook: Hook | undefined;
  /** Built-in chains only. */
  readonly policy: Policy | undefined;
  readonly counters: Counters | undefined;
  readonly rules: readonly Rule[];
  /** Declared by a line of the input (`:NAME` or `-N`), not only implied. */
  readonly declared: boolean;
  readonly offset: number;
  readonly line: number;
}

/** A table with its chains. */
export interface Table {
  readonly name: string;
  /** Built-in chains first, then the user's in the order of iptables-save. */
  readonly chains: readonly Chain[];
  readonly offset: number;
  readonly line: number;
}

/** One family's ruleset of one machine. A table that is missing accepts everything. */
export interface Ruleset {
  readonly family: Family;
  readonly backend: Backend;
  /** Version of iptables that wrote the dump, `1.8.9` if it does not say. */
  readonly version: string;
  /** In the order of the input. */
  readonly tables: readonly Table[];
}

/** The table of that name, if the ruleset has it. */
export function findTable(ruleset: Ruleset, name: string): Table | undefined {
  return ruleset.tables.find((t) => t.name === name);
}

/** The chain of that name, if the table has it. Linear in the number of chains. */
export function findChain(table: Table, name: string): Chain | undefined {
  return table.chains.find((c) => c.name === name);
}

/** How many rules there are in all tables. */
export function ruleCount({ tables }: Ruleset): number {
  return tables.reduce((sum, { chains }) => sum + chains.reduce((n, { rules }) => n + rules.length, 0), 0);
}

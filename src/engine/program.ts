/**
 * Rulesets made ready for walking: chains as typed columns with closures behind, and which parts of the kernel
 * they switch on.
 */

import type { MatchExtension, TargetExtension } from '../extensions/define.ts';
import { loopOf } from '../model/chain-loop.ts';
import type { Machine } from '../model/machine.ts';
import {
  type Backend,
  builtinChains,
  builtinHook,
  type Hook,
  type TableName,
  tableNames,
} from '../model/netfilter.ts';
import type { MatchUse, Ruleset, RuleTarget } from '../model/ruleset.ts';
import { findTable } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { type CompiledChain, type CompileScope, compileChains } from './compile-chain.ts';
import { type ConntrackSettings, conntrackSettings } from './conntrack/settings.ts';
import type { ExtensionRegistry } from './extension-registry.ts';
import { type MachineFacts, prepareFacts } from './facts.ts';
import { type PreparedSets, prepareSets } from './sets.ts';

/** One family's part of a program. */
export interface FamilyProgram {
  readonly family: Family;
  readonly backend: Backend;
  readonly ruleset: Ruleset | undefined;
  /** The built-in chain of a table at a hook, if the ruleset has it. Chains are compiled when one is first asked for. */
  readonly chain: (table: TableName, hook: Hook) => CompiledChain | undefined;
  /** Whether a rule switches connection tracking on. `auto` machines follow it. */
  readonly rulesUseConntrack: boolean;
  /** Whether connections are tracked: the rules' wish, overruled by what is known of the machine. */
  readonly conntrack: boolean;
  /** Fragments are collected before PREROUTING and OUTPUT. */
  readonly defragment: boolean;
  /** The nat table exists, so its hooks run for tracked packets. */
  readonly nat: boolean;
  /** Jumps go round in a circle, which no kernel loads: a walk in it ends soon. */
  readonly loops: boolean;
}

/** See the head of this file. Immutable; serves any number of walks. */
export interface Program {
  readonly machine: Machine;
  readonly facts: MachineFacts;
  readonly families: Readonly<Record<Family, FamilyProgram>>;
  readonly sets: PreparedSets;
  readonly conntrackSettings: ConntrackSettings;
  /** Names of interfaces that rules mention, without patterns. */
  readonly namedInterfaces: readonly string[];
}

type FamilyChains = Readonly<Record<TableName, Partial<Record<Hook, CompiledChain>>>>;

function compileTables(ruleset: Ruleset | undefined, scope: CompileScope): FamilyChains {
  const chains: Record<TableName, Partial<Record<Hook, CompiledChain>>> = {
    raw: {},
    mangle: {},
    nat: {},
    filter: {},
    security: {},
  };
  if (ruleset === undefined) return chains;
  for (const name of tableNames) {
    const table = findTable(ruleset, name);
    if (!table) continue;
    const compiled = compileChains(table, scope);
    for (const hook of builtinChains[name]) {
      const chain = compiled.get(hook);
      if (chain) chains[name][hook] = chain;
    }
  }
  return chains;
}

/** What the rules switch on in the kernel. */
function switchesOf(
  ruleset: Ruleset | undefined,
  family: Family,
  registry: ExtensionRegistry,
): { readonly usesConntrack: boolean; readonly usesSockets: boolean } {
  const seen = new Set<MatchUse | RuleTarget>();
  let usesConntrack = false;
  let usesSockets = false;
  const look = (extension: MatchExtension | TargetExtension | undefined, data: object): void => {
    if (extension?.usesConntrack?.(data)) usesConntrack = true;
    if (extension?.needs.includes('sockets')) usesSockets = true;
  };
  for (const table of ruleset?.tables ?? [])
    for (const chain of table.chains)
      for (const { matches, target } of chain.rules) {
        for (const use of matches) {
          if (!use.known || seen.has(use)) continue;
          seen.add(use);
          look(registry.match(use.extension, family), use.data as object);
        }
        if (target.kind !== 'extension' || !target.known || seen.has(target)) continue;
        seen.add(target);
        look(registry.target(target.extension, family), target.data as object);
      }
  return { usesConntrack, usesSockets };
}

/** All of a family but its chains, which are compiled when somebody walks through them: a question about sets may not. */
function prepareFamily(
  family: Family,
  ruleset: Ruleset | undefined,
  machine: Machine,
  registry: ExtensionRegistry,
): FamilyProgram {
  const backend =
    machine.backend.provenance === 'given'
      ? machine.backend.value
      : (ruleset?.backend ?? machine.backend.value);
  const { usesConntrack, usesSockets } = switchesOf(ruleset, family, registry);
  const fact = machine.conntrack.value;
  const conntrack = fact === 'on' || (fact === 'auto' && usesConntrack);
  const scope = { family, backend, machine, registry };
  const nat = ruleset === undefined ? undefined : findTable(ruleset, 'nat');
  let chains: FamilyChains | undefined;
  return {
    family,
    backend,
    ruleset,
    chain: (table, hook) => {
      chains ??= compileTables(ruleset, scope);
      return chains[table][hook];
    },
    rulesUseConntrack: usesConntrack,
    conntrack,
    defragment: conntrack || usesSockets,
    nat: nat?.chains.some((c) => builtinHook('nat', c.name) !== undefined) ?? false,
    loops: ruleset?.tables.some((table) => loopOf(table) !== undefined) ?? false,
  };
}

/** Compiles the rulesets of one machine: at most one of each family (a later one replaces an earlier). */
export function compile(
  rulesets: readonly Ruleset[],
  machine: Machine,
  registry: ExtensionRegistry,
): Program {
  const of = (family: Family) =>
    prepareFamily(
      family,
      rulesets.findLast((r) => r.family === family),
      machine,
      registry,
    );
  const named = new Set<string>();
  for (const ruleset of rulesets)
    for (const table of ruleset.tables)
      for (const chain of table.chains)
        for (const rule of chain.rules)
          for (const i of [rule.base.inInterface, rule.base.outInterface])
            if (i?.value.exact) named.add(i.value.name);
  const facts = prepareFacts(machine);
  return {
    machine,
    facts,
    sets: prepareSets(machine.sets.value),
    conntrackSettings: conntrackSettings(facts),
    families: { ipv4: of('ipv4'), ipv6: of('ipv6') },
    namedInterfaces: [...named].sort(),
  };
}

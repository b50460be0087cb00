/**
 * Rulesets made ready for walking: chains as typed columns with closures behind, and which parts of the kernel
 * they switch on.
 */

import { loopOf } from '../model/chain-loop.ts';
import type { Machine } from '../model/machine.ts';
import { type Backend, builtinChains, type Hook, type TableName, tableNames } from '../model/netfilter.ts';
import type { Ruleset } from '../model/ruleset.ts';
import { findTable } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { type CompiledChain, compileChains } from './compile-chain.ts';
import { type ConntrackSettings, conntrackSettings } from './conntrack/settings.ts';
import type { ExtensionRegistry } from './extension-registry.ts';
import { type MachineFacts, prepareFacts } from './facts.ts';
import { type PreparedSets, prepareSets } from './sets.ts';

/** One family's part of a program. */
export interface FamilyProgram {
  readonly family: Family;
  readonly backend: Backend;
  readonly ruleset: Ruleset | undefined;
  /** Built-in chains by table and hook; absent where the ruleset has none. */
  readonly chains: Readonly<Record<TableName, Partial<Record<Hook, CompiledChain>>>>;
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

function* compileFamily(
  family: Family,
  ruleset: Ruleset | undefined,
  machine: Machine,
  registry: ExtensionRegistry,
): Generator<undefined, FamilyProgram> {
  const chains: Record<TableName, Partial<Record<Hook, CompiledChain>>> = {
    raw: {},
    mangle: {},
    nat: {},
    filter: {},
    security: {},
  };
  let rulesUseConntrack = false;
  let usesSockets = false;
  const backend =
    machine.backend.provenance === 'given'
      ? machine.backend.value
      : (ruleset?.backend ?? machine.backend.value);
  if (ruleset) {
    for (const name of tableNames) {
      const table = findTable(ruleset, name);
      if (!table) continue;
      const compiled = yield* compileChains(table, { family, backend, machine, registry });
      rulesUseConntrack ||= compiled.usesConntrack;
      usesSockets ||= compiled.usesSockets;
      for (const hook of builtinChains[name]) {
        const chain = compiled.chains.get(hook);
        if (chain) chains[name][hook] = chain;
      }
    }
  }
  const fact = machine.conntrack.value;
  const conntrack = fact === 'on' || (fact === 'auto' && rulesUseConntrack);
  return {
    family,
    backend,
    ruleset,
    chains,
    rulesUseConntrack,
    conntrack,
    defragment: conntrack || usesSockets,
    nat: Object.keys(chains.nat).length > 0,
    loops: ruleset?.tables.some((table) => loopOf(table) !== undefined) ?? false,
  };
}

/** Compiles the rulesets of one machine: at most one of each family (a later one replaces an earlier). */
export function compile(
  rulesets: readonly Ruleset[],
  machine: Machine,
  registry: ExtensionRegistry,
): Program {
  const work = compileStepwise(rulesets, machine, registry);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** The same in steps, so that others may work in between. */
export function* compileStepwise(
  rulesets: readonly Ruleset[],
  machine: Machine,
  registry: ExtensionRegistry,
): Generator<undefined, Program> {
  const of = (family: Family): Generator<undefined, FamilyProgram> =>
    compileFamily(
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
    families: { ipv4: yield* of('ipv4'), ipv6: yield* of('ipv6') },
    namedInterfaces: [...named].sort(),
  };
}

/** The questions that checks ask of one ruleset, answered when first asked. */

import { printBase } from '../extensions/base.ts';
import type { Registry } from '../extensions/registry.ts';
import type { ReadRuleset } from '../link/read-machine.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Machine } from '../model/machine.ts';
import type { Hook } from '../model/netfilter.ts';
import type { BaseMatch, Chain, Rule, Table } from '../model/ruleset.ts';
import { networkContains } from '../net/address.ts';
import { interfaceMatches } from '../net/interface-pattern.ts';
import type { DataOf, RuleEffect, RulesetView } from './check.ts';
import { generatorOfRule, namesLibvirtBridge } from './generated-rules.ts';
import type { OwnerOf } from './generators.ts';

interface TableIndex {
  readonly chains: ReadonlyMap<string, Chain>;
  readonly callers: ReadonlyMap<string, readonly Rule[]>;
  readonly hooks: Map<string, readonly Hook[]>;
}

const noRules: readonly Rule[] = [];

/** Conditions that hold for every packet in a chain, because every way into it asks for them. */
type Conditions = Partial<BaseMatch>;

/** How deep chains are followed here: far deeper than the kernel lets them be. */
const jumpDepthMax = 256;

const conditionKeys = ['src', 'dst', 'protocol', 'inInterface', 'outInterface', 'fragment'] as const;

/** Makes the view of one ruleset. */
export function createView(
  read: ReadRuleset,
  registry: Registry,
  machine: Machine,
  ownerOf: OwnerOf,
): RulesetView {
  const { linked, source } = read;
  const { ruleset } = linked;
  const { family } = ruleset;
  const indexes = new Map<string, TableIndex>();
  const effects = new Map<Rule, RuleEffect>();
  const implied = new Map<Chain, Conditions>();
  const deciding = new Map<Chain, boolean>();
  let decidingDepth = 0;
  let impliedDepth = 0;
  let rules: readonly Rule[] | undefined;
  let byId: ReadonlyMap<number, Rule> | undefined;
  let libvirt: boolean | undefined;

  function indexOf(name: string): TableIndex | undefined {
    let index = indexes.get(name);
    if (!index) {
      const table = ruleset.tables.find((t) => t.name === name);
      if (!table) return undefined;
      const callers = new Map<string, Rule[]>();
      for (const chain of table.chains)
        for (const rule of chain.rules) {
          if (rule.target.kind !== 'jump' && rule.target.kind !== 'goto') continue;
          const list = callers.get(rule.target.chain);
          if (list) list.push(rule);
          else callers.set(rule.target.chain, [rule]);
        }
      index = { chains: new Map(table.chains.map((c) => [c.name, c])), callers, hooks: hooksOf(table) };
      indexes.set(name, index);
    }
    return index;
  }

  const allRules = (): readonly Rule[] => {
    rules ??= ruleset.tables.flatMap((t) => t.chains.flatMap((c) => c.rules));
    return rules;
  };

  function effectOf(rule: Rule): RuleEffect {
    const { target } = rule;
    switch (target.kind) {
      case 'none':
        return { outcome: 'continue', changes: [] };
      case 'verdict':
        return {
          outcome: target.verdict.toLowerCase() as 'accept' | 'drop' | 'queue' | 'return',
          changes: [],
        };
      case 'jump':
      case 'goto':
        return { outcome: target.kind, changes: [] };
      case 'extension': {
        const extension = target.known ? registry.target(target.extension, family) : undefined;
        if (!extension) return { outcome: 'unknown', changes: undefined };
        const effect = extension.effect(target.data as never, { family, base: rule.base, machine });
        return { outcome: effect.outcome, changes: effect.changes };
      }
    }
  }

  const matchesAlways = (rule: Rule): boolean =>
    rule.matches.every((m) => m.known && registry.match(m.extension, family)?.name === 'comment');

  /** What every packet in the chain has: what each caller asks for, or its own chain already has. */
  function impliedIn(chain: Chain): Conditions {
    const done = implied.get(chain);
    if (done) return done;
    // A loop (which does not load) must not recurse for ever.
    implied.set(chain, {});
    if (chain.hook !== undefined || impliedDepth >= jumpDepthMax) return {};
    impliedDepth++;
    const callers = view.callers(chain.table, chain.name);
    let common: Conditions | undefined;
    for (const caller of callers) {
      const from = view.chain(caller.table, caller.chain);
      const conditions: Record<string, unknown> = { ...(from ? impliedIn(from) : {}) };
      for (const key of conditionKeys) if (caller.base[key]) conditions[key] = caller.base[key];
      if (!common) common = conditions as Conditions;
      else {
        const kept: Record<string, unknown> = {};
        for (const key of conditionKeys) {
          const weaker = weakerOf(key, common[key], (conditions as Conditions)[key]);
          if (weaker) kept[key] = weaker;
        }
        common = kept as Conditions;
      }
    }
    impliedDepth--;
    implied.set(chain, common ?? {});
    return common ?? {};
  }

  function isCatchAll(rule: Rule): boolean {
    if (!matchesAlways(rule)) return false;
    if (printBase(rule.base).length === 0) return true;
    const chain = view.chain(rule.table, rule.chain);
    const known: Conditions = chain ? impliedIn(chain) : {};
    return conditionKeys.every((key) => {
      const asked = rule.base[key];
      return !asked || (known[key] !== undefined && implies(key, known[key], asked));
    });
  }

  function endsChain(rule: Rule): boolean {
    if (!isCatchAll(rule)) return false;
    const { outcome } = view.effect(rule);
    switch (outcome) {
      case 'continue':
      case 'unknown':
        return false;
      case 'jump': {
        const chain = rule.target.kind === 'jump' && view.chain(rule.table, rule.target.chain);
        return chain ? decidesAll(chain) : false;
      }
      default:
        return true;
    }
  }

  /** Whether no packet comes back out of a user chain: a catch-all at its end, and no way out before it. */
  function decidesAll(chain: Chain): boolean {
    const done = deciding.get(chain);
    if (done !== undefined) return done;
    // That a packet may come back is the careful answer.
    if (decidingDepth >= jumpDepthMax) return false;
    decidingDepth++;
    deciding.set(chain, false);
    let result = false;
    for (const rule of chain.rules) {
      const { outcome } = view.effect(rule);
      if (outcome === 'return' || outcome === 'unknown') break;
      if (outcome === 'goto') {
        const to = rule.target.kind === 'goto' && view.chain(rule.table, rule.target.chain);
        if (!to || !decidesAll(to)) break;
      }
      if (endsChain(rule)) {
        result = true;
        break;
      }
    }
    deciding.set(chain, result);
    decidingDepth--;
    return result;
  }

  const view: RulesetView = {
    ruleset,
    source,
    linked,
    family,
    table: (name) => ruleset.tables.find((t) => t.name === name),
    chain: (table, name) => indexOf(table)?.chains.get(name),
    rules: allRules,
    ruleById(id) {
      byId ??= new Map(allRules().map((r) => [r.id, r]));
      return byId.get(id);
    },
    callers: (table, chain) => indexOf(table)?.callers.get(chain) ?? noRules,
    hooks: (table, chain) => indexOf(table)?.hooks.get(chain) ?? [],
    owner: (_table, chain) => ownerOf(chain),
    writer: (rule) => {
      const owner = ownerOf(rule.chain);
      if (owner !== undefined || view.chain(rule.table, rule.chain)?.hook === undefined) return owner;
      libvirt ??= namesLibvirtBridge(allRules());
      const id = generatorOfRule(rule, libvirt);
      return id === undefined ? undefined : ownerOf.byId(id);
    },
    text: ruleText,
    find: <D extends object>(rule: Rule, extension: DataOf<D>): D | undefined =>
      rule.matches.find((m) => m.known && m.extension === extension.name)?.data as D | undefined,
    findTarget: <D extends object>(rule: Rule, extension: DataOf<D>): D | undefined =>
      rule.target.kind === 'extension' && rule.target.known && rule.target.extension === extension.name
        ? (rule.target.data as D)
        : undefined,
    effect(rule) {
      let effect = effects.get(rule);
      if (!effect) {
        effect = effectOf(rule);
        effects.set(rule, effect);
      }
      return effect;
    },
    isCatchAll,
    endsChain,
  };
  return view;
}

/** The hooks that lead to each chain: from every built-in chain along jumps and gotos. */
function hooksOf(table: Table): Map<string, readonly Hook[]> {
  const chains = new Map(table.chains.map((c) => [c.name, c]));
  const found = new Map<string, Hook[]>();
  for (const start of table.chains) {
    if (start.hook === undefined) continue;
    const seen = new Set([start.name]);
    const open = [start];
    for (let chain = open.pop(); chain; chain = open.pop()) {
      const hooks = found.get(chain.name);
      if (hooks) hooks.push(start.hook);
      else found.set(chain.name, [start.hook]);
      for (const rule of chain.rules) {
        if (rule.target.kind !== 'jump' && rule.target.kind !== 'goto') continue;
        const next = chains.get(rule.target.chain);
        if (!next || seen.has(next.name)) continue;
        seen.add(next.name);
        open.push(next);
      }
    }
  }
  return found;
}

type Condition = BaseMatch[(typeof conditionKeys)[number]];

/** Whether a packet that meets the first condition always meets the second. */
function implies(key: (typeof conditionKeys)[number], known: Condition, asked: Condition): boolean {
  if (!known || !asked) return false;
  if (JSON.stringify(known) === JSON.stringify(asked)) return true;
  if (known.negated || asked.negated) return false;
  if (key === 'src' || key === 'dst') {
    const wide = (asked as NonNullable<BaseMatch['src']>).value;
    const narrow = (known as NonNullable<BaseMatch['src']>).value;
    const bits = ['w0', 'w1', 'w2', 'w3'] as const;
    return networkContains(wide, narrow.address) && bits.every((w) => (wide.mask[w] & ~narrow.mask[w]) === 0);
  }
  if (key === 'inInterface' || key === 'outInterface') {
    const wide = (asked as NonNullable<BaseMatch['inInterface']>).value;
    const narrow = (known as NonNullable<BaseMatch['inInterface']>).value;
    return narrow.exact
      ? interfaceMatches(wide, narrow.name)
      : !wide.exact && narrow.name.startsWith(wide.name);
  }
  return false;
}

/** Of two conditions the one that both ways into a chain grant, if there is one. */
function weakerOf(key: (typeof conditionKeys)[number], a: Condition, b: Condition): Condition {
  if (implies(key, a, b)) return b;
  if (implies(key, b, a)) return a;
  return undefined;
}

/** Rules and rulesets as iptables-save prints them. */

import { printBase } from '../extensions/base.ts';
import { builtinChains, type TableName } from '../model/netfilter.ts';
import type { Chain, Counters, Rule, Ruleset, RuleTarget, Table } from '../model/ruleset.ts';

/** Names that iptables takes need no quotes; others (which it refuses) must still be read back as they are. */
function nameText(name: string): string {
  return /^[^\s"\\]+$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/** The target part: `-j ACCEPT`, `-g chain`, `-j DNAT --to-destination …`; empty for none. */
export function targetText(target: RuleTarget): string {
  switch (target.kind) {
    case 'none':
      return '';
    case 'verdict':
      return `-j ${target.verdict}`;
    case 'jump':
      return `-j ${nameText(target.chain)}`;
    case 'goto':
      return `-g ${nameText(target.chain)}`;
    case 'extension':
      return target.text;
  }
}

/** A rule without `-A CHAIN`: `-s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT`. */
export function ruleBody(rule: Pick<Rule, 'base' | 'matches' | 'target'>): string {
  const parts = [...printBase(rule.base), ...rule.matches.map((m) => m.text), targetText(rule.target)];
  return parts.filter((p) => p !== '').join(' ');
}

/** A rule as a line of the dump, without counters. */
export function ruleText(rule: Rule): string {
  const body = ruleBody(rule);
  return `-A ${nameText(rule.chain)}${body === '' ? '' : ` ${body}`}`;
}

const countersText = (c: Counters | undefined): string => `[${c?.packets ?? 0}:${c?.bytes ?? 0}]`;

/** How to print a whole ruleset. */
export interface PrintOptions {
  /** Print the counters that the input had, as `iptables-save -c` does; else zeros for chains and none for rules. */
  readonly counters?: boolean;
  /** Lines to put in front of a rule (kept comments), by rule id. */
  readonly before?: ReadonlyMap<number, readonly string[]>;
}

/** Order of tables of iptables-nft-save 1.8.9, as seen: it is that of its table of built-in chains, whatever came first. */
const nftTableOrder: readonly string[] = ['mangle', 'security', 'raw', 'filter', 'nat'];

function tablesInOrder(ruleset: Ruleset): readonly Table[] {
  // The legacy back end prints them in the order in which the kernel's modules were loaded: that of its dump.
  if (ruleset.backend === 'legacy') return ruleset.tables;
  const rank = (t: Table): number => {
    const i = nftTableOrder.indexOf(t.name);
    return i < 0 ? nftTableOrder.length : i;
  };
  return [...ruleset.tables].sort((a, b) => rank(a) - rank(b));
}

function chainsInOrder(table: Table): readonly Chain[] {
  const order: readonly string[] = builtinChains[table.name as TableName] ?? [];
  const builtin = table.chains.filter((c) => c.hook !== undefined);
  const user = table.chains.filter((c) => c.hook === undefined && c.declared);
  builtin.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  // strcmp order, as both back ends keep their chains.
  user.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return [...builtin, ...user];
}

/**
 * The ruleset as iptables-save prints it, without its comment lines. User chains are sorted by name. Rules of
 * chains that nobody declared follow at the end of their table, so that nothing is lost.
 */
export function printRuleset(ruleset: Ruleset, options: PrintOptions = {}): string {
  const out: string[] = [];
  for (const table of tablesInOrder(ruleset)) {
    out.push(`*${table.name}`);
    const chains = chainsInOrder(table);
    for (const chain of chains) {
      const counters = options.counters && chain.hook ? countersText(chain.counters) : '[0:0]';
      out.push(`:${chain.name} ${chain.policy ?? '-'} ${counters}`);
    }
    for (const chain of [...chains, ...table.chains.filter((c) => c.hook === undefined && !c.declared)]) {
      for (const rule of chain.rules) {
        for (const line of options.before?.get(rule.id) ?? []) out.push(line);
        out.push(
          `${options.counters && rule.counters ? `${countersText(rule.counters)} ` : ''}${ruleText(rule)}`,
        );
      }
    }
    out.push('COMMIT');
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

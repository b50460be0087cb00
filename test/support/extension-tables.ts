/**
 * Tables of extensions: how rules are written, what iptables-save 1.8.9 makes of them, what is refused.
 *
 * ```
 * # comment
 * :CHAINS filter/INPUT,FORWARD ipv4,ipv6
 * RULE ; EXPECTED ; OK            EXPECTED `=`: printed as it was written
 * RULE ; ; FAIL id                the id of the diagnostic
 * ```
 * Further directives: `:SETS NAME…` names the ipsets that exist from here on (none named: not known),
 * `:UNVERIFIED reason` says that the lines up to the next `:CHAINS` cannot be loaded here.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { extensions } from '../../src/extensions/index.ts';
import { createRegistry, type Registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/grammar/parse.ts';
import { link } from '../../src/link/link.ts';
import { ruleBody } from '../../src/link/rule-text.ts';
import type { MatchUse, Rule } from '../../src/model/ruleset.ts';
import type { Family } from '../../src/net/address.ts';
import { repositoryRoot } from './source-tree.ts';

/** A line of a table in one chain and family. */
export interface TableCase {
  readonly rule: string;
  /** What iptables-save prints without `-A CHAIN`; undefined if the line is refused. */
  readonly expected: string | undefined;
  /** Id of the diagnostic of a refused line. */
  readonly failId: string | undefined;
  readonly table: string;
  readonly chain: string;
  readonly family: Family;
  readonly sets: readonly string[] | undefined;
  readonly unverified: string | undefined;
  /** 1-based. */
  readonly line: number;
}

export interface ExtensionTable {
  readonly kind: 'match' | 'target';
  /** Name of the extension. */
  readonly name: string;
  /** Relative to the repository. */
  readonly path: string;
  readonly cases: readonly TableCase[];
}

const folders = { match: 'matches', target: 'targets' } as const;

/** All tables below test/extensions, in path order. */
export function extensionTables(): readonly ExtensionTable[] {
  const tables: ExtensionTable[] = [];
  for (const kind of ['match', 'target'] as const) {
    const folder = join('test', 'extensions', folders[kind]);
    let names: string[];
    try {
      names = readdirSync(join(repositoryRoot, folder)).filter((n) => n.endsWith('.t'));
    } catch {
      names = [];
    }
    for (const file of names.sort()) {
      const path = join(folder, file);
      const text = readFileSync(join(repositoryRoot, path), 'utf8');
      tables.push({ kind, name: file.slice(0, -2), path, cases: readTable(text, path) });
    }
  }
  return tables;
}

/** Reads one table. @throws on a line of no known form, with its place. */
function readTable(text: string, path: string): readonly TableCase[] {
  const cases: TableCase[] = [];
  let places: { table: string; chain: string; family: Family }[] = [];
  let sets: readonly string[] | undefined;
  let unverified: string | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const wrong = (what: string): Error => new Error(`${path}:${index + 1}: ${what}: ${line}`);
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith(':')) {
      const [directive, ...words] = line.split(/\s+/);
      if (directive === ':CHAINS') {
        const [where = '', families = ''] = words;
        const [table = '', chains = ''] = where.split('/');
        unverified = undefined;
        places = [];
        for (const family of families.split(',')) {
          if (family !== 'ipv4' && family !== 'ipv6') throw wrong('families are ipv4 and ipv6');
          for (const chain of chains.split(',')) places.push({ table, chain, family });
        }
      } else if (directive === ':SETS') sets = words;
      else if (directive === ':UNVERIFIED') unverified = words.join(' ');
      else throw wrong('unknown directive');
      continue;
    }
    const found = /^(.*?)\s*;\s*([^;]*?)\s*;\s*(OK|FAIL\s+\S+)$/.exec(line) ?? splitAtSpacedSemicolons(line);
    if (!found) throw wrong('expected RULE ; EXPECTED ; OK or FAIL id');
    const [, rule = '', text = '', result = ''] = found;
    const ok = result === 'OK';
    for (const place of places) {
      cases.push({
        ...place,
        rule,
        expected: ok ? (text === '=' ? rule : text) : undefined,
        failId: ok ? undefined : result.replace(/^FAIL\s+/, ''),
        sets,
        unverified,
        line: index + 1,
      });
    }
  }
  return cases;
}

/** Rules may hold semicolons in quotes; the separators are then the last two that stand between blanks. */
function splitAtSpacedSemicolons(line: string): readonly string[] | undefined {
  const found = /^(.*) ; (.*) ; (OK|FAIL\s+\S+)$/.exec(line);
  return found ? [...found] : undefined;
}

/** What fwsim made of a line. */
export interface TableAnswer {
  /** The rules as printed without `-A CHAIN`, one per line. */
  readonly printed: string;
  readonly rules: readonly Rule[];
  /** `id: message` of every diagnostic that says the line would not load. */
  readonly errors: readonly { readonly id: string; readonly message: string }[];
}

/** The registry of all extensions. */
export const allExtensions: Registry = createRegistry(extensions);

const builtinChainPattern = /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/;

/** Whether the chain of a case is one of the user's. */
export function isUserChain(c: TableCase): boolean {
  return !builtinChainPattern.test(c.chain);
}

/** Reads, links and prints one rule in the place of a case. */
export function runCase(c: TableCase, rule: string, keepMeaning: boolean): TableAnswer {
  const declared = isUserChain(c) ? `:${c.chain} - [0:0]\n` : '';
  const parsed = parse(`*${c.table}\n${declared}-A ${c.chain} ${rule}\nCOMMIT\n`);
  const linked = link(parsed, {
    registry: allExtensions,
    family: c.family,
    setNames: c.sets && new Set(c.sets),
    keepMeaning,
  });
  const rules = linked.rulesets.flatMap(({ ruleset }) =>
    ruleset.tables.flatMap((t) => t.chains.flatMap((chain) => chain.rules)),
  );
  return {
    rules,
    printed: rules.map(ruleBody).join('\n'),
    errors: [...parsed.diagnostics, ...linked.diagnostics].filter((d) => d.severity === 'error'),
  };
}

/** The uses of one extension in a rule. */
export function usesOf(
  rule: Rule,
  kind: 'match' | 'target',
  name: string,
): readonly Pick<MatchUse, 'data' | 'known'>[] {
  if (kind === 'match') return rule.matches.filter((m) => m.extension === name);
  return rule.target.kind === 'extension' && rule.target.extension === name ? [rule.target] : [];
}

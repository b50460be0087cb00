/** Words shared by answers about sets of packets: who decided, how packets end, how many they are. */

import type { Decider } from '../analysis/deciders.ts';
import type { FateKind } from '../analysis/road.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Rule, Ruleset } from '../model/ruleset.ts';
import { findChain, findTable } from '../model/ruleset.ts';
import type { SetDescription } from '../packetset/print.ts';
import type { Theme } from './theme.ts';

/** How packets end, in a word or two, and whether that is good news to their sender. */
export const fateNames: Readonly<Record<FateKind, { readonly word: string; readonly paint: keyof Theme }>> = {
  local: { word: 'accepted', paint: 'verdictAccept' },
  forward: { word: 'forwarded', paint: 'verdictAccept' },
  sent: { word: 'sent', paint: 'verdictAccept' },
  drop: { word: 'dropped', paint: 'verdictDrop' },
  reject: { word: 'rejected', paint: 'verdictDrop' },
  queue: { word: 'queued', paint: 'verdictOther' },
  stolen: { word: 'swallowed', paint: 'verdictOther' },
  stuck: { word: 'in a loop', paint: 'verdictOther' },
  'route-drop': { word: 'not routed', paint: 'verdictDrop' },
};

/** `INPUT 5`, the table in front where it is not filter. Not escaped. */
export function rulePlace({ table, chain, index }: Pick<Rule, 'table' | 'chain' | 'index'>): string {
  return `${table === 'filter' ? '' : `${table} `}${chain} ${index + 1}`;
}

/** `INPUT 5`, `policy DROP of INPUT`. Not escaped. */
export function deciderPlace(by: Decider): string {
  if (by.kind === 'rule') return rulePlace(by.rule);
  return `policy ${by.policy} of ${by.table === 'filter' ? '' : `${by.table} `}${by.chain}`;
}

/** The line of the input that the decider stands on; undefined for what no line says. */
export function deciderLine(by: Decider, ruleset: Ruleset): number | undefined {
  if (by.kind === 'rule') return by.rule.line || undefined;
  const table = findTable(ruleset, by.table);
  return (table && findChain(table, by.chain)?.line) || undefined;
}

/** The decider as JSON. */
export function deciderJson(by: Decider | undefined, ruleset: Ruleset) {
  if (by === undefined) return null;
  const line = deciderLine(by, ruleset) ?? null;
  if (by.kind === 'policy')
    return { kind: by.kind, table: by.table, chain: by.chain, policy: by.policy, line };
  const { table, chain, index } = by.rule;
  return { kind: by.kind, table, chain, ruleNumber: index + 1, line, text: ruleText(by.rule) };
}

/** A share for people: `100 %`, `33 %`, `< 1 %`. */
export function shareText(share: number): string {
  if (share >= 0.995) return share >= 1 ? '100 %' : '> 99 %';
  if (share < 0.01) return '< 1 %';
  return `${Math.round(share * 100)} %`;
}

/** Lines of a described set; `everything` is what to call all of it. Not escaped. */
export function describedLines(d: SetDescription, everything: string): readonly string[] {
  switch (d.kind) {
    case 'nothing':
      return ['none'];
    case 'everything':
      return [everything];
    case 'undecided':
      return ['not decided'];
    default: {
      const more = d.lineCount - d.lines.length;
      const lines = [...d.lines];
      if (more > 0) lines.push(`… and ${more} more${d.complete ? '' : ' at least'}`);
      const heads = exceptionHeads(d, 'all but:');
      return heads.length === 0 ? lines : [...heads, ...lines.map((line) => `  ${line}`)];
    }
  }
}

/** What is said before the lines of a set that are exceptions; else nothing. `fromAll`: where they are exceptions from everything. */
export function exceptionHeads({ kind, within }: SetDescription, fromAll: string): readonly string[] {
  if (kind !== 'all-but') return [];
  return within.length === 0 ? [fromAll] : [...within, 'but not:'];
}

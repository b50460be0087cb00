/**
 * Names of findings that survive edits elsewhere in the ruleset: suppressions and baselines hang on them, and CI
 * systems tell old findings from new ones by them. No line number, counter or generated hash is part of one.
 */

import type { DiagnosticCode } from '../diagnostics/diagnostic.ts';
import { printBase } from '../extensions/base.ts';
import { targetText } from '../link/rule-text.ts';
import type { Chain, Rule } from '../model/ruleset.ts';
import { sha256 } from '../support/sha256.ts';
import type { RulesetView, Subject } from './check.ts';

/** Hashes and ids that programs put into names of chains and interfaces: they change with every deployment. */
const generated: readonly (readonly [RegExp, string])[] = [
  [/\b(KUBE-(?:[A-Z]{1,12}-){1,3})[A-Z2-7]{16}\b/g, '$1*'],
  [/\b(CNI-(?:[A-Z]+-)?)[0-9a-f]{20,}\b/g, '$1*'],
  [/\b(NETAVARK-(?:[A-Z]+-)?)[0-9A-Fa-f]{10,}\b/g, '$1*'],
  [/\b(cali-[a-z]+-)[\w-]{11,}/g, '$1*'],
  [/\b(br-|veth|cali|lxc|tap|vnet)[0-9a-f]{6,}\b/g, '$1*'],
];

function masked(text: string): string {
  return generated.reduce((masking, [pattern, instead]) => masking.replace(pattern, instead), text);
}

/** A rule's conditions in an order of their own, then its target; comments are no condition. */
function canonicalRule(rule: Pick<Rule, 'base' | 'matches' | 'target'>): string {
  const matches = rule.matches.filter((m) => m.extension !== 'comment').map((m) => m.text);
  const conditions = [...printBase(rule.base), ...matches].sort();
  return masked([...conditions, targetText(rule.target)].filter((part) => part !== '').join(' '));
}

/** The line of a text that holds an offset. */
function lineOf(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, end < 0 ? undefined : end).trim();
}

/** Makes the fingerprints of one machine's findings, in the order in which they are made. */
export function createFingerprinter(texts: readonly { readonly name: string; readonly text: string }[]) {
  const seen = new Map<string, number>();
  const ordinals = new Map<Chain, readonly number[]>();

  /** Which of the equal rules of its chain it is, from 0. */
  function ordinal(view: RulesetView, rule: Rule): number {
    const chain = view.chain(rule.table, rule.chain);
    if (!chain) return 0;
    let list = ordinals.get(chain);
    if (!list) {
      const counts = new Map<string, number>();
      list = chain.rules.map((r) => {
        const text = canonicalRule(r);
        const count = counts.get(text) ?? 0;
        counts.set(text, count + 1);
        return count;
      });
      ordinals.set(chain, list);
    }
    return list[rule.index] ?? 0;
  }

  function identity(subject: Subject): readonly string[] {
    switch (subject.kind) {
      case 'rule': {
        const { view, rule } = subject;
        const place = [view.family, rule.table, masked(rule.chain)];
        return [...place, canonicalRule(rule), String(ordinal(view, rule))];
      }
      case 'policy':
      case 'chain':
        return [subject.view.family, subject.chain.table, masked(subject.chain.name), subject.kind];
      case 'table':
        return [subject.view.family, subject.table.name];
      case 'span': {
        const source = texts.find(({ name }) => name === subject.span.source);
        return ['text', source ? masked(lineOf(source.text, subject.span.start)) : ''];
      }
      case 'machine':
        return ['machine'];
    }
  }

  /**
   * `FW204-` and 20 hexadecimal digits. `related`: the other rule of a finding about two. What would be equal is
   * numbered, so no two findings of a machine have the same.
   */
  return (code: DiagnosticCode, id: string, at: Subject, related: readonly Subject[]): string => {
    const other = related.find((subject) => subject.kind === 'rule');
    const text = [id, ...identity(at), ...(other ? identity(other) : [])].join('\n');
    const key = `${code}\n${text}`;
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return `${code}-${sha256(`${key}\n${count}`).slice(0, 20)}`;
  };
}

/** Whether a text looks like a fingerprint. */
export function isFingerprint(text: string): boolean {
  return /^FW\d{3}-[0-9a-f]{20}$/.test(text);
}

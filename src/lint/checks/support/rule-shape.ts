/** What rules look like beside each other: which conditions they have in common, and whether the packet decides them. */

import { draftSpace } from '../../../expression/draft-space.ts';
import { printBase } from '../../../extensions/base.ts';
import { comment } from '../../../extensions/matches/comment.ts';
import { splitWords, type Word } from '../../../grammar/words.ts';
import type { BaseMatch, MatchUse, Rule } from '../../../model/ruleset.ts';
import type { CheckContext, RulesetView } from '../../check.ts';

/** The matches of a rule that are no remarks. */
export function conditionsOf(rule: Rule): readonly MatchUse[] {
  return rule.matches.filter((m) => m.extension !== comment.name);
}

/** Whether the packet and its connection alone decide these matches: no rate, list, set or chance has a part. */
export function isDecidedByPacket(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  matches: readonly MatchUse[] = rule.matches,
): boolean {
  return matches.every((use) => {
    const extension = use.known ? context.registry.match(use.extension, view.family) : undefined;
    if (!extension) return false;
    const space = draftSpace();
    const set = extension.packets(use.data as never, space, {
      family: view.family,
      base: rule.base,
      machine: context.machine,
    });
    return space
      .ways(set, 64)
      .every((way) =>
        way.every(({ condition }) => condition.kind !== 'choice' || condition.choice.kind === 'pure'),
      );
  });
}

/**
 * Matches that keep a list or a count of what they were asked, so that a rule with one does something even where it
 * changes no packet's fate.
 */
export const keepsCount: ReadonlySet<string> = new Set([
  'recent',
  'hashlimit',
  'connlimit',
  'limit',
  'quota',
  'nfacct',
  'account',
  'rateest',
  'set',
  'statistic',
]);

/** One text for a rule's conditions without those named, and without remarks. */
export function conditionsKey(rule: Rule, without: readonly (keyof BaseMatch)[] = []): string {
  const base: BaseMatch = { ...rule.base, ...Object.fromEntries(without.map((key) => [key, undefined])) };
  return [...printBase(base), ...conditionsOf(rule).map((m) => m.text)].join(' ');
}

/** Whether what the first rule asks, the second asks as well, in the same words: then it matches all that the second does. */
export function asksNoMore(first: Rule, second: Rule): boolean {
  const asked = new Set([...printBase(second.base), ...conditionsOf(second).map((m) => m.text)]);
  return [...printBase(first.base), ...conditionsOf(first).map((m) => m.text)].every((c) => asked.has(c));
}

/** The words of the line that a rule stands on, unquoted, with their offsets in the source; none for a made rule. */
export function wordsOf(view: RulesetView, rule: Rule): readonly Word[] {
  if (rule.offset < 0) return [];
  const { text } = view.source;
  const newline = text.indexOf('\n', rule.offset);
  return splitWords(text.slice(rule.offset, newline < 0 ? undefined : newline), rule.offset);
}

/** The word behind one of these options, as it was written: undefined where the line has none of them. */
export function wordAfter(words: readonly Word[], options: readonly string[]): Word | undefined {
  const at = words.findIndex((w) => !w.quoted && options.includes(w.text));
  return at < 0 ? undefined : words[at + 1];
}

/** Whether the text that a ruleset stands in was printed by iptables-save: then nobody chose its spelling. */
export function isDump(view: RulesetView): boolean {
  return view.linked.hasHeader;
}

/** `1 rule`, `17 rules`. */
export function countOf(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** `a, b, c and 4 more`. */
export function listText(items: readonly string[], most = 4): string {
  const shown = items.slice(0, most);
  return items.length > most ? `${shown.join(', ')} and ${items.length - most} more` : shown.join(', ');
}

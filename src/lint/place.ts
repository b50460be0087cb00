/** From subjects of checks to places in the source. */

import type { Span } from '../diagnostics/diagnostic.ts';
import type { Rule } from '../model/ruleset.ts';
import type { RulesetView, Subject } from './check.ts';
import type { FindingPlace } from './finding.ts';

/** The input as a whole. */
export const nowhere: FindingPlace = {
  table: undefined,
  chain: undefined,
  ruleNumber: undefined,
  ruleId: undefined,
};

/** The place of a subject, without its text. */
export function placeOf(subject: Subject): FindingPlace {
  switch (subject.kind) {
    case 'rule': {
      const { table, chain, index, id } = subject.rule;
      return { table, chain, ruleNumber: index + 1, ruleId: id };
    }
    case 'policy':
    case 'chain':
      return { ...nowhere, table: subject.chain.table, chain: subject.chain.name };
    case 'table':
      return { ...nowhere, table: subject.table.name };
    case 'span':
    case 'machine':
      return nowhere;
  }
}

/** The line of the source that begins at or before an offset, without its end. */
function lineAt(view: RulesetView, offset: number): Span {
  const { text, name } = view.source;
  const newline = text.indexOf('\n', offset);
  const stop = newline < 0 ? text.length : newline;
  const end = text.charCodeAt(stop - 1) === 13 && stop > offset ? stop - 1 : stop;
  return { start: offset, end, source: name };
}

/** The piece of a line that holds these words, or else all of it. */
function within(view: RulesetView, line: Span, words: string | undefined): Span | undefined {
  if (words === undefined || words === '') return undefined;
  const at = view.source.text.slice(line.start, line.end).indexOf(words);
  return at < 0 ? undefined : { ...line, start: line.start + at, end: line.start + at + words.length };
}

/** The words that name the rule's target, as people write them. */
function targetSpan(view: RulesetView, line: Span): Span | undefined {
  const text = view.source.text.slice(line.start, line.end);
  const found = /(?:^|\s)((?:-j|-g|--jump|--goto)\s+\S+)/.exec(text);
  const words = found?.[1];
  if (!found || words === undefined) return undefined;
  const start = line.start + found.index + found[0].length - words.length;
  return { ...line, start, end: start + words.length };
}

function ruleSpan(view: RulesetView, rule: Rule, underline: string | undefined): Span | undefined {
  if (rule.offset < 0) return undefined;
  const line = lineAt(view, rule.offset);
  return within(view, line, underline) ?? targetSpan(view, line) ?? line;
}

/** Where a subject stands; `underline`: the words of it that are meant. Undefined for what was made, not read. */
export function spanOf(subject: Subject, underline?: string): Span | undefined {
  switch (subject.kind) {
    case 'rule':
      return ruleSpan(subject.view, subject.rule, underline);
    case 'policy':
    case 'chain': {
      const { view, chain } = subject;
      if (chain.offset < 0) return undefined;
      const line = lineAt(view, chain.offset);
      const words = underline ?? (subject.kind === 'policy' ? chain.policy : chain.name);
      return within(view, line, words) ?? line;
    }
    case 'table':
      return lineAt(subject.view, Math.max(0, subject.table.offset));
    case 'span':
      return subject.span;
    case 'machine':
      return undefined;
  }
}

/** One text for equal subjects. */
export function subjectKey(subject: Subject): string {
  const family = 'view' in subject ? subject.view.family : '';
  const { table, chain, ruleId } = placeOf(subject);
  const span = subject.kind === 'span' ? `${subject.span.source} ${subject.span.start}` : '';
  return `${family} ${table ?? ''} ${chain ?? ''} ${ruleId ?? ''} ${span}`;
}

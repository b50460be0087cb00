/**
 * Changes of rules as changes of the text they were read from. Lines that are not touched stay as they are, to the
 * byte: comments, counters, order, spelling, line ends.
 *
 * A text is only changed where each rule has a line of its own that appends it. Where commands insert, replace or
 * delete by number, or a line makes several rules, no line can be changed without a change elsewhere.
 */

import type { Edit } from '../../diagnostics/diagnostic.ts';
import type { Chain, Rule } from '../../model/ruleset.ts';
import type { RulesetView } from '../check.ts';
import type { FixDraft, RuleEdit } from './fix-draft.ts';

/** Counters, or the program and its table: what may stand in front of a command. */
const before = String.raw`[ \t]*(?:\[\d+:\d+\][ \t]*)?`;
const program = String.raw`(?:\S*ip6?tables[ \t]+(?:(?:-t|--table)[ \t]+\w+[ \t]+)?)?`;
const appending = new RegExp(`^(${before}${program}(?:-A|--append)[ \\t]+(?:"[^"]*"|\\S+))(?=\\s|$)`);
const movingOthers = new RegExp(
  `^${before}${program}(?:-[IDRE]|--insert|--delete|--replace|--rename-chain)\\s`,
  'm',
);
const suppressing = /^[ \t]*#[ \t]*fwsim-ignore-next\b/;

/** A line of the text: offsets, the end behind its line end. */
interface Line {
  readonly start: number;
  readonly end: number;
  /** Without the line end. */
  readonly text: string;
}

/** A line that appends one rule: what stands in front of the rule's own words. */
interface RuleLine extends Line {
  readonly head: string;
}

function lineAt(text: string, offset: number): Line {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const newline = text.indexOf('\n', offset);
  const end = newline < 0 ? text.length : newline + 1;
  return { start, end, text: text.slice(start, end).replace(/\r?\n$/, '') };
}

/** What is asked again for every fix of a view. */
interface Layout {
  readonly movesOthers: boolean;
  /** How many rules a line has made, by the offset of the line. */
  readonly rulesAt: ReadonlyMap<number, number>;
}

const layouts = new WeakMap<RulesetView, Layout>();

function layoutOf(view: RulesetView): Layout {
  let layout = layouts.get(view);
  if (layout === undefined) {
    const rulesAt = new Map<number, number>();
    for (const rule of view.rules()) rulesAt.set(rule.offset, (rulesAt.get(rule.offset) ?? 0) + 1);
    layout = { rulesAt, movesOthers: movingOthers.test(view.source.text) };
    layouts.set(view, layout);
  }
  return layout;
}

/** The edits of a fix, ordered by place; undefined where the text is not of a kind that can be changed. */
export function lineEditsOf({ view, edits }: FixDraft): readonly Edit[] | undefined {
  if (layoutOf(view).movesOthers) return undefined;
  const found: Edit[] = [];
  for (const edit of edits) {
    const here = editsOf(view, edit);
    if (here === undefined) return undefined;
    for (const one of here) found.push(one);
  }
  return found.sort((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
}

function editsOf(view: RulesetView, edit: RuleEdit): readonly Edit[] | undefined {
  switch (edit.kind) {
    case 'delete': {
      const block = blockOf(view, edit.rule);
      return block && [cut(view, block)];
    }
    case 'replace':
      return replaced(view, edit);
    case 'insert': {
      const made = insertedAt(view, edit.chain, edit.before);
      if (!made || (made.script && forShells.test(edit.body))) return undefined;
      return [{ span: spanAt(view, made.at), text: made.line(edit.body) }];
    }
    case 'move': {
      const block = blockOf(view, edit.rule);
      const chain = view.chain(edit.rule.table, edit.rule.chain);
      const made = block && chain && insertedAt(view, chain, edit.before);
      if (!made) return undefined;
      const moved = view.source.text.slice(block.start, block.end);
      const text = moved.endsWith('\n') ? moved : `${moved}\n`;
      return [cut(view, block), { span: spanAt(view, made.at), text }];
    }
    case 'policy': {
      const line = declarationOf(view, edit.chain);
      const found = line && /^[ \t]*:\S+[ \t]+(?=(ACCEPT|DROP)(?:\s|$))/.exec(line.text);
      if (!found) return undefined;
      const start = line.start + found[0].length;
      return [{ span: { ...spanAt(view, start), end: start + (found[1] ?? '').length }, text: edit.policy }];
    }
    case 'delete-chain': {
      const line = declarationOf(view, edit.chain);
      if (!line || !/^[ \t]*(?::\S+[ \t]+-|(?:\S*ip6?tables[ \t].*)?-N[ \t])/.test(line.text))
        return undefined;
      const found = [cut(view, line)];
      for (const rule of edit.chain.rules) {
        const block = blockOf(view, rule);
        if (!block) return undefined;
        found.push(cut(view, block));
      }
      return found;
    }
  }
}

function spanAt(view: RulesetView, at: number) {
  return { start: at, end: at, source: view.source.name };
}

function cut(view: RulesetView, { start, end }: Line): Edit {
  return { span: { start, end, source: view.source.name }, text: '' };
}

/** The line of a rule, if it appends this rule and does nothing else. */
function ruleLineOf(view: RulesetView, rule: Rule): RuleLine | undefined {
  if (rule.offset < 0 || layoutOf(view).rulesAt.get(rule.offset) !== 1) return undefined;
  const line = lineAt(view.source.text, rule.offset);
  const head = appending.exec(line.text)?.[1];
  return head === undefined ? undefined : { ...line, head };
}

/** The line of a rule with the suppressions above it, which would be about the next rule without it. */
function blockOf(view: RulesetView, rule: Rule): Line | undefined {
  const line = ruleLineOf(view, rule);
  if (!line) return undefined;
  const { text } = view.source;
  let { start } = line;
  while (start > 0) {
    const above = lineAt(text, start - 1);
    if (!suppressing.test(above.text)) break;
    start = above.start;
  }
  return { ...line, start };
}

function declarationOf(view: RulesetView, chain: Chain): Line | undefined {
  return chain.offset < 0 ? undefined : lineAt(view.source.text, chain.offset);
}

/** Words that a shell reads otherwise than iptables-restore: lines of scripts are left to people then. */
const forShells = /["$`\\!*?;&|<>()#~]/;

/** Whether a line calls iptables itself. */
function isScript(head: string): boolean {
  return /ip6?tables[ \t]/.test(head);
}

function replaced(
  view: RulesetView,
  { rule, body, words }: Extract<RuleEdit, { kind: 'replace' }>,
): readonly Edit[] | undefined {
  const line = ruleLineOf(view, rule);
  if (!line) return undefined;
  const from = line.start + line.head.length;
  const own = line.text.slice(line.head.length);
  if (words !== undefined) {
    const at = wordsAt(own, words.from);
    if (at !== undefined) {
      // Words that go take the blank in front of them along.
      const blank = words.to === '' && own[at - 1] === ' ' ? 1 : 0;
      const start = from + at - blank;
      return [{ span: { ...spanAt(view, start), end: from + at + words.from.length }, text: words.to }];
    }
  }
  if (isScript(line.head) && forShells.test(body)) return undefined;
  return [{ span: { ...spanAt(view, from), end: line.start + line.text.length }, text: ` ${body}` }];
}

/** Where words stand as words of their own; undefined: nowhere, or in two places. */
function wordsAt(text: string, words: string): number | undefined {
  let found: number | undefined;
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    const next = text[at + words.length];
    if (text[at - 1] !== ' ' || (next !== undefined && next !== ' ')) continue;
    if (found !== undefined) return undefined;
    found = at;
  }
  return found;
}

/** Where a rule would have to stand to come before another one, or to be the last, and how its line looks there. */
function insertedAt(
  view: RulesetView,
  chain: Chain,
  next: Rule | undefined,
): ReturnType<typeof lineMaker> | undefined {
  const { text } = view.source;
  const anchor = next ?? chain.rules.at(-1);
  if (anchor) {
    const line = next ? blockOf(view, anchor) : ruleLineOf(view, anchor);
    const head = ruleLineOf(view, anchor)?.head;
    if (!line || head === undefined) return undefined;
    const atEnd = next === undefined;
    if (atEnd && text[line.end - 1] !== '\n') return undefined;
    const eol = text.slice(line.start, line.end).endsWith('\r\n') ? '\r\n' : '\n';
    return lineMaker(atEnd ? line.end : line.start, head, eol);
  }
  const table = view.table(chain.table);
  const from = Math.max(table?.offset ?? -1, chain.offset);
  if (from < 0) return undefined;
  const commit = /^(?:COMMIT|\*)/gm;
  commit.lastIndex = lineAt(text, from).end;
  const found = commit.exec(text);
  if (!found || found[0] === '*') return undefined;
  const above = lineAt(text, Math.max(0, found.index - 1));
  const eol = text.slice(above.start, above.end).endsWith('\r\n') ? '\r\n' : '\n';
  const counted = /^[ \t]*\[\d+:\d+\][ \t]*-A/.test(above.text) ? '[0:0] ' : '';
  return lineMaker(found.index, `${counted}-A ${chain.name}`, eol);
}

function lineMaker(at: number, head: string, eol: string) {
  const fresh = head.replace(/^([ \t]*)\[\d+:\d+\]/, '$1[0:0]');
  const script = isScript(head);
  return { at, script, line: (body: string): string => `${fresh} ${body}${eol}` };
}

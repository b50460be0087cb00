/** How a way ended: the sentence, the rule that decided, and what else the sender or a program sees of it. */

import { ruleText } from '../link/rule-text.ts';
import type { Packet } from '../model/packet.ts';
import type { PolicyRef, RuleRef, Trace } from '../model/trace.ts';
import { decidedBy } from '../trace/outcome.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import type { RuleBook } from './rule-book.ts';
import type { Paint } from './theme.ts';
import type { NextStep } from './trace-next.ts';
import { fateWords } from './trace-words.ts';

/** How ends are told. */
export interface VerdictStyle {
  readonly style: TerminalStyle;
  readonly book: RuleBook;
  /** Who listens for a packet that is delivered, if that is known. */
  readonly listener: (packet: Packet) => string | undefined;
  /** Where to look when no rule is the cause. */
  readonly next: (trace: Trace) => NextStep | undefined;
}

/** `rule 6 of filter INPUT (line 47)`, `the policy of filter INPUT (line 42)`. */
export function deciderWords(at: RuleRef | PolicyRef, book: RuleBook): string {
  const line = 'policy' in at ? (book.chain(at.table, at.chain)?.line ?? 0) : at.line;
  const place = line > 0 ? ` (line ${line})` : '';
  const name = 'policy' in at ? 'the policy' : `rule ${at.number}`;
  return `${name} of ${at.table} ${at.chain}${place}`;
}

/** What happened and by which rule, escaped: the word that is painted, and what follows it. */
export interface Sentence {
  readonly word: string;
  readonly paint: Paint;
  readonly rest: string;
}

/** How a way ended, as a sentence. */
export function sentenceOf(trace: Trace, { style, book }: Pick<VerdictStyle, 'style' | 'book'>): Sentence {
  const { theme } = style;
  const { word, rest, tone } = fateWords(trace.fate);
  const paint = { accept: theme.verdictAccept, drop: theme.verdictDrop, other: theme.verdictOther }[tone];
  const at = decidedBy(trace);
  const by = at && escapeTerminal(deciderWords(at, book));
  const what = rest === '' || /^[,:]/.test(rest) ? escapeTerminal(rest) : ` ${escapeTerminal(rest)}`;
  const passed = trace.fate.kind === 'local' || trace.fate.kind === 'forward' || trace.fate.kind === 'sent';
  const sentence = passed
    ? `${what}: ${by === undefined ? 'no filter rule is on its way' : `${by} accepts it`}`
    : by === undefined
      ? what
      : tone === 'other'
        ? ` by ${by}${what}`
        : trace.fate.kind === 'hook-drop'
          ? `${what}, after ${by}`
          : `${what} by ${by}`;
  return { word, paint, rest: sentence };
}

/** The same as lines. */
export function sentenceLines(trace: Trace, to: Pick<VerdictStyle, 'style' | 'book'>): readonly string[] {
  const { word, paint, rest } = sentenceOf(trace, to);
  return wrap(`${paint(word)}${rest}`, to.style, { rest: '  ' });
}

/** The text of the rule that decided, or of the policy as iptables-save writes it; undefined where none did. */
export function deciderText(trace: Trace, book: RuleBook): string | undefined {
  const at = decidedBy(trace);
  if (!at) return undefined;
  if ('policy' in at) return `:${at.chain} ${book.chain(at.table, at.chain)?.policy ?? ''}`;
  const rule = book.rule(at);
  return rule && ruleText(rule);
}

/** The verdict: what happened, by which rule, that rule's text, and what else the sender or a program sees of it. */
export function verdictLines(trace: Trace, to: VerdictStyle): readonly string[] {
  const { style, book } = to;
  const lines = [...sentenceLines(trace, to)];
  const say = (text: string): void => {
    lines.push(...wrap(escapeTerminal(text), style, { first: '  ', rest: '    ' }));
  };
  const decider = deciderText(trace, book);
  if (decider !== undefined) say(decider);
  const { fate } = trace;
  if (trace.errno !== undefined && fate.kind !== 'send-error') say(`the sending program gets ${trace.errno}`);
  if (fate.kind === 'local') {
    const listener = to.listener(fate.packet);
    if (listener !== undefined) say(listener);
  }
  const next = to.next(trace);
  if (next) {
    say(next.says);
    lines.push(
      ...wrap(`look at: ${style.theme.command(escapeTerminal(next.next))}`, style, {
        first: '  ',
        rest: '    ',
      }),
    );
  }
  return lines;
}

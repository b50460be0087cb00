/** The answer to a packet in one line: what it is, and how it ends. */

import type { ReadRuleset } from '../link/read-machine.ts';
import type { Trace } from '../model/trace.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { ruleBook } from './rule-book.ts';
import { sentenceOf } from './trace-verdict.ts';
import { packetText } from './trace-words.ts';

/** Escaped. */
export function replyLine(trace: Trace, ruleset: ReadRuleset | undefined, style: TerminalStyle): string {
  const packet = escapeTerminal(packetText(trace.packet));
  if (ruleset === undefined) return packet;
  const { word, paint, rest } = sentenceOf(trace, { style, book: ruleBook(ruleset.linked.ruleset) });
  return `${packet}: ${paint(word)}${rest}`;
}

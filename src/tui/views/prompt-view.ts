/** The line above the keys: an open line with its cursor and what is wrong with it, or a message. */

import { terminalCells } from '../../report/escape-terminal.ts';
import { packetFields } from '../state/packet-fields.ts';
import type { Prompt, State } from '../state/state.ts';
import { columnsOf, type Line, type Span, span, wrapText } from './text.ts';

function label(state: State, { kind, base }: Prompt): string {
  const { name, row } = base.cursor;
  switch (kind) {
    case 'packet':
      return 'packet: ';
    case 'field':
      return `${packetFields[state.rows.packet]?.name ?? 'field'}: `;
    case 'edit-rule':
      return `rule ${row + 1}: `;
    case 'insert-rule':
      return `insert ${name.chain} ${row + 1}: `;
    case 'search':
      return '/';
    case 'filter':
      return 'show: ';
    case 'command':
      return ':';
    case 'write':
      return 'write to: ';
  }
}

interface PlacedCell {
  readonly text: string;
  readonly columns: number;
  readonly offset: number;
}

/**
 * The text around the cursor, as many columns as fit. The cursor is a bar before the character, so that it shows on
 * every terminal; what is wrong is painted, and named behind the line.
 */
function editorSpans(prompt: Prompt, columns: number): Line {
  const { text, cursor } = prompt.line;
  const cells: readonly PlacedCell[] = terminalCells(text);
  const room = Math.max(columns - 1, 4);
  let first = 0;
  let used = 0;
  const at = cells.findIndex((c) => c.offset >= cursor);
  const end = at < 0 ? cells.length : at;
  for (let i = end - 1; i >= 0; i--) {
    used += cells[i]?.columns ?? 0;
    if (used > room - 2) {
      first = i + 1;
      break;
    }
  }
  const out: Span[] = [];
  let width = 0;
  const { problem } = prompt;
  for (let i = first; i <= cells.length; i++) {
    if (i === end) out.push(span('▏', 'strong'));
    const cell = cells[i];
    if (!cell) break;
    width += cell.columns;
    if (width > room) break;
    const wrong = problem !== undefined && cell.offset >= problem.start && cell.offset < problem.end;
    out.push(span(cell.text, wrong ? 'error' : undefined));
  }
  return out;
}

/** Lines that a message may take: a copied command is to be read whole. */
const messageLinesMax = 6;

/** What there is to say when no line is open; one empty line for nothing. */
export function messageLines({ message, size }: State): readonly Line[] {
  if (!message) return [[]];
  const tone = message.tone === 'error' ? 'error' : 'info';
  return wrapText(`${message.tone === 'error' ? '✗ ' : ''}${message.text}`, size.columns)
    .slice(0, messageLinesMax)
    .map((text): Line => [span(text, tone)]);
}

/** The open line, and below it what is wrong (a caret under the place), the words that fitLine, or the keys. */
export function promptLines(state: State, prompt: Prompt, columns: number): readonly [Line, Line] {
  const name = label(state, prompt);
  const indent = columnsOf(name);
  const line: Line = [span(name, 'strong'), ...editorSpans(prompt, columns - indent)];
  const { problem, completion } = prompt;
  if (problem) {
    const hint = problem.hint === undefined ? '' : `; ${problem.hint}`;
    const says = `${problem.message}${hint}`;
    const visible = columnsOf(prompt.line.text) < columns - indent - 2;
    const start = visible ? indent + columnsOf(prompt.line.text.slice(0, problem.start)) : 0;
    // The words stand behind the caret where they fitLine, else before it.
    const fits = start + columnsOf(says) + 3 < columns;
    return fits
      ? [line, [span(' '.repeat(start)), span('^ ', 'error'), span(says, 'error')]]
      : [line, [span('✗ ', 'error'), span(says, 'error')]];
  }
  if (completion) {
    if (completion.candidates.length === 0) return [line, [span('nothing fits here', 'faint')]];
    const from = Math.max(0, completion.at - 2);
    const words = completion.candidates
      .slice(from, from + 12)
      .flatMap((w, i): Span[] => [span(w, from + i === completion.at ? 'cursor' : undefined), span('  ')]);
    return [line, words];
  }
  const keys: Line = [
    span('enter', 'command'),
    span(' takes it  ', 'faint'),
    span('esc', 'command'),
    span(' leaves all as it was  ', 'faint'),
    span('tab', 'command'),
    span(' completes', 'faint'),
  ];
  return [line, keys];
}

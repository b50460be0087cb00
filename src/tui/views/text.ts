/**
 * Lines of the screen as data: spans with a meaning each. Nothing in here knows Ink; `paint` is the one place where
 * spans become terminal text, and it escapes every one of them.
 */

import { escapeTerminal, terminalCells, terminalWidth } from '../../report/escape-terminal.ts';
import type { Palette, Tone } from './palette.ts';

/** A piece of a line. The text may be raw: {@link paint} escapes it. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
}

/** One line of the screen. */
export type Line = readonly Span[];

/** A span. */
export function span(text: string, tone?: Tone): Span {
  return tone === undefined ? { text } : { text, tone };
}

/** ASCII, and the frames, arrows and marks of our own: one column each. */
const oneColumnEach =
  /^[\x20-\x7e\u2500-\u257f\u25b2\u25ba\u25bc\u25c4\u25c6\u25cf\u2191\u2193\u00b7\u2026\u2713\u2717\u270e\u2192]*$/;

/** A text as it will be seen, cell by cell. */
export function cellsOf(text: string): readonly { readonly text: string; readonly columns: number }[] {
  return oneColumnEach.test(text)
    ? [...text].map((cell) => ({ text: cell, columns: 1 }))
    : terminalCells(escapeTerminal(text));
}

/** Columns of a text as it will be seen. */
export function columnsOf(text: string): number {
  return oneColumnEach.test(text) ? text.length : terminalWidth(escapeTerminal(text));
}

/** Columns of a line. */
export function lineColumns(line: Line): number {
  return line.reduce((sum, { text }) => sum + columnsOf(text), 0);
}

/** The beginning of a text that fits, and the columns that it takes. A wide character is never cut in half. */
function cutText(text: string, columns: number): { readonly text: string; readonly columns: number } {
  if (oneColumnEach.test(text)) {
    const cut = text.slice(0, columns);
    return { text: cut, columns: cut.length };
  }
  let cut = '';
  let used = 0;
  for (const cell of terminalCells(text)) {
    if (used + cell.columns > columns) break;
    cut += cell.text;
    used += cell.columns;
  }
  return { text: cut, columns: used };
}

/** The line cut (with an ellipsis) or filled with blanks to exactly these columns. */
export function fitLine(line: Line, columns: number): Line {
  const cut = clipLine(line, columns);
  const left = columns - lineColumns(cut);
  return left > 0 ? [...cut, { text: ' '.repeat(left) }] : cut;
}

/** The line, cut (with an ellipsis) where it is longer than these columns. */
export function clipLine(line: Line, columns: number): Line {
  if (lineColumns(line) <= columns) return line;
  const out: Span[] = [];
  let left = Math.max(0, columns - 1);
  for (const piece of line) {
    const width = columnsOf(piece.text);
    if (width <= left) {
      out.push(piece);
      left -= width;
      continue;
    }
    const cut = cutText(piece.text, left);
    out.push({ ...piece, text: `${cut.text}${columns > 0 ? '\u2026' : ''}` });
    break;
  }
  return out;
}

/** Breaks a text between words into lines of at most these columns; a word that is longer is cut into pieces. */
export function wrapText(text: string, columns: number): readonly string[] {
  const width = Math.max(columns, 8);
  const lines: string[] = [];
  let line = '';
  for (const given of escapeTerminal(text).split(' ')) {
    let word = given;
    if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > width) {
      lines.push(line);
      line = '';
    }
    while (columnsOf(word) > width) {
      const head = cutText(word, width).text;
      lines.push(head);
      word = word.slice(head.length);
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/** Lines as one text for the terminal, each cut to the columns. Every span passes the escape module here. */
export function paint(lines: readonly Line[], columns: number, palette: Palette): string {
  return lines
    .map((line) =>
      clipLine(line, columns)
        .map(({ text, tone }) => {
          const safe = oneColumnEach.test(text) ? text : escapeTerminal(text);
          return tone === undefined ? safe : palette[tone](safe);
        })
        .join(''),
    )
    .join('\n');
}

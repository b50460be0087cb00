import stringWidth from 'string-width';
import { visible } from './visible.ts';

/**
 * Makes a piece of input fit for a terminal: one line, no control character, no escape sequence, no
 * bidirectional override; each shown as what it is instead. Every text that is not our own passes through here.
 */
export function escapeTerminal(text: string): string {
  return visible(text);
}

/**
 * Texts whose characters all take one column: ASCII, and the typography of our own texts. Asking string-width for
 * the first time costs thirty milliseconds, half of what Node itself takes to start.
 */
const oneColumnEach = /^[\x20-\x7e\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2192]*$/;

/** What a theme puts around a text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for.
const colourCode = /\u001b\[[0-9;]*m/g;

/** The columns that a text takes on a terminal; colour codes take none, wide characters two. */
export function terminalWidth(text: string): number {
  const bare = text.includes('\u001b') ? text.replace(colourCode, '') : text;
  return oneColumnEach.test(bare) ? bare.length : stringWidth(bare);
}

/** A text as the terminal shows it, cut into what a cursor can stand on. */
export interface TerminalCell {
  /** Escaped; one character as a reader sees it, or one escape such as `\x1b`. */
  readonly text: string;
  readonly columns: number;
  /** UTF-16 offset of the cell in the raw text; the next cell's offset ends it. */
  readonly offset: number;
}

/** Cuts a raw text into cells, so that carets and cuts fall between characters. Linear, for lines of any length. */
export function terminalCells(raw: string): readonly TerminalCell[] {
  if (/^[\x20-\x7e]*$/.test(raw)) {
    return Array.from(raw, (text, offset) => ({ text, columns: 1, offset }));
  }
  const cells: TerminalCell[] = [];
  for (const { segment, index } of new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(raw)) {
    const text = escapeTerminal(segment);
    if (text === segment) cells.push({ text, columns: terminalWidth(text), offset: index });
    else pushCodePoints(cells, segment, index);
  }
  return cells;
}

/** A cluster with something unfit in it falls apart: each code point becomes a cell of its own. */
function pushCodePoints(cells: TerminalCell[], segment: string, index: number): void {
  let offset = index;
  for (const character of segment) {
    const text = escapeTerminal(character);
    cells.push({ text, columns: terminalWidth(text), offset });
    offset += character.length;
  }
}

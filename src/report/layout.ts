import { terminalWidth } from './escape-terminal.ts';

/** How text is laid out for one terminal. */
export interface Layout {
  /** Columns of a line; text is wrapped and cut to it. */
  readonly columns: number;
}

/** What a pipe gets: wide enough that few lines wrap, narrow enough to read in a mail. */
export const pipeLayout: Layout = { columns: 100 };

/** Where lines of a paragraph begin. */
export interface Indent {
  readonly first?: string;
  readonly rest?: string;
}

/**
 * Wraps a text between words. A word that is longer than a line keeps one to itself: commands and addresses must
 * stay whole to be copied. The text is escaped already, and may carry colours inside of words.
 */
export function wrap(text: string, layout: Layout, indent: Indent = {}): readonly string[] {
  const first = indent.first ?? '';
  const rest = indent.rest ?? first;
  const lines: string[] = [];
  let line = first;
  let width = terminalWidth(first);
  let empty = true;
  for (const word of text.split(' ')) {
    const wordWidth = terminalWidth(word);
    if (!empty && width + 1 + wordWidth > layout.columns) {
      lines.push(line.trimEnd());
      line = rest;
      width = terminalWidth(rest);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    width += empty ? wordWidth : wordWidth + 1;
    empty = false;
  }
  lines.push(line.trimEnd());
  return lines;
}

/** Fills a text up with blanks to a number of columns; longer texts stay as they are. */
export function padColumns(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - terminalWidth(text)));
}

/** Columns with two blanks between them, the last one ragged. Cells are escaped already. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, terminalWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : padColumns(cell, widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Blanks of this kind hold words together until the lines are broken. */
const glue = '\u00a0';

/** Holds the words of an option together. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', glue);
}

/** As {@link wrap}, for texts with pieces that are {@link unbroken}. */
export function wrapUnbroken(text: string, layout: Layout, indent: Indent): readonly string[] {
  return wrap(text, layout, indent).map((line) => line.replaceAll(glue, ' '));
}

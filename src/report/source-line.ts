import type { TerminalCell } from './escape-terminal.ts';
import { terminalCells } from './escape-terminal.ts';

/** A source line made fit for a terminal, and the underline below it. Both start at the same column. */
export interface SourceLine {
  readonly text: string;
  readonly underline: string;
}

/** Shown where a long line was cut; one column wide. */
const cut = '…';

/** A line is shown whole or through a window; reading more of it than this only to cut it away is a waste. */
const rawLengthMax = 20_000;

/**
 * Renders one raw source line in at most `columns` columns, with `^` under the piece from `start` to `end`
 * (offsets in the raw line). A longer line is cut to a window around the piece, an overlong piece at its right.
 * An empty piece gets one caret: something is missing there.
 */
export function sourceLine(raw: string, start: number, end: number, columns: number): SourceLine {
  const from = Math.max(0, start - rawLengthMax);
  const cells = terminalCells(raw.slice(from, end + rawLengthMax));
  const first = cellAt(cells, start - from, raw.length - from);
  const last = Math.max(first, firstCellFrom(cells, end - from) - 1);
  const window = chooseWindow(cells, first, last, Math.max(columns, 8));

  const head = window.from > 0 || from > 0 ? cut : '';
  const tail = window.to < cells.length ? cut : '';
  const shown = cells.slice(window.from, window.to);
  const before = width(cells, window.from, Math.min(first, window.to)) + head.length;
  const marked = width(cells, first, Math.min(last + 1, window.to));
  return {
    text: head + shown.map((cell) => cell.text).join('') + tail,
    underline: ' '.repeat(before) + '^'.repeat(Math.max(1, end > start ? marked : 1)),
  };
}

/** The cell that holds an offset: an offset inside a cluster means the whole cluster. */
function cellAt(cells: readonly TerminalCell[], offset: number, length: number): number {
  const next = firstCellFrom(cells, offset);
  return cells[next]?.offset === offset || next === 0 || offset >= length ? next : next - 1;
}

/** The first cell that begins at or after an offset. */
function firstCellFrom(cells: readonly TerminalCell[], offset: number): number {
  const index = cells.findIndex((cell) => cell.offset >= offset);
  return index === -1 ? cells.length : index;
}

function width(cells: readonly TerminalCell[], from: number, to: number): number {
  let columns = 0;
  for (let index = from; index < to; index++) columns += cells[index]?.columns ?? 0;
  return columns;
}

/** Grows from the piece's first cell to both sides, a third of the room to the left, until the columns are used. */
function chooseWindow(
  cells: readonly TerminalCell[],
  first: number,
  last: number,
  columns: number,
): { readonly from: number; readonly to: number } {
  if (width(cells, 0, cells.length) <= columns) return { from: 0, to: cells.length };
  // Two columns are kept for the marks of a cut at either end.
  const room = columns - 2;
  const piece = Math.min(width(cells, first, last + 1), room);
  let used = 0;
  let from = first;
  const leftRoom = Math.floor((room - piece) / 3);
  while (from > 0 && used + (cells[from - 1]?.columns ?? 0) <= leftRoom) used += cells[--from]?.columns ?? 0;
  let to = first;
  while (to < cells.length && used + (cells[to]?.columns ?? 0) <= room) used += cells[to++]?.columns ?? 0;
  // Near the end of the line there is room left over, which the left side takes.
  while (from > 0 && used + (cells[from - 1]?.columns ?? 0) <= room) used += cells[--from]?.columns ?? 0;
  return { from, to };
}

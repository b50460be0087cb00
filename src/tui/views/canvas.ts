/** A grid of characters to draw frames and edges on. */

import type { Tone } from './palette.ts';
import { cellsOf, columnsOf, type Line, type Span } from './text.ts';

/** How a frame or an edge is drawn: the road that the packet takes is heavy. */
export type Stroke = 'heavy' | 'thin';

const frames = {
  heavy: { h: '━', v: '┃', tl: '┏', tr: '┓', bl: '┗', br: '┛' },
  thin: { h: '─', v: '│', tl: '┌', tr: '┐', bl: '└', br: '┘' },
} as const;

interface Cell {
  text: string;
  tone: Tone | undefined;
}

/** See the head of this file. What falls outside of the grid is dropped. */
export class Canvas {
  readonly columns: number;
  readonly #rows: Cell[][];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.#rows = Array.from({ length: rows }, () =>
      Array.from({ length: columns }, () => ({ text: ' ', tone: undefined })),
    );
  }

  /** Writes a text from a place on; wide characters take two cells. */
  text(x: number, y: number, text: string, tone?: Tone): void {
    const row = this.#rows[y];
    if (!row) return;
    let at = x;
    for (const { text: cell, columns } of cellsOf(text)) {
      const target = row[at];
      if (at >= 0 && target && at + columns <= this.columns) {
        target.text = cell;
        target.tone = tone;
        for (let i = 1; i < columns; i++) {
          const covered = row[at + i];
          if (covered) covered.text = '';
        }
      }
      at += columns;
    }
  }

  /** A line of spans from a place on. */
  line(x: number, y: number, line: Line): void {
    let at = x;
    for (const { text, tone } of line) {
      this.text(at, y, text, tone);
      at += columnsOf(text);
    }
  }

  /** A frame with a title in its upper edge. */
  frame(x: number, y: number, width: number, height: number, title: string, stroke: Stroke): void {
    const f = frames[stroke];
    const tone = stroke === 'heavy' ? 'strong' : 'faint';
    const inner = Math.max(width - 2, 0);
    this.text(x, y, `${f.tl}${f.h.repeat(inner)}${f.tr}`, tone);
    for (let row = 1; row < height - 1; row++) {
      this.text(x, y + row, f.v, tone);
      this.text(x + width - 1, y + row, f.v, tone);
    }
    this.text(x, y + height - 1, `${f.bl}${f.h.repeat(inner)}${f.br}`, tone);
    this.text(x + 1, y, title.slice(0, inner), tone);
  }

  /** A level edge, with a head at its right end where asked. */
  across(x: number, y: number, width: number, stroke: Stroke, head = true): void {
    if (width <= 0) return;
    const h = frames[stroke].h;
    this.text(
      x,
      y,
      head ? `${h.repeat(width - 1)}►` : h.repeat(width),
      stroke === 'heavy' ? 'strong' : 'faint',
    );
  }

  /** An upright edge. */
  down(x: number, y: number, height: number, stroke: Stroke): void {
    for (let row = 0; row < height; row++)
      this.text(x, y + row, frames[stroke].v, stroke === 'heavy' ? 'strong' : 'faint');
  }

  /** A corner that comes from above and turns to the right. */
  corner(x: number, y: number, stroke: Stroke): void {
    this.text(x, y, frames[stroke].bl, stroke === 'heavy' ? 'strong' : 'faint');
  }

  /** The rows, neighbours of one tone put together. */
  lines(): readonly Line[] {
    return this.#rows.map((row) => {
      const spans: Span[] = [];
      let text = '';
      let tone: Tone | undefined;
      const close = (): void => {
        if (text !== '') spans.push(tone === undefined ? { text } : { text, tone });
        text = '';
      };
      for (const cell of row) {
        // A blank takes its neighbour's tone, unless it would be seen.
        if (cell.tone !== tone && (cell.text !== ' ' || tone === 'cursor')) {
          close();
          tone = cell.tone;
        }
        text += cell.text;
      }
      close();
      return spans;
    });
  }
}

import type { Span } from './diagnostic.ts';
import type { Position, PositionTable } from './position.ts';

/** One source line with the piece to underline; offsets are inside `text`, `end` excluded. */
export interface Excerpt extends Position {
  readonly text: string;
  readonly start: number;
  /** Never beyond the line: a span over several lines is underlined on its first one only. */
  readonly end: number;
}

/** The line that a span begins on, and where in it the span lies. Raw text: printers escape it. */
export function excerpt(table: PositionTable, span: Span): Excerpt {
  const { line, column } = table.position(span.start);
  const text = table.lineText(line);
  const lineStart = table.lineStart(line);
  const start = Math.min(Math.max(span.start - lineStart, 0), text.length);
  const end = Math.min(Math.max(span.end - lineStart, start), text.length);
  return { line, column, text, start, end };
}

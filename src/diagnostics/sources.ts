import type { Span } from './diagnostic.ts';
import { type Excerpt, excerpt } from './excerpt.ts';
import { createPositionTable, type PositionTable } from './position.ts';

/** A text with the name it is quoted by: a file's path, or `<stdin>`. */
export interface SourceText {
  readonly name: string;
  readonly text: string;
}

/** Where a span lies, in the words of its source. */
export interface Place extends Excerpt {
  readonly name: string;
}

/** The texts that one answer talks about. */
export interface Sources {
  readonly texts: readonly SourceText[];
  /** `undefined` when the span names a text that is not here. */
  place(span: Span): Place | undefined;
}

/** Collects texts; a span without a source name means the first one. Tables of lines are made when first asked. */
export function createSources(texts: readonly SourceText[]): Sources {
  const tables = new Map<SourceText, PositionTable>();
  return {
    texts,
    place(span) {
      const source = span.source === undefined ? texts[0] : texts.find((text) => text.name === span.source);
      if (source === undefined) return undefined;
      let table = tables.get(source);
      if (table === undefined) {
        table = createPositionTable(source.text);
        tables.set(source, table);
      }
      return { name: source.name, ...excerpt(table, span) };
    },
  };
}

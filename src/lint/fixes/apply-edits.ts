/** Fixes carried out on texts. */

import type { Edit } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';

/** Texts with some pieces replaced. Edits may be in any order and must not overlap; at one place, they keep their order. */
export function applyEdits(texts: readonly SourceText[], edits: readonly Edit[]): readonly SourceText[] {
  return texts.map((source) => {
    const here = edits.filter(({ span }) => span.source === source.name);
    if (here.length === 0) return source;
    const parts: string[] = [];
    let done = 0;
    for (const { span, text } of here.sort(
      (a, b) => a.span.start - b.span.start || a.span.end - b.span.end,
    )) {
      parts.push(source.text.slice(done, span.start), text);
      done = span.end;
    }
    parts.push(source.text.slice(done));
    return { ...source, text: parts.join('') };
  });
}

/** Whether edits that are about to be made together leave each other's pieces alone. */
export function areApart(edits: readonly Edit[]): boolean {
  const sorted = [...edits].sort(
    (a, b) =>
      (a.span.source ?? '').localeCompare(b.span.source ?? '') ||
      a.span.start - b.span.start ||
      a.span.end - b.span.end,
  );
  return sorted.every((edit, index) => {
    const last = sorted[index - 1];
    return last === undefined || last.span.source !== edit.span.source || last.span.end <= edit.span.start;
  });
}

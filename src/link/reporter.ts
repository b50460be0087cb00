/** What linking says: problems of words and of lines, with their places. */

import { type Diagnostic, diagnostic, type Span } from '../diagnostics/diagnostic.ts';
import { type LineWords, placeOfProblem } from './line-words.ts';
import type { RuleProblemInit } from './rule-problem.ts';

/** Further lines of one problem that are shown with the first. */
const relatedMax = 4;

/** Collects what is said about one dump. */
export interface Reporter {
  /** About a word of a line. */
  problem(words: LineWords, problem: RuleProblemInit, offset: number): void;
  span(id: string, severity: Diagnostic['severity'], message: string, span: Span, hint?: string): void;
  finish(): void;
}

/** A reporter that adds to a list; {@link Reporter.finish} completes what was added. */
export function reporter(source: string, diagnostics: Diagnostic[]): Reporter {
  /** The same complaint about the same word, such as a masked MAC address, is told once for all its lines. */
  const told = new Map<string, { readonly at: number; readonly more: Span[]; count: number }>();
  const push = (
    { id, severity = 'error', message, hint }: Omit<RuleProblemInit, 'word'>,
    span: Span,
  ): void => {
    diagnostics.push(
      diagnostic({ code: 'FW901', id, severity, message, span, ...(hint === undefined ? {} : { hint }) }),
    );
  };
  return {
    problem(words, problem, offset) {
      const word = problem.word < 0 ? `at ${offset}` : (words.texts[problem.word] ?? '');
      const key = `${problem.id} ${problem.message} ${word}`;
      const known = told.get(key);
      if (known && known.more.length >= relatedMax) {
        known.count++;
        return;
      }
      const span = placeOfProblem(words, problem, source, offset);
      if (known) {
        known.count++;
        known.more.push(span);
        return;
      }
      told.set(key, { at: diagnostics.length, more: [], count: 0 });
      push(problem, span);
    },
    span: (id, severity, message, span, hint) =>
      push({ id, severity, message, ...(hint === undefined ? {} : { hint }) }, span),
    finish() {
      for (const { at, more, count } of told.values()) {
        const d = diagnostics[at];
        if (count === 0 || !d) continue;
        diagnostics[at] = {
          ...d,
          message: `${d.message} (and ${count} more ${count === 1 ? 'line' : 'lines'})`,
          related: more.map((span) => ({ message: 'here too', span })),
        };
      }
    },
  };
}

/** The text outside of the ruleset, line by line. */

import type { FactsDraft } from './facts.ts';

/** A piece of the input, made of whole lines. `offset` is where it begins in the source. */
export interface Run {
  readonly text: string;
  readonly offset: number;
}

/** One line without its end; `start` is its offset within the run. */
export interface Line {
  readonly text: string;
  readonly start: number;
}

/** Longest line that readers with patterns look at; longer ones are left unclaimed (JSON is read otherwise). */
export const lineLengthMax = 65536;

/** Cuts a run into lines, without `\n` and `\r\n`. */
export function linesOf(run: Run): readonly Line[] {
  const lines: Line[] = [];
  let start = 0;
  while (start < run.text.length) {
    let end = run.text.indexOf('\n', start);
    if (end < 0) end = run.text.length;
    const stop = end > start && run.text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    lines.push({ text: run.text.slice(start, stop), start });
    start = end + 1;
  }
  return lines;
}

/** A way to read one command's output. */
export interface Reader {
  /**
   * Looks at the line with index `at` and takes as many lines as are its own. 0: not mine, nothing was changed.
   */
  read(context: ReadContext, at: number): number;
}

/** What a {@link Reader} sees: the lines of the run and where to put the facts. */
export interface ReadContext {
  readonly run: Run;
  readonly lines: readonly Line[];
  readonly draft: FactsDraft;
}

/** The text of a line, or the empty text after the last. */
export function lineAt(context: ReadContext, at: number): string {
  return context.lines[at]?.text ?? '';
}

/** The words of a line. */
export function wordsOf(text: string): readonly string[] {
  const trimmed = text.trim();
  return trimmed === '' ? [] : trimmed.split(/\s+/);
}

/** Parameters written as `key value key value …`: the value after a word, if the word is there. */
export function valueAfter(words: readonly string[], key: string, from = 0): string | undefined {
  const i = words.indexOf(key, from);
  return i < 0 ? undefined : words[i + 1];
}

/** Walking over the words of a line. */

/** A place in the words of a line. */
export interface WordCursor {
  readonly words: readonly string[];
  next: number;
}

/** Whether the next word can be an operand: no option and no `!`. */
export function operandFollows({ words, next }: WordCursor): boolean {
  const word = words[next];
  if (word === undefined || word === '!') return false;
  if (word.charCodeAt(0) !== 45 || word.length < 2) return true;
  return !/^-[-A-Za-z]/.test(word);
}

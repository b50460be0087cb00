/**
 * Characters that may not reach a reader as they are: control characters (a terminal obeys them), bidirectional
 * controls and invisible characters (a line would read otherwise than it is), line separators, blanks that are
 * not the blank, and halves of surrogate pairs. Joiners and variation selectors only change glyphs, but two
 * interface names that differ in one look the same.
 */
const unfit = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/gu;

/** Nearly every text of a ruleset is plain ASCII; asking first is several times faster than replacing. */
const plain = /^[\x20-\x7e]*$/;

/**
 * Writes everything that is not fit to be seen as an escape (`\x1b`, `\u202e`), a tab as one space. What is left
 * is one line without effects of its own; it may still have to be quoted for its medium.
 */
export function visible(text: string): string {
  if (plain.test(text)) return text;
  return text.replace(unfit, escapeCharacter);
}

/** Whether {@link visible} would leave the text as it is. */
export function isVisible(text: string): boolean {
  return visible(text) === text;
}

function escapeCharacter(character: string): string {
  if (character === '\t') return ' ';
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 4)}}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** Words of one line, as iptables-restore hands them to getopt: unquoted, with their places. */

import { getTokens } from './tokens.ts';

/** One word. `start` and `end` are offsets of its written form, quotes included. */
export interface Word {
  readonly text: string;
  readonly quoted: boolean;
  readonly start: number;
  readonly end: number;
}

/**
 * Splits text of one line into words. A quote opens anywhere in a word and ends it where it closes
 * (`a"b c"d` is `ab c` and `d`); inside, a backslash takes the next character as it is. A quote that is not
 * closed runs to the end.
 *
 * Source: iptables 1.8.9 iptables/xshared.c add_param_to_argv().
 *
 * @param base added to all offsets
 */
export function splitWords(text: string, base = 0): readonly Word[] {
  const { lexer, Quoted, OpenQuote, Newline } = getTokens();
  const words: Word[] = [];
  for (const token of lexer.tokenize(text).tokens) {
    const start = token.startOffset + base;
    const end = start + token.image.length;
    if (token.tokenType === Newline) break;
    if (token.tokenType === Quoted || token.tokenType === OpenQuote) {
      const body = token.tokenType === Quoted ? token.image.slice(1, -1) : token.image.slice(1);
      const plain = body.replace(/\\(.)/gs, '$1');
      const last = words.at(-1);
      if (last && !last.quoted && last.end === start) {
        words[words.length - 1] = { text: last.text + plain, quoted: true, start: last.start, end };
      } else words.push({ text: plain, quoted: true, start, end });
    } else words.push({ text: token.image, quoted: false, start, end });
  }
  return words;
}

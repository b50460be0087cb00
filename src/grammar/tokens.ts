/**
 * Tokens of iptables-save text. They are generic on purpose: which options exist, and how many words each takes,
 * is the extensions' knowledge, not the lexer's.
 */

import { createToken, Lexer, type TokenType } from 'chevrotain';

/** Every kind of token, and the lexer over them. */
export interface Tokens {
  readonly lexer: Lexer;
  readonly all: readonly TokenType[];
  readonly Newline: TokenType;
  /** Whatever may stand as a bare word. */
  readonly WordLike: TokenType;
  readonly Word: TokenType;
  /** `"…"`, closed; backslashes escape the next character. */
  readonly Quoted: TokenType;
  /** A quote that the line does not close. */
  readonly OpenQuote: TokenType;
  /** `[packets:bytes]`; also what is left of one: `[5]`, `[ 1:2 ]`. */
  readonly Counters: TokenType;
  readonly Commit: TokenType;
  /** `*filter`. */
  readonly TableHeader: TokenType;
  /** `:INPUT`. */
  readonly ChainHeader: TokenType;
  /** A `!` that stands alone. */
  readonly Bang: TokenType;
  /** A word that looks like an option: `-A`, `--dport`, `-4`. */
  readonly Option: TokenType;
}

/** First characters of words: all but blanks and quotes. Above 255 the lexer looks at classes of 255 codes each. */
function wordStarts(): number[] {
  const codes: number[] = [];
  for (let c = 0; c < 256; c++)
    if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d && c !== 0x22) codes.push(c);
  for (let c = 256; c < 65536; c += 128) codes.push(c);
  return codes;
}

let tokens: Tokens | undefined;

/** The tokens and their lexer, made once and only when something is read (20 ms). */
export function getTokens(): Tokens {
  if (tokens) return tokens;
  const rest = { line_breaks: false } as const;
  const WordLike = createToken({ name: 'WordLike', pattern: Lexer.NA });
  const Word = createToken({
    name: 'Word',
    pattern: /[^ \t\r\n"]+/,
    start_chars_hint: wordStarts(),
    categories: WordLike,
    ...rest,
  });
  const Newline = createToken({
    name: 'Newline',
    pattern: /\n/,
    start_chars_hint: ['\n'],
    line_breaks: true,
  });
  const Blank = createToken({
    name: 'Blank',
    pattern: /[ \t\r]+/,
    start_chars_hint: [' ', '\t', '\r'],
    group: Lexer.SKIPPED,
    ...rest,
  });
  const Quoted = createToken({
    name: 'Quoted',
    pattern: /"(?:[^"\\\n]|\\[^\n])*"/,
    start_chars_hint: ['"'],
    ...rest,
  });
  const OpenQuote = createToken({ name: 'OpenQuote', pattern: /"[^\n]*/, start_chars_hint: ['"'], ...rest });
  const Counters = createToken({
    name: 'Counters',
    pattern: /\[[\d: \t]*\](?=[ \t\r\n-]|$)/,
    start_chars_hint: ['['],
    categories: WordLike,
    ...rest,
  });
  const Commit = createToken({
    name: 'Commit',
    pattern: /COMMIT(?=[ \t\r\n]|$)/,
    start_chars_hint: ['C'],
    categories: WordLike,
    ...rest,
  });
  const TableHeader = createToken({
    name: 'TableHeader',
    pattern: /\*[^ \t\r\n"]*/,
    start_chars_hint: ['*'],
    categories: WordLike,
    ...rest,
  });
  const ChainHeader = createToken({
    name: 'ChainHeader',
    pattern: /:[^ \t\r\n"]*/,
    start_chars_hint: [':'],
    categories: WordLike,
    ...rest,
  });
  const Bang = createToken({ name: 'Bang', pattern: /!(?=[ \t\r\n]|$)/, start_chars_hint: ['!'], ...rest });
  const Option = createToken({
    name: 'Option',
    pattern: /-(?:[-A-Za-z][^ \t\r\n"]*|[46](?=[ \t\r\n]|$))/,
    start_chars_hint: ['-'],
    ...rest,
  });
  const all = [
    Newline,
    Blank,
    Quoted,
    OpenQuote,
    Counters,
    Commit,
    TableHeader,
    ChainHeader,
    Bang,
    Option,
    Word,
    WordLike,
  ];
  const lexer = new Lexer(all, {
    positionTracking: 'onlyOffset',
    ensureOptimizations: true,
    skipValidations: true,
    deferDefinitionErrorsHandling: true,
  });
  tokens = {
    lexer,
    all,
    Newline,
    WordLike,
    Word,
    Quoted,
    OpenQuote,
    Counters,
    Commit,
    TableHeader,
    ChainHeader,
    Bang,
    Option,
  };
  return tokens;
}

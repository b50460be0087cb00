import { isVisible } from './visible.ts';

/** Words of these characters mean themselves to every POSIX shell. `~` and `=` only matter at the start. */
const harmless = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./~-]*$/;

/**
 * Quotes one word so that a suggested command can be pasted into a POSIX shell. Control and invisible characters
 * go through `printf`, because a terminal acts on a pasted control character even inside quotes.
 */
export function shellQuote(word: string): string {
  if (harmless.test(word)) return word;
  if (isVisible(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  // A command substitution drops the line feeds at its end; these are harmless in quotes as they are.
  let end = word.length;
  while (word[end - 1] === '\n') end--;
  return `"$(printf '${octal(word.slice(0, end))}')${word.slice(end)}"`;
}

/** Quotes every word and joins them by blanks. */
export function shellCommand(words: readonly string[]): string {
  return words.map(shellQuote).join(' ');
}

/** A printf format of plain letters and octal escapes of everything else, byte by byte. */
function octal(text: string): string {
  let format = '';
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    format += /[A-Za-z0-9 _,.:/=+-]/.test(character) ? character : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return format;
}

/** How extensions write the words of an option, as iptables-save does. */

/** Characters that iptables-save prints without quotes; any other character puts the word into double quotes. */
const plainWord = /^[A-Za-z0-9_-]+$/;

/**
 * A word as xtables_save_string() prints it: quoted if it has any character outside of `A-Za-z0-9_-`, with
 * backslashes before `"`, `'` and `\`.
 */
export function saveString(word: string): string {
  return plainWord.test(word) ? word : `"${word.replace(/["'\\]/g, '\\$&')}"`;
}

/** One printed option: `! --dport 80`. `value` must already be in printable form. */
export function option(name: string, value = '', negated = false): string {
  return `${negated ? '! ' : ''}--${name}${value === '' ? '' : ` ${value}`}`;
}

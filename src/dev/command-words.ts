/** What pages and the manual say of the command table, in the same words. */
import type { ArgumentSpec, OptionSpec } from '../cli/command.ts';

/** `FILE...`, in brackets where it may be left out. */
export function argumentWord({ name, required, variadic }: ArgumentSpec): string {
  const word = `${name}${variadic === true ? '...' : ''}`;
  return required === true ? word : `[${word}]`;
}

/** What an option does, which values it takes, and which one it has by itself. */
export function optionMeaning({ description, choices, default: fallback }: OptionSpec): string {
  return [
    description,
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
  ].join('; ');
}

/** A summary of the table as a sentence of its own. */
export function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

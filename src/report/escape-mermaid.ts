import { visible } from './visible.ts';

/** What is left as it is in a label: letters and digits of any script, blanks, and marks that mean nothing to Mermaid. */
const harmless = /[^\p{L}\p{N}\p{M} .,:…·-]/gu;

/**
 * A piece of input within a quoted label of Mermaid. Everything else that might be markup, a quotation mark, HTML or
 * Markdown is written by its number, which Mermaid turns back: `#35;`. Source: mermaid.js.org, "Flowcharts", entity codes.
 */
export function escapeMermaid(text: string): string {
  return visible(text).replace(harmless, (character) => `#${character.codePointAt(0) ?? 0};`);
}

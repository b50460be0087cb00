import { isVisible } from './visible.ts';

/**
 * A value as JSON text that a terminal can be shown: JSON itself leaves DEL, C1 controls, bidirectional and invisible
 * characters as they are. Written as escapes they mean the same to every reader of JSON.
 *
 * @param indent blanks of each level; none: one line
 * @param replacer as `JSON.stringify` takes it
 */
export function jsonText(
  value: unknown,
  indent = 0,
  replacer?: (key: string, value: unknown) => unknown,
): string {
  const text = JSON.stringify(value, replacer, indent);
  // Outside of strings there is plain ASCII only, and inside there is no line end: escapes stand in strings alone.
  return text.replace(/[^\n\x20-\x7e]+/g, (run) => (isVisible(run) ? run : escaped(run)));
}

function escaped(run: string): string {
  let out = '';
  for (const character of run) {
    if (isVisible(character)) out += character;
    else
      for (let at = 0; at < character.length; at++)
        out += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }
  return out;
}

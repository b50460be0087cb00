import { visible } from './visible.ts';

/**
 * A piece of input as a quoted string of Graphviz. Backslashes begin escapes in labels (`\N` is the node's name), and an
 * ampersand an entity of HTML. Source: graphviz.org, "The DOT language" and the type escString.
 */
export function quoteDot(text: string): string {
  return `"${quoteDotLines([text])}"`;
}

/** The same for several lines; without the quotation marks. */
export function quoteDotLines(lines: readonly string[]): string {
  return lines
    .map((line) => visible(line).replaceAll('&', '&amp;').replaceAll('\\', '\\\\').replaceAll('"', '\\"'))
    .join('\\n');
}

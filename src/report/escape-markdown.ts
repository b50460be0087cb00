import { visible } from './visible.ts';

/**
 * Makes a piece of input plain text in Markdown: no markup, no HTML, one line. Renderers still turn addresses and
 * `@names` into links of their own; pieces of rules therefore go into {@link markdownCode}.
 */
export function escapeMarkdown(text: string): string {
  return visible(text).replace(/[!-/:-@[-`{-~]/g, '\\$&');
}

/** A code span that may contain anything, also backticks; inside a table, bars would still end the cell. */
export function markdownCode(text: string): string {
  const clean = visible(text);
  const fence = longestRun(clean) + 1;
  const pad = clean.startsWith('`') || clean.endsWith('`') || clean.trim() === '' ? ' ' : '';
  return `${'`'.repeat(fence)}${pad}${clean}${pad}${'`'.repeat(fence)}`;
}

/** A fenced block of several lines; the fence is longer than any inside. */
export function markdownBlock(lines: readonly string[], language = ''): string {
  const clean = lines.map(visible);
  const fence = '`'.repeat(Math.max(3, longestRun(clean.join('\n')) + 1));
  return `${fence}${language}\n${clean.join('\n')}\n${fence}\n`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

import type { Diagnostic, Severity } from '../diagnostics/diagnostic.ts';
import type { Place, Sources } from '../diagnostics/sources.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { type Layout, wrap } from './layout.ts';
import { sourceLine } from './source-line.ts';
import type { Theme } from './theme.ts';

/** What every printer for the terminal needs to know. */
export interface TerminalStyle extends Layout {
  readonly theme: Theme;
}

/** Source lines and details stand this far in, so that the heads are what the eye finds. */
const indent = '    ';

/**
 * Prints one diagnostic, a head that `grep` finds, then the place, the source line with the piece underlined,
 * and what to do:
 *
 *     error FW901 unknown-option
 *       gw.rules:14:18  unknown option "--dportt"
 *         -A INPUT -p tcp --dportt 22 -j ACCEPT
 *                         ^^^^^^^^
 *       help  did you mean "--dport"?
 */
export function printDiagnostic(diagnostic: Diagnostic, sources: Sources, style: TerminalStyle): string {
  const { theme } = style;
  const place = diagnostic.span && sources.place(diagnostic.span);
  const lines = [
    `${severityWord(diagnostic.severity, theme)} ${theme.strong(`${diagnostic.code} ${diagnostic.id}`)}`,
  ];
  lines.push(...sentence(place && placeName(place, theme), diagnostic.message, style));
  if (place !== undefined) lines.push(...underlined(place, style));
  for (const related of diagnostic.related) {
    const there = sources.place(related.span);
    lines.push(...sentence(labelled('see', there && placeName(there, theme), theme), related.message, style));
  }
  if (diagnostic.hint !== undefined) {
    lines.push(...sentence(labelled('help', undefined, theme), diagnostic.hint, style));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Prints diagnostics in the given order, an empty line between them; beyond `countMax` only their number is
 * told, so that a file of another kind does not flood the terminal.
 */
export function printDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  style: TerminalStyle,
  countMax = Infinity,
): string {
  const blocks = diagnostics
    .slice(0, countMax)
    .map((diagnostic) => printDiagnostic(diagnostic, sources, style));
  const hidden = diagnostics.length - blocks.length;
  if (hidden > 0) blocks.push(`${style.theme.faint(`and ${hidden} more like these (--all shows them)`)}\n`);
  return blocks.join('\n');
}

/** The severity in its colour. */
export function severityWord(severity: Severity, theme: Theme): string {
  return theme[severity](severity);
}

/** `file:line:column`, as editors and terminals make links of it. */
export function placeName(place: Place, theme: Theme): string {
  return theme.faint(`${escapeTerminal(place.name)}:${place.line}:${place.column}`);
}

function labelled(label: string, place: string | undefined, theme: Theme): string {
  return place === undefined ? theme.faint(label) : `${theme.faint(label)}  ${place}`;
}

function sentence(label: string | undefined, text: string, style: TerminalStyle): readonly string[] {
  const first = label === undefined ? '  ' : `  ${label}  `;
  return wrap(escapeTerminal(text), style, { first, rest: indent });
}

/** The source line with its underline, both indented. */
function underlined(place: Place, style: TerminalStyle): readonly string[] {
  const line = sourceLine(place.text, place.start, place.end, style.columns - indent.length);
  return [indent + line.text, indent + caretLine(line.underline, style.theme)];
}

/** Only the carets are painted, so that copied text carries no coloured blanks. */
function caretLine(underline: string, theme: Theme): string {
  const blanks = underline.length - underline.trimStart().length;
  return underline.slice(0, blanks) + theme.caret(underline.slice(blanks));
}

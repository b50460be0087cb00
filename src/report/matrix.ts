/** Who may open a connection to whom, for the terminal: the classes of addresses, then what is open between them. */

import type { FamilyMatrix, MatrixOptions, MatrixResult, Openness } from '../analysis/matrix.ts';
import { protocolName } from '../net/protocols.ts';
import { serviceAt } from '../net/services.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { contextLines, labelled, rulesLines } from './machine-header.ts';
import { addressText } from './service-words.ts';

/** How much to say. */
export interface MatrixDetail {
  readonly all: boolean;
  readonly verbose: boolean;
}

/** Classes beyond these are only counted. */
const classesMax = 20;

/** `tcp 22 (ssh)`. */
export function questionText({ protocol, port }: Pick<MatrixOptions, 'protocol' | 'port'>): string {
  if (port === undefined) return protocolName(protocol);
  const name = protocol === 1 || protocol === 58 ? undefined : serviceAt(protocol, port)?.name;
  return `${protocolName(protocol)} ${protocol === 1 || protocol === 58 ? 'type ' : ''}${port}${name === undefined ? '' : ` (${name})`}`;
}

/** Prints a matrix; empty where there is nothing to tell. */
export function printMatrix(
  result: MatrixResult,
  question: Pick<MatrixOptions, 'protocol' | 'port' | 'ranges'>,
  style: TerminalStyle,
  detail: MatrixDetail,
): string {
  const { read } = result;
  if (!read || result.families.length === 0) return '';
  const blocks = result.families.map((family) => {
    const subject = { read, ruleset: family.ruleset, diagnostics: result.diagnostics };
    const placed = question.ranges !== undefined || read.machine.interfaces.provenance === 'given';
    return [
      ...rulesLines(subject, style),
      ...contextLines(subject, style, () => detail.verbose),
      ...labelled('service', style.theme.strong(questionText(question)), style),
      ...(placed
        ? []
        : labelled(
            '',
            style.theme.faint(
              'sources may come by any interface: nobody said what is behind which (--ranges FILE)',
            ),
            style,
          )),
      '',
      ...matrixLines(family, style, detail),
    ].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

const signs: Readonly<Record<Openness, string>> = { open: 'X', some: '?', closed: '.' };

function matrixLines(family: FamilyMatrix, style: TerminalStyle, detail: MatrixDetail): readonly string[] {
  const { theme } = style;
  const count = detail.all ? family.classes.length : Math.min(family.classes.length, classesMax);
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const text = addressText(family.classes[i] ?? { negated: true, texts: [] }) ?? 'all addresses';
    lines.push(
      ...wrap(escapeTerminal(text), style, { first: `${String(i + 1).padStart(3)}  `, rest: '     ' }),
    );
  }
  lines.push(`  ${theme.strong('M')}  this machine`);
  const paint = (openness: Openness): string =>
    openness === 'open'
      ? theme.verdictAccept(signs.open)
      : openness === 'some'
        ? theme.verdictOther(signs.some)
        : theme.faint(signs.closed);
  const cell = (openness: Openness | undefined, width: number): string =>
    `${' '.repeat(width - 1)}${openness === undefined ? ' ' : paint(openness)}`;
  const width = Math.max(3, String(count).length + 1);
  const head = Array.from({ length: count }, (_, i) => String(i + 1).padStart(width)).join('');
  lines.push('', theme.faint(`from\\to${head}${'M'.padStart(width)}`));
  for (let i = 0; i < count; i++)
    lines.push(
      `${String(i + 1).padStart(7)}${Array.from({ length: count }, (_, j) => cell(family.through[i]?.[j], width)).join('')}${cell(family.to[i], width)}`,
    );
  lines.push(
    `${'M'.padStart(7)}${Array.from({ length: count }, (_, j) => cell(family.from[j], width)).join('')}`,
  );
  lines.push(
    '',
    theme.faint(
      'X open   ? for some: it depends on what is not known, or on the way that a packet comes or goes',
    ),
  );
  const more = family.classes.length - count;
  if (more > 0) lines.push(theme.faint(`not shown: ${more} smaller classes (--all)`));
  return lines;
}

/** The exposure table for the terminal: what can be reached from where, in one screen for an ordinary gateway. */

import type { ExposureResult, FamilyExposure } from '../analysis/exposure.ts';
import type { ExposureSection } from '../analysis/exposure-sections.ts';
import type { Machine } from '../model/machine.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import {
  byText,
  interfaceWords,
  outWho,
  servedText,
  throughWho,
  toWho,
  type Who,
  whatText,
} from './exposure-words.ts';
import { padColumns, wrap } from './layout.ts';
import { contextLines, labelled, rulesLines } from './machine-header.ts';
import { deciderPlace } from './set-words.ts';
import type { Paint } from './theme.ts';

/** How much to say. */
export interface ExposureDetail {
  /** Also interfaces beyond the first few. */
  readonly all: boolean;
  readonly verbose: boolean;
}

/** Interfaces that are told of unless all are wanted: about two screens. */
const interfacesMax = 6;

/** How many findings the linter has, by severity; and the command that shows them. */
export interface FindingCounts {
  readonly error: number;
  readonly warning: number;
  readonly info: number;
  readonly command: string;
}

/** Prints the table; empty where there is nothing to tell. */
export function printExposure(
  result: ExposureResult,
  findings: FindingCounts | undefined,
  style: TerminalStyle,
  detail: ExposureDetail,
): string {
  const { read } = result;
  if (!read || result.families.length === 0) return '';
  const blocks = result.families.map((family) => {
    const subject = { read, ruleset: family.ruleset, diagnostics: result.diagnostics };
    return [
      ...rulesLines(subject, style),
      ...contextLines(subject, style, () => detail.verbose),
      ...missingLines(result, family, style),
      '',
      ...familyLines(family, read.machine, style, detail),
    ].join('\n');
  });
  if (findings) blocks.push(findingsLine(findings, style));
  return `${blocks.join('\n\n')}\n`;
}

function missingLines(
  { families }: ExposureResult,
  family: FamilyExposure,
  style: TerminalStyle,
): readonly string[] {
  if (families.length > 1 || family.ruleset.linked.familyUndecided) return [];
  const v4 = family.ruleset.linked.ruleset.family === 'ipv4';
  const text = `${v4 ? 'IPv6' : 'IPv4'} is not covered: no output of ${v4 ? 'ip6tables-save' : 'iptables-save'}`;
  return labelled('', style.theme.faint(text), style);
}

function findingsLine({ error, warning, info, command }: FindingCounts, { theme }: TerminalStyle): string {
  const counts = [
    [error, 'error', theme.error],
    [warning, 'warning', theme.warning],
    [info, 'info', theme.info],
  ] as const;
  const said = counts
    .filter(([count]) => count > 0)
    .map(([count, word, paint]) => paint(`${count} ${word}${count === 1 || word === 'info' ? '' : 's'}`));
  if (said.length === 0) return theme.faint(`lint found nothing (${escapeTerminal(command)})`);
  return `lint: ${said.join(', ')}  ${theme.command(escapeTerminal(command))}`;
}

function familyLines(
  family: FamilyExposure,
  machine: Machine,
  style: TerminalStyle,
  detail: ExposureDetail,
): readonly string[] {
  const { theme } = style;
  const lines: string[] = [];
  const several = family.interfaces.length > 1;
  const shown = detail.all ? family.interfaces : family.interfaces.slice(0, interfacesMax);
  for (const one of shown) {
    lines.push(theme.strong(`From ${escapeTerminal(interfaceWords(one, several, machine))}`));
    lines.push(...sectionLines('to this machine', one.to, family, style, toWho));
    const through = family.forwards === 'unknown' ? 'through it, if it forwards' : 'through it';
    if (one.through.idle) lines.push(`  ${through}  ${theme.faint('nothing is forwarded')}`);
    else lines.push(...sectionLines(through, one.through, family, style, throughWho));
  }
  const more = family.interfaces
    .slice(shown.length)
    .flatMap((i) => [...i.interfaces, ...(i.others ? ['any other'] : [])]);
  if (more.length > 0)
    lines.push(
      ...wrap(theme.faint(escapeTerminal(`not shown: from ${more.join(', ')} (--all)`)), style, {
        rest: '  ',
      }),
    );
  lines.push(theme.strong('From this machine'));
  lines.push(...sectionLines('out', family.out, family, style, outWho));
  return lines;
}

const stateColumns = 8;
const serviceColumnsMax = 26;

function sectionLines(
  title: string,
  section: ExposureSection,
  family: FamilyExposure,
  style: TerminalStyle,
  who: Who,
): readonly string[] {
  const { theme } = style;
  const { rows, closedBy, rowsLeftOut } = section;
  const closers = closedBy.slice(0, 2).map(deciderPlace).join(', ');
  const more = closedBy.length > 2 ? ` and ${closedBy.length - 2} more` : '';
  const closed = closedBy.length === 0 ? '' : `${escapeTerminal(closers)}${more}`;
  if (rows.length === 0 && rowsLeftOut === 0)
    return wrap(`${title}  ${theme.verdictDrop('closed')}  ${theme.faint(closed)}`, style, {
      first: '  ',
      rest: '      ',
    });
  const lines = [`  ${title}`];
  const ofFamily = family.ruleset.linked.ruleset.family;
  const cells = rows.map((row) => ({
    row,
    service: escapeTerminal(whatText(row, ofFamily)),
    who: escapeTerminal(who(row)),
  }));
  const room = style.columns - 4 - stateColumns;
  const longest = (list: readonly string[], least: number): number =>
    Math.max(...list.map((text) => text.length), least) + 2;
  const widest = [
    longest(
      cells.map((c) => c.service),
      'everything else'.length,
    ),
    longest(
      cells.map((c) => c.who),
      0,
    ),
    longest([...rows.map((row) => escapeTerminal(byText(row))), closed], 0),
  ] as const;
  const fits = widest[0] + widest[1] + widest[2] <= room + 2;
  const serviceColumns = fits
    ? widest[0]
    : Math.min(Math.max(serviceColumnsMax, Math.floor(room / 3)), widest[0]);
  const whoColumns = fits ? widest[1] : Math.min(Math.floor((room - serviceColumns) * 0.6), widest[1]);
  const byColumns = room - serviceColumns - whoColumns;
  const add = (state: string, paint: Paint, service: string, whose: string, by: string): void => {
    const columns = [
      wrapCell(service, serviceColumns - 2),
      wrapCell(whose, whoColumns - 2),
      wrapCell(by, byColumns),
    ];
    const height = Math.max(...columns.map((c) => c.length));
    for (let i = 0; i < height; i++) {
      const head = i === 0 ? padColumns(paint(state), stateColumns) : ' '.repeat(stateColumns);
      const line = `    ${head}${padColumns(columns[0]?.[i] ?? '', serviceColumns)}${padColumns(columns[1]?.[i] ?? '', whoColumns)}${theme.faint(columns[2]?.[i] ?? '')}`;
      lines.push(line.trimEnd());
    }
  };
  for (const { row, service, who: whose } of cells) {
    add(
      row.certain ? 'open' : 'perhaps',
      row.certain ? theme.verdictAccept : theme.verdictOther,
      service,
      whose,
      escapeTerminal(byText(row)),
    );
    const served = servedText(row);
    if (served !== undefined)
      lines.push(
        ...wrap(escapeTerminal(served), style, {
          first: ' '.repeat(4 + stateColumns),
          rest: ' '.repeat(6 + stateColumns),
        }),
      );
  }
  if (rowsLeftOut > 0) lines.push(theme.faint(`    … and ${rowsLeftOut} more rows (--all)`));
  if (closed !== '') add('closed', theme.verdictDrop, 'everything else', '', closed);
  return lines;
}

function wrapCell(text: string, columns: number): readonly string[] {
  return text === '' ? [''] : wrap(text, { columns: Math.max(columns, 8) });
}

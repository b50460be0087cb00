/** Where findings stand, as formats for machines write it. */

import type { Span } from '../diagnostics/diagnostic.ts';
import { createPositionTable, type PositionTable } from '../diagnostics/position.ts';
import type { Finding } from '../lint/finding.ts';
import type { MachineReport } from './machine-report.ts';
import { machineName } from './machine-report.ts';

/** A piece of a text; 1-based, columns in code points, the end column behind the last character. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** Places of spans in the texts of one machine. */
export type Locate = (span: Span | undefined) => FilePlace | undefined;

/** Tables of lines are made when they are first asked for. */
export function createLocator(report: MachineReport): Locate {
  const texts = [...report.texts, ...report.otherTexts];
  const tables = new Map<string, PositionTable>();
  return (span) => {
    const text = texts.find((t) => t.name === span?.source) ?? texts[0];
    if (span === undefined || text === undefined) return undefined;
    let table = tables.get(text.name);
    if (table === undefined) {
      table = createPositionTable(text.text);
      tables.set(text.name, table);
    }
    const start = table.position(span.start);
    const end = table.position(span.end);
    return {
      file: text.name,
      line: start.line,
      column: start.column,
      endLine: end.line,
      endColumn: end.column,
    };
  };
}

/** Where in the ruleset, in words: `filter INPUT #4`; empty for the input as a whole. */
export function rulesetPlace({ place, family }: Pick<Finding, 'place' | 'family'>): string {
  const { table, chain, ruleNumber } = place;
  if (table === undefined) return '';
  const v6 = family === 'ipv6' ? 'ip6tables ' : '';
  const parts = [`${v6}${table}`, ...(chain === undefined ? [] : [chain])];
  return `${parts.join(' ')}${ruleNumber === undefined ? '' : ` #${ruleNumber}`}`;
}

/** A finding with its place; what has none stands for its whole file. */
export interface PlacedFinding {
  readonly finding: Finding;
  readonly file: string;
  readonly at: FilePlace | undefined;
}

/** The findings of a machine with their places, in order. */
export function placedFindings(report: MachineReport): readonly PlacedFinding[] {
  const locate = createLocator(report);
  return report.findings.map((finding) => {
    const at = locate(finding.span);
    return { finding, file: at?.file ?? machineName(report), at };
  });
}

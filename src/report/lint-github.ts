/** Findings as workflow commands of GitHub Actions: annotations beside the lines of a change. */

import { placedFindings } from './finding-place.ts';
import { type MachineReport, severities } from './machine-report.ts';
import { visible } from './visible.ts';

const commands = { error: 'error', warning: 'warning', info: 'notice' } as const;

/** The text of a command; GitHub takes the percent escapes back. */
function data(text: string): string {
  return visible(text).replaceAll('%', '%25');
}

/** A value of a command: what would end it is escaped too. */
function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** One command for each finding, the gravest first: GitHub shows ten of each kind in a step. */
export function printLintGithub(reports: readonly MachineReport[]): string {
  const all = reports.flatMap(placedFindings);
  const sorted = severities.flatMap((severity) => all.filter(({ finding }) => finding.severity === severity));
  return sorted
    .map(({ finding, file, at }) => {
      const place = at
        ? `,line=${at.line},endLine=${at.endLine},col=${at.column},endColumn=${at.endColumn}`
        : '';
      const title = property(`${finding.code} ${finding.name}`);
      return `::${commands[finding.severity]} file=${property(file)}${place},title=${title}::${data(finding.message)}\n`;
    })
    .join('');
}

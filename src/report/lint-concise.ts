/** Findings in the form of compilers, one a line: `gw.rules:14:3: error: … [FW101]`. Editors and CI systems know it. */

import { escapeTerminal } from './escape-terminal.ts';
import { placedFindings } from './finding-place.ts';
import type { MachineReport } from './machine-report.ts';

/** GCC calls it a note. */
const words = { error: 'error', warning: 'warning', info: 'note' } as const;

/** One line for each finding. */
export function printLintConcise(reports: readonly MachineReport[]): string {
  return reports
    .flatMap(placedFindings)
    .map(({ finding, file, at }) => {
      const place = at ? `${file}:${at.line}:${at.column}` : file;
      const text = `${place}: ${words[finding.severity]}: ${finding.message} [${finding.code}]`;
      return `${escapeTerminal(text)}\n`;
    })
    .join('');
}

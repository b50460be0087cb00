/** Findings as a code quality report of GitLab. Source: GitLab docs, "Code Quality report format". */

import { jsonText } from './escape-json.ts';
import { placedFindings } from './finding-place.ts';
import type { MachineReport } from './machine-report.ts';
import { visible } from './visible.ts';

const gravity = { error: 'critical', warning: 'major', info: 'info' } as const;

/** An array of issues. Fingerprints are told apart by file, as GitLab wants each once. */
export function printLintGitlab(reports: readonly MachineReport[]): string {
  const issues = reports.flatMap(placedFindings).map(({ finding, file, at }) => ({
    type: 'issue',
    description: visible(`${finding.code}: ${finding.message}`),
    check_name: finding.name,
    fingerprint: visible(`${file}:${finding.fingerprint}`),
    severity: gravity[finding.severity],
    categories: [finding.code.startsWith('FW7') ? 'Performance' : 'Security'],
    location: { path: visible(file).replace(/^\.\//, ''), lines: { begin: at?.line ?? 1 } },
  }));
  return `${jsonText(issues, 2)}\n`;
}

import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import { checks, defaultRegistry, type LintOptions, lintMachine } from '../../linting.ts';
import { type MachineReport, reportOf } from '../../report/machine-report.ts';

/** One machine to look at, as plain data: it may go to another thread. */
export interface LintJob {
  readonly texts: readonly SourceText[];
  /** Further texts that findings may point into. */
  readonly otherTexts: readonly SourceText[];
  readonly diagnostics: readonly Diagnostic[];
  readonly options: Omit<LintOptions, 'registry' | 'checks' | 'diagnostics' | 'onProgress'>;
  /** From which severity on the machine's findings fail the run. */
  readonly failOn: MachineReport['failOn'];
}

/** Looks at one machine. */
export function runLintJob(job: LintJob, onProgress?: LintOptions['onProgress']): MachineReport {
  const { texts, otherTexts, diagnostics, options, failOn } = job;
  const result = lintMachine(texts, {
    ...options,
    registry: defaultRegistry(),
    checks,
    diagnostics,
    ...(onProgress ? { onProgress } : {}),
  });
  return reportOf(result, { otherTexts, failOn });
}

import { parentPort } from 'node:worker_threads';
import type { DeadRulesJob } from '../../tui/dead-rules.ts';
import { type LintJob, runLintJob } from './job.ts';

/** What a thread can be asked: to lint a machine, or, for the screen of `fwsim tui`, which of its rules are dead. */
export type ThreadJob = LintJob | { readonly deadRules: DeadRulesJob };

/** In a worker thread: does each job that is sent, and sends the answer back. */
export function serveLintJobs(): void {
  parentPort?.on('message', async (job: ThreadJob) => {
    if (!('deadRules' in job)) {
      parentPort?.postMessage(runLintJob(job));
      return;
    }
    const { findDeadRules } = await import('../../tui/dead-rules.ts');
    parentPort?.postMessage(findDeadRules(job.deadRules));
  });
}

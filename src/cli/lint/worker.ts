import { parentPort } from 'node:worker_threads';
import { type LintJob, runLintJob } from './job.ts';

/** In a worker thread: looks at each machine that is sent, and sends its report back. */
export function serveLintJobs(): void {
  parentPort?.on('message', (job: LintJob) => parentPort?.postMessage(runLintJob(job)));
}

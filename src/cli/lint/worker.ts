import { parentPort } from 'node:worker_threads';
import type { Question } from '../../tui/thread.ts';
import { type LintJob, runLintJob } from './job.ts';

/** What a thread can be asked: to lint a machine, or what the screen of `fwsim tui` asks. */
export type ThreadJob = LintJob | { readonly screen: Question };

/** In a worker thread: does each job that is sent, and sends the answers back. */
export function serveLintJobs(): void {
  let screen: Promise<(question: Question) => void> | undefined;
  parentPort?.on('message', async (job: ThreadJob) => {
    if (!('screen' in job)) {
      parentPort?.postMessage(runLintJob(job));
      return;
    }
    screen ??= import('../../tui/thread.ts').then(({ serveScreen }) =>
      serveScreen((reply) => parentPort?.postMessage(reply)),
    );
    (await screen)(job.screen);
  });
}

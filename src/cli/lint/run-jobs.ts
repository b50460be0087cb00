import type { Worker } from 'node:worker_threads';
import type { MachineReport } from '../../report/machine-report.ts';
import type { Io } from '../io.ts';
import { type LintJob, runLintJob } from './job.ts';
import { createProgress } from './progress.ts';

/** Looks at all machines, `threads` of them at a time; the reports come in the order of the jobs. */
export async function runLintJobs(
  jobs: readonly LintJob[],
  threads: number,
  io: Io,
): Promise<readonly MachineReport[]> {
  const progress = createProgress(io);
  const nameOf = (job: LintJob | undefined): string => job?.texts[0]?.name ?? '';
  try {
    const { startWorker } = io;
    if (threads <= 1 || jobs.length <= 1 || startWorker === undefined) {
      return jobs.map((job, index) =>
        runLintJob(job, ({ what, done, total }) => {
          const which = jobs.length === 1 ? '' : `${index + 1} of ${jobs.length}, `;
          progress.tell(`${which}${nameOf(job)}: ${what} (${done} of ${total})`);
        }),
      );
    }
    let finished = 0;
    return await inThreads(jobs, Math.min(threads, jobs.length), startWorker, (job) => {
      finished++;
      progress.tell(`${finished} of ${jobs.length} done, last ${nameOf(job)}`);
    });
  } finally {
    progress.end();
  }
}

async function inThreads(
  jobs: readonly LintJob[],
  threads: number,
  startWorker: () => Worker,
  onDone: (job: LintJob) => void,
): Promise<readonly MachineReport[]> {
  const reports = new Array<MachineReport>(jobs.length);
  let next = 0;
  const serve = async (): Promise<void> => {
    let worker = startWorker();
    try {
      for (let index = next++; index < jobs.length; index = next++) {
        const job = jobs[index];
        if (!job) break;
        const answer = await ask(worker, job);
        if ('failed' in answer) {
          reports[index] = failedReport(job, answer.failed);
          // What is left of the thread is not to be trusted with another file.
          await worker.terminate();
          worker = startWorker();
        } else reports[index] = answer;
        onDone(job);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, serve));
  return reports;
}

/** What stands in the place of a machine whose thread has ended: the others' results are not lost for it. */
function failedReport(job: LintJob, reason: string): MachineReport {
  const name = job.texts[0]?.name ?? '';
  const nothing = runLintJob({ ...job, texts: [{ name, text: '' }], otherTexts: [], diagnostics: [] });
  return {
    ...nothing,
    couldNotLook: `"${name}" was not looked at: its thread ended (${reason}); the other files were`,
  };
}

function ask(worker: Worker, job: LintJob): Promise<MachineReport | { readonly failed: string }> {
  return new Promise((resolve) => {
    const settle = (answer: MachineReport | { readonly failed: string }): void => {
      worker.off('message', settle).off('error', onError).off('exit', onExit);
      // A thread that dies may tell it twice, and an error that nobody hears ends the process.
      if ('failed' in answer) worker.on('error', () => undefined);
      resolve(answer);
    };
    const onError = (error: Error): void => settle({ failed: error.message });
    const onExit = (code: number): void => settle({ failed: `exit code ${code}` });
    worker.on('message', settle).on('error', onError).on('exit', onExit);
    worker.postMessage(job);
  });
}

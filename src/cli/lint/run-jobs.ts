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
    const worker = startWorker();
    try {
      for (let index = next++; index < jobs.length; index = next++) {
        const job = jobs[index];
        if (!job) break;
        reports[index] = await ask(worker, job);
        onDone(job);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, serve));
  return reports;
}

function ask(worker: Worker, job: LintJob): Promise<MachineReport> {
  return new Promise((resolve, reject) => {
    worker.once('message', (report: MachineReport) => {
      worker.off('error', reject);
      resolve(report);
    });
    worker.once('error', reject);
    worker.postMessage(job);
  });
}

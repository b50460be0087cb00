#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  // Threads of `fwsim lint --jobs` are this program again: one file is all there is to start.
  const { serveLintJobs } = await import('./lint/worker.ts');
  serveLintJobs();
} else {
  const { runProcess } = await import('./run-process.ts');
  await runProcess(process.argv.slice(2), { program: new URL(import.meta.url) });
}

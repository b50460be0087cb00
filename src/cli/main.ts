#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { version } from './version.ts';

// Before anything else is loaded: later Node versions then keep compiled code between runs (Node 22.1 and up).
(nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();

const [first] = process.argv.slice(2);
if (!isMainThread) {
  // Threads of `fwsim lint --jobs` are this program again: one file is all there is to start.
  const { serveLintJobs } = await import('./lint/worker.ts');
  serveLintJobs();
} else if (process.argv.length === 3 && (first === '--version' || first === '-V')) {
  process.stdout.write(`${version}\n`);
} else {
  const { runProcess } = await import('./run-process.ts');
  await runProcess(process.argv.slice(2), { program: new URL(import.meta.url) });
}

/**
 * Goal: a thread that dies costs its own file alone. Method: threads that end in several ways at a file of a certain name
 * stand in for the real ones.
 */
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { LintJob } from '../../src/cli/lint/job.ts';
import { runLintJobs } from '../../src/cli/lint/run-jobs.ts';
import { fakeIo } from '../support/fake-io.ts';

const deaths: Readonly<Record<string, string>> = {
  'an exception': 'setImmediate(() => { throw new RangeError("deep") });',
  'its end': 'process.exit(7);',
  'all its memory': 'const all = []; for (;;) all.push(new Array(1e5).fill(all.length));',
};

const jobs: readonly LintJob[] = ['a', 'bad', 'c', 'd'].map((name) => ({
  texts: [{ name, text: '*filter\nCOMMIT\n' }],
  otherTexts: [],
  diagnostics: [],
  options: {},
  failOn: 'never',
}));

function startWorker(death: string): () => Worker {
  const code = `const { parentPort } = require('node:worker_threads');
parentPort.on('message', (job) => {
  const [{ name }] = job.texts;
  if (name === 'bad') { ${death} }
  else parentPort.postMessage({ texts: job.texts });
});`;
  return () => new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 20 } });
}

describe('a thread ends by', () => {
  test.each(Object.entries(deaths))('%s: the other files are looked at', async (_, death) => {
    for (const threads of [2, 4]) {
      const io = { ...fakeIo(), startWorker: startWorker(death) };
      const reports = await runLintJobs(jobs, threads, io);
      expect(reports.map((r) => r.texts[0]?.name)).toEqual(['a', 'bad', 'c', 'd']);
      expect(reports.map((r) => r.couldNotLook !== undefined)).toEqual([false, true, false, false]);
      expect(reports[1]?.couldNotLook).toMatch(/"bad" was not looked at: its thread ended \(.+\)/);
    }
  });
});

/**
 * Goal: the recorder tells what the kernel does. Method: cases recorded by another program, on another day, are
 * recorded again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KernelCase } from '../../src/dev/conform-case.ts';
import { compareAnswers } from '../../src/dev/conform-compare.ts';
import { kernelRecords, Recorder, type RecordJob } from '../support/kernel-record.ts';

const available = kernelRecords();
const named = join(import.meta.dirname, '..', 'fixtures', 'kernel-cases', 'named.jsonl.gz');
const cases = gunzipSync(readFileSync(named))
  .toString('utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as KernelCase);

describe.skipIf(!available.ok)('recorded cases, recorded again', () => {
  let recorder: Recorder;
  beforeAll(() => {
    recorder = new Recorder();
  });
  afterAll(() => recorder.close());

  test.each(cases.map((c) => [`${c.title} (${c.id})`, c] as const))('%s', async (_title, c) => {
    const again = await recorder.record(c as unknown as RecordJob);
    if ('error' in again) throw new Error(again.error);
    expect(again.ruleset).toBe(c.ruleset);
    expect(again.conntrack_active).toBe(c.conntrack_active);
    const different = c.expect.map((then, i) => compareAnswers(again.expect[i] ?? { fate: '' }, then));
    expect(different.flat()).toEqual([]);
  });
});

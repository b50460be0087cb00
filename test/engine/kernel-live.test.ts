/**
 * Goal: what once differed from the running kernel agrees for good. Method: each case that the random comparison
 * found (`npm run soak`), shrunk and named, is replayed with the kernel's answer.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KernelCase } from '../../src/dev/conform-case.ts';
import { caseDifferences } from '../support/kernel-differential.ts';

const folder = join(import.meta.dirname, '..', 'fixtures', 'kernel-live');
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map(
    (name) =>
      [name.slice(0, -5), JSON.parse(readFileSync(join(folder, name), 'utf8')) as KernelCase] as const,
  );

test.each(cases)('%s', (name, recorded) => {
  expect(recorded.title, `test/fixtures/kernel-live/${name}.json needs a title`).not.toBe('');
  expect(caseDifferences(recorded)).toEqual([]);
});

/** Goal: no numbered behaviour is without its test. Method: the numbers are read from the tests themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** How many behaviours each section has. */
const sections = { 1: 12, 2: 17, 3: 11, 4: 15, 5: 2, 6: 24, 7: 4, 8: 4, 9: 18 };

test('every numbered behaviour has a test of its number, and one only', () => {
  const found = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.test.ts'))
    .flatMap((file) => [
      ...readFileSync(join(import.meta.dirname, file), 'utf8').matchAll(
        /(?:recorded|shown)\(\s*'(\d+\.\d+)'/g,
      ),
    ])
    .map((m) => m[1]);
  const wanted = Object.entries(sections).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, i) => `${section}.${i + 1}`),
  );
  expect([...found].sort()).toEqual([...wanted].sort());
});

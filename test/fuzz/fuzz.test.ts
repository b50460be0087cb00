/**
 * Goal: no input breaks fwsim. Method: what the fuzzer found before, and a bounded run of it; `npm run fuzz` runs
 * as long as wanted. A case that hangs fails by its test's time limit.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { drawCase, failureOf, shrink } from './fuzz-run.ts';
import { readSeeds } from './seeds.ts';
import { checkVisible, type Target, targets } from './targets.ts';

const found = join(import.meta.dirname, 'found');
const seeds = readSeeds();
const chunk = 300;

describe('what was found before', () => {
  test.each(readdirSync(found))(
    '%s',
    async (name) => {
      const target = targets.find((t) => name.startsWith(`${t.name}-`));
      expect(target).toBeDefined();
      if (target) expect(await failureOf(target, readFileSync(join(found, name)))).toBeUndefined();
    },
    60_000,
  );
});

describe('a bounded run', () => {
  test.each([0, 1, 2, 3, 4, 5])(
    'chunk %i',
    async (number) => {
      for (let index = number * chunk; index < (number + 1) * chunk; index++) {
        const { target, input } = drawCase(1, index, seeds);
        const reason = await failureOf(target, input);
        expect(reason && `${target.name}, case ${index}: ${reason}`).toBeUndefined();
      }
    },
    60_000,
  );
});

describe('the fuzzer itself', () => {
  const broken: Target = {
    name: 'broken',
    weight: 1,
    draw: () => new Uint8Array(),
    run: (input) => {
      if (input.includes(7)) throw new RangeError('seven at 12');
    },
  };

  test('draws the same case again', () => {
    for (const index of [0, 17, 4711]) expect(drawCase(3, index, seeds)).toEqual(drawCase(3, index, seeds));
  });

  test('sees an exception, and makes its input small', async () => {
    const input = Uint8Array.from({ length: 200 }, (_, i) => i);
    const reason = await failureOf(broken, input);
    expect(reason).toMatch(/^RangeError: seven at N/);
    expect(await shrink(broken, input, reason ?? '')).toEqual(Uint8Array.of(7));
  });

  test.each(['a\x1b[31m', '\x9b', '\u202e', '\ud800', 'x\rx'])('sees %j on the terminal', (text) => {
    expect(() => checkVisible(text, 'here')).toThrow('control character');
    expect(() => checkVisible('two\nlines\tand a tab', 'here')).not.toThrow();
  });
});

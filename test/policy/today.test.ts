import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fatesOfExpectation } from '../../src/policy/claims.ts';
import { noNames, type PolicyTest } from '../../src/policy/policy.ts';
import { runPolicy } from '../../src/policy/run.ts';
import { todaysPolicy } from '../../src/policy/today.ts';
import { defaultRegistry } from '../../src/registry.ts';

const registry = defaultRegistry();
const files = readdirSync('rules-examples').filter((name) => name.endsWith('-mended.rules'));

/** The same test with a claim that cannot hold beside it. */
function contrary(one: PolicyTest): PolicyTest {
  const passes = ['delivered', 'forwarded', 'sent'].includes(one.expect ?? '');
  return { ...one, expect: passes ? 'blocked' : 'accept' };
}

describe.each(files)('a first policy of %s', (name) => {
  const texts = [{ name, text: readFileSync(`rules-examples/${name}`, 'utf8') }];
  const { tests } = todaysPolicy(texts, { registry });

  test('says something, and holds', () => {
    expect(tests.length).toBeGreaterThan(0);
    const run = runPolicy(texts, { names: noNames, tests: tests.map((t) => t.test) }, { registry });
    expect(run.tests.filter((t) => t.verdict !== 'passed').map((t) => t.test.name)).toEqual([]);
  });

  test('its contrary is refuted by packets that end as the policy says', () => {
    const turned = tests.map((t) => contrary(t.test));
    const run = runPolicy(texts, { names: noNames, tests: turned }, { registry });
    for (const [index, { verdict, claims }] of run.tests.entries()) {
      expect(verdict).toBe('failed');
      const expected = tests[index]?.test.expect ?? 'accept';
      for (const claim of claims) {
        expect(claim.verdict).toBe('refuted');
        expect(fatesOfExpectation[expected]).toContain(claim.fate);
        if (claim.witness) expect(claim.witness.trace.fate.kind.replace('hook-', '')).toBe(claim.fate);
      }
    }
  });
});

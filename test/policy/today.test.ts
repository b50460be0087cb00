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
    for (const { test: one, verdict } of run.tests)
      expect([one.name, verdict]).toEqual([one.name, one.allowUnknown ? 'allowed' : 'passed']);
  });

  test('its contrary is refuted by packets that end as the policy says', () => {
    const sure = tests.filter((t) => !t.test.allowUnknown);
    const turned = sure.map((t) => contrary(t.test));
    const run = runPolicy(texts, { names: noNames, tests: turned }, { registry });
    for (const [index, { verdict, claims }] of run.tests.entries()) {
      expect(verdict).toBe('failed');
      const expected = sure[index]?.test.expect ?? 'accept';
      for (const claim of claims) {
        expect(claim.verdict).toBe('refuted');
        expect(fatesOfExpectation[expected]).toContain(claim.fate);
        if (claim.witness) expect(claim.witness.trace.fate.kind.replace('hook-', '')).toBe(claim.fate);
      }
    }
  });
});

test('what rules do by limits and by the way out is in it', () => {
  const texts = [
    {
      name: 'gw.rules',
      text: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
-A FORWARD -i eth1 -o eth0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
    },
  ];
  const { tests, unsaid } = todaysPolicy(texts, { registry });
  const about = (name: string) => tests.find((t) => t.test.name === name)?.test;
  expect(about('rule 1 of INPUT may let in')).toMatchObject({ expect: 'delivered', allowUnknown: true });
  const through = about('rule 1 of FORWARD lets through to eth0');
  expect(through).toMatchObject({ expect: 'forwarded', allowUnknown: false });
  expect(through?.packets[0]?.text).toBe('-i eth1 -p tcp --dport 443 -m addrtype ! --dst-type LOCAL -o eth0');
  expect(unsaid).toBe(0);
});

/**
 * Goal: what the pages of the checks show is what a machine takes, and what FW902 calls refused is refused.
 * Method: load every example, in a network namespace of its own.
 */
import { expect, test } from 'vitest';
import type { Check, CheckExample } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { describeOnKernel, loadRulesets } from '../support/kernel.ts';

/** Sets that the rules look into or fill; their contents do not matter for loading. */
function ipsetsFor(example: CheckExample): string {
  const names = [...example.rules.matchAll(/--(?:match|add|del|map)-set "?([\w.-]+)"?/g)].map(
    (m) => m[1] ?? '',
  );
  const created = (example.context ?? '').split('\n').filter((line) => line.startsWith('create '));
  const known = new Set(created.map((line) => line.split(' ')[1]));
  const others = [...new Set(names)].filter((name) => !known.has(name));
  return [...created, ...others.map((name) => `create ${name} hash:ip family inet`)]
    .map((l) => `${l}\n`)
    .join('');
}

/** Matches and names that no kernel here has: the example is about just that. */
const needsMore =
  /-m (?:unclean|geoip|ndpi)|-[sd] \S*(?:example\.(?:net|org))|--helper|icmpv?6|:[0-9a-f]*::|-m rateest|ip6tables-save/;

/** Whether the kernel is to take the example: a dump of one family, that is not about being refused. */
function isToLoad(check: Check, example: CheckExample, good: boolean): boolean {
  if (needsMore.test(example.rules) || /[0-9a-f]:[0-9a-f]*:/.test(example.rules.replace(/^:.*$/gm, '')))
    return false;
  // FW9xx is about what does not load, or about the text.
  return good || !check.code.startsWith('FW9');
}

interface Case {
  readonly title: string;
  readonly example: CheckExample;
  readonly loads: boolean;
}

const cases: readonly Case[] = checks.flatMap((check) => [
  ...check.examples.good
    .filter((example) => isToLoad(check, example, true))
    .map((example) => ({ title: `${check.code} good: ${example.title}`, example, loads: true })),
  ...check.examples.bad
    .filter((example) => isToLoad(check, example, false) || check.code === 'FW902')
    .map((example) => ({
      title: `${check.code} bad: ${example.title}`,
      example,
      loads: check.code !== 'FW902',
    })),
]);

describeOnKernel('examples of checks through iptables-nft', () => {
  const results = loadRulesets(
    cases.map(({ example }) => ({ text: example.rules, family: 4, ipsets: ipsetsFor(example) })),
  );

  test.each(cases.map((c, index) => [c.title, c, results[index]] as const))('%s', (_title, c, result) => {
    expect(result?.loaded, result?.message).toBe(c.loads);
  });
});

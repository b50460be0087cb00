import { loadRules } from 'fwsim/testing';
import 'fwsim/testing/vitest';
import { expect, test } from 'vitest';
import { properties } from './properties.ts';

// RULES: other rules for the same machine, such as those with a mistake in them.
const rules = loadRules(process.env['RULES'] ?? 'gw.rules', 'gw.context');

test.each(Object.entries(properties))('%s', { timeout: 60_000 }, (_, holds) => holds(rules));

test('the linter finds nothing', () => {
  expect(rules).toHaveNoFindings();
});

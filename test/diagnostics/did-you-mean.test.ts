import { expect, test } from 'vitest';
import { didYouMean } from '../../src/diagnostics/did-you-mean.ts';

const options = ['--dport', '--dports', '--sport', '--sports', '--ctstate', '--state', '--to-destination'];

test.each([
  ['--dprot', '--dport'],
  ['--dportt', '--dport'],
  ['--ctsate', '--ctstate'],
  ['--to-destinaton', '--to-destination'],
  ['--DPORT', '--dport'],
])('%s is a slip of %s', (typed, meant) => {
  expect(didYouMean(typed, options)).toBe(meant);
});

test('nothing near gives no suggestion', () => {
  expect(didYouMean('--hashlimit-name', options)).toBeUndefined();
  expect(didYouMean('x', ['y', 'q'])).toBeUndefined();
  expect(didYouMean('', options)).toBeUndefined();
});

test('a hostile word costs nothing', () => {
  expect(didYouMean('-'.repeat(1_000_000), options)).toBeUndefined();
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesWildcard } from '../../src/support/wildcard.ts';

/** By the definition, one character at a time. */
function means(pattern: string, text: string): boolean {
  const [p, ...rest] = pattern;
  if (p === undefined) return text === '';
  const behind = rest.join('');
  if (p === '*') return means(behind, text) || (text !== '' && means(pattern, text.slice(1)));
  return text !== '' && (p === '?' || p === text[0]) && means(behind, text.slice(1));
}

describe('a pattern', () => {
  test('is what its characters say', () => {
    const words = (...letters: readonly string[]) =>
      fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((list) => list.join(''));
    fc.assert(
      fc.property(words('a', 'b', '*', '?'), words('a', 'b'), (pattern, text) => {
        expect(matchesWildcard(pattern, text, { single: true })).toBe(means(pattern, text));
      }),
      { numRuns: 2000 },
    );
  });

  test('takes other characters as they are', () => {
    expect(matchesWildcard('a.(b)+[c]$', 'a.(b)+[c]$')).toBe(true);
    expect(matchesWildcard('a.c', 'abc')).toBe(false);
    expect(matchesWildcard('a?c', 'abc')).toBe(false);
  });

  test('with many stars is given up, not tried in all ways', () => {
    expect(matchesWildcard(`${'*a'.repeat(200)}*b`, 'a'.repeat(5000))).toBe(false);
  });
});

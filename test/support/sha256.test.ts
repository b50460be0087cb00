/** Goal: the digest is SHA-256. Method: texts of all lengths around the block size, beside the platform's own. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/support/sha256.ts';

const platform = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

test('every length up to three blocks', () => {
  for (let length = 0; length < 200; length++) {
    const text = 'é'.repeat(length >> 1) + 'x'.repeat(length & 1);
    expect(sha256(text)).toBe(platform(text));
  }
});

test('any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      expect(sha256(text)).toBe(platform(text));
    }),
  );
});

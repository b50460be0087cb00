import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shellCommand, shellQuote } from '../../src/report/shell-quote.ts';
import { isVisible } from '../../src/report/visible.ts';

/** What a POSIX shell makes of a line: its words. */
function shellWords(line: string): readonly string[] {
  const result = spawnSync('sh', ['-c', `for word in ${line}; do printf '%s\\0' "$word"; done`]);
  expect(result.stderr.toString()).toBe('');
  return result.stdout.toString().split('\0').slice(0, -1);
}

describe('shell quoting', () => {
  test('everyday words need no quotes', () => {
    expect(shellCommand(['fwsim', 'trace', './rules.v4', '--', '-s', '198.51.100.0/24'])).toBe(
      'fwsim trace ./rules.v4 -- -s 198.51.100.0/24',
    );
  });

  test.each([
    '',
    '!',
    "it's",
    '$(reboot)',
    '`reboot`',
    'a b',
    '*',
    '~root',
    '=x',
    '--to=~',
    'a;b',
    '\\',
    '#',
    'é',
  ])('%j arrives as it is', (word) => {
    expect(shellWords(shellQuote(word))).toEqual([word]);
  });

  test.each(['\x1b[31m', 'a\nb', 'ends\n\n', '\r', '%s\x07', '\u202e', "'\x1b'", '\\033\x1b'])(
    '%j arrives as it is, and nothing a terminal obeys is on the line',
    (word) => {
      const quoted = shellQuote(word);
      expect(isVisible(quoted.replaceAll('\n', ''))).toBe(true);
      expect(shellWords(quoted)).toEqual([word]);
    },
  );

  test('any words arrive as they are', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', ''));
    fc.assert(
      fc.property(fc.array(word, { minLength: 20, maxLength: 40 }), (words) => {
        expect(shellWords(shellCommand(words))).toEqual(words);
      }),
      { numRuns: 20 },
    );
  });
});

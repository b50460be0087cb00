import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { escapeHtml } from '../../src/report/escape-html.ts';
import { escapeMarkdown, markdownBlock, markdownCode } from '../../src/report/escape-markdown.ts';
import { escapeTerminal, terminalCells, terminalWidth } from '../../src/report/escape-terminal.ts';

describe('terminal', () => {
  test.each([
    ['colour', '\x1b[31mred', '\\x1b[31mred'],
    ['window title', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
    ['C1 CSI', '\x9b2J', '\\x9b2J'],
    ['right-to-left override', 'a\u202eb', 'a\\u202eb'],
    ['isolates', '\u2066x\u2069', '\\u2066x\\u2069'],
    ['zero-width space', 'eth\u200b0', 'eth\\u200b0'],
    ['no-break space', 'a\u00a0b', 'a\\xa0b'],
    ['tag characters', '\u{e0041}', '\\u{e0041}'],
    ['lone surrogates', '\ud83d!\ude00', '\\ud83d!\\ude00'],
    ['NUL and DEL', '\0\x7f', '\\x00\\x7f'],
    ['line ends', 'a\r\nb', 'a\\r\\nb'],
    ['line separator', 'a\u2028b', 'a\\u2028b'],
    ['tab', 'a\tb', 'a b'],
  ])('%s', (_, raw, shown) => {
    expect(escapeTerminal(raw)).toBe(shown);
  });

  test('ordinary text of any script stays as it is', () => {
    for (const text of ['-A INPUT -j DROP', 'Büro ↔ 東京', 'приём', 'مرحبا', '😀']) {
      expect(escapeTerminal(text)).toBe(text);
    }
  });

  test('no character that a terminal obeys survives', () => {
    const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCodePoint(code)).join('');
    const control = [...escapeTerminal(all)].filter((c) => /\p{Cc}|\p{Cf}|\p{Cs}/u.test(c));
    expect(control).toEqual([]);
  });

  test('widths are columns', () => {
    expect(terminalWidth('東京')).toBe(4);
    for (const sign of '–—‘’“”…→') expect(terminalWidth(sign)).toBe(stringWidth(sign));
    expect(terminalWidth('\x1b[31mred\x1b[39m')).toBe(3);
  });

  test('cells cover the text in order', () => {
    const cells = terminalCells('a東e\u0301\x1b');
    expect(cells).toEqual([
      { text: 'a', columns: 1, offset: 0 },
      { text: '東', columns: 2, offset: 1 },
      { text: 'e\u0301', columns: 1, offset: 2 },
      { text: '\\x1b', columns: 4, offset: 4 },
    ]);
  });
});

describe('markdown', () => {
  test('plain text keeps no markup', () => {
    expect(escapeMarkdown('[x](http://a) *b* | <i>')).toBe('\\[x\\]\\(http\\:\\/\\/a\\) \\*b\\* \\| \\<i\\>');
  });

  test('a code span outruns the backticks in it', () => {
    expect(markdownCode('a `` b')).toBe('```a `` b```');
    expect(markdownCode('`a`')).toBe('`` `a` ``');
  });

  test('a block outruns the fences in it', () => {
    expect(markdownBlock(['```', 'x\x1b'])).toBe('````\n```\nx\\x1b\n````\n');
  });
});

test('html keeps no element, entity or attribute end', () => {
  expect(escapeHtml(`<a href="x" b='y'>&amp;\x1b`)).toBe(
    '&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;\\x1b',
  );
});

import { describe, expect, test } from 'vitest';
import { diagnostic } from '../../src/diagnostics/diagnostic.ts';
import { createSources } from '../../src/diagnostics/sources.ts';
import { printDiagnostic, printDiagnostics } from '../../src/report/diagnostics.ts';
import { terminalWidth } from '../../src/report/escape-terminal.ts';
import { sourceLine } from '../../src/report/source-line.ts';
import { createTheme } from '../../src/report/theme.ts';

const style = { theme: createTheme(false), columns: 80 };
const text = '*filter\n-A INPUT -p tcp --dportt 22 -j ACCEPT\nCOMMIT\n';
const sources = createSources([{ name: 'gw.rules', text }]);
const start = text.indexOf('--dportt');
const unknownOption = diagnostic({
  code: 'FW901',
  id: 'unknown-option',
  severity: 'error',
  message: 'unknown option "--dportt"',
  span: { start, end: start + 8 },
  hint: 'did you mean "--dport"?',
  related: [{ message: 'the table begins here', span: { start: 0, end: 7 } }],
});

describe('diagnostics on a terminal', () => {
  test('head, place, line, underline, related place, help', () => {
    expect(printDiagnostic(unknownOption, sources, style)).toMatchInlineSnapshot(`
      "error FW901 unknown-option
        gw.rules:2:17  unknown option "--dportt"
          -A INPUT -p tcp --dportt 22 -j ACCEPT
                          ^^^^^^^^
        see  gw.rules:1:1  the table begins here
        help  did you mean "--dport"?
      "
    `);
  });

  test('a diagnostic without a place, and one about an unknown text', () => {
    const { span: _, ...placeless } = unknownOption;
    expect(printDiagnostic({ ...placeless, related: [] }, sources, style)).toContain('\n  unknown option');
    const foreign = { ...unknownOption, related: [], span: { start: 0, end: 1, source: 'gone.rules' } };
    expect(printDiagnostic(foreign, sources, style)).toContain('\n  unknown option');
  });

  test('with colour, the words are the same', () => {
    const colourful = printDiagnostic(unknownOption, sources, { ...style, theme: createTheme(true) });
    expect(colourful).toContain('\x1b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are what is removed
    expect(colourful.replaceAll(/\x1b\[\d+m/g, '')).toBe(printDiagnostic(unknownOption, sources, style));
  });

  test('control characters in names, messages and lines are shown, not sent', () => {
    const hostile = createSources([{ name: 'a\x1bb', text: '\x1b]0;x\x07\n' }]);
    const printed = printDiagnostic(
      diagnostic({ ...unknownOption, message: '\x1b[2J', span: { start: 1, end: 2 }, related: [] }),
      hostile,
      style,
    );
    expect(printed).not.toContain('\x1b');
    expect(printed).toContain('    \\x1b]0;x\\x07\n        ^\n');
  });

  test('more than asked for are counted', () => {
    const printed = printDiagnostics([unknownOption, unknownOption, unknownOption], sources, style, 1);
    expect(printed.match(/unknown-option/g)).toHaveLength(1);
    expect(printed).toContain('and 2 more');
  });
});

describe('source lines', () => {
  test('tabs and wide characters do not shift the underline', () => {
    const raw = '\t東京\t--x';
    expect(sourceLine(raw, 4, 7, 80)).toEqual({ text: ' 東京 --x', underline: '      ^^^' });
  });

  test('escapes are as wide as they are printed', () => {
    expect(sourceLine('a\x1bb', 2, 3, 80)).toEqual({ text: 'a\\x1bb', underline: '     ^' });
  });

  test('an empty piece at the end of the line gets a caret behind it', () => {
    expect(sourceLine('-j', 2, 2, 80)).toEqual({ text: '-j', underline: '  ^' });
  });

  test('a piece inside a cluster underlines the cluster', () => {
    expect(sourceLine('e\u0301x', 1, 2, 80)).toEqual({ text: 'e\u0301x', underline: '^' });
  });

  test.each([0, 5, 40, 150_000, 299_990, 300_000])(
    'a long line is cut to a window around offset %i',
    (at) => {
      const raw = `${'x'.repeat(at)}HERE${'y'.repeat(300_000 - at)}`;
      const line = sourceLine(raw, at, at + 4, 60);
      expect(terminalWidth(line.text)).toBeLessThanOrEqual(60);
      const column = line.underline.indexOf('^');
      expect(line.text.slice(column, column + 4)).toBe('HERE');
      expect(line.underline.trim()).toBe('^^^^');
      expect(line.text.startsWith('…')).toBe(at > 20);
    },
  );

  test('a piece longer than the line is underlined as far as it is shown', () => {
    const line = sourceLine('z'.repeat(500), 100, 400, 40);
    expect(terminalWidth(line.text)).toBeLessThanOrEqual(40);
    expect(line.underline.length).toBeLessThanOrEqual(40);
    expect(line.text.endsWith('…')).toBe(true);
  });
});

/** Colours that can be read on a dark ground and on a light one, as terminals have them. */
import { expect, test } from 'vitest';
import { createPalette, type Tone } from '../../src/tui/views/palette.ts';

/** Colours 1 to 6 of xterm and of the Linux console: red, green, yellow, blue, magenta, cyan. */
const terminals = {
  xterm: ['cd0000', '00cd00', 'cdcd00', '0000ee', 'cd00cd', '00cdcd'],
  console: ['aa0000', '00aa00', 'aa5500', '0000aa', 'aa00aa', '00aaaa'],
} as const;

/** Relative luminance. Source: WCAG 2.2. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [0, 2, 4]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

test.each(Object.entries(createPalette(true)))('%s is readable on black and on white', (tone, paint) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colour are what is looked for.
  const codes = [...paint('x').matchAll(/\u001b\[(\d+)m/g)].map((m) => Number(m[1]));
  for (const code of codes.filter((c) => c >= 30 && c < 38)) {
    // Bold letters are broader: they need less.
    const needed = codes.includes(1) ? 2 : 2.5;
    for (const colors of Object.values(terminals))
      for (const ground of ['000000', 'ffffff'])
        expect(contrast(colors[code - 31] ?? ground, ground), `${tone} on ${ground}`).toBeGreaterThan(needed);
  }
});

test('the console of Linux gets a colour that shows on its black ground, where others have faint letters', () => {
  expect(createPalette(true).faint('x')).toBe('\u001b[2mx\u001b[22m');
  expect(createPalette(true, 'xterm-256color').faint('x')).toBe('\u001b[2mx\u001b[22m');
  expect(createPalette(true, 'linux').faint('x')).toBe('\u001b[36mx\u001b[39m');
  expect(contrast(terminals.console[5], '000000')).toBeGreaterThan(4.5);
});

test('without colour every text stays as it is', () => {
  for (const paint of Object.values(createPalette(false) satisfies Record<Tone, unknown>))
    expect(paint('text')).toBe('text');
  expect(createPalette(false, 'linux').faint('text')).toBe('text');
});

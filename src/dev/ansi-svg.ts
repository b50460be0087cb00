/** What a terminal shows as an SVG, for documents: text with the escape codes of colour, as tmux captures it. */

import { escapeHtml } from '../report/escape-html.ts';
import { terminalCells } from '../report/escape-terminal.ts';

/** Colours of a terminal: of text and ground, and of red, green, magenta and cyan. */
export interface TerminalColors {
  readonly text: string;
  readonly faint: string;
  readonly ground: string;
  readonly red: string;
  readonly green: string;
  readonly magenta: string;
  readonly cyan: string;
}

/** The colours of the pictures in the documentation. */
export const documentColors: TerminalColors = {
  text: '#d6d6d6',
  faint: '#8a8a8a',
  ground: '#1b1d21',
  red: '#ff7b72',
  green: '#6cc36c',
  magenta: '#d48cf0',
  cyan: '#5cc4d6',
};

const cellWidth = 8;
const cellHeight = 18;
const baseline = 13;
const margin = 12;

/** Classes of the style sheet below, by the numbers of ANSI's colour codes. */
const classes: Readonly<Record<string, string>> = {
  1: 'b',
  2: 'f',
  7: 'i',
  31: 'r',
  32: 'g',
  35: 'm',
  36: 'c',
};
/** The codes that end others: bold and faint, inverse, colour. */
const ends: Readonly<Record<string, readonly string[]>> = {
  0: Object.keys(classes),
  22: ['1', '2'],
  27: ['7'],
  39: ['31', '32', '35', '36'],
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for.
const code = /\u001b\[([0-9;]*)m/;

/** One line as elements, each piece of one colour held to its columns. `on`: the codes in force, which go on. */
function lineElements(line: string, row: number, on: Set<string>, colors: TerminalColors): readonly string[] {
  const elements: string[] = [];
  let column = 0;
  const y = margin + row * cellHeight;
  const columnsOf = (text: string): number =>
    terminalCells(text).reduce((sum, cell) => sum + cell.columns, 0);
  line.split(code).forEach((piece, index) => {
    if (index % 2 === 1) {
      for (const number of piece.split(';')) {
        for (const ended of ends[number === '' ? '0' : number] ?? []) on.delete(ended);
        if (Object.hasOwn(classes, number)) on.add(number);
      }
      return;
    }
    const names = [...on].map((n) => classes[n]).join(' ');
    const name = names === '' ? '' : ` class="${names}"`;
    // Blanks are places, not text: not every viewer keeps more than one.
    for (const text of piece.split(/( {2,}|^ | $)/)) {
      const x = margin + column * cellWidth;
      const width = columnsOf(text) * cellWidth;
      column += columnsOf(text);
      if (width > 0 && on.has('7'))
        elements.push(
          `<rect x="${x}" y="${y}" width="${width}" height="${cellHeight}" fill="${colors.text}"/>`,
        );
      if (text.trim() === '') continue;
      elements.push(
        `<text${name} x="${x}" y="${y + baseline}" textLength="${width}" lengthAdjust="spacingAndGlyphs">${escapeHtml(text)}</text>`,
      );
    }
  });
  return elements;
}

/** Draws the lines of a terminal. It brings its own ground, so that it is readable on any page. */
export function ansiSvg(
  lines: readonly string[],
  columns: number,
  colors: TerminalColors = documentColors,
): string {
  const width = columns * cellWidth + 2 * margin;
  const height = lines.length * cellHeight + 2 * margin;
  const { text, faint, ground, red, green, magenta, cyan } = colors;
  const on = new Set<string>();
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${text};white-space:pre}` +
      `.b{font-weight:bold}.f{fill:${faint}}.r{fill:${red}}.g{fill:${green}}.m{fill:${magenta}}.c{fill:${cyan}}` +
      `.i{fill:${ground}}</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${ground}"/>`,
    ...lines.flatMap((line, row) => lineElements(line, row, on, colors)),
    '</svg>',
    '',
  ].join('\n');
}

/** The screen as an SVG: what the program shows after some keys, with the answers from beside it, for documents. */

import { renderToString } from 'ink';
import type { SourceText } from '../diagnostics/sources.ts';
import { defaultRegistry } from '../index.ts';
import { readMachine } from '../link/read-machine.ts';
import { escapeHtml } from '../report/escape-html.ts';
import { terminalCells } from '../report/escape-terminal.ts';
import { openDesk } from './beside/desk.ts';
import { type Action, reduce } from './state/reduce.ts';
import { initialState } from './state/state.ts';
import { createWorld } from './state/world.ts';
import { createPalette } from './views/palette.ts';
import { Screen } from './views/screen.tsx';

/** What the picture is of. */
export interface PictureOptions {
  readonly source: SourceText;
  readonly columns: number;
  readonly rows: number;
  /** The first packet line. */
  readonly packet: string;
  readonly actions: readonly Action[];
  /** The day for the linter, `2026-11-22`. */
  readonly today: string;
}

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

/** Readable on dark and on light pages: the picture brings its own ground. */
const sheet = [
  'text{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6d6d6;white-space:pre}',
  '.b{font-weight:bold}.f{fill:#8a8a8a}.r{fill:#ff7b72}.g{fill:#6cc36c}.m{fill:#d48cf0}.c{fill:#5cc4d6}',
  '.i{fill:#1b1d21}',
].join('');

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for.
const code = /\u001b\[([0-9;]*)m/;

/** One line of the terminal as elements, each piece of one colour held to its columns. */
function lineElements(line: string, row: number): readonly string[] {
  const elements: string[] = [];
  const on = new Set<string>();
  let column = 0;
  const y = margin + row * cellHeight;
  line.split(code).forEach((piece, index) => {
    if (index % 2 === 1) {
      for (const number of piece.split(';')) {
        for (const ended of ends[number === '' ? '0' : number] ?? []) on.delete(ended);
        if (Object.hasOwn(classes, number)) on.add(number);
      }
      return;
    }
    const columnsOf = (text: string): number =>
      terminalCells(text).reduce((sum, cell) => sum + cell.columns, 0);
    const names = [...on].map((n) => classes[n]).join(' ');
    const name = names === '' ? '' : ` class="${names}"`;
    // Blanks are places, not text: not every viewer keeps more than one.
    for (const text of piece.split(/( {2,}|^ | $)/)) {
      const x = margin + column * cellWidth;
      const width = columnsOf(text) * cellWidth;
      column += columnsOf(text);
      if (width > 0 && on.has('7'))
        elements.push(`<rect x="${x}" y="${y}" width="${width}" height="${cellHeight}" fill="#d6d6d6"/>`);
      if (text.trim() === '') continue;
      elements.push(
        `<text${name} x="${x}" y="${y + baseline}" textLength="${width}" lengthAdjust="spacingAndGlyphs">${escapeHtml(text)}</text>`,
      );
    }
  });
  return elements;
}

/** Runs the program on a ruleset, carries the actions out, and draws its screen. */
export function pictureSvg({ source, columns, rows, packet, actions, today }: PictureOptions): string {
  const registry = defaultRegistry();
  const read = readMachine([source], { registry });
  const world = createWorld({ name: source.name, texts: [source], read, registry, diagnostics: [] });
  let state = initialState(world, packet, { columns, rows });
  for (const action of actions) state = reduce(world, state, action);
  for (const answers of openDesk({ texts: [source], diagnostics: [], lint: { today } }).ask(state.draft))
    state = reduce(world, state, { kind: 'told', draft: state.draft, answers });
  const shown = renderToString(<Screen world={world} state={state} palette={createPalette(true)} />, {
    columns,
  });
  const width = columns * cellWidth + 2 * margin;
  const height = rows * cellHeight + 2 * margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>${sheet}</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#1b1d21"/>`,
    ...shown.split('\n').flatMap(lineElements),
    '</svg>',
    '',
  ].join('\n');
}

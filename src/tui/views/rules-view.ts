/** The chain under the cursor: its title with the way that led here, and the rows in sight. */

import { type RuleRow, statusSigns } from '../model/rows.ts';
import type { State } from '../state/state.ts';
import type { Tone } from './palette.ts';
import { columnsOf, fitLine, type Line, type Span, span } from './text.ts';

const stops = (row: RuleRow): boolean =>
  row.outcome === 'drop' ||
  (row.entry === undefined && row.text === 'policy DROP' && row.status === 'decided');

function toneOf(row: RuleRow): Tone | undefined {
  if (row.status === 'off' || row.dead !== undefined) return 'faint';
  if (row.status === 'decided') return stops(row) ? 'drop' : 'accept';
  if (row.status === 'matched') return 'strong';
  if (row.status === 'missed') return undefined;
  return 'faint';
}

const outcomeTags: Readonly<Record<NonNullable<RuleRow['outcome']>, string>> = {
  continue: 'goes on',
  jump: 'jumps',
  goto: 'goes',
  return: 'RETURN',
  accept: 'ACCEPT',
  drop: 'DROP',
  queue: 'QUEUE',
  stolen: 'taken',
};

function tagOf(row: RuleRow, missed: string): string {
  if (row.dead !== undefined) return row.dead.stale ? 'dead?' : 'dead';
  switch (row.status) {
    case 'off':
      return 'off';
    case 'missed':
      return missed;
    case 'decided':
    case 'matched':
      return row.outcome === undefined ? '' : outcomeTags[row.outcome];
    case 'not-tried':
      return 'not tried';
    case 'not-entered':
      return '';
  }
}

function counterText({ counters }: RuleRow): string {
  if (!counters) return '';
  const n = counters.packets;
  const units = ['', 'k', 'M', 'G', 'T'];
  let value = n;
  let unit = 0;
  while (value >= 10_000 && unit < units.length - 1) {
    value = Math.floor(value / 1000);
    unit++;
  }
  return `${value}${units[unit]}`.padStart(6);
}

/** A row as a line. `missed` is the condition that refused, in short. */
export function ruleLine(row: RuleRow, state: State, columns: number, missed: string): Line {
  const selected = row.row === state.cursor.row;
  const tone = toneOf(row);
  const sign = stops(row) && row.status === 'decided' ? '✗' : statusSigns[row.status];
  const left: Span[] = [
    span(selected ? '>' : ' ', 'strong'),
    span(row.here ? '►' : ' ', 'strong'),
    span(row.breakpoint ? '●' : ' ', 'error'),
    span(sign, tone),
    span(`${row.number === undefined ? '' : row.number}`.padStart(6), 'faint'),
    span(row.entry?.change === undefined ? ' ' : '*', 'other'),
  ];
  const counted = columns >= 76 ? counterText(row) : '';
  const counters = counted === '' ? '' : `${counted} `;
  const tag = tagOf(row, missed);
  const room = columns - 12 - columnsOf(counters);
  const tagRoom = tag === '' ? 0 : Math.min(columnsOf(tag), Math.max(10, Math.floor(room / 3)));
  const text = fitLine(
    [span(row.text, selected ? 'cursor' : tone)],
    Math.max(room - tagRoom - (tagRoom > 0 ? 2 : 0), 8),
  );
  const tail =
    tagRoom > 0
      ? [span('  '), ...fitLine([span(tag, row.status === 'missed' ? 'faint' : tone)], tagRoom)]
      : [];
  return [...left, ...(counters === '' ? [] : [span(counters, 'faint')]), span(' '), ...text, ...tail];
}

/** `filter FORWARD ► ufw-user-forward  (12 rules)`. */
export function crumbs(state: State): readonly Span[] {
  const { name } = state.cursor;
  const path = [...state.trail.map((c) => c.name.chain), name.chain];
  return [span(`${name.family === 'ipv6' ? 'IPv6 ' : ''}${name.table} `), span(path.join(' ► '), 'strong')];
}

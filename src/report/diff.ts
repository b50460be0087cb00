/** A comparison for the terminal: what opened, what closed, by which rules, with a packet that shows it. */

import type { ConnectionsDiff } from '../analysis/diff-connections.ts';
import type { Decider } from '../analysis/diff-frame.ts';
import type { FamilyDiff, MachineDiff, MachineDiffResult } from '../analysis/diff-machines.ts';
import type { Difference } from '../analysis/diff-tell.ts';
import type { Trace } from '../model/trace.ts';
import type { TerminalStyle } from './diagnostics.ts';
import {
  changeWords,
  connectionsWords,
  connectionText,
  deciderWords,
  endsWords,
  familyName,
  lostWords,
  missingWords,
  outcomeWords,
  roadWords,
  type SideName,
  sideFile,
  stateWords,
  witnessTrace,
} from './diff-words.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { exceptionHeads } from './set-words.ts';
import type { Paint, Theme } from './theme.ts';
import { fateWords, packetText } from './trace-words.ts';

/** How much is said. */
export interface DiffDetail {
  /** Also the differences beyond the first, and every rule behind each. */
  readonly all: boolean;
}

const labelColumns = 9;
const differencesShown = 20;
const decidersShown = 3;
const connectionsShown = 10;
/** Lines of the screen for one line of packets: what is longer nobody reads. */
const packetLinesMax = 3;

/** Prints a comparison; empty for a question without an answer. */
export function printDiff({ compared }: MachineDiffResult, style: TerminalStyle, detail: DiffDetail): string {
  if (compared === undefined) return '';
  const blocks: (readonly string[])[] = [headerLines(compared, style)];
  for (const f of compared.families) blocks.push(...familyBlocks(f, compared, style, detail));
  if (compared.connections !== undefined)
    blocks.push(connectionLines(compared.connections, style, detail.all));
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function labelled(label: string, text: string, style: TerminalStyle): readonly string[] {
  return wrap(text, style, {
    first: `  ${style.theme.faint(label.padEnd(labelColumns))} `,
    rest: ' '.repeat(labelColumns + 3),
  });
}

function headerLines(compared: MachineDiff, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const names = (side: SideName): string =>
    compared[side].read.texts.map((t) => escapeTerminal(t.name)).join(' with ');
  const line = (label: string, text: string): readonly string[] =>
    wrap(text, style, {
      first: `${theme.faint(label.padEnd(labelColumns))} `,
      rest: ' '.repeat(labelColumns + 1),
    });
  const lines = [...line('old', theme.strong(names('old'))), ...line('new', theme.strong(names('new')))];
  if (!compared.oneMachine)
    lines.push(...line('machines', 'two: addresses, routes and settings of each side count as well'));
  if (compared.expression.length > 0)
    lines.push(...line('packets', `only ${escapeTerminal(compared.expression.join(' '))}`));
  return lines;
}

function familyBlocks(
  f: FamilyDiff,
  compared: MachineDiff,
  style: TerminalStyle,
  { all }: DiffDetail,
): readonly (readonly string[])[] {
  const { theme } = style;
  const { diff } = f;
  const head = [
    ...wrap(`${theme.strong(familyName(f.family))}  ${escapeTerminal(outcomeWords(f, compared))}`, style, {
      rest: '      ',
    }),
    ...missingWords(f).flatMap((text) =>
      wrap(theme.warning(text), style, { first: '      ', rest: '      ' }),
    ),
  ];
  if (diff.kind !== 'different') return [head];
  const shown = all ? diff.differences : diff.differences.slice(0, differencesShown);
  const more = diff.differences.length - shown.length;
  return [
    head,
    ...shown.map((d) => differenceLines(d, f, compared, style, all)),
    ...(more > 0 ? [[theme.faint(`and ${more} more: --all shows them`)]] : []),
  ];
}

function paintOf({ change }: Difference, theme: Theme): Paint {
  if (change === 'opened') return theme.verdictAccept;
  return change === 'closed' ? theme.verdictDrop : theme.verdictOther;
}

function differenceLines(
  d: Difference,
  f: FamilyDiff,
  compared: MachineDiff,
  style: TerminalStyle,
  all: boolean,
): readonly string[] {
  const { theme } = style;
  const title = paintOf(d, theme)(escapeTerminal(changeWords(d).toUpperCase()));
  const lines = [`${theme.strong(title)}  ${theme.faint(roadWords(d))}`, ...packetLines(d, style)];
  for (const side of ['old', 'new'] as const) lines.push(...sideLines(d, f, side, compared, style, all));
  const states = stateWords(d);
  if (states !== undefined) lines.push(...labelled('also', states, style));
  if (d.unknowns.length > 0)
    lines.push(
      ...labelled(
        d.certain ? 'partly' : 'depends',
        `on what packets do not decide: ${escapeTerminal(d.unknowns.join('; '))}`,
        style,
      ),
    );
  return [...lines, ...witnessLines(d, compared, style)];
}

function packetLines({ packets }: Difference, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const lines: string[] = [];
  const say = (text: string): void => {
    const wrapped = wrap(escapeTerminal(text), style, { first: '  ', rest: '    ' });
    lines.push(...wrapped.slice(0, packetLinesMax));
    if (wrapped.length > packetLinesMax)
      lines.push(theme.faint(`    … ${wrapped.length - packetLinesMax} more lines of conditions`));
  };
  if (packets.lines.length === 0) {
    say(packets.kind === 'everything' ? 'all packets' : packets.kind);
    return lines;
  }
  const heads = exceptionHeads(packets, 'all packets but:');
  for (const head of heads) say(head);
  for (const line of packets.lines) say(heads.length > 0 ? `  ${line}` : line === '' ? 'all packets' : line);
  const more = packets.lineCount - packets.lines.length;
  if (more > 0) lines.push(theme.faint(`  … and ${more} more${packets.complete ? '' : ' at least'}`));
  return lines;
}

function sideLines(
  d: Difference,
  f: FamilyDiff,
  side: SideName,
  compared: MachineDiff,
  style: TerminalStyle,
  all: boolean,
): readonly string[] {
  const { theme } = style;
  const { ends, deciders } = d[side];
  const file = escapeTerminal(sideFile(f, compared, side));
  const shown = all ? deciders : deciders.slice(0, decidersShown);
  const [first, ...others] = shown;
  const place = (decider: Decider): string => {
    const { name, line } = deciderWords(decider, f[side]?.linked.ruleset);
    const where = line === undefined ? '' : theme.faint(`${file}:${line} `);
    return `${where}${escapeTerminal(name)}`;
  };
  const end = escapeTerminal(endsWords(d, ends));
  const by = first === undefined ? '' : `${first.kind === 'none' ? ', by ' : ' by '}${place(first)}`;
  const lines = [...labelled(side, `${end}${by}`, style)];
  const ruleLine = (decider: Decider): readonly string[] => {
    const { text } = deciderWords(decider, undefined);
    return text === undefined
      ? []
      : wrap(escapeTerminal(text), style, {
          first: ' '.repeat(labelColumns + 5),
          rest: ' '.repeat(labelColumns + 7),
        });
  };
  if (first !== undefined) lines.push(...ruleLine(first));
  for (const other of others) lines.push(...labelled('', `or by ${place(other)}`, style), ...ruleLine(other));
  const more = deciders.length - shown.length;
  if (more > 0) lines.push(...labelled('', theme.faint(`or by ${more} more`), style));
  return lines;
}

/** The end of a walk: `DROPPED`, `FORWARDED out by eth1 as …`. */
function endText(trace: Trace): string {
  const { word, rest } = fateWords(trace.fate);
  return rest === '' ? word : `${word} ${rest}`;
}

function witnessLines(d: Difference, compared: MachineDiff, style: TerminalStyle): readonly string[] {
  const { witness } = d;
  if (witness === undefined) return [];
  const { theme } = style;
  const { packet, entry } = witness.old;
  const way = entry.kind === 'arrives' ? ` in by ${entry.inInterface}` : ' sent by this machine';
  // A limit or a log line changes no end.
  const either = d.change === 'limited' || d.change === 'effect';
  const lines = [...labelled('example', escapeTerminal(`${packetText(packet)}${way}`), style)];
  for (const side of ['old', 'new'] as const) {
    const command = witnessTrace(d, compared[side], side);
    if (!either) lines.push(...labelled('', escapeTerminal(`${side}: ${endText(witness[side])}`), style));
    // Never broken into lines: it is there to be pasted.
    if (command !== undefined)
      lines.push(`${' '.repeat(labelColumns + 3)}${theme.command(escapeTerminal(command))}`);
  }
  return lines;
}

function connectionLines(diff: ConnectionsDiff, style: TerminalStyle, all: boolean): readonly string[] {
  const { theme } = style;
  const words = escapeTerminal(connectionsWords(diff));
  const lines = [...wrap(diff.lost.length > 0 ? theme.verdictDrop(words) : words, style)];
  const shown = all ? diff.lost : diff.lost.slice(0, connectionsShown);
  for (const lost of shown) {
    const whose = lost.own ? `${theme.strong('yours')} ` : '';
    lines.push(
      ...wrap(`${whose}${escapeTerminal(connectionText(lost))}`, style, { first: '  ', rest: '    ' }),
    );
    lines.push(...wrap(escapeTerminal(lostWords(lost)), style, { first: '    ', rest: '    ' }));
  }
  const more = diff.lost.length - shown.length;
  if (more > 0) lines.push(theme.faint(`  and ${more} more: --all shows them`));
  return lines;
}

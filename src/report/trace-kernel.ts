/** What the running kernel did with a packet, beside what the simulator says. */

import {
  comparedFields,
  endText,
  generatedBy,
  generatedText,
  type KernelComparison,
  type PacketWay,
  type RunComparison,
  recordPlace,
  type WayRecord,
  wayOfTrace,
} from '../trace/kernel-run.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal, terminalWidth } from './escape-terminal.ts';
import { padColumns, wrap, wrapUnbroken } from './layout.ts';
import type { RuleBook } from './rule-book.ts';
import { assumptionWords, hexText } from './trace-words.ts';

/** A row of the comparison: what it is about, and what both say of it. */
interface Row {
  readonly about: string;
  readonly ours: string;
  readonly kernels: string;
  /** Not compared. */
  readonly free?: boolean;
}

/** The block below a trace. */
export function kernelLines(
  { answer, runs, agrees }: KernelComparison,
  { style, book }: { readonly style: TerminalStyle; readonly book: RuleBook },
): readonly string[] {
  const { theme } = style;
  const about = `${answer.kernel}, ${answer.loader}, in a network namespace of its own`;
  const lines = [...wrap(`${theme.strong('Kernel')}  ${escapeTerminal(about)}`, style, { rest: '        ' })];
  for (const run of runs) lines.push(...runLines(run, runs.length > 1, style, book));
  if (answer.notBuilt > 0)
    lines.push(
      ...wrap(
        `${answer.notBuilt} further machines that fit the rules were not built; --assume says which`,
        style,
        {
          first: '  ',
        },
      ),
    );
  lines.push(...(agrees ? agreeLines(runs, style) : differLines(runs, style)));
  return lines;
}

function runLines(
  comparison: RunComparison,
  several: boolean,
  style: TerminalStyle,
  book: RuleBook,
): readonly string[] {
  const { run, branch, rows } = comparison;
  const { theme } = style;
  const lines: string[] = [];
  const labelled = (label: string, texts: readonly string[]): void => {
    if (texts.length === 0) return;
    const first = `  ${theme.faint(label.padEnd(8))} `;
    lines.push(...wrapUnbroken(escapeTerminal(texts.join('; ')), style, { first, rest: ' '.repeat(11) }));
  };
  if (several) labelled('if', [run.assumptions.map(assumptionWords).join(', and ') || 'nothing is assumed']);
  labelled('invented', run.invented);
  labelled('left out', run.leftOut);
  const chosen = branch?.assumptions.filter(
    (a) => !run.assumptions.some((b) => b.key === a.key) && !branch.immaterial.some((b) => b.key === a.key),
  );
  labelled('it chose', (chosen ?? []).map(assumptionWords));
  const told: Row[] = rows.map(({ ours, kernels }) => ({
    about: placeText((ours ?? kernels) as WayRecord, book),
    ours: outcomeText(ours),
    kernels: outcomeText(kernels),
    free: comparison.free.has(recordPlace((ours ?? kernels) as WayRecord)),
  }));
  const mine = branch && wayOfTrace(branch.trace);
  const long: Row[] = [{ about: 'end', ours: mine ? endText(mine) : '-', kernels: endText(run.main) }];
  if (mine?.packet || run.main.packet)
    long.push({ about: 'packet', ours: mine ? packetWords(mine) : '-', kernels: packetWords(run.main) });
  const made = branch ? generatedBy(branch.trace).map(wayOfTrace) : [];
  for (let i = 0; i < Math.max(made.length, run.generated.length); i++) {
    const words = (way: PacketWay | undefined): string => (way ? generatedText(way) : '-');
    long.push({ about: 'answer', ours: words(made[i]), kernels: words(run.generated[i]) });
  }
  lines.push(...compareLines(told, long, style));
  if (told.some((row) => row.free && row.ours !== row.kernels))
    lines.push(
      ...wrap(theme.faint('~ only logs, and the packet does not decide whether it matches'), style, {
        first: '  ',
      }),
    );
  return lines;
}

function placeText({ table, chain, number }: WayRecord, book: RuleBook): string {
  if (number === undefined) return `${table} ${chain} policy`;
  const line = book.chain(table, chain)?.rules[number - 1]?.line;
  return `${table} ${chain} #${number}${line === undefined || line === 0 ? '' : `, line ${line}`}`;
}

function outcomeText(record: WayRecord | undefined): string {
  if (record === undefined) return '-';
  const { verdict, to, mark } = record;
  return `${verdict}${to === undefined ? '' : ` ${to}`}${mark === 0 ? '' : `, mark ${hexText(mark)}`}`;
}

function packetWords(way: PacketWay): string {
  if (!way.packet) return '-';
  const { source, destination, TTL } = comparedFields(way.packet);
  return `${source} -> ${destination}, TTL ${TTL}`;
}

const gap = '  ';

/** A row with its mark: the cells, escaped. */
interface Cells {
  readonly about: string;
  readonly ours: string;
  readonly kernels: string;
  readonly mark: string;
}

/** Two columns where they fit; else, and for `long` rows, what both say once, and what differs twice. */
function compareLines(rows: readonly Row[], long: readonly Row[], style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const cellsOf = ({ about, ours, kernels, free }: Row): Cells => ({
    about: escapeTerminal(about),
    ours: escapeTerminal(ours),
    kernels: escapeTerminal(kernels),
    mark: ours === kernels ? ' ' : free ? '~' : theme.error('!'),
  });
  const stacked = ({ about, ours, kernels, mark }: Cells): readonly string[] => {
    if (ours === kernels) return wrap(`${about}: ${ours}`, style, { first: '    ', rest: '      ' });
    return [
      ...wrap(about, style, { first: `  ${mark} ` }),
      ...wrap(`fwsim: ${ours}`, style, { first: '      ', rest: '        ' }),
      ...wrap(`kernel: ${kernels}`, style, { first: '      ', rest: '        ' }),
    ];
  };
  const cells = rows.map(cellsOf);
  const below = long.flatMap((row) => stacked(cellsOf(row)));
  const width = (name: 'about' | 'ours' | 'kernels'): number =>
    Math.max(...cells.map((row) => terminalWidth(row[name])), 6);
  const columns = 4 + width('about') + width('ours') + width('kernels') + 2 * gap.length;
  if (columns > style.columns) return [...cells.flatMap(stacked), ...below];
  const line = ({ about, ours, kernels, mark }: Cells): string =>
    `  ${mark} ${padColumns(about, width('about'))}${gap}${padColumns(ours, width('ours'))}${gap}${kernels}`.trimEnd();
  if (cells.length === 0) return below;
  const head = line({ about: '', ours: 'fwsim', kernels: 'kernel', mark: ' ' });
  return [theme.faint(head), ...cells.map(line), ...below];
}

function agreeLines(runs: readonly RunComparison[], style: TerminalStyle): readonly string[] {
  const count = runs.reduce((sum, { rows }) => sum + rows.length, 0);
  const words = count === 1 ? 'the one rule or policy' : `all ${count} rules and policies`;
  const text = `${style.theme.verdictAccept('AGREES')}: the kernel does the same, by ${words} and to the same end`;
  return wrap(
    count === 0 ? `${style.theme.verdictAccept('AGREES')}: the kernel does the same` : text,
    style,
    {
      first: '  ',
      rest: '    ',
    },
  );
}

function differLines(runs: readonly RunComparison[], style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const lines = wrap(
    `${theme.error('DIFFERS')}: the kernel does not do what fwsim says. Trust the kernel; if nothing that was ` +
      'invented or left out above explains it, this is a mistake of fwsim that is worth a report (with --json)',
    style,
    { first: '  ', rest: '    ' },
  );
  const told = runs.flatMap(({ differences }) =>
    differences.flatMap(({ what, ours, kernels }) =>
      wrap(`${what}: fwsim says ${escapeTerminal(ours)}; the kernel ${escapeTerminal(kernels)}`, style, {
        first: '    ',
        rest: '      ',
      }),
    ),
  );
  return [...lines, ...told];
}

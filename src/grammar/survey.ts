/**
 * What is wrong with a file as a whole: line ends, columns, characters. Each is told once, with the number of lines
 * and the first place, however often it comes.
 */

import type { DiagnosticInit } from '../diagnostics/diagnostic.ts';

/** Counts what lines have in common. Offsets are those of the source. */
export interface Survey {
  /** The end of a line inside of a table, or of its head. */
  lineEnd(line: { readonly start: number; readonly end: number }): void;
  /** An empty line of blanks inside of a table. */
  emptyLine(start: number, end: number): void;
  /** A line that must begin in the first column, unless it is an `option` line. */
  column(start: number, option: boolean): void;
  /** A line of a script. */
  command(line: { readonly start: number; readonly end: number }, text: string, inTable: boolean): void;
  /** A line of other text. */
  foreign(start: number, text: string): void;
  finish(): void;
}

/** Code of the line feed. */
export const lineFeed = 10;

/** Blank, tab or carriage return. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/** Bytes of a line that iptables-restore reads. Source: iptables 1.8.9 xtables-restore.c: `char buffer[10240]`. */
const lineBytesMax = 10_239;

interface Tally {
  count: number;
  start: number;
  end: number;
}

/** Begins to count; `say` gets what was found when all lines have gone by. */
export function createSurvey(source: string, say: (init: Omit<DiagnosticInit, 'code'>) => void): Survey {
  const tally = (): Tally => ({ count: 0, start: 0, end: 0 });
  const returns = tally();
  const blankLines = tally();
  const commitBlanks = tally();
  const indented = tally();
  const longLines = tally();
  const commands = tally();
  const commandsInTable = tally();
  const unread = tally();
  let withVariables = 0;
  let tables = 0;
  const add = (to: Tally, start: number, end: number): void => {
    if (to.count++ === 0) {
      to.start = start;
      to.end = end;
    }
  };
  const lines = (n: number, one: string, many: string): string => (n === 1 ? one : `${n} ${many}`);
  const tell = (
    { count, start, end }: Tally,
    id: string,
    severity: 'error' | 'info' | 'warning',
    message: string,
    hint?: string,
  ): void => {
    if (count > 0)
      say({ id, severity, message, span: { start, end }, ...(hint === undefined ? {} : { hint }) });
  };

  return {
    lineEnd({ start, end }) {
      if (source.charCodeAt(start) === 0x2a) tables++;
      if (source.charCodeAt(end) === 13) add(returns, start, end);
      if (end - start > lineBytesMax) add(longLines, start, start + 80);
      if (
        source.charCodeAt(start) === 0x43 /* C */ &&
        end - start > 6 &&
        /^COMMIT[ \t]+$/.test(source.slice(start, Math.min(end, start + 200)))
      )
        add(commitBlanks, start, end);
    },
    emptyLine(start, end) {
      if (end - start === 1 && source.charCodeAt(start) === 13) add(returns, start, end);
      else add(blankLines, start, end);
    },
    column(start, option) {
      if (!option && start > 0 && isBlank(source.charCodeAt(start - 1))) add(indented, start, start + 1);
    },
    command({ start, end }, text, inTable) {
      add(inTable ? commandsInTable : commands, start, end);
      if (/\$[\w{(]/.test(text.replace(/^\s*"?\$\{?\w+\}?"?/, ''))) withVariables++;
    },
    foreign(start, text) {
      if (/\bip6?tables(?:-nft|-legacy)?[ \t]+(?:\S+[ \t]+){0,4}-[AIDRNXPFE]\b/.test(text.slice(0, 2000)))
        add(unread, start, start + text.length);
    },
    finish() {
      if (source.charCodeAt(0) === 0xfeff && tables > 0)
        tell(
          { count: 1, start: 0, end: 1 },
          'byte-order-mark',
          'error',
          'The file begins with a byte order mark: left out, but iptables-restore would refuse the first line',
          'save it as UTF-8 without BOM',
        );
      const nul = source.indexOf('\u0000');
      if (nul >= 0)
        tell(
          { count: 1, start: nul, end: nul + 1 },
          'nul-character',
          tables > 0 ? 'error' : 'warning',
          'There are NUL characters: iptables-restore reads such lines only up to the first one',
          'is this UTF-16, or a binary file?',
        );
      tell(
        returns,
        'carriage-returns',
        'error',
        `${lines(returns.count, 'A line ends', 'lines end')} in CR LF: read as LF, but iptables-restore would refuse ${returns.count === 1 ? 'it' : 'them'}`,
        'strip them: sed -i "s/\\r$//" FILE',
      );
      tell(
        blankLines,
        'blank-line',
        'error',
        `${lines(blankLines.count, 'An empty line has', 'empty lines have')} blanks in ${blankLines.count === 1 ? 'it' : 'them'}: ignored, but iptables-restore says "no command specified"`,
        'strip them: sed -i "s/[ \\t]*$//" FILE',
      );
      tell(
        commitBlanks,
        'blank-after-commit',
        'error',
        'A blank follows COMMIT: read as COMMIT, but iptables-restore 1.8.9 says "Bad argument `COMMIT\'"',
        'strip it: sed -i "s/[ \\t]*$//" FILE',
      );
      tell(
        indented,
        'indented-line',
        'error',
        `${lines(indented.count, 'A line is', 'lines are')} indented: read all the same, but iptables-restore wants comments, *TABLE, :CHAIN and COMMIT in the first column`,
        'strip them: sed -i "s/^[ \\t]*//" FILE',
      );
      tell(
        longLines,
        'line-too-long',
        'error',
        `${lines(longLines.count, 'A line is', 'lines are')} longer than iptables-restore reads (10,239 bytes): the rest would be another line`,
      );
      tell(
        commandsInTable,
        'command-in-table',
        'error',
        `${lines(commandsInTable.count, 'A shell command stands', 'shell commands stand')} inside of a table: read as ${commandsInTable.count === 1 ? 'a rule' : 'rules'}`,
        'iptables-restore wants the rule alone: leave out "iptables" in front of it',
      );
      const variables =
        withVariables > 0
          ? `; what depends on a variable (${lines(withVariables, 'one line', 'lines')}) is not known`
          : '';
      if (tables > 0)
        tell(
          commands,
          'commands-beside-dump',
          'info',
          `${lines(commands.count, 'An iptables command stands', 'iptables commands stand')} beside the dump and ${commands.count === 1 ? 'is' : 'are'} not read: what ${commands.count === 1 ? 'it' : 'they'} did is taken to be in the dump`,
        );
      else
        tell(
          commands,
          'shell-commands',
          'info',
          `${lines(commands.count, 'A line of iptables commands is', 'lines of iptables commands are')} read as a script runs them, from top to bottom, starting with empty tables${variables}`,
        );
      if (commands.count > 0 && tables === 0)
        tell(
          unread,
          'unread-commands',
          'warning',
          `${lines(unread.count, 'A line mentions', 'lines mention')} iptables but ${unread.count === 1 ? 'is' : 'are'} not read: loops, conditions and functions are not followed`,
          'run the script and pipe in what it made: sudo iptables-save | fwsim lint',
        );
    },
  };
}

/** Reads iptables-save text, and what people make of it, into a tree. Never throws for any input. */

import type { IToken } from 'chevrotain';
import { type Diagnostic, type DiagnosticInit, diagnostic } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../diagnostics/did-you-mean.ts';
import { LineParser, type LineSink } from './line-parser.ts';
import { groupTexts, looksLikeShellCommand, readShellCommand } from './shell-words.ts';
import { createSurvey, isBlank, lineFeed } from './survey.ts';
import { type SyntaxTree, type TreeBuilder, treeBuilder } from './syntax-tree.ts';
import { getTokens } from './tokens.ts';

/** A tree, whatever the input, and what there was to say about it. */
export interface Parsed {
  readonly tree: SyntaxTree;
  readonly diagnostics: readonly Diagnostic[];
}

/** Lexing is done in pieces of about this many characters: tokens of a whole large dump take a gigabyte. */
const pieceLength = 32 * 1024;
/** Longer lines are not taken apart. iptables-restore itself reads 10,240 bytes of a line. */
const lineLengthMax = 1 << 20;

const commands = new Set(
  '-A -I -D -R -N -X -P -F -Z -E -L -S -C -t -4 -6 --append --insert --delete --replace --new-chain --new --delete-chain --policy --flush --zero --rename-chain --list --list-rules --check --table'.split(
    ' ',
  ),
);

interface Line {
  readonly start: number;
  readonly end: number;
}

let parser: LineParser | undefined;

/**
 * Parses one stream. Lines that are not iptables text become `foreign` nodes where they stand outside of a table
 * (other commands' output, shell prompts), `loose` or `broken` ones inside of it.
 *
 * Time is linear in the input; memory is the source, the different option texts, and about 20 bytes for each rule
 * and 4 for each of its options.
 */
export function parse(source: string): Parsed {
  const builder = treeBuilder(source);
  const reader = lineReader(source, builder);
  let pending: Line[] = [];
  const flush = (): void => {
    if (pending.length > 0) reader.readLines(pending);
    pending = [];
  };

  let position = source.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (position < source.length) {
    const newline = source.indexOf('\n', position);
    const stop = newline < 0 ? source.length : newline;
    const returned = stop > position && source.charCodeAt(stop - 1) === 13;
    const end = returned ? stop - 1 : stop;
    let start = position;
    while (start < end && isBlank(source.charCodeAt(start))) start++;
    const code = start < end ? source.charCodeAt(start) : lineFeed;
    let next = newline < 0 ? source.length : newline + 1;
    if (code === lineFeed) {
      flush();
      reader.emptyLine(position, stop);
    } else if (code === 0x23 /* # */) {
      flush();
      reader.commentLine(position, start);
    } else if (end - start > lineLengthMax) {
      flush();
      reader.longLine({ start, end });
    } else if (
      source.charCodeAt(end - 1) === 0x5c /* \ */ &&
      looksLikeShellCommand(source.slice(start, end))
    ) {
      flush();
      const last = continuedEnd(source, start, end);
      reader.readLines([{ start, end: last }], true);
      const after = source.indexOf('\n', last);
      next = after < 0 ? source.length : after + 1;
    } else {
      pending.push({ start, end });
      if (end - (pending[0] as Line).start >= pieceLength) flush();
    }
    position = next;
  }
  flush();
  return { tree: builder.finish(), diagnostics: reader.finish() };
}

/** The end of a shell command whose lines end in backslashes. */
function continuedEnd(source: string, start: number, firstEnd: number): number {
  let end = firstEnd;
  while (source.charCodeAt(end - 1) === 0x5c && end - start < lineLengthMax) {
    const feed = source.indexOf('\n', end);
    if (feed < 0 || feed + 1 >= source.length) break;
    const newline = source.indexOf('\n', feed + 1);
    const stop = newline < 0 ? source.length : newline;
    end = stop > feed + 1 && source.charCodeAt(stop - 1) === 13 ? stop - 1 : stop;
  }
  return end;
}

/** Takes lines in order and builds the tree. */
interface LineReader {
  /** Lines with something in them; `command`: it is one, that looks like a call of iptables. */
  readLines(lines: readonly Line[], command?: boolean): void;
  emptyLine(start: number, end: number): void;
  commentLine(start: number, hash: number): void;
  longLine(line: Line): void;
  finish(): readonly Diagnostic[];
}

function lineReader(source: string, builder: TreeBuilder): LineReader {
  const t = getTokens();
  const diagnostics: Diagnostic[] = [];
  const say = (init: Omit<DiagnosticInit, 'code'>): void => {
    diagnostics.push(diagnostic({ code: 'FW901', ...init }));
  };
  const survey = createSurvey(source, say);
  let inTable = false;
  let tableOffset = 0;
  let tableName = '';

  // ------------------------------------------------------------------ one line's result, filled by the parser
  let base = 0;
  let line: Line = { start: 0, end: 0 };
  let piece = '';
  let groups: string[] = [];
  let counters: string | undefined;
  type LineKind = 'none' | 'done' | 'rule';
  let lineKind: LineKind = 'none';
  // A call, so that assignments made by the sink are seen.
  const lineIs = (kind: LineKind): boolean => lineKind === kind;
  const sink: LineSink = {
    table(name) {
      if (inTable) missingCommit(line.start);
      inTable = true;
      tableOffset = line.start;
      tableName = name;
      lineKind = 'done';
      builder.table(line.start, name);
    },
    chain(name, policy, c, extra) {
      lineKind = 'done';
      builder.chain(line.start, { name, policy, counters: c });
      if (policy === '' && name !== '') {
        say({
          id: 'missing-policy',
          severity: 'error',
          message: `Chain "${name}" is declared without a policy (policy invalid): read as "-"`,
          span: line,
          hint: 'write :NAME ACCEPT [0:0] for a built-in chain, :NAME - [0:0] for another',
        });
      }
      if (extra) {
        say({
          id: 'extra-words',
          severity: 'warning',
          message: `"${extra.image}" is not expected after a chain's policy and counters: ignored`,
          span: spanOf(extra),
        });
      }
    },
    commit() {
      inTable = false;
      lineKind = 'done';
      builder.other('commit', line.start);
    },
    counters(text) {
      counters = text;
    },
    group(start, end, first) {
      if (lineKind === 'none') {
        if (!inTable && !commands.has(first) && !/^-[AINPFX][^-]/.test(first)) {
          lineKind = 'done';
          builder.other('foreign', line.start);
        } else lineKind = 'rule';
      }
      if (lineKind === 'rule') groups.push(piece.slice(start, end));
    },
    openQuote(start, end) {
      if (lineKind !== 'rule' && !inTable) return;
      say({
        id: 'unclosed-quote',
        severity: 'warning',
        message: 'This quote is not closed: everything to the end of the line is one word',
        span: { start: base + start, end: base + end },
        hint: 'is the line cut off here? close it with "',
      });
    },
  };
  parser ??= new LineParser(sink, { validate: false });
  const lineParser = parser;
  lineParser.sink = sink;

  const spanOf = (token: IToken): Line => ({
    start: base + token.startOffset,
    end: base + token.startOffset + token.image.length,
  });

  function missingCommit(at: number): void {
    diagnostics.push(
      diagnostic({
        code: 'FW908',
        id: 'missing-commit',
        severity: 'error',
        message: `Table "${tableName}" has no COMMIT: read as if it stood here`,
        span: lineAround(at),
        hint: 'iptables-restore applies a table only when it reads COMMIT; is the dump complete?',
        related: [
          {
            message: 'the table begins here',
            span: { start: tableOffset, end: tableOffset + 1 + tableName.length },
          },
        ],
      }),
    );
    builder.other('commit', at);
    inTable = false;
  }

  /** The line that begins at an offset; at the end of the source, its last line. */
  function lineAround(at: number): Line {
    let start = at;
    if (at >= source.length) {
      start = source.length;
      while (
        start > 0 &&
        (isBlank(source.charCodeAt(start - 1)) || source.charCodeAt(start - 1) === lineFeed)
      )
        start--;
      start = source.lastIndexOf('\n', start - 1) + 1;
    }
    let end = source.indexOf('\n', start);
    if (end < 0) end = source.length;
    if (end > start && source.charCodeAt(end - 1) === 13) end--;
    return { start, end };
  }

  function finishLine(tokens: IToken[]): void {
    const first = tokens[0];
    if (!first) return;
    const type = first.tokenType;
    const structural =
      type === t.TableHeader ||
      type === t.ChainHeader ||
      type === t.Commit ||
      type === t.Counters ||
      type === t.Option ||
      type === t.Bang;
    if (
      !structural ||
      (!inTable && (type === t.Bang || (type === t.Counters && tokens[1]?.tokenType !== t.Option)))
    ) {
      plainLine(first);
      return;
    }
    groups = [];
    counters = undefined;
    lineKind = 'none';
    lineParser.input = tokens;
    lineParser.line();
    const error = lineParser.errors[0];
    if (error) {
      const at = error.token.tokenType.name === 'EOF' ? (tokens.at(-1) as IToken) : error.token;
      if (type === t.Commit) {
        // "COMMIT" with something behind it commits all the same for us; restore refuses the line.
        if (!lineIs('done')) sink.commit();
        unreadable(
          first,
          "Bad argument `COMMIT': the rest of this line is left out",
          'COMMIT stands alone on its line',
        );
        return;
      }
      if (lineIs('done')) return;
      if (!inTable) {
        builder.other('foreign', line.start);
        return;
      }
      builder.other('broken', line.start);
      unreadable(at, 'This line cannot be read and is left out', expectation(tokens, at));
      return;
    }
    if (structural && type !== t.Option) survey.column(line.start, type === t.Bang || type === t.Counters);
    if (lineIs('rule')) {
      builder.beginRule(line.start, counters);
      for (const text of groups) builder.group(text);
      if (counters !== undefined && !/^\[[ \t]*(?:\d+[ \t]*)?:[ \t]*(?:\d+[ \t]*)?\]$/.test(counters)) {
        say({
          id: 'bad-counters',
          severity: 'error',
          message: `Counters are [packets:bytes], not ${counters}: ignored`,
          span: spanOf(first),
        });
      }
    }
  }

  function expectation(tokens: readonly IToken[], at: IToken): string {
    if (at.tokenType === t.Quoted || at.tokenType === t.Word) return 'expected an option (-A CHAIN …) here';
    if (tokens.some((x) => x.tokenType === t.Bang)) return "expected an option after '!'";
    return 'expected a rule (-A CHAIN …), a chain (:NAME POLICY), a table (*NAME), COMMIT or a comment (#)';
  }

  function unreadable(at: IToken, message: string, hint: string): void {
    say({ id: 'unreadable-line', severity: 'error', message, span: spanOf(at), hint });
  }

  function plainLine(first: IToken): void {
    const text = source.slice(line.start, line.end);
    if (looksLikeShellCommand(text) && shellLine(text)) return;
    if (!inTable) {
      survey.foreign(line.start, text);
      builder.other('foreign', line.start);
    } else if (text.trim() === first.image && didYouMean(first.image, ['COMMIT']) !== undefined) {
      sink.commit();
      const hint = first.image.toUpperCase() === 'COMMIT' ? 'write it in upper case' : 'did you mean COMMIT?';
      unreadable(first, `Bad argument \`${first.image}': read as COMMIT`, hint);
    } else builder.other('loose', line.start);
  }

  /** `iptables -A INPUT …; iptables …`. False: it changes no rule. */
  function shellLine(text: string): boolean {
    let command = readShellCommand(text, line.start);
    if (!command) return false;
    survey.command(line, text, inTable);
    for (let from = 0; command; ) {
      builder.beginCommand(line.start + from, line.end, command.program);
      for (const group of groupTexts(command.words)) builder.group(group);
      from += command.end;
      command = command.end > 0 ? readShellCommand(text.slice(from), line.start + from) : undefined;
    }
    return true;
  }

  return {
    readLines(lines, command = false) {
      const firstLine = lines[0] as Line;
      if (command) {
        line = firstLine;
        base = line.start;
        const text = source.slice(line.start, line.end);
        if (shellLine(text)) return;
        survey.foreign(line.start, text);
        builder.other(inTable ? 'loose' : 'foreign', line.start);
        return;
      }
      base = firstLine.start;
      piece = source.slice(base, (lines.at(-1) as Line).end);
      let current: IToken[] = [];
      let index = 0;
      const end = (): void => {
        line = lines[index++] ?? (lines.at(-1) as Line);
        if (inTable || current[0]?.tokenType === t.TableHeader) survey.lineEnd(line);
        finishLine(current);
        current = [];
      };
      for (const token of t.lexer.tokenize(piece).tokens) {
        if (token.tokenType === t.Newline) end();
        else current.push(token);
      }
      end();
    },
    emptyLine(start, end) {
      if (inTable && end > start) survey.emptyLine(start, end);
    },
    commentLine(start, hash) {
      if (inTable && /^# Generated by ip6?tables/.test(source.slice(hash, hash + 40))) missingCommit(hash);
      if (inTable && hash > start) survey.column(hash, false);
      builder.other('comment', hash);
    },
    longLine({ start, end }) {
      builder.other(inTable ? 'broken' : 'foreign', start);
      if (!inTable) return;
      say({
        id: 'line-too-long',
        severity: 'error',
        message: `This line has ${end - start} characters and is left out; iptables-restore reads 10,240 of a line`,
        span: { start, end: start + 80 },
      });
    },
    finish() {
      if (inTable) missingCommit(source.length);
      survey.finish();
      lineParser.sink = undefined;
      lineParser.input = [];
      return diagnostics;
    },
  };
}

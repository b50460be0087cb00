/** Reads iptables-save text, and what people make of it, into a tree. Never throws for any input. */

import type { IToken } from 'chevrotain';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { LineParser, type LineSink } from './line-parser.ts';
import { type SyntaxTree, treeBuilder } from './syntax-tree.ts';
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
  '-A -I -D -R -N -X -P -F -Z -E -L -S -C -t --append --insert --delete --replace --new-chain --new --delete-chain --policy --flush --zero --rename-chain --list --list-rules --check --table'.split(
    ' ',
  ),
);

const LINE_FEED = 10;

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

interface Line {
  start: number;
  end: number;
}

let parser: LineParser | undefined;

function expectation(tokens: readonly IToken[], at: IToken | undefined): string {
  const t = getTokens();
  if (at?.tokenType === t.Quoted || at?.tokenType === t.Word) {
    return 'expected an option (-A CHAIN …) here';
  }
  if (tokens[0]?.tokenType === t.Bang || tokens.some((x) => x.tokenType === t.Bang)) {
    return "expected an option after '!'";
  }
  return 'expected a rule (-A CHAIN …), a chain (:NAME POLICY), a table (*NAME), COMMIT or a comment (#)';
}

/**
 * Parses one stream. Lines that are not iptables text become `foreign` nodes where they stand outside of a table
 * (other commands' output, shell prompts), `broken` ones inside of it, each with its diagnostic.
 *
 * Time is linear in the input; memory is the source, the different option texts, and about 20 bytes for each rule
 * and 4 for each of its options.
 */
export function parse(source: string): Parsed {
  const diagnostics: Diagnostic[] = [];
  const builder = treeBuilder(source);
  const t = getTokens();
  let inTable = false;
  let tableOffset = 0;
  let tableName = '';

  // ------------------------------------------------------------------ one line's result, filled by the parser
  let base = 0;
  let line: Line = { start: 0, end: 0 };
  let piece = '';
  let groupTexts: string[] = [];
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
        diagnostics.push(
          diagnostic({
            code: 'FW901',
            id: 'missing-policy',
            severity: 'warning',
            message: `Chain "${name}" is declared without a policy: read as "-"`,
            span: { start: line.start, end: line.end },
            hint: 'write :NAME ACCEPT [0:0] for a built-in chain, :NAME - [0:0] for another',
          }),
        );
      }
      if (extra) {
        diagnostics.push(
          diagnostic({
            code: 'FW901',
            id: 'extra-words',
            severity: 'warning',
            message: `"${extra.image}" is not expected after a chain's policy and counters: ignored`,
            span: { start: base + extra.startOffset, end: base + extra.startOffset + extra.image.length },
          }),
        );
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
        if (!inTable && !commands.has(first)) {
          lineKind = 'done';
          builder.other('foreign', line.start);
        } else lineKind = 'rule';
      }
      if (lineKind === 'rule') groupTexts.push(piece.slice(start, end));
    },
    openQuote(start, end) {
      diagnostics.push(
        diagnostic({
          code: 'FW901',
          id: 'unclosed-quote',
          severity: 'error',
          message: 'This quote is not closed: read as if it ended with the line',
          span: { start: base + start, end: base + end },
          hint: 'iptables-restore would lose this word; close it with "',
        }),
      );
    },
  };
  parser ??= new LineParser(sink, { validate: false });
  const lineParser = parser;
  lineParser.sink = sink;

  function missingCommit(at: number): void {
    diagnostics.push(
      diagnostic({
        code: 'FW908',
        id: 'missing-commit',
        severity: 'warning',
        message: `Table "${tableName}" has no COMMIT: read as if it stood here`,
        span: { start: at, end: Math.min(at + 1, source.length) },
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
    groupTexts = [];
    counters = undefined;
    lineKind = 'none';
    lineParser.input = tokens;
    lineParser.line();
    const error = lineParser.errors[0];
    if (error) {
      const at = error.token.tokenType.name === 'EOF' ? tokens.at(-1) : error.token;
      if (type === t.Commit) {
        // "COMMIT" with something behind it commits all the same for us; restore refuses the line.
        if (!lineIs('done')) sink.commit();
        pushBroken(at, 'COMMIT stands alone on its line: the rest is ignored', '');
        return;
      }
      if (lineIs('done')) return;
      builder.other('broken', line.start);
      pushBroken(at, 'This line cannot be read and is left out', expectation(tokens, at));
      return;
    }
    if (lineIs('rule')) {
      builder.beginRule(line.start, counters);
      for (const text of groupTexts) builder.group(text);
    }
  }

  function pushBroken(at: IToken | undefined, message: string, hint: string): void {
    const span = at
      ? { start: base + at.startOffset, end: base + at.startOffset + at.image.length }
      : { start: line.start, end: line.end };
    diagnostics.push(
      diagnostic({
        code: 'FW901',
        id: 'unreadable-line',
        severity: 'error',
        message,
        span,
        ...(hint === '' ? {} : { hint }),
      }),
    );
  }

  function plainLine(first: IToken | undefined): void {
    if (!inTable) {
      builder.other('foreign', line.start);
      return;
    }
    builder.other('broken', line.start);
    pushBroken(
      first,
      'This line cannot be read and is left out',
      'expected a rule (-A CHAIN …), a chain (:NAME POLICY), COMMIT or a comment (#); was a line wrapped here?',
    );
  }

  // ------------------------------------------------------------------ pieces
  let pending: Line[] = [];
  function flush(): void {
    const firstLine = pending[0];
    const lastLine = pending.at(-1);
    if (!firstLine || !lastLine) return;
    base = firstLine.start;
    piece = source.slice(base, lastLine.end);
    const tokens = t.lexer.tokenize(piece).tokens;
    let current: IToken[] = [];
    let index = 0;
    for (const token of tokens) {
      if (token.tokenType === t.Newline) {
        line = pending[index++] as Line;
        finishLine(current);
        current = [];
      } else current.push(token);
    }
    line = pending[index] ?? lastLine;
    finishLine(current);
    pending = [];
  }

  let carriageReturns = 0;
  let trailingCommitBlank: Line | undefined;
  let position = 0;
  if (source.charCodeAt(0) === 0xfeff) position = 1;
  while (position < source.length) {
    const newline = source.indexOf('\n', position);
    const next = newline < 0 ? source.length : newline + 1;
    let end = newline < 0 ? source.length : newline;
    if (end > position && source.charCodeAt(end - 1) === 13) {
      end--;
      carriageReturns++;
    }
    let start = position;
    while (start < end && isBlank(source.charCodeAt(start))) start++;
    const code = start < end ? source.charCodeAt(start) : LINE_FEED;
    if (code === LINE_FEED) flush();
    else if (code === 0x23 /* # */) {
      flush();
      if (inTable && /^# Generated by ip6?tables/.test(source.slice(start, start + 40))) missingCommit(start);
      builder.other('comment', start);
    } else if (end - start > lineLengthMax) {
      flush();
      line = { start, end };
      builder.other(inTable ? 'broken' : 'foreign', start);
      if (inTable) {
        diagnostics.push(
          diagnostic({
            code: 'FW901',
            id: 'line-too-long',
            severity: 'error',
            message: `This line has ${end - start} characters and is left out; iptables-restore reads 10,240 of a line`,
            span: { start, end: start + 80 },
          }),
        );
      }
    } else {
      if (
        code === 0x43 /* C */ &&
        end - start > 6 &&
        /^COMMIT[ \t]+$/.test(source.slice(start, Math.min(end, start + 200)))
      ) {
        trailingCommitBlank ??= { start, end };
      }
      pending.push({ start, end });
      if (end - (pending[0] as Line).start >= pieceLength) flush();
    }
    position = next;
  }
  flush();
  if (inTable) missingCommit(source.length);
  if (carriageReturns > 0) {
    diagnostics.push(
      diagnostic({
        code: 'FW901',
        id: 'carriage-returns',
        severity: 'warning',
        message: `${carriageReturns} lines end in CR LF: read as LF, but iptables-restore would refuse them`,
        span: { start: 0, end: 0 },
        hint: 'strip them: sed -i "s/\\r$//"',
      }),
    );
  }
  if (trailingCommitBlank) {
    diagnostics.push(
      diagnostic({
        code: 'FW901',
        id: 'blank-after-commit',
        severity: 'warning',
        message:
          'A blank follows COMMIT: read as COMMIT, but iptables-restore 1.8.9 says "Bad argument `COMMIT\'"',
        span: trailingCommitBlank,
      }),
    );
  }
  return { tree: builder.finish(), diagnostics };
}

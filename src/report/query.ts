/** What `fwsim query` found out, for the terminal: packets by how they end, each with rule, share and proof. */

import type { Aspect, FamilyAnswer, QueryOptions, QueryResult, QueryRow, Way } from '../analysis/query.ts';
import type { RoadName } from '../analysis/road.ts';
import { ruleText } from '../link/rule-text.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { contextLines, labelled, rulesLines } from './machine-header.ts';
import { deciderLine, deciderPlace, describedLines, fateNames, shareText } from './set-words.ts';
import { shellCommand } from './shell-quote.ts';
import { traceCommand } from './witness-command.ts';

/** How much to say. */
export interface QueryDetail {
  /** Also packets of odd addresses, and rows that no packet shows. */
  readonly all: boolean;
  readonly verbose: boolean;
}

const aspectTitles: Readonly<Record<Aspect, string>> = {
  openers: 'Packets that open a connection',
  others: 'Other packets: replies, related ones, what conntrack cannot place',
  odd: 'Packets from or to groups, loopback, nobody',
};

/** Where packets begin. */
const roadWords: Readonly<Record<RoadName, string>> = {
  arrive: '(arriving)',
  local: '(sent by this machine itself)',
};

const wayWords: Readonly<Record<Way, string>> = {
  before: 'before routing',
  to: 'to this machine',
  through: 'through it',
  out: 'on the way out',
  routing: 'by routing',
};

/** Prints an answer; empty for a question without one. */
export function printQuery(
  result: QueryResult,
  question: Pick<QueryOptions, 'expression' | 'at'>,
  style: TerminalStyle,
  detail: QueryDetail,
): string {
  const { read } = result;
  if (!read) return '';
  const blocks = result.families.map((answer) => {
    const { ruleset } = answer;
    const subject = { read, ruleset, diagnostics: result.diagnostics };
    const words = question.expression.length === 0 ? 'all' : shellCommand(question.expression);
    const at =
      question.at === undefined || question.at === 'entry'
        ? ''
        : ` ${style.theme.faint(question.at === 'end' ? '(as they are in the end)' : `(as they are in ${question.at})`)}`;
    return [
      ...rulesLines(subject, style),
      ...contextLines(subject, style, () => detail.verbose),
      ...labelled('packets', `${style.theme.strong(escapeTerminal(words))}${at}`, style),
      ...answerLines(answer, result, style, detail),
    ].join('\n');
  });
  return blocks.length === 0 ? '' : `${blocks.join('\n\n')}\n`;
}

function answerLines(
  answer: FamilyAnswer,
  result: QueryResult,
  style: TerminalStyle,
  detail: QueryDetail,
): readonly string[] {
  if (answer.empty) return ['', 'No packet is like that.'];
  const lines: string[] = [];
  const hidden: string[] = [];
  for (const aspect of ['openers', 'others', 'odd'] as const) {
    const rows = answer.rows.filter((row) => row.aspect === aspect);
    if (rows.length === 0) continue;
    if (aspect === 'odd' && !detail.all) {
      hidden.push(`${rows.length} ${rows.length === 1 ? 'row' : 'rows'} about groups, loopback and nobody`);
      continue;
    }
    for (const road of ['arrive', 'local'] as const) {
      const ofRoad = rows.filter((row) => row.road === road);
      if (ofRoad.length === 0) continue;
      lines.push('', `${style.theme.strong(aspectTitles[aspect])} ${style.theme.faint(roadWords[road])}`);
      for (const row of ofRoad) for (const one of rowLines(row, answer, result, style)) lines.push(one);
    }
  }
  if (answer.rowsLeftOut > 0) hidden.push(`${answer.rowsLeftOut} rows of small share`);
  if (lines.length === 0) lines.push('', 'No packet ends so.');
  if (hidden.length > 0)
    lines.push('', ...wrap(style.theme.faint(`not shown: ${hidden.join(', ')} (--all)`), style));
  return lines;
}

function rowLines(
  row: QueryRow,
  { ruleset }: FamilyAnswer,
  { read }: QueryResult,
  style: TerminalStyle,
): readonly string[] {
  const { theme } = style;
  const fate = fateNames[row.fate];
  const line = row.by && deciderLine(row.by, ruleset.linked.ruleset);
  const by = row.by
    ? `by ${escapeTerminal(deciderPlace(row.by))}${line === undefined ? '' : theme.faint(` (line ${line})`)}`
    : row.fate === 'route-drop'
      ? ''
      : 'by no rule';
  const head = `${row.certain ? '' : 'perhaps '}${theme[fate.paint](fate.word)} ${wayWords[row.way]}, ${shareText(row.share)}${by === '' ? '' : `, ${by}`}`;
  const lines = [...wrap(head, style, { first: '  ', rest: '    ' })];
  if (row.by?.kind === 'rule')
    lines.push(
      ...wrap(theme.faint(escapeTerminal(ruleText(row.by.rule))), style, { first: '    ', rest: '      ' }),
    );
  for (const text of describedLines(row.packets, 'all of them'))
    lines.push(
      ...wrap(escapeTerminal(text), style, { first: `    ${/^ */.exec(text)?.[0] ?? ''}`, rest: '        ' }),
    );
  if (row.witness && read)
    lines.push(
      `    ${theme.command(traceCommand(row.witness, { texts: read.texts, assume: read.assumed }))}`,
    );
  else lines.push(theme.faint('    no single packet was found that shows it'));
  return lines;
}

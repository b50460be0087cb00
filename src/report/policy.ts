/** The answers to policies for the terminal: test by test, and for each that fails the packet that refutes it. */

import { createSources } from '../diagnostics/sources.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Coverage } from '../policy/coverage.ts';
import type { FamilyClaim, TestAnswer } from '../policy/run.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { replyLine } from './policy-reply.ts';
import {
  byRuleText,
  claimsToTell,
  claimText,
  familiesText,
  type PolicyReport,
  rulesetOf,
  tryIt,
  verdictText,
} from './policy-words.ts';
import { ruleBook } from './rule-book.ts';
import { describedLines, rulePlace } from './set-words.ts';
import { shellCommand } from './shell-quote.ts';
import { eventLines } from './trace-events.ts';

/** How much to say. */
export interface PolicyDetail {
  /** Only tests that did not pass. */
  readonly quiet: boolean;
  /** Rules of a coverage that are listed. */
  readonly all: boolean;
}

const marks = { passed: 'ok', allowed: 'ok', failed: 'FAIL', undecided: '????' } as const;
/** Rules that no test speaks about, listed without `--all`. */
const uncoveredMax = 20;

/** Prints all reports and the sum of them. */
export function printPolicy(
  reports: readonly PolicyReport[],
  style: TerminalStyle,
  detail: PolicyDetail,
): string {
  const blocks = reports.map((report) => reportLines(report, style, detail).join('\n'));
  const all = reports.flatMap((r) => r.run.tests);
  const count = (verdict: TestAnswer['verdict']): number => all.filter((t) => t.verdict === verdict).length;
  const parts = [
    `${count('passed') + count('allowed')} passed`,
    ...(count('allowed') > 0 ? [`${count('allowed')} of them depend on what is not known`] : []),
    ...(count('failed') > 0 ? [style.theme.error(`${count('failed')} failed`)] : []),
    ...(count('undecided') > 0 ? [style.theme.warning(`${count('undecided')} could not be decided`)] : []),
  ];
  blocks.push(`${all.length} ${all.length === 1 ? 'test' : 'tests'}: ${parts.join(', ')}`);
  return `${blocks.join('\n\n')}\n`;
}

function reportLines(report: PolicyReport, style: TerminalStyle, detail: PolicyDetail): readonly string[] {
  const { theme } = style;
  const { run, policy, texts } = report;
  const families = run.rulesets.map((r) => (r.linked.ruleset.family === 'ipv4' ? 'IPv4' : 'IPv6'));
  const lines = [
    `${theme.strong(escapeTerminal(policy.name))} on ${escapeTerminal(texts[0]?.name ?? '')} ${theme.faint(`(${families.join(', ')})`)}`,
  ];
  const width = Math.max(...Object.values(marks).map((m) => m.length));
  for (const answer of run.tests) {
    const { test, verdict } = answer;
    if (detail.quiet && verdict === 'passed') continue;
    const paint =
      verdict === 'failed' ? theme.error : verdict === 'undecided' ? theme.warning : theme.verdictAccept;
    const both = families.length > 1 ? theme.faint(` (${familiesText(answer)})`) : '';
    lines.push(`  ${paint(marks[verdict].padEnd(width))}  ${escapeTerminal(test.name)}${both}`);
    const told = claimsToTell(answer);
    if (told.length === 0) continue;
    const place = createSources([policy]).place(test.span ?? { start: 0, end: 0 });
    if (place && verdict !== 'allowed')
      lines.push(`        ${theme.faint(escapeTerminal(`${policy.name}:${place.line}:${place.column}`))}`);
    for (const claim of told) lines.push(...claimLines(report, answer, claim, style));
  }
  for (const coverage of run.coverage) lines.push('', ...coverageLines(coverage, style, detail.all));
  return lines;
}

/** What became of the claims of one test that did not pass: each with its packet and its way. */
export function printClaims(report: PolicyReport, answer: TestAnswer, style: TerminalStyle): string {
  return claimsToTell(answer)
    .map((claim) => claimLines(report, answer, claim, style).join('\n'))
    .join('\n');
}

function claimLines(
  report: PolicyReport,
  { test, verdict }: TestAnswer,
  claim: FamilyClaim,
  style: TerminalStyle,
): readonly string[] {
  const { theme } = style;
  const lines: string[] = [];
  const say = (label: string, text: string): void => {
    lines.push(
      ...wrap(text, style, { first: `        ${theme.faint(label.padEnd(9))} `, rest: ' '.repeat(18) }),
    );
  };
  say('claimed', escapeTerminal(claimText(test, claim)));
  say('but', escapeTerminal(verdictText(test, claim, report.run)));
  if (verdict === 'allowed') return lines;
  const rule = claim.by && byRuleText(claim.by);
  if (rule !== undefined) say('rule', escapeTerminal(rule));
  if (claim.dependsOn && claim.dependsOn.length > 0)
    say('unknown', escapeTerminal(claim.dependsOn.slice(0, 6).join(', ')));
  if (claim.packets)
    for (const [index, text] of describedLines(claim.packets, 'all of them').entries())
      say(index === 0 ? 'packets' : '', escapeTerminal(text));
  const shown = claim.witness ?? claim.difference?.witness;
  if (shown) say('one', escapeTerminal(shellCommand(shown.packet)));
  const ruleset = rulesetOf(report.run, claim);
  const trace = claim.witness?.trace ?? claim.difference?.witness?.new;
  if (trace && ruleset)
    for (const { text } of eventLines(trace, {
      style,
      book: ruleBook(ruleset.linked.ruleset),
      all: false,
      logOnly: new Set(),
      forked: new Set(),
      localSource: () => undefined,
      listener: () => undefined,
      next: () => undefined,
    }))
      lines.push(`          ${text}`);
  if (claim.reply) say('reply', replyLine(claim.reply.trace, ruleset, style));
  const command = tryIt(report, claim);
  if (command !== undefined)
    lines.push(`        ${theme.faint('try it'.padEnd(9))} ${theme.command(command)}`);
  return lines;
}

function coverageLines(
  { ruleset, ruleCount, uncovered }: Coverage,
  style: TerminalStyle,
  all: boolean,
): readonly string[] {
  const { theme } = style;
  const covered = ruleCount - uncovered.length;
  const lines = [
    `${theme.strong('coverage')} ${covered} of ${ruleCount} rules of ${escapeTerminal(ruleset.source.name)} are spoken about`,
  ];
  const shown = all ? uncovered : uncovered.slice(0, uncoveredMax);
  for (const { rule, dead } of shown)
    lines.push(
      ...wrap(
        `${theme.faint(`line ${rule.line}`.padEnd(9))} ${escapeTerminal(rulePlace(rule))}  ${escapeTerminal(ruleText(rule))}${dead ? theme.faint('  (no packet comes to it)') : ''}`,
        style,
        { first: '  ', rest: '      ' },
      ),
    );
  if (shown.length < uncovered.length)
    lines.push(`  ${theme.faint(`and ${uncovered.length - shown.length} more (--all)`)}`);
  return lines;
}

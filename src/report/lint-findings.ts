/** Findings for the terminal: the road of the packet in few lines, and how to see for oneself. */

import { createSources, type Place, type Sources } from '../diagnostics/sources.ts';
import type { DecidedBy, ExplainedFinding, Finding, Inference, Witness } from '../lint/finding.ts';
import { settlingText } from '../lint/settling.ts';
import { placeName, severityWord, type TerminalStyle } from './diagnostics.ts';
import { escapeTerminal, terminalWidth } from './escape-terminal.ts';
import { rulesetPlace } from './finding-place.ts';
import { wrap } from './layout.ts';
import { type MachineReport, severities } from './machine-report.ts';
import { shellCommand } from './shell-quote.ts';
import { sourceLine } from './source-line.ts';
import { traceCommand } from './witness-command.ts';

/** How much is said. */
export interface LintDetail {
  /** Also the repeats of a finding. */
  readonly all: boolean;
  /** Also what was inferred, and what each finding rests on. */
  readonly verbose: boolean;
  /** Also how to mend each finding. */
  readonly fixes?: boolean;
}

/** How many findings of the same cause are named. */
const explainedMax = 3;
/** How many further places of a group are named. */
const repeatsNamedMax = 6;
/** The tag at the right end of the head does not follow a very wide terminal. */
const headColumnsMax = 80;
const labelColumns = 8;
const sourceIndent = '    ';

const confidenceTags = { proved: 'proved', context: 'with context', inferred: 'inferred' } as const;

/** All machines of a run, the gravest findings of each first, and what it comes to. */
export function printLintPretty(
  reports: readonly MachineReport[],
  style: TerminalStyle,
  detail: LintDetail,
): string {
  const blocks = reports.flatMap((report) => machineBlocks(report, style, detail));
  return `${blocks.join('\n')}`;
}

function machineBlocks(report: MachineReport, style: TerminalStyle, detail: LintDetail): readonly string[] {
  if (report.couldNotLook !== undefined) return [];
  const sources = createSources([...report.texts, ...report.otherTexts]);
  const blocks: string[] = [];
  for (const severity of severities) {
    const ofSeverity = report.findings.filter((finding) => finding.severity === severity);
    for (const group of groupsOf(ofSeverity, detail)) {
      const [first, ...others] = group;
      if (first) blocks.push(findingBlock(first, others, report, sources, style, detail));
    }
  }
  return [...blocks, footer(report, style, detail)];
}

function groupsOf(findings: readonly Finding[], detail: LintDetail): readonly (readonly Finding[])[] {
  if (detail.all) return findings.map((finding) => [finding]);
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.code} ${finding.group}`;
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  return [...groups.values()];
}

function findingBlock(
  finding: Finding,
  others: readonly Finding[],
  report: MachineReport,
  sources: Sources,
  style: TerminalStyle,
  detail: LintDetail,
): string {
  const { theme } = style;
  const { story, witness } = finding;
  const place = finding.span && sources.place(finding.span);
  const lines = [head(finding, style)];
  lines.push(...wrap(escapeTerminal(finding.message), style, { first: '  ' }));
  if (place) lines.push(...sourceBlock(finding, place, style));
  const say = (label: string, text: string): void => {
    lines.push(...labelled(label, escapeTerminal(text), style));
  };
  if (story.what !== undefined) say('what', story.what);
  if (story.why !== undefined) say('why', story.why);
  // A finding about the very rule that lets it happen has named it already.
  const elsewhere = (by: DecidedBy): boolean => by.kind !== 'rule' || by.id !== finding.place.ruleId;
  for (const by of (story.openedBy ?? []).filter(elsewhere))
    lines.push(...labelled('by', byText(by, finding, report, style), style));
  for (const related of finding.related) {
    const there = sources.place(related.span);
    // The rule that decided is told already.
    if (story.openedBy?.some((by) => by.kind === 'rule' && by.line === there?.line)) continue;
    const where = there ? `${placeName(there, theme)}  ` : '';
    lines.push(...labelled('see', `${where}${escapeTerminal(related.message)}`, style));
  }
  if (witness) lines.push(...tryIt(witness, report, style));
  for (const text of story.help ?? []) say('help', text);
  if (detail.fixes) lines.push(...fixLines(finding, style));
  if (finding.inferences.length > 0) {
    if (detail.verbose) for (const inference of finding.inferences) say('guess', inferenceText(inference));
    else say('guess', finding.inferences.map(({ text }) => text).join('; '));
  }
  if (finding.explains) lines.push(...explained(finding.explains, sources, style, detail));
  if (detail.verbose) say('name', finding.fingerprint);
  if (others.length > 0) lines.push(...repeats(others, sources, style));
  return `${lines.join('\n')}\n`;
}

function head(finding: Finding, style: TerminalStyle): string {
  const { theme } = style;
  const name = finding.id === finding.name ? finding.name : `${finding.name} (${finding.id})`;
  const tag = finding.code.startsWith('FW9') ? '' : `[${confidenceTags[finding.confidence]}]`;
  const plain = `${finding.severity} ${finding.code} ${name}`;
  const painted = `${severityWord(finding.severity, theme)} ${theme.strong(`${finding.code} ${name}`)}`;
  if (tag === '') return painted;
  const columns = Math.min(style.columns, headColumnsMax);
  const gap = Math.max(2, columns - terminalWidth(plain) - terminalWidth(tag));
  return `${painted}${' '.repeat(gap)}${theme.faint(tag)}`;
}

function sourceBlock(finding: Finding, place: Place, style: TerminalStyle): readonly string[] {
  const { theme } = style;
  const where = escapeTerminal(rulesetPlace(finding));
  const lines = [`  ${placeName(place, theme)}${where === '' ? '' : `  ${where}`}`];
  const line = sourceLine(place.text, place.start, place.end, style.columns - sourceIndent.length);
  const blanks = line.underline.length - line.underline.trimStart().length;
  const carets = line.underline.slice(blanks);
  const caption = finding.caption === undefined ? '' : escapeTerminal(finding.caption);
  lines.push(`${sourceIndent}${line.text}`);
  const free = style.columns - sourceIndent.length - line.underline.length;
  const captionWidth = terminalWidth(caption);
  if (caption === '' || free > captionWidth) {
    const behind = caption === '' ? '' : ` ${theme.caret(caption)}`;
    lines.push(`${sourceIndent}${' '.repeat(blanks)}${theme.caret(carets)}${behind}`);
  } else if (blanks > captionWidth) {
    // No room behind the underline: in front of it.
    const before = ' '.repeat(blanks - captionWidth - 1);
    lines.push(`${sourceIndent}${before}${theme.caret(caption)} ${theme.caret(carets)}`);
  } else {
    lines.push(`${sourceIndent}${' '.repeat(blanks)}${theme.caret(carets)}`);
  }
  return lines;
}

function labelled(label: string, text: string, style: TerminalStyle): readonly string[] {
  const first = `  ${style.theme.faint(label)}${' '.repeat(Math.max(1, labelColumns - label.length))}`;
  return wrap(text, style, { first, rest: ' '.repeat(labelColumns + 2) });
}

/** A rule or policy with its place and its text, cut to the line. */
function byText(by: DecidedBy, finding: Finding, report: MachineReport, style: TerminalStyle): string {
  const { theme } = style;
  for (const { file, family, policies } of report.rulesets) {
    if (finding.family !== undefined && family !== finding.family) continue;
    if (by.kind === 'policy') {
      const found = policies.find((p) => p.table === by.table && p.chain === by.chain);
      if (!found) continue;
      const where = found.line > 0 ? `${theme.faint(`${escapeTerminal(file)}:${found.line}`)}  ` : '';
      return `${where}policy ${found.policy} of ${escapeTerminal(`${by.table} ${by.chain}`)}`;
    }
    const text = lineText(report, file, by.line);
    if (text === undefined) continue;
    const where = `${escapeTerminal(file)}:${by.line}`;
    const room = style.columns - labelColumns - 4 - terminalWidth(where);
    return `${theme.faint(where)}  ${sourceLine(text, 0, 0, Math.max(room, 24)).text}`;
  }
  return escapeTerminal(`${by.table} ${by.chain}`);
}

/** A line of a text, 1-based, without blanks around it. */
function lineText(report: MachineReport, file: string, line: number): string | undefined {
  const text = report.texts.find(({ name }) => name === file)?.text ?? '';
  let start = 0;
  for (let at = 1; at < line; at++) {
    start = text.indexOf('\n', start) + 1;
    if (start === 0) return undefined;
  }
  const end = text.indexOf('\n', start);
  return line < 1 ? undefined : text.slice(start, end < 0 ? undefined : end).trim();
}

function tryIt(witness: Witness, report: MachineReport, style: TerminalStyle): readonly string[] {
  // A command stays on one line, however long, so that it can be copied whole.
  const label = `  ${style.theme.faint('try it')}${' '.repeat(labelColumns - 'try it'.length)}`;
  return [`${label}${style.theme.command(traceCommand(witness, report))}`];
}

const fixKinds = {
  safe: 'treats every packet alike: --fix proves it',
  unsafe: 'changes what becomes of packets: --unsafe-fixes tells which',
  suggestion: 'one way of several',
} as const;

/** Commands of one fix that are printed: of lists of addresses, everybody knows how they go on. */
const commandsMax = 30;

/** Each way to mend it, with the commands on lines of their own, so that they can be copied whole. */
function fixLines(finding: Finding, style: TerminalStyle): readonly string[] {
  return (finding.fixes ?? []).flatMap(({ title, applicability, edits, commands }) => {
    const byHand = edits.length === 0 && applicability !== 'suggestion' ? '; by hand in this text' : '';
    const lines = labelled(
      'fix',
      `${escapeTerminal(title)} ${style.theme.faint(`(${fixKinds[applicability]}${byHand})`)}`,
      style,
    );
    const more = commands.length - commandsMax;
    return [
      ...lines,
      ...commands
        .slice(0, commandsMax)
        .map((words) => `${' '.repeat(labelColumns + 4)}${style.theme.command(shellCommand(words))}`),
      ...(more > 0 ? [`${' '.repeat(labelColumns + 4)}${style.theme.faint(`and ${more} more`)}`] : []),
    ];
  });
}

/** What has the same cause: it will go away with this. */
function explained(
  all: readonly ExplainedFinding[],
  sources: Sources,
  style: TerminalStyle,
  detail: LintDetail,
): readonly string[] {
  const shown = detail.all ? all : all.slice(0, explainedMax);
  const lines = shown.flatMap(({ code, message, span }) => {
    const there = span && sources.place(span);
    const where = there ? `${placeName(there, style.theme)}  ` : '';
    return labelled('also', `${where}${code}: ${escapeTerminal(message)}`, style);
  });
  const rest = all.length - shown.length;
  if (rest > 0) lines.push(...labelled('also', `${rest} more of the same cause (--all shows them)`, style));
  return lines;
}

function inferenceText({ text, settledBy }: Inference): string {
  return settledBy === undefined ? text : `${text}; "${settledBy}" would tell`;
}

function repeats(others: readonly Finding[], sources: Sources, style: TerminalStyle): readonly string[] {
  const named = others.slice(0, repeatsNamedMax).map((finding) => {
    const place = finding.span && sources.place(finding.span);
    const where = rulesetPlace(finding);
    if (where !== '') return escapeTerminal(where);
    return place ? `line ${place.line}` : '';
  });
  const rest = others.length > named.length ? ', …' : '';
  const text = `and ${others.length} more like this: ${named.join(', ')}${rest} (--all shows ${others.length === 1 ? 'it' : 'them'})`;
  return wrap(style.theme.faint(text), style, { first: '  ', rest: '  ' });
}

function countText(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function footer(report: MachineReport, style: TerminalStyle, detail: LintDetail): string {
  const { theme } = style;
  const { findings, rulesets, hostName: host } = report;
  const name = escapeTerminal(report.texts[0]?.name ?? 'the input');
  const rules = rulesets.reduce((sum, { ruleCount }) => sum + ruleCount, 0);
  const families = [
    ...new Set(
      rulesets.map(({ familyUndecided, family }) =>
        familyUndecided ? 'IPv4 or IPv6' : family === 'ipv4' ? 'IPv4' : 'IPv6',
      ),
    ),
  ].join(' and ');
  const about = `${name}${host === undefined ? '' : ` of ${escapeTerminal(host)}`}: ${countText(rules, 'rule')}, ${families}, ${report.profile.value}`;
  const counts = severities
    .map((severity) => [severity, findings.filter((f) => f.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) =>
      theme[severity](severity === 'info' ? `${count} info` : countText(count, severity)),
    );
  const hidden = report.suppressed.length + report.tooUnsure > 0;
  const outcome =
    counts.length > 0
      ? counts.join(', ')
      : report.unfinished !== undefined
        ? 'nothing found before a limit was reached'
        : theme.verdictAccept(
            `${countText(report.checked.length, 'check')} found nothing${hidden ? ' else' : ''}`,
          );
  const lines = [...wrap(`${about}; ${outcome}`, style, { rest: '  ' })];
  lines.push(...hiddenText(report, style), ...context(report, style, detail));
  const [worst] = severities.flatMap((severity) => findings.filter((f) => f.severity === severity));
  if (worst) lines.push(...wrap(theme.faint(`fwsim explain ${worst.code} tells more`), style));
  return `${lines.join('\n')}\n`;
}

/** What was found and is not told, and why. */
function hiddenText({ suppressed, tooUnsure }: MachineReport, style: TerminalStyle): readonly string[] {
  const before = suppressed.filter(({ by }) => by.kind === 'baseline').length;
  const parts = [
    [suppressed.length - before, 'suppressed'],
    [before, 'in the baseline'],
    [tooUnsure, 'less sure than --min-confidence'],
  ] as const;
  const words = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return words.length === 0 ? [] : wrap(style.theme.faint(`not told: ${words.join(', ')}`), style);
}

/** What more input would buy, and with --verbose what was inferred. */
function context(report: MachineReport, style: TerminalStyle, detail: LintDetail): readonly string[] {
  const { theme } = style;
  // FW905 says the same, where it is not turned off.
  const told = report.findings.some((f) => f.code === 'FW905');
  const inferred = told ? [] : report.findings.filter((f) => f.confidence === 'inferred');
  const lines: string[] = [];
  if (inferred.length > 0) {
    const them = inferred.length === 1 ? '1 finding is inferred' : `${inferred.length} findings are inferred`;
    const settling = settlingText(inferred);
    lines.push(...wrap(settling === undefined ? them : `${them}; ${settling}`, style));
  }
  if (detail.verbose) {
    const given = report.facts.filter(({ provenance }) => provenance === 'given').map(({ source }) => source);
    const text =
      given.length === 0 ? 'no context was given' : `context given: ${[...new Set(given)].join(', ')}`;
    const profile = `${report.profile.value}: ${report.profile.source}`;
    lines.push(...wrap(theme.faint(escapeTerminal(text)), style));
    lines.push(...wrap(theme.faint(escapeTerminal(profile)), style, { rest: '  ' }));
    lines.push(...wrap(theme.faint(`checks: ${report.checked.join(' ')}`), style, { rest: '  ' }));
  }
  return lines;
}

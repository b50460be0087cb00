/** Findings for the terminal: the road of the packet in few lines, and how to see for oneself. */

import type { Severity } from '../diagnostics/diagnostic.ts';
import { createSources, type Place, type Sources } from '../diagnostics/sources.ts';
import type { DecidedBy, Finding, Inference, Witness } from '../lint/finding.ts';
import type { LintResult } from '../lint/lint.ts';
import { placeName, severityWord, type TerminalStyle } from './diagnostics.ts';
import { escapeTerminal, terminalWidth } from './escape-terminal.ts';
import { wrap } from './layout.ts';
import { shellCommand } from './shell-quote.ts';
import { sourceLine } from './source-line.ts';

/** How much is said. */
export interface LintDetail {
  /** Also the repeats of a finding. */
  readonly all: boolean;
  /** Also what was inferred, and what each finding rests on. */
  readonly verbose: boolean;
}

/** How many further places of a group are named. */
const repeatsNamedMax = 6;
/** The tag at the right end of the head does not follow a very wide terminal. */
const headColumnsMax = 80;
const labelColumns = 8;
const sourceIndent = '    ';

const severities: readonly Severity[] = ['error', 'warning', 'info'];

const confidenceTags = { proved: 'proved', context: 'with context', inferred: 'inferred' } as const;

/** All machines of a run, the gravest findings of each first, and what it comes to. */
export function printLintPretty(
  results: readonly LintResult[],
  style: TerminalStyle,
  detail: LintDetail,
): string {
  const blocks = results.flatMap((result) => machineBlocks(result, style, detail));
  return `${blocks.join('\n')}`;
}

function machineBlocks(result: LintResult, style: TerminalStyle, detail: LintDetail): readonly string[] {
  if (result.couldNotLook !== undefined) return [];
  const sources = createSources(result.read.texts);
  const blocks: string[] = [];
  for (const severity of severities) {
    const ofSeverity = result.findings.filter((finding) => finding.severity === severity);
    for (const group of groupsOf(ofSeverity, detail)) {
      const [first, ...others] = group;
      if (first) blocks.push(findingBlock(first, others, result, sources, style, detail));
    }
  }
  return [...blocks, footer(result, style, detail)];
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
  result: LintResult,
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
  for (const by of story.openedBy ?? [])
    lines.push(...labelled('by', byText(by, finding, result, style), style));
  for (const related of finding.related) {
    const there = sources.place(related.span);
    // The rule that decided is told already.
    if (story.openedBy?.some((by) => by.kind === 'rule' && by.line === there?.line)) continue;
    const where = there ? `${placeName(there, theme)}  ` : '';
    lines.push(...labelled('see', `${where}${escapeTerminal(related.message)}`, style));
  }
  if (witness) lines.push(...tryIt(witness, result, style));
  for (const text of story.help ?? []) say('help', text);
  if (finding.inferences.length > 0) {
    if (detail.verbose) for (const inference of finding.inferences) say('guess', inferenceText(inference));
    else say('guess', finding.inferences.map(({ text }) => text).join('; '));
  }
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

/** Where in the ruleset, in words: `filter INPUT #4`. */
function rulesetPlace({ place, family }: Finding): string {
  const { table, chain, ruleNumber } = place;
  if (table === undefined) return '';
  const v6 = family === 'ipv6' ? 'ip6tables ' : '';
  const parts = [`${v6}${table}`, ...(chain === undefined ? [] : [chain])];
  return `${parts.join(' ')}${ruleNumber === undefined ? '' : ` #${ruleNumber}`}`;
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
function byText(by: DecidedBy, finding: Finding, result: LintResult, style: TerminalStyle): string {
  const { theme } = style;
  for (const { linked, source } of result.read.rulesets) {
    if (finding.family !== undefined && linked.ruleset.family !== finding.family) continue;
    const table = linked.ruleset.tables.find((t) => t.name === by.table);
    const chain = table?.chains.find((c) => c.name === by.chain);
    if (!chain) continue;
    if (by.kind === 'policy') {
      const where = chain.line > 0 ? `${theme.faint(`${escapeTerminal(source.name)}:${chain.line}`)}  ` : '';
      return `${where}policy ${chain.policy ?? 'ACCEPT'} of ${escapeTerminal(`${by.table} ${by.chain}`)}`;
    }
    const rule = chain.rules.find((r) => r.id === by.id);
    if (!rule) continue;
    const where = `${escapeTerminal(source.name)}:${rule.line}`;
    const newline = source.text.indexOf('\n', rule.offset);
    const text = source.text.slice(rule.offset, newline < 0 ? undefined : newline).trimEnd();
    const room = style.columns - labelColumns - 4 - terminalWidth(where);
    return `${theme.faint(where)}  ${sourceLine(text, 0, 0, Math.max(room, 24)).text}`;
  }
  return escapeTerminal(`${by.table} ${by.chain}`);
}

/** The command that walks the witness again, ready to be pasted. */
function traceCommand(witness: Witness, result: LintResult): string {
  const [own, ...others] = result.read.texts;
  const piped = own === undefined || own.name === '<stdin>';
  const words = ['fwsim', 'trace', ...(piped ? [] : [own.name])];
  for (const other of others) words.push('--with', other.name);
  if (witness.local) words.push('--local');
  for (const assumption of witness.assume) words.push('--assume', assumption);
  words.push('--', ...witness.packet);
  return `${piped ? 'sudo iptables-save | ' : ''}${shellCommand(words)}`;
}

function tryIt(witness: Witness, result: LintResult, style: TerminalStyle): readonly string[] {
  // A command stays on one line, however long, so that it can be copied whole.
  const label = `  ${style.theme.faint('try it')}${' '.repeat(labelColumns - 'try it'.length)}`;
  return [`${label}${style.theme.command(traceCommand(witness, result))}`];
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

function footer(result: LintResult, style: TerminalStyle, detail: LintDetail): string {
  const { theme } = style;
  const { read, findings } = result;
  const name = escapeTerminal(read.texts[0]?.name ?? 'the input');
  const rules = read.rulesets.reduce(
    (sum, { linked }) =>
      sum + linked.ruleset.tables.reduce((s, t) => s + t.chains.reduce((n, c) => n + c.rules.length, 0), 0),
    0,
  );
  const families = [
    ...new Set(
      read.rulesets.map(({ linked }) =>
        linked.familyUndecided ? 'IPv4 or IPv6' : linked.ruleset.family === 'ipv4' ? 'IPv4' : 'IPv6',
      ),
    ),
  ].join(' and ');
  const host = read.machine.hostName.value;
  const about = `${name}${host === undefined ? '' : ` of ${escapeTerminal(host)}`}: ${countText(rules, 'rule')}, ${families}`;
  const counts = severities
    .map((severity) => [severity, findings.filter((f) => f.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) =>
      theme[severity](severity === 'info' ? `${count} info` : countText(count, severity)),
    );
  const lines: string[] = [];
  if (counts.length === 0) {
    lines.push(
      `${about}; ${theme.verdictAccept(`${countText(result.checked.length, 'check')} found nothing`)}`,
    );
  } else {
    lines.push(`${about}; ${counts.join(', ')}`);
  }
  lines.push(...context(result, style, detail));
  const [worst] = severities.flatMap((severity) => findings.filter((f) => f.severity === severity));
  if (worst) lines.push(...wrap(theme.faint(`fwsim explain ${worst.code} tells more`), style));
  return `${lines.join('\n')}\n`;
}

/** What more input would buy, and with --verbose what was inferred. */
function context(result: LintResult, style: TerminalStyle, detail: LintDetail): readonly string[] {
  const { theme } = style;
  // FW905 says the same, where it is not turned off.
  const told = result.findings.some((f) => f.code === 'FW905');
  const inferred = told ? [] : result.findings.filter((f) => f.confidence === 'inferred');
  const commands = [...new Set(inferred.flatMap((f) => f.inferences.map((i) => i.settledBy ?? '')))]
    .filter((command) => command !== '')
    .sort();
  const lines: string[] = [];
  if (commands.length > 0) {
    const them = inferred.length === 1 ? '1 finding is inferred' : `${inferred.length} findings are inferred`;
    const text = `${them}; the output of ${commands.map((c) => `"${c}"`).join(' and ')} would settle ${inferred.length === 1 ? 'it' : 'them'}: add it to the same stream`;
    lines.push(...wrap(text, style));
  }
  if (detail.verbose) {
    const { machine } = result.read;
    const given = [machine.interfaces, machine.routes, machine.sysctls, machine.sets, machine.listeners]
      .filter((fact) => fact.provenance === 'given')
      .map((fact) => fact.source);
    const text =
      given.length === 0 ? 'no context was given' : `context given: ${[...new Set(given)].join(', ')}`;
    lines.push(...wrap(theme.faint(escapeTerminal(text)), style));
    lines.push(...wrap(theme.faint(`checks: ${result.checked.join(' ')}`), style, { rest: '  ' }));
  }
  return lines;
}

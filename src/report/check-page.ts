/** The page of a check: `fwsim explain` and docs/checks/, made from the check itself. */

import type { Check, CheckExample, CheckMetadata } from '../lint/check.ts';
import { dumpsRead, measuredPrecision } from '../lint/precision.ts';
import { severityWord, type TerminalStyle } from './diagnostics.ts';
import { jsonText } from './escape-json.ts';
import { escapeMarkdown, markdownBlock, markdownCode } from './escape-markdown.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { table, wrap } from './layout.ts';

/** What the linter prints for an example, plain and 80 columns wide; undefined leaves it out of the page. */
export type ExampleOutput = (check: CheckMetadata, example: CheckExample) => string | undefined;

/** A page is a title, one line of facts and these sections. */
interface Section {
  readonly heading: string;
  /** Paragraphs of Markdown without links: code spans are all the markup there is. */
  readonly paragraphs: readonly string[];
}

const confidenceTexts = {
  proved: 'proved from the ruleset alone',
  context: 'proved with what other commands say of the machine',
  inferred: 'inferred, and then never an error',
} as const;

function sectionsOf(check: CheckMetadata): readonly Section[] {
  return [
    { heading: 'What it reports', paragraphs: [check.reports] },
    { heading: 'Why it matters', paragraphs: [check.rationale] },
    { heading: 'How it is decided', paragraphs: [check.decision] },
    { heading: 'When to ignore it', paragraphs: [check.exceptions] },
  ];
}

/** How often it was right on real dumps, as far as its findings were read. */
function measuredOf(code: string): string {
  const p = measuredPrecision[code];
  if (p === undefined) return `never met on the ${dumpsRead} real dumps read`;
  const met = `met on ${p.dumps} of ${dumpsRead}`;
  if (p.right + p.wrong + p.unclear === 0) return `findings not read yet; ${met} real dumps`;
  if (p.right + p.wrong === 0)
    return `none of ${p.unclear} findings read on real dumps could be decided; ${met}`;
  const unclear = p.unclear === 0 ? '' : `, ${p.unclear} unclear`;
  return `${p.right} of ${p.right + p.wrong} findings read on real dumps were true${unclear}; ${met}`;
}

/** Why a check is on probation: what it says itself, or that there is too little to measure it by. */
function probationOf({ code, probation }: CheckMetadata): string {
  if (probation !== undefined) return probation;
  const p = measuredPrecision[code];
  const read = p === undefined ? 0 : p.right + p.wrong + p.unclear;
  return read === 0
    ? 'no finding on a real dump has been read'
    : `what was read on real dumps (${read === 1 ? '1 finding' : `${read} findings`}) is too little to tell how often it is right`;
}

const fixKinds = {
  safe: 'safe',
  unsafe: 'unsafe',
  suggestion: 'suggested',
} as const;

function fixesOf({ fixes = [] }: CheckMetadata): string {
  return fixes.length === 0 ? 'none' : fixes.map(({ kind, does }) => `${fixKinds[kind]}: ${does}`).join('; ');
}

function factsOf(check: CheckMetadata): readonly (readonly [label: string, text: string])[] {
  return [
    ['severity', check.severity === 'info' ? 'info' : `${check.severity} at most`],
    ['confidence', check.confidences.map((confidence) => confidenceTexts[confidence]).join('; ')],
    ['groups', check.groups.length === 0 ? 'none' : check.groups.join(', ')],
    ...(check.profiles ? [['machines', check.profiles.join(', ')] as const] : []),
    [
      'state',
      `${check.state}, since ${check.since}${check.state === 'preview' ? `: ${probationOf(check)}` : ''}`,
    ],
    ['fixes', fixesOf(check)],
    ['measured', measuredOf(check.code)],
  ];
}

// ---------------------------------------------------------------------------------------------- terminal

/** The page for the terminal. */
export function printCheckPage(check: Check, style: TerminalStyle, outputOf: ExampleOutput): string {
  const { theme } = style;
  const lines: string[] = [
    `${severityWord(check.severity, theme)} ${theme.strong(`${check.code} ${check.name}`)}`,
    ...wrap(check.title, style, { first: '  ' }),
    '',
    ...factsOf(check).flatMap(([label, text]) =>
      wrap(text, style, { first: `  ${theme.faint(label.padEnd(12))}`, rest: ' '.repeat(14) }),
    ),
  ];
  for (const { heading, paragraphs } of sectionsOf(check)) {
    lines.push('', theme.strong(heading));
    for (const paragraph of paragraphs)
      lines.push(...wrap(escapeTerminal(paragraph), style, { first: '  ' }));
  }
  const [bad] = check.examples.bad;
  const [good] = check.examples.good;
  if (bad) {
    lines.push('', theme.strong(`For example: ${bad.title}`), ...terminalExample(bad));
    const output = outputOf(check, bad);
    if (output !== undefined) {
      lines.push('', theme.strong('which is told as'));
      lines.push(
        ...output
          .trimEnd()
          .split('\n')
          .map((line) => `  ${escapeTerminal(line)}`),
      );
    }
  }
  if (good) lines.push('', theme.strong(`Instead: ${good.title}`), ...terminalExample(good));
  if (check.references.length > 0) {
    lines.push('', theme.strong('References'));
    for (const reference of check.references) lines.push(`  ${escapeTerminal(reference)}`);
  }
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function terminalExample(example: CheckExample): readonly string[] {
  const text = example.rules + (example.context === undefined ? '' : `\n${example.context}`);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${escapeTerminal(line)}`);
}

/** The list of checks for the terminal. */
export function printCheckList(checks: readonly CheckMetadata[], style: TerminalStyle): string {
  const { theme } = style;
  const rows = checks.map((check) => [
    theme.strong(check.code),
    check.name,
    theme[check.severity](check.severity),
    check.state === 'preview' ? 'preview' : check.groups.length === 0 ? 'by name' : check.groups.join(', '),
  ]);
  return `${table(rows).join('\n')}\n\n${theme.faint('fwsim explain CODE shows the page of one check')}\n`;
}

/** The list of checks as JSON. */
export function printCheckListJson(checks: readonly CheckMetadata[]): string {
  const object = {
    schemaVersion: 1,
    checks: checks.map(({ code, name, title, severity, confidences, groups, state, since, fixes = [] }) => ({
      code,
      name,
      title,
      severity,
      confidences,
      groups,
      state,
      since,
      fixes,
    })),
  };
  return `${jsonText(object, 2)}\n`;
}

/** The sections of a page as plain text, without examples. */
export function checkPageText(check: CheckMetadata): string {
  return sectionsOf(check)
    .map(({ heading, paragraphs }) => [heading, ...paragraphs].join('\n\n'))
    .join('\n\n');
}

// ---------------------------------------------------------------------------------------------- Markdown

/** The page as Markdown. */
export function checkPageMarkdown(check: Check, outputOf: ExampleOutput): string {
  const lines: string[] = [
    `# ${check.code} ${check.name}`,
    '',
    `${escapeProse(check.title)}.`,
    '',
    ...factsOf(check).map(([label, text]) => `- ${label}: ${escapeProse(text)}`),
  ];
  for (const { heading, paragraphs } of sectionsOf(check)) {
    lines.push('', `## ${heading}`);
    for (const paragraph of paragraphs) lines.push('', escapeProse(paragraph));
  }
  lines.push('', '## Examples');
  for (const [index, bad] of check.examples.bad.entries()) {
    lines.push('', `Reported: ${escapeProse(bad.title)}.`, '', markdownExample(bad));
    const output = index === 0 ? outputOf(check, bad) : undefined;
    if (output !== undefined) lines.push('', markdownBlock(output.trimEnd().split('\n'), 'text').trimEnd());
  }
  for (const good of check.examples.good)
    lines.push('', `Not reported: ${escapeProse(good.title)}.`, '', markdownExample(good));
  if (check.references.length > 0) {
    lines.push('', '## References', '');
    for (const reference of check.references) lines.push(`- ${reference}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The texts of checks are our own, in Markdown already; only what would be taken for HTML is escaped. */
function escapeProse(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll('<', '\\<')))
    .join('');
}

function markdownExample(example: CheckExample): string {
  const rules = markdownBlock(example.rules.trimEnd().split('\n'), 'iptables').trimEnd();
  if (example.context === undefined) return rules;
  const context = markdownBlock(example.context.trimEnd().split('\n'), 'text').trimEnd();
  return `${rules}\n\nwith, from the same machine:\n\n${context}`;
}

/** The list of all checks as a Markdown table, linked to their pages. */
export function checkListMarkdown(checks: readonly CheckMetadata[]): string {
  const rows = checks.map(
    ({ code, name, severity, title }) =>
      `| [${code}](${code}.md) | ${markdownCode(name)} | ${severity} | ${escapeMarkdown(title).replaceAll('\\,', ',').replaceAll('\\.', '.')} |`,
  );
  return ['| code | name | severity | what it finds |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

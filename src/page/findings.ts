/** The findings of a page: what, why, the packet that shows it, and how to mend it. */

import { createSources, type Place, type Sources } from '../diagnostics/sources.ts';
import type { DecidedBy, Finding, FindingFix, Witness } from '../lint/finding.ts';
import type { Family } from '../net/address.ts';
import { rulesetPlace } from '../report/finding-place.ts';
import type { MachineReport } from '../report/machine-report.ts';
import { shellCommand } from '../report/shell-quote.ts';
import { traceCommand } from '../report/witness-command.ts';
import { type Content, element, type Html, lines } from './html.ts';
import { ruleName } from './rule-names.ts';

/** Up to this many are shown open. */
const openMax = 12;
/** Characters of a source line around the piece in question. */
const excerptMax = 400;
/** Commands of one fix that are printed. */
const commandsMax = 40;

const confidenceWords = {
  proved: 'proved from the rules',
  context: 'rests on what is known of the machine',
  inferred: 'rests on a guess',
} as const;

const fixWords = {
  safe: 'treats every packet alike',
  unsafe: 'changes what becomes of packets',
  suggestion: 'one way of several',
} as const;

/** The name of a finding's article. */
export function findingName({ fingerprint }: Pick<Finding, 'fingerprint'>): string {
  return `finding-${fingerprint}`;
}

/** All findings, gravest first as the linter has put them. */
export function findingsSection(report: MachineReport): Html {
  const { findings, checked, suppressed } = report;
  const sources = createSources([...report.texts, ...report.otherTexts]);
  const hidden =
    suppressed.length === 0
      ? undefined
      : element('p', { class: 'faint' }, `${suppressed.length} more are suppressed`);
  if (findings.length === 0)
    return element(
      'div',
      {},
      element('p', { class: 'good' }, `${checked.length} checks found nothing.`),
      hidden,
    );
  return element(
    'div',
    {},
    findings.map((finding, index) => findingArticle(finding, report, sources, index < openMax)),
    hidden,
  );
}

function findingArticle(finding: Finding, report: MachineReport, sources: Sources, open: boolean): Html {
  const { severity, code, name, message, confidence, story, witness, fixes = [], inferences } = finding;
  const place = finding.span && sources.place(finding.span);
  const family = finding.family ?? report.rulesets[0]?.family ?? 'ipv4';
  const rows: Content[] = [];
  const say = (label: string, ...content: readonly Content[]): void => {
    rows.push(element('div', { class: 'row' }, element('dt', {}, label), element('dd', {}, content)));
  };
  if (story.what !== undefined) say('what', story.what);
  if (story.why !== undefined) say('why', story.why);
  for (const by of story.openedBy ?? []) say('by', deciderLink(by, family));
  for (const { message: text, span } of finding.related) {
    const there = sources.place(span);
    say('see', there ? `${there.name}:${there.line}  ` : '', text);
  }
  if (witness) say('witness', witnessBlock(witness, report));
  for (const text of story.help ?? []) say('help', text);
  for (const fix of fixes) say('fix', fixBlock(fix));
  for (const { text, settledBy } of inferences)
    say('guess', text, settledBy === undefined ? '' : `; "${settledBy}" would tell`);
  for (const { code: other, message: text } of finding.explains ?? []) say('also', `${other}: ${text}`);
  return element(
    'details',
    { class: `finding ${severity}`, id: findingName(finding), open },
    element(
      'summary',
      {},
      element('span', { class: `tag ${severity}` }, severity),
      ' ',
      element('span', { class: 'code' }, code),
      ' ',
      element('span', { class: 'message' }, message),
    ),
    element(
      'p',
      { class: 'faint where' },
      `${name}; ${confidenceWords[confidence]}`,
      place === undefined ? undefined : `; ${place.name}:${place.line}  `,
      placeLink(finding, family),
    ),
    place === undefined ? undefined : excerpt(place, finding.caption),
    rows.length === 0 ? undefined : element('dl', {}, rows),
  );
}

function placeLink(finding: Finding, family: Family): Html | string {
  const { table, chain, ruleNumber } = finding.place;
  const words = rulesetPlace(finding);
  if (table === undefined || chain === undefined || ruleNumber === undefined) return words;
  return element('a', { href: `#${ruleName(family, table, chain, ruleNumber)}` }, words);
}

function deciderLink(by: DecidedBy, family: Family): Html | string {
  if (by.kind === 'policy') return `policy of ${by.table} ${by.chain}`;
  const { table, chain, number, line } = by;
  const words = `${table} ${chain} #${number}${line > 0 ? `, line ${line}` : ''}`;
  return element('a', { href: `#${ruleName(family, table, chain, number)}` }, words);
}

/** A line of the source with the piece in question marked. */
function excerpt({ text, start, end }: Place, caption: string | undefined): Html {
  const from = Math.max(0, start - excerptMax);
  const to = Math.min(text.length, Math.max(end, start) + excerptMax);
  return element(
    'pre',
    { class: 'excerpt' },
    from > 0 ? '…' : '',
    text.slice(from, start),
    element('mark', {}, text.slice(start, end)),
    text.slice(end, to),
    to < text.length ? '…' : '',
    caption === undefined ? undefined : element('span', { class: 'caption' }, `  ${caption}`),
  );
}

function witnessBlock(witness: Witness, report: MachineReport): readonly Content[] {
  const { packet, local, steps } = witness;
  const { assume } = witness;
  return [
    element('code', {}, shellCommand(packet)),
    ' ',
    // The page's script shows it, where there is one.
    element(
      'button',
      {
        type: 'button',
        class: 'walk',
        hidden: true,
        'data-question': JSON.stringify({ packet, local, assume }),
      },
      'Walk it',
    ),
    steps.length === 0
      ? undefined
      : element(
          'ol',
          { class: 'steps' },
          steps.map(({ text, hook }) => element('li', hook ? { class: 'hook-step' } : {}, text)),
        ),
    element('pre', { class: 'command' }, traceCommand(witness, report)),
  ];
}

function fixBlock({ title, applicability, commands }: FindingFix): readonly Content[] {
  const shown = commands.slice(0, commandsMax).map(shellCommand);
  const more = commands.length - shown.length;
  return [
    title,
    element('span', { class: 'faint' }, ` (${fixWords[applicability]})`),
    shown.length === 0
      ? undefined
      : element('pre', { class: 'command' }, lines([...shown, ...(more > 0 ? [`# and ${more} more`] : [])])),
  ];
}

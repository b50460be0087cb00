/** `fwsim report`: all that is known of a machine's rules on one page that needs nothing from elsewhere. */

import { analyse } from '../analysis/analysis.ts';
import { type ExposureResult, exposureOf } from '../analysis/exposure.ts';
import { answerRules } from '../analysis/rule-answers.ts';
import type { DeclaredContext } from '../context/declared.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Registry } from '../extensions/registry.ts';
import { graphOf, type RulesetGraph } from '../graph/graph.ts';
import type { Finding } from '../lint/finding.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { deathWords } from '../report/death-words.ts';
import { graphStyle, printGraphDrawing } from '../report/graph-svg.ts';
import { graphNotes } from '../report/graph-words.ts';
import type { MachineReport } from '../report/machine-report.ts';
import { outsideWords } from '../report/trace-next.ts';
import { sha256 } from '../support/sha256.ts';
import { notCovered } from '../trace/not-covered.ts';
import { chainsOf, type RuleNotes } from './chains.ts';
import { exposureTables, familyWord } from './exposure.ts';
import { findingsSection } from './findings.ts';
import { type Content, dataScript, element, type Html, madeHtml } from './html.ts';
import type { PageData } from './page-data.ts';
import { type Reach, reachOf, reachSection } from './reach.ts';
import { serviceMatrix } from './services.ts';
import { interfacesOf, simulatorForm } from './simulator-form.ts';
import { pageStyle } from './style.ts';

/** What a page is made of. */
export interface ReportPageOptions {
  readonly registry: Registry;
  /** What the linter says of the same texts. */
  readonly report: MachineReport;
  readonly family?: Family;
  readonly backend?: Backend;
  /** What the administrator says of the machine. */
  readonly declared?: DeclaredContext | undefined;
  readonly diagnostics?: readonly Diagnostic[];
  /** As {@link graphOf} takes it. */
  readonly boxesMax: number;
  /** Nodes that sets of packets may take, each time that they are asked. */
  readonly nodesMax?: number;
  /** The page's own program: JavaScript, as one classic script. */
  readonly script: string;
  /** Of fwsim. */
  readonly version: string;
}

/** A page, and what could not be looked at; without a page: why there is none. */
export interface ReportPage {
  readonly page?: string;
  readonly couldNotLook: readonly string[];
}

/** Rows of a direction that are worked out; the matrix of services knows of these. Thousands take minutes. */
const rowsMax = 150;
/** Pixels that the style leaves for a picture in a wide window. */
const pictureRoom = 1150;
/** Nodes for the question which rules are dead. */
const deadNodesMax = 6_000_000;

/** Makes the page of one machine; its own text first, then further ones about it. Never throws for any input. */
export function reportPageOf(texts: readonly SourceText[], options: ReportPageOptions): ReportPage {
  const { registry, report, diagnostics = [] } = options;
  const reading = {
    registry,
    diagnostics,
    declared: options.declared,
    ...(options.backend === undefined ? {} : { backend: options.backend }),
  };
  const drawing = { ...reading, boxesMax: options.boxesMax, weights: 'counters', expression: [] } as const;
  const first = graphOf(texts, {
    ...drawing,
    ...(options.family === undefined ? {} : { family: options.family }),
  });
  if (!first.drawn) return { couldNotLook: [first.couldNotLook ?? ''] };
  const pictures = [first.drawn];
  if (options.family === undefined)
    for (const family of first.drawn.otherFamilies) {
      const { drawn } = graphOf(texts, { ...drawing, family });
      if (drawn) pictures.push(drawn);
    }
  const asking = { ...reading, ...(options.nodesMax === undefined ? {} : { nodesMax: options.nodesMax }) };
  const exposure = exposureOf(texts, {
    ...asking,
    rowsMax,
    ...(options.family === undefined ? {} : { family: options.family }),
  });
  const machine = exposure.read?.machine;
  const reaches =
    machine === undefined ? [] : exposure.families.map((f) => reachOf(texts, f, machine, asking));
  const notes = pictures.map((drawn) => notesOf(drawn, report, registry));
  const couldNotLook = [
    ...new Set(
      [
        report.couldNotLook,
        report.unfinished,
        exposure.couldNotLook,
        ...reaches.map((r) => r.couldNotLook),
      ].filter((t) => t !== undefined),
    ),
  ];
  return {
    page: printPage({ texts, pictures, exposure, reaches, notes, couldNotLook, options }),
    couldNotLook,
  };
}

/** What is told of rules: those that are dead, and those that findings are about. */
function notesOf({ read, ruleset }: RulesetGraph, report: MachineReport, registry: Registry): RuleNotes {
  const { ruleset: rules } = ruleset.linked;
  const answers = answerRules(
    analyse({ ruleset: rules, machine: read.machine, registry, nodesMax: deadNodesMax }),
  );
  const dead = new Map<number, string>();
  for (const rule of answers.dead()) {
    const death = answers.death(rule);
    if (death) dead.set(rule.id, deathWords(death, rule));
  }
  const findings = new Map<number, Finding[]>();
  for (const finding of report.findings) {
    const { ruleId } = finding.place;
    if (ruleId === undefined || (finding.family ?? rules.family) !== rules.family) continue;
    const known = findings.get(ruleId);
    if (known) known.push(finding);
    else findings.set(ruleId, [finding]);
  }
  return { dead, findings };
}

// ------------------------------------------------------------------------------------------ page

interface Parts {
  readonly texts: readonly SourceText[];
  readonly pictures: readonly RulesetGraph[];
  readonly exposure: ExposureResult;
  readonly reaches: readonly Reach[];
  /** Of each picture's ruleset. */
  readonly notes: readonly RuleNotes[];
  readonly couldNotLook: readonly string[];
  readonly options: ReportPageOptions;
}

/** Sections of the page by the name of their heading. */
const sections = {
  summary: 'Summary',
  findings: 'Findings',
  walk: 'Walk a packet',
  exposure: 'What is open',
  services: 'Services',
  reach: 'Who reaches whom',
  chains: 'Chains and rules',
} as const;

function section(id: keyof typeof sections, ...content: readonly Content[]): Html {
  return element(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    element('h2', { id: `${id}-title` }, sections[id]),
    content,
  );
}

/** The hash of an inline element in a content security policy. Source: CSP Level 3, 2.3.1. */
function inlineHash(text: string): string {
  const bytes = sha256(text).match(/../g) ?? [];
  return `'sha256-${btoa(bytes.map((byte) => String.fromCharCode(Number.parseInt(byte, 16))).join(''))}'`;
}

function printPage(parts: Parts): string {
  const { pictures, options, texts, reaches } = parts;
  const { report, script, version } = options;
  const name = report.hostName ?? texts[0]?.name ?? '';
  const style = `${pageStyle}${graphStyle}`;
  // The simulator's thread is the same script, which the page hands to itself as a blob.
  const policy = `default-src 'none'; script-src ${inlineHash(script)}; style-src ${inlineHash(style)}; worker-src blob:; base-uri 'none'; form-action 'none'`;
  const data: PageData = {
    texts: texts.map((t) => ({ name: t.name, text: t.text })),
    declared: options.declared,
    boxesMax: options.boxesMax,
  };
  const head = element(
    'head',
    {},
    element('meta', { charset: 'utf-8' }),
    element('meta', { 'http-equiv': 'Content-Security-Policy', content: policy }),
    element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    element('meta', { name: 'generator', content: `fwsim ${version}` }),
    element('title', {}, `${name}: firewall report`),
    element('style', {}, madeHtml(style)),
  );
  const machine = parts.exposure.read?.machine;
  const services = parts.exposure.families.map((family) => ({
    family: family.ruleset.linked.ruleset.family,
    table: machine && serviceMatrix(family, machine),
  }));
  const shown = (Object.keys(sections) as (keyof typeof sections)[]).filter((id) => {
    if (id === 'services') return services.some(({ table }) => table !== undefined);
    return id !== 'reach' || reaches.length > 0;
  });
  const body = element(
    'body',
    {},
    element('a', { class: 'skip', href: '#content' }, 'to the content'),
    element('header', {}, element('h1', {}, name), element('div', { class: 'faint' }, aboutLines(parts))),
    element(
      'nav',
      { 'aria-label': 'Sections' },
      element(
        'ul',
        {},
        shown.map((id) => element('li', {}, element('a', { href: `#${id}` }, sections[id]))),
      ),
    ),
    element(
      'main',
      { id: 'content' },
      section('summary', summary(parts)),
      section('findings', findingsSection(report)),
      section('walk', walk(parts)),
      section('exposure', exposure(parts)),
      shown.includes('services')
        ? section(
            'services',
            element(
              'p',
              { class: 'faint' },
              'New connections to the ports that rules speak of. "for some": for some addresses or on some conditions; "perhaps": it depends on what is not known; "?": there is more than was looked at.',
            ),
            services.map(({ family, table }) => [
              services.length > 1 ? element('h3', {}, familyWord(family)) : '',
              table,
            ]),
          )
        : undefined,
      machine !== undefined && shown.includes('reach')
        ? section('reach', reachSection(reaches, machine))
        : undefined,
      section(
        'chains',
        element(
          'p',
          {},
          element('label', { for: 'find' }, 'Find in the rules'),
          element('input', { type: 'search', id: 'find', hidden: true }),
        ),
        element(
          'p',
          { class: 'faint' },
          'The second number is how many packets a rule has counted. Struck out: no packet ever matches it.',
        ),
        pictures.map(({ ruleset }, index) => {
          const rules = ruleset.linked.ruleset;
          const notes = parts.notes[index];
          return [
            pictures.length > 1 ? element('h3', {}, familyWord(rules.family)) : '',
            notes ? chainsOf(rules, notes) : '',
          ];
        }),
      ),
    ),
    element(
      'footer',
      {},
      `Made by fwsim ${version}. The page holds the rules and all else that it was made from; it asks nobody for anything.`,
    ),
    dataScript('page-data', data),
    element('script', {}, madeHtml(script)),
  );
  return `<!DOCTYPE html>\n${element('html', { lang: 'en' }, head, body).html}\n`;
}

/** Whose rules these are, each ruleset on a line. */
function aboutLines({ pictures }: Parts): readonly Html[] {
  return pictures.map(({ ruleset }) => {
    const { family, version, backend } = ruleset.linked.ruleset;
    const iptables = `iptables ${version} (${backend === 'nft' ? 'nf_tables' : 'legacy'})`;
    return element('div', {}, `${ruleset.source.name}: ${familyWord(family)}, ${iptables}`);
  });
}

function summary({ pictures, options, notes, couldNotLook }: Parts): readonly Content[] {
  const { report } = options;
  const card = (count: number, words: string, href: string, kind = ''): Html =>
    element(
      'a',
      { class: `card ${count === 0 ? 'none' : kind}`, href },
      element('b', {}, String(count)),
      words,
    );
  const count = (severity: string): number => report.findings.filter((f) => f.severity === severity).length;
  const rules = report.rulesets.reduce((sum, { ruleCount }) => sum + ruleCount, 0);
  const dead = notes.reduce((sum, n) => sum + n.dead.size, 0);
  const rows: Content[] = [];
  const say = (label: string, text: string): void => {
    rows.push(element('div', { class: 'row' }, element('dt', {}, label), element('dd', {}, text)));
  };
  say('seen as', `${report.profile.value} (${report.profile.source})`);
  for (const { ruleset } of pictures) {
    const { family } = ruleset.linked.ruleset;
    const policies = report.rulesets
      .filter((r) => r.family === family)
      .flatMap((r) => r.policies.filter((p) => p.table === 'filter'));
    if (policies.length > 0)
      say(
        pictures.length > 1 ? `policies ${familyWord(family)}` : 'policies',
        policies.map(({ chain, policy }) => `${chain} ${policy}`).join(', '),
      );
  }
  const given = report.facts.filter((f) => f.provenance === 'given' && f.source !== '');
  if (given.length > 0) say('given', [...new Set(given.map((f) => f.source))].join(', '));
  const missing = (['interfaces', 'routes', 'sysctls'] as const).filter(
    (name) => report.facts.find((f) => f.fact === name)?.provenance !== 'given',
  );
  if (missing.length > 0)
    say('not given', missing.map((m) => (m === 'interfaces' ? 'addresses' : m)).join(', '));
  for (const { what, source } of report.assumed) say('inferred', `${what} (${source})`);
  const [drawn] = pictures;
  if (drawn) {
    const outside = notCovered(drawn.read, drawn.ruleset);
    if (outside.length > 0) say('not seen', outsideWords(outside, drawn.ruleset.linked.ruleset.backend));
    const unread = graphNotes(drawn).filter((note) => note.includes('would not load'));
    for (const note of unread) say('not read', note);
  }
  return [
    element(
      'div',
      { class: 'cards' },
      card(count('error'), 'errors', '#findings', 'error'),
      card(count('warning'), 'warnings', '#findings', 'warning'),
      card(count('info'), 'notes', '#findings', 'info'),
      card(rules, rules === 1 ? 'rule' : 'rules', '#chains'),
      card(dead, 'rules that no packet matches', '#chains'),
    ),
    couldNotLook.map((text) => element('p', { class: 'red' }, `could not look: ${text}`)),
    element('dl', {}, rows),
  ];
}

function exposure({ exposure: { families, read, couldNotLook } }: Parts): readonly Content[] {
  return [
    element(
      'p',
      { class: 'faint' },
      'New connections, from where they come and what they reach. "perhaps" depends on what is not known.',
    ),
    couldNotLook === undefined
      ? undefined
      : element('p', { class: 'red' }, `could not look: ${couldNotLook}`),
    read === undefined
      ? undefined
      : families.map((family) => [
          families.length > 1
            ? element('h3', {}, familyWord(family.ruleset.linked.ruleset.family))
            : undefined,
          exposureTables(family, read.machine),
        ]),
  ];
}

function walk({ pictures }: Parts): readonly Content[] {
  return [
    element(
      'noscript',
      {},
      element(
        'p',
        {},
        'Packets are walked by a script, which is turned off here; the picture is all there is.',
      ),
    ),
    simulatorForm(interfacesOf(pictures.map((p) => p.ruleset.linked.ruleset))),
    element('div', { id: 'answer', role: 'status' }),
    pictures.map((drawn) => {
      const { family } = drawn.ruleset.linked.ruleset;
      const word = familyWord(family);
      return element(
        'figure',
        { 'data-family': family },
        element(
          'figcaption',
          {},
          [`The chains of the ${word} rules as packets meet them`, ...graphNotes(drawn)].join('; '),
        ),
        element(
          'div',
          { class: 'picture scroll', tabindex: 0, role: 'region', 'aria-label': `Chains, ${word}` },
          madeHtml(printGraphDrawing(drawn, pictureRoom)),
        ),
      );
    }),
    element(
      'details',
      { id: 'told-box', hidden: true, open: true },
      element('summary', {}, 'Step by step'),
      element('pre', { id: 'told', class: 'told', tabindex: 0 }),
    ),
  ];
}

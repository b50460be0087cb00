/** Findings as SARIF 2.1.0, for code scanning. Source: OASIS SARIF 2.1.0; section numbers below are its own. */

import type {
  ArtifactChange,
  ArtifactContent,
  CodeFlow,
  Fix,
  Location,
  Log,
  Notification,
  PhysicalLocation,
  ReportingDescriptor,
  Result,
  Run,
  Suppression,
} from 'sarif';
import type { Severity } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { CheckMetadata } from '../lint/check.ts';
import type { Confidence, Finding, FindingFix, Witness } from '../lint/finding.ts';
import type { SuppressedBy } from '../lint/suppress.ts';
import { checkPageText } from './check-page.ts';
import { jsonText } from './escape-json.ts';
import { createLocator, type FilePlace, type Locate, rulesetPlace } from './finding-place.ts';
import { type MachineReport, machineName, type RunDetails } from './machine-report.ts';
import { visible } from './visible.ts';
import { traceCommand } from './witness-command.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const satisfies Record<
  Severity,
  Result.level
>;

/** How often a finding of this confidence is right, in the words of code scanning. */
const precisions: Readonly<Record<Confidence, string>> = {
  proved: 'high',
  context: 'medium',
  inferred: 'low',
};

/** Families that are about security, with the score that code scanning sorts by: its own scale, 0 to 10, as text. */
const securityFamilies: readonly string[] = ['FW1', 'FW3', 'FW8'];
const securitySeverities: Readonly<Record<Severity, string>> = {
  error: '8.0',
  warning: '5.0',
  info: '2.0',
};

/** The base of relative paths; which folder that was is nobody's business, and would differ from run to run. */
const baseId = 'SRCROOT';

/** All machines of a run as one log with one run. */
export function printLintSarif(
  reports: readonly MachineReport[],
  { version, checks }: Pick<RunDetails, 'version' | 'checks'>,
): string {
  const texts = uniqueTexts(reports);
  const rules = checks.map(ruleOf);
  const builder = reports.map((report) => ({ report, locate: createLocator(report) }));
  const context: SarifContext = { texts, rules };
  const results = builder.flatMap(({ report, locate }) => [
    ...report.findings.map((finding) => resultOf(finding, undefined, report, locate, context)),
    ...report.suppressed.map(({ finding, by }) => resultOf(finding, by, report, locate, context)),
  ]);
  const notifications = builder.flatMap(({ report, locate }) => notificationsOf(report, locate, context));
  const run: Run = {
    tool: { driver: { name: 'fwsim', version, semanticVersion: version, rules } },
    originalUriBaseIds: { [baseId]: { description: { text: 'The folder that fwsim was run in.' } } },
    artifacts: texts.map(({ name, text }) => ({
      location: artifactLocation(name),
      sourceLanguage: 'iptables',
      // What came from a pipe is nowhere else to be read.
      ...(name === '<stdin>' ? { contents: contentsOf(text) } : {}),
    })),
    invocations: [
      {
        executionSuccessful: reports.every((r) => (r.couldNotLook ?? r.unfinished) === undefined),
        toolExecutionNotifications: notifications,
      },
    ],
    columnKind: 'unicodeCodePoints',
    results,
  };
  const log: Log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [run],
  };
  return `${jsonText(log, 2)}\n`;
}

interface SarifContext {
  readonly texts: readonly SourceText[];
  readonly rules: readonly ReportingDescriptor[];
}

function uniqueTexts(reports: readonly MachineReport[]): readonly SourceText[] {
  const byName = new Map<string, SourceText>();
  for (const { texts, otherTexts } of reports)
    for (const text of [...texts, ...otherTexts]) if (!byName.has(text.name)) byName.set(text.name, text);
  return [...byName.values()];
}

function ruleOf(check: CheckMetadata): ReportingDescriptor {
  const family = check.code.slice(0, 3);
  const security = securityFamilies.includes(family);
  return {
    id: check.code,
    name: check.name,
    shortDescription: { text: check.title },
    fullDescription: { text: check.reports },
    help: { text: checkPageText(check) },
    defaultConfiguration: {
      level: levels[check.severity],
      enabled: check.state === 'stable' && check.groups.includes('recommended'),
    },
    properties: {
      ...(security ? { 'security-severity': securitySeverities[check.severity] } : {}),
      precision: precisions[check.confidences[0] ?? 'proved'],
      tags: ['iptables', ...(security ? ['security'] : []), `${family}xx`, ...check.groups],
    },
  };
}

function contentsOf(text: string): ArtifactContent {
  // Half characters have no UTF-8, and no place in a JSON text for exchange.
  return { text: text.replace(/\p{Cs}/gu, '\ufffd') };
}

/** A path as a URI; relative ones count from where fwsim was run (3.4). */
function artifactLocation(name: string) {
  if (name === '<stdin>') return { uri: 'stdin:iptables-save' };
  const path = name
    .replace(/^(?:\.\/+)+/, '')
    .split('/')
    .map((part) => encodeURIComponent(part.replace(/\p{Cs}/gu, '\ufffd')))
    .join('/');
  return path.startsWith('/') ? { uri: `file://${path}` } : { uri: path, uriBaseId: baseId };
}

function physicalLocation(
  file: string,
  at: FilePlace | undefined,
  { texts }: SarifContext,
): PhysicalLocation {
  const index = texts.findIndex(({ name }) => name === file);
  return {
    artifactLocation: { ...artifactLocation(file), ...(index < 0 ? {} : { index }) },
    ...(at
      ? {
          region: {
            startLine: at.line,
            startColumn: at.column,
            endLine: at.endLine,
            endColumn: at.endColumn,
          },
        }
      : {}),
  };
}

function resultOf(
  finding: Finding,
  by: SuppressedBy | undefined,
  report: MachineReport,
  locate: Locate,
  context: SarifContext,
): Result {
  const at = locate(finding.span);
  const file = at?.file ?? machineName(report);
  const ruleIndex = context.rules.findIndex(({ id }) => id === finding.code);
  const where = rulesetPlace(finding);
  const location: Location = {
    physicalLocation: physicalLocation(file, at, context),
    ...(where === '' ? {} : { logicalLocations: [{ fullyQualifiedName: visible(where) }] }),
  };
  const { story, witness } = finding;
  const sentences = [finding.message, story.what, story.why, ...(story.help ?? [])]
    .filter((text) => text !== undefined)
    .map((text) => `${visible(text)}.`);
  const related = [...finding.related, ...(finding.explains ?? [])].flatMap((one, index): Location[] => {
    const there = locate(one.span);
    if (!there) return [];
    return [
      {
        id: index + 1,
        physicalLocation: physicalLocation(there.file, there, context),
        message: { text: visible(one.message) },
      },
    ];
  });
  const fixes = (finding.fixes ?? []).flatMap((fix) => fixOf(fix, locate, context));
  return {
    ruleId: finding.code,
    ...(ruleIndex < 0 ? {} : { ruleIndex }),
    level: levels[finding.severity],
    // Square brackets would make links of what is between them (3.11.6).
    message: { text: sentences.join(' ').replace(/[[\]\\]/g, '\\$&') },
    locations: [location],
    ...(related.length === 0 ? {} : { relatedLocations: related }),
    partialFingerprints: { 'fwsim/v1': finding.fingerprint },
    ...(witness ? { codeFlows: [codeFlow(witness, file, at, locate, context)] } : {}),
    ...(by ? { suppressions: [suppressionOf(by)] } : {}),
    ...(fixes.length > 0 ? { fixes } : {}),
    properties: {
      confidence: finding.confidence,
      precision: precisions[finding.confidence],
      ...(finding.inferences.length === 0
        ? {}
        : { inferences: finding.inferences.map(({ text }) => visible(text)) }),
      ...(witness ? { tryIt: traceCommand(witness, report) } : {}),
    },
  };
}

const fixWords = {
  safe: 'treats every packet alike, which fwsim lint --fix proves',
  unsafe: 'changes what becomes of packets, which fwsim lint --unsafe-fixes tells',
} as const;

/** A change that a viewer may offer; suggestions are for people. */
function fixOf({ title, applicability, edits }: FindingFix, locate: Locate, context: SarifContext): Fix[] {
  if (applicability === 'suggestion' || edits.length === 0) return [];
  const changes = new Map<string, ArtifactChange>();
  for (const { span, text } of edits) {
    const there = locate(span);
    if (!there) return [];
    const { artifactLocation: where, region } = physicalLocation(there.file, there, context);
    const change = changes.get(there.file) ?? { artifactLocation: where ?? {}, replacements: [] };
    change.replacements.push({
      deletedRegion: region ?? {},
      ...(text === '' ? {} : { insertedContent: contentsOf(text) }),
    });
    changes.set(there.file, change);
  }
  return [
    {
      description: { text: `${visible(title)}: ${fixWords[applicability]}`.replace(/[[\]\\]/g, '\\$&') },
      artifactChanges: [...changes.values()],
    },
  ];
}

/** The packet's way, hook by hook. Steps that no line stands for are shown at the finding itself. */
function codeFlow(
  { steps }: Witness,
  file: string,
  at: FilePlace | undefined,
  locate: Locate,
  context: SarifContext,
): CodeFlow {
  const locations = steps.map(({ hook, text, span }, index) => {
    const there = locate(span);
    return {
      executionOrder: index + 1,
      nestingLevel: hook ? 0 : 1,
      location: {
        physicalLocation: there
          ? physicalLocation(there.file, there, context)
          : physicalLocation(file, at, context),
        message: { text: visible(text) },
      },
    };
  });
  return { threadFlows: [{ locations }] };
}

function suppressionOf(by: SuppressedBy): Suppression {
  const inSource = by.kind === 'rule' || by.kind === 'file';
  return {
    kind: inSource ? 'inSource' : 'external',
    status: 'accepted',
    justification: visible(by.reason),
  };
}

/** What is said about the input as a whole is also said of the run, where viewers look for trouble. */
function notificationsOf(report: MachineReport, locate: Locate, context: SarifContext): Notification[] {
  const why = report.couldNotLook ?? report.unfinished;
  const could =
    why === undefined
      ? []
      : [
          {
            level: 'error' as const,
            message: { text: visible(why) },
            locations: [{ physicalLocation: physicalLocation(machineName(report), undefined, context) }],
          },
        ];
  const about = report.findings
    .filter(({ code }) => /^FW90[4-8]$/.test(code))
    .map((finding): Notification => {
      const at = locate(finding.span);
      return {
        level: levels[finding.severity],
        message: { text: visible(finding.message) },
        descriptor: { id: finding.code },
        locations: [{ physicalLocation: physicalLocation(at?.file ?? machineName(report), at, context) }],
      };
    });
  return [...could, ...about];
}

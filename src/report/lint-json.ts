/** Findings as JSON: one object, the same bytes for the same input. */

import type { DecidedBy, Finding } from '../lint/finding.ts';
import type { SuppressedFinding } from '../lint/lint.ts';
import { jsonText } from './escape-json.ts';
import { createLocator, type Locate } from './finding-place.ts';
import { type MachineReport, machineName, type RunDetails } from './machine-report.ts';
import { shellCommand } from './shell-quote.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

const orNull = <T>(value: T | undefined): T | null => value ?? null;

function byJson(by: DecidedBy | undefined) {
  if (by === undefined) return null;
  return by.kind === 'policy'
    ? { kind: by.kind, table: by.table, chain: by.chain }
    : { kind: by.kind, table: by.table, chain: by.chain, ruleNumber: by.number, line: by.line };
}

function findingJson(finding: Finding, file: string, locate: Locate) {
  const at = locate(finding.span);
  const { story, witness, place } = finding;
  return {
    code: finding.code,
    name: finding.name,
    id: finding.id,
    severity: finding.severity,
    confidence: finding.confidence,
    message: finding.message,
    file: at?.file ?? file,
    line: orNull(at?.line),
    column: orNull(at?.column),
    endLine: orNull(at?.endLine),
    endColumn: orNull(at?.endColumn),
    table: orNull(place.table),
    chain: orNull(place.chain),
    ruleNumber: orNull(place.ruleNumber),
    family: orNull(finding.family),
    fingerprint: finding.fingerprint,
    related: finding.related.flatMap(({ message, span }) => {
      const there = locate(span);
      return there ? [{ file: there.file, line: there.line, message }] : [];
    }),
    what: orNull(story.what),
    why: orNull(story.why),
    openedBy: (story.openedBy ?? []).map(byJson),
    help: story.help ?? [],
    explains: (finding.explains ?? []).map(({ code, name, severity, message, span }) => {
      const there = locate(span);
      return { code, name, severity, message, file: orNull(there?.file), line: orNull(there?.line) };
    }),
    fixes: (finding.fixes ?? []).map(({ title, applicability, edits, commands }) => ({
      title,
      applicability,
      edits: edits.flatMap(({ span, text }) => {
        const there = locate(span);
        return there ? [{ ...there, text }] : [];
      }),
      commands: commands.map(shellCommand),
    })),
    inferences: finding.inferences.map(({ text, settledBy }) => ({ text, settledBy: orNull(settledBy) })),
    ...(witness
      ? {
          witness: {
            packet: shellCommand(witness.packet),
            local: witness.local,
            assume: witness.assume,
            fate: witness.fate.kind,
            decidedBy: byJson(witness.fate.by),
            steps: witness.steps.map(({ hook, text, span }) => {
              const there = locate(span);
              return { hook, text, file: orNull(there?.file), line: orNull(there?.line) };
            }),
          },
        }
      : {}),
  };
}

function inputJson(report: MachineReport) {
  return {
    file: machineName(report),
    with: report.texts.slice(1).map((text) => text.name),
    couldNotLook: orNull(report.couldNotLook ?? report.unfinished),
    rulesets: report.rulesets.map(({ policies: _, familyUndecided, ...ruleset }) => ({
      ...ruleset,
      family: familyUndecided ? null : ruleset.family,
    })),
    profile: report.profile.value,
    checks: report.checked,
  };
}

function contextJson(report: MachineReport) {
  return {
    file: machineName(report),
    facts: report.facts,
    profile: report.profile,
    assumed: report.assumed,
  };
}

function suppressedJson({ finding, by }: SuppressedFinding, file: string, locate: Locate) {
  const { code, name, severity, message, fingerprint } = finding;
  const at = locate(finding.span);
  return {
    code,
    name,
    severity,
    message,
    file: at?.file ?? file,
    line: orNull(at?.line),
    fingerprint,
    by: by.kind,
    reason: by.reason,
  };
}

function partsOf(reports: readonly MachineReport[]) {
  const findings = reports.flatMap((report) => {
    const locate = createLocator(report);
    return report.findings.map((finding) => findingJson(finding, machineName(report), locate));
  });
  const suppressed = reports.flatMap((report) => {
    const locate = createLocator(report);
    return report.suppressed.map((one) => suppressedJson(one, machineName(report), locate));
  });
  const count = (severity: string): number => findings.filter((f) => f.severity === severity).length;
  const stats = {
    error: count('error'),
    warning: count('warning'),
    info: count('info'),
    suppressed: suppressed.filter(({ by }) => by !== 'baseline').length,
    baseline: suppressed.filter(({ by }) => by === 'baseline').length,
    tooUnsure: reports.reduce((sum, report) => sum + report.tooUnsure, 0),
  };
  return { findings, suppressed, stats };
}

/** All machines of a run as one object. */
export function printLintJson(reports: readonly MachineReport[], { version }: RunDetails): string {
  const { findings, suppressed, stats } = partsOf(reports);
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    inputs: reports.map(inputJson),
    context: reports.map(contextJson),
    findings,
    suppressed,
    stats,
  };
  return `${jsonText(object, 2)}\n`;
}

/** The same in lines: what each is stands in `type`; the last one is `stats`. */
export function printLintJsonLines(reports: readonly MachineReport[], { version }: RunDetails): string {
  const { findings, suppressed, stats } = partsOf(reports);
  const lines = [
    { type: 'tool', schemaVersion, name: 'fwsim', version },
    ...reports.map((report) => ({ type: 'input', ...inputJson(report) })),
    ...reports.map((report) => ({ type: 'context', ...contextJson(report) })),
    ...findings.map((finding) => ({ type: 'finding', ...finding })),
    ...suppressed.map((one) => ({ type: 'suppressed', ...one })),
    { type: 'stats', ...stats },
  ];
  return lines.map((line) => `${jsonText(line)}\n`).join('');
}

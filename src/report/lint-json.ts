/** Findings as JSON: one object, the same bytes for the same input. */

import { listInferences } from '../context/machine.ts';
import type { Span } from '../diagnostics/diagnostic.ts';
import { createPositionTable, type PositionTable } from '../diagnostics/position.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { DecidedBy, Finding } from '../lint/finding.ts';
import type { LintResult } from '../lint/lint.ts';
import type { Fact } from '../model/machine.ts';
import { shellCommand } from './shell-quote.ts';

/** Raised when a field changes its meaning or goes away; new fields leave it alone. */
const schemaVersion = 1;

/** Positions of spans, 1-based; of several texts. */
function createLocator(texts: readonly SourceText[]) {
  const tables = new Map<string, PositionTable>();
  return (span: Span | undefined) => {
    const text = texts.find((t) => t.name === span?.source) ?? texts[0];
    if (span === undefined || text === undefined) return undefined;
    let table = tables.get(text.name);
    if (table === undefined) {
      table = createPositionTable(text.text);
      tables.set(text.name, table);
    }
    const start = table.position(span.start);
    const end = table.position(span.end);
    return {
      file: text.name,
      line: start.line,
      column: start.column,
      endLine: end.line,
      endColumn: end.column,
    };
  };
}

type Locate = ReturnType<typeof createLocator>;

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
    related: finding.related.flatMap(({ message, span }) => {
      const there = locate(span);
      return there ? [{ file: there.file, line: there.line, message }] : [];
    }),
    what: orNull(story.what),
    why: orNull(story.why),
    openedBy: (story.openedBy ?? []).map(byJson),
    help: story.help ?? [],
    inferences: finding.inferences.map(({ text, settledBy }) => ({ text, settledBy: orNull(settledBy) })),
    ...(witness
      ? {
          witness: {
            packet: shellCommand(witness.packet),
            local: witness.local,
            assume: witness.assume,
            fate: witness.fate.kind,
            decidedBy: byJson(witness.fate.by),
          },
        }
      : {}),
  };
}

function inputJson({ read, couldNotLook, checked }: LintResult) {
  return {
    file: read.texts[0]?.name ?? '',
    with: read.texts.slice(1).map((text) => text.name),
    couldNotLook: orNull(couldNotLook),
    rulesets: read.rulesets.map(({ linked, source }) => ({
      file: source.name,
      line: linked.line,
      family: linked.familyUndecided ? null : linked.ruleset.family,
      backend: linked.ruleset.backend,
      version: linked.ruleset.version,
      tables: linked.ruleset.tables.map((table) => table.name),
      ruleCount: linked.ruleset.tables.reduce(
        (sum, table) => sum + table.chains.reduce((count, chain) => count + chain.rules.length, 0),
        0,
      ),
    })),
    checks: checked,
  };
}

function contextJson({ read }: LintResult) {
  const { machine } = read;
  const facts: Readonly<Record<string, Fact<unknown> | undefined>> = {
    hostName: machine.hostName,
    kernelRelease: machine.kernelRelease,
    backend: machine.backend,
    interfaces: machine.interfaces,
    routes: machine.routes,
    policyRules: machine.policyRules,
    sysctls: machine.sysctls,
    sets: machine.sets,
    listeners: machine.listeners,
    conntrack: machine.conntrack,
  };
  return {
    file: read.texts[0]?.name ?? '',
    facts: Object.entries(facts).map(([fact, value]) => ({
      fact,
      provenance: value?.provenance ?? 'unknown',
      source: value?.source ?? '',
    })),
    assumed: listInferences(machine).map(({ what, source }) => ({ what, source })),
  };
}

/** All machines of a run as one object. `version` is that of fwsim. */
export function printLintJson(results: readonly LintResult[], version: string): string {
  const findings = results.flatMap((result) => {
    const locate = createLocator(result.read.texts);
    const file = result.read.texts[0]?.name ?? '';
    return result.findings.map((finding) => findingJson(finding, file, locate));
  });
  const count = (severity: string): number => findings.filter((f) => f.severity === severity).length;
  const object = {
    schemaVersion,
    tool: { name: 'fwsim', version },
    inputs: results.map(inputJson),
    context: results.map(contextJson),
    findings,
    stats: { error: count('error'), warning: count('warning'), info: count('info') },
  };
  return `${JSON.stringify(object, null, 2)}\n`;
}

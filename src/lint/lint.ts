/** Runs the checks on one machine and makes findings of what they yield. */

import type { Diagnostic, DiagnosticCode, Severity } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import type { Check, FindingDraft, RulesetView, Subject, Walk } from './check.ts';
import { createContext } from './context.ts';
import type { Confidence, Finding, Inference } from './finding.ts';
import { nowhere, placeOf, spanOf, subjectKey } from './place.ts';
import { createView } from './ruleset-view.ts';
import { isSelected } from './select.ts';
import { witnessOf } from './walks.ts';

/** What a run is told. */
export interface LintOptions {
  readonly registry: Registry;
  readonly checks: readonly Check[];
  readonly family?: Family;
  readonly backend?: Backend;
  /** Codes, names or beginnings of codes; empty: the preset `recommended`. */
  readonly select?: readonly string[];
  readonly ignore?: readonly string[];
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** What was found out about one machine. */
export interface LintResult {
  readonly read: ReadMachine;
  readonly findings: readonly Finding[];
  /** Codes of the checks that ran. */
  readonly checked: readonly DiagnosticCode[];
  /** Set if there was nothing to look at. */
  readonly couldNotLook?: string;
}

/** A finding with what only the runner needs. */
interface Placed {
  readonly finding: Finding;
  readonly key: string;
  readonly covers: ReadonlySet<string>;
  /** Position for sorting. */
  readonly order: readonly number[];
}

/** Looks at one machine; its own text first, then further ones about it. Never throws for any input. */
export function lintMachine(texts: readonly SourceText[], options: LintOptions): LintResult {
  const { registry, family, backend } = options;
  const read = readMachine(texts, { registry, family, backend });
  const { select = [], ignore = [] } = options;
  const checks = options.checks.filter((check) => isSelected(check, select, ignore));
  const checked = checks.map((check) => check.code).sort();
  const shown = new Set(checked);
  const couldNotLook = whyNothingToLookAt(read);
  const fromReader = [...(options.diagnostics ?? []), ...read.diagnostics];
  if (couldNotLook !== undefined) {
    // Line by line it would be said again that the text is no ruleset.
    return { read, checked, findings: [], couldNotLook };
  }
  const findings = lookAt(read, registry, checks, fromReader, options.checks, shown);
  if (family !== undefined || !read.rulesets.some((r) => r.linked.familyUndecided)) {
    return { read, checked, findings };
  }
  // Nothing says which family this is: it is read as the other one too, and what both give is told once.
  const other = readMachine(texts, { registry, family: 'ipv6', backend });
  const readings = lookAt(other, registry, checks, other.diagnostics, options.checks, shown);
  return { read, checked, findings: mergeReadings(findings, readings) };
}

function lookAt(
  read: ReadMachine,
  registry: Registry,
  checks: readonly Check[],
  diagnostics: readonly Diagnostic[],
  allChecks: readonly Check[],
  shown: ReadonlySet<DiagnosticCode>,
): readonly Finding[] {
  const views: RulesetView[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const inForce = read.rulesets.findLast((r) => r.linked.ruleset.family === family);
    if (inForce) views.push(createView(inForce, registry, read.machine));
  }
  const context = createContext(views, read, registry);
  const placer = createPlacer(read, views);
  const placed: Placed[] = diagnostics
    .map((d) => placer.diagnostic(d, allChecks))
    .filter(({ finding }) => shown.has(finding.code) || !allChecks.some((c) => c.code === finding.code));
  for (const check of checks) {
    for (const draft of check.run(context)) {
      // A walk that nobody decided shows nothing.
      if (draft.witness === undefined || isDecided(draft.witness)) placed.push(placer.draft(check, draft));
    }
  }
  const kept = withoutExplained(placed, checks);
  const ordered = kept.sort(byPlace);
  const soFar = ordered.map(({ finding }) => finding);
  for (const check of checks) {
    for (const draft of check.conclude?.(context, soFar) ?? []) ordered.push(placer.draft(check, draft));
  }
  return ordered.sort(byPlace).map(({ finding }) => finding);
}

function isDecided(walk: Walk): boolean {
  return walk.fate !== 'undecided' && walk.fate !== 'exhausted';
}

/** One cause, one finding: drops what a finding of a code that it yields to says already, or covers. */
function withoutExplained(placed: readonly Placed[], checks: readonly Check[]): Placed[] {
  const yieldsTo = new Map(checks.map((check) => [check.code, check.yieldsTo ?? []]));
  const leaders = new Map<string, Set<DiagnosticCode>>();
  for (const { finding, key, covers } of placed) {
    for (const place of [key, ...covers]) {
      const codes = leaders.get(place);
      if (codes) codes.add(finding.code);
      else leaders.set(place, new Set([finding.code]));
    }
  }
  return placed.filter(({ finding, key }) => {
    const codes = leaders.get(key);
    return !yieldsTo.get(finding.code)?.some((code) => codes?.has(code));
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byPlace(a: Placed, b: Placed): number {
  for (let i = 0; i < Math.max(a.order.length, b.order.length); i++) {
    const difference = (a.order[i] ?? 0) - (b.order[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return (
    compareText(a.finding.code, b.finding.code) ||
    compareText(a.finding.id, b.finding.id) ||
    compareText(a.finding.message, b.finding.message)
  );
}

/** Makes findings of drafts and of diagnostics. */
function createPlacer(read: ReadMachine, views: readonly RulesetView[]) {
  const fileOf = (source: string | undefined): number =>
    Math.max(
      0,
      read.texts.findIndex((t) => t.name === source),
    );
  const tableOrder = (view: RulesetView, table: string | undefined): number =>
    table === undefined ? -1 : view.ruleset.tables.findIndex((t) => t.name === table);
  const chainOrder = (view: RulesetView, table: string | undefined, chain: string | undefined): number =>
    table === undefined || chain === undefined
      ? -1
      : (view.table(table)?.chains.findIndex((c) => c.name === chain) ?? -1);

  const orderOf = (subject: Subject): readonly number[] => {
    if (subject.kind === 'machine') return [read.texts.length, 0];
    if (subject.kind === 'span') return [fileOf(subject.span.source), -1, subject.span.start];
    const { view } = subject;
    const { table, chain, ruleNumber } = placeOf(subject);
    return [
      fileOf(view.source.name),
      views.indexOf(view),
      tableOrder(view, table),
      chainOrder(view, table, chain),
      ruleNumber ?? 0,
    ];
  };

  let rulesByOffset: ReadonlyMap<string, { readonly view: RulesetView; readonly rule: Rule }> | undefined;
  /** The rule on whose line an offset lies. */
  const ruleAt = (source: string | undefined, offset: number) => {
    rulesByOffset ??= new Map(
      views.flatMap((view) =>
        view.rules().map((rule) => [`${view.source.name} ${rule.offset}`, { view, rule }] as const),
      ),
    );
    const text = read.texts.find((t) => t.name === source)?.text ?? '';
    let start = text.lastIndexOf('\n', offset - 1) + 1;
    while (text[start] === ' ' || text[start] === '\t') start++;
    return rulesByOffset.get(`${source} ${start}`);
  };

  function draft(check: Check, d: FindingDraft): Placed {
    const inferences = uniqueInferences([...(d.inferences ?? []), ...(d.witness?.inferences ?? [])]);
    const confidence: Confidence =
      inferences.length > 0 ? 'inferred' : (d.confidence ?? (d.witness?.usedContext ? 'context' : 'proved'));
    const asked = d.severity ?? check.severity;
    const severity: Severity = confidence === 'inferred' && asked === 'error' ? 'warning' : asked;
    const span = spanOf(d.at, d.underline);
    const related = (d.related ?? []).flatMap(({ message, at }) => {
      const there = spanOf(at);
      return there ? [{ message, span: there }] : [];
    });
    const finding: Finding = {
      code: check.code,
      name: check.name,
      id: d.id ?? check.name,
      severity,
      confidence,
      message: d.message,
      ...(span ? { span } : {}),
      related,
      family: 'view' in d.at ? d.at.view.family : undefined,
      place: placeOf(d.at),
      ...(d.caption === undefined ? {} : { caption: d.caption }),
      story: {
        ...(d.what === undefined ? {} : { what: d.what }),
        ...(d.why === undefined ? {} : { why: d.why }),
        ...(d.openedBy === undefined ? {} : { openedBy: d.openedBy }),
        ...(d.help === undefined ? {} : { help: d.help }),
      },
      inferences,
      ...(d.witness ? { witness: witnessOf(d.witness) } : {}),
      group: d.group ?? subjectKey(d.at),
    };
    return {
      finding,
      key: subjectKey(d.at),
      covers: new Set((d.covers ?? []).map(subjectKey)),
      order: orderOf(d.at),
    };
  }

  function diagnostic(d: Diagnostic, allChecks: readonly Check[]): Placed {
    const code = codeOf(d);
    const check = allChecks.find((c) => c.code === code);
    const at = d.span ? ruleAt(d.span.source, d.span.start) : undefined;
    const subject: Subject = at
      ? { kind: 'rule', ...at }
      : d.span
        ? { kind: 'span', span: d.span }
        : { kind: 'machine' };
    return {
      finding: {
        ...d,
        code,
        severity: code === 'FW904' ? 'info' : d.severity,
        name: check?.name ?? d.id,
        confidence: 'proved',
        family: at?.view.family,
        place: at ? placeOf(subject) : nowhere,
        story: d.hint === undefined ? {} : { help: [d.hint] },
        inferences: [],
        group: `${d.id} ${d.message}`,
      },
      key: subjectKey(subject),
      covers: new Set(),
      order: orderOf(subject),
    };
  }

  return { draft, diagnostic };
}

/** What the reader does not know is not wrong: it cannot be judged. */
function codeOf(d: Diagnostic): DiagnosticCode {
  return d.id === 'unknown-match' || d.id === 'unknown-target' ? 'FW904' : d.code;
}

function uniqueInferences(all: readonly Inference[]): readonly Inference[] {
  const seen = new Set<string>();
  return all.filter(({ text }) => !seen.has(text) && seen.add(text));
}

/** One finding of both readings, without a family; what only one of them gives keeps its own. */
function mergeReadings(first: readonly Finding[], second: readonly Finding[]): readonly Finding[] {
  const keyOf = (f: Finding): string =>
    `${f.code} ${f.id} ${f.span?.source} ${f.span?.start} ${f.place.table} ${f.place.chain} ${f.place.ruleNumber}`;
  const inSecond = new Set(second.map(keyOf));
  const inFirst = new Set(first.map(keyOf));
  const merged = first.map((f) => (inSecond.has(keyOf(f)) ? { ...f, family: undefined } : f));
  // What is unreadable in one family alone says that the text is of the other.
  const refuses = (list: readonly Finding[]): number =>
    list.filter((f) => f.code === 'FW901' && f.severity === 'error').length;
  if (refuses(second) > refuses(first)) return first;
  return [...merged, ...second.filter((f) => !inFirst.has(keyOf(f)))];
}

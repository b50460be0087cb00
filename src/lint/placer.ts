/** From what checks yield to findings in their places. */

import type { Diagnostic, DiagnosticCode, Severity } from '../diagnostics/diagnostic.ts';
import type { ReadMachine } from '../link/read-machine.ts';
import type { Rule } from '../model/ruleset.ts';
import type { Check, FindingDraft, RulesetView, Subject } from './check.ts';
import { codeOfDiagnostic } from './diagnostic-code.ts';
import type { Confidence, Finding, Inference } from './finding.ts';
import { createFingerprinter } from './fingerprint.ts';
import { findingFix } from './fixes/finding-fix.ts';
import { nowhere, placeOf, spanOf, subjectKey } from './place.ts';
import { type CheckSelection, severityChoice } from './select.ts';
import { witnessOf } from './walks.ts';

/** A finding with what only the runner needs. */
export interface Placed {
  readonly finding: Finding;
  /** One text for equal places. */
  readonly key: string;
  /** Further places that it explains. */
  readonly covers: ReadonlySet<string>;
  /** Position for sorting. */
  readonly order: readonly number[];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By source, table, chain and number, then by code. */
export function byPlace(a: Placed, b: Placed): number {
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

/** Makes findings of drafts and of diagnostics. `severities`: what the user has set. */
export function createPlacer(
  read: ReadMachine,
  views: readonly RulesetView[],
  severities: CheckSelection['severities'],
) {
  const fingerprint = createFingerprinter(read.texts);
  /** What the user has set goes before what the check says. */
  const severityOf = (code: DiagnosticCode, name: string, own: Severity): Severity => {
    const choice = severityChoice({ code, name }, severities);
    return choice === undefined || choice === 'off' ? own : choice;
  };

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
    const asked = severityOf(check.code, check.name, d.severity ?? check.severity);
    const severity: Severity = confidence === 'inferred' && asked === 'error' ? 'warning' : asked;
    const span = spanOf(d.at, d.underline);
    const related = (d.related ?? []).flatMap(({ message, at }) => {
      const there = spanOf(at);
      return there ? [{ message, span: there }] : [];
    });
    const fixes = (d.fixes ?? []).flatMap((draft) => findingFix(draft) ?? []);
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
      ...(d.witness ? { witness: witnessOf(d.witness, views) } : {}),
      ...(fixes.length > 0 ? { fixes } : {}),
      group: d.group ?? subjectKey(d.at),
      fingerprint: fingerprint(
        check.code,
        d.id ?? check.name,
        d.at,
        (d.related ?? []).map((r) => r.at),
      ),
    };
    return {
      finding,
      key: subjectKey(d.at),
      covers: new Set((d.covers ?? []).map(subjectKey)),
      order: orderOf(d.at),
    };
  }

  function diagnostic(
    d: Diagnostic,
    allChecks: readonly Check[],
    shown: ReadonlySet<DiagnosticCode>,
  ): Placed {
    const code = codeOfDiagnostic(d, shown);
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
        severity: severityOf(code, check?.name ?? d.id, code === 'FW904' ? 'info' : d.severity),
        name: check?.name ?? d.id,
        confidence: 'proved',
        family: at?.view.family,
        place: at ? placeOf(subject) : nowhere,
        story: d.hint === undefined ? {} : { help: [d.hint] },
        inferences: [],
        group: `${d.id} ${d.message}`,
        fingerprint: fingerprint(code, d.id, subject, []),
      },
      key: subjectKey(subject),
      covers: new Set(),
      order: orderOf(subject),
    };
  }

  return { draft, diagnostic };
}

function uniqueInferences(all: readonly Inference[]): readonly Inference[] {
  const seen = new Set<string>();
  return all.filter(({ text }) => !seen.has(text) && seen.add(text));
}

/** What {@link createPlacer} gives. */
export type Placer = ReturnType<typeof createPlacer>;

/** Runs the checks on one machine and makes findings of what they yield. */

import type { RemoteEnd } from '../analysis/diff-connections.ts';
import { budgetReached } from '../analysis/machine-rulesets.ts';
import type { DeclaredContext } from '../context/declared.ts';
import type { Diagnostic, DiagnosticCode } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Fact } from '../model/machine.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import type { Check, CheckContext, RulesetView, Walk } from './check.ts';
import { createContext } from './context.ts';
import { type Confidence, confidences, type ExplainedFinding, type Finding } from './finding.ts';
import { createOwnerOf, type GeneratorChoices } from './generators.ts';
import { byPlace, createPlacer, type Placed, type Placer } from './placer.ts';
import { type Profile, profileOf } from './profile.ts';
import { createView } from './ruleset-view.ts';
import { type CheckSelection, isSelected, selectionOf } from './select.ts';
import type { SensitivePortChanges } from './sensitive-ports.ts';
import { type Silence, watchMachine } from './silence.ts';
import { createSuppressor, type SuppressedBy, type Suppression, type Suppressor } from './suppress.ts';

/** What a run is told. Everything but the first two may be left out. */
export interface LintOptions extends CheckSelection {
  readonly registry: Registry;
  readonly checks: readonly Check[];
  readonly family?: Family;
  readonly backend?: Backend;
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics?: readonly Diagnostic[];
  /** What the administrator says of the machine himself. */
  readonly declared?: DeclaredContext;
  /** The kind of machine, in place of the one that is seen. */
  readonly profile?: Profile;
  readonly generators?: GeneratorChoices;
  readonly sensitivePorts?: SensitivePortChanges;
  /** Whoever works on the machine from afar: would these rules cut him off? */
  readonly asRemote?: RemoteEnd;
  /** Findings that are less sure are left out. Default: `inferred`, none. */
  readonly minConfidence?: Confidence;
  /** Suppressions from a file beside the ruleset; those in the texts are found here. */
  readonly suppressions?: readonly Suppression[];
  /** Fingerprints of findings that were there before. */
  readonly baseline?: ReadonlySet<string>;
  /** `2026-11-22`, for suppressions with an end; absent: none has come to it. */
  readonly today?: string;
  /** A code: `LintResult.silence` then says why this check told nothing more. */
  readonly explainSilence?: DiagnosticCode;
  /** Ceiling on nodes of sets, for each family; default: 2^24. */
  readonly nodesMax?: number;
  /** Told before each step of the work: `FW204`, and how many of how many steps are done. */
  readonly onProgress?: (step: {
    readonly what: string;
    readonly done: number;
    readonly total: number;
  }) => void;
}

/** A finding that is not told, and why. */
export interface SuppressedFinding {
  readonly finding: Finding;
  readonly by: SuppressedBy;
}

/** What was found out about one machine. */
export interface LintResult {
  readonly read: ReadMachine;
  readonly profile: Fact<Profile>;
  readonly findings: readonly Finding[];
  readonly suppressed: readonly SuppressedFinding[];
  /** How many were left out as less sure than `minConfidence`. */
  readonly tooUnsure: number;
  /** Codes of the checks that ran. */
  readonly checked: readonly DiagnosticCode[];
  /** Set if there was nothing to look at. */
  readonly couldNotLook?: string;
  /** Set if a limit was reached: some checks did not see everything, and there may be more findings than these. */
  readonly unfinished?: string;
  readonly silence?: Silence;
}

/** What all readings of a run share. */
interface Run {
  readonly options: LintOptions;
  readonly checks: readonly Check[];
  readonly suppressor: Suppressor;
}

/** What one reading of the input gave. */
interface Reading {
  readonly placed: readonly Placed[];
  readonly placer: Placer;
  readonly suppressed: readonly SuppressedFinding[];
  readonly tooUnsure: readonly Finding[];
  readonly undecided: readonly DiagnosticCode[];
  readonly unknown: readonly string[];
  readonly exhausted: boolean;
}

/** Looks at one machine; its own text first, then further ones about it. Never throws for any input. */
export function lintMachine(texts: readonly SourceText[], options: LintOptions): LintResult {
  const { registry, family, backend, declared, onProgress } = options;
  onProgress?.({ what: 'reading', done: 0, total: options.checks.length });
  const read = readMachine(texts, { registry, family, backend, declared });
  const profile: Fact<Profile> = options.profile
    ? { value: options.profile, provenance: 'given', source: 'configuration' }
    : profileOf(read.machine);
  const checks = options.checks.filter((check) => isSelected(check, options, profile.value));
  const checked = checks.map((check) => check.code).sort();
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) {
    // Line by line it would be said again that the text is no ruleset.
    return { read, profile, checked, findings: [], suppressed: [], tooUnsure: 0, couldNotLook };
  }
  const suppressor = createSuppressor({
    texts,
    rules: () => rulesOf(read),
    checks: options.checks,
    beside: options.suppressions,
    baseline: options.baseline,
    today: options.today,
  });
  const run: Run = { options, checks, suppressor };
  const bytes = options.diagnostics ?? [];
  const first = lookAt(read, [...bytes, ...read.diagnostics], run, profile);
  const readings = [first];
  if (family === undefined && read.rulesets.some((r) => r.linked.familyUndecided)) {
    // Nothing says which family this is: it is read as the other one too, and what both give is told once.
    const other = readMachine(texts, { registry, family: 'ipv6', backend, declared });
    readings.push(lookAt(other, [...bytes, ...other.diagnostics], run, profile));
  }
  const placed = [...(readings[1] ? mergeReadings(first.placed, readings[1].placed) : first.placed)];
  if (checked.includes('FW910'))
    for (const d of suppressor.problems(new Set(checked), read.machine))
      placed.push(first.placer.diagnostic(d, options.checks, new Set(checked)));
  const findings = placed.sort(byPlace).map(({ finding }) => finding);
  const silence = silenceOf(options, findings, readings, profile.value);
  const limit = budgetReached(!readings.some((reading) => reading.exhausted), options);
  return {
    read,
    profile,
    checked,
    findings,
    suppressed: uniqueSuppressed(readings.flatMap((r) => r.suppressed)),
    tooUnsure: first.tooUnsure.length,
    ...(limit === undefined ? {} : { unfinished: `${limit}: there may be more findings than these` }),
    ...(silence ? { silence } : {}),
  };
}

function* rulesOf(read: ReadMachine) {
  for (const { linked, source } of read.rulesets)
    for (const table of linked.ruleset.tables)
      for (const chain of table.chains) for (const rule of chain.rules) yield { source: source.name, rule };
}

function lookAt(
  read: ReadMachine,
  diagnostics: readonly Diagnostic[],
  { options, checks, suppressor }: Run,
  profile: Fact<Profile>,
): Reading {
  const { registry, severities, minConfidence = 'inferred', onProgress } = options;
  const shown = new Set(checks.map((check) => check.code));
  const ownerOf = createOwnerOf(options.generators);
  const views: RulesetView[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const inForce = read.rulesets.findLast((r) => r.linked.ruleset.family === family);
    if (inForce) views.push(createView(inForce, registry, read.machine, ownerOf));
  }
  const mentions = checks.flatMap((check) => (check.mentions === undefined ? [] : [check.mentions]));
  const watch = watchMachine(read.machine);
  const spaces: { readonly exhausted: boolean }[] = [];
  const contextOf = (machine: ReadMachine): CheckContext =>
    createContext({
      views,
      read: machine,
      registry,
      sensitivePorts: options.sensitivePorts,
      profile,
      asRemote: options.asRemote,
      mentions,
      nodesMax: options.nodesMax,
      onPackets: ({ space }) => spaces.push(space),
    });
  const context = contextOf(read);
  const placer = createPlacer(read, views, severities);
  const placed: Placed[] = diagnostics
    .map((d) => placer.diagnostic(d, options.checks, shown))
    .filter(({ finding }) => shown.has(finding.code) || !options.checks.some((c) => c.code === finding.code));
  const undecided: DiagnosticCode[] = [];
  for (const [done, check] of checks.entries()) {
    onProgress?.({ what: check.code, done, total: checks.length });
    const seen =
      check.code === options.explainSilence ? contextOf({ ...read, machine: watch.machine }) : context;
    for (const draft of check.run(seen)) {
      // A walk that nobody decided shows nothing.
      if (draft.witness === undefined || isDecided(draft.witness)) placed.push(placer.draft(check, draft));
      else undecided.push(check.code);
    }
  }
  const suppressed: SuppressedFinding[] = [];
  const tooUnsure: Finding[] = [];
  const kept = withoutExplained(placed, checks)
    .sort(byPlace)
    .filter(({ finding }) => {
      if (confidences.indexOf(finding.confidence) < confidences.indexOf(minConfidence)) {
        tooUnsure.push(finding);
        return false;
      }
      const by = suppressor.hide(finding);
      if (by) suppressed.push({ finding, by });
      return by === undefined;
    });
  const told = kept.map(({ finding }) => finding);
  for (const check of checks)
    for (const draft of check.conclude?.(context, told) ?? []) kept.push(placer.draft(check, draft));
  return {
    placed: kept,
    placer,
    suppressed,
    tooUnsure,
    undecided,
    unknown: [...watch.asked],
    exhausted: spaces.some((space) => space.exhausted),
  };
}

function isDecided(walk: Walk): boolean {
  return walk.fate !== 'undecided' && walk.fate !== 'exhausted';
}

/** One cause, one finding: what a finding of a code that it yields to says already, or covers, is told with that one. */
function withoutExplained(placed: readonly Placed[], checks: readonly Check[]): Placed[] {
  const yieldsTo = new Map(checks.map((check) => [check.code, check.yieldsTo ?? []]));
  const leaders = new Map<string, Placed[]>();
  for (const one of placed)
    for (const place of new Set([one.key, ...one.covers])) {
      const there = leaders.get(place);
      if (there) there.push(one);
      else leaders.set(place, [one]);
    }
  const explained = new Map<Placed, ExplainedFinding[]>();
  const leading = placed.filter((one) => {
    const codes = yieldsTo.get(one.finding.code);
    const leader = codes && leaders.get(one.key)?.find(({ finding }) => codes.includes(finding.code));
    if (!leader) return true;
    const { code, name, severity, message, span } = one.finding;
    const list = explained.get(leader) ?? [];
    list.push({ code, name, severity, message, ...(span ? { span } : {}) });
    explained.set(leader, list);
    return false;
  });
  return leading.map((one) => {
    const explains = explained.get(one);
    return explains ? { ...one, finding: { ...one.finding, explains } } : one;
  });
}

/**
 * One finding of both readings, without a family. What only the first gives, which takes the text for IPv4 as every tool
 * does, keeps its own; what only IPv6 would have is not told: nothing says that there is any.
 */
function mergeReadings(first: readonly Placed[], second: readonly Placed[]): readonly Placed[] {
  const inSecond = new Set(second.map(({ finding }) => keyOf(finding)));
  // What is unreadable in one family alone says that the text is of the other.
  const refuses = (list: readonly Placed[]): number =>
    list.filter(
      ({ finding }) => (finding.code === 'FW901' || finding.code === 'FW902') && finding.severity === 'error',
    ).length;
  if (refuses(second) > refuses(first)) return first;
  if (refuses(second) < refuses(first)) return second;
  return first.map((one) =>
    inSecond.has(keyOf(one.finding)) ? { ...one, finding: { ...one.finding, family: undefined } } : one,
  );
}

/** One text for what both readings say. */
function keyOf(f: Finding): string {
  return `${f.code} ${f.id} ${f.span?.source} ${f.span?.start} ${f.place.table} ${f.place.chain} ${f.place.ruleNumber}`;
}

function uniqueSuppressed(all: readonly SuppressedFinding[]): readonly SuppressedFinding[] {
  const seen = new Set<string>();
  return all.filter(({ finding }) => !seen.has(keyOf(finding)) && seen.add(keyOf(finding)));
}

function silenceOf(
  options: LintOptions,
  findings: readonly Finding[],
  readings: readonly Reading[],
  profile: Profile,
): Silence | undefined {
  const check = options.checks.find(({ code }) => code === options.explainSilence);
  const [first] = readings;
  if (!check || !first) return undefined;
  const { code } = check;
  const explainedBy = first.placed
    .filter(({ finding }) => finding.explains?.some((e) => e.code === code))
    .map(({ finding }) => finding.code);
  return {
    check,
    selection: selectionOf(check, options, profile),
    unknown: [...first.unknown],
    told: findings.filter((f) => f.code === code).length,
    undecided: first.undecided.filter((c) => c === code).length,
    explainedBy: [...new Set(explainedBy)].sort(),
    tooUnsure: first.tooUnsure.filter((f) => f.code === code).length,
    suppressed: first.suppressed.filter(({ finding }) => finding.code === code).length,
  };
}

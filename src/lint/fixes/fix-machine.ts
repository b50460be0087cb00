/**
 * Applies the fixes of a machine's findings to its texts, round by round: lint, apply what does not get into each
 * other's way, lint again, until nothing is left to apply.
 *
 * Safe fixes are proved equal before they are kept, together where that succeeds, else each by itself. Unsafe fixes are
 * kept where their finding is gone after them and no graver or new one has come.
 */

import type { MachineDiff } from '../../analysis/diff-machines.ts';
import type { DiagnosticCode, Edit, Fix } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import { type ReadMachine, type ReadMachineOptions, readMachine } from '../../link/read-machine.ts';
import type { Finding, FindingFix } from '../finding.ts';
import { type LintOptions, type LintResult, lintMachine } from '../lint.ts';
import { applyEdits, areApart } from './apply-edits.ts';
import { placesChanged, placesOf } from './finding-fix.ts';
import { compareMended, whyNotEqual } from './prove-equal.ts';

/** A fix with the finding that it is of. Places are those in the text that the finding was made of. */
export interface ChosenFix {
  readonly finding: Finding;
  readonly fix: FindingFix;
}

/** A fix that was not applied, and why. */
export interface LeftFix extends ChosenFix {
  readonly why: string;
}

/** What came of it. */
export interface FixResult {
  /** What lint said of the texts as they came. */
  readonly first: LintResult;
  /** What it says of the texts as they are now. */
  readonly last: LintResult;
  readonly texts: readonly SourceText[];
  /** In the order in which they were applied. */
  readonly safe: readonly ChosenFix[];
  readonly unsafe: readonly ChosenFix[];
  /** Fixes that were tried and not kept. */
  readonly left: readonly LeftFix[];
  /** The texts before and after, with packets that fare differently; undefined where no unsafe fix was applied. */
  readonly compared: MachineDiff | undefined;
}

/** Rounds of lint and proofs, at most: each applies what it can at once, so real rulesets need three or four. */
const roundsMax = 50;
const proofsMax = 400;

/** Which fixes are to be applied. */
interface Wanted {
  readonly unsafe: boolean;
}

/**
 * Applies safe fixes, and unsafe ones where they are wanted. Where something is told of the result that was not told
 * before, the fixes of one code after the other are left out until it is not.
 */
export function fixMachine(texts: readonly SourceText[], options: LintOptions, wanted: Wanted): FixResult {
  const first = lintMachine(texts, options);
  const left = new Set<DiagnosticCode>();
  let result = applyAll(first, options, wanted, left);
  for (;;) {
    const brought = broughtBy(first, result.last, wanted);
    if (brought === undefined) return result;
    const codes = [...new Set([...result.safe, ...result.unsafe].map(({ finding }) => finding.code))];
    let without: FixResult | undefined;
    for (const code of codes.reverse()) {
      const attempt = applyAll(first, options, wanted, new Set([...left, code]), brought);
      if (broughtBy(first, attempt.last, wanted) === brought) continue;
      left.add(code);
      without = attempt;
      break;
    }
    if (without === undefined) for (const code of codes) left.add(code);
    result = without ?? applyAll(first, options, wanted, left, brought);
  }
}

/** A code of which more is told than before: of unsafe fixes, more warnings and errors. */
function broughtBy(first: LintResult, last: LintResult, { unsafe }: Wanted): DiagnosticCode | undefined {
  const old = countsOf(first, !unsafe);
  const now = new Map<DiagnosticCode, number>();
  for (const { code, severity } of toldOf(last))
    if (!unsafe || severity !== 'info') now.set(code, (now.get(code) ?? 0) + 1);
  return [...now].find(([code, count]) => count > (old.get(code) ?? 0))?.[0];
}

/** Applies what it can of all codes but some. `brought`: what these would bring, for the answer. */
function applyAll(
  first: LintResult,
  options: LintOptions,
  wanted: Wanted,
  leftOut: ReadonlySet<DiagnosticCode>,
  brought?: DiagnosticCode,
): FixResult {
  const { registry, family, backend, declared } = options;
  const { texts } = first.read;
  const reading: ReadMachineOptions = { registry, family, backend, declared };
  const lint = (current: readonly SourceText[]): LintResult => lintMachine(current, options);
  const failed = new Map<string, LeftFix>();
  const safe: ChosenFix[] = [];
  const unsafe: ChosenFix[] = [];
  let state: State = { texts, result: first };
  let proofs = 0;

  const readings = (read: ReadMachine): readonly (readonly [ReadMachine, ReadMachineOptions])[] => {
    const own = [read, reading] as const;
    if (family !== undefined || !read.rulesets.some((r) => r.linked.familyUndecided)) return [own];
    // Nobody knows which family it is: it has to hold for both.
    const other: ReadMachineOptions = { ...reading, family: 'ipv6' };
    return [own, [readMachine(read.texts, other), other]];
  };
  const whyNotProved = (read: ReadMachine, now: readonly SourceText[]): string | undefined => {
    if (++proofs > proofsMax) return `${proofsMax} proofs were tried before it`;
    for (const [old, how] of readings(read)) {
      const why = whyNotEqual(old, now, how);
      if (why !== undefined) return why;
    }
    return undefined;
  };

  const openOf = (kind: 'safe' | 'unsafe'): readonly ChosenFix[] =>
    kind === 'unsafe' && !wanted.unsafe
      ? []
      : toldOf(state.result).flatMap((f) => chosen(f, kind, wanted.unsafe, failed) ?? []);

  /** Notes what is not to be tried at all; another fix of the same finding may take its place, and be noted as well. */
  const noteRefused = (): void => {
    const kept = keptPlaces(state.result);
    for (let noted = true; noted; ) {
      noted = false;
      for (const one of [...openOf('safe'), ...openOf('unsafe')]) {
        const [suppressed] = placesChanged(one.fix).flatMap((place) => kept.get(place) ?? []);
        const why = leftOut.has(one.finding.code)
          ? `it would bring ${brought}`
          : suppressed && `a suppressed ${suppressed} is about what it changes`;
        if (why === undefined) continue;
        failed.set(keyOf(one), { ...one, why });
        noted = true;
      }
    }
  };

  /** One round of one kind; whether something was applied. */
  const round = (kind: 'safe' | 'unsafe'): boolean | undefined => {
    const { result } = state;
    noteRefused();
    // What mends a finding goes before what only tidies up: a rule that is to be moved is not deleted.
    const awaited = new Set(kind === 'safe' ? openOf('unsafe').flatMap(({ fix }) => placesOf(fix)) : []);
    const open = openOf(kind).filter(({ fix }) => !placesChanged(fix).some((place) => awaited.has(place)));
    const candidates = apart(open);
    if (candidates.length === 0) return undefined;
    let taken: readonly ChosenFix[] = [];
    let takenResult: LintResult | undefined;
    const attempt = (more: readonly ChosenFix[]): void => {
      const now = applied(state.texts, [...taken, ...more]);
      let why: string | undefined;
      let then: LintResult | undefined;
      if (kind === 'safe') why = whyNotProved(result.read, now);
      else {
        then = lint(now);
        why = whyNotMended(takenResult ?? result, then, more);
      }
      if (why === undefined) {
        taken = [...taken, ...more];
        takenResult = then;
      } else if (more.length === 1) {
        for (const one of more) failed.set(keyOf(one), { ...one, why });
      } else {
        const half = more.length >> 1;
        attempt(more.slice(0, half));
        attempt(more.slice(half));
      }
    };
    attempt(candidates);
    if (taken.length === 0) return false;
    const now = applied(state.texts, taken);
    state = { texts: now, result: takenResult ?? lint(now) };
    (kind === 'safe' ? safe : unsafe).push(...taken);
    return true;
  };

  for (let count = 0; count < roundsMax; count++) {
    if (round('safe') !== undefined) continue;
    if (!wanted.unsafe || round('unsafe') === undefined) break;
  }
  return {
    first,
    last: state.result,
    texts: state.texts,
    safe,
    unsafe,
    left: [...failed.values()],
    compared: unsafe.length === 0 ? undefined : compareMended(first.read, state.texts, reading),
  };
}

interface State {
  readonly texts: readonly SourceText[];
  readonly result: LintResult;
}

function keyOf({ finding, fix }: ChosenFix): string {
  return `${finding.fingerprint} ${fix.title}`;
}

/** The first fix of a finding that is of this kind, unless one that mends it goes before one that only tidies up. */
function chosen(
  finding: Finding,
  kind: Fix['applicability'],
  unsafeToo: boolean,
  failed: ReadonlyMap<string, unknown>,
): ChosenFix | undefined {
  const fix = (finding.fixes ?? []).find(
    (one) =>
      (one.applicability === kind || (unsafeToo && one.applicability === 'unsafe')) &&
      one.edits.length > 0 &&
      !failed.has(keyOf({ finding, fix: one })),
  );
  return fix?.applicability === kind ? { finding, fix } : undefined;
}

/** What suppressed findings would change if they were told, with their codes: somebody has said that it is right as it is. */
function keptPlaces({ suppressed }: LintResult): ReadonlyMap<string, DiagnosticCode> {
  return new Map(
    suppressed.flatMap(({ finding }) =>
      (finding.fixes ?? []).flatMap((fix) => placesOf(fix).map((place) => [place, finding.code] as const)),
    ),
  );
}

/** In their order, those that touch nothing that one before them touches. */
function apart(all: readonly ChosenFix[]): readonly ChosenFix[] {
  const touched = new Set<string>();
  const edits: Edit[] = [];
  return all.filter(({ fix }) => {
    if (fix.touches.some((key) => touched.has(key)) || !areApart([...edits, ...fix.edits])) return false;
    for (const key of fix.touches) touched.add(key);
    for (const one of fix.edits) edits.push(one);
    return true;
  });
}

function applied(texts: readonly SourceText[], fixes: readonly ChosenFix[]): readonly SourceText[] {
  return applyEdits(
    texts,
    fixes.flatMap(({ fix }) => fix.edits),
  );
}

/**
 * Findings that a change may rest on: where nothing says which family a text is of, what only the less likely reading
 * gives is none.
 */
function toldOf({ findings, read }: LintResult): readonly Finding[] {
  const undecided = read.rulesets.some((r) => r.linked.familyUndecided);
  return undecided ? findings.filter(({ family }) => family !== 'ipv6') : findings;
}

/** How many findings there are of each code, those among them that are told with another one. */
function countsOf(result: LintResult, infoToo: boolean): ReadonlyMap<DiagnosticCode, number> {
  const counts = new Map<DiagnosticCode, number>();
  for (const finding of toldOf(result))
    for (const { code, severity } of [finding, ...(finding.explains ?? [])])
      if (infoToo || severity !== 'info') counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}

/** Why fixes are not kept: their findings are still there, or others have come. */
function whyNotMended(
  before: LintResult,
  after: LintResult,
  fixes: readonly ChosenFix[],
): string | undefined {
  if (after.couldNotLook !== undefined) return 'nothing is left to look at then';
  const brought = broughtBy(before, after, { unsafe: true });
  if (brought !== undefined) return `it would bring ${brought}`;
  const all = (result: LintResult, code: DiagnosticCode): number =>
    toldOf(result).filter((f) => f.code === code).length;
  for (const code of new Set(fixes.map(({ finding }) => finding.code)))
    if (all(after, code) >= all(before, code)) return 'the finding would still be there';
  return undefined;
}

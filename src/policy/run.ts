/** A policy tried on one machine: every test in every family that it is about. */

import { diffRulesets } from '../analysis/diff.ts';
import type { Difference } from '../analysis/diff-tell.ts';
import type { MachineQuestion } from '../analysis/machine-rulesets.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { compile } from '../engine/program.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Family } from '../net/address.ts';
import { readAssumptions } from '../trace/assumptions.ts';
import { type Bench, createBench } from './bench.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import {
  type ReadingContext,
  type ReadPackets,
  readAny,
  readOut,
  readSource,
  readTarget,
} from './packets.ts';
import type { PlacedText, Policy, PolicyProblem, PolicyTest } from './policy.ts';
import { type ClaimAnswer, proveTest, type TestSets } from './prove.ts';
import { replyDescriptions } from './replies.ts';
import { newSources } from './source-translation.ts';

/** What a run is told beside policy and machine. */
export interface PolicyRunOptions extends Omit<MachineQuestion, 'assume'> {
  /** `KEY=VALUE` each, as for `fwsim trace`: facts that nobody told. */
  readonly assume?: readonly string[];
  /** The rulesets that `same-as` names, each with what is to be known of its machine. */
  readonly others?: ReadonlyMap<string, readonly SourceText[]>;
  /** Also say which rules no test speaks about. */
  readonly coverage?: boolean;
}

/** How a test fared. `allowed`: it depends on something unknown, and may. */
export type TestVerdict = 'passed' | 'allowed' | 'failed' | 'undecided';

/** The answer to one claim, in one family. `difference`: of `same-as`. */
export interface FamilyClaim extends ClaimAnswer {
  readonly family: Family;
  readonly difference?: Difference;
}

/** The answer to one test. */
export interface TestAnswer {
  readonly test: PolicyTest;
  readonly verdict: TestVerdict;
  readonly claims: readonly FamilyClaim[];
}

/** The answer to a policy. */
export interface PolicyRun {
  readonly read?: ReadMachine;
  /** The rulesets that were looked at. */
  readonly rulesets: readonly ReadRuleset[];
  readonly tests: readonly TestAnswer[];
  readonly coverage: readonly Coverage[];
  /** About the texts of the machine. */
  readonly diagnostics: readonly Diagnostic[];
  /** What is wrong with the policy itself: nothing was tried. */
  readonly problems: readonly PolicyProblem[];
  readonly couldNotLook?: string;
}

const familyNames = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

/** Tries a policy on a machine; its own text first, then further ones about it. Never throws for any input. */
export function runPolicy(texts: readonly SourceText[], policy: Policy, o: PolicyRunOptions): PolicyRun {
  const none = { rulesets: [], tests: [], coverage: [], diagnostics: [], problems: [] };
  const assumptions = readAssumptions(o.assume ?? []);
  if ('diagnostics' in assumptions)
    return {
      ...none,
      problems: assumptions.diagnostics.map(({ message, hint }) => ({
        message: message.replace(/\.$/, ''),
        ...(hint === undefined ? {} : { hint }),
        span: undefined,
      })),
    };
  const reading = {
    registry: o.registry,
    family: o.family,
    backend: o.backend,
    assume: assumptions.forMachine,
  };
  const read = readMachine(texts, reading);
  const diagnostics = [...(o.diagnostics ?? []), ...read.diagnostics];
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) return { ...none, diagnostics, couldNotLook };
  const program = compile(
    read.rulesets.map((r) => r.linked.ruleset),
    read.machine,
    o.registry,
  );
  const rulesets = (['ipv4', 'ipv6'] as const).flatMap((f) =>
    o.family === undefined || o.family === f
      ? (read.rulesets.findLast((r) => r.linked.ruleset.family === f) ?? [])
      : [],
  );
  const problems = new Map<PolicyTest, PolicyProblem[]>();
  const claims = new Map<PolicyTest, FamilyClaim[]>(policy.tests.map((t) => [t, []]));
  const readable = new Set<PolicyTest>();
  const coverage: Coverage[] = [];
  const benches: { readonly bench: Bench; readonly tests: readonly TestSets[] }[] = [];
  for (const ruleset of rulesets) {
    const { family, backend } = ruleset.linked.ruleset;
    const context: ReadingContext = {
      registry: o.registry,
      machine: read.machine,
      family,
      backend,
      names: policy.names,
    };
    const tests: TestSets[] = [];
    for (const test of policy.tests) {
      if (test.family !== undefined && test.family !== family) continue;
      const sets = setsOfTest(test, context);
      if ('problems' in sets) {
        const noted = problems.get(test) ?? [];
        problems.set(test, [...noted, ...sets.problems]);
        continue;
      }
      readable.add(test);
      if (sets.sets !== undefined) tests.push(sets.sets);
    }
    const bench = createBench({
      read,
      program,
      registry: o.registry,
      ruleset,
      tape: assumptions.tape,
      queries: tests.flatMap((t) => queriesOf(t, { ruleset, program, read, registry: o.registry })),
      ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
      ...(o.meter === undefined ? {} : { meter: o.meter }),
    });
    benches.push({ bench, tests });
  }
  // What one family cannot say (a TTL is a hop limit to the other) is wrong only if no family can.
  const wrong = policy.tests.flatMap((t) => (readable.has(t) ? [] : (problems.get(t) ?? []).slice(0, 1)));
  const others = readOthers(policy, o, reading);
  wrong.push(...others.problems);
  if (wrong.length > 0) return { ...none, read, rulesets, diagnostics, problems: wrong };

  for (const { bench, tests } of benches) {
    const { family } = bench.ruleset.linked.ruleset;
    for (const sets of tests) {
      const found = claims.get(sets.test);
      for (const answer of proveTest(bench, sets)) found?.push({ ...answer, family });
      const { sameAs } = sets.test;
      const other = sameAs && others.read.get(sameAs.text);
      if (other !== undefined) found?.push({ ...comparedWith(bench, sets, other, o), family });
    }
    if (o.coverage) coverage.push(coverageOf(bench, tests));
  }
  const tests = policy.tests.map((test) => answerOf(test, claims.get(test) ?? [], rulesets));
  return { read, rulesets, tests, coverage, diagnostics, problems: [] };
}

// ---------------------------------------------------------------------------------------------- reading

function setsOfTest(
  test: PolicyTest,
  context: ReadingContext,
): { readonly sets: TestSets | undefined } | { readonly problems: readonly PolicyProblem[] } {
  const packets = readAny(test.packets, context);
  const except = readAny(test.except, context);
  const optional = (
    texts: readonly PlacedText[] | undefined,
    read: (text: PlacedText, context: ReadingContext) => ReadPackets,
  ): ReadPackets => (texts === undefined ? { ok: true, describe: undefined } : readAny(texts, context, read));
  const out = optional(test.out, readOut);
  const target = optional(test.translatedTo, readTarget);
  const newSource = optional(test.sourceTranslatedTo, readSource);
  const sources = optional(test.onlyFrom, readSource);
  const problems = [packets, except, out, target, newSource, sources].flatMap((r) =>
    r.ok ? [] : r.problems,
  );
  if (problems.length > 0) return { problems };
  const said = (r: ReadPackets): Description | undefined => (r.ok ? r.describe : undefined);
  const inside = said(packets);
  const outside = said(except);
  if (inside === undefined) return { sets: undefined };
  // Nobody of this family is a source, or a destination: the claim is about nothing then.
  const none = (texts: readonly PlacedText[] | undefined): Description | undefined =>
    texts === undefined ? undefined : (space) => space.none;
  return {
    sets: {
      test,
      packets:
        outside === undefined ? inside : (space) => space.and(inside(space), space.not(outside(space))),
      out: said(out) ?? none(test.out),
      target: said(target) ?? none(test.translatedTo),
      newSource: said(newSource) ?? none(test.sourceTranslatedTo),
      sources: said(sources) ?? none(test.onlyFrom),
    },
  };
}

function queriesOf(
  { test, packets, out, target, newSource, sources }: TestSets,
  bench: Pick<Bench, 'ruleset' | 'program' | 'registry' | 'read'>,
): readonly Description[] {
  return [
    packets,
    ...[out, target, newSource, sources].filter((d) => d !== undefined),
    ...(newSource === undefined ? [] : [newSources(bench)]),
    ...(test.replyPasses ? replyDescriptions(bench, { packets, test }) : []),
  ];
}

interface Others {
  readonly read: ReadonlyMap<string, ReadMachine>;
  readonly problems: readonly PolicyProblem[];
}

function readOthers(policy: Policy, o: PolicyRunOptions, reading: Parameters<typeof readMachine>[1]): Others {
  const read = new Map<string, ReadMachine>();
  const problems: PolicyProblem[] = [];
  for (const { sameAs } of policy.tests) {
    if (sameAs === undefined || read.has(sameAs.text)) continue;
    const texts = o.others?.get(sameAs.text);
    const machine = texts && readMachine(texts, reading);
    const why = machine === undefined ? 'it was not given' : whyNothingToLookAt(machine);
    if (machine === undefined || why !== undefined)
      problems.push({
        message: `the rules of "${sameAs.text}" cannot be compared: ${why}`,
        span: sameAs.place(),
      });
    else read.set(sameAs.text, machine);
  }
  return { read, problems };
}

// ---------------------------------------------------------------------------------------------- answers

/** Whether no packet of the test fares differently under the other rules, on this machine. */
function comparedWith(
  bench: Bench,
  { test, packets }: TestSets,
  other: ReadMachine,
  o: PolicyRunOptions,
): ClaimAnswer & { readonly difference?: Difference } {
  const kind = 'same-as';
  const { ruleset } = bench.ruleset.linked;
  const theirs = other.rulesets.findLast((r) => r.linked.ruleset.family === ruleset.family);
  if (theirs === undefined)
    return { kind, verdict: 'undecided', why: `the other file has no ${familyNames[ruleset.family]} rules` };
  const program = compile(
    other.rulesets.map((r) => r.linked.ruleset),
    bench.read.machine,
    o.registry,
  );
  const diff = diffRulesets({
    registry: o.registry,
    old: { ruleset: theirs.linked.ruleset, program },
    new: { ruleset, program: bench.program },
    oneMachine: true,
    only: packets,
    ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
    ...(o.meter === undefined ? {} : { meter: o.meter }),
  });
  if (diff.kind === 'undecided') return { kind, verdict: 'undecided', why: diff.why };
  if (diff.kind === 'equal') return { kind, verdict: diff.proof === 'nothing' ? 'empty' : 'proved' };
  const road = test.local ? 'local' : 'arrive';
  const told = diff.differences.filter(
    (d) => d.road === road && (test.anyState || d.described === 'opening'),
  );
  const difference = told.find((d) => d.certain) ?? told[0];
  if (difference === undefined) return { kind, verdict: 'proved' };
  return {
    kind,
    verdict: difference.certain ? 'refuted' : 'depends',
    difference,
    packets: difference.packets,
    ...(difference.certain ? {} : { dependsOn: difference.unknowns }),
  };
}

function answerOf(
  test: PolicyTest,
  claims: readonly FamilyClaim[],
  rulesets: readonly ReadRuleset[],
): TestAnswer {
  if (claims.length === 0) {
    const family = test.family ?? 'ipv4';
    const given = rulesets.some((r) => r.linked.ruleset.family === family);
    const why =
      test.family !== undefined && !given
        ? `there is no ${familyNames[test.family]} ruleset`
        : 'no ruleset that was given is of the family of these packets';
    return { test, verdict: 'undecided', claims: [{ kind: 'expect', verdict: 'undecided', why, family }] };
  }
  // A family without such packets says nothing where the other one has some.
  const told = claims.filter(({ verdict }) => verdict !== 'empty');
  const counted = told.length === 0 ? claims : told;
  const is = (...verdicts: readonly ClaimAnswer['verdict'][]): boolean =>
    counted.some(({ verdict }) => verdicts.includes(verdict));
  const verdict: TestVerdict = is('refuted', 'empty')
    ? 'failed'
    : is('undecided')
      ? 'undecided'
      : is('depends')
        ? test.allowUnknown
          ? 'allowed'
          : 'failed'
        : 'passed';
  return { test, verdict, claims: counted };
}

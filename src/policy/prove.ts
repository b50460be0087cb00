/** One test on one ruleset: proved for all of its packets, or refuted by one of them. */

import type { Decider } from '../analysis/deciders.ts';
import { unknownsBehind } from '../analysis/fates.ts';
import { budgetReached } from '../analysis/machine-rulesets.ts';
import type { FateKind } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { WalkedWitness } from '../analysis/witness-walk.ts';
import { describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Asked, Bench, Group, Shown } from './bench.ts';
import {
  type ClaimKind,
  type ClaimSets,
  fateClaim,
  nothingPasses,
  outClaim,
  silenceClaim,
  translationClaim,
} from './claims.ts';
import type { Expectation, PolicyTest } from './policy.ts';
import { type ReplyAnswer, repliesOf } from './replies.ts';
import { sourceClaim } from './source-translation.ts';

/**
 * What became of a claim. `depends`: it holds or not as something falls that is not known; `empty`: there is no packet
 * that it could be about; `undecided`: the sets grew too large, or no packet could be found that would settle it.
 */
export type ClaimVerdict = 'proved' | 'refuted' | 'depends' | 'empty' | 'undecided';

/** The answer to one claim. */
export interface ClaimAnswer {
  readonly kind: ClaimKind;
  readonly verdict: ClaimVerdict;
  /** How the packets end that refute it, and by whom: those of the witness. */
  readonly fate?: FateKind;
  readonly by?: Decider;
  /** The packets that refute it, or for which it depends. */
  readonly packets?: SetDescription;
  /** An ordinary one of them; of some-tests that are proved, one for which everything holds. */
  readonly witness?: WalkedWitness;
  /** The answer's walk, where the reply is what fails. */
  readonly reply?: ReplyAnswer['failing'];
  /** What it depends on, in the words of `--assume` or for people. */
  readonly dependsOn?: readonly string[];
  /** Why it is undecided, or what else is to be known: a sentence without a full stop. */
  readonly why?: string;
}

/** The sets of one test, ready for a bench. */
export interface TestSets {
  readonly test: PolicyTest;
  readonly packets: Description;
  readonly out: Description | undefined;
  readonly target: Description | undefined;
  readonly newSource: Description | undefined;
  readonly sources: Description | undefined;
}

/** The expectation that a test implies where it names none. */
export function expectationOf(test: PolicyTest): Expectation | undefined {
  if (test.expect !== undefined) return test.expect;
  if (test.out !== undefined) return test.local ? 'sent' : 'forwarded';
  if (test.translatedTo !== undefined || test.sourceTranslatedTo !== undefined || test.replyPasses)
    return 'accept';
  return undefined;
}

/** The packets that a test is about, apart from those that `only-from` keeps out. */
export function askedBy(bench: Bench, { test, packets, sources }: TestSets): Asked {
  const { space } = bench.analysis.vocabulary;
  const asked = bench.asked(packets, test.local ? 'local' : 'arrive', test.anyState);
  return sources === undefined ? asked : { ...asked, within: space.and(asked.within, setOf(bench, sources)) };
}

const setOf = ({ analysis }: Bench, description: Description): PacketSet =>
  analysis.vocabulary.describe(analysis.side, description).may;

/** Answers the claims of a test, all but `same-as`. */
export function proveTest(bench: Bench, sets: TestSets): readonly ClaimAnswer[] {
  const { test, sources, out, target, newSource } = sets;
  const { space } = bench.analysis.vocabulary;
  const answers: ClaimAnswer[] = [];
  const asked = askedBy(bench, sets);
  if (sources !== undefined) {
    const all = bench.asked(sets.packets, asked.road, test.anyState);
    const strangers = { ...all, within: space.and(all.within, space.not(setOf(bench, sources))) };
    answers.push(answerEvery(bench, strangers, nothingPasses(bench, strangers), 'proved'));
  }
  const claims: ClaimSets[] = [];
  const expect = expectationOf(test);
  if (expect !== undefined) claims.push(fateClaim(bench, asked, expect));
  if (out !== undefined) claims.push(outClaim(bench, asked, out));
  if (target !== undefined) claims.push(translationClaim(bench, asked, target));
  if (newSource !== undefined) claims.push(sourceClaim(bench, asked, newSource));
  if (test.neverLogged) claims.push(silenceClaim(bench, asked));
  if (test.some && claims.length > 0) answers.push(answerSome(bench, asked, claims));
  else answers.push(...claims.map((claim) => answerEvery(bench, asked, claim, 'empty')));
  if (test.replyPasses) answers.push(answerReply(bench, asked, sets));
  return answers;
}

const setsOf = (bench: Bench, groups: readonly Group[]): PacketSet =>
  bench.analysis.vocabulary.space.union(groups.map((g) => g.set));

/** Fields that tell apart what conntrack keeps, not what people say of a packet. */
const bookkeeping = ['ctStatus', 'ctDirection'] as const;

function described(bench: Bench, set: PacketSet, care: PacketSet): SetDescription {
  const { space } = bench.analysis.vocabulary;
  const inUse = bookkeeping.filter((f) => space.codec.fields.has(f));
  return describeSet(space, space.forget(set, inUse), {
    care: space.forget(care, inUse),
    boxesMax: 40,
    linesMax: 4,
  });
}

function ended({ group, witness }: Shown): Partial<ClaimAnswer> {
  return { fate: group.fate, witness, ...(group.by === undefined ? {} : { by: group.by }) };
}

/** What decides whether these packets end so: answers of the witness's walk, else the variables behind the sets. */
function dependsOn(bench: Bench, asked: Asked, shown: Shown | undefined): readonly string[] {
  if (shown !== undefined && shown.witness.assume.length > 0) return shown.witness.assume;
  const { vocabulary } = bench.analysis;
  const relation = vocabulary.space.atEntry(asked.within);
  const parts = bench.analysis.road(asked.road).parts.map((part) => ({
    ...part,
    set: vocabulary.space.and(part.set, relation),
  }));
  return unknownsBehind(vocabulary, parts);
}

function problemOf(bench: Bench, sets: readonly PacketSet[]): string | undefined {
  const { space } = bench.analysis.vocabulary;
  return budgetReached(
    sets.every((s) => space.isDecided(s)),
    bench,
  );
}

function answerEvery(bench: Bench, asked: Asked, claim: ClaimSets, ifEmpty: 'proved' | 'empty'): ClaimAnswer {
  const { kind } = claim;
  const { space } = bench.analysis.vocabulary;
  const good = setsOf(bench, claim.good);
  const bad = setsOf(bench, claim.bad);
  const why = problemOf(bench, [good, bad]);
  if (why !== undefined) return { kind, verdict: 'undecided', why };
  if (bad === space.none) {
    // Whether packets leave by the right interface, or as what, is asked of those that pass alone.
    if (good !== space.none) return { kind, verdict: 'proved' };
    const ofThosePassing = kind === 'out' || kind === 'translated-to' || kind === 'source-translated-to';
    return { kind, verdict: ofThosePassing && bench.parts(asked).length > 0 ? 'proved' : ifEmpty };
  }
  const sure = space.diff(bad, good);
  const within = sure === space.none ? bad : sure;
  const shown = bench.show(asked.road, claim.bad, within, claim.shows);
  const refuted = sure !== space.none && !(kind === 'logged' && (shown?.witness.assume.length ?? 0) > 0);
  const [first] = claim.bad.filter((g) => !space.disjoint(g.set, within));
  return {
    kind,
    verdict: refuted ? 'refuted' : 'depends',
    packets: described(bench, within, space.or(good, bad)),
    ...(shown ? ended(shown) : first ? { fate: first.fate, ...(first.by ? { by: first.by } : {}) } : {}),
    ...(refuted ? {} : { dependsOn: dependsOn(bench, asked, shown) }),
  };
}

/** Whether one packet satisfies all claims. */
function answerSome(bench: Bench, asked: Asked, claims: readonly ClaimSets[]): ClaimAnswer {
  const { space } = bench.analysis.vocabulary;
  const [first] = claims;
  const kind = first?.kind ?? 'expect';
  const everything = bench.groups(bench.parts(asked));
  const all = setsOf(bench, everything);
  const bad = space.union(claims.map((c) => setsOf(bench, c.bad)));
  const good = claims.reduce((set, c) => space.and(set, setsOf(bench, c.good)), all);
  const why = problemOf(bench, [all, bad, good]);
  if (why !== undefined) return { kind, verdict: 'undecided', why };
  if (all === space.none) return { kind, verdict: 'empty' };
  const sure = space.diff(good, bad);
  if (sure !== space.none) {
    const shown = bench.show(asked.road, first?.good ?? everything, sure);
    return { kind, verdict: 'proved', ...(shown ? ended(shown) : {}) };
  }
  const open = good !== space.none;
  const shown = open
    ? bench.show(asked.road, first?.good ?? everything, good)
    : bench.show(
        asked.road,
        claims.flatMap((c) => c.bad),
        bad,
      );
  return {
    kind,
    verdict: open ? 'depends' : 'refuted',
    ...(shown ? ended(shown) : {}),
    ...(open ? { dependsOn: dependsOn(bench, asked, shown) } : {}),
  };
}

function answerReply(bench: Bench, asked: Asked, sets: TestSets): ClaimAnswer {
  const kind = 'reply';
  const { verdict, failing, dependsOn: open, why } = repliesOf(bench, asked, sets);
  return {
    kind,
    verdict,
    ...(failing ? { reply: failing, witness: failing.request } : {}),
    ...(open ? { dependsOn: open } : {}),
    ...(why === undefined ? {} : { why }),
  };
}

/**
 * Whether the answers to packets pass. Proved for every packet that an answer may be; refuted by an answer that the
 * engine has walked after its question.
 */

import { budgetReached } from '../analysis/machine-rulesets.ts';
import { acceptedFates } from '../analysis/query.ts';
import type { FateKind, RoadName } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { WalkedWitness } from '../analysis/witness-walk.ts';
import { assumptionText } from '../engine/tape.ts';
import type { Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import type { PacketSet } from '../packetset/space.ts';
import { findWitness } from '../packetset/witness.ts';
import { waysOf } from '../trace/outcome.ts';
import { type ReplyEnd, replyEnd } from '../trace/reply.ts';
import { type PacketTrace, traceRead } from '../trace/trace-packet.ts';
import { answeringState, answersAfter, describedAnswers, type PossibleAnswers } from './answers.ts';
import type { Asked, Bench } from './bench.ts';
import type { PolicyTest } from './policy.ts';
import { newSources } from './source-translation.ts';

/** What became of the answers. */
export interface ReplyAnswer {
  readonly verdict: 'proved' | 'refuted' | 'depends' | 'empty' | 'undecided';
  /** A question that passes, and its answer that does not come back. */
  readonly failing?: {
    readonly request: WalkedWitness;
    readonly trace: Trace;
    readonly end: ReplyEnd;
  };
  readonly dependsOn?: readonly string[];
  readonly why?: string;
}

/** The test that is asked for answers: its packets, where they begin, and which of them. */
export interface RepliesAsked {
  readonly packets: Description;
  readonly test: Pick<PolicyTest, 'local' | 'anyState'>;
}

/** Questions that are walked in search of an answer that is lost: ordinary ones, then some made for lost answers. */
const ordinaryMax = 6;
const lostMax = 6;

/** The ends at which an answer has come back to who asked. */
const home: Readonly<Record<RoadName, readonly FateKind[]>> = {
  arrive: ['forward', 'sent'],
  local: ['local'],
};

/** What is said of the answers to a test's packets; to be mentioned among the queries of a bench. */
export function replyDescriptions(
  bench: Pick<Bench, 'ruleset' | 'program' | 'registry' | 'read'>,
  { packets, test }: RepliesAsked,
): readonly Description[] {
  return [
    ...describedAnswers(bench, packets, test).flatMap((a) => [a.whole, a.destination]),
    answeringState(bench),
    newSources(bench),
    (space) => space.addressType('src', 'LOCAL'),
  ];
}

/** The answers to a test's packets, on each road that some of them take. */
export function askedReplies(bench: Bench, asked: Asked, about: RepliesAsked): readonly PossibleAnswers[] {
  return answersAfter(bench, asked, describedAnswers(bench, about.packets, about.test));
}

/** See the head of this file. */
export function repliesOf(bench: Bench, asked: Asked, about: RepliesAsked): ReplyAnswer {
  const { space } = bench.analysis.vocabulary;
  const passing = bench.groups(bench.parts(asked)).filter((g) => acceptedFates.includes(g.fate));
  if (passing.length === 0) return { verdict: 'empty' };
  const lost: PacketSet[] = [];
  let some = false;
  for (const answers of askedReplies(bench, asked, about))
    for (const { part, set } of answers.parts) {
      some = true;
      if (!home[asked.road].includes(part.fate)) lost.push(set);
    }
  const why = budgetReached(
    lost.every((set) => space.isDecided(set)),
    bench,
  );
  if (why !== undefined) return { verdict: 'undecided', why };
  if (lost.length === 0 && some) return { verdict: 'proved' };

  // The set of answers is wider than the answers there are: an answer that is lost has to be seen.
  let open: WalkedWitness | undefined;
  const ordinary = passing
    .slice(0, ordinaryMax)
    .flatMap((group) => bench.show(asked.road, [group], group.set)?.witness ?? []);
  const walk = (request: WalkedWitness): ReplyAnswer | undefined => {
    const seen = repliesSeen(bench, asked, request);
    if (seen === 'open') open ??= request;
    return seen === 'open' || seen === undefined ? undefined : seen;
  };
  for (const request of ordinary) {
    const refuted = walk(request);
    if (refuted) return refuted;
  }
  for (const set of lost.slice(0, lostMax))
    for (const request of ordinary) {
      const other = askingFor(bench, set, request);
      const refuted = other && walk(other);
      if (refuted) return refuted;
    }
  if (open !== undefined) return { verdict: 'depends', dependsOn: open.assume };
  return {
    verdict: 'undecided',
    why: 'some packets that may be answers are not let through, but no answer was found that is lost',
  };
}

/** The walk of a question, with what the policy takes for granted. */
function traceOf(bench: Bench, { packet, local, assume }: WalkedWitness): PacketTrace | undefined {
  const granted = Object.entries(bench.tape).map(([key, answer]) => assumptionText({ key, answer }));
  return traceRead(bench.read, () => bench.program, {
    registry: bench.registry,
    expression: packet,
    local,
    pick: true,
    family: bench.ruleset.linked.ruleset.family,
    assume: [...new Set([...assume, ...granted])],
  }).traced;
}

/** What becomes of the answers to one question: lost on every way, on some (`open`), or on none. */
function repliesSeen(
  bench: Bench,
  asked: Asked,
  request: WalkedWitness,
): (ReplyAnswer & { readonly verdict: 'refuted' }) | 'open' | undefined {
  let some = false;
  for (const [branch, reply] of traceOf(bench, request)?.replies ?? []) {
    if (reply.kind !== 'walked' || !isOf(bench, asked, branch.trace)) continue;
    const ends = waysOf(reply.ways).map((way) => ({
      trace: way.branch.trace,
      end: replyEnd(branch.trace, way.branch.trace),
    }));
    const failing = ends.find(({ end }) => end !== 'comes-back');
    if (failing === undefined) continue;
    if (ends.every(({ end }) => end !== 'comes-back'))
      return { verdict: 'refuted', failing: { request, ...failing } };
    some = true;
  }
  return some ? 'open' : undefined;
}

/** Whether a packet that was walked is one of the question. */
function isOf(bench: Bench, { road, within }: Asked, { packet, events }: Trace): boolean {
  const { space } = bench.analysis.vocabulary;
  const first = events.find((e) => e.kind === 'hook');
  // What machines add on the way is no condition on the packet as it comes in.
  const header = road === 'arrive' ? space.forget(space.may(within), ['outInterface']) : space.may(within);
  return space.contains(header, {
    packet,
    inInterface: first?.kind === 'hook' ? first.inInterface : undefined,
    outInterface: road === 'local' && first?.kind === 'hook' ? first.outInterface : undefined,
    connection: { state: 'NEW', direction: 'original', entry: undefined },
  });
}

/** A question whose answer is one of `lost`: like another one, but from where that answer goes. */
function askingFor(bench: Bench, lost: PacketSet, like: WalkedWitness): WalkedWitness | undefined {
  const { space } = bench.analysis.vocabulary;
  const answer = findWitness(space, lost);
  const to = answer?.fields.get('dst');
  if (typeof to !== 'object') return undefined;
  const packet = replaced(like.packet, '-s', addressText(to));
  const port = answer?.fields.get('dport');
  return {
    ...like,
    packet:
      typeof port === 'number' && packet.includes('--dport')
        ? replaced(packet, '--sport', String(port))
        : packet,
  };
}

/** Words with another value behind an option; the option stands before `--dport` where it was not said. */
function replaced(words: readonly string[], option: string, value: string): readonly string[] {
  const at = words.indexOf(option);
  if (at >= 0) return words.with(at + 1, value);
  const before = words.indexOf('--dport');
  return before < 0 ? [...words, option, value] : words.toSpliced(before, 0, option, value);
}

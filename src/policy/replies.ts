/**
 * Whether the answers to packets pass. Proved for every packet that an answer may be; refuted by an answer that the
 * engine has walked after its question.
 */

import { budgetReached } from '../analysis/machine-rulesets.ts';
import { acceptedFates } from '../analysis/query.ts';
import type { RoadName } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { WalkedWitness } from '../analysis/witness-walk.ts';
import { assumptionText } from '../engine/tape.ts';
import type { Trace } from '../model/trace.ts';
import type { PacketSet } from '../packetset/space.ts';
import { waysOf } from '../trace/outcome.ts';
import { type ReplyEnd, replyEnd } from '../trace/reply.ts';
import { traceRead } from '../trace/trace-packet.ts';
import { backwards } from './backwards.ts';
import type { Asked, Bench, Group } from './bench.ts';

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

/** Questions that are walked in search of an answer that is lost. */
const requestsMax = 12;

/** What `describe` asks about answers; to be mentioned among the queries of a bench. */
export function replyDescription(
  { ruleset, program }: Pick<Bench, 'ruleset' | 'program'>,
  describe: Description,
): Description {
  const { tables, family } = ruleset.linked.ruleset;
  const translates = tables.some((t) => t.name === 'nat' && t.chains.some((c) => c.rules.length > 0));
  const turned = backwards(describe, translates);
  if (!program.families[family].conntrack) return turned;
  return (space) =>
    space.and(
      turned(space),
      space.and(space.named('ctState', 'ESTABLISHED'), space.named('ctDirection', 'reply')),
    );
}

/** The answers to a test's packets, on each road that some of them take. */
export function askedReplies(bench: Bench, asked: Asked, packets: Description): readonly Asked[] {
  const roads = new Set<RoadName>();
  for (const { fate } of bench.groups(bench.parts(asked))) {
    if (fate === 'local') roads.add(asked.road === 'local' ? 'arrive' : 'local');
    if (fate === 'forward' || fate === 'sent') roads.add('arrive');
  }
  const { space } = bench.analysis.vocabulary;
  const answering = answerFlags(bench);
  return [...roads].map((road) => {
    const all = bench.asked(replyDescription(bench, packets), road, true);
    return { road, within: space.and(all.within, answering) };
  });
}

/** Answers to a first segment have the ACK flag; everything else may be an answer. */
function answerFlags({ analysis }: Bench): PacketSet {
  const { space } = analysis.vocabulary;
  const ack = 0x10;
  const coding = space.codec.fields.get('tcpFlags')?.coding;
  if (coding?.kind !== 'bits' || !coding.bitNumbers.includes(4)) return space.all;
  return space.or(space.not(space.interval('protocol', 6, 6)), space.bits('tcpFlags', ack, ack));
}

/** See the head of this file. */
export function repliesOf(bench: Bench, asked: Asked, packets: Description): ReplyAnswer {
  const { space } = bench.analysis.vocabulary;
  const passing = bench.groups(bench.parts(asked)).filter((g) => acceptedFates.includes(g.fate));
  if (passing.length === 0) return { verdict: 'empty' };
  let lost: readonly Group[] = [];
  let some = false;
  for (const replies of askedReplies(bench, asked, packets)) {
    const groups = bench.groups(bench.parts(replies));
    some ||= groups.length > 0;
    lost = [...lost, ...groups.filter((g) => !acceptedFates.includes(g.fate))];
  }
  const why = budgetReached(
    lost.every((g) => space.isDecided(g.set)),
    bench,
  );
  if (why !== undefined) return { verdict: 'undecided', why };
  if (lost.length === 0 && some) return { verdict: 'proved' };

  // The set of answers is wider than the answers there are: an answer that is lost has to be seen.
  let open: WalkedWitness | undefined;
  for (const group of passing.slice(0, requestsMax)) {
    const shown = bench.show(asked.road, [group], group.set);
    if (shown === undefined) continue;
    const { traced } = traceRead(bench.read, () => bench.program, {
      registry: bench.registry,
      expression: shown.witness.packet,
      local: shown.witness.local,
      pick: true,
      family: bench.ruleset.linked.ruleset.family,
      assume: [
        ...new Set([
          ...shown.witness.assume,
          ...Object.entries(bench.tape).map(([key, answer]) => assumptionText({ key, answer })),
        ]),
      ],
    });
    for (const [branch, reply] of traced?.replies ?? []) {
      if (reply.kind !== 'walked') continue;
      const ends = waysOf(reply.ways).map((way) => ({
        trace: way.branch.trace,
        end: replyEnd(branch.trace, way.branch.trace),
      }));
      const failing = ends.find(({ end }) => end !== 'comes-back');
      if (failing === undefined) continue;
      if (ends.every(({ end }) => end !== 'comes-back'))
        return { verdict: 'refuted', failing: { request: shown.witness, ...failing } };
      open ??= shown.witness;
    }
  }
  if (open !== undefined) return { verdict: 'depends', dependsOn: open.assume };
  return {
    verdict: 'undecided',
    why: 'some packets that may be answers are not let through, but no answer was found that is lost',
  };
}

/** The same packets under two rulesets: which of them fare differently. */

import type { Packet } from '../model/packet.ts';
import type { EntryPoint } from '../model/trace.ts';
import { decidedBy } from '../trace/outcome.ts';
import { flowOf } from './tally.ts';
import { deciderKey, fateSignature, type Outcome } from './walker.ts';

/** One packet of the capture, and where it stands there. */
export interface ReplayedPacket {
  /** Number of its frame, 1-based. */
  readonly number: number;
  readonly timeMs: number | undefined;
  readonly packet: Packet;
  readonly entry: EntryPoint;
}

/** Packets that left one pair of rules with different ends. */
export interface Difference {
  readonly packets: number;
  readonly bytes: number;
  readonly flows: number;
  readonly first: ReplayedPacket & { readonly before: Outcome; readonly after: Outcome };
  /** What `fwsim trace` takes behind `--` for the packet of `wordsOf`. */
  readonly words: readonly string[];
  /** Number of the frame that `words` are about: the first that differs alike without the packets before it. */
  readonly wordsOf: number;
  /** Whether `words` alone, without the packets before, end as the packet did under both rulesets. */
  readonly exact: boolean;
  /** Number of the first frame of the same flow that fares differently; it is the cause where `exact` is false. */
  readonly flowBegins: number;
}

/** Finds the words of a packet that a trace without memory ends alike for; `undefined`: none do. */
export type WordFinder = (
  replayed: ReplayedPacket,
  before: Outcome,
  after: Outcome,
) => { readonly words: readonly string[]; readonly exact: boolean };

interface Group {
  packets: number;
  bytes: number;
  readonly flows: Set<string>;
  readonly first: Difference['first'];
  words: readonly string[];
  wordsOf: number;
  exact: boolean;
  readonly flowBegins: number;
  tries: number;
}

const flowsMax = 200_000;

/** Packets of a group that are tried for words. */
const triesMax = 16;

function endKey(o: Outcome): string {
  return o.undecided
    ? `undecided ${o.undecided.question.key}`
    : `${fateSignature(o.trace.fate).split(' ')[0]} by ${deciderKey(decidedBy(o.trace))}`;
}

/** Collects differences. */
export interface Comparison {
  add(replayed: ReplayedPacket, before: Outcome, after: Outcome): void;
  /** Those that a single packet shows come first, then the most packets. */
  differences(): readonly Difference[];
  /** Packets that fare differently. */
  packets(): number;
}

/** Starts without any. */
export function createComparison(find: WordFinder): Comparison {
  const groups = new Map<string, Group>();
  const beginnings = new Map<string, number>();
  let differing = 0;
  return {
    add(replayed, before, after) {
      if (before.signature === after.signature) return;
      differing++;
      const { packet, number } = replayed;
      const flow = flowOf(packet);
      if (!beginnings.has(flow) && beginnings.size < flowsMax) beginnings.set(flow, number);
      const key = `${packet.family} ${endKey(before)} > ${endKey(after)}`;
      let group = groups.get(key);
      if (!group) {
        group = {
          packets: 0,
          bytes: 0,
          flows: new Set(),
          first: { ...replayed, before, after },
          ...find(replayed, before, after),
          wordsOf: number,
          flowBegins: beginnings.get(flow) ?? number,
          tries: 1,
        };
        groups.set(key, group);
      } else if (!group.exact && group.tries < triesMax) {
        group.tries++;
        const found = find(replayed, before, after);
        if (found.exact) Object.assign(group, found, { wordsOf: number });
      }
      group.packets++;
      group.bytes += packet.lengthBytes;
      if (group.flows.size < flowsMax) group.flows.add(flow);
    },
    differences: () =>
      [...groups.values()]
        .map(({ flows, tries: _, ...group }) => ({ ...group, flows: flows.size }))

        .sort(
          (a, b) =>
            Number(b.exact) - Number(a.exact) || b.packets - a.packets || a.first.number - b.first.number,
        ),
    packets: () => differing,
  };
}

/** What a test claims of its packets, claim by claim: those for which it holds, and those for which it does not. */

import { atEntry } from '../analysis/fates.ts';
import { acceptedFates } from '../analysis/query.ts';
import type { FateKind } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { Rule } from '../model/ruleset.ts';
import type { Trace } from '../model/trace.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Asked, Bench, Group } from './bench.ts';
import type { Expectation } from './policy.ts';

/** The kinds of claims. */
export type ClaimKind =
  | 'expect'
  | 'out'
  | 'translated-to'
  | 'source-translated-to'
  | 'logged'
  | 'reply'
  | 'only-from'
  | 'same-as';

/** Packets as they come in, for which a claim holds or does not; where something is not known, both. */
export interface ClaimSets {
  readonly kind: ClaimKind;
  readonly good: readonly Group[];
  readonly bad: readonly Group[];
  /** What the walk of a packet must show beside its fate, for one of `bad`; absent: nothing. */
  readonly shows?: (trace: Trace) => boolean;
}

/** Fates that satisfy an expectation. What routing does not pass on is dropped without a word, or blocked. */
export const fatesOfExpectation: Readonly<Record<Expectation, readonly FateKind[]>> = {
  accept: acceptedFates,
  drop: ['drop', 'stuck', 'route-drop'],
  reject: ['reject'],
  delivered: ['local'],
  forwarded: ['forward'],
  sent: ['sent'],
  blocked: ['drop', 'stuck', 'route-drop', 'reject'],
};

const targetsThatLog: ReadonlySet<string> = new Set(['LOG', 'NFLOG', 'ULOG']);

/** How packets end. */
export function fateClaim(bench: Bench, asked: Asked, expect: Expectation): ClaimSets {
  const wanted = fatesOfExpectation[expect];
  const groups = bench.groups(bench.parts(asked));
  return {
    kind: 'expect',
    good: groups.filter((g) => wanted.includes(g.fate)),
    bad: groups.filter((g) => !wanted.includes(g.fate)),
  };
}

/** That nothing of these packets is let through. */
export function nothingPasses(bench: Bench, asked: Asked): ClaimSets {
  const groups = bench.groups(bench.parts(asked));
  return {
    kind: 'only-from',
    good: groups.filter((g) => !acceptedFates.includes(g.fate)),
    bad: groups.filter((g) => acceptedFates.includes(g.fate)),
  };
}

/** By which interface packets leave; those that do not are no matter of this claim. */
export function outClaim(bench: Bench, asked: Asked, out: Description): ClaimSets {
  const { vocabulary, side } = bench.analysis;
  const { space } = vocabulary;
  const by = vocabulary.describe(side, out).may;
  const leaving = { only: ({ fate }: { fate: FateKind }) => fate === 'forward' || fate === 'sent' };
  const parts = (set: PacketSet): readonly Group[] =>
    bench.groups(bench.parts({ ...asked, within: space.and(asked.within, set) }, leaving));
  return { kind: 'out', good: parts(by), bad: parts(space.not(by)) };
}

/** The destination at the end of the way, of packets that are let through. */
export function translationClaim(bench: Bench, asked: Asked, target: Description): ClaimSets {
  const { vocabulary, side } = bench.analysis;
  const { space } = vocabulary;
  const set = vocabulary.describe(side, target).may;
  const passing = ({ fate }: { fate: FateKind }): boolean => acceptedFates.includes(fate);
  const parts = (ending: PacketSet): readonly Group[] =>
    bench.groups(bench.parts(asked, { ending, only: passing }));
  return { kind: 'translated-to', good: parts(set), bad: parts(space.not(set)) };
}

/** That no rule writes a log line. */
export function silenceClaim(bench: Bench, asked: Asked): ClaimSets {
  const { analysis } = bench;
  const { space } = analysis.vocabulary;
  const road = analysis.road(asked.road);
  const relation = space.atEntry(asked.within);
  const all = bench.groups(bench.parts(asked));
  const logged: { readonly rule: Rule; readonly set: PacketSet }[] = [];
  for (const visit of road.visits)
    for (const chain of visit.analysis.model.chains.values())
      for (const { rule } of chain.rules) {
        if (!targetsThatLog.has(targetName(rule))) continue;
        const met = space.and(visit.taking(rule), relation);
        if (met === space.none) continue;
        logged.push({ rule, set: space.may(atEntry(analysis.vocabulary, met, road)) });
      }
  const heard = space.union(logged.map((l) => l.set));
  return {
    kind: 'logged',
    good: all.map((g) => ({ ...g, set: space.diff(g.set, heard) })),
    bad: all.map((g) => ({ ...g, set: space.and(g.set, heard) })).filter((g) => g.set !== space.none),
    shows: ({ events }) => events.some((e) => e.kind === 'log' && targetsThatLog.has(e.via)),
  };
}

function targetName({ target }: Rule): string {
  return target.kind === 'extension' ? target.extension : '';
}

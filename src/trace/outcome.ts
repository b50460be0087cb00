/** How a packet's way ended, by what, and which of several ways end alike. */

import { decidedBy } from '../engine/decided-by.ts';
import type { Branch, ExploreTree } from '../engine/explore.ts';
import type { Question, Trace } from '../model/trace.ts';

export { decidedBy } from '../engine/decided-by.ts';

/** Equal for ways that end alike: the same fate, by the same rule, with the same packet. */
function outcomeKey(trace: Trace): string {
  return JSON.stringify([trace.fate, decidedBy(trace) ?? null]);
}

/** A tree without the forks that make no difference. */
export type Ways =
  | {
      readonly kind: 'way';
      readonly branch: Branch;
      /** Questions that were answered both ways, or one way for all, and lead to the same end. */
      readonly immaterial: readonly Question[];
    }
  | {
      readonly kind: 'fork';
      readonly question: Question;
      readonly answers: readonly { readonly answer: string; readonly ways: Ways }[];
    };

/** Folds every fork whose answers all lead to the same outcome; the first answer's way stands for them. */
export function foldWays(tree: ExploreTree): Ways {
  if (tree.kind === 'leaf') return { kind: 'way', branch: tree.branch, immaterial: [] };
  const answers = tree.answers.map(({ answer, tree: below }) => ({ answer, ways: foldWays(below) }));
  const [first] = answers;
  if (first?.ways.kind === 'way') {
    const key = outcomeKey(first.ways.branch.trace);
    const alike = answers.every(({ ways }) => ways.kind === 'way' && outcomeKey(ways.branch.trace) === key);
    if (alike) {
      const questions = answers.flatMap(({ ways }) => (ways.kind === 'way' ? ways.immaterial : []));
      const immaterial = [...new Map([tree.question, ...questions].map((q) => [q.key, q])).values()];
      return { kind: 'way', branch: first.ways.branch, immaterial };
    }
  }
  return { kind: 'fork', question: tree.question, answers };
}

/** The ways of a tree from left to right. */
export function waysOf(ways: Ways): readonly (Ways & { kind: 'way' })[] {
  return ways.kind === 'way' ? [ways] : ways.answers.flatMap((a) => waysOf(a.ways));
}

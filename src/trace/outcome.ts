/** How a packet's way ended, by what, and which of several ways end alike. */

import type { Branch, ExploreTree } from '../engine/explore.ts';
import type { PolicyRef, Question, RuleRef, Trace } from '../model/trace.ts';

/**
 * The rule or policy that decided: the one that stopped the packet, or the one of the filter table that let it
 * pass last. Undefined where no rule had a say.
 */
export function decidedBy(trace: Trace): RuleRef | PolicyRef | undefined {
  const { fate, events } = trace;
  if ('at' in fate) return fate.at;
  if (fate.kind !== 'local' && fate.kind !== 'forward' && fate.kind !== 'sent') return undefined;
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i];
    if (event?.kind === 'rule' && event.rule.table === 'filter' && event.outcome === 'accept')
      return event.rule;
    if (event?.kind === 'policy' && event.table === 'filter')
      return { table: event.table, chain: event.chain, policy: true };
  }
  return undefined;
}

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

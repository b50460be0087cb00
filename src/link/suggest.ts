/** "Did you mean" with a bound: a hostile input has a hundred thousand words that nobody knows. */

import { didYouMean } from '../diagnostics/did-you-mean.ts';

/** The nearest of the candidates, or undefined. They are asked for only while there is something to suggest. */
export type Suggest = (word: string, candidates: () => Iterable<string>) => string | undefined;

/** Candidates that one ruleset may be compared with: less than a second at the very worst. */
const comparisonsMax = 200_000;

/** A {@link Suggest} that falls silent when it has compared enough. */
export function suggester(): Suggest {
  let left = comparisonsMax;
  return (word, candidates) => {
    if (left <= 0) return undefined;
    const list = [...candidates()];
    left -= list.length;
    return left <= 0 ? undefined : didYouMean(word, list);
  };
}

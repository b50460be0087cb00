/** Matchers for `expect.extend`, of vitest and of whatever takes the same shape. */

import type { Answer } from './answer.ts';
import {
  type ExpectationArguments,
  type ExpectationName,
  expectations,
  type Packets,
} from './expectations.ts';
import type { Rules } from './rules.ts';

/** What `expect(rules)` can do, once the matchers are there. */
export type RulesMatchers<R = unknown> = {
  readonly [N in ExpectationName]: (...args: ExpectationArguments<N>) => R;
};

/** What a runner tells a matcher, as far as it matters here. */
interface MatcherState {
  readonly isNot?: boolean | undefined;
}

type MatcherResult = { readonly pass: boolean; readonly message: () => string };

/** An answer that is open satisfies neither `expect` nor `expect.not`. */
function resultOf(name: string, answer: Answer, isNot: boolean): MatcherResult {
  const contrary = isNot ? `expected the rules not ${toWords(name)}` : `expected the rules ${toWords(name)}`;
  const open = answer.verdict === 'open' ? ', which depends on what is not known' : '';
  return {
    pass: answer.verdict === 'open' ? isNot : answer.verdict === 'holds',
    message: () => `${contrary}${open}\n\n${answer.message()}`,
  };
}

/** `toForwardTo`: to forward to. */
const toWords = (name: string): string => name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);

function isRules(value: unknown): value is Rules {
  return typeof value === 'object' && value !== null && 'read' in value && 'program' in value;
}

/** Every matcher by its name: `expect.extend(matchers)`. */
export const matchers = Object.fromEntries(
  Object.entries(expectations).map(([name, answerTo]) => [
    name,
    function matcher(this: MatcherState, received: unknown, ...args: readonly unknown[]): MatcherResult {
      if (!isRules(received))
        throw new TypeError(`expect(…).${name} is about rules: loadRules('gw.rules') gives them`);
      const answer = (answerTo as (rules: Rules, ...rest: readonly unknown[]) => Answer)(received, ...args);
      return resultOf(name, answer, this.isNot === true);
    },
  ]),
) as {
  readonly [N in ExpectationName]: (
    this: MatcherState,
    received: unknown,
    ...args: ExpectationArguments<N>
  ) => MatcherResult;
};

/**
 * The same without a runner's `expect`, for `node:test` and others: throws where an expectation does not hold.
 *
 *     assertRules(rules).toDrop('-i eth0 -p tcp --dport 23');
 */
export function assertRules(rules: Rules): RulesMatchers<void> {
  return Object.fromEntries(
    Object.entries(expectations).map(([name, answerTo]) => [
      name,
      (...args: readonly unknown[]): void => {
        const answer = (answerTo as (rules: Rules, ...rest: readonly unknown[]) => Answer)(rules, ...args);
        const { pass, message } = resultOf(name, answer, false);
        if (!pass) throw new RulesAssertionError(message());
      },
    ]),
  ) as unknown as RulesMatchers<void>;
}

/** What {@link assertRules} throws; runners know it by `code`. */
export class RulesAssertionError extends Error {
  override readonly name = 'AssertionError';
  readonly code = 'ERR_ASSERTION';
}

export type { Packets };

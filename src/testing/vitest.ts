/**
 * Adds the matchers of `fwsim/testing` (`RulesMatchers`) to the `expect` of vitest 3 and 4: import it in a test, or name it
 * in `setupFiles`. It exports nothing.
 *
 * @module fwsim/testing/vitest
 */

import { expect } from 'vitest';
import { matchers, type RulesMatchers } from './matchers.ts';

expect.extend(matchers);

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter must be written as vitest writes it
  interface Assertion<T = any> extends RulesMatchers<void> {}
}

/** The way in for those who say what must hold of a ruleset and have it proved. */

export type { UncoveredRule } from './policy/coverage.ts';
export { isNetwork, servicePattern } from './policy/names.ts';
export {
  expectations,
  type PlacedText,
  type Policy,
  type PolicyNames,
  type PolicyProblem,
  type PolicyTest,
  plainTest,
  type Zone,
} from './policy/policy.ts';
export type { ClaimAnswer, ClaimVerdict } from './policy/prove.ts';
export { type PolicyRun, type PolicyRunOptions, runPolicy, type TestAnswer } from './policy/run.ts';
export { type TodayPolicy, type TodayTest, todaysPolicy } from './policy/today.ts';
export { defaultRegistry } from './registry.ts';

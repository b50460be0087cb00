/** The way in for those who compare rulesets. */

export {
  type DiffSide,
  diffRulesets,
  diffRulesetsStepwise,
  type RulesetDiff,
  type RulesetDiffOptions,
} from './analysis/diff.ts';
export {
  type ConnectionsDiff,
  type LostConnection,
  parseRemoteEnd,
  type RemoteEnd,
} from './analysis/diff-connections.ts';
export type { ChangeKind } from './analysis/diff-groups.ts';
export {
  diffMachines,
  type FamilyDiff,
  type MachineDiff,
  type MachineDiffOptions,
  type MachineDiffResult,
} from './analysis/diff-machines.ts';
export type { Difference, DifferenceSide } from './analysis/diff-tell.ts';
export type { DiffWitness } from './analysis/diff-witness.ts';
export { defaultRegistry } from './registry.ts';

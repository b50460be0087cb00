/** The way in for those who lint. */

export { parseRemoteEnd, type RemoteEnd } from './analysis/diff-connections.ts';
export type { DeclaredContext } from './context/declared.ts';
export type { Check, CheckContext, CheckExample, CheckMetadata, FindingDraft } from './lint/check.ts';
export { checks } from './lint/checks/index.ts';
export {
  type Confidence,
  confidences,
  type Finding,
  type FindingFix,
  type FindingPlace,
  type Inference,
  type Witness,
} from './lint/finding.ts';
export { isFingerprint } from './lint/fingerprint.ts';
export { type LintOptions, type LintResult, lintMachine, type SuppressedFinding } from './lint/lint.ts';
export { type Profile, profiles } from './lint/profile.ts';
export { type Preset, presets, type SeverityChoice, unknownWords } from './lint/select.ts';
export { parsePorts } from './lint/sensitive-ports.ts';
export type { SuppressedBy, Suppression } from './lint/suppress.ts';
export { machineRoles } from './model/machine.ts';
export { defaultRegistry } from './registry.ts';

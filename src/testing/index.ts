/**
 * Property tests of rules, with fast-check and any test runner.
 *
 * @module fwsim/testing
 */

export type { Answer } from './answer.ts';
export { type HostOptions, hosts } from './arbitrary-hosts.ts';
export { type FlowOptions, flows, type PacketOptions, packets } from './arbitrary-packets.ts';
export { type RulesetOptions, rulesets } from './arbitrary-rulesets.ts';
export type { SetOptions } from './ask-sets.ts';
export { expectations, type FindingsOptions, type Packets } from './expectations.ts';
export { assertRules, matchers, RulesAssertionError, type RulesMatchers } from './matchers.ts';
export { type JudgedMutant, type Mutant, type MutationKind, mutantsOf } from './mutants.ts';
export {
  loadRules,
  type Rules,
  RulesError,
  type RulesOptions,
  rulesFromText,
  type WalkOptions,
} from './rules.ts';
export { flow, type TestFlow } from './test-flow.ts';
export { packet, type TestPacket } from './test-packet.ts';

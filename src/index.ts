/**
 * The library: reads rulesets, walks packets through them, finds what is wrong with them. No function here touches
 * a file, a process, a clock or a terminal.
 *
 * Each command takes the way in that it needs (`linting.ts`, `tracing.ts`, `formatting.ts`), so that it does not load
 * what another one needs.
 *
 * @module fwsim
 */

export { type Analysis, type AnalysisOptions, analyse } from './analysis/analysis.ts';
export type { CoverPart } from './analysis/cover.ts';
export {
  answerRules,
  type Death,
  type Loss,
  type RuleAnswers,
  type Standing,
} from './analysis/rule-answers.ts';
export * from './asking.ts';
export * from './comparing.ts';
export type {
  Diagnostic,
  DiagnosticCode,
  Edit,
  Fix,
  RelatedPlace,
  Severity,
  Span,
} from './diagnostics/diagnostic.ts';
export { createPositionTable, type Position, type PositionTable } from './diagnostics/position.ts';
export { createSources, type Place, type Sources, type SourceText } from './diagnostics/sources.ts';
export * from './fixing.ts';
export { type FormatTextOptions, type FormattedText, formatText } from './formatting.ts';
export { type Parsed, parse } from './grammar/parse.ts';
export * from './graphing.ts';
export { type FormatOptions, formatLinked } from './link/format.ts';
export { type Linked, type LinkedRuleset, type LinkOptions, link } from './link/link.ts';
export {
  type ReadMachine,
  type ReadMachineOptions,
  type ReadRuleset,
  readMachine,
} from './link/read-machine.ts';
export * from './linting.ts';
export { type Budget, createMeter, type Exhaustion, type Meter } from './support/budget.ts';
export * from './tracing.ts';

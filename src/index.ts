/**
 * The library: reads rulesets, walks packets through them, finds what is wrong with them. No function here touches
 * a file, a process, a clock or a terminal.
 *
 * Each command takes the way in that it needs (`linting.ts`, `tracing.ts`, `formatting.ts`), so that it does not load
 * what another one needs.
 */

export { type Analysis, type AnalysisOptions, analyse } from './analysis/analysis.ts';
export type { CoverPart } from './analysis/cover.ts';
export type { Decider } from './analysis/deciders.ts';
export type { ExposedService, Service, ServicePiece } from './analysis/exposed-services.ts';
export {
  type ExposureOptions,
  type ExposureResult,
  type ExposureRow,
  type ExposureSection,
  exposureOf,
  type FamilyExposure,
  type InterfaceExposure,
} from './analysis/exposure.ts';
export {
  type Aspect,
  acceptedFates,
  type FamilyAnswer,
  type QueryOptions,
  type QueryResult,
  type QueryRow,
  queryMachine,
  type Way,
} from './analysis/query.ts';
export {
  answerRules,
  type Death,
  type Loss,
  type RuleAnswers,
  type Standing,
} from './analysis/rule-answers.ts';
export { destinationWords, type ShortQuestion, sourceWords } from './analysis/short-questions.ts';
export type { WalkedWitness } from './analysis/witness-walk.ts';
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
export { type FormatTextOptions, type FormattedText, formatText } from './formatting.ts';
export { type Parsed, parse } from './grammar/parse.ts';
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

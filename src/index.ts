/**
 * The library: reads rulesets, walks packets through them, finds what is wrong with them. No function here touches
 * a file, a process, a clock or a terminal.
 */
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
export { type Budget, createMeter, type Exhaustion, type Meter } from './support/budget.ts';

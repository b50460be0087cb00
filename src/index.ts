/**
 * The library: reads rulesets, walks packets through them, finds what is wrong with them. No function here touches
 * a file, a process, a clock or a terminal.
 */

export type { DeclaredContext } from './context/declared.ts';
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

import { type Diagnostic, diagnostic } from './diagnostics/diagnostic.ts';
import type { SourceText } from './diagnostics/sources.ts';
import { extensions } from './extensions/index.ts';
import { createRegistry, type Registry } from './extensions/registry.ts';
import { type FormatOptions, formatLinked } from './link/format.ts';
import { readMachine } from './link/read-machine.ts';
import { whyNothingToLookAt } from './link/recognise.ts';
import type { Backend } from './model/netfilter.ts';
import type { Family } from './net/address.ts';

let registry: Registry | undefined;

/** All extensions that fwsim knows, by name. Made once. */
export function defaultRegistry(): Registry {
  registry ??= createRegistry(extensions);
  return registry;
}

export { type Analysis, type AnalysisOptions, analyse } from './analysis/analysis.ts';
export type { CoverPart } from './analysis/cover.ts';
export {
  answerRules,
  type Death,
  type Loss,
  type RuleAnswers,
  type Standing,
} from './analysis/rule-answers.ts';
export { type Parsed, parse } from './grammar/parse.ts';
export { type FormatOptions, formatLinked } from './link/format.ts';
export { type Linked, type LinkedRuleset, type LinkOptions, link } from './link/link.ts';
export {
  type ReadMachine,
  type ReadMachineOptions,
  type ReadRuleset,
  readMachine,
} from './link/read-machine.ts';
export type { Check, CheckContext, CheckExample, CheckMetadata, FindingDraft } from './lint/check.ts';
export { checks } from './lint/checks/index.ts';
export {
  type Confidence,
  confidences,
  type Finding,
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
export { parseMac } from './net/mac.ts';
export { type Replay, type ReplayOptions, type ReplayResult, replayCapture } from './replay/replay.ts';
export {
  compareKernel,
  type KernelAnswer,
  type KernelComparison,
  type KernelRun,
  type PacketWay,
  type RunComparison,
} from './trace/kernel-run.ts';
export {
  explainLog,
  type LogGroup,
  type LogOptions,
  type LogResult,
  type LogStory,
  type LogWay,
} from './trace/log-story.ts';
export { type PacketTrace, type TraceOptions, type TraceResult, tracePacket } from './trace/trace-packet.ts';

/** What {@link formatText} is told. */
export interface FormatTextOptions extends FormatOptions {
  readonly family?: Family;
  readonly backend?: Backend;
}

/** One text in the spelling of iptables-save, with what there was to say about it. */
export interface FormattedText {
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  /** Set if no table could be read: one sentence that says why and what to run instead. */
  readonly couldNotLook?: string;
}

/**
 * Prints the ruleset of a text as iptables-save would print it after iptables-restore had loaded it. Spans of the
 * diagnostics are offsets into the text, with the source's name.
 */
export function formatText(source: SourceText, options: FormatTextOptions = {}): FormattedText {
  const { family, backend, ...print } = options;
  const read = readMachine([source], { registry: defaultRegistry(), family, backend });
  const linked = { rulesets: read.rulesets.map((r) => r.linked) };
  const couldNotLook = whyNothingToLookAt(read);
  // Line by line it would be said again that the text is no ruleset.
  if (couldNotLook !== undefined) return { text: '', diagnostics: [], couldNotLook };
  const diagnostics = [...read.diagnostics];
  const comments = linked.rulesets.reduce((n, r) => n + [...r.comments.values()].flat().length, 0);
  if (!options.keepComments && comments > 0) {
    diagnostics.push(
      diagnostic({
        code: 'FW909',
        id: 'comments-dropped',
        severity: 'warning',
        message: `${comments} comment ${comments === 1 ? 'line is' : 'lines are'} left out, as iptables-save has none`,
        hint: '--keep-comments keeps them',
      }),
    );
  }
  return { text: formatLinked(linked, print), diagnostics };
}

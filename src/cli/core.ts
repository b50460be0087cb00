/**
 * What the commands ask of the parts below. Each command takes its functions as an argument, so that arguments,
 * streams and exit codes are tested apart from what the functions find out.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { TerminalStyle } from '../report/diagnostics.ts';

/** What the input does not say itself, from options; absent means that it is derived. */
export interface ReadingOptions {
  readonly family?: 'ipv4' | 'ipv6';
  readonly backend?: 'nft' | 'legacy';
}

/** `fmt`: the executed ruleset in the spelling of iptables-save. */
export interface FmtCore {
  readonly format: (
    source: SourceText,
    options: ReadingOptions & { readonly keepComments: boolean },
  ) => {
    readonly text: string;
    readonly diagnostics: readonly Diagnostic[];
    /** Set if no table could be read: one sentence that says why. The text is empty then. */
    readonly couldNotLook?: string;
  };
}

/** How much a printer says. */
export interface Detail {
  /** Also the repeats of a finding. */
  readonly all: boolean;
  /** Also what was inferred, and what each finding rests on. */
  readonly verbose: boolean;
  /** Also how to mend each finding. */
  readonly fixes?: boolean;
}

/** What `trace` is asked. */
export interface TraceRequest extends ReadingOptions {
  readonly texts: readonly SourceText[];
  readonly diagnostics: readonly Diagnostic[];
  /** The packet in iptables' match options, word by word. */
  readonly expression: readonly string[];
  /** Sent by this machine itself. */
  readonly local: boolean;
  /** Take one packet of an expression that means several. */
  readonly pick: boolean;
  readonly assumptions: readonly Assumption[];
  /** Also the rules that were tried and did not match, with the condition that refused. */
  readonly all: boolean;
  /** Also whether the answer would come back. */
  readonly reply: boolean;
  /** The whole conversation that the packet opens. */
  readonly flow: boolean;
  readonly now: () => number;
}

/** One `--assume KEY=VALUE`, cut at the first equals sign. */
export interface Assumption {
  readonly key: string;
  readonly value: string;
}

/** What became of a packet, or why that cannot be said. */
export interface TraceAnswer {
  /** The expression or an assumption is no usable question: usage errors, with spans into `expressionText`. */
  readonly refused?: { readonly expressionText: SourceText; readonly diagnostics: readonly Diagnostic[] };
  /** Nothing, or not everything, could be looked at; what there is to show is printed all the same. */
  readonly couldNotLook?: string;
}

/** `trace`: one packet's path. The printers give an empty text for an answer that holds no path. */
export interface TraceCore<A extends TraceAnswer = TraceAnswer> {
  readonly trace: (request: TraceRequest) => A;
  /**
   * Adds what the running kernel does with the packet.
   *
   * @throws CommandFailure where it cannot be asked
   */
  readonly askKernel: (answer: A) => Promise<A>;
  readonly printPretty: (answer: A, style: TerminalStyle, detail: Detail) => string;
  readonly printJson: (answer: A) => string;
}

/** `explain` and `checks`: what the linter knows about itself. */
export interface ChecksCore {
  /** The page of a check by code or name, for the terminal; `undefined` if there is none. */
  readonly explain: (nameOrCode: string, style: TerminalStyle) => string | undefined;
  /** Every code and name, for suggestions. */
  readonly names: () => readonly string[];
  readonly printChecks: (style: TerminalStyle) => string;
  readonly printChecksJson: () => string;
}

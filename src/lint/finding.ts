/** What a check says about a ruleset, as data: printers and programs read it, nothing recomputes it. */

import type { Diagnostic, DiagnosticCode, Fix, Severity, Span } from '../diagnostics/diagnostic.ts';
import type { RuleRef } from '../model/trace.ts';
import type { Family } from '../net/address.ts';

/**
 * How sure a finding is. `proved`: from the ruleset alone. `context`: from the ruleset and what other commands said
 * of the machine. `inferred`: it rests on a guess, which the finding names; such a finding is never an error.
 */
export type Confidence = 'proved' | 'context' | 'inferred';

/** A guess that a finding rests on, and the command whose output would settle it. */
export interface Inference {
  /** `eth0 leads outside (rule nat/POSTROUTING#1: -j MASQUERADE)`. */
  readonly text: string;
  /** `ip -j addr`. */
  readonly settledBy?: string;
  /** It says what sender the packet has (one who begins slowly), and nothing of the machine. */
  readonly ofSender?: true;
}

/** Which rule, chain or policy a finding is about. All undefined: the input as a whole. */
export interface FindingPlace {
  readonly table: string | undefined;
  readonly chain: string | undefined;
  /** 1-based, as `iptables -L --line-numbers` counts; undefined for a policy or a whole chain. */
  readonly ruleNumber: number | undefined;
  /** `Rule.id`. */
  readonly ruleId: number | undefined;
}

/** What became of the witness: `ACCEPT` and so on, and the rule or policy that decided. */
export interface WitnessFate {
  /** As `Fate.kind` of the trace: `local`, `forward`, `sent`, `drop`, `reject` … */
  readonly kind: string;
  readonly by: DecidedBy | undefined;
}

/** A rule, or the policy of a built-in chain. */
export type DecidedBy =
  | ({ readonly kind: 'rule' } & RuleRef)
  | { readonly kind: 'policy'; readonly table: string; readonly chain: string };

/** A packet that shows what the finding says. The engine has walked it before the finding was made. */
export interface Witness {
  /** The packet in iptables' match options, word by word: what `fwsim trace` takes behind `--`. */
  readonly packet: readonly string[];
  /** Sent by this machine itself: `--local`. */
  readonly local: boolean;
  /** What the walk was told besides, as `--assume` takes it: `local=203.0.113.1`. */
  readonly assume: readonly string[];
  readonly fate: WitnessFate;
  /** Its way, in the order of the kernel. */
  readonly steps: readonly WitnessStep[];
}

/** One step of a witness on its way. */
export interface WitnessStep {
  /** A hook is entered; the steps up to the next one happen there. */
  readonly hook: boolean;
  /** `FORWARD in by eth0 out by eth1`, `rule 3 of filter FORWARD matches: accept`. */
  readonly text: string;
  /** The rule or policy that spoke. */
  readonly span?: Span;
}

/** A finding that has the same cause as a graver one, and is told with it. */
export interface ExplainedFinding {
  readonly code: DiagnosticCode;
  readonly name: string;
  readonly severity: Severity;
  readonly message: string;
  readonly span?: Span;
}

/** The parts of the explanation, in the order of printing. Plain sentences without a full stop. */
export interface Story {
  /** What follows for this machine: `tcp/80 on this machine is open to every IPv4 source on eth0`. */
  readonly what?: string;
  /** The mechanism, in one or two sentences. */
  readonly why?: string;
  /** The rule or policy that lets it happen, where it is not the place of the finding. */
  readonly openedBy?: readonly DecidedBy[];
  /** What to do, each a sentence or a command. */
  readonly help?: readonly string[];
}

/** A change of the rules that mends a finding, or says the same with less. */
export interface FindingFix extends Fix {
  /** The same on the running machine: iptables commands word by word, with rule numbers at the time of each. */
  readonly commands: readonly (readonly string[])[];
  /** Rules, policies and chains that it changes, one text each: fixes that share none can be applied together. */
  readonly touches: readonly string[];
}

/** One finding. `id` is the check's name, or the sub-id of what the reader found in the input (FW9xx). */
export interface Finding extends Diagnostic {
  readonly name: string;
  readonly confidence: Confidence;
  /** Undefined: it holds for either, or has none. */
  readonly family: Family | undefined;
  readonly place: FindingPlace;
  /** What stands behind the underline of the rule: `never sees packets to this machine`. */
  readonly caption?: string;
  readonly story: Story;
  /** Guesses that it rests on. Not empty exactly if `confidence` is `inferred`. */
  readonly inferences: readonly Inference[];
  readonly witness?: Witness;
  readonly fixes?: readonly FindingFix[];
  /** Findings of one code with the same group are told once, with the number of the others. */
  readonly group: string;
  /** A name that survives edits elsewhere in the ruleset: `FW204-` and 20 hexadecimal digits; of one machine, each once. */
  readonly fingerprint: string;
  /** What has the same cause, and is not told by itself. */
  readonly explains?: readonly ExplainedFinding[];
}

/** How sure one must be, least first. */
export const confidences = ['inferred', 'context', 'proved'] as const satisfies readonly Confidence[];

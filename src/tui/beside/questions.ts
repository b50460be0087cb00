/** What the screen and the thread beside it say to each other: plain data. */

import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import type { LintOptions } from '../../linting.ts';
import type { Machine } from '../../model/machine.ts';
import type { Backend } from '../../model/netfilter.ts';
import type { Family } from '../../net/address.ts';
import type { WalkQuestion, WalkResult } from '../state/distant-world.ts';
import type { Draft } from '../state/draft.ts';
import type { MachineWords } from '../state/machine-words.ts';
import type { PackedRulesets } from '../state/packed-rules.ts';
import type { PacketsChanged } from './packets-changed.ts';
import type { ShownFinding } from './shown-finding.ts';

/** The machine, and how the linter is to look at it. */
export interface BesideMachine {
  readonly texts: readonly SourceText[];
  readonly family?: Family;
  readonly backend?: Backend;
  readonly diagnostics: readonly Diagnostic[];
  /** As `fwsim lint` would be told: configuration, suppressions, baseline. */
  readonly lint: Omit<LintOptions, 'registry' | 'checks' | 'diagnostics' | 'onProgress'>;
}

/**
 * What a thread is asked: which machine it is about and for what work, then about the rules with a draft in force, for
 * the walk of a packet, or for the rules as text. `draftSerial` says which drafts are the same: they are copied on the way.
 * A thread that walks says first what it has read.
 */
export type Question =
  | { readonly kind: 'open'; readonly machine: BesideMachine; readonly work: 'walks' | 'answers' }
  | {
      readonly kind: 'ask';
      readonly serial: number;
      readonly draft: Draft;
      /** What of it is not known yet. */
      readonly about: readonly (keyof Lists)[];
    }
  | {
      readonly kind: 'walk';
      readonly serial: number;
      readonly question: WalkQuestion;
      readonly draftSerial: number;
    }
  | { readonly kind: 'print'; readonly serial: number; readonly draft: Draft };

/** What a thread has read of a large machine, or why there is nothing to look at. */
export type OpenedFar =
  | {
      readonly kind: 'rules';
      readonly rules: PackedRulesets;
      readonly machine: Machine;
      readonly setNames: ReadonlySet<string> | undefined;
      /** Positions among the texts of those that the rulesets in force stand in. */
      readonly sources: readonly (readonly [Family, number])[];
      readonly words: Readonly<Record<Family, MachineWords>>;
    }
  | { readonly kind: 'nothing'; readonly couldNotLook: string };

/** One dead rule, by its identity. */
export interface DeadRule {
  readonly family: Family;
  readonly ruleId: number;
  /** `rules 2 and 5 take all its packets`. */
  readonly why: string;
}

/** What is asked of each draft, with what the answer is. */
export interface Lists {
  /** Which packets in all fare differently than with the rules as they were read. */
  readonly diff: readonly PacketsChanged[];
  readonly findings: readonly ShownFinding[];
  readonly dead: readonly DeadRule[];
}

/** An answer, or why there is none. `untold`: what it leaves out, and by which limit. */
export type Answered<T> =
  | { readonly kind: 'done'; readonly list: T; readonly untold?: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Answers that have come. */
export type Answers = { readonly [K in keyof Lists]?: Answered<Lists[K]> };

/** What a thread says: the answers of one question, one after the other; `last`: nothing more follows. Or what else was asked for. */
export type Reply =
  | { readonly kind: 'told'; readonly serial: number; readonly answers: Answers; readonly last: boolean }
  | { readonly kind: 'opened'; readonly opened: OpenedFar }
  | { readonly kind: 'walked'; readonly serial: number; readonly result: WalkResult }
  | { readonly kind: 'printed'; readonly serial: number; readonly text: string };

/** A thread that serves questions. */
export interface Thread {
  send(question: Question): void;
  end(): void;
}

/** What a thread is started with. */
export interface ThreadEvents {
  readonly replied: (reply: Reply) => void;
  /** It has ended by itself. */
  readonly failed: (reason: string) => void;
}

/** Starts a thread; undefined where none can be had. */
export type StartThread = (events: ThreadEvents) => Thread | undefined;

/** A rule line while its words are being read. */

import type { Extension, ParseContext } from '../extensions/define.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Backend } from '../model/netfilter.ts';
import type { BaseMatch, Counters, Invertible } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import type { RuleProblem, RuleProblemInit } from './rule-problem.ts';
import type { Suggest } from './suggest.ts';

/** Where and for whom rules are bound. */
export interface BindContext {
  readonly registry: Registry;
  readonly family: Family;
  readonly backend: Backend;
  readonly version: string;
  readonly setNames: ReadonlySet<string> | undefined;
  /** False where print must be exactly iptables-save's, even if it loses a condition. */
  readonly keepMeaning: boolean;
}

/** The command of a line with its operands. */
export interface RuleCommand {
  readonly letter: string;
  readonly operands: readonly string[];
  /** Index of the command's word, for messages. */
  readonly word: number;
}

/** An extension's option as it was written. */
export interface GivenOption {
  /** Its name in the extension's table. */
  readonly key: string;
  readonly negated: boolean;
  readonly args: readonly string[];
  /** Word index of the option itself. */
  readonly word: number;
}

/** One use of an extension: `-m NAME` or `-j NAME` with the options that it took. */
export interface Instance {
  readonly kind: 'match' | 'target';
  readonly name: string;
  /** Undefined: nobody here knows it. */
  readonly extension: Extension | undefined;
  /** Word index of the name; -1 if `-p` loaded it. */
  readonly word: number;
  readonly given: GivenOption[];
  /** The words of an extension that nobody knows, as written. */
  readonly verbatim: string[];
}

/** The argument of `-s` or `-d`. */
export interface GivenAddress {
  readonly text: string;
  readonly negated: boolean;
  readonly word: number;
}

/** The chains that a rule may jump to. */
export interface ChainNames {
  has(name: string): boolean;
  /** All of them, for "did you mean". */
  names(): Iterable<string>;
}

/** What reading the words of a line has found; see {@link readOptions}. */
export interface RuleDraft {
  readonly context: BindContext;
  readonly words: readonly string[];
  /** From a command line, not from iptables-restore's input: `-t` and `-w` are allowed, `$X` is a variable. */
  readonly commandLine: boolean;
  readonly chains: ChainNames;
  readonly suggest: Suggest;
  readonly problems: RuleProblem[];
  readonly instances: Instance[];
  /** Conditions that could not be read, as written; each makes the rule match nobody knows what. */
  readonly opaque: (readonly string[])[];
  command: RuleCommand | undefined;
  table: string | undefined;
  protocol: Invertible<number> | undefined;
  /** The argument of `-p` in lower case; empty: none. */
  protocolName: string;
  protocolLoaded: boolean;
  src: GivenAddress | undefined;
  dst: GivenAddress | undefined;
  inInterface: BaseMatch['inInterface'];
  outInterface: BaseMatch['outInterface'];
  inWord: number;
  outWord: number;
  fragment: BaseMatch['fragment'];
  counters: Counters | undefined;
  jump: { readonly letter: 'j' | 'g'; readonly name: string; readonly word: number } | undefined;
  /** `-4` in a file of ip6tables, or `-6` in one of iptables: the line is skipped. */
  otherFamily: boolean;
}

/** A draft with nothing in it. */
export function emptyDraft(
  context: BindContext,
  words: readonly string[],
  commandLine: boolean,
  chains: ChainNames,
  suggest: Suggest,
): RuleDraft {
  return {
    context,
    words,
    commandLine,
    chains,
    suggest,
    problems: [],
    instances: [],
    opaque: [],
    command: undefined,
    table: undefined,
    protocol: undefined,
    protocolName: '',
    protocolLoaded: false,
    src: undefined,
    dst: undefined,
    inInterface: undefined,
    outInterface: undefined,
    inWord: -1,
    outWord: -1,
    fragment: undefined,
    counters: undefined,
    jump: undefined,
    otherFamily: false,
  };
}

/** Notes a problem with the line. */
export function complain(draft: RuleDraft, problem: RuleProblemInit): void {
  draft.problems.push({ severity: 'error', ...problem });
}

/** What reading an option's value may depend on. */
export function parseContextOf(draft: RuleDraft, extension: string, option: string): ParseContext {
  const { family, backend, version } = draft.context;
  const { protocol } = draft;
  return {
    family,
    backend,
    extension,
    option,
    protocol: protocol && !protocol.negated ? protocol.value : undefined,
    version,
  };
}

/** The targets that are no extensions and need no chain. */
export const verdicts: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'QUEUE', 'RETURN']);

/** Whether a rule of this command has conditions and a target. */
export function isRuleCommand(command: RuleCommand | undefined): boolean {
  return command === undefined || 'ADIRC'.includes(command.letter);
}

const bareWord = /^[^\s"\\]+$/;

/** A word of an option that is kept verbatim, quoted where iptables-restore needs it. */
export function requote(word: string): string {
  return bareWord.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The contract of a check: all that there is to one check stands in one file, `checks/FW204-rule-after-catch-all.ts`.
 * Its texts are its page (`fwsim explain`, docs/checks/), its examples are the page's examples and its tests.
 *
 * A check looks at one machine through a {@link CheckContext} and yields drafts; the runner places them in the source,
 * orders them, drops what a graver finding explains, and holds two laws: an inferred finding is never an error, and a
 * witness is a packet that the engine has walked ({@link CheckContext.send} is the only way to make one).
 */

import type { RemoteEnd } from '../analysis/diff-connections.ts';
import type { RuleAnswers } from '../analysis/rule-answers.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { DiagnosticCode, Fix, Severity, Span } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { FieldChange, Outcome, Refusal } from '../extensions/define.ts';
import type { Registry } from '../extensions/registry.ts';
import type { LinkedRuleset } from '../link/link.ts';
import type { ReadMachine } from '../link/read-machine.ts';
import type { Fact, Machine } from '../model/machine.ts';
import type { CtDirection, CtState, Hook } from '../model/netfilter.ts';
import type { Chain, Rule, Ruleset, Table } from '../model/ruleset.ts';
import type { RuleRef, Trace } from '../model/trace.ts';
import type { Address, Family } from '../net/address.ts';
import type { AllPackets } from './all-packets.ts';
import type { Confidence, DecidedBy, Finding, Inference } from './finding.ts';
import type { FixDraft } from './fixes/fix-draft.ts';
import type { Profile } from './profile.ts';
import type { SensitivePort } from './sensitive-ports.ts';

// ---------------------------------------------------------------------------------------------- what a check is

/** A preset that a check belongs to. */
export type CheckGroup = 'recommended' | 'strict' | 'cis' | 'perf';

/** A ruleset that shows a check at work. Minimal: other codes may have something to say as well. */
export interface CheckExample {
  /** What this example shows, in a few words: `a limit is no catch-all`. */
  readonly title: string;
  /** A dump, as iptables-save prints it or as people keep it. */
  readonly rules: string;
  /** Outputs of other commands about the same machine. */
  readonly context?: string;
  /** What `--as-remote` is given. */
  readonly asRemote?: string;
}

/** Everything about a check but its code. Texts are Markdown paragraphs, without headings. */
export interface CheckMetadata {
  readonly code: DiagnosticCode;
  /** Kebab case, the bad pattern: `rule-after-catch-all`. */
  readonly name: string;
  /** One line: `A rule below a rule that matches everything`. */
  readonly title: string;
  /** The gravest severity that it reports. */
  readonly severity: Severity;
  readonly confidences: readonly Confidence[];
  readonly groups: readonly CheckGroup[];
  /** Kinds of machines that presets run it for; absent: all. By its code or name it runs on any. */
  readonly profiles?: readonly Profile[];
  readonly state: 'stable' | 'preview';
  /** Of a preview whose findings were read: what is not good enough yet. Half a sentence. */
  readonly probation?: string;
  /** Version of fwsim that brought it. */
  readonly since: string;
  /** What it reports: two sentences. */
  readonly reports: string;
  /** Why it matters: the mechanism. */
  readonly rationale: string;
  /** How it is decided: the criterion in plain words, and what is assumed without context. */
  readonly decision: string;
  /** When to ignore it: where it may be wrong, or right and harmless. */
  readonly exceptions: string;
  readonly references: readonly string[];
  /** What its fixes do, those that keep the meaning first. A finding may lack them: not every text can be changed. */
  readonly fixes?: readonly { readonly kind: Fix['applicability']; readonly does: string }[];
  /** Codes that tell the same cause better: a finding of theirs at the same place, or covering it, replaces this one's. */
  readonly yieldsTo?: readonly DiagnosticCode[];
  readonly examples: { readonly bad: readonly CheckExample[]; readonly good: readonly CheckExample[] };
}

/** A check. `run` is called once for each machine. */
export interface Check extends CheckMetadata {
  /** Sets that the check asks about and that no rule need mention: ports, networks. Made twice, see packetset. */
  readonly mentions?: (family: Family, sensitive: readonly SensitivePort[], read: ReadMachine) => Description;
  readonly run: (context: CheckContext) => Iterable<FindingDraft>;
  /** For checks about the answer itself: called after all others, with what they found. */
  readonly conclude?: (context: CheckContext, findings: readonly Finding[]) => Iterable<FindingDraft>;
}

/** Types a check. */
export function defineCheck(check: Check): Check {
  return check;
}

// ---------------------------------------------------------------------------------------------- what it yields

/** What a finding is about, or where a related thing stands. */
export type Subject =
  | { readonly kind: 'rule'; readonly view: RulesetView; readonly rule: Rule }
  /** The policy line of a built-in chain. */
  | { readonly kind: 'policy'; readonly view: RulesetView; readonly chain: Chain }
  | { readonly kind: 'chain'; readonly view: RulesetView; readonly chain: Chain }
  | { readonly kind: 'table'; readonly view: RulesetView; readonly table: Table }
  /** A piece of the input. */
  | { readonly kind: 'span'; readonly span: Span }
  /** The machine as a whole. */
  | { readonly kind: 'machine' };

/** What a check yields; the runner makes a `Finding` of it. */
export interface FindingDraft {
  readonly at: Subject;
  /** A stable name below the code; default: the check's name. */
  readonly id?: string;
  /** Default: the check's. Taken down to `warning` if the finding rests on inferences. */
  readonly severity?: Severity;
  /**
   * Default: `inferred` if there are inferences, of its own or of its witness; else `context` if the witness used
   * given facts of the machine; else `proved`. Give it where the check itself consulted the machine.
   */
  readonly confidence?: Confidence;
  /** One sentence without a full stop: the fact, the thing in quotes, the consequence. */
  readonly message: string;
  /** The words of the rule to underline, as they are written there; default: its target, or its whole line. */
  readonly underline?: string;
  /** What stands behind the underline, in a few words. */
  readonly caption?: string;
  readonly what?: string;
  readonly why?: string;
  /** Rules or policies that let it happen. `decidedBy` of a walk fits. */
  readonly openedBy?: readonly DecidedBy[];
  readonly help?: readonly string[];
  readonly related?: readonly { readonly message: string; readonly at: Subject }[];
  readonly inferences?: readonly Inference[];
  /** A walk whose fate shows what the message says. Must not be undecided. */
  readonly witness?: Walk;
  /** Changes that would mend it, the best first. Those of chains that a program writes are left out by the runner. */
  readonly fixes?: readonly FixDraft[];
  /** Findings of one code with the same group are printed once, with "and 3 more like this". Default: all differ. */
  readonly group?: string;
  /** Further places that this finding explains: findings there of checks that yield to this one are dropped. */
  readonly covers?: readonly Subject[];
}

// ---------------------------------------------------------------------------------------------- what it sees

/** A program that writes rules by itself: its chains are analysed, and not nagged about. */
export interface Generator {
  /** `Docker`, `ufw`, `fail2ban` … */
  readonly name: string;
  /** What to change instead of the rule: `the published port (docker run -p) or DOCKER-USER`. */
  readonly knob: string;
}

/** One family's ruleset with the questions that checks ask of it. Answers are made when first asked, and kept. */
export interface RulesetView {
  readonly ruleset: Ruleset;
  /** The text that it stands in. */
  readonly source: SourceText;
  readonly linked: LinkedRuleset;
  readonly family: Family;
  table(name: string): Table | undefined;
  chain(table: string, name: string): Chain | undefined;
  /** All rules in the order of tables, chains and numbers. */
  rules(): readonly Rule[];
  ruleById(id: number): Rule | undefined;
  /** The rules of a table that jump or go to this chain. */
  callers(table: string, chain: string): readonly Rule[];
  /** The hooks whose built-in chain of this table leads to this chain, through jumps and gotos. Empty: none does. */
  hooks(table: string, chain: string): readonly Hook[];
  /** Who owns a chain, by its name; undefined: the administrator, as far as anybody can tell. */
  owner(table: string, chain: string): Generator | undefined;
  /** Who wrote a rule: the owner of its chain, or a program that puts rules into built-in chains. */
  writer(rule: Rule): Generator | undefined;
  /** The rule as iptables-save prints it, `-A CHAIN …`. */
  text(rule: Rule): string;
  /**
   * The data of a match that the rule has, undefined if it does not have it. Several uses: all of them are in
   * `rule.matches`. A check imports the extension it asks for: `find(rule, tcp)?.dport`.
   */
  find<D extends object>(rule: Rule, extension: DataOf<D>): D | undefined;
  /** The data of the rule's target, if it is this one. */
  findTarget<D extends object>(rule: Rule, extension: DataOf<D>): D | undefined;
  /** What the rule does with packets that match: REJECT drops, DNAT accepts, LOG continues. */
  effect(rule: Rule): RuleEffect;
  /**
   * Whether the rule matches every packet that comes to it: it has no condition (a comment is none), or only such as
   * every way into its chain asks for already.
   */
  isCatchAll(rule: Rule): boolean;
  /** Whether nothing passes on to the rule's successor: a catch-all that decides, returns, goes to or jumps to a chain that decides all. */
  endsChain(rule: Rule): boolean;
}

/** What a rule does with packets that match it. */
export interface RuleEffect {
  /** `unknown`: a target that nobody here knows, or one that the packet alone does not decide. */
  readonly outcome: Outcome | 'jump' | 'goto' | 'return';
  /** Fields of the packet and its connection that change; undefined: not known. */
  readonly changes: readonly FieldChange[] | undefined;
}

/** An extension, seen only as the name and the type of its data. */
export interface DataOf<D extends object> {
  readonly name: string;
  bind(options: never, context: never): D | Refusal;
}

/**
 * A packet as checks describe it; the rest is ordinary (TCP: a SYN from port 40000, TTL 64). It can be written in
 * match options, so that everybody can send it again.
 */
export interface PacketSketch {
  /** Undefined: sent by this machine itself. */
  readonly inInterface?: string | undefined;
  readonly src: Address;
  readonly dst: Address;
  /** IANA number. */
  readonly protocol: number;
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
  /** Default for ICMP: echo request. */
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
  /** Bits of `tcpFlag`; default: SYN. */
  readonly tcpFlags?: number | undefined;
  readonly mark?: number | undefined;
  /** Only where the machine's routes do not say it. */
  readonly outInterface?: string | undefined;
  /** What conntrack finds; default: what it makes of this packet, NEW for an opener. */
  readonly state?: CtState | undefined;
  readonly direction?: CtDirection | undefined;
}

/** What a walk is told besides the packet. */
export interface SendOptions {
  /** As `--assume` takes it, `KEY=VALUE`: `local=203.0.113.1`, `limit=under`. */
  readonly assume?: readonly string[];
  /** Guesses behind the choice of this packet (which interface is outside, which address is ours). */
  readonly inferences?: readonly Inference[];
}

/** A packet that was walked through the machine, to its end. */
export interface Walk {
  readonly sketch: PacketSketch;
  readonly trace: Trace;
  /** `trace.fate.kind`. */
  readonly fate: Trace['fate']['kind'];
  /** Whether it arrived where it was going: at a local process, or out of an interface. */
  readonly accepted: boolean;
  /**
   * The rule or policy that decided: that dropped or rejected it, or that accepted it in table filter at the last hook
   * at which filter has a chain. Undefined where no rule did (routing, no table filter).
   */
  readonly decidedBy: DecidedBy | undefined;
  /** The hooks it visited, in order. */
  readonly hooks: readonly Hook[];
  /** Whether this rule matched it (LOG and jumps as well). */
  matched(rule: Rule | RuleRef): boolean;
  /** What the walk was told and did use, as `--assume` takes it. */
  readonly assume: readonly string[];
  readonly inferences: readonly Inference[];
  /** Whether given facts of the machine (`ip addr`, `ip route`, sysctls, sets) had a part in it. */
  readonly usedContext: boolean;
}

/** An address with what its choice rests on. */
export interface ChosenAddress {
  readonly address: Address;
  /** Given by a command, inferred from rules, or simply assumed to be so (an address that nobody mentions). */
  readonly provenance: 'given' | 'inferred' | 'assumed';
  /** What a walk to it must be told: `local=203.0.113.1`. */
  readonly assume: readonly string[];
  readonly inferences: readonly Inference[];
}

/** An interface with what is known of its side. */
export interface SidedInterface {
  readonly name: string;
  readonly side: 'outside' | 'inside' | 'loopback' | 'unknown';
  readonly provenance: 'given' | 'inferred' | 'unknown';
  /** Why it is thought to lead outside; empty where it is given. */
  readonly inferences: readonly Inference[];
}

/** What a check sees of one machine. */
export interface CheckContext {
  readonly machine: Machine;
  readonly profile: Fact<Profile>;
  /** The session that must not be cut off, if there is one. */
  readonly asRemote: RemoteEnd | undefined;
  /** Services that are not meant for strangers. */
  sensitivePorts(): readonly SensitivePort[];
  readonly registry: Registry;
  /** Everything of the input that is no ruleset: what other commands said, line by line unclaimed. */
  readonly read: ReadMachine;
  /** At most one of each family; of an undecided dump the reading that is looked at now. */
  readonly views: readonly RulesetView[];
  /**
   * Walks a packet. What the packet does not decide (a limit, where a translated destination lives) is answered
   * where all answers come to the same, and noted in the walk; the sketch of the walk then says more than the one
   * given. Else the fate is `undecided`, which proves nothing: the check has to say more, or to keep silent.
   */
  send(sketch: PacketSketch, options?: SendOptions): Walk;
  /**
   * Ordinary packets that this rule's own conditions describe; empty where none was found. `given` fixes fields
   * beforehand. Conditions that no packet decides (limits, sets, lists) are passed over. Whether the packet reaches the
   * rule and matches there is the engine's to say: {@link send} it and ask `matched`.
   */
  packetsOf(view: RulesetView, rule: Rule, given?: Partial<PacketSketch>): readonly PacketSketch[];
  /** All packets of a view at once: for claims about every packet. */
  packets(view: RulesetView): AllPackets;
  /**
   * What holds for all packets: which rules are dead and why, and the sets behind that. Worked out when first asked
   * for; where its limits are reached, rules are `undecided` and checks keep silent.
   */
  answers(view: RulesetView): RuleAnswers;
  /** Interfaces that the rules or the machine name, loopback included, in the order of their names. */
  interfaces(family: Family): readonly SidedInterface[];
  /** An address of this machine, the best known: on that interface, inferred from rules, or an assumed one. */
  localAddress(family: Family, inInterface?: string): ChosenAddress;
  /** An address out there, or in a network behind that interface, that is not this machine's. */
  remoteAddress(family: Family, behind?: string): ChosenAddress;
}

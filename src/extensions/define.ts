/**
 * The contract of an extension: all that fwsim knows of one netfilter match or target, in one file.
 *
 * A rule's options go through these steps. `options` says how they are written; the linker reads them by those
 * types and hands the values to `bind`, which makes plain data or refuses. `print` turns data into what
 * iptables-save prints. `compile` judges one packet; `packets` describes the set of packets for which it says yes;
 * a law run for every extension holds the two together.
 */

import type { Connection, PacketConnection } from '../model/connection.ts';
import type { IpsecTransform, Machine } from '../model/machine.ts';
import type { Backend, Hook, TableName } from '../model/netfilter.ts';
import type { MutablePacket, Packet } from '../model/packet.ts';
import type { BaseMatch } from '../model/ruleset.ts';
import type { AddressRange, Family, Network } from '../net/address.ts';
import type { InterfacePattern } from '../net/interface-pattern.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';

export type { IpsecTransform } from '../model/machine.ts';

// ---------------------------------------------------------------------------------------------- answers

/** A match's answer: {@link NO}, {@link YES} or {@link UNKNOWN}. */
export type Tri = 0 | 1 | 2;
/** The packet does not meet the condition. */
export const NO = 0;
/** The packet meets the condition. */
export const YES = 1;
/** The packet does not decide; the environment has noted why (see {@link MatchEnv.ask}). */
export const UNKNOWN = 2;

/** The answer turned over; unknown stays unknown. */
export function invertTri(t: Tri): Tri {
  return t === UNKNOWN ? UNKNOWN : t === YES ? NO : YES;
}

/** `negated` turns the answer over: the one place where an engine-side `!` lives. */
export function tri(answer: boolean, negated = false): Tri {
  return answer !== negated ? YES : NO;
}

/** What a target does with the walk. Jumps, gotos and RETURN are no extensions. */
export type Outcome = 'continue' | 'accept' | 'drop' | 'queue' | 'stolen' | 'unknown';

// ---------------------------------------------------------------------------------------------- refusals

/**
 * Why iptables would not take this rule. `word` is the word that iptables quotes in its message (the diagnostic
 * points at it), `option` the option at fault (`--dport`) where no word is; neither: the whole match or target.
 */
export interface Refusal {
  readonly refusal: true;
  /** Stable kebab-case id: `bad-value`, `missing-option` … */
  readonly id: string;
  readonly message: string;
  readonly word?: string;
  readonly option?: string;
  readonly hint?: string;
}

/** Makes a {@link Refusal}. */
export function refuse(
  id: string,
  message: string,
  at: { readonly word?: string; readonly option?: string; readonly hint?: string } = {},
): Refusal {
  return { refusal: true, id, message, ...at };
}

/** Tells a refusal from a value. */
export function isRefusal(x: unknown): x is Refusal {
  return typeof x === 'object' && x !== null && (x as { refusal?: unknown }).refusal === true;
}

// ---------------------------------------------------------------------------------------------- options

/** What reading an option's words may depend on. */
export interface ParseContext {
  readonly family: Family;
  readonly backend: Backend;
  /** Name of the extension, as its messages begin: `multiport`. */
  readonly extension: string;
  /** The option with its dashes: `--dports`. */
  readonly option: string;
  /** The rule's `-p`, if it has one that is not negated. */
  readonly protocol: number | undefined;
  /** Target iptables version, e.g. `1.8.9`. */
  readonly version: string;
}

/** The shape of an option's text as data: documentation is written and test cases are drawn from it. */
export type TextShape =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly hex?: boolean }
  | {
      readonly kind: 'range';
      readonly min: number;
      readonly max: number;
      readonly separator: string;
      readonly open?: boolean;
    }
  | { readonly kind: 'words'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly of: TextShape; readonly separator: string; readonly max: number }
  | { readonly kind: 'sequence'; readonly parts: readonly (TextShape | string)[] }
  | { readonly kind: 'choice'; readonly of: readonly TextShape[] }
  | { readonly kind: 'address' }
  | { readonly kind: 'network' }
  | { readonly kind: 'mac' }
  | { readonly kind: 'name'; readonly maxBytes: number }
  | { readonly kind: 'text'; readonly minBytes?: number; readonly maxBytes: number }
  | { readonly kind: 'words-separately'; readonly parts: readonly TextShape[] }
  | { readonly kind: 'nothing' };

/**
 * How one option's words are read. `arity` is the number of words that follow the option, as getopt counts them.
 * `parse` gets exactly that many, unquoted.
 */
export interface OptionType<T> {
  readonly arity: number;
  /** The word may be missing: none is taken where the next begins with `-` or `!`, and `parse` gets none. */
  readonly optional?: true;
  /** What iptables says where words are missing; default: `option "--x" requires an argument`. */
  readonly missing?: string;
  /** For help texts: `port[:port]`. Empty for a flag. */
  readonly placeholder: string;
  readonly shape: TextShape;
  parse(words: readonly string[], context: ParseContext): T | Refusal;
}

/** One option of an extension: how its words are read, and what must or must not stand beside it. */
export interface OptionSpec<T> {
  readonly type: OptionType<T>;
  /** Other names, without dashes. The key in the table is the one that iptables-save prints. */
  readonly aliases?: readonly string[];
  /** A `!` may stand in front of it. */
  readonly invertible?: boolean;
  readonly required?: boolean;
  /** May be given more than once; `bind` gets a list. */
  readonly multiple?: boolean;
  /** Options (keys of this table) that must be there too. */
  readonly requires?: readonly string[];
  /** Options (keys of this table) that must not. */
  readonly excludes?: readonly string[];
}

/** Options by the name that iptables-save prints, without dashes. */
// biome-ignore lint/suspicious/noExplicitAny: a table holds options of any value type; BoundOptions recovers each.
export type OptionTable = Readonly<Record<string, OptionSpec<any>>>;

/** An option as it was written: its value, its `!`, and the words (unquoted) for messages. */
export interface BoundOption<T> {
  readonly value: T;
  readonly negated: boolean;
  readonly words: readonly string[];
  /** Place among the options of this use, from 0: for the few where order matters. */
  readonly position: number;
}

type ValueOf<S> = S extends OptionSpec<infer T> ? T : never;

/** What `bind` gets: one entry per option, undefined where it was not given. */
export type BoundOptions<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends { readonly multiple: true }
    ? readonly BoundOption<ValueOf<O[K]>>[]
    : O[K] extends { readonly required: true }
      ? BoundOption<ValueOf<O[K]>>
      : BoundOption<ValueOf<O[K]>> | undefined;
};

/** What `bind` and `check` know of the rule besides their own options. */
export interface RuleContext {
  readonly family: Family;
  readonly backend: Backend;
  readonly version: string;
  readonly table: string;
  readonly chain: string;
  /** Hook of a built-in chain; undefined in a user chain. */
  readonly hook: Hook | undefined;
  readonly base: BaseMatch;
  /** Names of the rule's matches, in order. */
  readonly matchNames: readonly string[];
  /** Names of the ipsets of the machine; undefined: not known, so none can be missed. */
  readonly setNames: ReadonlySet<string> | undefined;
}

/** What `print` may depend on. */
export interface PrintContext {
  readonly family: Family;
  readonly backend: Backend;
  readonly version: string;
  readonly base: BaseMatch;
  /**
   * False: exactly what iptables-save prints, even where it loses a condition (1.8.9 drops `! --sport :`).
   * True: such conditions are printed whole.
   */
  readonly keepMeaning: boolean;
}

/** Where an extension may stand; refused elsewhere, as the kernel's checkentry does. */
export interface Constraints {
  readonly tables?: readonly TableName[];
  readonly hooks?: readonly Hook[];
  /** The rule needs `-p` with one of these numbers, not negated. */
  readonly protocols?: readonly number[];
  /** How iptables words that refusal; default: "NAME match requires `-p tcp'". */
  readonly protocolMessage?: string;
}

/** What the extension cannot judge without. */
export type ContextNeed =
  | 'interfaces'
  | 'routes'
  | 'sets'
  | 'clock'
  | 'sockets'
  | 'payload'
  | 'owner'
  | 'conntrack';

/** Where the facts about an extension come from. */
export interface ExtensionDocs {
  /** One sentence: what it matches or does. */
  readonly summary: string;
  /** `iptables-extensions(8) multiport`. */
  readonly man: string;
  /** `net/netfilter/xt_multiport.c multiport_mt()`. */
  readonly kernel: string;
}

interface ExtensionBase<D extends object, O extends OptionTable> {
  /** As in `-m NAME` or `-j NAME`, and as iptables-save prints it. */
  readonly name: string;
  /** Other names that load it: `-m icmpv6` for icmp6. */
  readonly aliases?: readonly string[];
  readonly families: readonly Family[];
  readonly options: O;
  readonly constraints: Constraints;
  readonly needs: readonly ContextNeed[];
  /** Whether the kernel turns connection tracking on because of this use: checkentry calls nf_ct_netns_get(). */
  usesConntrack?(data: D): boolean;
  /** Makes plain data (survives JSON) of the options, or refuses. Called once per distinct text and rule context. */
  bind(options: BoundOptions<O>, context: RuleContext): D | Refusal;
  /** Checks that depend on the data and on where the rule stands. */
  check?(data: D, context: RuleContext): Refusal | undefined;
  /** The options as iptables-save prints them, in its order, each with its `!` and its words quoted. Without `-m NAME`. */
  print(data: D, context: PrintContext): readonly string[];
  /** True where iptables-save prints not even `-m NAME`: the back end turned the whole use into nothing. */
  vanishes?(data: D, context: PrintContext): boolean;
  readonly docs: ExtensionDocs;
}

// ---------------------------------------------------------------------------------------------- matches

/** Fixed for one compiled rule. */
export interface CompileContext {
  readonly family: Family;
  readonly backend: Backend;
  readonly table: string;
  readonly chain: string;
  readonly base: BaseMatch;
  /** Unique for this rule and the position of this match in it: name for state that belongs to the rule. */
  readonly slot: string;
  readonly machine: Machine;
}

/** What a compiled match sees beside the packet. One object is reused for a whole walk; keep nothing of it. */
export interface MatchEnv {
  readonly family: Family;
  readonly table: string;
  readonly hook: Hook;
  /** Undefined where the hook has none. */
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  /** Bridge ports, for packets that br_netfilter handed over. */
  readonly physIn: string | undefined;
  readonly physOut: string | undefined;
  /** What conntrack attached; INVALID without entry before conntrack has looked (raw). */
  readonly connection: PacketConnection;
  /** Whether the packet was sent by a process of this machine through a socket that is still known. */
  readonly hasSocket: boolean;
  /** The kernel itself made it, by a socket that no process owns; absent: no. */
  readonly hasKernelSocket?: boolean;
  /** False for what this machine sent to many and gets back itself: there is no frame, and no MAC header. */
  readonly hasFrame?: boolean;
  /**
   * Simulated time, milliseconds since the epoch. Undefined: no clock is kept, and with it no history (a single
   * packet of a trace): matches that count or wait must {@link ask}.
   */
  readonly timeMs: number | undefined;
  readonly machine: Machine;
  /** Answers from the FIB. Undefined answers mean "not known"; {@link ask} then. */
  readonly fib: FibView;
  /** What IPsec took off the packet: empty for nothing, undefined for not known. */
  readonly ipsec: readonly IpsecTransform[] | undefined;
  /** What IPsec will put around it; absent: the same as `ipsec`. In the order in which that is done. */
  readonly ipsecOut?: readonly IpsecTransform[] | undefined;
  /**
   * Asks the walk's tape what the packet does not decide. `topic` is the key of `--assume` (`limit`, `random`,
   * `set:NAME`, `payload` …), `answers` its words for no and for yes. The result is {@link UNKNOWN} where nothing
   * was pinned: return it.
   */
  ask(topic: string, answers: readonly [no: string, yes: string]): Tri;
  /** Value of a state slot (immutable data), or undefined if nothing was written yet. */
  readState(slot: string): unknown;
  /** Replaces a state slot's value; never change a value in place. */
  writeState(slot: string, value: unknown): void;
  /** A set's contents now (after what SET targets did), or undefined if not known. */
  readSet(name: string): SetView | undefined;
  /**
   * Data of the first rule loaded that uses a match under this name: it made the table that all of them share.
   * Absent, or undefined: the rule's own.
   */
  firstUse?(extension: string, name: string): unknown;
  /** The connections of the table, for connlimit. */
  connections(): readonly Connection[];
  /** The match itself drops the packet, whatever the rule says (par->hotdrop); return its value. */
  hotDrop(): Tri;
}

/** A set that matches and targets can look into. */
export interface SetView {
  readonly type: string;
  /**
   * Looks the packet up as `--match-set NAME dir,dir` does. `dirs` as given; UNKNOWN if the set's type needs what
   * is not known.
   */
  test(packet: Packet, env: MatchEnv, dirs: readonly ('src' | 'dst')[], flags: SetTestFlags): Tri;
}

/** The flags of `--match-set`: what counts as found, and what a look into the set changes. */
export interface SetTestFlags {
  readonly returnNomatch: boolean;
  readonly packetsTest?: { readonly op: 'eq' | 'ne' | 'lt' | 'gt'; readonly value: number };
  readonly bytesTest?: { readonly op: 'eq' | 'ne' | 'lt' | 'gt'; readonly value: number };
  readonly updateCounters: boolean;
  readonly updateSubcounters: boolean;
}

/** Questions to the forwarding information base. */
export interface FibView {
  /**
   * Type of an address as `inet_addr_type()` (IPv4) or a route lookup (IPv6) says: LOCAL, UNICAST, BROADCAST,
   * MULTICAST, ANYCAST, BLACKHOLE, UNREACHABLE, PROHIBIT, THROW, UNSPEC. `device` limits LOCAL and BROADCAST to one
   * interface. Undefined: not known.
   */
  addressTypes(address: Packet['src'], device?: string): readonly string[] | undefined;
  /** Reverse path check of `-m rpfilter`; undefined: not known. */
  reversePath(
    packet: Packet,
    inInterface: string | undefined,
    options: {
      readonly loose: boolean;
      readonly validmark: boolean;
      readonly acceptLocal: boolean;
    },
  ): boolean | undefined;
  /**
   * The smaller MTU of the routes to where the packet goes and to where it came from; of its interfaces where no routes
   * are known. Bytes; undefined: not known.
   */
  pathMtu(): number | undefined;
  /** Routing realm of the packet's route, and device groups; undefined: not known. */
  realm(packet: Packet): number | undefined;
  deviceGroup(device: string): number | undefined;
}

/** Judges one packet. Must not allocate on its ordinary path. */
export type Matcher = (packet: Packet, env: MatchEnv) => Tri;

/**
 * A necessary condition on one header field, for the engine's typed prefilter: a packet that fails it is refused
 * without asking the match. All conditions of a rule are ANDed. Of packets that lack a whole header (`lacksHeader`)
 * matches are asked without them.
 */
export type ColumnTest =
  | {
      readonly column: 'protocol' | 'sport' | 'dport' | 'icmpType';
      readonly low: number;
      readonly high: number;
    }
  | { readonly column: 'src' | 'dst'; readonly network: Network }
  | { readonly column: 'in' | 'out'; readonly pattern: InterfacePattern };

/** A match: what it says, how it judges a packet, and which packets it stands for. */
export interface MatchExtension<D extends object = object, O extends OptionTable = OptionTable>
  extends ExtensionBase<D, O> {
  readonly kind: 'match';
  compile(data: D, context: CompileContext): Matcher;
  /**
   * Over-approximation of {@link compile} by header columns; leave out what it cannot say. A match that has columns,
   * even none of them, promises to keep no state and to drop only what lacks a whole header: a rule may be refused by what stands behind it
   * without asking it. Undefined: only what stands in front of it may.
   */
  columns?(data: D): readonly ColumnTest[] | undefined;
  /** The packets for which `compile` says yes, with a choice for whatever it may answer by {@link MatchEnv.ask}. */
  packets(data: D, space: PacketSpace, context: SetContext): PacketSet;
}

/** What the description of a set may depend on. */
export interface SetContext {
  readonly family: Family;
  readonly base: BaseMatch;
  readonly machine: Machine;
}

// ---------------------------------------------------------------------------------------------- targets

/** A range for NAT: addresses and ports (or ICMP ids), as struct nf_nat_range2. */
export interface NatRange {
  readonly addresses: AddressRange | undefined;
  readonly ports: readonly [low: number, high: number] | undefined;
  /** `--to-destination A:80-90/8080`: base port of a shifted range. */
  readonly basePort: number | undefined;
  readonly random: boolean;
  readonly randomFully: boolean;
  readonly persistent: boolean;
  /** NETMAP: replace the network bits, keep the host bits. */
  readonly netmap: boolean;
}

/** Where a NAT target's new address comes from: its own range, or an interface of the machine. */
export type NatAddressSource = 'range' | 'masquerade' | 'redirect';

/** Kind of answer of REJECT: `icmp-port-unreachable`, `tcp-reset`, `icmp6-adm-prohibited` … */
export type RejectWith = string;

/** What a compiled target may do. Every method leaves its event in the trace. */
export interface TargetEnv extends MatchEnv {
  /** The packet under way; targets change its fields here. */
  readonly packet: MutablePacket;
  /** Sets up a translation for a first packet; the engine finds addresses and ports. The outcome is the rule's. */
  nat(manip: 'source' | 'destination', from: NatAddressSource, range: NatRange): Outcome;
  /** Sends the answer of REJECT (or does not, where the kernel would not) and drops. */
  reject(answer: RejectWith): Outcome;
  /** LOG, NFLOG, ULOG, TRACE, AUDIT: something was written for people. */
  log(entry: {
    readonly via: string;
    readonly prefix: string;
    readonly level?: number;
    readonly group?: number;
  }): void;
  /** CT --notrack, NOTRACK. */
  untrack(): void;
  /** CT: a template for the entry that conntrack will make. */
  template(template: CtTemplate): void;
  /** Sets the connection's mark; nothing happens without an entry. */
  setConnmark(mark: number): void;
  /** SET target: adds to or deletes from a set. */
  changeSet(change: SetChange): void;
  /** TEE: sends a copy. */
  duplicate(gateway: Packet['dst'], device: string | undefined): void;
  /** TPROXY: gives the packet to a local socket. */
  divert(to: {
    readonly address: Packet['dst'] | undefined;
    readonly port: number;
    readonly mark: number;
    readonly markMask: number;
  }): Outcome;
  /**
   * The kernel lays that many bytes from layer 4 on in a row, to write there: of a packet that came in pieces, the
   * first one takes them from the others. `whole`: all of them.
   */
  pull(bytes: number | 'whole'): void;
  /** SYNPROXY, CLUSTERIP and the like: an effect that is only named in the trace. */
  note(effect: string): void;
}

/** What `-j CT` writes into the entry that conntrack is about to make. */
export interface CtTemplate {
  readonly zone:
    | {
        readonly value: number;
        readonly direction: 'both' | 'original' | 'reply';
        readonly fromMark: boolean;
      }
    | undefined;
  readonly helper: string | undefined;
  readonly timeoutPolicy: string | undefined;
}

/** A change to an ipset that a rule asks for. */
export interface SetChange {
  readonly operation: 'add' | 'del' | 'map';
  readonly set: string;
  readonly dirs: readonly ('src' | 'dst')[];
  readonly exist: boolean;
  readonly timeoutSeconds: number | undefined;
}

/** Runs a target on the packet under way. */
export type TargetRunner = (env: TargetEnv) => Outcome;

/** A change to a field, as data: what the packet-set analysis does to whole sets. */
export type FieldChange =
  /** field = (field & ~clear) ^ xor, after it field |= or. */
  | {
      readonly field: 'mark' | 'connmark' | 'tos' | 'tcpFlags';
      readonly clear: number;
      readonly xor: number;
      readonly or: number;
    }
  /** to = (to & ~toMask) ^ (from & fromMask): CONNMARK save and restore; untracked packets are left alone. */
  | {
      readonly field: 'mark' | 'connmark';
      readonly from: 'mark' | 'connmark';
      readonly toMask: number;
      readonly fromMask: number;
    }
  /** `add`: of a negative number too; the result is kept within 0 to 255. */
  | { readonly field: 'ttl'; readonly operation: 'set' | 'add'; readonly value: number }
  | { readonly field: 'mss'; readonly operation: 'cap'; readonly value: number }
  /** The field's value afterwards is not known. */
  | {
      readonly field:
        | 'mark'
        | 'connmark'
        | 'tos'
        | 'src'
        | 'dst'
        | 'sport'
        | 'dport'
        | 'lengthBytes'
        | 'mss'
        | 'tcpOptions';
      readonly operation: 'unknown';
    }
  /** `template`: what has none gets one, and is not untracked by a later rule. */
  | { readonly field: 'ctState'; readonly operation: 'untrack' | 'template' }
  | {
      readonly field: 'nat';
      /** `by-hook`: the destination in PREROUTING and OUTPUT, the source in INPUT and POSTROUTING. */
      readonly manip: 'source' | 'destination' | 'by-hook';
      readonly from: NatAddressSource;
      readonly range: NatRange;
    }
  | { readonly field: 'set'; readonly set: string };

/** What a target does to a set of packets: changes in order, then an outcome for all of them. */
export interface TargetEffect {
  readonly changes: readonly FieldChange[];
  readonly outcome: Outcome;
  /** Where the outcome is unknown: how it may end packets. Default: accepts or drops them. */
  readonly endings?: readonly ('accept' | 'drop' | 'stolen')[];
  readonly rejectWith?: RejectWith;
}

/** A target: what it says, what it does to a packet, and to a set of packets. */
export interface TargetExtension<D extends object = object, O extends OptionTable = OptionTable>
  extends ExtensionBase<D, O> {
  readonly kind: 'target';
  compile(data: D, context: CompileContext): TargetRunner;
  /** The same as data, for sets of packets. */
  effect(data: D, context: SetContext): TargetEffect;
}

/** A match or a target. */
export type Extension = MatchExtension | TargetExtension;

// ---------------------------------------------------------------------------------------------- definers

/** Types a match against its own options and data. */
export function defineMatch<D extends object, const O extends OptionTable>(
  definition: Omit<MatchExtension<D, O>, 'kind'>,
): MatchExtension<D, O> {
  return { kind: 'match', ...definition };
}

/** Types a target against its own options and data. */
export function defineTarget<D extends object, const O extends OptionTable>(
  definition: Omit<TargetExtension<D, O>, 'kind'>,
): TargetExtension<D, O> {
  return { kind: 'target', ...definition };
}

/** What all walks of one `simulate` call share: the state as it changes, the tape, the budget. */

import type { NatAddressSource, NatRange, Outcome, SetChange, SetView } from '../extensions/define.ts';
import type { Packet } from '../model/packet.ts';
import type { Assumption, Question, RuleRef } from '../model/trace.ts';
import { sourceKey, tupleKey } from './conntrack/tuple.ts';
import type { Destination } from './destination.ts';
import type { MachineFacts } from './facts.ts';
import type { PersistentMap } from './persistent-map.ts';
import type { Program } from './program.ts';
import type { Entry, FragmentQueue, SimulationState, TupleTarget } from './state.ts';
import { emptyTape, type Tape } from './tape.ts';
import type { Walk } from './walk.ts';

/** Parts of the engine that a walk reaches from inside a rule's target. */
export interface WalkActions {
  setupNat(w: Walk, manip: 'source' | 'destination', from: NatAddressSource, range: NatRange): Outcome;
  sendReject(w: Walk, answer: string): void;
  readSet(w: Walk, name: string): SetView | undefined;
  changeSet(w: Walk, change: SetChange): void;
  /** Sends TEE's copy of `w`'s packet. */
  sendDuplicate?(w: Walk, gateway: Packet['dst'], device: string | undefined): void;
  /** Sends a packet that the kernel made because of `w`'s; it goes through OUTPUT. */
  sendGenerated(w: Walk, packet: Packet, made: GeneratedPacket): void;
}

/** How a packet of the kernel's own is sent. */
export interface GeneratedPacket {
  readonly cause: 'reject' | 'icmp-error' | 'broadcast-copy' | 'duplicate';
  readonly destination: Destination;
  /** The answer belongs to the connection of the packet that it answers. */
  readonly attach: boolean;
  /** The packet is marked as untracked. */
  readonly untracked?: boolean;
  /** Straight out by this bridge port: no hook sees it. */
  readonly byPort?: string;
}

/** See the head of this file. One per `simulate` call. */
export interface Shared {
  readonly actions: WalkActions;
  readonly program: Program;
  readonly facts: MachineFacts;
  readonly tape: Tape;
  /** Whether `timeMs` is the time; else none is kept, and matches that count or wait ask. */
  readonly clock: boolean;
  readonly timeMs: number;
  readonly detail: 'matched' | 'all' | 'none';
  readonly stepsMax: number;
  stepsLeft: number;
  entries: PersistentMap<Entry>;
  tuples: PersistentMap<TupleTarget>;
  sources: PersistentMap<readonly number[]>;
  nextEntry: number;
  slots: PersistentMap<unknown>;
  fragments: PersistentMap<FragmentQueue>;
  /** Addresses that stand for unknown ones of this machine, as texts. */
  readonly standIns: Set<string>;
  /** Answers that were used, in order, each once. */
  readonly assumptions: Assumption[];
  /** Set as soon as something was asked that the tape does not answer. */
  question: Question | undefined;
}

/** Rules tried before a walk gives up. */
const stepsDefault = 1_000_000;

/** The same where jumps go round in a circle: no kernel loads such rules, and lint walks hundreds of packets. */
const stepsInLoops = 20_000;

/** The working copy of a state. Without `timeMs` there is no clock. */
export function createShared(
  actions: WalkActions,
  program: Program,
  state: SimulationState,
  options: {
    readonly tape?: Tape;
    readonly timeMs?: number | undefined;
    readonly detail: Shared['detail'];
    readonly steps?: number | undefined;
  },
): Shared {
  const { ipv4, ipv6 } = program.families;
  const steps = Math.min(options.steps ?? stepsDefault, ipv4.loops || ipv6.loops ? stepsInLoops : Infinity);
  return {
    actions,
    program,
    facts: program.facts,
    tape: options.tape ?? emptyTape,
    clock: options.timeMs !== undefined,
    timeMs: options.timeMs ?? 0,
    detail: options.detail,
    stepsMax: steps,
    stepsLeft: steps,
    entries: state.entries,
    tuples: state.tuples,
    sources: state.sources,
    nextEntry: state.nextEntry,
    slots: state.slots,
    fragments: state.fragments,
    standIns: new Set(),
    assumptions: [],
    question: undefined,
  };
}

/** Begins anew with a state: nothing asked, no step made. */
export function restore(s: Shared, state: SimulationState): void {
  s.entries = state.entries;
  s.tuples = state.tuples;
  s.sources = state.sources;
  s.nextEntry = state.nextEntry;
  s.slots = state.slots;
  s.fragments = state.fragments;
  s.stepsLeft = s.stepsMax;
  s.question = undefined;
  if (s.assumptions.length > 0) s.assumptions.length = 0;
}

/** The state as a value again. */
export function stateOf(s: Shared): SimulationState {
  return {
    entries: s.entries,
    tuples: s.tuples,
    sources: s.sources,
    nextEntry: s.nextEntry,
    slots: s.slots,
    fragments: s.fragments,
  };
}

/** The tape's answer to `key`; it is noted as used. */
export function answerOf(s: Shared, key: string): string | undefined {
  const answer = s.tape[key];
  if (answer !== undefined && !s.assumptions.some((a) => a.key === key)) s.assumptions.push({ key, answer });
  return answer;
}

/** Asks the tape; without an answer the walk is undecided and `undefined` comes back. */
export function decide(
  s: Shared,
  key: string,
  topic: string,
  answers: readonly string[],
  rule: RuleRef | undefined,
): string | undefined {
  const answer = answerOf(s, key) ?? (topic === key ? undefined : answerOf(s, topic));
  if (answer !== undefined) return answer;
  s.question ??= { key, topic, answers, rule };
  return undefined;
}

/** The confirmed entry that a tuple of this zone belongs to. Entries whose time is over are gone. */
export function findTuple(
  s: Shared,
  key: string,
): { readonly entry: Entry; readonly direction: 'original' | 'reply' } | undefined {
  const target = s.tuples.get(key);
  if (!target) return undefined;
  const entry = s.entries.get(String(target.entry));
  if (!entry || entry.expiresMs <= s.timeMs) return undefined;
  return { entry, direction: target.direction };
}

/** Key of the original direction in the table of tuples. */
export function originalKey(e: Entry): string {
  return tupleKey(e.original, e.zoneOriginal);
}

/** Key of the reply direction. */
export function replyKey(e: Entry): string {
  return tupleKey(e.reply, e.zoneReply);
}

/** Puts an entry into the table, or replaces it there. */
export function storeEntry(s: Shared, e: Entry): void {
  s.entries = s.entries.with(String(e.id), e);
}

/** Adds both tuples of a newly confirmed entry. */
export function insertEntry(s: Shared, e: Entry): void {
  storeEntry(s, e);
  s.tuples = s.tuples
    .with(originalKey(e), { entry: e.id, direction: 'original' })
    .with(replyKey(e), { entry: e.id, direction: 'reply' });
  const source = sourceKey(e.original, e.zoneOriginal);
  s.sources = s.sources.with(source, [e.id, ...(s.sources.get(source) ?? [])]);
}

/** Removes an entry with its tuples. */
export function removeEntry(s: Shared, e: Entry): void {
  s.entries = s.entries.without(String(e.id));
  for (const key of [originalKey(e), replyKey(e)])
    if (s.tuples.get(key)?.entry === e.id) s.tuples = s.tuples.without(key);
  const source = sourceKey(e.original, e.zoneOriginal);
  const others = s.sources.get(source)?.filter((id) => id !== e.id) ?? [];
  s.sources = others.length > 0 ? s.sources.with(source, others) : s.sources.without(source);
}

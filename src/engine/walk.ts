/**
 * One packet under way: what the kernel keeps in its sk_buff, and the environment that matches and targets see.
 * One object serves a whole walk; a packet that the kernel makes on the way gets a walk of its own.
 */

import type {
  CtTemplate,
  FibView,
  IpsecTransform,
  NatAddressSource,
  NatRange,
  Outcome,
  SetChange,
  SetView,
  TargetEnv,
  Tri,
} from '../extensions/define.ts';
import { NO, UNKNOWN, YES } from '../extensions/define.ts';
import type { Connection, PacketConnection, Tuple } from '../model/connection.ts';
import { ctStatusBit } from '../model/connection.ts';
import type { Listener, Machine } from '../model/machine.ts';
import type { CtDirection, CtState, Hook } from '../model/netfilter.ts';
import type { MutablePacket, Packet } from '../model/packet.ts';
import type { EntryPoint, Fate, RuleRef, TraceConnection, TraceEvent } from '../model/trace.ts';
import type { Family } from '../net/address.ts';
import { sameAddress, zeroAddress } from '../net/address.ts';
import { isZero } from './addresses.ts';
import type { Destination } from './destination.ts';
import { createFibView } from './fib-view.ts';
import { firstUse } from './first-use.ts';
import type { FamilyProgram } from './program.ts';
import { changeEntry, type Entry, type EntryChange } from './state.ts';
import { answerOf, type Shared, storeEntry } from './working-state.ts';

/** Before conntrack has looked. */
export const noConnection: PacketConnection = { state: 'INVALID', direction: 'original', entry: undefined };

/** The connection that a `-j CT` template shows to later rules of raw: NEW, without addresses. */
function templateConnection(family: Family, template: CtTemplate): PacketConnection {
  const zero = zeroAddress(family);
  const tuple: Tuple = { src: zero, dst: zero, protocol: 0, sport: 0, dport: 0 };
  return {
    state: 'NEW',
    direction: 'original',
    entry: {
      original: tuple,
      reply: tuple,
      status: ctStatusBit.TEMPLATE | ctStatusBit.CONFIRMED,
      mark: 0,
      zone: template.zone?.value ?? 0,
      helper: template.helper,
      labels: [],
      packets: { original: 0, reply: 0 },
      bytes: { original: 0, reply: 0 },
      expiresMs: Number.POSITIVE_INFINITY,
      master: undefined,
    },
  };
}

/** See the head of this file. Mutable, and of one `simulate` call. */
export class Walk implements TargetEnv {
  readonly shared: Shared;
  readonly program: FamilyProgram;
  readonly entry: EntryPoint;
  readonly family: Family;
  readonly events: TraceEvent[] = [];
  /** Generated packets count their nesting. */
  readonly depth: number;
  /** The packet as it came in or was sent. */
  readonly original: Packet;
  packet: MutablePacket;
  /** Set once fragments were put together: the largest of them. */
  largestFragmentBytes: number | undefined;
  /** Data of the fragments that it was put together from. */
  pieceBytes: readonly number[] | undefined;

  table = '';
  hook: Hook = 'PREROUTING';
  inInterface: string | undefined;
  outInterface: string | undefined;
  physIn: string | undefined;
  physOut: string | undefined;
  connection: PacketConnection = noConnection;
  hasSocket = false;
  hasKernelSocket = false;
  hasFrame = true;
  readonly fib: FibView;
  ipsec: readonly IpsecTransform[] | undefined;
  /** What IPsec will put around the packet. */
  ipsecOut: readonly IpsecTransform[] = [];
  /** IPsec made this packet: no policy is asked again. */
  transformed = false;
  /** The packet inside was taken out already. */
  decapsulated = false;
  /** Something that no recording shows was said to be so. */
  saidNotRecorded = false;
  /** A copy that TEE sends, or what follows from it: none is copied again. */
  duplicated = false;

  /** The entry attached; the same object as `connection.entry`. */
  ct: Entry | undefined;
  untracked = false;
  /** The kernel marked the packet as seen although nothing is attached: an answer to an untracked packet. */
  seenByConntrack = false;
  /** The checksum was looked at and was right: what breaks it from then on is not seen (CHECKSUM_COMPLETE). */
  checksumSeen = false;
  ctTemplate: CtTemplate | undefined;
  /** The route attached to the packet (skb_dst). */
  destination: Destination | undefined;
  viaLoopback = false;
  /** What was attached when it left by lo. */
  entryAtLoopback: Entry | undefined;
  /** br_netfilter has routed it, because NAT changed the destination of a frame, before the machine looked at it. */
  routedByBridge = false;
  lastInInterface: string | undefined;
  errno: string | undefined;
  /** The rule under trial or whose target runs. */
  rule: RuleRef | undefined;
  /** Set by REJECT for the fate. */
  rejectedWith: string | undefined;
  /** Why a nat rule dropped the packet although its target says accept. */
  natDropReason: string | undefined;
  /** A socket that TPROXY assigned. */
  divertedTo: { readonly port: number } | undefined;
  /** Connection as of the last table visited. */
  lastConnection: TraceConnection | undefined;
  /** A match asked to drop the packet. */
  hotDropped = false;
  /** What the last `ask` wanted to know. */
  asked: { readonly topic: string; readonly answers: readonly [no: string, yes: string] } | undefined;

  constructor(shared: Shared, program: FamilyProgram, packet: Packet, entry: EntryPoint, depth = 0) {
    this.shared = shared;
    this.program = program;
    this.family = program.family;
    this.original = packet;
    this.packet = { ...packet };
    this.entry = entry;
    this.depth = depth;
    this.ipsec = depth === 0 && entry.hints?.ipsec ? undefined : [];
    this.fib = createFibView(this);
  }

  get timeMs(): number | undefined {
    return this.shared.clock ? this.shared.timeMs : undefined;
  }

  get machine(): Machine {
    return this.shared.program.machine;
  }

  emit(event: TraceEvent): void {
    if (this.shared.detail !== 'none') this.events.push(event);
  }

  /** Forgets what conntrack, rules and routing left on the packet: as before the first hook. */
  detach(): void {
    this.ct = undefined;
    this.connection = noConnection;
    this.untracked = false;
    this.seenByConntrack = false;
    this.ctTemplate = undefined;
    this.destination = undefined;
    this.rejectedWith = undefined;
    this.natDropReason = undefined;
    this.divertedTo = undefined;
    this.rule = undefined;
    this.asked = undefined;
  }

  /** Attaches an entry (or none) with the packet's state. */
  attach(entry: Entry | undefined, state: CtState, direction: CtDirection): void {
    this.ct = entry;
    this.connection = { state, direction, entry };
  }

  /** Replaces the attached entry by a changed one, in the table too if it is confirmed. */
  updateEntry(change: EntryChange): void {
    if (!this.ct) return;
    const next = changeEntry(this.ct, change);
    if (next.status & ctStatusBit.CONFIRMED && !(next.status & ctStatusBit.DYING))
      storeEntry(this.shared, next);
    this.ct = next;
    this.connection = { state: this.connection.state, direction: this.connection.direction, entry: next };
  }

  /** Remembers the connection as the last table saw it. */
  noteConnection(): void {
    const { state, direction } = this.connection;
    this.lastConnection = {
      state,
      direction,
      entry: this.ct?.id,
      status: this.ct?.status ?? 0,
      mark: this.ct?.mark ?? 0,
    };
  }

  // ------------------------------------------------------------------------------------------ MatchEnv

  ask(topic: string, answers: readonly [no: string, yes: string]): Tri {
    this.asked = { topic, answers };
    const told = topic === 'ipsec' && this.entry.hints?.ipsec ? 'yes' : undefined;
    const answer = told ?? answerOf(this.shared, topic);
    if (answer === undefined) return UNKNOWN;
    if (told === undefined)
      this.emit({ kind: 'assumed', assumption: { key: topic, answer }, rule: this.rule });
    if (answer === answers[1]) return YES;
    if (answer === answers[0]) return NO;
    return answer === 'yes' ? YES : answer === 'no' ? NO : UNKNOWN;
  }

  readState(slot: string): unknown {
    return this.shared.slots.get(slot);
  }

  writeState(slot: string, value: unknown): void {
    this.shared.slots = this.shared.slots.with(slot, value);
  }

  readSet(name: string): SetView | undefined {
    return this.shared.actions.readSet(this, name);
  }

  firstUse(extension: string, name: string): unknown {
    return firstUse(this.program.ruleset, extension, name);
  }

  hotDrop(): Tri {
    this.hotDropped = true;
    return NO;
  }

  connections(): readonly Connection[] {
    const list: Connection[] = [];
    for (const e of this.shared.entries.values()) if (e.expiresMs > this.shared.timeMs) list.push(e);
    return list;
  }

  // ------------------------------------------------------------------------------------------ TargetEnv

  nat(manip: 'source' | 'destination', from: NatAddressSource, range: NatRange): Outcome {
    return this.shared.actions.setupNat(this, manip, from, range);
  }

  reject(answer: string): Outcome {
    this.rejectedWith = answer;
    this.shared.actions.sendReject(this, answer);
    return 'drop';
  }

  log(entry: {
    readonly via: string;
    readonly prefix: string;
    readonly level?: number;
    readonly group?: number;
  }): void {
    if (!this.rule) return;
    this.emit({
      kind: 'log',
      rule: this.rule,
      via: entry.via,
      prefix: entry.prefix,
      level: entry.level,
      group: entry.group,
    });
  }

  untrack(): void {
    // xt_CT notrack_tg(): only a packet that conntrack has not seen yet, and no CT rule before.
    if (this.ct || this.untracked || this.seenByConntrack || this.ctTemplate) return;
    this.untracked = true;
    this.ctTemplate = undefined;
    this.attach(undefined, 'UNTRACKED', 'original');
  }

  template(template: CtTemplate): void {
    if (this.ct || this.untracked || this.seenByConntrack || this.ctTemplate) return;
    this.ctTemplate = template;
    this.connection = templateConnection(this.family, template);
  }

  setConnmark(mark: number): void {
    if (!this.ct || this.ct.mark === mark >>> 0) return;
    const before = this.ct.mark;
    this.updateEntry({ mark: mark >>> 0 });
    this.emit({
      kind: 'change',
      field: 'connmark',
      before,
      after: mark >>> 0,
      by: this.rule ?? 'kernel',
    });
  }

  changeSet(change: SetChange): void {
    this.shared.actions.changeSet(this, change);
  }

  duplicate(gateway: Packet['dst'], device: string | undefined): void {
    if (!this.duplicated) this.shared.actions.sendDuplicate?.(this, gateway, device);
  }

  divert(to: {
    readonly address: Packet['dst'] | undefined;
    readonly port: number;
    readonly mark: number;
    readonly markMask: number;
  }): Outcome {
    // Without a listening socket TPROXY drops; listeners are known only where `ss` was given.
    const listeners = this.machine.listeners.value;
    const port = to.port === 0 ? this.packet.dport : to.port;
    const { family } = this;
    const own = this.shared.facts.interfaces
      .get(this.inInterface ?? '')
      ?.addresses.find((a) => a.address.family === family && !a.secondary)?.address;
    const address = to.address ?? own ?? this.packet.dst;
    const takes = (l: Listener): boolean =>
      l.protocol === this.packet.protocol &&
      l.port === port &&
      (l.address === undefined || isZero(l.address) || sameAddress(l.address, address)) &&
      (l.device === undefined || l.device === this.inInterface);
    if (listeners === undefined) {
      const told = this.ask('tproxy', ['no', 'yes']);
      if (told === UNKNOWN) return 'unknown';
      if (told === NO) return 'drop';
    } else if (!listeners.some(takes)) return 'drop';
    this.packet.mark = ((this.packet.mark & ~to.markMask) ^ to.mark) >>> 0;
    this.divertedTo = { port: port ?? 0 };
    return 'accept';
  }

  pull(bytes: number | 'whole'): void {
    const [first, ...rest] = this.pieceBytes ?? [];
    if (first === undefined) return;
    let missing = (bytes === 'whole' ? Number.POSITIVE_INFINITY : bytes) - first;
    let pulled = first;
    while (missing > 0 && rest[0] !== undefined) {
      const taken = Math.min(missing, rest[0]);
      pulled += taken;
      missing -= taken;
      if (taken === rest[0]) rest.shift();
      else rest[0] -= taken;
    }
    this.pieceBytes = [pulled, ...rest];
  }

  /** Says once what happens, and that it follows from the kernel's sources only. */
  noteNotRecorded(text: string): void {
    const tail = this.saidNotRecorded ? '' : " (from the kernel's own logic, not recorded)";
    this.saidNotRecorded = true;
    this.emit({ kind: 'note', rule: undefined, text: `${text}${tail}` });
  }

  note(effect: string): void {
    this.emit({ kind: 'note', rule: this.rule, text: effect });
  }
}

/** A fate where a drop, a question or a bound ends the walk; undefined: go on. */
export type Ending = Fate | undefined;

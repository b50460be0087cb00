/** A whole conversation: handshake, data both ways and close; each packet with the state that those before it left. */

import { type Branch, explore } from '../engine/explore.ts';
import { emptyState, type SimulationState } from '../engine/simulate.ts';
import type { Entry } from '../engine/state.ts';
import type { Tape } from '../engine/tape.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { Endpoints, EntryPoint, Trace } from '../model/trace.ts';
import { sameAddress } from '../net/address.ts';
import { listenerFor } from './listener.ts';
import { backwards, type NoAnswer, ordinaryAnswer, refusal, segmentLength } from './ordinary-answer.ts';
import { foldWays, waysOf } from './outcome.ts';
import { arrived, entryOfAnswer, type ReplyEnd, sentInAnswer, tapeAfter, type WalkContext } from './reply.ts';

/** One packet of the conversation, and its way. */
export interface FlowStep {
  /** What it is for: `handshake`, `request` … */
  readonly label: FlowLabel;
  readonly from: 'client' | 'server';
  readonly packet: Packet;
  readonly entry: EntryPoint;
  /** The first way that arrives, or the first where none does. */
  readonly branch: Branch;
  /** Whether what the packet does not decide could also have stopped it. */
  readonly mayStop: boolean;
  readonly end: FlowEnd;
}

/** What a packet of a flow is for. */
export type FlowLabel = 'handshake' | 'request' | 'answer' | 'request again' | 'close' | 'refusal';

/** How one packet fared; the words of {@link ReplyEnd}, and `arrives` for a packet of the client. */
export type FlowEnd = 'arrives' | ReplyEnd;

/** The conversation as far as it came. */
export interface Flow {
  readonly steps: readonly FlowStep[];
  /** All packets arrived. */
  readonly complete: boolean;
  /** Packets that a whole conversation has. */
  readonly wholeCount: number;
  /** The last packet is a refusal: no program listens. */
  readonly refused: boolean;
  /** The connection's entry after the last packet; undefined where none was recorded. */
  readonly connection: Entry | undefined;
}

/** Why a packet opens no conversation. */
export type NoFlow = NoAnswer | 'not-an-opener';

/** Ways of one packet that are looked at. */
const stepForks = 16;
const stepSteps = 200_000;

/** Bytes that a request and an answer carry where none are given. */
const dataBytes = 100;

interface Planned {
  readonly label: FlowLabel;
  readonly from: FlowStep['from'];
  readonly change: Partial<Packet>;
}

const { SYN, ACK, FIN, PSH } = tcpFlag;

/** Sequence numbers follow from what was sent: each side acknowledges all that it got. */
function tcpPlan(first: Packet): readonly Planned[] {
  const headers = first.lengthBytes - segmentLength(first) + 1;
  const next = { client: first.seq, server: 5000 };
  const segment = (label: FlowLabel, from: FlowStep['from'], tcpFlags: number, bytes = 0): Planned => {
    const other = from === 'client' ? 'server' : 'client';
    const given = from === 'client' && bytes > 0 ? first.payload : undefined;
    const length = given === undefined || given === '' ? bytes : given.length / 2;
    const opens = (tcpFlags & SYN) !== 0;
    const change: Partial<Packet> = {
      tcpFlags,
      seq: next[from],
      ack: tcpFlags & ACK ? next[other] : 0,
      ...(opens && from === 'client' ? {} : { tcpOptions: [] }),
      payload: length === 0 ? '' : given === '' ? undefined : given,
      lengthBytes: (opens && from === 'client' ? headers : baseBytes(first)) + length,
    };
    next[from] = (next[from] + length + (opens || tcpFlags & FIN ? 1 : 0)) >>> 0;
    return { label, from, change };
  };
  return [
    segment('handshake', 'client', SYN),
    segment('handshake', 'server', SYN | ACK),
    segment('handshake', 'client', ACK),
    segment('request', 'client', PSH | ACK, dataBytes),
    segment('answer', 'server', PSH | ACK, dataBytes),
    segment('close', 'client', FIN | ACK),
    segment('close', 'server', FIN | ACK),
    segment('close', 'client', ACK),
  ];
}

/** IP and TCP header without options. */
function baseBytes(p: Packet): number {
  return (p.family === 'ipv4' ? 20 + p.ipOptions.length / 2 : 40) + 20;
}

function sctpPlan(): readonly Planned[] {
  const chunk = (from: FlowStep['from'], sctpChunks: string): Planned => ({
    label: 'handshake',
    from,
    change: { sctpTag: 1, sctpChunks },
  });
  return [
    { label: 'handshake', from: 'client', change: {} },
    chunk('server', `02000014${'00000001'.repeat(4)}`),
    chunk('client', '0a000004'),
    chunk('server', '0b000004'),
  ];
}

/** Question, answer, and the next question of the same connection. */
function questionPlan(first: Packet): readonly Planned[] {
  const again = first.icmpSeq === undefined ? {} : { icmpSeq: (first.icmpSeq + 1) & 0xffff };
  return [
    { label: 'request', from: 'client', change: {} },
    { label: 'answer', from: 'server', change: {} },
    { label: 'request again', from: 'client', change: again },
  ];
}

function planOf(first: Packet): readonly Planned[] {
  if (first.protocol === 6) return tcpPlan(first);
  return first.protocol === 132 ? sctpPlan() : questionPlan(first);
}

/** Why a conversation does not begin with this packet; undefined where it may. */
export function whyNoFlow(first: Packet): NoFlow | undefined {
  if (first.protocol === 6 && (first.tcpFlags & (SYN | ACK | FIN | tcpFlag.RST)) !== SYN)
    return 'not-an-opener';
  const answer = ordinaryAnswer(first);
  return typeof answer === 'string' ? answer : undefined;
}

const endsOf = (p: Packet): Endpoints => ({ src: p.src, dst: p.dst, sport: p.sport, dport: p.dport });

function sameEnds(a: Endpoints, b: Endpoints, mirrored: boolean): boolean {
  const [src, dst, sport, dport] = mirrored
    ? [b.dst, b.src, b.dport, b.sport]
    : [b.src, b.dst, b.sport, b.dport];
  return sameAddress(a.src, src) && sameAddress(a.dst, dst) && a.sport === sport && a.dport === dport;
}

/** How a packet fared; `server` is how the first packet got to the server. */
function endOf(trace: Trace, from: FlowStep['from'], client: Trace | undefined): FlowEnd {
  const { fate } = trace;
  if (fate.kind === 'undecided' || fate.kind === 'exhausted') return 'open';
  if (!arrived(fate)) return 'stopped';
  if (!client || !arrived(client.fate)) return 'arrives';
  if (from === 'client') {
    if ((fate.kind === 'local') !== (client.fate.kind === 'local')) return 'elsewhere';
    return sameEnds(endsOf(fate.packet), endsOf(client.fate.packet), false) ? 'arrives' : 'not-translated';
  }
  if ((fate.kind === 'local') !== (client.entry.kind === 'local')) return 'elsewhere';
  // The error that refuses a datagram has no ports of its own.
  if (fate.packet.protocol !== client.packet.protocol)
    return sameAddress(fate.packet.dst, client.packet.src) ? 'comes-back' : 'not-translated';
  return sameEnds(endsOf(fate.packet), endsOf(client.packet), true) ? 'comes-back' : 'not-translated';
}

/** Plays the conversation that the packet opens, until it ends or a packet is stopped. */
export function playFlow(first: Packet, entry: EntryPoint, context: WalkContext): Flow {
  const plan = planOf(first);
  const steps: FlowStep[] = [];
  let state: SimulationState = emptyState();
  let tape: Tape = context.tape;
  let opening: Trace | undefined;
  let serverEntry: EntryPoint | undefined;
  let refused = false;
  let connection: number | undefined;
  let complete = true;

  for (const planned of plan) {
    const { from } = planned;
    let { label } = planned;
    let packet: Packet = { ...first, ...planned.change };
    if (from === 'server') {
      const asked = opening && arrived(opening.fate) ? opening.fate.packet : first;
      const listens = serverEntry?.kind === 'local' ? listenerFor(context.machine, asked) : undefined;
      const refusing = listens === 'none' ? refusal(asked) : undefined;
      if (refusing) {
        label = 'refusal';
        refused = true;
      }
      const answer = ordinaryAnswer(asked);
      packet = refusing ?? {
        ...(typeof answer === 'string' ? backwards(asked, {}) : answer),
        ...planned.change,
      };
      if (serverEntry?.kind === 'local') packet = sentInAnswer(packet, asked, serverEntry, context);
    }
    // What was said of the connection's state is about the first packet.
    const { connection: told, ...hints } = entry.hints ?? {};
    const begins: EntryPoint = opening && told ? { ...entry, hints } : entry;
    const at = from === 'client' ? begins : (serverEntry ?? entry);
    const { tree } = explore(context.program, state, packet, at, undefined, tape, {
      forks: stepForks,
      steps: stepSteps,
    });
    const ways = waysOf(foldWays(tree)).map(({ branch }) => ({
      branch,
      end: endOf(branch.trace, from, opening),
    }));
    const passes = ({ end }: { readonly end: FlowEnd }): boolean => end === 'arrives' || end === 'comes-back';
    const chosen = ways.find(passes) ?? ways[0];
    if (!chosen) break;
    const { branch, end } = chosen;
    steps.push({ label, from, packet, entry: at, branch, mayStop: !ways.every(passes), end });
    state = branch.state;
    tape = tapeAfter(tape, branch);
    connection = branch.trace.connection?.entry ?? connection;
    if (!passes(chosen)) {
      complete = false;
      break;
    }
    if (!opening) {
      opening = branch.trace;
      serverEntry = entryOfAnswer(opening);
    }
    if (refused) break;
  }
  return {
    steps,
    complete,
    wholeCount: plan.length,
    refused,
    connection: connection === undefined ? undefined : state.entries.get(String(connection)),
  };
}

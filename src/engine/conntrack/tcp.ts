/**
 * Tracking of TCP: which flag combinations are valid, the state machine, and the window check.
 *
 * Source: net/netfilter/nf_conntrack_proto_tcp.c; RFC 9293 §3.10.7.
 */

import type { CtDirection } from '../../model/netfilter.ts';
import { type Packet, tcpFlag } from '../../model/packet.ts';
import { type TcpSide, type TcpState, type TcpTrack, tcpSideFlag } from './protocol-state.ts';

const { WINDOW_SCALE, SACK_PERM, CLOSE_INIT, BE_LIBERAL, DATA_UNACKNOWLEDGED, MAXACK_SET } = tcpSideFlag;

/** Classes of segments, the rows of the transition table. */
const SYN = 0;
const SYNACK = 1;
const FIN = 2;
const ACK = 3;
const RST = 4;
const NONE = 5;

/** Columns: no, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2. */
const columns: readonly TcpState[] = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
];

const cellNames: Readonly<Record<string, TcpState | 'IGNORE' | 'INVALID'>> = {
  SS: 'SYN_SENT',
  SR: 'SYN_RECV',
  ES: 'ESTABLISHED',
  FW: 'FIN_WAIT',
  CW: 'CLOSE_WAIT',
  LA: 'LAST_ACK',
  TW: 'TIME_WAIT',
  CL: 'CLOSE',
  S2: 'SYN_SENT2',
  IG: 'IGNORE',
  IV: 'INVALID',
};

function table(rows: readonly string[]): readonly (readonly (TcpState | 'IGNORE' | 'INVALID')[])[] {
  return rows.map((row) => row.split(' ').map((cell) => cellNames[cell] ?? 'INVALID'));
}

/** tcp_conntracks[direction][class][state], one row per class. */
const transitions: Readonly<Record<CtDirection, ReturnType<typeof table>>> = {
  original: table([
    'SS SS IG IG IG IG IG SS SS S2',
    'IV IV SR IV IV IV IV IV IV SR',
    'IV IV FW FW LA LA LA TW CL IV',
    'ES IV ES ES CW CW TW TW CL IV',
    'IV CL CL CL CL CL CL CL CL CL',
    'IV IV IV IV IV IV IV IV IV IV',
  ]),
  reply: table([
    'IV S2 IV IV IV IV IV SS IV S2',
    'IV SR IG IG IG IG IG IG IG SR',
    'IV IV FW FW LA LA LA TW CL IV',
    'IV IG SR ES CW CW TW TW CL IG',
    'IV CL CL CL CL CL CL CL CL CL',
    'IV IV IV IV IV IV IV IV IV IV',
  ]),
};

/** Settings of the tracker. */
export interface TcpSettings {
  readonly loose: boolean;
  readonly beLiberal: boolean;
  readonly ignoreInvalidRst: boolean;
  readonly maxRetransmissions: number;
  /** Milliseconds by state, and the two special ones. */
  readonly timeoutMs: Readonly<Record<TcpState | 'RETRANS' | 'UNACK', number>>;
}

/** tcp_valid_flags[]: PSH, ECE and CWR are always valid. */
const validFlags = new Set<number>([
  tcpFlag.SYN,
  tcpFlag.SYN | tcpFlag.URG,
  tcpFlag.SYN | tcpFlag.ACK,
  tcpFlag.RST,
  tcpFlag.RST | tcpFlag.ACK,
  tcpFlag.FIN | tcpFlag.ACK,
  tcpFlag.FIN | tcpFlag.ACK | tcpFlag.URG,
  tcpFlag.ACK,
  tcpFlag.ACK | tcpFlag.URG,
]);

/** Whether conntrack takes the flag combination for one that TCP sends. */
export function validTcpFlags(flags: number): boolean {
  return validFlags.has(flags & ~(tcpFlag.ECE | tcpFlag.CWR | tcpFlag.PSH));
}

function classOf(flags: number): number {
  if (flags & tcpFlag.RST) return RST;
  if (flags & tcpFlag.SYN) return flags & tcpFlag.ACK ? SYNACK : SYN;
  if (flags & tcpFlag.FIN) return FIN;
  if (flags & tcpFlag.ACK) return ACK;
  return NONE;
}

const u32 = (n: number): number => n >>> 0;
const before = (a: number, b: number): boolean => (a - b) << 0 < 0;
const after = (a: number, b: number): boolean => before(b, a);

/** Length of the TCP header with its options, in bytes. */
export function tcpHeaderBytes(packet: Packet): number {
  let n = 0;
  for (const o of packet.tcpOptions) n += o.kind <= 1 ? 1 : 2 + o.data.length / 2;
  return 20 + Math.ceil(n / 4) * 4;
}

/** Bytes of layer-3 header in front of the segment. */
export function networkHeaderBytes(packet: Packet): number {
  if (packet.family === 'ipv4') return 20 + packet.ipOptions.length / 2;
  let n = 40;
  for (const h of packet.extensionHeaders) n += 2 + h.body.length / 2;
  return n;
}

function dataBytes(packet: Packet): number {
  if (packet.payload !== undefined) return packet.payload.length / 2;
  return Math.max(0, packet.lengthBytes - networkHeaderBytes(packet) - tcpHeaderBytes(packet));
}

function segmentEnd(packet: Packet): number {
  const flags = packet.tcpFlags;
  return u32(packet.seq + dataBytes(packet) + (flags & tcpFlag.SYN ? 1 : 0) + (flags & tcpFlag.FIN ? 1 : 0));
}

type MutableSide = { -readonly [K in keyof TcpSide]: TcpSide[K] };
type MutableTrack = Omit<{ -readonly [K in keyof TcpTrack]: TcpTrack[K] }, 'original' | 'reply'> & {
  original: MutableSide;
  reply: MutableSide;
};

const emptySide = (): MutableSide => ({ end: 0, maxEnd: 0, maxWindow: 0, maxAck: 0, scale: 0, flags: 0 });

function thaw(t: TcpTrack): MutableTrack {
  return { ...t, original: { ...t.original }, reply: { ...t.reply } };
}

/** tcp_options(): window scale and SACK permission. A header without options leaves the side as it is. */
function readOptions(packet: Packet, side: MutableSide): void {
  if (packet.tcpOptions.length === 0) return;
  side.scale = 0;
  side.flags &= BE_LIBERAL;
  for (const o of packet.tcpOptions) {
    if (o.kind === 0) return;
    if (o.kind === 4 && o.data.length === 0) side.flags |= SACK_PERM;
    else if (o.kind === 3 && o.data.length === 2) {
      side.scale = Math.min(14, Number.parseInt(o.data, 16));
      side.flags |= WINDOW_SCALE;
    }
  }
}

/** tcp_sack(): the highest right edge of the SACK blocks. */
function highestSack(packet: Packet, ack: number): number {
  let sack = ack;
  for (const o of packet.tcpOptions) {
    if (o.kind !== 5) continue;
    for (let i = 8; i + 8 <= o.data.length; i += 16) {
      const right = Number.parseInt(o.data.slice(i, i + 8), 16);
      if (after(right, sack)) sack = right;
    }
  }
  return sack;
}

/** A new track for a packet without an entry, or why it cannot open one. */
export function newTcpTrack(packet: Packet, settings: TcpSettings): TcpTrack | undefined {
  const state = transitions.original[classOf(packet.tcpFlags)]?.[0] ?? 'INVALID';
  if (state === 'INVALID' || state === 'IGNORE') return undefined;
  const side = emptySide();
  const other = emptySide();
  side.end = segmentEnd(packet);
  side.maxWindow = packet.window === 0 ? 1 : packet.window;
  if (state === 'SYN_SENT') {
    side.maxEnd = side.end;
    readOptions(packet, side);
  } else {
    if (!settings.loose) return undefined;
    side.maxEnd = u32(side.end + side.maxWindow);
    side.flags = SACK_PERM | BE_LIBERAL;
    other.flags = SACK_PERM | BE_LIBERAL;
  }
  return {
    kind: 'tcp',
    state: 'NONE',
    original: side,
    reply: other,
    lastDirection: 'original',
    lastIndex: NONE,
    lastSeq: 0,
    lastAck: 0,
    lastEnd: 0,
    lastWindow: 0,
    lastScale: 0,
    lastFlags: 0,
    retransmissions: 0,
  };
}

/** What the tracker makes of a segment. */
export interface TcpResult {
  /** `accept`; `invalid` (why); `repeat`: the entry is to be removed and the packet looked up again; `kill`: accepted, and the entry goes. */
  readonly verdict: 'accept' | 'invalid' | 'repeat' | 'kill';
  readonly reason: string | undefined;
  readonly track: TcpTrack;
  /** New life time in milliseconds; undefined: unchanged. */
  readonly timeoutMs: number | undefined;
  readonly assured: boolean;
}

/** MAXACKWINDOW(sender). */
const maxAckWindow = (side: TcpSide): number => Math.max(side.maxWindow, 66000);

function initSender(
  sender: MutableSide,
  receiver: MutableSide,
  packet: Packet,
  end: number,
  direction: CtDirection,
): void {
  sender.end = end;
  sender.maxEnd = end;
  sender.maxWindow = packet.window === 0 ? 1 : packet.window;
  readOptions(packet, sender);
  if (direction === 'reply' && !(sender.flags & WINDOW_SCALE && receiver.flags & WINDOW_SCALE)) {
    sender.scale = 0;
    receiver.scale = 0;
  }
}

/** tcp_in_window(): `ignore` lets the segment pass without believing it. */
function inWindow(
  t: MutableTrack,
  direction: CtDirection,
  index: number,
  packet: Packet,
  settings: TcpSettings,
): 'accept' | 'ignore' | 'invalid' {
  const sender = t[direction];
  const receiver = direction === 'original' ? t.reply : t.original;
  const flags = packet.tcpFlags;
  let seq = packet.seq;
  let ack = packet.ack;
  let sack = receiver.flags & SACK_PERM ? highestSack(packet, ack) : ack;
  let window = packet.window;
  let end = segmentEnd(packet);
  const refused = (answer: 'ignore' | 'invalid'): 'accept' | 'ignore' | 'invalid' =>
    sender.flags & BE_LIBERAL || settings.beLiberal ? 'accept' : answer;

  if (sender.maxWindow === 0) {
    if (flags & tcpFlag.SYN) {
      initSender(sender, receiver, packet, end, direction);
      if (!(flags & tcpFlag.ACK)) return 'accept';
    } else {
      sender.end = end;
      const scaled = window * 2 ** sender.scale;
      sender.maxWindow = scaled === 0 ? 1 : scaled;
      sender.maxEnd = u32(end + sender.maxWindow);
      if (receiver.maxWindow === 0) {
        receiver.end = sack;
        receiver.maxEnd = sack;
      } else if (sack === u32(receiver.end + 1)) receiver.end = u32(receiver.end + 1);
    }
  } else if (
    flags & tcpFlag.SYN &&
    after(end, sender.end) &&
    (t.state === 'SYN_SENT' || t.state === 'SYN_RECV')
  ) {
    initSender(sender, receiver, packet, end, direction);
    if (direction === 'reply' && !(flags & tcpFlag.ACK)) return 'accept';
  }

  if (!(flags & tcpFlag.ACK) || (flags & tcpFlag.RST && ack === 0)) {
    ack = receiver.end;
    sack = receiver.end;
  }
  if (flags & tcpFlag.RST && seq === 0 && t.state === 'SYN_SENT') {
    seq = sender.end;
    end = sender.end;
  }

  if (!before(seq, u32(sender.maxEnd + 1))) {
    const overshot = u32(end - sender.maxEnd + 1);
    const ackOk = after(sack, u32(receiver.end - maxAckWindow(sender) - 1));
    const inReceiveWindow = receiver.maxWindow !== 0 && after(end, u32(sender.end - receiver.maxWindow - 1));
    if (inReceiveWindow && ackOk && overshot <= receiver.maxWindow && before(sack, u32(receiver.end + 1))) {
      sender.end = end;
      sender.flags |= DATA_UNACKNOWLEDGED;
      return refused('ignore');
    }
    return refused('invalid');
  }
  if (!before(sack, u32(receiver.end + 1))) return refused('invalid');
  if (receiver.maxWindow !== 0 && !after(end, u32(sender.end - receiver.maxWindow - 1)))
    return refused('ignore');
  if (!after(sack, u32(receiver.end - maxAckWindow(sender) - 1))) return refused('ignore');

  if (!(flags & tcpFlag.SYN)) window *= 2 ** sender.scale;
  const scaled = window + u32(sack - ack);
  if (sender.maxWindow < scaled) sender.maxWindow = scaled;
  if (after(end, sender.end)) {
    sender.end = end;
    sender.flags |= DATA_UNACKNOWLEDGED;
  }
  if (flags & tcpFlag.ACK) {
    if (!(sender.flags & MAXACK_SET)) {
      sender.maxAck = ack;
      sender.flags |= MAXACK_SET;
    } else if (after(ack, sender.maxAck)) sender.maxAck = ack;
  }
  if (receiver.maxWindow !== 0 && after(end, sender.maxEnd)) receiver.maxWindow += u32(end - sender.maxEnd);
  if (after(u32(sack + window), u32(receiver.maxEnd - 1))) {
    receiver.maxEnd = u32(sack + window);
    if (window === 0) receiver.maxEnd = u32(receiver.maxEnd + 1);
  }
  if (ack === receiver.end) receiver.flags &= ~DATA_UNACKNOWLEDGED;

  if (index === ACK) {
    if (
      t.lastDirection === direction &&
      t.lastSeq === seq &&
      t.lastAck === ack &&
      t.lastEnd === end &&
      t.lastWindow === packet.window
    )
      t.retransmissions++;
    else {
      t.lastDirection = direction;
      t.lastSeq = seq;
      t.lastAck = ack;
      t.lastEnd = end;
      t.lastWindow = packet.window;
      t.retransmissions = 0;
    }
  }
  return 'accept';
}

/** tcp_can_early_drop(): states of a connection that is closing. */
const closing = (s: TcpState): boolean =>
  s === 'FIN_WAIT' || s === 'LAST_ACK' || s === 'TIME_WAIT' || s === 'CLOSE' || s === 'CLOSE_WAIT';

/** nf_conntrack_tcp_packet() after the header checks, for an entry that exists (also one just made). */
export function trackTcp(
  track: TcpTrack,
  packet: Packet,
  direction: CtDirection,
  status: { readonly seenReply: boolean; readonly assured: boolean },
  settings: TcpSettings,
): TcpResult {
  const t = thaw(track);
  const other: CtDirection = direction === 'original' ? 'reply' : 'original';
  const index = classOf(packet.tcpFlags);
  let oldState = t.state;
  let newState = transitions[direction][index]?.[columns.indexOf(oldState)] ?? 'INVALID';
  let skipWindow = false;
  // nf_conntrack_tcp_established()
  const established = oldState === 'ESTABLISHED' && status.assured;
  const result = (
    verdict: TcpResult['verdict'],
    reason?: string,
    timeoutMs?: number,
    assured = false,
  ): TcpResult => ({ verdict, reason, track: t, timeoutMs, assured });

  if (
    newState === 'SYN_SENT' &&
    (oldState === 'TIME_WAIT' || oldState === 'CLOSE' || oldState === 'SYN_SENT2')
  ) {
    if (
      (t.original.flags | t.reply.flags) & CLOSE_INIT ||
      (t.lastDirection === direction && t.lastIndex === RST)
    )
      return result('repeat');
    newState = 'IGNORE';
  }

  switch (newState) {
    case 'INVALID':
      return result('invalid', 'state');
    case 'IGNORE': {
      if (
        index === SYNACK &&
        t.lastIndex === SYN &&
        t.lastDirection !== direction &&
        packet.ack === t.lastEnd
      ) {
        // The answer to a SYN that was let through: both ends are in sync, so get in sync with them.
        oldState = 'SYN_SENT';
        newState = 'SYN_RECV';
        const side = t[t.lastDirection];
        side.end = t.lastEnd;
        side.maxEnd = t.lastEnd;
        side.maxWindow = t.lastWindow === 0 ? 1 : t.lastWindow;
        side.scale = t.lastScale;
        t.lastFlags &= ~tcpSideFlag.CHALLENGE_ACK;
        side.flags = t.lastFlags;
        t[direction] = { ...emptySide(), flags: t[direction].flags & BE_LIBERAL };
        break;
      }
      t.lastIndex = index;
      t.lastDirection = direction;
      t.lastSeq = packet.seq;
      t.lastEnd = segmentEnd(packet);
      t.lastWindow = packet.window;
      if (index === SYN && direction === 'original') {
        const seen = emptySide();
        t.lastFlags = 0;
        t.lastScale = 0;
        readOptions(packet, seen);
        if (seen.flags & WINDOW_SCALE) {
          t.lastFlags |= WINDOW_SCALE;
          t.lastScale = seen.scale;
        }
        if (seen.flags & SACK_PERM) t.lastFlags |= SACK_PERM;
        if (oldState === 'LAST_ACK') t.lastFlags |= tcpSideFlag.CHALLENGE_ACK;
      }
      if (oldState === 'SYN_SENT' && index === ACK && direction === 'reply') t.lastAck = packet.ack;
      return result('accept', 'ignored');
    }
    case 'TIME_WAIT':
      if (
        oldState === 'LAST_ACK' &&
        index === ACK &&
        t.lastDirection !== direction &&
        t.lastIndex === SYN &&
        t.lastFlags & tcpSideFlag.CHALLENGE_ACK
      ) {
        t.lastFlags &= ~tcpSideFlag.CHALLENGE_ACK;
        return result('accept', 'challenge-ack');
      }
      break;
    case 'SYN_SENT2':
      t.lastFlags |= tcpSideFlag.SIMULTANEOUS_OPEN;
      break;
    case 'SYN_RECV':
      if (direction === 'reply' && index === ACK && t.lastFlags & tcpSideFlag.SIMULTANEOUS_OPEN)
        newState = 'ESTABLISHED';
      break;
    case 'CLOSE': {
      if (index !== RST) break;
      if (closing(oldState)) {
        skipWindow = true;
        break;
      }
      if (t[other].flags & MAXACK_SET && t.lastIndex !== SYN) {
        const seq = packet.seq;
        if (seq === 0 && !established) break;
        if (before(seq, t[other].maxAck) && !settings.ignoreInvalidRst) return result('invalid', 'rst');
        if (!established || seq === t[other].maxAck) break;
        if (t.lastIndex === ACK && t.lastDirection === direction && seq === t.lastEnd) break;
        // Not exactly what the peer expects: it may answer with a challenge ACK, so the state stays.
        newState = oldState;
      }
      if (
        ((status.seenReply && t.lastIndex === SYN) || (!status.assured && t.lastIndex === ACK)) &&
        packet.ack === t.lastEnd
      )
        skipWindow = true;
      break;
    }
    default:
      break;
  }

  if (!skipWindow) {
    const answer = inWindow(t, direction, index, packet, settings);
    if (answer === 'ignore') return result('accept', 'ignored');
    if (answer === 'invalid') return result('invalid', 'window');
  }

  t.lastIndex = index;
  t.lastDirection = direction;
  const state = newState as TcpState;
  t.state = state;
  if (oldState !== state && state === 'FIN_WAIT') t[direction].flags |= CLOSE_INIT;

  const timeouts = settings.timeoutMs;
  let timeoutMs = timeouts[state];
  if (t.retransmissions >= settings.maxRetransmissions && timeoutMs > timeouts.RETRANS)
    timeoutMs = timeouts.RETRANS;
  else if (index === RST) timeoutMs = timeouts.CLOSE;
  else if ((t.original.flags | t.reply.flags) & DATA_UNACKNOWLEDGED && timeoutMs > timeouts.UNACK)
    timeoutMs = timeouts.UNACK;
  else if (t.lastWindow === 0 && timeoutMs > timeouts.RETRANS) timeoutMs = timeouts.RETRANS;

  if (!status.seenReply) {
    if (packet.tcpFlags & tcpFlag.RST) return result('kill');
    // A repeated SYN neither renews the time nor counts.
    if (index === SYN && oldState === 'SYN_SENT') return result('accept', 'syn-again');
    if (state === 'ESTABLISHED' && timeoutMs > timeouts.UNACK) timeoutMs = timeouts.UNACK;
    return result('accept', undefined, timeoutMs);
  }
  const assured =
    !status.assured && (oldState === 'SYN_RECV' || oldState === 'ESTABLISHED') && state === 'ESTABLISHED';
  return result('accept', undefined, timeoutMs, assured);
}

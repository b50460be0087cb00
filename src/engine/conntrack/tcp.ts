/**
 * Tracking of TCP: which flag combinations are valid, and the state machine.
 *
 * Source: net/netfilter/nf_conntrack_proto_tcp.c; RFC 9293 §3.10.7.
 */

import type { CtDirection } from '../../model/netfilter.ts';
import { type Packet, tcpFlag } from '../../model/packet.ts';
import { type TcpState, type TcpTrack, tcpSideFlag } from './protocol-state.ts';
import {
  before,
  emptySide,
  inWindow,
  readOptions,
  segmentEnd,
  type TcpSettings,
  thaw,
  u32,
} from './tcp-window.ts';

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
    const answer = inWindow(t, direction, packet, settings);
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

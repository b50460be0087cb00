/**
 * The window of TCP: what each side has sent and may send, and whether a segment lies within.
 *
 * Source: net/netfilter/nf_conntrack_proto_tcp.c tcp_in_window(), tcp_options(), tcp_sack().
 */

import type { CtDirection } from '../../model/netfilter.ts';
import { type Packet, tcpFlag } from '../../model/packet.ts';
import { tcpHeaderBytes } from '../../model/tcp-header.ts';
import { headerBytes } from '../layer4.ts';
import { type TcpSide, type TcpState, type TcpTrack, tcpSideFlag } from './protocol-state.ts';

const { WINDOW_SCALE, SACK_PERM, BE_LIBERAL, DATA_UNACKNOWLEDGED, MAXACK_SET } = tcpSideFlag;

/** Settings of the tracker. */
export interface TcpSettings {
  readonly loose: boolean;
  readonly beLiberal: boolean;
  readonly ignoreInvalidRst: boolean;
  readonly maxRetransmissions: number;
  /** Milliseconds by state, and the two special ones. */
  readonly timeoutMs: Readonly<Record<TcpState | 'RETRANS' | 'UNACK', number>>;
}

/** The number in unsigned 32 bits. */
export const u32 = (n: number): number => n >>> 0;
/** Whether sequence number `a` comes before `b`, around the end of the numbers. */
export const before = (a: number, b: number): boolean => (a - b) << 0 < 0;
const after = (a: number, b: number): boolean => before(b, a);

function dataBytes(packet: Packet): number {
  if (packet.payload !== undefined) return packet.payload.length / 2;
  return Math.max(0, packet.lengthBytes - headerBytes(packet) - tcpHeaderBytes(packet));
}

/** The sequence number behind the segment: SYN and FIN count as one. */
export function segmentEnd(packet: Packet): number {
  const flags = packet.tcpFlags;
  return u32(packet.seq + dataBytes(packet) + (flags & tcpFlag.SYN ? 1 : 0) + (flags & tcpFlag.FIN ? 1 : 0));
}

/** A side that is being changed. */
export type MutableSide = { -readonly [K in keyof TcpSide]: TcpSide[K] };
/** A track that is being changed. */
export type MutableTrack = Omit<{ -readonly [K in keyof TcpTrack]: TcpTrack[K] }, 'original' | 'reply'> & {
  original: MutableSide;
  reply: MutableSide;
};

/** A side of which nothing was seen. */
export const emptySide = (): MutableSide => ({
  end: 0,
  maxEnd: 0,
  maxWindow: 0,
  maxAck: 0,
  scale: 0,
  flags: 0,
});

/** A copy to change. */
export function thaw(t: TcpTrack): MutableTrack {
  return { ...t, original: { ...t.original }, reply: { ...t.reply } };
}

/** tcp_options(): window scale and SACK permission. A header without options leaves the side as it is. */
export function readOptions(packet: Packet, side: MutableSide): void {
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

/** A segment of class ACK: no SYN, FIN or RST. */
function isPlainAck(flags: number): boolean {
  return (flags & tcpFlag.ACK) !== 0 && (flags & (tcpFlag.SYN | tcpFlag.FIN | tcpFlag.RST)) === 0;
}

/** tcp_in_window(): `ignore` lets the segment pass without believing it. */
export function inWindow(
  t: MutableTrack,
  direction: CtDirection,
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

  if (isPlainAck(flags)) {
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

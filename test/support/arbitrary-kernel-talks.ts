/** Random conversations for the kernel: answers, further packets, and errors about earlier ones. */

import fc from 'fast-check';
import type { CasePacket } from '../../src/dev/conform-case.ts';
import type { DrawnHost } from './arbitrary-kernel-hosts.ts';
import { data } from './arbitrary-kernel-packets.ts';
import { choice, chosen } from './arbitrary-kernel-rules.ts';
import type { RecordPacket } from './kernel-record.ts';

/** What two sides have said so far. */
export interface Conversation {
  readonly at: number;
  readonly packet: CasePacket;
  /** TCP: sequence numbers that come next. */
  next: [own: number, others: number];
  answered: boolean;
  /** SCTP: how much of an association has been spoken. */
  stage: number;
}

/** A packet that belongs to an earlier one. */
export interface FollowDraw {
  readonly kind: 'follow';
  /** Which of the fresh packets before it. */
  readonly of: number;
  readonly step: number;
}

/** Draws of {@link followPacket}. */
export const followDraw: fc.Arbitrary<FollowDraw> = fc.record({
  kind: fc.constant('follow' as const),
  of: choice,
  step: choice,
});

/** Opens a conversation with the packet at a place of the case. */
export function openTalk(at: number, packet: CasePacket): Conversation {
  return { at, packet, next: [1001, 5001], answered: false, stage: 0 };
}

/** Errors about packets: type, code and the word behind the checksum. */
const errors: Readonly<Record<4 | 6, readonly (readonly [number, number, number?])[]>> = {
  4: [
    [3, 1],
    [3, 3],
    [11, 0],
    [3, 4, 1400],
    [12, 0],
    [5, 1, 0xc0a80114],
    [4, 0],
    [3, 13],
  ],
  6: [
    [1, 0],
    [1, 4],
    [2, 0, 1400],
    [3, 0],
    [4, 1, 6],
    [1, 1],
  ],
};

function errorPacket(d: FollowDraw, at: number, family: 4 | 6, drawn: DrawnHost): RecordPacket {
  const [icmp_type, icmp_code, icmp_rest = 0] = chosen(errors[family], d.of);
  // Mostly the other end says so, sometimes a router on the way.
  const router = d.step % 3 === 1 ? { src: chosen(drawn.far, d.of) } : {};
  return { error_about: at, icmp_type, icmp_code, icmp_rest, ...router };
}

const chunk = (type: number, body = '', flags = 0): string => {
  const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
  return `${hex(type, 2)}${hex(flags, 2)}${hex(4 + body.length / 2, 4)}${body}`;
};
const init = (type: number, tag: number): string =>
  chunk(type, `${tag.toString(16).padStart(8, '0')}0000ffff0001000100000001`);

/** An association as it is opened, used and closed: whether the answering side speaks, and what. */
const association: readonly (readonly [answers: boolean, chunk: string])[] = [
  [true, init(2, 2)],
  [false, chunk(10, '00000000')],
  [true, chunk(11)],
  [false, chunk(0, '0000000100000000000000006161', 3)],
  [true, chunk(3, '000000010000ffff00000000')],
  [false, chunk(7, '00000001')],
  [true, chunk(8)],
  [false, chunk(14)],
];
const otherChunks = [
  chunk(4, '00010004'),
  chunk(5, '00010004'),
  chunk(6),
  chunk(9),
  chunk(14),
  chunk(7, '00000001'),
  init(1, 1),
];

function sctpPacket(d: FollowDraw, talk: Conversation, id: Partial<CasePacket>): RecordPacket {
  const plain = d.step % 4 !== 3;
  const [answers, text] = plain
    ? chosen(association, talk.stage++)
    : ([d.of % 2 === 0, chosen(otherChunks, d.of)] as const);
  const right = answers ? 1 : 2;
  const vtag = d.step % 13 === 12 ? 7 : right;
  if (answers) return { reply_to: talk.at, vtag, sctp_chunk: text };
  return { ...talk.packet, ...id, vtag, sctp_chunk: text };
}

/** The packet of a draw, undefined where nothing was said before. `index`: its place in the case. */
export function followPacket(
  d: FollowDraw,
  talks: readonly Conversation[],
  family: 4 | 6,
  drawn: DrawnHost,
  index: number,
): RecordPacket | undefined {
  if (talks.length === 0) return undefined;
  const talk = talks[talks.length - 1 - (d.of % talks.length)] as Conversation;
  const { packet, at } = talk;
  const id = family === 4 ? { id: 4096 + 7 * index } : {};
  if (d.step % 7 === 6) return errorPacket(d, d.of % 5 === 4 ? index - 1 : at, family, drawn);
  if (packet.proto === 'sctp') return sctpPacket(d, talk, id);
  if (packet.proto !== 'tcp') {
    if (d.step % 3 === 1) return { ...packet, ...id };
    const load = ['udp', 'udplite'].includes(packet.proto)
      ? { payload: '6161' }
      : ['47', '50'].includes(packet.proto) && d.step % 4 !== 3
        ? { payload: '0000200200000002' }
        : {};
    return { reply_to: at, ...load };
  }
  const [mine, others] = talk.next;
  const own = (fields: Partial<CasePacket>): RecordPacket => ({
    ...packet,
    ...id,
    seq: mine,
    ack: others,
    ...fields,
  });
  const reply = (fields: Partial<CasePacket>): RecordPacket => ({
    reply_to: at,
    seq: others,
    ack: mine,
    ...fields,
  });
  if (!talk.answered) {
    if (d.step % 5 === 4)
      return d.step % 2 === 0 ? { ...packet, ...id } : reply({ tcp_flags: ['RST', 'ACK'], seq: 0 });
    talk.answered = true;
    talk.next = [1001, 5001];
    return {
      reply_to: at,
      tcp_flags: ['SYN', 'ACK'],
      seq: 5000,
      ack: 1001,
      ...(d.step % 3 === 2 ? { mss: 1460 } : {}),
    };
  }
  const { mss: _, ...bare } = packet;
  const back = (fields: Partial<CasePacket>): RecordPacket => ({
    ...bare,
    ...id,
    seq: mine,
    ack: others,
    ...fields,
  });
  switch (d.step % 12) {
    case 0:
    case 1:
      return back({ tcp_flags: ['ACK'] });
    case 2:
      talk.next = [mine + data.length / 2, others];
      return back({ tcp_flags: ['PSH', 'ACK'], payload: data });
    case 3:
      talk.next = [mine, others + data.length / 2];
      return reply({ tcp_flags: ['PSH', 'ACK'], payload: data });
    case 4:
      talk.next = [mine + 1, others];
      return back({ tcp_flags: ['FIN', 'ACK'] });
    case 5:
      talk.next = [mine, others + 1];
      return reply({ tcp_flags: ['FIN', 'ACK'] });
    case 6:
      return d.of % 2 === 0 ? back({ tcp_flags: ['RST'] }) : reply({ tcp_flags: ['RST', 'ACK'] });
    case 7:
      return own({ tcp_flags: ['SYN'], seq: 1000 + (d.of % 2) * 900000, ack: 0 });
    case 8:
      return back({ tcp_flags: ['ACK'], seq: mine + 4_000_000 });
    case 9:
      // A keep-alive, or a window that is shut.
      return d.of % 2 === 0
        ? back({ tcp_flags: ['ACK'], seq: mine - 1 })
        : reply({ tcp_flags: ['ACK'], window: 0 });
    case 10:
      return d.of % 2 === 0
        ? reply({ tcp_flags: ['SYN', 'ACK'], seq: 5000 })
        : reply({ tcp_flags: ['SYN'], seq: 9000, ack: 0 });
    default:
      return d.of % 2 === 0
        ? reply({ tcp_flags: ['ACK'], tcp_options: '0101050a0000138a000013ee' })
        : back({ tcp_flags: ['ACK', 'ECE'], seq: others, ack: mine });
  }
}

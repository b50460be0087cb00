/** What the one who gets a packet ordinarily answers. */

import { makePacket } from '../expression/make-packet.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import { hasPorts } from '../net/protocols.ts';

/** Why there is no ordinary answer. */
export type NoAnswer = 'icmp-error' | 'is-an-answer' | 'reset' | 'fragment' | 'to-many' | 'unknown-protocol';

/** The first sequence number of the side that answers. */
const answerSeq = 5000;

/** Query types and the types that answer them. */
const icmpAnswers: Readonly<Record<Packet['family'], Readonly<Record<number, number>>>> = {
  ipv4: { 8: 0, 13: 14, 15: 16, 17: 18 },
  ipv6: { 128: 129, 133: 134, 135: 136, 139: 140 },
};

/** SCTP: an INIT ACK as it answers the INIT of the defaults table. */
const sctpInitAck = `02000014${'00000001'.repeat(4)}`;

/** The bytes of a segment that count in its sequence space. */
export function segmentLength(p: Packet): number {
  const options = p.tcpOptions.reduce((sum, o) => sum + (o.kind < 2 ? 1 : 2 + o.data.length / 2), 0);
  const header = 20 + Math.ceil(options / 4) * 4;
  const network = p.family === 'ipv4' ? 20 + p.ipOptions.length / 2 : 40;
  const payload = p.payload === undefined ? p.lengthBytes - network - header : p.payload.length / 2;
  const flags = (p.tcpFlags & tcpFlag.SYN ? 1 : 0) + (p.tcpFlags & tcpFlag.FIN ? 1 : 0);
  return Math.max(payload, 0) + flags;
}

/** The packet the other way, with what is given; nothing of the first one's path sticks to it. */
export function backwards(p: Packet, change: Partial<Packet>): Packet {
  return makePacket({
    family: p.family,
    src: p.dst,
    dst: p.src,
    protocol: p.protocol,
    sport: p.dport,
    dport: p.sport,
    ...change,
  });
}

/** The answer to a packet as it was delivered, from its addressee; or why there is none. */
export function ordinaryAnswer(p: Packet): Packet | NoAnswer {
  if (p.fragmentOffsetBytes > 0 || p.moreFragments) return 'fragment';
  if (p.packetType === 'broadcast' || p.packetType === 'multicast') return 'to-many';
  if (p.protocol === 6) {
    const { SYN, ACK, RST } = tcpFlag;
    if (p.tcpFlags & RST) return 'reset';
    const opens = (p.tcpFlags & (SYN | ACK)) === SYN;
    return backwards(p, {
      tcpFlags: opens ? SYN | ACK : ACK,
      seq: opens ? answerSeq : p.ack,
      ack: (p.seq + segmentLength(p)) >>> 0,
      payload: '',
    });
  }
  if (p.icmpType !== undefined) {
    const answer = icmpAnswers[p.family][p.icmpType];
    if (answer === undefined) return p.quote ? 'icmp-error' : 'is-an-answer';
    return backwards(p, {
      icmpType: answer,
      icmpCode: 0,
      icmpId: p.icmpId,
      icmpSeq: p.icmpSeq,
      payload: p.payload,
      lengthBytes: p.lengthBytes,
    });
  }
  if (p.protocol === 132)
    return backwards(p, p.sctpChunks.startsWith('01') ? { sctpTag: 1, sctpChunks: sctpInitAck } : {});
  if (hasPorts(p.protocol)) return backwards(p, { lengthBytes: p.lengthBytes });
  if (p.layer4 !== undefined || p.protocol === 1 || p.protocol === 58) return 'unknown-protocol';
  return backwards(p, { spi: p.spi, lengthBytes: p.lengthBytes });
}

/** What the kernel answers where no program listens: RST, or port unreachable. Source: RFC 9293 §3.5.2, RFC 1122 §4.1.3.1. */
export function refusal(p: Packet): Packet | undefined {
  if (p.protocol === 6) {
    const { RST, ACK } = tcpFlag;
    const acknowledges = (p.tcpFlags & ACK) !== 0;
    return backwards(p, {
      tcpFlags: acknowledges ? RST : RST | ACK,
      seq: acknowledges ? p.ack : 0,
      ack: acknowledges ? 0 : (p.seq + segmentLength(p)) >>> 0,
      window: 0,
      payload: '',
    });
  }
  if (p.protocol !== 17) return undefined;
  const v4 = p.family === 'ipv4';
  return makePacket({
    family: p.family,
    src: p.dst,
    dst: p.src,
    protocol: v4 ? 1 : 58,
    icmpType: v4 ? 3 : 1,
    icmpCode: v4 ? 3 : 4,
    quote: p,
    lengthBytes: (v4 ? 28 : 48) + p.lengthBytes,
  });
}

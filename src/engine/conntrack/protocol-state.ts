/** What conntrack remembers of a connection by protocol. */

import type { CtDirection } from '../../model/netfilter.ts';

/** One side of a TCP connection, as struct ip_ct_tcp_state. All sequence numbers are unsigned 32 bits. */
export interface TcpSide {
  readonly end: number;
  readonly maxEnd: number;
  readonly maxWindow: number;
  readonly maxAck: number;
  readonly scale: number;
  /** Bits of {@link tcpSideFlag}. */
  readonly flags: number;
}

/** include/uapi/linux/netfilter/nf_conntrack_tcp.h IP_CT_TCP_FLAG_… */
export const tcpSideFlag = {
  WINDOW_SCALE: 0x01,
  SACK_PERM: 0x02,
  CLOSE_INIT: 0x04,
  BE_LIBERAL: 0x08,
  DATA_UNACKNOWLEDGED: 0x10,
  MAXACK_SET: 0x20,
  CHALLENGE_ACK: 0x40,
  SIMULTANEOUS_OPEN: 0x80,
} as const;

/** Names of enum tcp_conntrack, in its order. */
export const tcpStates = [
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
] as const;
/** One of {@link tcpStates}. */
export type TcpState = (typeof tcpStates)[number];

/** Struct ip_ct_tcp. */
export interface TcpTrack {
  readonly kind: 'tcp';
  readonly state: TcpState;
  readonly original: TcpSide;
  readonly reply: TcpSide;
  readonly lastDirection: 'original' | 'reply';
  /** Index into the flag classes: 0 SYN, 1 SYN+ACK, 2 FIN, 3 ACK, 4 RST, 5 none. */
  readonly lastIndex: number;
  readonly lastSeq: number;
  readonly lastAck: number;
  readonly lastEnd: number;
  readonly lastWindow: number;
  readonly lastScale: number;
  readonly lastFlags: number;
  readonly retransmissions: number;
}

/** Names of enum sctp_conntrack, in its order. */
const sctpStates = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
] as const;
/** One of {@link sctpStates}. */
export type SctpState = (typeof sctpStates)[number];

/** Struct ip_ct_sctp: verification tags by direction. */
export interface SctpTrack {
  readonly kind: 'sctp';
  readonly state: SctpState;
  readonly tagOriginal: number;
  readonly tagReply: number;
  readonly initOriginal: boolean;
  readonly initReply: boolean;
  /** Who sent a heartbeat with a wrong tag, until it is cleared up. */
  readonly strayHeartbeat: CtDirection | undefined;
}

/** UDP, ICMP, GRE and everything without states of its own. */
export interface PlainTrack {
  readonly kind: 'plain';
}

/** What the tracker of an entry's protocol keeps. */
export type ProtocolState = TcpTrack | SctpTrack | PlainTrack;

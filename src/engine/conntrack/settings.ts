/** Sysctls of connection tracking with the kernel's defaults. */

import { type MachineFacts, sysctlNumber } from '../facts.ts';
import type { TcpSettings } from './tcp-window.ts';

/** The sysctls that decide how connections are tracked. */
export interface ConntrackSettings {
  readonly checksum: boolean;
  readonly tcp: TcpSettings;
  /** Life times in milliseconds: before and after a reply was seen. */
  readonly plainMs: (protocol: number, replied: boolean) => number;
  readonly sctpMs: (state: string) => number;
}

const prefix = 'net.netfilter.nf_conntrack_';

/** net/netfilter/nf_conntrack_proto_*.c: default timeouts in seconds. */
export function conntrackSettings(facts: MachineFacts): ConntrackSettings {
  const number = (name: string, fallback: number): number => sysctlNumber(facts, prefix + name, fallback);
  const ms = (name: string, fallback: number): number => number(name, fallback) * 1000;
  return {
    checksum: number('checksum', 1) !== 0,
    tcp: {
      loose: number('tcp_loose', 1) !== 0,
      beLiberal: number('tcp_be_liberal', 0) !== 0,
      ignoreInvalidRst: number('tcp_ignore_invalid_rst', 0) !== 0,
      maxRetransmissions: number('tcp_max_retrans', 3),
      timeoutMs: {
        NONE: 0,
        SYN_SENT: ms('tcp_timeout_syn_sent', 120),
        SYN_RECV: ms('tcp_timeout_syn_recv', 60),
        ESTABLISHED: ms('tcp_timeout_established', 432000),
        FIN_WAIT: ms('tcp_timeout_fin_wait', 120),
        CLOSE_WAIT: ms('tcp_timeout_close_wait', 60),
        LAST_ACK: ms('tcp_timeout_last_ack', 30),
        TIME_WAIT: ms('tcp_timeout_time_wait', 120),
        CLOSE: ms('tcp_timeout_close', 10),
        SYN_SENT2: ms('tcp_timeout_syn_sent', 120),
        RETRANS: ms('tcp_timeout_max_retrans', 300),
        UNACK: ms('tcp_timeout_unacknowledged', 300),
      },
    },
    plainMs(protocol, replied) {
      switch (protocol) {
        case 17:
        case 136:
          return replied ? ms('udp_timeout_stream', 120) : ms('udp_timeout', 30);
        case 47:
          return replied ? ms('gre_timeout_stream', 180) : ms('gre_timeout', 30);
        case 1:
          return ms('icmp_timeout', 30);
        case 58:
          return ms('icmpv6_timeout', 30);
        default:
          return ms('generic_timeout', 600);
      }
    },
    sctpMs(state) {
      const seconds: Readonly<Record<string, number>> = {
        CLOSED: ms('sctp_timeout_closed', 10),
        COOKIE_WAIT: ms('sctp_timeout_cookie_wait', 3),
        COOKIE_ECHOED: ms('sctp_timeout_cookie_echoed', 3),
        ESTABLISHED: ms('sctp_timeout_established', 210),
        SHUTDOWN_SENT: ms('sctp_timeout_shutdown_sent', 3),
        SHUTDOWN_RECD: ms('sctp_timeout_shutdown_recd', 3),
        SHUTDOWN_ACK_SENT: ms('sctp_timeout_shutdown_ack_sent', 3),
        HEARTBEAT_SENT: ms('sctp_timeout_heartbeat_sent', 30),
      };
      return seconds[state] ?? 10_000;
    },
  };
}

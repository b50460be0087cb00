/**
 * The answers of REJECT.
 *
 * Source: net/ipv4/netfilter/nf_reject_ipv4.c, net/ipv6/netfilter/nf_reject_ipv6.c.
 */

import { ctStatusBit } from '../model/connection.ts';
import { lacksHeader } from '../model/layer4-header.ts';
import { tcpFlag } from '../model/packet.ts';
import { tcpHeaderBytes } from '../model/tcp-header.ts';
import { isMulticast6, isZero } from './addresses.ts';
import { isZeroSum, pseudoHeaderSum, sumHex } from './checksum.ts';
import { hopLimit } from './facts.ts';
import { emptyPacket, replyMark, sendIcmpError } from './icmp-error.ts';
import { isWrittenOnArrival } from './ip-options.ts';
import { headerBytes } from './layer4.ts';
import { reroute, routeOutput } from './routing.ts';
import { Walk } from './walk.ts';
import { storeEntry } from './working-state.ts';

/** Type and code by the names of `--reject-with`. */
const codes4: Readonly<Record<string, readonly [number, number]>> = {
  'icmp-net-unreachable': [3, 0],
  'icmp-host-unreachable': [3, 1],
  'icmp-proto-unreachable': [3, 2],
  'icmp-port-unreachable': [3, 3],
  'icmp-net-prohibited': [3, 9],
  'icmp-host-prohibited': [3, 10],
  'icmp-admin-prohibited': [3, 13],
};
const codes6: Readonly<Record<string, readonly [number, number]>> = {
  'icmp6-no-route': [1, 0],
  'icmp6-adm-prohibited': [1, 1],
  'icmp6-addr-unreachable': [1, 3],
  'icmp6-port-unreachable': [1, 4],
  'icmp6-policy-fail': [1, 5],
  'icmp6-reject-route': [1, 6],
};

/** nf_reject_verify_csum(): protocols whose checksum does not cover the payload are not checked. */
const unchecked = new Set([47, 50, 51, 132, 136]);
/** Protocols whose checksum is known to be right unless the packet says otherwise. */
const summed = new Set([1, 6, 17, 58]);

/**
 * nf_ip_checksum() sums the IP header, too, and takes it for nothing: not so where the kernel has written into the
 * header's options since the packet came in. What conntrack has found to be right as it came in is not summed again;
 * only a reset, which does not ask skb_csum_unnecessary(), minds that skb_forward_csum() has forgotten it.
 */
function headerSumBroken(w: Walk, answer: 'reset' | 'error'): boolean {
  const p = w.packet;
  if (w.lastInInterface === undefined || !isWrittenOnArrival(p.ipOptions)) return false;
  const looked = w.program.conntrack && !w.untracked && w.shared.program.conntrackSettings.checksum;
  const checked = looked && !w.viaLoopback && !(answer === 'reset' && w.hook === 'FORWARD');
  return !checked || ![1, 6, 17].includes(p.protocol);
}

/** Whether the kernel, before it answers, finds the checksum of the packet's contents in order. */
function checksumAccepted(w: Walk): boolean {
  const p = w.packet;
  if (unchecked.has(p.protocol)) return true;
  if (headerSumBroken(w, 'error')) return false;
  // The sum of the whole is not that of the first piece.
  if (summed.has(p.protocol) && p.moreFragments) return false;
  if (summed.has(p.protocol)) return !p.badChecksum;
  // DCCP's covers addresses, too, which only IPv6 adds for protocols other than TCP and UDP.
  if (p.protocol === 33) return p.family === 'ipv6' && !p.badChecksum;
  // Any other protocol is summed as if it had a checksum: only contents that sum up to nothing pass.
  const data = p.layer4 ?? p.payload;
  if (data === undefined) return true;
  return isZeroSum(p.family === 'ipv4' ? sumHex(data) : sumHex(data) + pseudoHeaderSum(p, data.length / 2));
}

/** nf_send_reset(), nf_send_reset6(). */
function sendReset(w: Walk): void {
  const p = w.packet;
  if (p.fragmentOffsetBytes > 0 || p.protocol !== 6 || p.tcpFlags & tcpFlag.RST || p.badChecksum) return;
  if (headerSumBroken(w, 'reset') || p.moreFragments) return;
  if (p.sport === undefined || p.dport === undefined || lacksHeader(p)) return;
  if (w.family === 'ipv4') {
    if (w.destination?.toMany) return;
  } else if (isMulticast6(p.src) || isMulticast6(p.dst) || isZero(p.src) || isZero(p.dst)) return;
  const hasAck = (p.tcpFlags & tcpFlag.ACK) !== 0;
  const data = Math.max(0, p.lengthBytes - headerBytes(p) - tcpHeaderBytes(p));
  const consumed = (p.tcpFlags & tcpFlag.SYN ? 1 : 0) + (p.tcpFlags & tcpFlag.FIN ? 1 : 0) + data;
  const packet = emptyPacket(p, {
    protocol: 6,
    sport: p.dport,
    dport: p.sport,
    seq: hasAck ? p.ack : 0,
    ack: hasAck ? 0 : (p.seq + consumed) >>> 0,
    tcpFlags: hasAck ? tcpFlag.RST : tcpFlag.RST | tcpFlag.ACK,
    dontFragment: w.family === 'ipv4',
    lengthBytes: w.family === 'ipv4' ? 40 : 60,
    mark: replyMark(w),
    // Errors have one that is drawn from a hash (net.ipv6.auto_flowlabels).
    ...(w.family === 'ipv6' ? { flowLabel: 0 } : {}),
  });
  // The answer is routed with the other's address as its source, local or not.
  const probe = new Walk(w.shared, w.program, packet, w.entry, w.depth + 1);
  probe.outInterface = w.inInterface ?? w.outInterface;
  const answer =
    w.family === 'ipv4'
      ? reroute(probe)
      : routeOutput(probe, {
          dst: packet.dst,
          src: packet.src,
          mark: packet.mark,
          tos: 0,
          protocol: 6,
          sport: packet.sport,
          dport: packet.dport,
          uid: 0,
          outInterface: undefined,
          anySource: true,
        });
  if (answer.kind !== 'to') return;
  // nf_ct_set_closing(): the connection is over for conntrack.
  const entry = w.ct;
  if (entry && entry.status & ctStatusBit.CONFIRMED && entry.protocolState.kind === 'tcp') {
    const next = {
      ...entry,
      protocolState: { ...entry.protocolState, state: 'CLOSE' as const },
      closed: true,
      expiresMs: w.shared.timeMs + w.shared.program.conntrackSettings.tcp.timeoutMs.CLOSE,
    };
    storeEntry(w.shared, next);
    w.attach(next, w.connection.state, w.connection.direction);
  }
  const ttl = hopLimit(w.shared.facts, w.family, answer.destination.outInterface);
  w.shared.actions.sendGenerated(
    w,
    { ...packet, ttl },
    {
      cause: 'reject',
      destination: answer.destination,
      attach: true,
      // Of a packet that came in by a bridge port: straight back out there, with the other's MAC address.
      ...(w.physIn === undefined ? {} : { byPort: w.physIn }),
    },
  );
}

/** Sends the answer of `--reject-with`, unless the kernel would not. */
export function sendReject(w: Walk, answer: string): void {
  if (answer === 'tcp-reset' || answer === 'tcp-rst') {
    sendReset(w);
    return;
  }
  const codes = w.family === 'ipv4' ? codes4 : codes6;
  const kind =
    codes[answer] ?? codes[w.family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'];
  if (!kind) return;
  const p = w.packet;
  if (p.fragmentOffsetBytes > 0) return;
  if (!checksumAccepted(w)) return;
  // reject6_csum_ok() wants something behind the headers.
  if (w.family === 'ipv6' && p.lengthBytes <= headerBytes(p)) return;
  sendIcmpError(w, kind[0], kind[1]);
}

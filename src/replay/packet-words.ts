/** A packet as match options: what `fwsim trace` takes behind `--`. */

import { type Packet, tcpFlag } from '../model/packet.ts';
import type { EntryPoint, TraceConnection } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { protocolName } from '../net/protocols.ts';

/** How much is said: what rules usually ask for, or every field that has an option. */
export type WordDetail = 'usual' | 'all';

const namedFlags = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

function flagNames(flags: number): string {
  const names = namedFlags.filter((name) => (flags & tcpFlag[name]) !== 0);
  return names.length === 0 ? 'NONE' : names.join(',');
}

function transportWords(p: Packet): readonly string[] {
  const words: string[] = [];
  const withPorts = [6, 17, 33, 132].includes(p.protocol);
  if (withPorts && p.sport !== undefined && p.dport !== undefined)
    words.push('--sport', String(p.sport), '--dport', String(p.dport));
  if (p.protocol === 6 && p.sport !== undefined && (p.tcpFlags & 0x3f) !== tcpFlag.SYN)
    words.push('--tcp-flags', 'ALL', flagNames(p.tcpFlags));
  if (p.icmpType !== undefined && p.protocol === (p.family === 'ipv4' ? 1 : 58)) {
    const option = p.family === 'ipv4' ? '--icmp-type' : '--icmpv6-type';
    words.push(option, `${p.icmpType}/${p.icmpCode ?? 0}`);
    if (p.icmpId !== undefined && p.icmpId !== 1) words.push('--icmp-id', String(p.icmpId));
  }
  if (p.quote) words.push('--quote', headWords(p.quote).concat(transportWords(p.quote)).join(' '));
  return words;
}

function headWords(p: Packet): readonly string[] {
  return ['-p', protocolName(p.protocol), '-s', addressText(p.src), '-d', addressText(p.dst)];
}

/** Hexadecimal payloads beyond this would fill the screen. */
const payloadBytesMax = 64;

function furtherWords(p: Packet): readonly string[] {
  const v4 = p.family === 'ipv4';
  const words = v4 ? ['-m', 'ttl', '--ttl-eq', String(p.ttl)] : ['-m', 'hl', '--hl-eq', String(p.ttl)];
  words.push('-m', 'length', '--length', String(v4 ? p.lengthBytes : Math.max(0, p.lengthBytes - 40)));
  if (p.tos !== 0) words.push('-m', 'tos', '--tos', `0x${p.tos.toString(16)}/0xff`);
  if (p.ethSrc !== undefined) words.push('-m', 'mac', '--mac-source', p.ethSrc);
  if (p.packetType === 'broadcast' || p.packetType === 'multicast')
    words.push('-m', 'pkttype', '--pkt-type', p.packetType);
  if (p.protocol === 6 && p.sport !== undefined)
    words.push('--seq', String(p.seq), '--ack', String(p.ack), '--window', String(p.window));
  if (p.dontFragment) words.push('--df');
  if (p.payload !== undefined && p.payload !== '' && p.payload.length <= payloadBytesMax * 2 && !p.quote)
    words.push('--payload', p.payload);
  return words;
}

/** The options, word by word. */
export function packetWords(
  p: Packet,
  entry: EntryPoint,
  connection: TraceConnection | undefined,
  detail: WordDetail,
): readonly string[] {
  const words = entry.kind === 'arrives' ? ['-i', entry.inInterface] : [];
  words.push(...headWords(p));
  if (p.fragmentOffsetBytes > 0 && p.family === 'ipv4') words.push('-f');
  words.push(...transportWords(p));
  if (p.badChecksum) words.push('--bad-checksum');
  const state = connection?.state;
  if (state === 'ESTABLISHED' || state === 'RELATED' || state === 'INVALID') {
    words.push('-m', 'conntrack', '--ctstate', state);
    if (state === 'ESTABLISHED' && connection?.direction === 'reply') words.push('--ctdir', 'REPLY');
  }
  if (detail === 'all') words.push(...furtherWords(p));
  return words;
}

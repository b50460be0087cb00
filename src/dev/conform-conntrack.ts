/** The connections of a state as /proc/net/nf_conntrack lists them in the recorded cases. */

import type { SimulationState } from '../engine/simulate.ts';
import { ctStatusBit, type Tuple } from '../model/connection.ts';
import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';

const names: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};

/** The proc file writes IPv6 addresses in full. */
function longAddress(a: Address): string {
  if (a.family === 'ipv4') return addressText(a);
  return [a.w0, a.w1, a.w2, a.w3]
    .flatMap((w) => [w >>> 16, w & 0xffff])
    .map((g) => g.toString(16).padStart(4, '0'))
    .join(':');
}

function tupleText(t: Tuple): string {
  const ends = `src=${longAddress(t.src)} dst=${longAddress(t.dst)}`;
  switch (names[t.protocol]) {
    case 'tcp':
    case 'udp':
    case 'udplite':
    case 'sctp':
      return `${ends} sport=${t.sport} dport=${t.dport}`;
    case 'icmp':
    case 'icmpv6':
      return `${ends} type=${t.dport >>> 8} code=${t.dport & 255} id=${t.sport}`;
    case 'gre':
      return `${ends} srckey=0x0 dstkey=0x0`;
    default:
      return ends;
  }
}

/** One line per connection, sorted; without timeouts and counters, as {@link plainLine} leaves the kernel's. */
export function conntrackLines(state: SimulationState): readonly string[] {
  const lines: string[] = [];
  for (const e of state.entries.values()) {
    const { family } = e.original.src;
    const p = e.original.protocol;
    const words = [
      family === 'ipv4' ? 'ipv4 2' : 'ipv6 10',
      `${names[p] ?? 'unknown'} ${p}`,
      ...(e.protocolState.kind === 'plain' ? [] : [e.protocolState.state]),
      tupleText(e.original),
      ...(e.status & ctStatusBit.SEEN_REPLY ? [] : ['[UNREPLIED]']),
      tupleText(e.reply),
      ...(e.status & ctStatusBit.ASSURED ? ['[ASSURED]'] : []),
      `mark=${e.mark}`,
      `zone=${e.zone}`,
    ];
    lines.push(words.join(' '));
  }
  return lines.sort();
}

/** A line of a case's `conntrack_end` without what depends on counting being on. */
export function plainLine(line: string): string {
  return line.replace(/ (?:packets|bytes)=\d+/g, '').replace(/timeout=\d+, stream_timeout=\d+ /, '');
}

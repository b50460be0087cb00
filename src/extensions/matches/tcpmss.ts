import type { Packet } from '../../model/packet.ts';
import { isCutTcpHeader } from '../../model/tcp-header.ts';
import { meetsRange, type RangeCondition, rangePackets } from '../conditions.ts';
import { defineMatch, type MatchEnv, NO, type Tri, tri } from '../define.ts';
import { integerRange, numberRangeText } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { transportBytes } from '../transport-bytes.ts';

/** Range of the announced maximum segment size, in bytes. */
export type TcpmssData = RangeCondition;

const mssKind = 2;

/** The maximum segment size that a TCP header announces; undefined if it does not. */
function announcedMss(packet: Packet): number | undefined {
  const found = packet.tcpOptions.find((o) => o.kind === mssKind && o.data.length === 4);
  return found && Number.parseInt(found.data, 16);
}

/** The data of a later fragment is taken for a header; where nobody knows it, the condition is taken not to hold. */
function ofLaterFragment(d: TcpmssData, packet: Packet, env: MatchEnv): Tri {
  const { length, read } = transportBytes(packet);
  const byte = read(12, 1);
  if (length >= 20 && byte === undefined) return NO;
  const headerBytes = ((byte ?? 0) >>> 4) * 4;
  if (headerBytes < 20 || headerBytes > length) return env.hotDrop();
  for (let at = 20; at < headerBytes; ) {
    const kind = read(at, 1) ?? 0;
    const size = at + 1 < headerBytes ? (read(at + 1, 1) ?? 0) : 0;
    if (kind === mssKind && size === 4 && headerBytes - at >= 4)
      return tri(meetsRange(d, read(at + 2, 2) ?? 0));
    at += kind < 2 ? 1 : size || 1;
  }
  return tri(d.negated);
}

/** Maximum segment size in the TCP header of any packet; negated, packets without the option match too. */
export const tcpmss = defineMatch({
  name: 'tcpmss',
  families: ['ipv4', 'ipv6'],
  options: {
    mss: {
      type: integerRange(65535, { refuseReversed: 'tcpmss: invalid range given' }),
      required: true,
      invertible: true,
    },
  },
  constraints: { protocols: [6] },
  needs: [],
  bind: (o): TcpmssData => ({ ...o.mss.value, negated: o.mss.negated }),
  print: (d) => [option('mss', numberRangeText(d), d.negated)],
  compile: (d) => (packet, env) => {
    if (packet.protocol !== 6) return NO;
    if (isCutTcpHeader(packet)) return env.hotDrop();
    if (packet.fragmentOffsetBytes > 0) return ofLaterFragment(d, packet, env);
    if (packet.sport === undefined) return NO;
    const mss = announcedMss(packet);
    return mss === undefined ? tri(d.negated) : tri(meetsRange(d, mss));
  },
  packets: (d, space) =>
    space.and(space.and(space.interval('protocol', 6, 6), space.has('sport')), rangePackets(space, 'mss', d)),
  docs: {
    summary: 'Maximum segment size that the TCP header announces.',
    man: 'iptables-extensions(8) tcpmss',
    kernel: 'net/netfilter/xt_tcpmss.c tcpmss_mt()',
  },
});

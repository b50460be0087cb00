import type { Packet } from '../../model/packet.ts';
import { isCutTcpHeader } from '../../model/tcp-header.ts';
import { meetsRange, type RangeCondition, rangePackets } from '../conditions.ts';
import { defineMatch, NO, option, tri } from '../define.ts';
import { integerRange, numberRangeText } from '../option-types.ts';

/** Range of the announced maximum segment size, in bytes. */
export type TcpmssData = RangeCondition;

const mssKind = 2;

/** The maximum segment size that a TCP header announces; undefined if it does not. */
export function announcedMss(packet: Packet): number | undefined {
  const found = packet.tcpOptions.find((o) => o.kind === mssKind && o.data.length === 4);
  return found && Number.parseInt(found.data, 16);
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
    if (isCutTcpHeader(packet)) return env.hotDrop();
    if (packet.protocol !== 6 || packet.sport === undefined) return NO;
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

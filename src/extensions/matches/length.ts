import { meetsRange, type RangeCondition, rangePackets } from '../conditions.ts';
import { defineMatch, tri } from '../define.ts';
import { integerRange, numberRangeText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Length of the layer-3 packet in bytes, header included (IPv6: 40 + payload length). */
export type LengthData = RangeCondition;

/** Length of the whole packet. Reversed ranges are taken and hold nothing. */
export const length = defineMatch({
  name: 'length',
  families: ['ipv4', 'ipv6'],
  options: { length: { type: integerRange(65535), required: true, invertible: true } },
  constraints: {},
  needs: [],
  bind: (o): LengthData => ({ ...o.length.value, negated: o.length.negated }),
  print: (d) => [option('length', numberRangeText(d), d.negated)],
  compile: (d) => (packet) => tri(meetsRange(d, packet.lengthBytes)),
  columns: () => [],
  packets: (d, space) => rangePackets(space, 'lengthBytes', d),
  docs: {
    summary: 'Length of the packet in bytes, from its IP header on.',
    man: 'iptables-extensions(8) length',
    kernel: 'net/netfilter/xt_length.c length_mt()',
  },
});

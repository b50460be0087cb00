import { endsBefore } from '../../model/layer4-header.ts';
import { meetsRange, type RangeCondition, rangePackets } from '../conditions.ts';
import { defineMatch, NO, tri } from '../define.ts';
import { printU32Range, u32Condition, u32Range } from '../u32-range.ts';

/** The SPIs that are wanted; undefined: any. */
export interface EspData {
  readonly spi: RangeCondition | undefined;
}

/** SPI of an ESP packet. A reversed range matches nothing. */
export const esp = defineMatch({
  name: 'esp',
  families: ['ipv4', 'ipv6'],
  options: { espspi: { type: u32Range, invertible: true } },
  constraints: { protocols: [50] },
  needs: [],
  bind: (o): EspData => ({ spi: u32Condition(o.espspi) }),
  print: (d, context) => printU32Range('espspi', d.spi, context),
  compile: (d) => {
    const { spi } = d;
    return (packet, env) => {
      if (packet.protocol !== 50) return NO;
      if (endsBefore(packet, 8)) return env.hotDrop();
      if (packet.spi === undefined) return NO;
      return tri(!spi || meetsRange(spi, packet.spi));
    };
  },
  columns: () => [{ column: 'protocol', low: 50, high: 50 }],
  packets: (d, space) => {
    const header = space.and(space.interval('protocol', 50, 50), space.has('spi'));
    return d.spi ? space.and(header, rangePackets(space, 'spi', d.spi)) : header;
  },
  docs: {
    summary: 'SPI of an ESP packet.',
    man: 'iptables-extensions(8) esp',
    kernel: 'net/netfilter/xt_esp.c esp_mt()',
  },
});

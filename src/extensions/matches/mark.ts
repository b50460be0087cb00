import { complementIf } from '../../packetset/space.ts';
import { defineMatch, tri } from '../define.ts';
import { type MaskedValue, markMask, maskedText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** The packet mark that is wanted. */
export interface MarkMatchData extends MaskedValue {
  readonly negated: boolean;
}

/** (packet mark & mask) == value. A value with bits outside of the mask matches nothing. */
export const mark = defineMatch({
  name: 'mark',
  families: ['ipv4', 'ipv6'],
  options: { mark: { type: markMask, required: true, invertible: true } },
  constraints: {},
  needs: [],
  bind: (o): MarkMatchData => ({ ...o.mark.value, negated: o.mark.negated }),
  print: (d) => [option('mark', maskedText(d), d.negated)],
  compile: (d) => {
    const { value, mask, negated } = d;
    return (packet) => tri((packet.mark & mask) >>> 0 === value, negated);
  },
  columns: () => [],
  packets: (d, space) => complementIf(d.negated, space, space.bits('mark', d.value, d.mask)),
  docs: {
    summary: 'Mark of the packet, under a mask.',
    man: 'iptables-extensions(8) mark',
    kernel: 'net/netfilter/xt_mark.c mark_mt()',
  },
});

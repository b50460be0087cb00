import { complementIf } from '../../packetset/space.ts';
import { defineMatch, NO, tri } from '../define.ts';
import { type MaskedValue, markMask, maskedText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Value and mask that the connection mark is compared with. */
export interface ConnmarkMatchData extends MaskedValue {
  readonly negated: boolean;
}

/** (connection mark & mask) == value. Packets without a connection match neither this nor its negation. */
export const connmark = defineMatch({
  name: 'connmark',
  families: ['ipv4', 'ipv6'],
  options: { mark: { type: markMask, required: true, invertible: true } },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ConnmarkMatchData => ({ ...o.mark.value, negated: o.mark.negated }),
  print: (d) => [option('mark', maskedText(d), d.negated)],
  compile: (d) => {
    const { value, mask, negated } = d;
    return (_packet, env) => {
      const { entry } = env.connection;
      return entry ? tri((entry.mark & mask) >>> 0 === value, negated) : NO;
    };
  },
  columns: () => [],
  packets: (d, space) =>
    space.and(space.tracked(), complementIf(d.negated, space, space.bits('connmark', d.value, d.mask))),
  docs: {
    summary: "Mark of the packet's connection, under a mask.",
    man: 'iptables-extensions(8) connmark',
    kernel: 'net/netfilter/xt_connmark.c connmark_mt()',
  },
});

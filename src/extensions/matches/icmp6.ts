import { icmpTypeText } from '../../net/icmp-types.ts';
import { defineMatch } from '../define.ts';
import { option } from '../printed-words.ts';
import { compileIcmp, type IcmpData, icmpColumns, icmpPackets, icmpType } from './icmp.ts';

/** Type and code of an ICMPv6 message. Unlike with ICMP, 255 is a type like any other. */
export const icmp6 = defineMatch({
  name: 'icmp6',
  aliases: ['icmpv6', 'ipv6-icmp'],
  families: ['ipv6'],
  options: { 'icmpv6-type': { type: icmpType, required: true, invertible: true } },
  constraints: { protocols: [58] },
  needs: [],
  bind: (o): IcmpData => ({ ...o['icmpv6-type'].value, negated: o['icmpv6-type'].negated }),
  print: (d, context) => [option('icmpv6-type', icmpTypeText('ipv6', d, context.keepMeaning), d.negated)],
  compile: (d) => compileIcmp(d, 58, false),
  columns: (d) => icmpColumns(d, 58, false),
  packets: (d, space) => icmpPackets(d, 58, false, space),
  docs: {
    summary: 'Type and code of an ICMPv6 message.',
    man: 'iptables-extensions(8) icmp6',
    kernel: 'net/ipv6/netfilter/ip6_tables.c icmp6_match()',
  },
});

import { defineMatch } from '../define.ts';
import { nextHeader } from '../extension-headers.ts';
import { integer } from '../option-types.ts';
import {
  bindOptionsHeader,
  headerOptions,
  matchOptionsHeader,
  type OptionsHeaderData,
  optionsHeaderPackets,
  printOptionsHeader,
} from '../options-header.ts';

/** Hop-by-hop options header of an IPv6 packet: its length, and the options that it begins with. */
export const hbh = defineMatch({
  name: 'hbh',
  families: ['ipv6'],
  options: {
    'hbh-len': { type: integer(0, 0xffffffff), invertible: true },
    'hbh-opts': { type: headerOptions },
  },
  constraints: {},
  needs: [],
  bind: (o): OptionsHeaderData => bindOptionsHeader(o['hbh-len'], o['hbh-opts']),
  print: (d) => printOptionsHeader('hbh', d),
  compile: (d) => (packet) => matchOptionsHeader(d, nextHeader.hopByHop, packet),
  columns: () => [],
  packets: (d, space) => optionsHeaderPackets('hbh', d, space),
  docs: {
    summary: 'Length and options of the hop-by-hop options header.',
    man: 'iptables-extensions(8) hbh',
    kernel: 'net/ipv6/netfilter/ip6t_hbh.c hbh_mt6()',
  },
});

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

/** Destination options header of an IPv6 packet: its length, and the options that it begins with. */
export const dst = defineMatch({
  name: 'dst',
  families: ['ipv6'],
  options: {
    'dst-len': { type: integer(0, 0xffffffff), invertible: true },
    'dst-opts': { type: headerOptions },
  },
  constraints: {},
  needs: [],
  bind: (o): OptionsHeaderData => bindOptionsHeader(o['dst-len'], o['dst-opts']),
  print: (d) => printOptionsHeader('dst', d),
  compile: (d) => (packet) => matchOptionsHeader(d, nextHeader.destination, packet),
  columns: () => [],
  packets: (d, space) => optionsHeaderPackets('dst', d, space),
  docs: {
    summary: 'Length and options of the destination options header.',
    man: 'iptables-extensions(8) dst',
    kernel: 'net/ipv6/netfilter/ip6t_hbh.c hbh_mt6()',
  },
});

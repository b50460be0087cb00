import { type Network, network, networkRange } from '../../net/address.ts';
import { networkText } from '../../net/address-text.ts';
import { defineTarget, type NatRange } from '../define.ts';
import { hostMask } from '../host-address.ts';
import { noRange } from '../nat-range.ts';
import { option } from '../printed-words.ts';

/** What one `-j NETMAP` says, as data. */
export interface NetmapData {
  /** The new network bits. */
  readonly to: Network;
  /** The same as the kernel has it: first and last address of the network, with `netmap` set. */
  readonly range: NatRange;
}

/** Replaces the network bits of an address and keeps its host bits. */
export const NETMAP = defineTarget({
  name: 'NETMAP',
  families: ['ipv4', 'ipv6'],
  options: { to: { type: hostMask, required: true } },
  constraints: { tables: ['nat'], hooks: ['PREROUTING', 'OUTPUT', 'INPUT', 'POSTROUTING'] },
  needs: [],
  usesConntrack: () => true,
  bind: (o): NetmapData => {
    const to = network(o.to.value.address, o.to.value.mask);
    return { to, range: { ...noRange, netmap: true, addresses: networkRange(to) } };
  },
  print: ({ to }) => [option('to', networkText(to))],
  compile:
    ({ range }) =>
    (env) =>
      env.nat(env.hook === 'PREROUTING' || env.hook === 'OUTPUT' ? 'destination' : 'source', 'range', range),
  effect: ({ range }) => ({
    changes: [{ field: 'nat', manip: 'by-hook', from: 'range', range }],
    outcome: 'accept',
  }),
  docs: {
    summary: 'Maps a whole network onto another one: new network bits, same host bits.',
    man: 'iptables-extensions(8) NETMAP',
    kernel: 'net/netfilter/xt_NETMAP.c netmap_tg4(), netmap_tg6()',
  },
});

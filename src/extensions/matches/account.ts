import { type Network, networkContains, prefix, zeroAddress } from '../../net/address.ts';
import { networkText } from '../../net/address-text.ts';
import { defineMatch, refuse, tri } from '../define.ts';
import { flag, freeText, networkOption } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** Which network is counted, and under which name. */
export interface AccountData {
  readonly network: Network;
  readonly name: string;
  /** Counts packets and bytes only, not by protocol. */
  readonly short: boolean;
}

/** The last versions that this patch was made for are 1.2 and 1.3. */
const neverIn = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= 4);
};

/**
 * Counts the traffic of a network's hosts in /proc/net/ipt_account; matches packets from or to the network. A patch
 * to kernels of 2.4 and 2.6 (patch-o-matic-ng); iptables 1.4 and later have no such match.
 */
export const account = defineMatch({
  name: 'account',
  families: ['ipv4'],
  options: {
    aaddr: { type: networkOption },
    aname: { type: freeText(63, { tooLong: 'cut' }) },
    ashort: { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o): AccountData => ({
    network: o.aaddr?.value ?? prefix(zeroAddress('ipv4'), 0),
    name: o.aname?.value ?? 'DEFAULT',
    short: o.ashort !== undefined,
  }),
  check: (_d, { version }) =>
    neverIn(version)
      ? refuse('unknown-match', "Couldn't load match `account': No such file or directory", {
          word: 'account',
          hint: 'a patch for kernels up to 2.6; nfacct or a set with counters does it today',
        })
      : undefined,
  print: (d) => [
    option('aaddr', networkText(d.network)),
    option('aname', saveString(d.name)),
    ...(d.short ? [option('ashort')] : []),
  ],
  compile: (d) => (packet) =>
    tri(networkContains(d.network, packet.src) || networkContains(d.network, packet.dst)),
  columns: () => [],
  packets: (d, space) => space.or(space.network('src', d.network), space.network('dst', d.network)),
  docs: {
    summary: 'Counts the traffic of a network; matches packets from or to it (not in iptables since 1.4).',
    man: 'iptables(8) 1.3 account',
    kernel: 'net/ipv4/netfilter/ipt_account.c match() of patch-o-matic-ng',
  },
});

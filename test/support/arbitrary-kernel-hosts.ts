/** Machines for random cases: few, ordinary, each with something that decides about routes. */

import type { RecordJob } from './kernel-record.ts';

type Host = RecordJob['host'];

/** A machine and the addresses that matter around it. */
export interface DrawnHost {
  readonly host: Host;
  /** Addresses of the machine. */
  readonly own: readonly string[];
  /** Neighbours, by interface. */
  readonly near: readonly (readonly string[])[];
  /** Reached by a default route. */
  readonly far: readonly string[];
  /** Broadcast, multicast, loopback, unroutable and odd ones. */
  readonly odd: readonly string[];
}

interface Plan {
  readonly interfaces: readonly (readonly [name: string, addresses: readonly string[], mtu?: number])[];
  /** A bridge and its ports, all of which are interfaces, too. */
  readonly bridge?: {
    readonly name: string;
    readonly ports: readonly string[];
    readonly subnet: readonly string[];
  };
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly near: readonly (readonly string[])[];
}

/** The hosts of a subnet of 16 addresses, but the first, which is the machine's own. */
const range = (address: (n: number) => string): readonly string[] =>
  Array.from({ length: 13 }, (_, i) => address(i + 2));

const plans: Readonly<Record<4 | 6, readonly Plan[]>> = {
  4: [
    {
      interfaces: [
        ['eth0', ['203.0.113.1/24']],
        ['eth1', ['192.168.1.1/24']],
      ],
      routes: ['default via 203.0.113.254 dev eth0'],
      rules: [],
      near: [
        ['203.0.113.7', '203.0.113.254'],
        ['192.168.1.20', '192.168.1.21'],
      ],
    },
    {
      interfaces: [['eth0', ['192.0.2.10/24', '192.0.2.11/24']]],
      routes: ['default via 192.0.2.1 dev eth0'],
      rules: [],
      near: [['192.0.2.1', '192.0.2.77']],
    },
    {
      interfaces: [
        ['eth0', ['203.0.113.1/24', '203.0.113.2/24']],
        ['docker0', ['172.17.0.1/16']],
        ['eth2', ['10.0.0.1/24'], 1280],
      ],
      routes: [
        'default via 203.0.113.254 dev eth0',
        '10.7.0.0/16 via 10.0.0.9 dev eth2',
        'blackhole 198.18.1.0/24',
        'unreachable 198.18.2.0/24',
        'prohibit 198.18.3.0/24',
      ],
      rules: [],
      near: [['203.0.113.7'], ['172.17.0.2', '172.17.0.3'], ['10.0.0.5', '10.0.0.9']],
    },
    {
      interfaces: [
        ['eth0', ['203.0.113.1/24']],
        ['eth1', ['198.51.100.1/25']],
        ['lan', ['192.168.1.1/24', '10.1.0.1/16']],
      ],
      routes: [
        'default via 203.0.113.254 dev eth0',
        'default via 198.51.100.126 dev eth1 table 100',
        '192.168.1.0/24 dev lan table 100',
      ],
      rules: ['fwmark 0x1 lookup 100 pref 100', 'from 192.168.1.21 lookup 100 pref 101'],
      near: [['203.0.113.7'], ['198.51.100.7'], ['192.168.1.20', '192.168.1.21', '10.1.2.3']],
    },
    {
      interfaces: [
        ['wg0', ['10.8.0.1/24'], 1420],
        ['br0', ['192.168.7.1/24']],
      ],
      routes: ['10.9.0.0/16 via 10.8.0.2 dev wg0'],
      rules: [],
      near: [
        ['10.8.0.2', '10.8.0.3'],
        ['192.168.7.20', '192.168.7.21'],
      ],
    },
    {
      interfaces: [
        ['eth0', ['203.0.113.1/24']],
        ['br0', ['10.5.0.1/28']],
        ['vnet0', []],
        ['vnet1', []],
      ],
      bridge: { name: 'br0', ports: ['vnet0', 'vnet1'], subnet: range((n) => `10.5.0.${n}`) },
      routes: ['default via 203.0.113.254 dev eth0'],
      rules: [],
      near: [['203.0.113.7'], [], ['10.5.0.2', '10.5.0.3'], ['10.5.0.9', '10.5.0.10']],
    },
    {
      interfaces: [
        ['eth0', ['203.0.113.1/24', '203.0.113.130/25']],
        ['eth1', ['192.168.1.1/24']],
        ['tun0', ['10.6.0.1/32'], 1400],
      ],
      routes: [
        'default via 203.0.113.254 dev eth0 src 203.0.113.130',
        '10.6.0.2/32 dev tun0 src 10.6.0.1',
        'default dev tun0 table 100 mtu 1300',
        'throw 198.51.100.0/24 table 100',
        'local 198.18.0.0/24 dev lo',
        'prohibit default table 101',
      ],
      rules: [
        'ipproto tcp dport 80 lookup 100 pref 90',
        'iif eth1 to 198.51.100.0/24 lookup 100 pref 91',
        'uidrange 1000-1000 lookup 100 pref 92',
        'fwmark 0x10/0xf0 lookup 100 pref 93',
        'tos 0x10 lookup 101 pref 94',
        'lookup main suppress_prefixlength 0 pref 95',
      ],
      near: [['203.0.113.7', '203.0.113.200'], ['192.168.1.20'], ['10.6.0.2', '198.18.0.9']],
    },
  ],
  6: [
    {
      interfaces: [
        ['eth0', ['2001:db8:1::1/64', 'fe80::100/64']],
        ['eth1', ['fd00:1::1/64', 'fe80::101/64']],
      ],
      routes: ['default via fe80::1 dev eth0'],
      rules: [],
      near: [
        ['2001:db8:1::7', 'fe80::1'],
        ['fd00:1::20', 'fd00:1::21'],
      ],
    },
    {
      interfaces: [['eth0', ['2001:db8:1::1/64', '2001:db8:1::2/64', 'fe80::100/64']]],
      routes: ['default via 2001:db8:1::fe dev eth0'],
      rules: [],
      near: [['2001:db8:1::7', '2001:db8:1::fe']],
    },
    {
      interfaces: [
        ['eth0', ['2001:db8:1::1/64', 'fe80::100/64']],
        ['eth1', ['2001:db8:2::1/64', 'fe80::101/64']],
        ['lan', ['fd00:1::1/64', 'fe80::102/64'], 1280],
      ],
      routes: [
        'default via 2001:db8:1::fe dev eth0',
        'default via 2001:db8:2::fe dev eth1 table 100',
        'unreachable 2001:db8:bad::/48',
        'prohibit 2001:db8:bad1::/48',
        'blackhole 2001:db8:bad2::/48',
      ],
      rules: ['fwmark 0x1 lookup 100 pref 100'],
      near: [['2001:db8:1::7'], ['2001:db8:2::7'], ['fd00:1::20', 'fd00:1::21']],
    },
    {
      interfaces: [
        ['eth0', ['2001:db8:1::1/64', 'fe80::100/64']],
        ['br0', ['fd00:5::1/124', 'fe80::101/64']],
        ['vnet0', []],
        ['vnet1', []],
      ],
      bridge: {
        name: 'br0',
        ports: ['vnet0', 'vnet1'],
        // NETMAP keeps the lower half of any address.
        subnet: [
          ...['fd00:5', 'fe80'].flatMap((net) => range((n) => `${net}::${n.toString(16)}`)),
          ...['fe80::1', 'fe80::99', 'fe80::100', 'fe80::1111'],
        ],
      },
      routes: ['default via 2001:db8:1::fe dev eth0'],
      rules: [],
      near: [['2001:db8:1::7'], [], ['fd00:5::2', 'fd00:5::3'], ['fd00:5::9', 'fd00:5::a']],
    },
    {
      interfaces: [
        ['eth0', ['2001:db8:1::1/64', 'fe80::100/64']],
        ['eth1', ['2001:db8:2::1/64', 'fe80::101/64'], 1400],
      ],
      routes: [
        'default via 2001:db8:1::fe dev eth0',
        'default via 2001:db8:2::fe dev eth1 table 100 mtu 1300',
        'throw 2001:db8:ffff::/48 table 100',
        'local fd00:9::/64 dev lo',
      ],
      rules: [
        'ipproto tcp dport 80 lookup 100 pref 90',
        'iif eth1 lookup 100 pref 91',
        'uidrange 1000-1000 lookup 100 pref 92',
        'fwmark 0x10/0xf0 lookup 100 pref 93',
        'from 2001:db8:2::/64 lookup 100 pref 94',
      ],
      near: [['2001:db8:1::7'], ['2001:db8:2::7', 'fd00:9::5']],
    },
  ],
};

const far: Readonly<Record<4 | 6, readonly string[]>> = {
  4: ['198.51.100.7', '8.8.8.8', '10.7.1.1', '10.9.3.3'],
  6: ['2001:db8:ffff::7', '2606:4700::1111', '2001:db8:ffff::8'],
};

const odd: Readonly<Record<4 | 6, readonly string[]>> = {
  4: [
    '127.0.0.1',
    '224.0.0.1',
    '239.1.2.3',
    '255.255.255.255',
    '240.0.0.1',
    '198.18.1.1',
    '198.18.2.1',
    '198.18.3.1',
    '0.0.0.0',
    '127.0.0.53',
  ],
  6: [
    '::1',
    'ff02::1',
    'ff05::2',
    'fe80::99',
    '2001:db8:bad::1',
    '2001:db8:bad1::1',
    '2001:db8:bad2::1',
    'fd00:1::',
  ],
};

const settings: Readonly<Record<4 | 6, readonly (readonly [string, string])[]>> = {
  4: [
    ['net.ipv4.conf.all.rp_filter', '1'],
    ['net.ipv4.conf.all.rp_filter', '2'],
    ['net.ipv4.conf.eth0.rp_filter', '1'],
    ['net.ipv4.conf.all.route_localnet', '1'],
    ['net.ipv4.conf.all.accept_local', '1'],
    ['net.ipv4.fwmark_reflect', '1'],
    ['net.netfilter.nf_conntrack_tcp_loose', '0'],
    ['net.netfilter.nf_conntrack_tcp_be_liberal', '1'],
    ['net.netfilter.nf_conntrack_checksum', '0'],
    ['net.netfilter.nf_conntrack_acct', '1'],
    ['net.netfilter.nf_conntrack_tcp_ignore_invalid_rst', '1'],
    ['net.netfilter.nf_conntrack_tcp_max_retrans', '1'],
    ['net.ipv4.conf.eth0.forwarding', '0'],
    ['net.ipv4.conf.eth0.bc_forwarding', '1'],
    ['net.ipv4.conf.all.bc_forwarding', '1'],
    ['net.ipv4.conf.all.src_valid_mark', '1'],
    ['net.ipv4.ip_default_ttl', '100'],
    ['net.ipv4.icmp_errors_use_inbound_ifaddr', '1'],
    ['net.ipv4.ip_forward_use_pmtu', '1'],
  ],
  6: [
    ['net.ipv6.fwmark_reflect', '1'],
    ['net.netfilter.nf_conntrack_tcp_loose', '0'],
    ['net.netfilter.nf_conntrack_tcp_be_liberal', '1'],
    ['net.netfilter.nf_conntrack_checksum', '0'],
    ['net.netfilter.nf_conntrack_tcp_ignore_invalid_rst', '1'],
    ['net.ipv6.conf.eth0.forwarding', '0'],
    ['net.ipv6.conf.all.hop_limit', '100'],
    ['net.ipv6.conf.eth0.hop_limit', '33'],
  ],
};

/** The `n`-th machine, with or without forwarding and with a few settings off their defaults. */
export function hostAt(family: 4 | 6, n: number, forwards: boolean, changed: readonly number[]): DrawnHost {
  const plan = plans[family][n % plans[family].length] as Plan;
  const sysctls: Record<string, string> = {
    [family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding']: forwards ? '1' : '0',
  };
  for (const c of changed) {
    const [key, value] = settings[family][c % settings[family].length] as readonly [string, string];
    if (!key.includes('.eth0.') || plan.interfaces.some(([name]) => name === 'eth0')) sysctls[key] = value;
  }
  const { bridge } = plan;
  // Without it, nobody could say whether the bridge asks iptables: loading a rule may change it.
  if (bridge)
    sysctls[`net.bridge.bridge-nf-call-${family === 4 ? 'iptables' : 'ip6tables'}`] =
      changed.reduce((a, b) => a + b, n) % 4 === 3 ? '0' : '1';
  const mac = (i: number): string => `02:00:00:00:00:0${i + 1}`;
  const port = (name: string): number => plan.interfaces.findIndex(([other]) => other === name);
  const [first = '', second = ''] = bridge?.ports ?? [];
  const neighbours = (bridge?.subnet ?? []).map((a) => {
    const tail = a.slice(a.lastIndexOf(':'));
    const behind = plan.near[port(second)]?.some((b) => b === a || (a.startsWith('fe80') && b.endsWith(tail)))
      ? second
      : first;
    return `${a} lladdr 02:ee:00:00:01:${mac(port(behind)).slice(-2)} dev ${bridge?.name}`;
  });
  const own = plan.interfaces.flatMap(([, addresses]) => addresses.map((a) => a.split('/')[0] ?? ''));
  const broadcasts =
    family === 4
      ? plan.interfaces.flatMap(([, addresses]) =>
          addresses.filter((a) => a.endsWith('/24')).map((a) => a.replace(/\.\d+\/24$/, '.255')),
        )
      : [];
  return {
    host: {
      interfaces: plan.interfaces.map(([name, addresses, mtu], i) => ({
        name,
        mac: mac(i),
        addresses,
        ...(mtu === undefined ? {} : { mtu }),
        ...(name === bridge?.name ? { bridge: true } : {}),
        ...(bridge?.ports.includes(name) ? { master: bridge.name } : {}),
      })),
      ...(bridge ? { neighbours } : {}),
      routes: plan.routes,
      rules: plan.rules,
      sysctls,
    },
    own,
    near: plan.near,
    far: far[family],
    odd: [...odd[family], ...broadcasts],
  };
}

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
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly near: readonly (readonly string[])[];
}

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
  ],
  6: [
    ['net.ipv6.fwmark_reflect', '1'],
    ['net.netfilter.nf_conntrack_tcp_loose', '0'],
    ['net.netfilter.nf_conntrack_tcp_be_liberal', '1'],
    ['net.netfilter.nf_conntrack_checksum', '0'],
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
        mac: `02:00:00:00:00:0${i + 1}`,
        addresses,
        ...(mtu === undefined ? {} : { mtu }),
      })),
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

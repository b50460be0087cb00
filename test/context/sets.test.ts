import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { claimContext } from '../../src/context/claim.ts';
import { changeSet } from '../../src/context/set-changes.ts';
import { elementPartText, parseElement } from '../../src/context/set-element.ts';
import { prepareSet } from '../../src/context/set-index.ts';
import {
  createSetView,
  type SetDirection,
  type SetEnvironment,
  type SetLookup,
  type SetLookupFlags,
} from '../../src/context/sets.ts';
import type { SetView } from '../../src/extensions/define.ts';
import type { IpSet } from '../../src/model/machine.ts';
import type { Packet } from '../../src/model/packet.ts';
import type { Address } from '../../src/net/address.ts';
import { parseIpv4, parseIpv6 } from '../../src/net/address-text.ts';

function setsOf(text: string): Map<string, IpSet> {
  const { facts } = claimContext([{ text, offset: 0 }]);
  return new Map(facts.sets?.value.map((s) => [s.name, s]));
}

function viewsOf(text: string): (name: string) => SetLookup {
  const sets = setsOf(text);
  const resolve = (name: string): SetLookup | undefined => {
    const set = sets.get(name);
    return set && createSetView(set, resolve);
  };
  return (name) => {
    const view = resolve(name);
    if (!view) throw new Error(`no set ${name}`);
    return view;
  };
}

function address(text: string): Address {
  const a = parseIpv4(text) ?? parseIpv6(text);
  if (!a) throw new Error(text);
  return a;
}

function packet(src: string, dst: string, more: Partial<Packet> = {}): Packet {
  const a = address(src);
  return {
    family: a.family,
    src: a,
    dst: address(dst),
    protocol: 6,
    ttl: 64,
    tos: 0,
    lengthBytes: 60,
    identification: 0,
    dontFragment: false,
    moreFragments: false,
    fragmentOffsetBytes: 0,
    ipOptions: '',
    extensionHeaders: [],
    sport: 40000,
    dport: 80,
    tcpFlags: 2,
    seq: 0,
    ack: 0,
    window: 0,
    tcpOptions: [],
    icmpType: undefined,
    icmpCode: undefined,
    icmpId: undefined,
    icmpSeq: undefined,
    icmpRest: undefined,
    quote: undefined,
    sctpTag: 0,
    sctpChunks: '',
    spi: undefined,
    payload: undefined,
    layer4: undefined,
    badChecksum: false,
    mark: 0,
    ethSrc: undefined,
    ethDst: undefined,
    packetType: 'unicast',
    uid: undefined,
    gid: undefined,
    ...more,
  };
}

const flags: SetLookupFlags = { returnNomatch: false, updateCounters: true, updateSubcounters: true };

function environment(inInterface?: string, outInterface?: string): SetEnvironment {
  const state = new Map<string, unknown>();
  return {
    inInterface,
    outInterface,
    ask: () => 2,
    readState: (slot) => state.get(slot),
    writeState: (slot, value) => void state.set(slot, value),
  };
}

const dirsOf = (text: string): SetDirection[] => text.split(',').map((d) => (d === 'src' ? 'src' : 'dst'));

const text = `create blocked hash:net family inet hashsize 1024 maxelem 65536
add blocked 10.0.0.0/8
add blocked 10.5.0.0/16 nomatch
add blocked 10.5.5.5
create six hash:net family inet6
add six 2001:db8::/32
add six 2001:db8:1::/48 nomatch
create ports bitmap:port range 0-65535
add ports 80
add ports 90-92
create svc hash:ip,port
add svc 192.0.2.1,tcp:80
add svc 192.0.2.1,udp:53
add svc 192.0.2.1,icmp:echo-request
add svc 192.0.2.1,vrrp:0
create pair hash:net,net
add pair 10.0.0.0/8,192.168.0.0/16
add pair 10.1.0.0/16,192.168.1.0/24 nomatch
create ifs hash:net,iface
add ifs 10.1.0.0/16,eth0
add ifs 10.0.0.0/8,eth9
add ifs 0.0.0.0/0,wlan wildcard
add ifs 172.16.0.0/12,physdev:eth0
create nets24 hash:ip netmask 24
add nets24 192.0.2.0
create macs hash:mac
add macs AA:BB:CC:00:00:01
create ipmac bitmap:ip,mac range 10.0.0.0/24
add ipmac 10.0.0.5,00:11:22:33:44:55
add ipmac 10.0.0.6
create marks hash:ip,mark markmask 0xff
add marks 10.0.0.1,0x00000063
create all list:set size 8
add all blocked
add all svc
create counted hash:ip counters
add counted 10.0.0.1 packets 3 bytes 180
create triple hash:ip,port,net
add triple 10.0.0.1,tcp:80,10.3.0.0/16
add triple 10.0.0.1,tcp:80,10.3.1.0/24 nomatch
create odd hash:ip
add odd 10.0.0.1
add odd nonsense
`;
const view = viewsOf(text);

type Lookup = [
  set: string,
  dirs: string,
  p: Packet,
  answer: number,
  inInterface?: string | undefined,
  outInterface?: string,
];

describe('looking packets up', () => {
  const any = '198.51.100.7';
  const lookups: readonly Lookup[] = [
    ['blocked', 'src', packet('10.1.1.1', any), 1],
    ['blocked', 'src', packet('10.5.1.1', any), 0],
    ['blocked', 'src', packet('10.5.5.5', any), 1],
    ['blocked', 'dst', packet('10.1.1.1', any), 0],
    ['blocked', 'src', packet('2001:db8::1', '2001:db8::2'), 0],
    ['six', 'src', packet('2001:db8::1', '::2'), 1],
    ['six', 'src', packet('2001:db8:1::1', '::2'), 0],
    ['ports', 'dst', packet(any, any), 1],
    ['ports', 'src', packet(any, any), 0],
    ['ports', 'dst', packet(any, any, { protocol: 17, dport: 91 }), 1],
    ['ports', 'dst', packet(any, any, { protocol: 132 }), 0],
    ['ports', 'dst', packet('::1', '::1'), 1],
    ['svc', 'dst,dst', packet(any, '192.0.2.1'), 1],
    ['svc', 'dst', packet(any, '192.0.2.1'), 0],
    ['svc', 'dst,src', packet(any, '192.0.2.1'), 0],
    ['svc', 'dst,dst', packet(any, '192.0.2.1', { protocol: 1, icmpType: 8, icmpCode: 0 }), 1],
    ['svc', 'dst,dst', packet(any, '192.0.2.1', { protocol: 1, icmpType: 8, icmpCode: 1 }), 0],
    ['svc', 'dst,dst', packet(any, '192.0.2.1', { protocol: 112 }), 1],
    ['svc', 'dst,dst', packet(any, '192.0.2.1', { fragmentOffsetBytes: 8 }), 0],
    ['svc', 'dst,dst', packet(any, '192.0.2.1', { fragmentOffsetBytes: 8, protocol: 112 }), 1],
    ['pair', 'src,dst', packet('10.2.0.1', '192.168.1.1'), 1],
    ['pair', 'src,dst', packet('10.1.0.1', '192.168.1.1'), 0],
    ['pair', 'src,dst', packet('10.1.0.1', '192.168.2.1'), 1],
    ['ifs', 'src,src', packet('10.1.2.3', any), 1, 'eth0'],
    ['ifs', 'src,src', packet('10.2.2.3', any), 1, 'eth9'],
    // 10.1.0.0/16 is there for another interface and hides 10.0.0.0/8.
    ['ifs', 'src,src', packet('10.1.2.3', any), 0, 'eth9'],
    ['ifs', 'src,src', packet('192.0.2.1', any), 1, 'wlan7'],
    ['ifs', 'src,src', packet('172.16.0.1', any), 0, 'eth0'],
    ['ifs', 'src,dst', packet('10.2.2.3', any), 0, 'eth9'],
    ['ifs', 'src,dst', packet('10.2.2.3', any), 1, undefined, 'eth9'],
    ['nets24', 'src', packet('192.0.2.77', any), 1],
    ['nets24', 'src', packet('192.0.3.77', any), 0],
    ['nets24', 'src', packet('0.0.0.1', any), 0],
    ['macs', 'src', packet(any, any, { ethSrc: 'aa:bb:cc:00:00:01' }), 1],
    ['macs', 'src', packet(any, any), 0],
    ['macs', 'src', packet('::1', '::1', { ethSrc: 'aa:bb:cc:00:00:01' }), 1],
    ['ipmac', 'src,src', packet('10.0.0.5', any, { ethSrc: '00:11:22:33:44:55' }), 1],
    ['ipmac', 'src,src', packet('10.0.0.5', any, { ethSrc: '00:11:22:33:44:56' }), 0],
    ['ipmac', 'src,src', packet('10.0.0.6', any, { ethSrc: '00:11:22:33:44:56' }), 1],
    ['marks', 'src,src', packet('10.0.0.1', any, { mark: 0x163 }), 1],
    ['marks', 'src,src', packet('10.0.0.1', any, { mark: 0x164 }), 0],
    ['all', 'src', packet('10.1.1.1', any), 1],
    ['all', 'src', packet('10.5.1.1', any), 0],
    ['all', 'dst,dst', packet(any, '192.0.2.1'), 1],
    ['all', 'dst', packet(any, '192.0.2.1'), 0],
    ['triple', 'src,dst,dst', packet('10.0.0.1', '10.3.2.1'), 1],
    ['triple', 'src,dst,dst', packet('10.0.0.1', '10.3.1.1'), 0],
    ['odd', 'src', packet('10.0.0.1', any), 1],
    ['odd', 'src', packet('10.0.0.2', any), 2],
  ];
  test.each(lookups.map((lookup) => ({ lookup, name: `${lookup[0]} ${lookup[1]}` })))(
    '$name',
    ({ lookup }) => {
      const [name, dirs, p, answer, inInterface, outInterface] = lookup;
      expect(view(name).test(p, environment(inInterface, outInterface), dirsOf(dirs), flags)).toBe(answer);
    },
  );

  test('--return-nomatch finds the exceptions', () => {
    const nomatch = { ...flags, returnNomatch: true };
    const look = (src: string): number =>
      view('blocked').test(packet(src, any), environment(), ['src'], nomatch);
    expect([look('10.5.1.1'), look('10.1.1.1'), look('192.0.2.1')]).toEqual([1, 0, 0]);
  });

  test('counters count, then are compared', () => {
    const env = environment();
    const p = packet('10.0.0.1', any);
    const look = (more: Partial<SetLookupFlags>): number =>
      view('counted').test(p, env, ['src'], { ...flags, ...more });
    expect(look({ packetsTest: { op: 'eq', value: 4 } })).toBe(1);
    expect(look({ packetsTest: { op: 'gt', value: 5 } })).toBe(0);
    expect(look({ updateCounters: false, bytesTest: { op: 'eq', value: 300 } })).toBe(1);
  });

  test('what SET targets change', () => {
    const sets = setsOf(text);
    const set = sets.get('blocked');
    if (!set) throw new Error('no set');
    const prepared = prepareSet(set);
    const none = (): undefined => undefined;
    const base = createSetView(prepared, none);
    const p = packet('192.0.2.9', any);
    // Networks are added with the most specific length of the set.
    const element = base.elementOf(p, environment(), ['src']) ?? '';
    expect(element).toBe('192.0.2.9');
    const more = changeSet(set, {}, 'add', element);
    expect(createSetView(prepared, none, more).test(p, environment(), ['src'], flags)).toBe(1);
    expect(base.test(p, environment(), ['src'], flags)).toBe(0);
    const less = changeSet(set, more, 'del', '10.5.5.5');
    expect(
      createSetView(prepared, none, less).test(packet('10.5.5.5', any), environment(), ['src'], flags),
    ).toBe(0);
    expect(view('svc').elementOf(packet(any, '192.0.2.9'), environment(), ['dst', 'dst'])).toBe(
      '192.0.2.9,tcp:80',
    );
    expect(view('ifs').elementOf(packet('10.1.2.3', any), environment('eth0'), ['src', 'src'])).toBe(
      '10.1.0.0/16,eth0',
    );
  });

  test('a view is what the set match wants', () => {
    const fits: SetView = view('blocked');
    expect(fits.type).toBe('hash:net');
  });

  test('ranges and lists of ports are spread out', () => {
    const spread = (type: string, element: string): readonly string[] | undefined =>
      parseElement(type, 'ipv4', element)?.map((parts) =>
        parts.map((part) => elementPartText(part, type)).join(','),
      );
    expect(spread('hash:ip', '10.0.0.0/30')).toHaveLength(4);
    expect(spread('hash:net', '10.7.0.0-10.7.2.255')).toEqual(['10.7.0.0/23', '10.7.2.0/24']);
    expect(spread('hash:ip,port', '10.0.0.2,sctp:90-92')).toEqual(
      ['90', '91', '92'].map((p) => `10.0.0.2,sctp:${p}`),
    );
    expect(spread('hash:ip,port', '10.0.0.2,ftp-data')).toEqual(['10.0.0.2,tcp:20']);
    expect(spread('hash:ip', '0.0.0.0/0')).toBeUndefined();
  });
});

test('a hundred thousand networks are looked up without a scan', () => {
  const members = Array.from(
    { length: 100_000 },
    (_, i) => `add big ${(i >> 9) & 255}.${(i >> 1) & 255}.${(i & 1) * 128}.0/${25 + (i % 8)}`,
  );
  const big = viewsOf(`create big hash:net\n${members.join('\n')}\n`)('big');
  const env = environment();
  const p = packet('250.1.2.3', '192.0.2.1');
  const lookups = vi.spyOn(Map.prototype, 'get');
  const answer = big.test(p, env, ['src'], flags);
  const count = lookups.mock.calls.length;
  lookups.mockRestore();
  expect(answer).toBe(0);
  // One for each of the eight lengths that occur.
  expect(count).toBe(8);
});

/** Oracle: `ipset test` of the kernel, which looks an element up as a packet's. */
const hasKernel =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-n', 'ipset', 'create', 'x', 'hash:ip'], { encoding: 'utf8' }).status === 0;

test.skipIf(!hasKernel)(
  'the kernel answers the same',
  () => {
    const octet = fc.constantFrom(0, 1, 5, 255);
    const ip = fc.tuple(octet, octet, octet).map(([a, b, c]) => `10.${a}.${b}.${c}`);
    const length = fc.constantFrom(8, 12, 16, 17, 24, 30, 32);
    const net = fc.tuple(ip, length).map(([a, l]) => `${a}/${l}`);
    const port = fc.constantFrom('tcp:80', 'udp:53', 'tcp:81');
    const iface = fc.constantFrom('eth0', 'eth1', 'wlan+', 'wlan0', 'eth', 'wla');
    const ending = fc.constantFrom('', '', ' nomatch', ' wildcard');
    const nomatch = fc.constantFrom('', '', ' nomatch');
    const join = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
      fc.tuple(...parts).map((p) => p.join(','));
    const kinds: readonly [
      type: string,
      element: fc.Arbitrary<string>,
      exceptions: boolean,
      query: fc.Arbitrary<string>,
    ][] = [
      ['hash:ip', ip, false, ip],
      ['hash:ip netmask 16', ip, false, ip],
      ['hash:net', net, true, ip],
      ['hash:ip,port', join(ip, port), false, join(ip, port)],
      ['hash:net,port', join(net, port), true, join(ip, port)],
      ['hash:ip,port,net', join(ip, port, net), true, join(ip, port, ip)],
      [
        'hash:net,iface',
        join(net, iface),
        true,
        join(ip, fc.constantFrom('eth0', 'eth1', 'eth', 'wlan0', 'wlan1')),
      ],
      [
        'bitmap:ip range 10.0.0.0/16',
        ip.filter((t) => t.startsWith('10.0.')),
        false,
        ip.filter((t) => t.startsWith('10.0.')),
      ],
    ];
    const script: string[] = [];
    const cases: { name: string; query: string }[] = [];
    let counter = 0;
    for (const [type, element, exceptions, query] of kinds) {
      const plan = fc.tuple(
        fc.array(
          fc.tuple(element, exceptions ? (type.endsWith('iface') ? ending : nomatch) : fc.constant('')),
          { minLength: 1, maxLength: 12 },
        ),
        fc.array(query, { minLength: 12, maxLength: 12 }),
      );
      for (const [elements, queries] of fc.sample(plan, { numRuns: 12, seed: 7 })) {
        const name = `s${counter++}`;
        script.push(`ipset create ${name} ${type}`);
        for (const [e, n] of elements) script.push(`ipset -exist add ${name} ${e}${n} 2>/dev/null`);
        for (const q of queries) {
          script.push(`ipset test ${name} ${q} 2>/dev/null >&2 && echo "# yes" || echo "# no"`);
          cases.push({ name, query: q });
        }
      }
    }
    script.push('ipset save');
    const run = spawnSync('unshare', ['-n', 'sh'], {
      input: script.join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    });
    const answers = run.stdout
      .split('\n')
      .filter((l) => l.startsWith('# '))
      .map((l) => (l === '# yes' ? 1 : 0));
    const find = viewsOf(
      run.stdout
        .split('\n')
        .filter((l) => !l.startsWith('# '))
        .join('\n'),
    );
    expect(answers).toHaveLength(cases.length);
    const wrong: string[] = [];
    let hits = 0;
    for (const [i, { name, query }] of cases.entries()) {
      const [src = '', second = '', third] = query.split(',');
      const [proto, portText] = second.split(':');
      const p = packet(src, third ?? '192.0.2.1', {
        protocol: proto === 'udp' ? 17 : 6,
        dport: Number(portText) || 80,
      });
      const dirs: SetDirection[] = ['src', portText === undefined ? 'src' : 'dst', 'dst'];
      const answer = find(name).test(p, environment(second), dirs, flags);
      hits += answer;
      if (answer !== answers[i]) wrong.push(`${name} ${query}: ${answer}, kernel ${answers[i]}`);
    }
    expect(wrong).toEqual([]);
    expect(hits).toBeGreaterThan(50);
  },
  60_000,
);

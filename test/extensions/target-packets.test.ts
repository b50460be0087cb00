/** What targets make of packets, beside what Linux 6.18 made of the same ones. */

import { expect, test } from 'vitest';
import type { Connection } from '../../src/model/connection.ts';
import type { Packet } from '../../src/model/packet.ts';
import type { Family } from '../../src/net/address.ts';
import { addressText, parseAddress } from '../../src/net/address-text.ts';
import { allExtensions, runCase } from '../support/extension-tables.ts';

const address = (family: Family, text: string) => {
  const a = parseAddress(family, text);
  if (!a) throw new Error(text);
  return a;
};

function udp(family: Family, src: string, dst: string): Packet {
  return {
    family,
    src: address(family, src),
    dst: address(family, dst),
    protocol: 17,
    ttl: 64,
    tos: 0,
    lengthBytes: family === 'ipv4' ? 29 : 49,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffsetBytes: 0,
    ipOptions: '',
    extensionHeaders: [],
    sport: 1111,
    dport: 2222,
    tcpFlags: 0,
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
    payload: '78',
    layer4: undefined,
    badChecksum: false,
    mark: 0,
    ethSrc: undefined,
    ethDst: undefined,
    packetType: 'unicast',
    uid: undefined,
    gid: undefined,
  };
}

/** Runs the target of a rule on a packet: its outcome and the packet afterwards. */
function run(
  rule: string,
  packet: Packet,
  at: { table: string; chain: string } = { table: 'mangle', chain: 'OUTPUT' },
): { outcome: string; packet: Packet } {
  const place = { ...at, family: packet.family };
  const { rules, errors } = runCase(
    {
      ...place,
      rule,
      expected: '',
      failId: undefined,
      sets: undefined,
      unverified: undefined,
      line: 1,
    },
    rule,
    true,
  );
  expect(errors).toEqual([]);
  const target = rules[0]?.target;
  if (target?.kind !== 'extension') throw new Error(rule);
  const extension = allExtensions.target(target.extension, packet.family);
  const changed = { ...packet };
  const tuple = { src: packet.src, dst: packet.dst, protocol: 17, sport: 1111, dport: 2222 };
  const entry = {
    original: tuple,
    reply: { ...tuple, src: packet.dst, dst: packet.src, sport: 2222, dport: 1111 },
    mark: 0,
  } as Connection;
  const env = {
    packet: changed,
    connection: { state: 'NEW', direction: 'original', entry },
    note: () => undefined,
    pull: () => undefined,
  };
  const runner = extension?.compile(target.data as object, { family: packet.family } as never);
  return { outcome: runner?.(env as never) ?? '', packet: changed };
}

const v4 = udp('ipv4', '10.1.2.3', '127.0.0.9');
const v6 = udp('ipv6', '2001:db8::5', '2001:db8:1::9');

test.each([
  [v4, '--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xdeafbeef', 605277477],
  [v4, '--hmark-tuple src,dst --hmark-mod 10 --hmark-rnd 4 --hmark-offset 100', 109],
  [
    v4,
    '--hmark-src-prefix 24 --hmark-sport-mask 0xff --hmark-dport 0x10 --hmark-mod 1000000 --hmark-rnd 77',
    879756,
  ],
  [v4, '--hmark-tuple dport --hmark-mod 65536 --hmark-rnd 1', 53532],
  [v4, '--hmark-tuple src,dst,sport,dport,ct --hmark-mod 0xffffffff --hmark-rnd 0xdeafbeef', 605277494],
  [v6, '--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xdeafbeef', 2875308497],
  [v6, '--hmark-src-prefix 48 --hmark-dst-prefix 64 --hmark-mod 1000 --hmark-rnd 3', 503],
])('HMARK hashes as the kernel does: %#', (packet, options, mark) => {
  expect(run(`-p udp -j HMARK ${options}`, packet).packet.mark).toBe(mark);
});

const translate = (target: 'SNPT' | 'DNPT', from: string, to: string, given: string): string => {
  const packet =
    target === 'SNPT' ? udp('ipv6', given, '2001:db8:c::1') : udp('ipv6', '2001:db8:aaaa::5', given);
  const chain = target === 'SNPT' ? 'POSTROUTING' : 'OUTPUT';
  const done = run(`-j ${target} --src-pfx ${from} --dst-pfx ${to}`, packet, { table: 'mangle', chain });
  return done.outcome === 'drop'
    ? 'drop'
    : addressText(target === 'SNPT' ? done.packet.src : done.packet.dst);
};

test.each([
  ['SNPT', '2001:db8:aaaa::/48', '2001:db8:bbbb::/48', '2001:db8:aaaa::5', '2001:db8:bbbb:eeee::5'],
  ['SNPT', '2001:db8:aaaa::/64', '2001:db8:bbbb:7::/64', '2001:db8:aaaa::5', '2001:db8:bbbb:7:eee7::5'],
  ['SNPT', '2001:db8:aaaa::/56', 'fd00:1234::/32', '2001:db8:aaaa::5', 'fd00:1234::c92e:0:0:5'],
  ['SNPT', '2001:db8:aaaa::/64', 'fd00:1234::/64', '2001:db8:aaaa:0:ffff:ffff:ffff:ffff', 'drop'],
  ['DNPT', '2001:db8:c::/48', 'fd00:1:2::/48', '2001:db8:c:1234:ffff::1', 'fd00:1:2:42f5:ffff::1'],
  ['DNPT', '2001:db8:c::/64', 'fd00:1:2:3::/64', '2001:db8:c:0:ffff::1', 'fd00:1:2:3:ffff:30be:0:1'],
] as const)('%s translates %s to %s: %s becomes %s', (target, from, to, given, expected) => {
  expect(translate(target, from, to, given)).toBe(expected);
});

test('TCPMSS lowers, adds, and leaves segments with data alone', () => {
  const syn: Packet = { ...v4, protocol: 6, tcpFlags: 2, payload: '', lengthBytes: 40 };
  const rule = '-p tcp -j TCPMSS --set-mss 1000';
  const at = { table: 'mangle', chain: 'FORWARD' };
  const withMss = (data: string): Packet => ({ ...syn, lengthBytes: 44, tcpOptions: [{ kind: 2, data }] });
  expect(run(rule, withMss('05b4'), at).packet.tcpOptions).toEqual([{ kind: 2, data: '03e8' }]);
  expect(run(rule, withMss('0200'), at).packet.tcpOptions).toEqual([{ kind: 2, data: '0200' }]);
  const added = run(rule, syn, at).packet;
  expect([added.tcpOptions, added.lengthBytes]).toEqual([[{ kind: 2, data: '0218' }], 44]);
  expect(run(rule, { ...syn, payload: '00', lengthBytes: 41 }, at).packet.tcpOptions).toEqual([]);
});

test('TCPOPTSTRIP puts a no-operation for every byte', () => {
  const syn: Packet = {
    ...v4,
    protocol: 6,
    tcpOptions: [
      { kind: 2, data: '05b4' },
      { kind: 3, data: '07' },
    ],
  };
  const nop = { kind: 1, data: '' };
  expect(run('-p tcp -j TCPOPTSTRIP --strip-options wscale', syn).packet.tcpOptions).toEqual([
    { kind: 2, data: '05b4' },
    nop,
    nop,
    nop,
  ]);
});

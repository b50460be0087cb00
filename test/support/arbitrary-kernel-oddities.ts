/** What is out of the ordinary about random packets: fragments, options, extension headers, errors, odd protocols. */

import type { CasePacket } from '../../src/dev/conform-case.ts';
import { isZeroSum, pseudoHeaderSum, sumHex } from '../../src/engine/checksum.ts';
import type { ExtensionHeader, Packet } from '../../src/model/packet.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import type { DrawnHost } from './arbitrary-kernel-hosts.ts';
import { chosen } from './arbitrary-kernel-rules.ts';

const { floor } = Math;
const hex = (n: number, bytes: number): string => n.toString(16).padStart(2 * bytes, '0');

/** Everything after the IP header, with a right checksum: TCP, UDP, or an echo request. */
function layer4Of(
  p: CasePacket,
  family: 4 | 6,
  bytes: number,
): { readonly number: number; readonly text: string } {
  const ends = `${hex(p.sport ?? 0, 2)}${hex(p.dport ?? 0, 2)}`;
  const rest = '61'.repeat(bytes);
  const [number, front, back] =
    p.proto === 'tcp'
      ? ([6, `${ends}000003e8000000005002faf0`, `0000${rest}`] as const)
      : p.proto === 'udp'
        ? ([17, `${ends}${hex(8 + bytes, 2)}`, rest] as const)
        : ([family === 4 ? 1 : 58, family === 4 ? '0800' : '8000', `00070001${rest}`] as const);
  const name = family === 4 ? 'ipv4' : 'ipv6';
  const packet = { src: parseAddress(name, p.src), dst: parseAddress(name, p.dst) } as Packet;
  const text = `${front}0000${back}`;
  const pseudo = number === 1 ? 0 : pseudoHeaderSum(packet, text.length / 2, number);
  const sum = sumHex(text) + pseudo;
  // One's complement of the folded sum: the only value that makes it all ones.
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + floor(folded / 0x10000);
  const checksum = 0xffff - folded || 0xffff;
  if (!isZeroSum(sum + checksum)) throw new Error('a checksum that does not fit');
  return { number, text: `${front}${hex(checksum, 2)}${back}` };
}

/** A packet in two or three pieces: in order or not, one missing, twice, or overlapping. */
function pieces(n: number, p: CasePacket, family: 4 | 6, index: number): readonly CasePacket[] {
  const { number, text } = layer4Of(p, family, chosen([40, 17, 64], n));
  const total = text.length / 2;
  const first = Math.min(chosen([24, 8, 32, 16], floor(n / 3)), floor((total - 1) / 8) * 8);
  const second = n % 2 === 0 ? total : Math.min(total, first + 8);
  const bounds = second < total ? [0, first, second, total] : [0, first, total];
  const { df: _, payload: __, mss: ___, tcp_flags: ____, bad_checksum: _____, ...bare } = p;
  const piece = (from: number, to: number): CasePacket => ({
    ...bare,
    proto: String(number),
    id: family === 4 ? 4096 + 7 * index : 4096 + index,
    frag_off: from,
    ...(to < total ? { mf: true } : {}),
    ...(family === 4 && n % 11 === 10 && from === 0 ? { df: true } : {}),
    l4_raw: text.slice(2 * from, 2 * to),
  });
  const all = bounds.slice(1).map((to, i) => piece(bounds[i] ?? 0, to));
  const last = all.length - 1;
  switch (floor(n / 12) % 6) {
    case 1:
      return all.toReversed();
    case 2:
      return all.slice(1);
    case 3:
      return all.slice(0, last);
    case 4:
      return [...all.slice(0, 1), ...all.slice(0, 1), ...all.slice(1)];
    case 5:
      return [...all.slice(0, last), piece(Math.max(0, (bounds[last] ?? 0) - 8), total)];
    default:
      return all;
  }
}

/** Options of IPv4: nothing, router alert, record route, time stamp, a source route. */
const ipOptions = [
  '01010100',
  '94040000',
  '0707040000000000',
  '440c05000000000000000000',
  '830704c633640700',
];

/** Padding in hop-by-hop and destination options, a routing header that is used up, AH, router alert. */
const headers: readonly ExtensionHeader[] = [
  { protocol: 60, body: '010400000000' },
  { protocol: 0, body: '010400000000' },
  { protocol: 43, body: '000000000000' },
  { protocol: 51, body: `00000000010000000001${'00'.repeat(12)}` },
  { protocol: 0, body: '050200000100' },
  { protocol: 43, body: '02000000000020010db8000100000000000000000007' },
];

function withHeaders(n: number, p: CasePacket, family: 4 | 6): CasePacket {
  if (family === 4) return { ...p, ip_options: chosen(ipOptions, n) };
  const one = chosen(headers, n);
  const two = n % 5 === 4 && one.protocol === 0 ? [chosen(headers.slice(0, 1), n)] : [];
  return { ...p, ext_headers: [one, ...two] };
}

const errors: Readonly<Record<4 | 6, readonly (readonly [number, number, number])[]>> = {
  4: [
    [3, 3, 0],
    [11, 0, 0],
    [3, 4, 1300],
    [5, 0, 0xcb007107],
    [12, 0, 0],
  ],
  6: [
    [1, 4, 0],
    [3, 0, 0],
    [2, 0, 1300],
    [4, 0, 0],
  ],
};

/** An error about something that nobody sent, or that cannot be read. */
function error(n: number, p: CasePacket, family: 4 | 6, drawn: DrawnHost): CasePacket {
  const { sport, dport, tcp_flags, payload, mss, df, bad_checksum, icmp_id, icmp_seq, ...bare } = p;
  const [icmp_type, icmp_code, icmp_rest] = chosen(errors[family], n);
  const quote: CasePacket = {
    src: n % 3 === 0 ? p.dst : chosen(drawn.own, n),
    dst: n % 2 === 0 ? p.src : chosen(drawn.far, n),
    proto: chosen(['udp', 'tcp', family === 4 ? 'icmp' : 'icmpv6', '50'], floor(n / 5)),
    ttl: 60,
    tos: 0,
    ...(family === 4 ? { id: 77 } : {}),
    sport: 40000,
    dport: 80,
    ...(floor(n / 5) % 4 === 1 ? { tcp_flags: ['SYN'] } : {}),
    ...(floor(n / 5) % 4 === 2
      ? { icmp_type: family === 4 ? 8 : 128, icmp_code: 0, icmp_id: 7, icmp_seq: 1 }
      : {}),
    payload: '61616161',
  };
  const made = { ...bare, proto: family === 4 ? 'icmp' : 'icmpv6', icmp_type, icmp_code, icmp_rest };
  return n % 7 === 6 ? { ...made, payload: '' } : { ...made, quote };
}

/** Protocols that are rare, with something in them. */
const rare: readonly (readonly [proto: string, payload: string])[] = [
  ['igmp', '1100eeff00000000'],
  ['51', `0604000000000100000000010000000000000000000000006161616161616161`],
  ['89', '0201002c01010101'],
  ['4', '4500001c000000004011000001020304050607080035003500080000'],
  ['47', '3081880b0004000700000001c0210900'],
  ['253', '6161'],
  ['132', ''],
  ['33', '9c4000500500000001000000000001000000000000'],
  ['135', '3b00010000000000'],
];

/** A packet of a rare protocol, with something in it. In IPv6, AH is an extension header. */
export function rareProtocol(p: CasePacket, proto: string, family: 4 | 6): CasePacket {
  if (proto === '51' && family === 6) {
    const ah = headers.filter(({ protocol }) => protocol === 51);
    return { ...p, proto: 'udp', sport: 40000, dport: 53, ext_headers: ah };
  }
  const payload = rare.find(([name]) => name === proto)?.[1] ?? '';
  return { ...p, proto, payload };
}

function rarely(n: number, p: CasePacket, family: 4 | 6): CasePacket {
  const { sport, dport, tcp_flags, mss, icmp_type, icmp_code, icmp_id, icmp_seq, bad_checksum, ...bare } = p;
  // In IPv6, AH is an extension header.
  const [proto, payload] = chosen(family === 4 ? rare : rare.filter(([name]) => name !== '51'), n);
  return { ...bare, proto, payload };
}

/** Window scale, SACK, time stamps, what no TCP sends; windows that are shut; congestion. */
function tcpOddities(n: number, p: CasePacket): CasePacket {
  const { mss: _, ...bare } = p;
  const options = ['0303070402', '0402080a0000000100000000', '01030302', '0303ff', '05', 'fe04f989'];
  switch (n % 4) {
    case 0:
      return { ...bare, tcp_options: chosen(options, floor(n / 4)) };
    case 1:
      return { ...p, window: chosen([0, 1, 1000, 65535], floor(n / 4)) };
    case 2:
      return {
        ...p,
        tcp_flags: [
          ...new Set([...(p.tcp_flags ?? []), ...chosen([['ECE', 'CWR'], ['URG'], ['PSH']], floor(n / 4))]),
        ],
      };
    default:
      return { ...p, payload: '474554202f0d0a' };
  }
}

/** The packet as it is, or made odd by `special`: small numbers are the plainest. */
export function specialPackets(
  special: number,
  p: CasePacket,
  family: 4 | 6,
  drawn: DrawnHost,
  index: number,
): readonly CasePacket[] {
  const n = floor(special / 12);
  switch (special % 12) {
    case 7:
      // Pieces that a process sends are collected in OUTPUT and come out of lo as pieces again: not modelled.
      return ['tcp', 'udp', 'icmp', 'icmpv6'].includes(p.proto) && !p.local
        ? pieces(n, p, family, index)
        : [p];
    case 8:
      return [withHeaders(n, p, family)];
    case 9:
      return [error(n, p, family, drawn)];
    case 10:
      return [p.proto === 'tcp' ? tcpOddities(n, p) : p];
    case 11:
      return [
        n % 2 === 0 ? rarely(floor(n / 2), p, family) : p.proto === 'tcp' ? tcpOddities(floor(n / 2), p) : p,
      ];
    default:
      return [p];
  }
}

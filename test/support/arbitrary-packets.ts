/**
 * Random packets that can exist: fields go with the protocol, the fragment, the direction and the connection.
 *
 * Values are drawn near those that a rule speaks of ({@link Hints}), so that its conditions are met about as often
 * as not.
 */

import fc from 'fast-check';
import { ctStatusBit, type PacketConnection, type Tuple } from '../../src/model/connection.ts';
import type { Packet, PacketType } from '../../src/model/packet.ts';
import { type Address, type Family, ipv4, ipv6 } from '../../src/net/address.ts';

/** A packet at a hook, with all that a match may look at. */
export interface Situation {
  readonly packet: Packet;
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  readonly physIn: string | undefined;
  readonly physOut: string | undefined;
  readonly connection: PacketConnection;
}

/** Values worth trying. */
export interface Hints {
  readonly numbers: readonly number[];
  readonly addresses: readonly Address[];
  readonly words: readonly string[];
}

const noHints: Hints = { numbers: [], addresses: [], words: [] };

/** All numbers (with their neighbours), addresses and words in plain data. */
export function hintsOf(data: unknown): Hints {
  const numbers = new Set<number>();
  const addresses: Address[] = [];
  const words = new Set<string>();
  const visit = (x: unknown): void => {
    if (typeof x === 'number') for (const n of [x - 1, x, x + 1]) numbers.add(n);
    else if (typeof x === 'string') words.add(x);
    else if (Array.isArray(x)) x.forEach(visit);
    else if (typeof x === 'object' && x !== null) {
      if ('w3' in x && 'family' in x) addresses.push(x as Address);
      Object.values(x).forEach(visit);
    }
  };
  visit(data);
  return { numbers: [...numbers], addresses, words: [...words] };
}

const protocolsWithPorts: readonly number[] = [6, 17, 33, 132, 136];

/** A whole number up to `max`: near the hints, ordinary, or any. */
function near(hints: Hints, max: number, ordinary: readonly number[]): fc.Arbitrary<number> {
  const fitting = hints.numbers.filter((n) => Number.isInteger(n) && n >= 0 && n <= max);
  const arms: fc.WeightedArbitrary<number>[] = [
    { weight: 2, arbitrary: fc.constantFrom(...ordinary) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max }) },
  ];
  if (fitting.length > 0) arms.push({ weight: 4, arbitrary: fc.constantFrom(...fitting) });
  return fc.oneof(...arms);
}

function addresses(family: Family, hints: Hints): fc.Arbitrary<Address> {
  const ordinary =
    family === 'ipv4'
      ? [ipv4(0xc0000201), ipv4(0x0a000001), ipv4(0xffffffff), ipv4(0xe0000001), ipv4(0x7f000001), ipv4(0)]
      : [
          ipv6(0x20010db8, 0, 0, 1),
          ipv6(0xfe800000, 0, 0, 1),
          ipv6(0xff020000, 0, 0, 1),
          ipv6(0, 0, 0, 1),
          ipv6(0, 0, 0, 0),
        ];
  const mentioned = hints.addresses.filter((a) => a.family === family);
  const pool = mentioned.length > 0 ? fc.constantFrom(...mentioned) : fc.constantFrom(...ordinary);
  return fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...ordinary) },
    { weight: 3, arbitrary: pool },
    {
      weight: 2,
      // A neighbour: another host of the network, or the address right outside.
      arbitrary: fc
        .tuple(pool, fc.constantFrom(1, 0xff, 0x100, 0x1000000, 0x80000000))
        .map(([a, bits]) => ({ ...a, w3: (a.w3 ^ bits) >>> 0 })),
    },
  );
}

const macPool = ['00:11:22:33:44:55', '66:77:88:99:aa:bb'] as const;
const interfacePool = ['eth0', 'eth1', 'lo', 'wg0', 'vnet12'] as const;

function hexBytes(max: number): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength: max }).map((b) => Buffer.from(b).toString('hex'));
}

/** Header fields of layer 4, as the protocol has them. */
function layer4(family: Family, protocol: number, hints: Hints): fc.Arbitrary<Partial<Packet>> {
  const port = near(hints, 65535, [22, 53, 80, 443, 40000]);
  if (protocolsWithPorts.includes(protocol)) {
    const ports = { sport: port, dport: port };
    if (protocol === 6)
      return fc.record({
        ...ports,
        tcpFlags: fc.oneof(fc.constantFrom(2, 18, 16, 24, 4, 17, 0), fc.nat(255)),
        tcpOptions: fc.oneof(
          fc.constant([]),
          near(hints, 65535, [536, 1460]).map((mss) => [
            { kind: 2, data: mss.toString(16).padStart(4, '0') },
          ]),
          near(hints, 255, [4, 8]).map((kind) => [{ kind: kind < 3 ? 3 : kind, data: '07' }]),
        ),
        seq: fc.nat(),
        ack: fc.nat(),
      });
    if (protocol === 132)
      return fc.record({ ...ports, sctpChunks: fc.constantFrom('', '01000004', '0003000403010004') });
    return fc.record(ports);
  }
  if (protocol === (family === 'ipv4' ? 1 : 58))
    return fc.record({
      icmpType: near(hints, 255, family === 'ipv4' ? [8, 0, 3, 11] : [128, 129, 1, 135]),
      icmpCode: near(hints, 255, [0, 1]),
    });
  // In IPv6, AH is an extension header.
  if (protocol === 50 || (family === 'ipv4' && protocol === 51))
    return fc.record({ spi: near(hints, 0xffffffff, [1, 256]) });
  return fc.constant({});
}

const bare = {
  identification: 0,
  dontFragment: false,
  ipOptions: '',
  sport: undefined,
  dport: undefined,
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
  layer4: undefined,
  badChecksum: false,
  ethDst: undefined,
} as const;

/** Headers that may stand between the IPv6 header and the protocol. */
function extensionHeaders(family: Family, hints: Hints): fc.Arbitrary<Packet['extensionHeaders']> {
  if (family === 'ipv4') return fc.constant([]);
  const header = fc.record({
    protocol: fc.constantFrom(0, 43, 60),
    body: fc
      .tuple(near(hints, 255, [0, 2, 4]), near(hints, 255, [0, 1]), fc.nat(255))
      .map((head) => `${Buffer.from(head).toString('hex')}000000`),
  });
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(header, { maxLength: 2 }) },
  );
}

/** One packet of a family; `protocol`: with this one most of the time. */
export function arbitraryPacket(
  family: Family,
  hints: Hints = noHints,
  protocol?: number,
): fc.Arbitrary<Packet> {
  const anyProtocol = near(hints, 255, [6, 17, family === 'ipv4' ? 1 : 58, 50, 51, 132, 33, 47]);
  const drawn =
    protocol === undefined
      ? anyProtocol
      : fc.oneof({ weight: 5, arbitrary: fc.constant(protocol) }, { weight: 1, arbitrary: anyProtocol });
  const macs = hints.words.filter((w) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(w));
  const address = addresses(family, hints);
  return drawn.chain((number) =>
    fc
      .record({
        src: address,
        dst: address,
        ttl: near(hints, 255, [1, 64, 128]),
        tos: near(hints, 255, [0, 0x10, 0xb8]),
        lengthBytes: near(hints, 65535, [40, 60, 1500]).map((n) => Math.max(n, 20)),
        fragment: fc.oneof(
          { weight: 6, arbitrary: fc.constant('whole' as const) },
          { weight: 1, arbitrary: fc.constantFrom('first' as const, 'later' as const) },
        ),
        above: layer4(family, number, hints),
        extensionHeaders: extensionHeaders(family, hints),
        payload: fc.oneof(fc.constant(undefined), hexBytes(24)),
        mark: near(hints, 0xffffffff, [0, 1, 0xff]),
        ethSrc: fc.option(fc.constantFrom(...macPool, ...macs), { nil: undefined }),
        packetType: fc.constantFrom<PacketType>('unicast', 'broadcast', 'multicast', 'otherhost'),
        owner: fc.option(
          fc.record({ uid: near(hints, 0xfffffffe, [0, 1000]), gid: near(hints, 0xfffffffe, [0, 100]) }),
          {
            nil: undefined,
          },
        ),
      })
      .map(({ fragment, above, owner, ...rest }) => ({
        ...bare,
        ...rest,
        family,
        protocol: number,
        moreFragments: fragment === 'first',
        fragmentOffsetBytes: fragment === 'later' ? 1480 : 0,
        ...(fragment === 'later' ? {} : above),
        uid: owner?.uid,
        gid: owner?.gid,
      })),
  );
}

function arbitraryConnection(packet: Packet, hints: Hints): fc.Arbitrary<PacketConnection> {
  const port = near(hints, 65535, [80, 40000]);
  const address = addresses(packet.family, hints);
  const tuple: fc.Arbitrary<Tuple> = fc.record({
    src: address,
    dst: address,
    protocol: fc.constant(packet.protocol),
    sport: port,
    dport: port,
  });
  const entry = fc.record({
    original: tuple,
    reply: tuple,
    status: fc.constantFrom(
      0,
      ctStatusBit.CONFIRMED,
      ctStatusBit.SEEN_REPLY | ctStatusBit.CONFIRMED,
      ctStatusBit.SRC_NAT | ctStatusBit.ASSURED,
      ctStatusBit.DST_NAT | ctStatusBit.EXPECTED,
    ),
    mark: near(hints, 0xffffffff, [0, 1]),
    zone: fc.constant(0),
    helper: fc.constant(undefined),
    labels: fc.constant([]),
    packets: fc.record({ original: fc.nat(9), reply: fc.nat(9) }),
    bytes: fc.record({ original: fc.nat(9000), reply: fc.nat(9000) }),
    expiresMs: fc.constant(60_000),
    master: fc.constant(undefined),
  });
  const direction = fc.constantFrom('original' as const, 'reply' as const);
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        state: fc.constantFrom('NEW' as const, 'ESTABLISHED' as const, 'RELATED' as const),
        direction,
        entry,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        state: fc.constantFrom('INVALID' as const, 'UNTRACKED' as const),
        direction,
        entry: fc.constant(undefined),
      }),
    },
  );
}

/** A packet on its way through the machine. */
export function arbitrarySituation(
  family: Family,
  hints: Hints = noHints,
  protocol?: number,
): fc.Arbitrary<Situation> {
  const names = hints.words.filter((w) => /^[a-z][a-z0-9.-]{0,14}$/.test(w));
  const name = fc.option(fc.constantFrom(...interfacePool, ...names), { nil: undefined });
  const bridged = fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom('vnet0', ...names, 'eth0') },
  );
  return arbitraryPacket(family, hints, protocol).chain((packet) =>
    fc.record({
      packet: fc.constant(packet),
      inInterface: name,
      outInterface: name,
      physIn: bridged,
      physOut: bridged,
      connection: arbitraryConnection(packet, hints),
    }),
  );
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dissectFrame } from '../../src/capture/dissect.ts';
import type { CapturedFrame } from '../../src/capture/frame.ts';
import { makePacket } from '../../src/expression/make-packet.ts';
import { packetBytes } from '../../src/extensions/packet-bytes.ts';
import type { Packet } from '../../src/model/packet.ts';
import { ipv4, ipv6 } from '../../src/net/address.ts';
import { cookedFrame, ethernetFrame } from '../support/capture-writer.ts';

function frame(bytes: Uint8Array, linkType: number, captured = bytes.length): CapturedFrame {
  return {
    number: 1,
    offsetBytes: 0,
    linkType,
    timeMs: 0,
    interfaceName: undefined,
    direction: undefined,
    bytes: bytes.subarray(0, captured),
    lengthBytes: bytes.length,
  };
}

const raw = 101;
const hex = (maxBytes: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ maxLength: maxBytes })
    .map((b) => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join(''));
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });

/** Packets as the engine takes them, all of whose bytes are known. */
const packets: fc.Arbitrary<Packet> = fc
  .record({
    v4: fc.boolean(),
    kind: fc.constantFrom('tcp', 'udp', 'icmp', 'sctp'),
    a: u32,
    b: u32,
    sport: u16,
    dport: u16,
    tcpFlags: fc.integer({ min: 0, max: 255 }),
    seq: u32,
    ack: u32,
    window: u16,
    ttl: fc.integer({ min: 0, max: 255 }),
    tos: fc.integer({ min: 0, max: 255 }),
    identification: u16,
    dontFragment: fc.boolean(),
    payload: hex(60),
    mss: fc.option(u16, { nil: undefined }),
    echo: fc.boolean(),
  })
  .map((r) => {
    const family = r.v4 ? 'ipv4' : 'ipv6';
    const address = (n: number) => (r.v4 ? ipv4(n) : ipv6(0x20010db8, 0, 0, n));
    const protocol = { tcp: 6, udp: 17, icmp: r.v4 ? 1 : 58, sctp: 132 }[r.kind];
    const made = makePacket({
      family,
      protocol,
      src: address(r.a),
      dst: address(r.b),
      ttl: r.ttl,
      tos: r.tos,
      identification: r.v4 ? r.identification : 0,
      dontFragment: r.v4 && r.dontFragment,
      sport: r.sport,
      dport: r.dport,
      tcpFlags: r.tcpFlags,
      seq: r.kind === 'tcp' ? r.seq : 0,
      ack: r.kind === 'tcp' ? r.ack : 0,
      window: r.kind === 'tcp' ? r.window : 0,
      tcpOptions:
        r.kind === 'tcp' && r.mss !== undefined
          ? [{ kind: 2, data: r.mss.toString(16).padStart(4, '0') }]
          : [],
      ...(r.kind === 'icmp' ? { icmpType: r.v4 ? (r.echo ? 8 : 0) : r.echo ? 128 : 129 } : {}),
      payload: r.kind === 'sctp' ? '' : r.payload,
    });
    return r.v4 ? made : { ...made, flowLabel: 5 };
  });

describe('what the engine writes is read back', () => {
  test('whole packets, with right checksums', () => {
    fc.assert(
      fc.property(packets, (packet) => {
        const read = dissectFrame(frame(packetBytes(packet).bytes, raw));
        expect(read).toMatchObject({ kind: 'packet', whole: true, checksum: 'right' });
        if (read.kind === 'packet') expect(read.packet).toEqual(packet);
      }),
      { numRuns: 300 },
    );
  });

  test('a changed byte behind the IP header is a wrong checksum', () => {
    fc.assert(
      fc.property(packets, fc.nat(), (packet, where) => {
        const { bytes } = packetBytes(packet);
        const from = packet.family === 'ipv4' ? 20 : 40;
        const at = from + (where % (bytes.length - from));
        bytes[at] = (bytes[at] ?? 0) ^ 0x15;
        const read = dissectFrame(frame(bytes, raw));
        // A changed length field of TCP may make no header at all.
        if (read.kind === 'packet') expect(['wrong', 'unknown', 'partial']).toContain(read.checksum);
      }),
      { numRuns: 300 },
    );
  });

  test('cut frames keep what was recorded', () => {
    fc.assert(
      fc.property(packets, fc.nat(), (packet, cut) => {
        const { bytes } = packetBytes(packet);
        const read = dissectFrame(frame(bytes, raw, cut % bytes.length));
        if (read.kind !== 'packet') {
          expect(read).toEqual({ kind: 'cut' });
          return;
        }
        expect(read).toMatchObject({ whole: false, checksum: 'unknown' });
        const { payload, sctpChunks: _, ...rest } = read.packet;
        expect(payload).toBeUndefined();
        expect(packet).toMatchObject(rest.protocol === 132 ? { sport: rest.sport } : rest);
      }),
      { numRuns: 300 },
    );
  });
});

const syn = makePacket({ family: 'ipv4', protocol: 6, src: ipv4(1), dst: ipv4(2), payload: '' });
const syn6 = makePacket({
  family: 'ipv6',
  protocol: 6,
  src: ipv6(0, 0, 0, 2),
  dst: ipv6(0, 0, 0, 3),
  payload: '',
});

describe('link types', () => {
  const us = '52:54:00:00:00:01';
  const them = '52:54:00:00:00:02';

  test('Ethernet, with padding and VLAN tags', () => {
    const bytes = Uint8Array.from([...ethernetFrame(syn, them, us, [10, 20]), 0, 0, 0, 0, 0, 0]);
    expect(dissectFrame(frame(bytes, 1))).toMatchObject({
      kind: 'packet',
      checksum: 'right',
      link: { vlans: [10, 20] },
      packet: { ethSrc: them, ethDst: us, lengthBytes: 40, packetType: 'unicast', payload: '' },
    });
  });

  test.each([
    ['ff:ff:ff:ff:ff:ff', 'broadcast'],
    ['01:00:5e:00:00:01', 'multicast'],
  ])('frames to %s are %s', (to, packetType) => {
    expect(dissectFrame(frame(ethernetFrame(syn, them, to), 1))).toMatchObject({ packet: { packetType } });
  });

  test('Linux cooked frames tell the way and the interface', () => {
    const read = dissectFrame(frame(cookedFrame(syn6, 7, 4), 276));
    expect(read).toMatchObject({
      kind: 'packet',
      link: { cooked: 'outgoing', interfaceIndex: 7, loopback: false },
      packet: { family: 'ipv6', ethSrc: '52:54:00:00:00:09' },
    });
    const version1 = Uint8Array.from([
      0,
      0,
      0,
      1,
      0,
      6,
      2,
      0,
      0,
      0,
      0,
      9,
      0,
      0,
      8,
      0,
      ...packetBytes(syn).bytes,
    ]);
    expect(dissectFrame(frame(version1, 113))).toMatchObject({ link: { cooked: 'host' }, checksum: 'right' });
  });

  test('loopback, PPP, and what is no IP', () => {
    const ip = [...packetBytes(syn).bytes];
    expect(dissectFrame(frame(Uint8Array.from([2, 0, 0, 0, ...ip]), 0))).toMatchObject({
      link: { loopback: true },
    });
    expect(dissectFrame(frame(Uint8Array.from([0xff, 3, 0, 0x21, ...ip]), 9))).toMatchObject({
      kind: 'packet',
    });
    expect(dissectFrame(frame(Uint8Array.from([0xc0, 0x21, 1, 2]), 9))).toMatchObject({ kind: 'not-ip' });
    const arp = ethernetFrame(syn, them, us);
    arp.set([8, 6], 12);
    expect(dissectFrame(frame(arp, 1))).toEqual({ kind: 'not-ip', what: 'ARP' });
    expect(dissectFrame(frame(arp, 127))).toEqual({ kind: 'unknown-link-type', linkType: 127 });
  });
});

describe('checksums that a card was to fill in', () => {
  test('are partial: the pseudo header alone is summed', () => {
    const { bytes } = packetBytes(syn);
    // 0x0001 + 0x0002 + 6 + 20.
    bytes.set([0, 1 + 2 + 6 + 20], 36);
    expect(dissectFrame(frame(bytes, raw))).toMatchObject({ checksum: 'partial' });
    bytes.set([0, 1], 36);
    expect(dissectFrame(frame(bytes, raw))).toMatchObject({ checksum: 'wrong' });
  });

  test('a UDP checksum of zero says that there is none', () => {
    const udp = makePacket({ family: 'ipv4', protocol: 17, src: ipv4(1), dst: ipv4(2), payload: 'aa' });
    const { bytes } = packetBytes(udp);
    bytes.set([0, 0], 26);
    expect(dissectFrame(frame(bytes, raw))).toMatchObject({ checksum: 'right' });
  });
});

describe('inner structure', () => {
  test('ICMP errors quote the packet that they are about, as far as it goes', () => {
    const udp = makePacket({
      family: 'ipv4',
      protocol: 17,
      src: ipv4(7),
      dst: ipv4(8),
      sport: 5000,
      dport: 53,
      payload: 'aabbccdd',
    });
    const error = makePacket({
      family: 'ipv4',
      protocol: 1,
      src: ipv4(8),
      dst: ipv4(7),
      icmpType: 3,
      icmpCode: 3,
      icmpRest: 0,
      quote: udp,
      lengthBytes: 20 + 8 + 28,
    });
    expect(dissectFrame(frame(packetBytes(error).bytes, raw))).toMatchObject({
      packet: {
        icmpType: 3,
        icmpCode: 3,
        icmpRest: 0,
        quote: { protocol: 17, sport: 5000, dport: 53, lengthBytes: 32, payload: undefined },
      },
    });
  });

  test('fragments are known as bytes; the first one has its ports', () => {
    const piece = (fragmentOffsetBytes: number, moreFragments: boolean): Packet => ({
      ...makePacket({
        family: 'ipv4',
        protocol: 17,
        src: ipv4(1),
        dst: ipv4(2),
        identification: 9,
        lengthBytes: 36,
      }),
      fragmentOffsetBytes,
      moreFragments,
      layer4: '1388003500180000aabbccdd00112233',
    });
    expect(dissectFrame(frame(packetBytes(piece(0, true)).bytes, raw))).toMatchObject({
      packet: { sport: 5000, dport: 53, moreFragments: true, layer4: '1388003500180000aabbccdd00112233' },
    });
    expect(dissectFrame(frame(packetBytes(piece(16, false)).bytes, raw))).toMatchObject({
      packet: { sport: undefined, fragmentOffsetBytes: 16, layer4: '1388003500180000aabbccdd00112233' },
    });
  });

  test('IPv6 extension headers stand in front of layer 4', () => {
    const packet: Packet = {
      ...makePacket({
        family: 'ipv6',
        protocol: 17,
        src: ipv6(1, 0, 0, 0),
        dst: ipv6(2, 0, 0, 0),
        payload: '',
      }),
      flowLabel: 0,
      extensionHeaders: [
        { protocol: 0, body: '050200000100' },
        { protocol: 60, body: '010400000000' },
      ],
      lengthBytes: 40 + 16 + 8,
      seq: 0,
      window: 0,
    };
    const read = dissectFrame(frame(packetBytes(packet).bytes, raw));
    expect(read).toMatchObject({ kind: 'packet', checksum: 'right', packet });
  });

  test('ESP and AH have their SPI', () => {
    const esp = Uint8Array.from([
      ...packetBytes({ ...syn, protocol: 50, layer4: '00000abc00000001', lengthBytes: 28 }).bytes,
    ]);
    expect(dissectFrame(frame(esp, raw))).toMatchObject({
      packet: { spi: 0xabc, layer4: '00000abc00000001' },
    });
  });
});

describe('headers that make no sense', () => {
  test.each([
    ['longer than the frame', (b: Uint8Array) => b.set([0xff], 3), /shorter than its IP header says/],
    ['a header length of 8', (b: Uint8Array) => b.set([0x42], 0), /impossible length/],
    ['a TCP header of 4 bytes', (b: Uint8Array) => b.set([0x10], 32), /TCP header/],
  ])('%s', (_name, damage, why) => {
    const { bytes } = packetBytes(syn);
    damage(bytes);
    expect(dissectFrame(frame(bytes, raw))).toEqual({ kind: 'malformed', why: expect.stringMatching(why) });
  });
});

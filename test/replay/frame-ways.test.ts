import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makePacket, type PacketInit } from '../../src/expression/make-packet.ts';
import { defaultRegistry } from '../../src/index.ts';
import type { Packet } from '../../src/model/packet.ts';
import type { Address } from '../../src/net/address.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import { type ReplayOptions, replayCapture } from '../../src/replay/replay.ts';
import { printReplay } from '../../src/report/replay.ts';
import { printReplayJson } from '../../src/report/replay-json.ts';
import { createTheme } from '../../src/report/theme.ts';
import {
  cookedFrame,
  ethernetFrame,
  type FrameToWrite,
  writePcap,
  writePcapng,
} from '../support/capture-writer.ts';

const address = (text: string): Address => parseAddress('ipv4', text) as Address;

function udp(from: string, to: string, more: Partial<PacketInit> = {}): Packet {
  return makePacket({
    family: 'ipv4',
    protocol: 17,
    src: address(from),
    dst: address(to),
    sport: 5000,
    dport: 53,
    payload: 'aa',
    ...more,
  });
}

const rules = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0.10 -j DROP
COMMIT
`;
const us = '52:54:00:00:00:01';
const them = '52:54:00:00:00:02';
const addresses = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default
    link/ether ${us} brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default
    link/ether 52:54:00:00:00:03 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth1
`;
const routes = `default via 192.0.2.254 dev eth0
10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.1
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1
`;
const machine = [
  { name: 'gw.rules', text: rules },
  { name: 'gw.addr', text: addresses },
  { name: 'gw.routes', text: routes },
  { name: 'gw.sysctl', text: 'net.ipv4.ip_forward = 1\n' },
];

function replay(bytes: Uint8Array, options: Partial<ReplayOptions> = {}, texts = machine) {
  return replayCapture({ name: 'x.pcap', bytes }, texts, { registry: defaultRegistry(), ...options });
}

/** Verdicts with their counts, and reasons for what was passed over. */
function summary(bytes: Uint8Array, options: Partial<ReplayOptions> = {}, texts = machine) {
  const { replayed } = replay(bytes, options, texts);
  return [
    ...(replayed?.byVerdict ?? []).map((v) => `${v.packets} ${v.verdict}`),
    ...(replayed?.passedOver ?? []).map((p) => `${p.frames} ${p.reason}`),
  ];
}

const ethernet = (...frames: readonly Uint8Array[]): Uint8Array =>
  writePcap(
    frames.map((bytes) => ({ bytes })),
    { linkType: 1 },
  );

const inbound = udp('192.0.2.7', '192.0.2.1');
const outbound = udp('192.0.2.1', '192.0.2.7', { sport: 53, dport: 5000 });

describe('Ethernet addresses tell the way', () => {
  test('in, out, and for others', () => {
    const file = ethernet(
      ethernetFrame(inbound, them, us),
      ethernetFrame(outbound, us, them),
      ethernetFrame(udp('192.0.2.8', '192.0.2.9'), them, '52:54:00:00:00:99'),
    );
    expect(summary(file)).toEqual(['1 delivered', '1 sent', '1 other-host']);
  });

  test('a packet on its way out was walked on its way in', () => {
    const came = udp('10.0.0.5', '198.51.100.3', { identification: 77 });
    const left = { ...came, ttl: 63 };
    expect(
      summary(ethernet(ethernetFrame(came, them, '52:54:00:00:00:03'), ethernetFrame(left, us, them))),
    ).toEqual(['1 forwarded', '1 forwarded']);
  });

  test('of a connection that is recorded on one side only, nothing is claimed', () => {
    const left = udp('10.0.0.5', '198.51.100.3', { ttl: 63, identification: 77 });
    const answer = udp('198.51.100.3', '10.0.0.5', { sport: 53, dport: 5000 });
    expect(summary(ethernet(ethernetFrame(left, us, them), ethernetFrame(answer, them, us)))).toEqual([
      '2 half-recorded',
    ]);
  });

  test('tagged frames belong to the VLAN', () => {
    expect(summary(ethernet(ethernetFrame(inbound, them, us, [10])))).toEqual(['1 dropped']);
  });

  test('a wrong checksum counts for what arrives, unless it is to be ignored', () => {
    const frame = ethernetFrame(inbound, them, us);
    frame.set([0x12, 0x34], 14 + 26);
    expect(replay(ethernet(frame)).replayed?.wrongChecksums).toBe(1);
    expect(replay(ethernet(frame), { ignoreChecksums: true }).replayed?.wrongChecksums).toBe(0);
  });
});

describe('the capture itself tells the way', () => {
  test('pcapng names interfaces and directions', () => {
    const frames: readonly FrameToWrite[] = [
      { bytes: ethernetFrame(inbound, them, us), direction: 'in' },
      {
        bytes: ethernetFrame(udp('10.0.0.5', '10.0.0.1'), them, '52:54:00:00:00:03'),
        direction: 'in',
        interfaceIndex: 1,
      },
    ];
    const file = writePcapng(frames, [
      { linkType: 1, name: 'eth0' },
      { linkType: 1, name: 'eth1' },
    ]);
    expect(summary(file)).toEqual(['2 delivered']);
    expect(summary(file, { interfaceName: 'eth1' })).toEqual(['1 delivered', '1 other-interface']);
  });

  test('on lo each packet is walked once', () => {
    const own = udp('127.0.0.1', '127.0.0.1');
    const file = writePcap(
      [cookedFrame(own, 1, 4, 772), cookedFrame(own, 1, 0, 772)].map((bytes) => ({ bytes })),
      { linkType: 276 },
    );
    expect(summary(file)).toEqual(['1 delivered', '1 seen-twice']);
  });
});

describe('where nothing tells the way', () => {
  const alone = machine.slice(0, 1);
  const file = ethernet(ethernetFrame(inbound, them, us));

  test('it asks, and names the options', () => {
    const { refused, replayed } = replay(file, {}, alone);
    expect(replayed).toBeUndefined();
    expect(refused?.diagnostics).toMatchObject([
      { id: 'unknown-direction', hint: expect.stringMatching(/--mac MAC .*--direction in\|out.*ip -j addr/) },
    ]);
    expect(replay(file, { direction: 'in' }, alone).refused?.diagnostics).toMatchObject([
      { id: 'unknown-interface', hint: expect.stringContaining('--iface NAME') },
    ]);
  });

  test('the options answer', () => {
    const told = { interfaceName: 'eth0', assume: ['local=192.0.2.1'] };
    expect(summary(file, { ...told, macs: [us] }, alone)).toEqual(['1 delivered']);
    expect(summary(file, { ...told, direction: 'in' }, alone)).toEqual(['1 delivered']);
    // An address of the machine in a frame gives its Ethernet address away.
    expect(summary(file, told, alone)).toEqual(['1 delivered']);
  });

  test('an undecided packet is shown with its ends', () => {
    const result = replay(file, { interfaceName: 'eth0', macs: [us] }, alone);
    expect(result.replayed?.byVerdict).toMatchObject([{ verdict: 'undecided', packets: 1 }]);
    const text = printReplay(result, { theme: createTheme(false), columns: 80 });
    expect(text).toContain('UNDECIDED');
    expect(text.replace(/\s+/g, ' ')).toContain("if 192.0.2.1 is this machine's address");
  });
});

describe('damaged captures', () => {
  test('files in the wrong order are told apart', () => {
    const { refused } = replay(new TextEncoder().encode(rules), {}, [{ name: 'x.pcap', text: '\0' }]);
    expect(refused?.diagnostics).toMatchObject([
      { id: 'not-a-capture', hint: expect.stringMatching(/comes first/) },
    ]);
  });

  const whole = ethernet(ethernetFrame(inbound, them, us), ethernetFrame(outbound, us, them));

  test('are replayed as far as they go', () => {
    const result = replay(whole.subarray(0, whole.length - 3));
    expect(result.replayed?.byVerdict).toMatchObject([{ verdict: 'delivered', packets: 1 }]);
    const text = printReplay(result, { theme: createTheme(false), columns: 80 });
    expect(text).toMatch(/damaged: Record 2 has \d+ bytes/);
  });

  test('never stop the program, and leave no control character in the answer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        fc.boolean(),
        (damage, next) => {
          const frames = [
            { bytes: ethernetFrame(inbound, them, us) },
            { bytes: ethernetFrame(outbound, us, them) },
          ];
          const file = next
            ? writePcapng(frames, [{ linkType: 1, name: 'eth0\u001b[31m' }])
            : writePcap(frames, { linkType: 1 });
          for (const [at, byte] of damage) file[at % file.length] = byte;
          const result = replay(file, { other: machine });
          const text = printReplay(result, { theme: createTheme(false), columns: 80 });
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
          expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
          expect(JSON.parse(printReplayJson(result, '0'))).toMatchObject({ schemaVersion: 1 });
        },
      ),
      { numRuns: 200 },
    );
  });
});

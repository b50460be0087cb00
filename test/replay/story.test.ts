import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/commands/replay.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { makePacket, type PacketInit } from '../../src/expression/make-packet.ts';
import { type Packet, tcpFlag } from '../../src/model/packet.ts';
import type { Address } from '../../src/net/address.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import { cookedFrame, type FrameToWrite, writePcap } from '../support/capture-writer.ts';
import { readExamples } from '../support/examples.ts';
import { type FakeIo, fakeIo } from '../support/fake-io.ts';

const address = (text: string): Address => parseAddress('ipv4', text) as Address;
const { SYN, ACK, RST } = tcpFlag;

function tcp(
  from: string,
  to: string,
  ports: readonly [number, number],
  tcpFlags: number,
  more: Partial<PacketInit> = {},
): Packet {
  return makePacket({
    family: 'ipv4',
    protocol: 6,
    src: address(from),
    dst: address(to),
    sport: ports[0],
    dport: ports[1],
    tcpFlags,
    seq: 1000,
    ack: tcpFlags & ACK ? 5001 : 0,
    payload: '',
    ...more,
  });
}

const example = readExamples().find((e) => e.name === 'home-router-port-forwards');
const rules = example?.dump ?? '';
const addresses = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default
    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 192.168.178.1/24 brd 192.168.178.255 scope global eth0
3: ppp0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1492 qdisc fq state UNKNOWN group default
    link/ppp
    inet 203.0.113.45/32 scope global ppp0
`;
const routes = `default dev ppp0 scope link
192.168.178.0/24 dev eth0 proto kernel scope link src 192.168.178.1
`;
const sysctls = 'net.ipv4.ip_forward = 1\n';

const stranger = '198.51.100.9';
const router = '203.0.113.45';
const nas = '192.168.178.10';
const start = Date.UTC(2026, 10, 17, 9, 41, 27);

/** The conversation as `tcpdump -i any` sees it: each forwarded packet twice. */
const conversation: readonly FrameToWrite[] = [
  // A visitor opens the forwarded port, the NAS answers.
  cookedFrame(tcp(stranger, router, [40000, 443], SYN), 3, 0, 512),
  cookedFrame(tcp(stranger, nas, [40000, 443], SYN, { ttl: 63 }), 2, 4),
  cookedFrame(tcp(nas, stranger, [443, 40000], SYN | ACK, { seq: 5000, ack: 1001 }), 2, 0),
  cookedFrame(tcp(router, stranger, [443, 40000], SYN | ACK, { seq: 5000, ack: 1001, ttl: 63 }), 3, 4, 512),
  cookedFrame(tcp(stranger, router, [40000, 443], ACK, { seq: 1001 }), 3, 0, 512),
  // Two attempts that no rule lets pass.
  cookedFrame(tcp(stranger, router, [40001, 2222], SYN), 3, 0, 512),
  cookedFrame(tcp(stranger, router, [40002, 22], SYN), 3, 0, 512),
  // A question of the router itself, and somebody else's frame.
  cookedFrame(tcp(router, '192.0.2.80', [50000, 80], SYN), 3, 4, 512),
  cookedFrame(tcp('192.0.2.80', router, [80, 50000], RST | ACK, { seq: 0, ack: 1001 }), 3, 0, 512),
  cookedFrame(tcp('192.168.178.30', nas, [1, 2], SYN), 2, 3),
].map((bytes, n) => ({ bytes, timeMs: start + n * 250 }));

const files = {
  'any.pcap': writePcap(conversation, { linkType: 276 }),
  'gw.rules': rules,
  'other.rules': rules.replace(
    '-A INPUT -i lo -j ACCEPT\n',
    '-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n',
  ),
  'gw.addr': addresses,
  'gw.routes': routes,
  'gw.sysctl': sysctls,
};
const withAll = ['gw.addr', 'gw.routes', 'gw.sysctl'];

async function replay(
  operands: readonly string[],
  options = {},
  more: Readonly<Record<string, string | Uint8Array>> = {},
) {
  const io: FakeIo = fakeIo({ ...files, ...more });
  const code = await run({ operands, options: { with: withAll, ...options }, expression: [] }, io);
  return { code, ...io.said };
}

describe('a small conversation through a home router', () => {
  test('is told packet by packet', async () => {
    const { code, out, err } = await replay(['any.pcap', 'gw.rules']);
    expect(err).toBe('');
    expect(code).toBe(exitCodes.ok);
    expect(out).toMatchInlineSnapshot(`
      "capture   any.pcap, 10 frames, 2026-11-17 09:41:27.000000 UTC and 2.250 seconds
                on
      rules     gw.rules, IPv4, iptables 1.8.9 (nf_tables)
      walked    7 packets, 280 bytes, 5 flows
      passed by 2 frames on the way out after forwarding: walked on the way in (from
                frame 2 on)
                1 frame for other machines

        packets         bytes   flows  verdict
              1            40       1  DELIVERED
              3           120       2  FORWARDED
              1            40       1  SENT
              2            80       2  DROPPED

        packets         bytes   flows  decided by
              2            80       2  FORWARDED by rule 2 of filter FORWARD (line 26)
            -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
              1            40       1  FORWARDED by rule 4 of filter FORWARD (line 28)
            -A FORWARD -d 192.168.178.10/32 -i ppp0 -o eth0 -p tcp -m tcp --dport 443
              -j ACCEPT
              1            40       1  DROPPED by the policy of filter FORWARD (line
                                         14)
            :FORWARD DROP
              1            40       1  DROPPED by the policy of filter INPUT (line 13)
            :INPUT DROP
              1            40       1  SENT by the policy of filter OUTPUT (line 15)
            :OUTPUT ACCEPT
              1            40       1  DELIVERED by rule 3 of filter INPUT (line 18)
            -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT

      Dropped or rejected:
        09:41:28.250000 #6 TCP SYN 198.51.100.9:40001 -> 203.0.113.45:2222 in by ppp0
            DROPPED by the policy of filter FORWARD (line 14)
        09:41:28.500000 #7 TCP SYN 198.51.100.9:40002 -> 203.0.113.45:22 in by ppp0
            DROPPED by the policy of filter INPUT (line 13)
      "
    `);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('fares differently under other rules', async () => {
    const { code, out } = await replay(['any.pcap', 'gw.rules'], { diff: 'other.rules', limit: '0' });
    expect(code).toBe(exitCodes.findings);
    expect(out.slice(out.indexOf('With other.rules'))).toMatchInlineSnapshot(`
      "With other.rules, 1 of 7 packets fares differently:

        1 packet, 40 bytes, 1 flow
          here   DROPPED by the policy of filter INPUT (line 13)
          there  DELIVERED to this machine itself by rule 2 of filter INPUT (line 17)
          09:41:28.500000 #7 TCP SYN 198.51.100.9:40002 -> 203.0.113.45:22 in by ppp0
          fwsim trace gw.rules --with gw.addr --with gw.routes --with gw.sysctl -- -i ppp0 -p tcp -s 198.51.100.9 -d 203.0.113.45 --sport 40002 --dport 22
          fwsim trace other.rules --with gw.addr --with gw.routes --with gw.sysctl -- -i ppp0 -p tcp -s 198.51.100.9 -d 203.0.113.45 --sport 40002 --dport 22
      "
    `);
  });

  test('fares alike under the same rules', async () => {
    const { code, out } = await replay(['any.pcap', 'gw.rules'], { diff: 'gw.rules' });
    expect(code).toBe(exitCodes.ok);
    expect(out).toContain('No difference: all packets fare alike');
  });

  test('is told as JSON, the same bytes each time', async () => {
    const once = await replay(['any.pcap', 'gw.rules'], { json: true, diff: 'other.rules' });
    const again = await replay(['any.pcap', 'gw.rules'], { json: true, diff: 'other.rules' });
    expect(again.out).toBe(once.out);
    const told = JSON.parse(once.out);
    expect(told).toMatchObject({
      schemaVersion: 1,
      capture: { file: 'any.pcap', frameCount: 10, problemCount: 0 },
      walked: { packets: 7 },
      stoppedCount: 2,
      comparison: { differingPackets: 1, differences: [{ exact: true, commandsOf: 7 }] },
    });
  });
});

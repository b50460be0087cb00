import { describe, expect, test } from 'vitest';
import { type KernelPacket, kernelTakesPackets, sendPackets } from '../support/kernel-packets.ts';

const gateway = {
  addresses: ['203.0.113.1/24 dev eth0', '192.168.1.1/24 dev eth1'],
  routes: ['default via 203.0.113.254 dev eth0'],
  sysctls: { 'net.ipv4.ip_forward': '1' },
};

const outside = { inInterface: 'eth0', protocol: 6, source: '198.51.100.9', destination: '203.0.113.1' };

function fatesOf(ruleset: string, packets: readonly KernelPacket[]) {
  return sendPackets([{ ruleset, machine: gateway, packets }])[0];
}

function describePackets(): void {
  test('a packet to the machine takes INPUT, one through it FORWARD', () => {
    const ruleset = '*filter\n:FORWARD DROP [0:0]\n-A INPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n';
    const fates = fatesOf(ruleset, [
      { ...outside, dport: 80 },
      { ...outside, dport: 81 },
      { ...outside, destination: '192.168.1.20', dport: 80 },
    ]);
    expect(fates).toMatchObject([
      { fate: 'accept-local', by: 'filter/INPUT#1' },
      { fate: 'accept-local', by: 'filter/INPUT policy' },
      { fate: 'drop', by: 'filter/FORWARD policy' },
    ]);
  });

  test('a translated packet leaves by the other interface for its new destination', () => {
    const ruleset = `*nat
-A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.20:80
COMMIT
*filter
-A INPUT -p tcp --dport 8080 -j DROP
COMMIT
`;
    expect(fatesOf(ruleset, [{ ...outside, dport: 8080 }])).toEqual([
      {
        fate: 'forward',
        by: 'filter/FORWARD policy',
        outInterfaces: ['eth1'],
        emittedTo: '192.168.1.20:80',
      },
    ]);
  });

  test('a local packet that is rejected is not taken for its answer', () => {
    const ruleset = '*filter\n-A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -p tcp -j REJECT\nCOMMIT\n';
    const packet = { local: true, protocol: 6, source: '203.0.113.1', destination: '192.0.2.1', dport: 6667 };
    const udp = { ...packet, protocol: 17 };
    expect(fatesOf(ruleset, [packet, udp])).toMatchObject([
      { fate: 'reject', by: 'filter/OUTPUT#2', outInterfaces: [] },
      { fate: 'sent', by: 'filter/OUTPUT policy', outInterfaces: ['eth0'], emittedTo: '192.0.2.1:6667' },
    ]);
  });

  test('chains, returns and the owner of a local packet', () => {
    const ruleset = `*filter
:www - [0:0]
-A OUTPUT -m owner --uid-owner 33 -j www
-A OUTPUT -j DROP
-A www -p tcp --dport 443 -j ACCEPT
-A www -d 192.0.2.2 -j RETURN
-A www -j REJECT
COMMIT
`;
    const packet = { local: true, protocol: 6, source: '203.0.113.1', destination: '192.0.2.1', uid: 33 };
    const fates = fatesOf(ruleset, [
      { ...packet, dport: 443 },
      { ...packet, dport: 25 },
      { ...packet, dport: 25, destination: '192.0.2.2' },
      { ...packet, dport: 443, uid: 0 },
    ]);
    expect(fates?.map(({ fate, by }) => `${fate} by ${by}`)).toEqual([
      'sent by filter/www#1',
      'reject by filter/www#3',
      'drop by filter/OUTPUT#2',
      'drop by filter/OUTPUT#2',
    ]);
  });

  test('the last of many packets meets a limit that is used up', () => {
    const ruleset =
      '*filter\n-A INPUT -m limit --limit 1/min --limit-burst 5 -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n';
    const fates = fatesOf(ruleset, [
      { ...outside, dport: 80, repeat: 5 },
      { ...outside, dport: 80, repeat: 6 },
    ]);
    expect(fates).toMatchObject([{ by: 'filter/INPUT#1' }, { by: 'filter/INPUT#2' }]);
  });

  test('a ruleset that does not load is an error', () => {
    expect(() => fatesOf('*filter\n-A INPUT -j nowhere\nCOMMIT\n', [{ ...outside, dport: 80 }])).toThrow(
      'iptables-nft-restore',
    );
  });
}

const availability = kernelTakesPackets();
if (availability.ok) describe('packets on the kernel', describePackets);
else test.skip(`packets on the kernel (${availability.reason})`, () => undefined);

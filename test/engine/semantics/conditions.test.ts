/**
 * Goal: behaviours that depend on the machine's settings, or that no recording in the repository shows by name.
 * Method: a small machine and one or two packets for each.
 */
import { describe, expect } from 'vitest';
import {
  endsOf,
  filter,
  gateway,
  generatedBy,
  linked,
  machine,
  packetOf,
  recorded,
  shown,
  table,
} from './scenario.ts';

const nat = (...rules: readonly string[]): string =>
  table('nat', 'PREROUTING INPUT OUTPUT POSTROUTING', ...rules);
const raw = (...rules: readonly string[]): string => table('raw', 'PREROUTING OUTPUT', ...rules);
const mangle = (...rules: readonly string[]): string =>
  table('mangle', 'PREROUTING INPUT FORWARD OUTPUT POSTROUTING', ...rules);
const outside = { src: '198.51.100.7', dst: '203.0.113.1' };

describe('2 NAT', () => {
  shown('2.17', 'protocols without ports: a second inside host to the same outside host is lost', () => {
    const m = machine(gateway, nat('-A POSTROUTING -o eth0 -j MASQUERADE'));
    const esp = (src: string, dst: string) => m.arrives('eth1', { src, dst, protocol: 50, spi: 1 }).fate;
    expect(esp('192.168.1.7', '198.51.100.7')).toBe('forward eth0');
    expect(esp('192.168.1.8', '198.51.100.7')).toBe('lost');
    expect(esp('192.168.1.8', '198.51.100.8')).toBe('forward eth0');
  });
});

describe('6 matches', () => {
  shown('6.4', 'multiport: either side, and a negated list as a whole', () => {
    const m = machine(
      gateway,
      filter('-A INPUT -p tcp -m multiport --ports 22,80', '-A INPUT -p tcp -m multiport ! --dports 22,80'),
    );
    const rules = (sport: number, dport: number) => m.arrives('eth0', { ...outside, sport, dport }).rules;
    expect(rules(40000, 80)).toEqual(['filter/INPUT#1']);
    expect(rules(22, 9)).toEqual(['filter/INPUT#1', 'filter/INPUT#2']);
    expect(rules(1, 2)).toEqual(['filter/INPUT#2']);
  });
});

describe('6 matches that look beyond the packet', () => {
  shown('6.24', 'comment takes all; without IPsec --pol none takes all; socket takes what has one', () => {
    const fate = (match: string) =>
      machine(gateway, filter(`-A INPUT ${match} -j DROP`), {
        tape: { socket: 'none', ipsec: 'no' },
      }).arrives('eth0', outside).fate;
    expect(fate('-m comment --comment all')).toBe('drop filter/INPUT#1');
    expect(fate('-m policy --dir in --pol none')).toBe('drop filter/INPUT#1');
    expect(fate('-m policy --dir in --pol ipsec')).toBe('local eth0');
    expect(fate('-m socket')).toBe('local eth0');
  });
});

describe('8 iptables-nft and iptables-legacy', () => {
  shown('8.1', 'INPUT: nat before security with nft, behind it with legacy', () => {
    const order = (backend: 'nft' | 'legacy'): readonly string[] => {
      const security = table('security', 'INPUT FORWARD OUTPUT', '-A INPUT -j DROP');
      const rules = `${nat('-A INPUT -j SNAT --to-source 192.0.2.1')}\n${security}`;
      return machine(gateway, rules, { backend }).arrives('eth0', outside).rules;
    };
    expect(order('nft')).toEqual(['nat/INPUT#1', 'security/INPUT#1']);
    expect(order('legacy')).toEqual(['security/INPUT#1']);
  });
  shown('8.2', 'a table that the dump lacks accepts everything', () => {
    expect(machine(gateway, raw()).arrives('eth0', outside).fate).toBe('local eth0');
  });
});

describe('8 what the two back ends read and print', () => {
  shown('8.3', '! -i + matches nothing with nft, and everything with legacy, which leaves it out', () => {
    const rules = filter('-A INPUT ! -i + -j DROP');
    const fate = (backend: 'nft' | 'legacy') =>
      machine(gateway, rules, { backend }).arrives('eth0', outside).fate;
    expect(fate('nft')).toBe('local eth0');
    expect(fate('legacy')).toBe('drop filter/INPUT#1');
  });
  shown('8.4', '! -s 0.0.0.0/0 is refused by nft alone, a daily limit with a burst by legacy alone', () => {
    const refused = (rule: string, backend: 'nft' | 'legacy') =>
      linked(filter(rule), backend).diagnostics.length > 0;
    const everybody = '-A INPUT ! -s 0.0.0.0/0 -j DROP';
    expect([refused(everybody, 'nft'), refused(everybody, 'legacy')]).toEqual([true, false]);
    const daily = '-A INPUT -m limit --limit 1/day --limit-burst 2 -j ACCEPT';
    expect([refused(daily, 'nft'), refused(daily, 'legacy')]).toEqual([false, true]);
  });
});

describe('9 conditions and exceptions', () => {
  shown('9.1', "rp_filter 2 or a custom rule: a subnet's broadcast address as source is dropped", () => {
    const packet = { src: '192.168.1.255', dst: '203.0.113.1' };
    expect(machine(gateway, filter()).arrives('eth1', packet).fate).toBe('local eth1');
    const loose = `${gateway}net.ipv4.conf.all.rp_filter = 2\n`;
    expect(machine(loose, filter()).arrives('eth1', packet).fate).toBe(
      'route-drop PREROUTING martian-source',
    );
    const custom = `${gateway}0: from all lookup local\n100: from all fwmark 0x9 lookup 100\n32766: from all lookup main\n32767: from all lookup default\n`;
    expect(machine(custom, filter()).arrives('eth1', packet).fate).toBe(
      'route-drop PREROUTING martian-source',
    );
  });
  shown('9.2', 'accept_local lets own addresses in as sources, route_localnet 127/8', () => {
    const own = { src: '192.168.1.1', dst: '203.0.113.1' };
    expect(machine(gateway, filter()).arrives('eth0', own).fate).toBe('route-drop PREROUTING local-source');
    expect(
      machine(`${gateway}net.ipv4.conf.all.accept_local = 1\n`, filter()).arrives('eth0', own).fate,
    ).toBe('local eth0');
    const loopback = { src: '198.51.100.7', dst: '127.0.0.1' };
    expect(machine(gateway, filter()).arrives('eth0', loopback).fate).toBe('route-drop PREROUTING local-net');
    const localnet = machine(`${gateway}net.ipv4.conf.all.route_localnet = 1\n`, filter());
    expect(localnet.arrives('eth0', loopback).fate).toBe('local eth0');
    expect(localnet.arrives('eth0', { src: '0.0.0.0', dst: '0.0.0.0' }).fate).toBe('local eth0');
    // 127.0.0.1 is an address of the machine's own; 127.0.0.2 is none. The same where no routes are known.
    for (const known of [gateway, '']) {
      const sysctl = 'net.ipv4.conf.all.route_localnet = 1\n';
      const from = (src: string, more = ''): string | undefined =>
        machine(known + sysctl + more, filter()).arrives(
          'eth0',
          { src, dst: '203.0.113.1' },
          { destination: 'local' },
        ).fate;
      expect(from('127.0.0.1')).toBe('route-drop PREROUTING local-source');
      expect(from('127.0.0.2')).toBe('local eth0');
      expect(from('127.0.0.1', 'net.ipv4.conf.all.accept_local = 1\n')).toBe('local eth0');
      // To everybody, 127.0.0.0/8 is not looked at, only whether the source is an address of the machine's own.
      const toAll = (src: string): string | undefined =>
        machine(known, filter()).arrives('eth0', { src, dst: '255.255.255.255' }).fate;
      expect(toAll('127.0.0.1')).toBe('route-drop PREROUTING local-source');
      expect(toAll('127.0.0.2')).toBe('local eth0');
    }
  });
  shown('9.3', 'bc_forwarding forwards directed broadcasts; forwarding can be off for one interface', () => {
    const packet = { src: '198.51.100.7', dst: '192.168.1.255', protocol: 17 };
    expect(machine(gateway, filter()).arrives('eth0', packet).fate).toBe('local eth0');
    const sysctls = 'net.ipv4.conf.all.bc_forwarding = 1\nnet.ipv4.conf.eth0.bc_forwarding = 1\n';
    expect(machine(gateway + sysctls, filter()).arrives('eth0', packet).fate).not.toBe('local eth0');
    const off = machine(`${gateway}net.ipv4.conf.eth0.forwarding = 0\n`, filter());
    expect(off.arrives('eth0', { src: '198.51.100.7', dst: '192.168.1.7' }).fate).toBe(
      'route-drop PREROUTING not-forwarding',
    );
    expect(off.arrives('eth1', { src: '192.168.1.7', dst: '198.51.100.7' }).fate).toBe('forward eth0');
  });
  shown('9.4', 'local is what the local lookup says', () => {
    const m = machine(
      `${gateway}local 198.18.0.0/24 dev lo table local proto static scope host\nlocal 203.0.113.1 dev eth0 table local proto kernel scope host src 203.0.113.1\n`,
      filter(),
    );
    expect(m.arrives('eth0', { src: '198.51.100.7', dst: '198.18.0.9' }).fate).toBe('local eth0');
  });
  shown('9.5', 'whether conntrack runs is context: a socket match alone switches reassembly on', () => {
    const piece = {
      ...outside,
      protocol: 17,
      moreFragments: true,
      lengthBytes: 28,
      layer4: '9c40005000100000',
    };
    expect(machine(gateway, filter()).arrives('eth0', piece).hooks).toEqual(['PREROUTING eth0 -']);
    const socket = machine(gateway, mangle('-A PREROUTING -m socket -j MARK --set-xmark 0x1/0xffffffff'));
    expect(socket.arrives('eth0', piece).hooks).toEqual([]);
  });
  shown('9.6', 'behind CT --zone a later rule of raw sees NEW', () => {
    const m = machine(
      gateway,
      raw(
        '-A PREROUTING -m conntrack --ctstate NEW',
        '-A PREROUTING -j CT --zone 7',
        '-A PREROUTING -m conntrack --ctstate NEW',
      ),
    );
    expect(m.arrives('eth0', outside).rules).toEqual(['raw/PREROUTING#2', 'raw/PREROUTING#3']);
  });
  recorded('9.7', 'a SYN that opens a connection again', 'n-tcp-close');
  shown('9.8', "MASQUERADE on an interface without an address takes another's", () => {
    const tunnel = '7: tun0: <UP,LOWER_UP> mtu 1500\n    link/none\n';
    const m = machine(
      `${gateway.replace('default via', `${tunnel}198.18.0.0/16 dev tun0 scope link\ndefault via`)}`,
      nat('-A POSTROUTING -o tun0 -j MASQUERADE'),
    );
    expect(endsOf(m.arrives('eth1', { src: '192.168.1.7', dst: '198.18.0.1' }).left)).toBe(
      '203.0.113.1:40000 > 198.18.0.1:80',
    );
  });
  shown('9.9', "an untracked SYN's answer is INVALID, an untracked datagram's is NEW", () => {
    const rules = `${raw('-A PREROUTING -j CT --notrack')}\n${filter('-A OUTPUT -m conntrack --ctstate INVALID', '-A OUTPUT -m conntrack --ctstate NEW')}`;
    const answer = { src: '203.0.113.1', dst: '198.51.100.7', sport: 80, dport: 40000 };
    const m = machine(gateway, rules);
    m.arrives('eth0', outside);
    expect(m.sends({ ...answer, tcpFlags: 18 }).rules).toEqual(['filter/OUTPUT#1']);
    m.arrives('eth0', { ...outside, protocol: 17 });
    expect(m.sends({ ...answer, protocol: 17 }).rules).toEqual(['filter/OUTPUT#2']);
  });
  shown('9.10', 'a wrong checksum is INVALID in PREROUTING, unless nf_conntrack_checksum is off', () => {
    const rules = filter('-A INPUT -m conntrack --ctstate INVALID -j DROP');
    const wrong = { ...outside, badChecksum: true };
    expect(machine(gateway, rules).arrives('eth0', wrong).fate).toBe('drop filter/INPUT#1');
    const off = machine(`${gateway}net.netfilter.nf_conntrack_checksum = 0\n`, rules);
    expect(off.arrives('eth0', wrong).fate).toBe('local eth0');
  });
  shown('9.11', "ICMP errors carry 0xc0 and the packet's TOS; a REJECT comes from its destination", () => {
    const m = machine(gateway, filter('-A INPUT -j REJECT --reject-with icmp-port-unreachable'));
    const [error] = generatedBy(m.arrives('eth0', { ...outside, dst: '192.168.1.1', tos: 0x10 }).trace);
    expect([error?.[1].left?.tos, endsOf(error?.[1].left)]).toEqual([0xd0, '192.168.1.1 > 198.51.100.7']);
  });
  shown('9.12', 'a mark from raw OUTPUT counts once something else triggers the re-route', () => {
    const context = `${gateway}0: from all lookup local\n100: from all fwmark 0x1 lookup 100\n32766: from all lookup main\n32767: from all lookup default\ndefault via 192.168.1.254 dev eth1 table 100\n`;
    const mark = raw('-A OUTPUT -j MARK --set-xmark 0x1/0xffffffff');
    const packet = { src: '203.0.113.1', dst: '198.51.100.7' };
    expect(machine(context, mark).sends(packet).fate).toBe('sent eth0');
    const both = `${mark}\n${mangle('-A OUTPUT -j TOS --set-tos 0x10/0xff')}`;
    expect(machine(context, both).sends(packet).fate).toBe('sent eth1');
  });
  shown('9.13', 'a drop in OUTPUT gives a raw or UDP sender EPERM', () => {
    const m = machine(gateway, filter('-A OUTPUT -j DROP'));
    expect(m.sends({ src: '203.0.113.1', dst: '198.51.100.7', protocol: 17 }).trace.errno).toBe('EPERM');
  });
  shown('9.14', 'a DROP policy in nat drops first packets', () => {
    const rules = `${nat('-A POSTROUTING -o eth9 -j MASQUERADE').replace(':PREROUTING ACCEPT', ':PREROUTING DROP')}\n${filter()}`;
    expect(machine(gateway, rules).arrives('eth0', outside).fate).toBe('drop nat/PREROUTING');
  });
  shown('9.15', 'the RST of a reject in FORWARD leaves through OUTPUT with a foreign source', () => {
    const m = machine(
      gateway,
      filter('-A FORWARD -p tcp -j REJECT --reject-with tcp-reset', '-A OUTPUT ! -s 203.0.113.1/32 -j DROP'),
    );
    const [reset] = generatedBy(m.arrives('eth0', { src: '198.51.100.7', dst: '192.168.1.7' }).trace);
    expect([reset?.[1].fate, endsOf(reset?.[1].trace.packet)]).toEqual([
      'drop filter/OUTPUT#1',
      '192.168.1.7:80 > 198.51.100.7:40000',
    ]);
  });
  shown('9.17', 'native nft tables beside the rules are known by name', () => {
    const m = machine(`${gateway}table inet fw\n`, filter());
    expect(m.machine.nativeTables?.value).toEqual(['inet fw']);
    expect(packetOf(outside).family).toBe('ipv4');
  });
});

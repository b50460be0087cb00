import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClaimedContext, claimContext } from '../../src/context/claim.ts';
import { localRoutes } from '../../src/context/derive-routes.ts';
import type { ReadRoute } from '../../src/context/facts.ts';
import { tableNumber } from '../../src/context/read-routes.ts';
import { sysctlName } from '../../src/context/read-sysctls.ts';
import { ctStatusBit } from '../../src/model/connection.ts';
import { addressText, networkText } from '../../src/net/address-text.ts';
import { describeWithShared } from '../support/shared.ts';

/** Outputs of one machine, recorded with iproute2 6.1 and ipset 7.17, each below a line `##### COMMAND`. */
function sections(name: string): Map<string, string> {
  const text = readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
  const parts = text.split(/^##### (.*)\n/m).slice(1);
  return new Map(parts.flatMap((p, i) => (i % 2 === 0 ? [[p, parts[i + 1] ?? ''] as const] : [])));
}

const machine = sections('machine.txt');
const ipset = sections('ipset.txt');

function claim(text: string): ClaimedContext {
  return claimContext([{ text, offset: 0 }]);
}

/** The facts of one section, which must be claimed whole. */
function factsOf(from: Map<string, string>, command: string): ClaimedContext['facts'] {
  const { facts, unclaimed, diagnostics } = claim(`# ${command}\n${from.get(command) ?? ''}`);
  expect(unclaimed).toEqual([]);
  expect(diagnostics.filter((d) => d.severity !== 'info')).toEqual([]);
  return facts;
}

function routesOf(command: string): readonly ReadRoute[] {
  return factsOf(machine, command).routes?.value ?? [];
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describe('interfaces', () => {
  test('JSON', () => {
    const interfaces = factsOf(machine, 'ip -j addr').interfaces?.value ?? [];
    const eth0 = interfaces.find((i) => i.name === 'eth0');
    expect(eth0).toMatchObject({ up: true, linkType: 'ether', mtuBytes: 1500, addressesKnown: true });
    expect(eth0?.addresses.slice(0, 3).map((a) => `${addressText(a.address)}/${a.prefixLength}`)).toEqual([
      '203.0.113.1/24',
      '203.0.113.2/24',
      '2001:db8:1::1/64',
    ]);
    expect(eth0?.addresses.map((a) => a.secondary)).toEqual([false, true, false, false]);
    const tun = interfaces.find((i) => i.name === 'tun0');
    expect(tun).toMatchObject({ linkType: 'none', mac: undefined });
    expect(tun?.addresses[0]?.peer && addressText(tun.addresses[0].peer)).toBe('10.8.0.2');
    expect(interfaces.find((i) => i.name === 'eth0p')).toMatchObject({ master: 'br0' });
    expect(interfaces.find((i) => i.name === 'eth1')).toMatchObject({ group: 5 });
    expect(interfaces.find((i) => i.name === 'lo')).toMatchObject({ linkType: 'loopback' });
  });
  test('plain text says the same as JSON', () => {
    expect(factsOf(machine, 'ip addr').interfaces?.value).toEqual(
      factsOf(machine, 'ip -j addr').interfaces?.value,
    );
    expect(factsOf(machine, 'ip link').interfaces?.value).toEqual(
      factsOf(machine, 'ip -j link').interfaces?.value,
    );
  });
  test.each(['ip -br addr', 'ip -o addr', 'ifconfig -a'])('%s has the same addresses', (command) => {
    const list = (c: string): string[] =>
      (factsOf(machine, c).interfaces?.value ?? [])
        .flatMap((i) => i.addresses.map((a) => `${i.name} ${addressText(a.address)}/${a.prefixLength}`))
        .sort();
    expect(list(command)).toEqual(list('ip -j addr'));
  });
  test('several outputs of one machine add up', () => {
    const both = claim(`${machine.get('ip -j link')}${machine.get('ip -br addr')}`).facts.interfaces;
    expect(both?.source).toBe('ip -j link, ip -br addr');
    const eth0 = both?.value.find((i) => i.name === 'eth0');
    expect(eth0?.mac).toMatch(/^[0-9a-f:]{17}$/);
    expect(eth0?.addresses).toHaveLength(4);
  });
  test('pretty-printed JSON', () => {
    expect(factsOf(machine, 'ip -j -p addr show dev eth0').interfaces?.value).toHaveLength(1);
  });
  test('ip -j prints empty objects where it left something out', () => {
    expect(claim('[{},{}]\n[ ]\n[]\n')).toMatchObject({ unclaimed: [], diagnostics: [] });
  });
});

describe('routes', () => {
  test('plain text says the same as JSON', () => {
    expect([...routesOf('ip route show table all')].sort(byText)).toEqual(
      [...routesOf('ip -j route show table all')].sort(byText),
    );
    expect(routesOf('ip route')).toEqual(routesOf('ip -j route'));
    expect(routesOf('ip -d route')).toEqual(routesOf('ip -j route'));
    expect(routesOf('ip -N route show table all')).toEqual(routesOf('ip route show table all'));
    expect(routesOf('ip -6 route show table all')).toEqual(routesOf('ip -j -6 route show table all'));
  });
  test('all kinds', () => {
    const routes = routesOf('ip -j route show table all');
    const find = (net: string, table = 254): ReadRoute | undefined =>
      routes.find((r) => networkText(r.destination) === net && r.table === table);
    expect(find('0.0.0.0/0')).toMatchObject({ metric: 100, nextHops: [{ device: 'eth0', weight: 1 }] });
    expect(find('0.0.0.0/0', 100)).toMatchObject({ scope: 'link', linkDown: true, down: false });
    expect(find('10.99.0.0/16')?.nextHops.map((h) => h.weight)).toEqual([1, 3]);
    expect(find('10.98.0.0/16')).toMatchObject({ mtuBytes: 1400, metric: 5 });
    expect(find('10.92.0.0/16')).toMatchObject({ tos: 16 });
    expect(find('10.90.0.0/16')).toMatchObject({ realm: 5 });
    expect(find('10.96.0.0/16')).toMatchObject({ type: 'blackhole', nextHops: [] });
    expect(find('10.93.0.0/16', 100)).toMatchObject({ type: 'throw' });
    const via = find('10.91.0.0/16')?.nextHops[0]?.via;
    expect(via && addressText(via)).toBe('2001:db8:1::9');
    expect(find('2001:db8:8::/48')).toMatchObject({ type: 'unreachable', nextHops: [], metric: 1024 });
    expect(find('::/0', 200)?.source).toBeDefined();
    expect(find('::/0')?.family).toBe('ipv6');
    expect(find('198.18.0.0/24', 255)).toMatchObject({ type: 'local', scope: 'host' });
  });
  test('dead hops are left out; a route of dead hops only is down', () => {
    const { facts } = claim(
      '10.1.0.0/16 \n\tnexthop via 192.0.2.1 dev eth0 weight 1 dead linkdown \n\tnexthop via 192.0.2.2 dev eth1 weight 2 \n' +
        '10.2.0.0/16 dev eth0 scope link dead linkdown \n',
    );
    expect(facts.routes?.value.map((r) => [r.nextHops.length, r.down])).toEqual([
      [1, false],
      [1, true],
    ]);
  });
  test('neighbours are no routes', () => {
    const { facts, unclaimed } = claim(
      '192.0.2.1 dev eth0 lladdr aa:bb:cc:dd:ee:ff REACHABLE \n192.0.2.2 dev eth0 FAILED \n[{"dst":"192.0.2.1","dev":"eth0","lladdr":"aa:bb:cc:dd:ee:ff","state":["STALE"]}]\n',
    );
    expect(facts.routes).toBeUndefined();
    expect(unclaimed).toHaveLength(1);
  });
  test('tables by name keep their name', () => {
    const { facts } = claim(
      'default via 192.0.2.1 dev eth0 table vpn \n10:\tfrom all fwmark 0x1 lookup vpn\n',
    );
    expect(facts.routes?.value[0]?.table).toBe(tableNumber('vpn'));
    expect(facts.policyRules?.value[0]?.target).toBe(tableNumber('vpn'));
    expect(facts.routeTableNames[tableNumber('vpn')]).toBe('vpn');
    expect(tableNumber('4294967295')).toBe(0xffffffff);
  });
});

describe('policy rules', () => {
  test('plain text says the same as JSON', () => {
    for (const [plain, json] of [
      ['ip rule', 'ip -j rule'],
      ['ip -6 rule', 'ip -j -6 rule'],
      ['ip -j -N rule', 'ip -j rule'],
    ] as const)
      expect(factsOf(machine, plain).policyRules?.value).toEqual(factsOf(machine, json).policyRules?.value);
  });
  test('all kinds', () => {
    const rules = factsOf(machine, 'ip -j rule').policyRules?.value ?? [];
    const at = (priority: number): unknown => rules.find((r) => r.priority === priority);
    expect(at(0)).toMatchObject({ family: 'ipv4', action: 'lookup', target: 255, markMask: 0 });
    expect(at(100)).toMatchObject({ mark: 1, markMask: 255, target: 100 });
    expect(at(101)).toMatchObject({ inInterface: 'eth1', outInterface: 'eth0', tos: 16 });
    expect(at(102)).toMatchObject({ inverted: true, action: 'blackhole' });
    expect(at(103)).toMatchObject({
      protocol: 6,
      sport: [1000, 2000],
      dport: [80, 80],
      uid: [1000, 2000],
      suppressPrefixLength: 0,
    });
    expect(at(104)).toMatchObject({ action: 'goto', target: 32766 });
    expect(at(105)).toMatchObject({ action: 'nop' });
    expect(at(111)).toMatchObject({ mark: 7, markMask: 0xffffffff });
    // A goto to nowhere and rules for VRFs do nothing.
    expect(at(110)).toBeUndefined();
    expect(at(1000)).toBeUndefined();
  });
  test('the family of a listing without addresses', () => {
    const family = (text: string): unknown => claim(text).facts.policyRuleFamilies;
    expect(
      family('0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n'),
    ).toEqual(['ipv4']);
    expect(family('0:\tfrom all lookup local\n32766:\tfrom all lookup main\n')).toEqual(['ipv6']);
    expect(family('$ ip -4 rule\n0:\tfrom all lookup local\n32766:\tfrom all lookup main\n')).toEqual([
      'ipv4',
    ]);
    const both =
      '0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n0:\tfrom all lookup local\n32766:\tfrom all lookup main\n';
    expect(family(both)).toEqual(['ipv4', 'ipv6']);
  });
});

describe('sysctls', () => {
  test('all spellings', () => {
    const { facts, unclaimed } = claim(
      'net.ipv4.ip_forward = 1\nnet/ipv4/conf/eth0.1/rp_filter = 2\nnet.ipv4.conf.eth0/2.rp_filter = 0\n' +
        '/proc/sys/net/ipv6/conf/all/forwarding:1\n/proc/sys/net/ipv4/conf/eth1.5/rp_filter = 1\n' +
        'net.ipv4.ip_local_port_range = 32768\t60999\nnet.ipv4.conf.all.rp_filter=2\nsnd.volume = 3\n',
    );
    expect(facts.sysctls?.value).toEqual({
      'net.ipv4.ip_forward': '1',
      'net.ipv4.conf.eth0/1.rp_filter': '2',
      'net.ipv4.conf.eth0/2.rp_filter': '0',
      'net.ipv6.conf.all.forwarding': '1',
      'net.ipv4.conf.eth1/5.rp_filter': '1',
      'net.ipv4.ip_local_port_range': '32768 60999',
      'net.ipv4.conf.all.rp_filter': '2',
    });
    expect(unclaimed).toEqual([{ text: 'snd.volume = 3\n', offset: expect.any(Number) }]);
    expect(sysctlName('net/ipv4/conf/eth0.100/rp_filter')).toBe('net.ipv4.conf.eth0/100.rp_filter');
  });
});

describe('sets', () => {
  test('ipset list says the same as ipset save', () => {
    const clean = (command: string): unknown =>
      factsOf(ipset, command).sets?.value.map((s) => ({
        ...s,
        members: s.members.map((m) => ({
          ...m,
          timeoutSeconds: m.timeoutSeconds === 49 ? 50 : m.timeoutSeconds,
        })),
      }));
    expect(clean('ipset list')).toEqual(clean('ipset save'));
  });
  test('everything that a member may have', () => {
    const { facts, diagnostics } = claim(
      'create a hash:ip family inet6 hashsize 1024 maxelem 65536 timeout 60 counters comment skbinfo\n' +
        'add a 2001:db8::1 timeout 0 packets 5 bytes 6 comment "with nomatch inside" skbmark 0x1/0xff\n' +
        'create b hash:net,iface\nadd b 10.0.0.0/8,eth nomatch wildcard\nadd nosuch 1.2.3.4\nadd nosuch 1.2.3.5\n',
    );
    expect(facts.sets?.value[0]).toMatchObject({
      family: 'ipv6',
      options: { timeout: '60', counters: '', comment: '', skbinfo: '' },
      members: [
        {
          text: '2001:db8::1',
          timeoutSeconds: 0,
          nomatch: false,
          packets: 5,
          bytes: 6,
          comment: 'with nomatch inside',
          skbmark: '0x1/0xff',
        },
      ],
    });
    expect(facts.sets?.value[1]?.members[0]).toMatchObject({ nomatch: true, wildcard: true });
    expect(diagnostics.map((d) => d.id)).toEqual(['set-without-create']);
  });
});

describe('sockets, connections, other tables', () => {
  test('ss', () => {
    const { facts, unclaimed } = claim(
      `Netid State  Recv-Q Send-Q      Local Address:Port  Peer Address:PortProcess
udp   UNCONN 0      0              127.0.0.53%lo:53         0.0.0.0:*    users:(("systemd-resolve",pid=5,fd=13))
udp   UNCONN 0      0       [fe80::1]%eth0:546               [::]:*
tcp   LISTEN 0      128                  0.0.0.0:22          0.0.0.0:*    users:(("sshd",pid=7,fd=3))
tcp   LISTEN 0      511                        *:80                *:*    users:(("nginx",pid=9,fd=6),("nginx",pid=8,fd=6))
tcp   ESTAB  0      0               192.0.2.1:22     198.51.100.7:40000
u_str LISTEN 0      128    /run/dbus/socket 123 * 0
tcp   LISTEN 0      128                     [::]:22             [::]:*
`,
    );
    expect(
      facts.listeners?.value.map((l) => [
        l.protocol,
        l.address && addressText(l.address),
        l.port,
        l.device,
        l.process,
      ]),
    ).toEqual([
      [17, '127.0.0.53', 53, 'lo', 'systemd-resolve'],
      [17, 'fe80::1', 546, 'eth0', undefined],
      [6, '0.0.0.0', 22, undefined, 'sshd'],
      [6, undefined, 80, undefined, 'nginx'],
      [6, '::', 22, undefined, undefined],
    ]);
    expect(unclaimed).toEqual([]);
    expect(
      claim('Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n').facts.listeners
        ?.value,
    ).toEqual([]);
  });
  test('netstat', () => {
    const { facts, unclaimed } = claim(
      `Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 127.0.0.1:5432          0.0.0.0:*               LISTEN      812/postgres
tcp6       0      0 :::80                   :::*                    LISTEN      900/nginx: master
udp        0      0 0.0.0.0:68              0.0.0.0:*                           555/dhclient
`,
    );
    expect(facts.listeners?.value.map((l) => [l.port, l.address === undefined, l.process])).toEqual([
      [5432, false, 'postgres'],
      [80, true, 'nginx'],
      [68, false, 'dhclient'],
    ]);
    expect(unclaimed).toEqual([]);
  });
  test('conntrack', () => {
    const { facts, unclaimed } = claim(
      `tcp      6 431999 ESTABLISHED src=192.168.1.7 dst=198.51.100.7 sport=40000 dport=443 packets=5 bytes=500 src=198.51.100.7 dst=203.0.113.1 sport=443 dport=40000 packets=4 bytes=900 [ASSURED] mark=7 zone=3 use=1
icmp     1 29 src=192.0.2.1 dst=192.0.2.2 type=8 code=0 id=77 [UNREPLIED] src=192.0.2.2 dst=192.0.2.1 type=0 code=0 id=77 mark=0 use=1
ipv4     2 udp      17 20 src=203.0.113.9 dst=203.0.113.1 sport=5 dport=53 src=10.0.0.2 dst=203.0.113.9 sport=5353 dport=5 mark=0 helper=ftp use=2
conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.
`,
    );
    const [tcp, icmp, udp] = facts.connections?.value ?? [];
    expect(tcp).toMatchObject({
      tcpState: 'ESTABLISHED',
      connection: { mark: 7, zone: 3, expiresMs: 431999000 },
    });
    expect(
      (tcp?.connection.status ?? 0) & (ctStatusBit.SRC_NAT | ctStatusBit.DST_NAT | ctStatusBit.ASSURED),
    ).toBe(ctStatusBit.SRC_NAT | ctStatusBit.ASSURED);
    expect(icmp?.connection.original).toMatchObject({ protocol: 1, sport: 77, dport: 2048 });
    expect((icmp?.connection.status ?? 0) & ctStatusBit.SEEN_REPLY).toBe(0);
    expect(udp?.connection.helper).toBe('ftp');
    expect((udp?.connection.status ?? 0) & ctStatusBit.DST_NAT).toBe(ctStatusBit.DST_NAT);
    expect(unclaimed).toEqual([]);
  });
  test('nft tables, but no nft ruleset', () => {
    const { facts, unclaimed } = claim('table inet fw\ntable ip nat\ntable inet x {\n}\n');
    expect(facts.nftTables?.value).toEqual([
      { family: 'inet', name: 'fw' },
      { family: 'ip', name: 'nat' },
    ]);
    expect(unclaimed.map((r) => r.text)).toEqual(['table inet x {\n}\n']);
    const json =
      '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "a", "handle": 1}}]}';
    expect(claim(json).facts.nftTables?.value).toEqual([{ family: 'inet', name: 'a' }]);
  });
  test('xfrm', () => {
    const { facts, unclaimed } = claim(
      `src 10.1.0.0/16 dst 10.2.0.0/16 \n\tdir out priority 375423 ptype main \n\ttmpl src 203.0.113.1 dst 198.51.100.9\n\t\tproto esp spi 0xc0ffee01 reqid 1 mode tunnel\n` +
        `src 0.0.0.0/0 dst 0.0.0.0/0 \n\tsocket in priority 0 ptype main \n` +
        `src 203.0.113.1 dst 198.51.100.9\n\tproto esp spi 0xc0ffee01 reqid 1 mode tunnel\n\treplay-window 0 flag af-unspec\n`,
    );
    expect(facts.ipsecPolicies?.value).toMatchObject([
      {
        direction: 'out',
        priority: 375423,
        templates: [{ protocol: 'esp', mode: 'tunnel', reqid: 1, spi: 0xc0ffee01 }],
      },
    ]);
    expect(facts.ipsecStates?.value).toMatchObject([{ source: '203.0.113.1', destination: '198.51.100.9' }]);
    expect(unclaimed).toEqual([]);
  });
  test('hosts', () => {
    expect(claim('gw 6.1.0-18-amd64\n').facts).toMatchObject({
      hostNames: [{ value: 'gw' }],
      kernelReleases: [{ value: '6.1.0-18-amd64' }],
    });
    expect(claim('Linux gw 6.8.0 #1 SMP x86_64 GNU/Linux\n').facts.hostNames[0]?.value).toBe('gw');
    const two = claim('root@gw:~# uname -nr\nweb 6.1.0-18-amd64\n');
    expect(two.diagnostics).toMatchObject([{ id: 'several-hosts', severity: 'error' }]);
    expect(claim('root@gw:~# uname -nr\ngw.example.org 6.1.0-18-amd64\n').diagnostics).toEqual([]);
  });
});

describe('a stream of everything', () => {
  test('outputs in any order, with prompts between them', () => {
    const order = ['ip -j rule', 'ip -j addr', 'ip -j route show table all', 'ip -j -6 rule'];
    const text = order.map((c) => `root@gw:~# ${c}\n${machine.get(c)}\n`).join('');
    const there = claim(text);
    const back = claim(
      [...order]
        .reverse()
        .map((c) => `[root@gw ~]# ${c}\n${machine.get(c)}`)
        .join(''),
    );
    expect(there.unclaimed).toEqual([]);
    expect(back.unclaimed).toEqual([]);
    expect(there.facts.routes).toEqual(back.facts.routes);
    expect(there.facts.interfaces).toEqual(back.facts.interfaces);
    expect(there.facts.hostNames).toEqual([{ value: 'gw', source: 'shell prompt' }]);
  });
  test('several arrays on one line, and none that is known', () => {
    const { facts, unclaimed, diagnostics } = claim(
      '[{"priority":0,"src":"all","table":"local"}][{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]}] [{"Name":"x"}]\nnet.ipv4.ip_forward = 1\n',
    );
    expect(facts.routes?.value).toHaveLength(1);
    expect(facts.policyRules?.value).toHaveLength(1);
    expect(facts.sysctls?.value).toEqual({ 'net.ipv4.ip_forward': '1' });
    expect(diagnostics.map((d) => d.id)).toEqual(['unknown-json']);
    expect(unclaimed).toEqual([]);
  });
  test('broken JSON is one diagnostic at the place, and what follows is read', () => {
    const text =
      '[{"ifname":"eth0","flags":["UP"],"mtu":1500,\n"addr_info":[{"local":oops}]}]\nnet.ipv4.ip_forward = 1\n';
    const { facts, diagnostics } = claimContext([{ text, offset: 1000 }]);
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({
      id: 'broken-json',
      span: { start: 1000 + text.indexOf('oops'), end: 1001 + text.indexOf('oops') },
    });
    expect(facts.sysctls?.value).toEqual({ 'net.ipv4.ip_forward': '1' });
    const cut = claim(
      '[{"dst":"default","dev":\nroot@gw:~# sysctl net.ipv4.ip_forward\nnet.ipv4.ip_forward = 1\n',
    );
    expect(cut.diagnostics).toHaveLength(1);
    expect(cut.facts.sysctls?.value).toEqual({ 'net.ipv4.ip_forward': '1' });
  });
  test('unclaimed lines keep their text and place', () => {
    const text = 'hello\nworld\nnet.ipv4.ip_forward = 1\r\n\r\nlast';
    const { unclaimed } = claimContext([{ text, offset: 50 }]);
    expect(unclaimed).toEqual([
      { text: 'hello\nworld\n', offset: 50 },
      { text: 'last', offset: 50 + text.indexOf('last') },
    ]);
  });
  test('nothing throws, and spans stay inside, whatever is cut or changed', () => {
    const all = [...machine.values(), ...ipset.values()].join('\n').slice(0, 40_000);
    fc.assert(
      fc.property(fc.nat(all.length), fc.nat(3000), fc.nat(3000), fc.string(), (at, length, cut, junk) => {
        const piece = all.slice(at, at + length);
        const text = piece.slice(0, cut) + junk + piece.slice(cut);
        const { unclaimed, diagnostics } = claim(text);
        for (const run of unclaimed)
          expect(text.slice(run.offset, run.offset + run.text.length)).toBe(run.text);
        for (const d of diagnostics) {
          expect(d.span && d.span.start <= d.span.end && d.span.end <= text.length).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
  test.each([
    ['a long dotted name', `a${'.b'.repeat(30_000)}!\n`],
    ['a long line', `${'x'.repeat(1_000_000)}\n`],
    ['many colons', `${':'.repeat(60_000)}\n`],
    ['many brackets', `${'[{"a":'.repeat(20_000)}\n`],
    ['many broken arrays', '[{"a":1,}\n'.repeat(20_000)],
    ['many prompts', Array.from({ length: 50_000 }, (_, i) => `root@h${i}:~# ip addr\n`).join('')],
    ['many unknown sets', Array.from({ length: 50_000 }, (_, i) => `add s${i} 10.0.0.1\n`).join('')],
    ['many members', `create s hash:ip\n${'add s 10.0.0.1 comment "x"\ndel s 10.0.0.1\n'.repeat(50_000)}`],
    [
      'many addresses',
      Array.from(
        { length: 50_000 },
        (_, i) => `2: eth0    inet 10.${i >> 8}.${i & 255}.1/24 scope global eth0\n`,
      ).join(''),
    ],
    ['many rules', '0:\tfrom all lookup local\n'.repeat(50_000)],
    ['blank', `${' '.repeat(60_000)}\n`.repeat(10)],
    ['dashes in prompts', `a@b:${'-'.repeat(60_000)}\n`],
    ['digits', `${'1'.repeat(60_000)}.\n`],
  ])('hostile input is read to its end: %s', (_, text) => {
    // Were it quadratic, the runner's own limit would end it.
    for (const run of claim(text).unclaimed)
      expect(text.slice(run.offset, run.offset + run.text.length)).toBe(run.text);
  });
});

describeWithShared('machines of the recorded kernel cases', 'kernel-cases', (folder) => {
  interface RecordedHost {
    readonly interfaces: readonly { readonly name: string; readonly addresses: readonly string[] }[];
    readonly routes?: readonly string[];
    readonly routes_json: readonly unknown[];
    readonly rules_json: readonly unknown[];
  }
  const hosts = gunzipSync(readFileSync(join(folder, 'named.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; family: number; host: RecordedHost });

  test('all routes and rules are read, and the local table follows from the addresses', () => {
    let compared = 0;
    for (const { id, family, host } of hosts) {
      const addresses = [{ name: 'lo', addresses: ['127.0.0.1/8', '::1/128'] }, ...host.interfaces]
        .map((i) => `${i.name} UP ${i.addresses.join(' ')}\n`)
        .join('');
      const { facts, unclaimed, diagnostics } = claim(
        `${addresses}${JSON.stringify(host.routes_json)}\n${JSON.stringify(host.rules_json)}\n`,
      );
      expect(unclaimed, id).toEqual([]);
      expect(diagnostics, id).toEqual([]);
      expect(facts.policyRules?.value.length, id).toBe(host.rules_json.length);
      const routes = facts.routes?.value ?? [];
      if (family !== 4 || host.routes?.some((r) => r.startsWith('local'))) continue;
      const text = (r: Pick<ReadRoute, 'type' | 'destination' | 'nextHops' | 'scope'>): string =>
        `${r.type} ${networkText(r.destination)} ${r.nextHops[0]?.device} ${r.scope}`;
      const recorded = routes.filter((r) => r.table === 255 && r.family === 'ipv4').map(text);
      const derived = localRoutes(facts.interfaces?.value ?? [], 'ipv4').map(text);
      expect(derived.sort(), id).toEqual(recorded.sort());
      compared++;
    }
    expect(compared).toBeGreaterThan(50);
  });
});

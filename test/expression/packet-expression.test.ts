import { describe, expect, test } from 'vitest';
import { traceDescription } from '../../src/cli/command-specs.ts';
import { noFacts } from '../../src/context/facts.ts';
import { buildMachine } from '../../src/context/machine.ts';
import { ownOptionHelp, ownOptions } from '../../src/expression/own-options.ts';
import {
  type ExpressionContext,
  familyOfWords,
  type PacketRequest,
  packetFromExpression,
} from '../../src/expression/packet-expression.ts';
import { defaultRegistry, readMachine } from '../../src/index.ts';
import type { Machine } from '../../src/model/machine.ts';
import { tcpFlag } from '../../src/model/packet.ts';
import { addressText } from '../../src/net/address-text.ts';

const unknownMachine = buildMachine({ facts: noFacts, rulesets: [] });

const gateway = machineOf(`1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 scope global eth0
    inet6 2001:db8:1::1/64 scope global
3: eth1: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 scope global eth1
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link
192.168.1.0/24 dev eth1 proto kernel scope link
`);

function machineOf(text: string): Machine {
  return readMachine([{ name: 'context', text }], { registry: defaultRegistry() }).machine;
}

function read(text: string, given: Partial<ExpressionContext> = {}) {
  return packetFromExpression(text === '' ? [] : text.split(' '), {
    registry: defaultRegistry(),
    machine: unknownMachine,
    family: 'ipv4',
    backend: 'nft',
    local: false,
    pick: false,
    mentionedInterfaces: [],
    ...given,
  });
}

function made(text: string, given: Partial<ExpressionContext> = {}): PacketRequest {
  const result = read(text, given);
  if (!result.ok) throw new Error(result.diagnostics.map((d) => d.message).join('; '));
  return result.request;
}

/** Each refusal as `message [the words underlined] (hint)`. */
function refusals(text: string, given: Partial<ExpressionContext> = {}): readonly string[] {
  const result = read(text, given);
  if (result.ok) return [];
  return result.diagnostics.map(
    (d) =>
      `${d.message} [${result.text.slice(d.span?.start, d.span?.end)}]${d.hint === undefined ? '' : ` (${d.hint})`}`,
  );
}

const defaultsOf = (request: PacketRequest): readonly string[] =>
  request.defaults.map(({ option, because }) => `${option}: ${because}`);

describe('defaults', () => {
  test('nothing given, nothing known: a web request from outside', () => {
    const request = made('');
    const { packet } = request;
    expect(addressText(packet.src)).toBe('198.51.100.7');
    expect(addressText(packet.dst)).toBe('203.0.113.1');
    expect(packet).toMatchObject({
      protocol: 6,
      sport: 40000,
      dport: 80,
      ttl: 64,
      tcpFlags: tcpFlag.SYN,
      lengthBytes: 40,
      fragmentOffsetBytes: 0,
      mark: 0,
    });
    expect(request.entry).toEqual({
      kind: 'arrives',
      inInterface: 'eth0',
      hints: { destination: 'local' },
    });
    expect(defaultsOf(request)).toEqual([
      '-p tcp: no protocol given',
      '-i eth0: no interface is known',
      '-d 203.0.113.1: taken for an address of this machine',
      '-s 198.51.100.7: an ordinary address from outside',
      '--dport 80: no port given',
      '--sport 40000: an ordinary client port',
      '--syn: it opens a connection',
    ]);
  });

  test('the in-interface: the outside one, else the first known, else one that rules name', () => {
    expect(made('', { machine: gateway }).entry).toMatchObject({ inInterface: 'eth0' });
    const noRoutes = machineOf('4: ens3: <UP> mtu 1500\n    inet 10.0.0.2/24 scope global ens3\n');
    expect(made('', { machine: noRoutes }).entry).toMatchObject({ inInterface: 'ens3' });
    expect(made('', { mentionedInterfaces: ['wan', 'lan'] }).entry).toMatchObject({ inInterface: 'wan' });
  });

  test('the source is an address behind the in-interface, the destination this machine', () => {
    const inside = made('-i eth1', { machine: gateway }).packet;
    expect([addressText(inside.src), addressText(inside.dst)]).toEqual(['192.168.1.7', '192.168.1.1']);
    const outside = made('-i eth0', { machine: gateway }).packet;
    expect([addressText(outside.src), addressText(outside.dst)]).toEqual(['198.51.100.7', '203.0.113.1']);
  });

  test('with an out-interface the destination lies behind it', () => {
    const request = made('-i eth0 -o eth1', { machine: gateway });
    expect(addressText(request.packet.dst)).toBe('192.168.1.7');
    expect(request.entry.hints).toEqual({ outInterface: 'eth1', destination: 'remote' });
  });

  test('udp, icmp, and protocols without ports', () => {
    expect(made('-p udp').packet).toMatchObject({ protocol: 17, sport: 40000, dport: 53, lengthBytes: 28 });
    expect(made('-p icmp').packet).toMatchObject({ icmpType: 8, icmpCode: 0, icmpId: 1, sport: undefined });
    expect(defaultsOf(made('-p icmp -s 192.0.2.1 -d 203.0.113.1 -i eth0'))).toEqual([
      '--icmp-type echo-request: no type given',
    ]);
    expect(made('-p esp -m esp --espspi 7').packet).toMatchObject({ protocol: 50, spi: 7, dport: undefined });
  });

  test('only --local means sent by this machine', () => {
    const request = made('-p tcp', { local: true, machine: gateway });
    expect(request.entry).toEqual({ kind: 'local', hints: { destination: 'remote' } });
    expect([addressText(request.packet.src), addressText(request.packet.dst)]).toEqual([
      '203.0.113.1',
      '198.51.100.7',
    ]);
    expect(request.packet).toMatchObject({ uid: 0, gid: 0 });
    expect(addressText(made('-o eth1', { local: true, machine: gateway }).packet.src)).toBe('192.168.1.1');
  });

  test('IPv6: by the addresses, by the protocol, or by the ruleset', () => {
    expect(familyOfWords(['-p', 'tcp', '-s', '2001:db8::7'])).toBe('ipv6');
    expect(familyOfWords(['-p', 'icmpv6'])).toBe('ipv6');
    expect(familyOfWords(['-d', '192.0.2.0/24'])).toBe('ipv4');
    expect(familyOfWords(['-p', 'tcp', '--dport', '80:90'])).toBeUndefined();
    const request = made('-p icmpv6 --icmpv6-type echo-request', { machine: gateway });
    expect(request.packet).toMatchObject({ family: 'ipv6', protocol: 58, icmpType: 128, lengthBytes: 48 });
    expect(addressText(request.packet.dst)).toBe('2001:db8:1::1');
    expect(addressText(made('', { family: 'ipv6' }).packet.dst)).toBe('2001:db8:113::1');
  });
});

describe('fields', () => {
  test.each([
    ['-p tcp --tcp-flags ALL ACK,FIN', { tcpFlags: tcpFlag.ACK | tcpFlag.FIN }],
    ['-p tcp --tcp-flags ALL NONE', { tcpFlags: 0 }],
    ['-p tcp --syn', { tcpFlags: tcpFlag.SYN }],
    ['-m mark --mark 0x1f', { mark: 0x1f }],
    ['-m mark --mark 0x1/0xff', { mark: 1 }],
    ['-m ttl --ttl-eq 1', { ttl: 1 }],
    ['-m length --length 1400', { lengthBytes: 1400 }],
    ['-m tos --tos 0x10', { tos: 0x10 }],
    ['-m dscp --dscp 46', { tos: 0xb8 }],
    ['-m mac --mac-source 02:00:00:00:00:09', { ethSrc: '02:00:00:00:00:09' }],
    ['-m pkttype --pkt-type broadcast', { packetType: 'broadcast' }],
    ['-p icmp --icmp-type 3/4', { icmpType: 3, icmpCode: 4 }],
    ['-p icmp --icmp-type network-unreachable', { icmpType: 3, icmpCode: 0 }],
    ['-p icmp --icmp-type any', { icmpType: 8 }],
    ['-p udp --sport 1024 --dport 53', { sport: 1024, dport: 53 }],
    ['-p tcp -m multiport --dports 443', { dport: 443 }],
    ['-p tcp -m tcpmss --mss 536', { tcpOptions: [{ kind: 2, data: '0218' }] }],
    ['-p tcp -f', { fragmentOffsetBytes: 1480, sport: undefined, dport: undefined, tcpFlags: 0 }],
    ['-m iprange --src-range 192.0.2.9-192.0.2.9', {}],
    ['-m comment --comment hello', {}],
  ])('%s', (text, fields) => {
    expect(made(text).packet).toMatchObject(fields);
  });

  test('the owner of a packet of this machine', () => {
    const { packet } = made('-m owner --uid-owner 33 --gid-owner 34', { local: true });
    expect(packet).toMatchObject({ uid: 33, gid: 34 });
  });

  test('what is asked of the connection is a hint', () => {
    const hints = (text: string) => made(text).entry.hints?.connection;
    expect(hints('-m conntrack --ctstate NEW')).toBeUndefined();
    expect(hints('-m conntrack --ctstate ESTABLISHED')).toEqual({ state: 'ESTABLISHED' });
    expect(hints('-m state --state RELATED')).toEqual({ state: 'RELATED' });
    expect(hints('-m conntrack --ctstate INVALID')).toEqual({ state: 'INVALID' });
    expect(hints('-m conntrack --ctstate UNTRACKED')).toEqual({ state: 'UNTRACKED' });
    expect(hints('-m conntrack --ctdir REPLY')).toEqual({ state: 'ESTABLISHED', direction: 'reply' });
    expect(made('-p tcp -m conntrack --ctstate ESTABLISHED').packet.tcpFlags).toBe(tcpFlag.ACK);
  });

  test('IPsec and the type of the destination are hints', () => {
    expect(made('-m policy --dir in --pol ipsec').entry.hints).toMatchObject({ ipsec: true });
    expect(made('-m policy --dir in --pol none').entry.hints).not.toHaveProperty('ipsec');
    expect(made('-d 192.0.2.1 -m addrtype --dst-type LOCAL').entry.hints).toEqual({ destination: 'local' });
  });

  test('our own options', () => {
    const { packet } = made(
      '-p tcp --seq 7 --ack 8 --window 9 --id 10 --df --bad-checksum --payload text:GET',
    );
    expect(packet).toMatchObject({
      seq: 7,
      ack: 8,
      window: 9,
      identification: 10,
      dontFragment: true,
      badChecksum: true,
      payload: '474554',
      lengthBytes: 43,
    });
    expect(made('-p icmp --icmp-id 5').packet.icmpId).toBe(5);
    expect(made('--payload 00fF').packet.payload).toBe('00ff');
  });

  test('an ICMP error quotes a packet', () => {
    const words = [
      '-p',
      'icmp',
      '--icmp-type',
      '3/1',
      '--quote',
      '-p udp -s 203.0.113.1 -d 192.0.2.9 --dport 53',
    ];
    const result = packetFromExpression(words, {
      registry: defaultRegistry(),
      machine: unknownMachine,
      family: 'ipv4',
      backend: 'nft',
      local: false,
      pick: false,
      mentionedInterfaces: [],
    });
    expect(result.ok && result.request.packet.quote).toMatchObject({ protocol: 17, dport: 53 });
    expect(refusals('--quote -x')).toEqual([
      expect.stringMatching(/^The quoted packet cannot be read: .* \[-x\]/),
    ]);
  });

  test('help names every option of our own', () => {
    const help = traceDescription.expression?.description ?? '';
    expect(ownOptionHelp.map(([option]) => option).filter((option) => !help.includes(option))).toEqual([]);
    expect(ownOptionHelp).toHaveLength(ownOptions.length);
  });
});

describe('refusals', () => {
  test.each([
    ['-p tcp -m multiport --dports 80,443', '80,443'],
    ['-p tcp ! --dport 22', '22'],
    ['-p tcp --dport 1024:65535', '1024:65535'],
    ['-s 192.0.2.0/24', '192.0.2.0/24'],
    ['! -d 192.0.2.1', '192.0.2.1'],
    ['! -i eth0', 'eth0'],
    ['-i eth+', 'eth+'],
    ['-p tcp ! --syn', '--syn'],
    ['-m conntrack --ctstate NEW,ESTABLISHED', 'NEW,ESTABLISHED'],
    ['-m conntrack ! --ctstate NEW', 'NEW'],
    ['-s 192.0.2.1,192.0.2.2', '192.0.2.1,192.0.2.2'],
    ['-m ttl --ttl-gt 5', '5'],
  ])('%s is several packets, unless one may be picked', (text, underlined) => {
    const [refusal] = refusals(text);
    expect(refusal).toMatch(/more than one packet/);
    expect(refusal).toContain(`[${underlined}]`);
    expect(refusal).toContain('--pick');
    expect(read(text, { pick: true }).ok).toBe(true);
  });

  test('--pick takes an ordinary packet', () => {
    expect(made('-p tcp -m multiport --dports 25,80,443', { pick: true }).packet.dport).toBe(25);
    expect(made('-p tcp --dport 1:1023', { pick: true }).packet.dport).toBe(80);
    expect(addressText(made('-s 192.0.2.0/24', { pick: true }).packet.src)).toBe('192.0.2.7');
    expect(addressText(made('-s 10.9.8.0/24', { pick: true }).packet.src)).toBe('10.9.8.1');
    expect(made('! -i eth0', { pick: true }).entry).toMatchObject({ inInterface: 'eth1' });
  });

  test.each([
    ['-p tcp --dportt 22', /unknown option "--dportt" \[--dportt\] \(did you mean --dport/],
    ['--bad-checksumm', /\[--bad-checksumm\] \(did you mean "--bad-checksum"\?\)/],
    ['-p tcp --dport 70000', /\[70000\]/],
    ['-p tpc', /\[tpc\]/],
    ['-s 192.0.2.300', /\[192\.0\.2\.300\]/],
    ['--seq x', /"x" is no value of --seq \[x\] \(a sequence number up to 4294967295\)/],
    ['-p tcp --payload', /"--payload" needs a value/],
    ['--payload abc', /\[abc\]/],
    ['! --df', /cannot be negated \[--df\]/],
    ['-j ACCEPT', /A packet has no target \[ACCEPT\]/],
    ['-A INPUT -p tcp', /written without -A \[-A\]/],
    ['-m limit --limit 3/min', /--assume/],
    ['-m set --match-set bad src', /--assume/],
    ['-m string --algo bm --string x', /nothing that a packet can be given/],
    ['-m nosuch', /nosuch/],
    ['-m conntrack --ctorigdst 192.0.2.1', /only --ctstate and --ctdir/],
    ['-m connmark --mark 1', /only --ctstate and --ctdir/],
    ['-m owner --uid-owner 0', /Only a packet that this machine sends has an owner \[0\] \(add --local/],
    ['-p tcp --syn --tcp-flags ALL ACK', /./],
    ['-p tcp -m tcp --dport 1 -m multiport --dports 2', /no packet has such a value of --dport/i],
  ])('%s', (text, pattern) => {
    expect(refusals(text)[0]).toMatch(pattern);
  });

  test('what a packet of this machine cannot have', () => {
    expect(refusals('-i eth0', { local: true })).toEqual([
      'A packet that this machine sends has no -i [eth0] (leave --local out for a packet that arrives)',
    ]);
    expect(refusals('-m mac --mac-source 02:00:00:00:00:09', { local: true })[0]).toMatch(/no --mac-source/);
  });
});

test('-m physdev says by which ports of a bridge a packet comes and goes', () => {
  const request = made('-i br0 -m physdev --physdev-in veth1 --physdev-out veth2 -s 10.0.0.5 -d 10.0.0.6');
  expect(request.entry).toMatchObject({ inInterface: 'br0', physIn: 'veth1', hints: { physOut: 'veth2' } });
});

describe('fields that need no -m', () => {
  test.each([
    ['-i eth0 -p tcp --mark 9', {}, { mark: 9 }],
    ['-p tcp --uid-owner 1000 --gid-owner 100', { local: true }, { uid: 1000, gid: 100 }],
    ['-i eth0 -p tcp --ttl-eq 3 --mac-source 02:00:00:00:00:09', {}, { ttl: 3, ethSrc: '02:00:00:00:00:09' }],
    ['-i eth0 -p tcp -m mark --mark 9', {}, { mark: 9 }],
  ])('%s', (text, given, packet) => {
    expect(made(text, given).packet).toMatchObject(packet);
  });

  test('a match that was named keeps its options', () => {
    expect(refusals('-i eth0 -p tcp -m connmark --mark 9')[0]).toContain('no connection of its own making');
  });

  test('what is wrong with one is said at its own place', () => {
    expect(refusals('-i eth0 -p tcp --mark x')[0]).toContain('[--mark]');
    expect(refusals('-i eth0 -p tcp ! --mark 9')[0]).toContain('"! --mark" means more than one packet [9]');
    expect(refusals('-i eth0 -p tcp ! --mark 9 --dport 80x')[0]).toContain('[80x]');
  });
});

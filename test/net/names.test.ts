/** The words of iptables 1.8.9, as its programs read and printed them on Debian 12. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIpv4, parseIpv6 } from '../../src/net/address-text.ts';
import {
  addressKind,
  isPublicAddress,
  strangerAddress,
  witnessAddresses,
  witnessNetworks,
} from '../../src/net/documentation.ts';
import { dscpClassName, parseDscpClass } from '../../src/net/dscp-classes.ts';
import {
  icmpTypeName,
  icmpTypes,
  icmpTypeText,
  isIcmpTypeError,
  parseIcmpType,
} from '../../src/net/icmp-types.ts';
import { parseUnsigned } from '../../src/net/integer-text.ts';
import { macMaskText, macMatches, macText, parseMac, parseMacMask } from '../../src/net/mac.ts';
import { parseProtocol, protocolName, protocolText } from '../../src/net/protocols.ts';
import { findService, parsePort, portName, resolvePort } from '../../src/net/services.ts';
import { logLevelName, parseLogLevel } from '../../src/net/syslog-levels.ts';
import { parseTcpFlags, tcpFlagsText } from '../../src/net/tcp-flags.ts';
import { parseTosName } from '../../src/net/tos-names.ts';

describe('numbers', () => {
  test.each([
    ['80', 80],
    ['0x50', 80],
    ['010', 8],
    ['0', 0],
    [' 80', 80],
    ['+80', 80],
    ['080', undefined],
    ['80 ', undefined],
    ['-1', undefined],
    ['', undefined],
    ['0x', undefined],
    ['65536', undefined],
    ['9'.repeat(60), undefined],
  ])('%j is %s', (text, value) => expect(parseUnsigned(text, 65535)).toBe(value));
});

describe('protocols', () => {
  test.each([
    ['TCP', 6, 'tcp'],
    ['icmpv6', 58, 'ipv6-icmp'],
    ['IPv6-ICMP', 58, 'ipv6-icmp'],
    ['mh', 135, 'mobility-header'],
    ['ipv6-mh', 135, 'mobility-header'],
    ['33', 33, 'dccp'],
    ['112', 112, 'vrrp'],
    ['4', 4, 'ipencap'],
    ['41', 41, 'ipv6'],
    ['AX.25', 93, 'ax.25'],
    ['mptcp', 6, 'tcp'],
    ['06', 6, 'tcp'],
    ['7', 7, '7'],
    ['255', 255, '255'],
  ])('-p %s is %i, printed %s', (text, number, printed) => {
    expect(parseProtocol(text)).toBe(number);
    expect(protocolText(number)).toBe(printed);
  });
  test('0 by its names', () => {
    for (const text of ['all', 'ALL', 'ip', 'hopopt', '0']) expect(parseProtocol(text)).toBe(0);
  });
  test('no protocol', () => {
    for (const text of ['any', 'IPSEC-ESP', 'cphb', 'IP-ENCAP', '256', '', '6 ', 'constructor'])
      expect(parseProtocol(text)).toBeUndefined();
  });
  test('print, then parse', () => {
    for (let n = 1; n < 256; n++) expect(parseProtocol(protocolText(n))).toBe(n);
    for (let n = 0; n < 256; n++) expect(parseProtocol(protocolName(n))).toBe(n);
  });
});

describe('ports', () => {
  test('names of tcp, sctp and multiport belong to their protocol', () => {
    expect(parsePort('ssh', 6)).toBe(22);
    expect(parsePort('www', 6)).toBe(80);
    expect(parsePort('ntp', 6)).toBeUndefined();
    expect(parsePort('http', 17)).toBeUndefined();
    expect(parsePort('amqp', 132)).toBe(5672);
    expect(parsePort('munin', 132)).toBeUndefined();
    expect(parsePort('ntp')).toBe(123);
    expect(parsePort('HTTP', 6)).toBeUndefined();
    expect(parsePort('dicom', 6)).toBe(104);
    expect(parsePort('010', 6)).toBe(8);
    expect(parsePort('080', 6)).toBeUndefined();
  });
  test('udp and dccp ask the resolver', () => {
    expect(resolvePort('010')).toBe(10);
    expect(resolvePort('0x50')).toBeUndefined();
    expect(resolvePort('65536')).toBe(0);
    expect(resolvePort('70000')).toBe(4464);
    expect(resolvePort('99999999999')).toBe(59391);
    expect(resolvePort('-1')).toBeUndefined();
    expect(resolvePort(' 80')).toBe(80);
    expect(resolvePort('amqp')).toBe(5672);
    expect(resolvePort('http')).toBe(80);
  });
  test('for people', () => {
    expect(portName(6, 22)).toBe('tcp/22 (ssh)');
    expect(portName(17, 40000)).toBe('udp/40000');
    expect(findService('radacct', 17)?.port).toBe(1813);
  });
});

describe('ICMP types', () => {
  test.each([
    ['ipv4', 'pong', '0'],
    ['ipv4', 'PI', '8'],
    ['ipv4', 'fragmentation-needed', '3/4'],
    ['ipv4', 'tos-network-r', '5/2'],
    ['ipv4', 'redir', '5'],
    ['ipv4', 'any', 'any'],
    ['ipv4', '255/255', 'any'],
    ['ipv4', '010', '8'],
    ['ipv4', '3/0x4', '3/4'],
    ['ipv6', 'a', '1/3'],
    ['ipv6', 'neighbour-s', '135'],
    ['ipv6', '255/0', '255/0'],
  ] as const)('%s %s is %s', (family, text, printed) => {
    const parsed = parseIcmpType(family, text);
    expect(isIcmpTypeError(parsed) ? parsed.message : icmpTypeText(family, parsed)).toBe(printed);
  });
  test.each([
    ['ipv4', 'echo-r', "Ambiguous ICMP type `echo-r': `echo-reply' or `echo-request'?"],
    ['ipv4', '', "Ambiguous ICMP type `': `any' or `echo-reply'?"],
    ['ipv4', 'ttl', "Ambiguous ICMP type `ttl': `ttl-exceeded' or `ttl-zero-during-transit'?"],
    ['ipv4', '8/', "Unknown ICMP code `8/'"],
    ['ipv4', '/3', "Unknown ICMP type `/3'"],
    ['ipv4', '256', "Unknown ICMP type `256'"],
    ['ipv4', '3/256', "Unknown ICMP code `3/256'"],
    ['ipv4', '3/4/5', 'unknown character /'],
    ['ipv6', 'any', "Unknown ICMPv6 type `any'"],
    ['ipv6', 'mld-listener-query', "Unknown ICMPv6 type `mld-listener-query'"],
    ['ipv6', 'neigh', "Ambiguous ICMPv6 type `neigh': `neighbour-solicitation' or `neighbor-solicitation'?"],
  ] as const)('%s %j: %s', (family, text, message) => {
    expect(parseIcmpType(family, text)).toMatchObject({ message });
  });
  test('every name reads itself, and prints to what it reads', () => {
    for (const family of ['ipv4', 'ipv6'] as const)
      for (const { name, ...selector } of icmpTypes(family)) {
        expect(parseIcmpType(family, name)).toEqual(selector);
        expect(parseIcmpType(family, icmpTypeText(family, selector))).toMatchObject({ type: selector.type });
      }
  });
  test('for people', () => {
    expect(icmpTypeName('ipv4', 8, 0)).toBe('echo-request');
    expect(icmpTypeName('ipv4', 3, 4)).toBe('fragmentation-needed');
    expect(icmpTypeName('ipv4', 40, 1)).toBe('40/1');
    expect(icmpTypeName('ipv6', 143, 0)).toBe('mldv2-listener-report');
  });
});

test.each([
  ['ALL', 'FIN,SYN,RST,PSH,ACK,URG'],
  ['none', 'NONE'],
  ['syn,SYN', 'SYN'],
  [',SYN,,ack', 'SYN,ACK'],
  ['ALL,SYN', 'FIN,SYN,RST,PSH,ACK,URG'],
  ['NONE,SYN', 'SYN'],
  ['PSH,URG,SYN,FIN', 'FIN,SYN,PSH,URG'],
])('TCP flags %s are printed %s', (text, printed) => {
  const bits = parseTcpFlags(text);
  expect(typeof bits === 'number' && tcpFlagsText(bits)).toBe(printed);
});

test('TCP flags: print, then parse', () => {
  for (let bits = 0; bits < 64; bits++) expect(parseTcpFlags(tcpFlagsText(bits))).toBe(bits);
  expect(parseTcpFlags('SYN,FOO')).toEqual({ unknownFlag: 'FOO' });
  expect(parseTcpFlags('ECE')).toEqual({ unknownFlag: 'ECE' });
});

describe('Ethernet addresses', () => {
  test.each([
    ['0:11:22:33:44:55', '00:11:22:33:44:55'],
    ['AA:bb:CC:dd:ee:ff', 'aa:bb:cc:dd:ee:ff'],
    ['1::2:3:4:5', '01:00:02:03:04:05'],
    [' 0:+1:2:3:4:5', '00:01:02:03:04:05'],
  ])('%s is printed %s', (text, printed) => expect(parseMac(text)).toBe(printed));
  test('no addresses', () => {
    for (const text of [
      '00:11:22:33:44',
      '00-11-22-33-44-55',
      '000:11:22:33:44:55',
      '0:1:2:3:4:g',
      '0:1:2:3:4:5:6',
      '001122334455',
      '0x1:1:2:3:4:5',
      '',
    ])
      expect(parseMac(text)).toBeUndefined();
  });
  test('print, then parse; masks', () => {
    const mac = fc.array(fc.nat(255), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(mac, mac, (a, m) => {
        const text = a.map((b) => b.toString(16)).join(':');
        const mask = m.map((b) => b.toString(16)).join(':');
        const parsed = parseMacMask(`${text}/${mask}`);
        expect(parsed && parseMacMask(macMaskText(parsed, true))).toEqual(parsed);
        expect(parsed && macMatches(parsed, parsed.mac)).toBe(true);
        expect(parseMac(macText(parseMac(text) ?? '', true))).toBe(parseMac(text));
      }),
    );
    const vendor = parseMacMask('00:16:3e:00:00:00/ff:ff:ff:00:00:00');
    expect(vendor && macMatches(vendor, '00:16:3e:12:34:56')).toBe(true);
    expect(vendor && macMatches(vendor, '00:16:3f:12:34:56')).toBe(false);
  });
});

test('DSCP classes, TOS names and log levels', () => {
  expect(parseDscpClass('af12')).toBe(0x0c);
  expect(parseDscpClass('BE')).toBe(0);
  expect(parseDscpClass('LE')).toBeUndefined();
  expect(dscpClassName(0x2e)).toBe('EF');
  expect(parseTosName('MINIMIZE-delay')).toBe(0x10);
  expect(parseTosName('min')).toBeUndefined();
  expect(parseLogLevel('error')).toBe(3);
  expect(parseLogLevel('0x3')).toBe(3);
  for (const text of ['warn', 'err', 'INFO', '8', 'toString']) expect(parseLogLevel(text)).toBeUndefined();
  expect(logLevelName(0)).toBe('emerg');
});

describe('kinds of addresses', () => {
  test.each([
    ['203.0.113.9', 'documentation'],
    ['192.168.255.255', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'global'],
    ['100.127.0.1', 'shared'],
    ['169.254.1.1', 'link-local'],
    ['127.0.0.53', 'loopback'],
    ['239.1.1.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['0.1.2.3', 'this-network'],
    ['0.0.0.0', 'unspecified'],
    ['250.0.0.1', 'reserved'],
    ['8.8.8.8', 'global'],
    ['2001:db8::1', 'documentation'],
    ['2606:4700::1', 'global'],
    ['fe80::1', 'link-local'],
    ['fd12::1', 'unique-local'],
    ['ff02::1', 'multicast'],
    ['::1', 'loopback'],
    ['::ffff:1.2.3.4', 'ipv4-mapped'],
    ['4000::1', 'reserved'],
  ])('%s is %s', (text, kind) => {
    const a = parseIpv4(text) ?? parseIpv6(text);
    expect(a && addressKind(a)).toBe(kind);
  });
  test('a witness is a documentation address before a private one', () => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      expect(addressKind(strangerAddress(family))).toBe('documentation');
      expect(isPublicAddress(strangerAddress(family))).toBe(true);
      expect(witnessAddresses(family).every((a) => addressKind(a) !== 'global')).toBe(true);
      expect(witnessNetworks(family).length).toBeGreaterThan(2);
    }
  });
});

/** Goal: lines of the kernel's packet log become packets. Method: lines as nf_log_syslog.c writes them, whole, cut and spoilt. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressText } from '../../src/net/address-text.ts';
import { readLog, readLogLine } from '../../src/trace/log-line.ts';
import { logLines } from '../support/log-lines.ts';

function lineOf(text: string) {
  const { line, diagnostics } = readLogLine(text);
  expect(diagnostics).toEqual([]);
  if (!line) throw new TypeError('no line');
  return line;
}

describe('packets', () => {
  test('TCP, from syslog', () => {
    const line = lineOf(logLines.tcp);
    expect(line).toMatchObject({ prefix: 'in-denied: ', prefixKnown: true, inInterface: 'ppp0' });
    expect(line.outInterface).toBeUndefined();
    expect(line.packet).toMatchObject({
      family: 'ipv4',
      protocol: 6,
      sport: 51514,
      dport: 22,
      tcpFlags: 2,
      ttl: 52,
      lengthBytes: 60,
      identification: 54321,
      dontFragment: true,
      window: 64240,
      ethSrc: '02:00:00:00:00:fe',
      ethDst: '02:00:00:00:00:01',
    });
  });

  test('UDP has a second length', () => {
    const { packet } = lineOf(logLines.udp);
    expect(packet).toMatchObject({ protocol: 17, dport: 53, lengthBytes: 72, tos: 0x28 });
  });

  test('an echo request has two identifications', () => {
    const { packet } = lineOf(logLines.icmp);
    expect(packet).toMatchObject({ icmpType: 8, icmpCode: 0, icmpId: 7, icmpSeq: 1, identification: 9 });
  });

  test('an ICMP error quotes a packet', () => {
    const { packet } = lineOf(logLines.icmpError);
    expect(packet).toMatchObject({ icmpType: 3, icmpCode: 4, icmpRest: 1400 });
    expect(packet.quote).toMatchObject({ protocol: 6, sport: 443, dport: 40000, lengthBytes: 1500 });
  });

  test('IPv6', () => {
    const { packet } = lineOf(logLines.ipv6);
    expect(packet).toMatchObject({ family: 'ipv6', protocol: 6, dport: 443, ttl: 57, flowLabel: 12345 });
    expect(addressText(packet.dst)).toBe('2001:db8:113::1');
    expect(lineOf(logLines.icmp6).packet).toMatchObject({ protocol: 58, icmpType: 128, icmpId: 3 });
  });

  test('bridged, with options of TCP', () => {
    const line = lineOf(logLines.bridged);
    expect(line).toMatchObject({ physIn: 'vnet3', physOut: 'eth0', inInterface: 'br0', outInterface: 'br0' });
    expect(line.packet.tcpOptions[0]).toEqual({ kind: 2, data: '05b4' });
    expect(line.packet).toMatchObject({ seq: 1234567, ack: 0 });
  });

  test('of the machine itself, with its owner and mark', () => {
    const line = lineOf(logLines.sent);
    expect(line.inInterface).toBeUndefined();
    expect(line.packet).toMatchObject({ uid: 33, gid: 33, mark: 16, ethSrc: undefined });
  });

  test('fragments, ESP, incomplete headers', () => {
    expect(lineOf(logLines.fragment).packet).toMatchObject({ fragmentOffsetBytes: 1480, dport: undefined });
    expect(lineOf(logLines.esp).packet).toMatchObject({ protocol: 50, spi: 0xc0ffee });
    expect(lineOf(logLines.incomplete)).toMatchObject({ incompleteBytes: 4 });
  });
});

describe('heads and prefixes', () => {
  const body = 'IN=eth0 OUT= SRC=192.0.2.1 DST=203.0.113.1 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2';
  test.each([
    ['Nov  2 04:46:44 gw kernel: [ 1234.567890] [UFW BLOCK] ', '[UFW BLOCK] ', true],
    ['2026-11-22T04:46:44.123456+00:00 gw kernel: drop: ', 'drop: ', true],
    ['[12345.678901] drop: ', 'drop: ', true],
    ['<4>[12345.678901] drop: ', 'drop: ', true],
    ['[Sun Nov 22 04:46:44 2026] drop: ', 'drop: ', true],
    ['Nov 22 04:46:44 gw ulogd[812]: drop ', 'drop ', true],
    ['kernel: DROP', 'DROP', true],
    ['', '', false],
    ['somewhere drop: ', 'somewhere drop: ', false],
  ])('%s', (head, prefix, known) => {
    expect(lineOf(`${head}${body}`)).toMatchObject({ prefix, prefixKnown: known });
  });
});

describe('what is wrong', () => {
  test.each([
    ['usb 1-1: new high-speed USB device', 'no-log-line', 0],
    ['x IN=eth0', 'no-log-line', 2],
    ['x IN=eth0 OUT= SRC=192.0.2.1', 'truncated-log-line', 28],
    ['x IN=eth0 OUT= SRC=192.0.2.300 DST=192.0.2.1', 'bad-log-field', 15],
    ['x IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP SPT=1', 'truncated-log-line', 58],
    ['x IN=eth0 OUT= SRC=192.0.2.1 DST=192.0.2.2 PROTO=TCP SPT=1 DPT=99999', 'bad-log-field', 59],
    ['x IN=eth0 OUT= SRC=192.0.2.1 WHAT=3 DST=192.0.2.2 PROTO=2', 'unknown-log-field', 29],
  ])('%s', (text, id, column) => {
    const { diagnostics } = readLogLine(text);
    expect(diagnostics.map((d) => [d.id, d.span?.start])).toEqual([[id, column]]);
  });

  test('other lines of a log are counted', () => {
    const read = readLog(`usb 1-1: new device\n${logLines.tcp}\n\n${logLines.udp}\r\nIN=eth0 OUT= SRC=\n`);
    expect(read).toMatchObject({ otherLineCount: 1, unreadLineCount: 0 });
    expect(read.lines.map((l) => l.lineNumber)).toEqual([2, 4]);
    expect(read.diagnostics.map((d) => d.id)).toEqual(['bad-log-field']);
  });

  test('any text is read without an exception', () => {
    const words = fc.constantFrom(
      ...Object.values(logLines).flatMap((l) => l.split(' ')),
      '[SRC=',
      ']',
      '(',
      'OPT',
      'INCOMPLETE',
      '\n',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words, { maxLength: 60 }).map((list) => `IN=a OUT= ${list.join(' ')}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = readLog(text);
        for (const d of read.diagnostics) {
          expect(d.span?.start).toBeGreaterThanOrEqual(0);
          expect(d.span?.end).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });

  test('every beginning of a line is read without an exception', () => {
    for (const text of Object.values(logLines))
      for (let end = 0; end <= text.length; end++) readLogLine(text.slice(0, end));
  });
});

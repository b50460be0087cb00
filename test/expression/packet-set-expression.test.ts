import { describe, expect, test } from 'vitest';
import { packetSetFromExpression } from '../../src/expression/packet-set-expression.ts';
import { defaultRegistry, readMachine } from '../../src/index.ts';
import { createCollector } from '../../src/packetset/boundaries.ts';
import { buildCodec } from '../../src/packetset/codec.ts';
import { describeSetText } from '../../src/packetset/print.ts';
import { createPacketSpace } from '../../src/packetset/space-bdd.ts';

const registry = defaultRegistry();
const { machine } = readMachine([{ name: 'x', text: '*filter\nCOMMIT\n' }], { registry });

function read(text: string, family: 'ipv4' | 'ipv6' = 'ipv4') {
  const words = text.split(' ').filter((word) => word !== '');
  return packetSetFromExpression(words, { registry, machine, family, backend: 'nft' });
}

/** The set, read and put into words again. */
function roundTrip(text: string, family: 'ipv4' | 'ipv6' = 'ipv4'): string {
  const result = read(text, family);
  if (!result.ok) throw new Error(result.diagnostics.map((d) => d.message).join('; '));
  const collector = createCollector(family);
  collector.use('protocol');
  result.describe(collector.space);
  const space = createPacketSpace(buildCodec(collector.boundaries()));
  return describeSetText(space, result.describe(space));
}

/** Each refusal as `message [words underlined] (hint)`. */
function refusals(text: string, family: 'ipv4' | 'ipv6' = 'ipv4'): readonly string[] {
  const result = read(text, family);
  if (result.ok) return [];
  return result.diagnostics.map(
    (d) => `${d.message} [${result.text.slice(d.span?.start, d.span?.end)}] (${d.hint ?? ''})`,
  );
}

describe('a set', () => {
  test.each([
    ['', 'everything'],
    ['-i eth0 -p tcp --dport 22', '-i eth0 -p tcp --dport 22'],
    ['! -s 10.0.0.0/8', '! -s 10.0.0.0/8'],
    ['-s 192.0.2.1,198.51.100.0/24', '-s 192.0.2.1,198.51.100.0/24'],
    ['-p tcp -m multiport --dports 80,443', '-p tcp -m multiport --dports 80,443'],
    ['--ctstate NEW', '-m conntrack --ctstate NEW'],
    ['-p tcp -m tcp --dport 80 -m multiport --dports 22', 'nothing'],
  ])('of "%s" is %s', (text, expected) => {
    expect(roundTrip(text)).toBe(expected);
  });
  test('may be of IPv6', () => {
    expect(roundTrip('-s 2001:db8::/32 -p icmpv6', 'ipv6')).toBe('-p icmpv6 -s 2001:db8::/32');
  });
});

describe('refused is', () => {
  test.each([
    ['--dportt 22', 'unknown option "--dportt" [--dportt]'],
    ['-p tcp --dport 22 -j DROP', 'A packet has no target [DROP] (leave -j and -g out)'],
    ['-m limit --limit 1/s', '"-m limit" is no property of a packet [limit]'],
    ['-p tcp --seq 5', '"--seq" is of one packet: no rule asks for it, so sets do not speak of it [--seq]'],
    ['-s 2001:db8::1', 'These options are of IPv6, the ruleset is of IPv4 [-s 2001:db8::1]'],
    ['-A INPUT', 'A packet is written without -A [-A]'],
  ])('"%s"', (text, expected) => {
    expect(refusals(text)[0]?.toLowerCase()).toContain(expected.toLowerCase());
  });
});

/**
 * Goal: the packet of an expression meets every option of it. Method: random expressions of single values; the rule
 * made of the same words, compiled as the engine compiles it, says yes to the packet.
 */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { noFacts } from '../../src/context/facts.ts';
import { buildMachine } from '../../src/context/machine.ts';
import { explore } from '../../src/engine/explore.ts';
import { compile, emptyState } from '../../src/engine/simulate.ts';
import { packetFromExpression } from '../../src/expression/packet-expression.ts';
import { defaultRegistry, link, parse } from '../../src/index.ts';

const machine = buildMachine({ facts: noFacts, rulesets: [] });
const registry = defaultRegistry();

const octet = fc.integer({ min: 0, max: 255 });
// Nothing of 127.0.0.0/8 leaves by another interface than lo.
const firstOctet = fc.integer({ min: 1, max: 223 }).filter((n) => n !== 127);
const ipv4 = fc.tuple(firstOctet, octet, octet, octet).map((parts) => parts.join('.'));
const port = fc.integer({ min: 0, max: 65535 });
const device = fc.constantFrom('eth0', 'eth1', 'wg0', 'br-0123', 'ppp0.100');
const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];
const flags = fc.subarray(flagNames).map((list) => (list.length === 0 ? 'NONE' : list.join(',')));

/** Words, or none: an option that may be left out. */
const maybe = (words: fc.Arbitrary<readonly string[]>): fc.Arbitrary<readonly string[]> =>
  fc.oneof(fc.constant([]), words);
const withValue = (option: string, value: fc.Arbitrary<string | number>): fc.Arbitrary<readonly string[]> =>
  maybe(value.map((v) => [...option.split(' '), String(v)]));
const all = (...parts: fc.Arbitrary<readonly string[]>[]): fc.Arbitrary<readonly string[]> =>
  fc.tuple(...parts).map((lists) => lists.flat());

const transport = fc.oneof(
  all(
    fc.constant(['-p', 'tcp']),
    withValue('--sport', port),
    withValue('--dport', port),
    maybe(flags.map((set) => ['--tcp-flags', 'ALL', set])),
  ),
  all(
    fc.constant(['-p', 'tcp']),
    fc.oneof(
      port.map((p) => ['-m', 'multiport', '--dports', String(p)]),
      fc.constant(['--syn']),
    ),
  ),
  all(fc.constant(['-p', 'udp']), withValue('--sport', port), withValue('--dport', port)),
  all(
    fc.constant(['-p', 'icmp']),
    maybe(fc.tuple(octet, octet).map(([type, code]) => ['--icmp-type', `${type % 255}/${code}`])),
  ),
  all(fc.constant(['-p', 'esp']), withValue('-m esp --espspi', fc.integer({ min: 0, max: 0xffffffff }))),
  fc.integer({ min: 100, max: 135 }).map((protocol) => ['-p', String(protocol)]),
);

const conditions = all(
  withValue('-s', ipv4),
  withValue('-d', ipv4),
  transport,
  withValue('-m ttl --ttl-eq', octet),
  withValue('-m length --length', fc.integer({ min: 100, max: 65535 })),
  withValue('-m mark --mark', fc.integer({ min: 0, max: 0xffffffff })),
  withValue('-m dscp --dscp', fc.integer({ min: 0, max: 63 })),
  withValue('-m conntrack --ctstate', fc.constantFrom('NEW', 'ESTABLISHED', 'INVALID', 'UNTRACKED')),
  withValue('-m comment --comment', fc.constant('law')),
);

/** Whether conntrack gives the packet the state that is asked for: odd flags and answers of ICMP are INVALID. */
function canHaveState(words: readonly string[]): boolean {
  return !words.includes('--ctstate') || !(words.includes('--tcp-flags') || words.includes('--icmp-type'));
}

/** What the rule of these words does with the packet, in the first chain that sees the packet after conntrack. */
function fateOf(words: readonly string[], local: boolean): string {
  const made = packetFromExpression(words, {
    registry,
    machine,
    family: 'ipv4',
    backend: 'nft',
    local,
    pick: false,
    mentionedInterfaces: [],
  });
  if (!made.ok) return made.diagnostics.map((d) => d.message).join('; ');
  const { packet, entry } = made.request;
  const chain = local ? 'OUTPUT' : 'PREROUTING';
  const text = `*mangle\n:${chain} ACCEPT [0:0]\n-A ${chain} ${words.join(' ')} -j DROP\nCOMMIT\n`;
  const { rulesets } = link(parse(text), { registry, family: 'ipv4' });
  const assume = { ...machine, conntrack: { value: 'on', provenance: 'given', source: 'law' } } as const;
  const program = compile(
    rulesets.map((r) => r.ruleset),
    assume,
    registry,
  );
  const { branches } = explore(program, emptyState(), packet, entry, undefined);
  return [...new Set(branches.map(({ trace }) => trace.fate.kind))].join(' or ');
}

test('a packet that arrives meets its expression', () => {
  const arriving = all(
    withValue('-i', device),
    conditions,
    withValue('-m mac --mac-source', fc.constant('02:00:00:00:00:09')),
    withValue('-m pkttype --pkt-type', fc.constantFrom('unicast', 'broadcast', 'multicast')),
  ).filter(canHaveState);
  fc.assert(
    fc.property(arriving, (words) => {
      expect(fateOf(words, false)).toBe('drop');
    }),
    { numRuns: 1000 },
  );
});

test('a packet of this machine meets its expression', () => {
  const sent = all(
    withValue('-o', device),
    conditions,
    withValue('-m owner --uid-owner', fc.integer({ min: 0, max: 70000 })),
    withValue('-m owner --gid-owner', fc.integer({ min: 0, max: 70000 })),
  ).filter(canHaveState);
  fc.assert(
    fc.property(sent, (words) => {
      expect(fateOf(words, true)).toBe('drop');
    }),
    { numRuns: 500 },
  );
});

test('no words at all make it throw', () => {
  const word = fc.oneof(
    fc.constantFrom('-p', 'tcp', '!', '-m', '--dport', '80', '-s', '--quote', '--seq', '-j', ',', ''),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), fc.boolean(), (words, local, pick) => {
      const result = packetFromExpression(words, {
        registry,
        machine,
        family: 'ipv4',
        backend: 'legacy',
        local,
        pick,
        mentionedInterfaces: [],
      });
      if (!result.ok) expect(result.diagnostics.length).toBeGreaterThan(0);
    }),
    { numRuns: 2000 },
  );
});

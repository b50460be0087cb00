import { describe, expect, test } from 'vitest';
import { type FamilyAnswer, type QueryOptions, queryMachine } from '../../src/analysis/query.ts';
import { destinationWords, sourceWords } from '../../src/analysis/short-questions.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { deciderPlace } from '../../src/report/set-words.ts';

const registry = defaultRegistry();

const gateway = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.5:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ssh
-A INPUT -p icmp -m limit --limit 1/sec -j ACCEPT
-A FORWARD -d 10.0.0.5/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A ssh -s 192.0.2.0/24 -j ACCEPT
-A ssh -s 198.51.100.0/24 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`;

function ask(text: string, words: string, options: Partial<QueryOptions> = {}): FamilyAnswer {
  const expression = words.split(' ').filter((word) => word !== '');
  const result = queryMachine([{ name: 'gw.rules', text }], { registry, expression, ...options });
  const [answer] = result.families;
  if (answer === undefined) throw new Error(result.couldNotLook ?? JSON.stringify(result.refused));
  return answer;
}

/** Rows as `fate by: packets`; perhaps in front of what is not certain. */
function rows(text: string, words: string, options: Partial<QueryOptions> = {}): readonly string[] {
  return ask(text, words, options)
    .rows.filter((row) => row.aspect === 'openers')
    .map(({ certain, fate, by, packets }) => {
      const said =
        packets.lines.length === 0
          ? packets.kind
          : `${packets.kind === 'all-but' ? `${packets.within.join(' | ') || 'all'} but ` : ''}${packets.lines.join(' | ')}`;
      return `${certain ? '' : 'perhaps '}${fate} ${by ? deciderPlace(by) : '-'}: ${said}`;
    });
}

describe('a query', () => {
  test('says which packets each rule decides about', () => {
    expect(rows(gateway, '-i eth0 -p tcp --dport 22', { at: 'INPUT' })).toEqual([
      'drop policy DROP of INPUT: ! -s 192.0.2.0/24 ! -s 198.51.100.0/24',
      'reject ssh 2: -s 198.51.100.0/24',
      'local ssh 1: -s 192.0.2.0/24',
    ]);
  });
  test('takes exceptions from what the packets of a row have in common', () => {
    const trusting = `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m multiport --sports 22,53,80,443 -j ACCEPT
-A INPUT -s 192.0.2.1 -d 203.0.113.7 -p tcp -m tcp --sport 25 -j ACCEPT
-A INPUT -s 192.0.2.16 -p tcp -m tcp --sport 389 -j ACCEPT
-A INPUT -s 192.0.2.21 -p tcp -m tcp --sport 123 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 81 -j ACCEPT
COMMIT
`;
    expect(rows(trusting, '-i eth0', { at: 'INPUT' })).toContainEqual(
      'local INPUT 5: -p tcp -m multiport ! --sports 22,53,80,443 --dport 81 but ' +
        [
          '-p tcp -s 192.0.2.1 -d 203.0.113.7 --sport 25',
          '-p tcp -s 192.0.2.16 --sport 389',
          '-p tcp -s 192.0.2.21 --sport 123',
        ].join(' | '),
    );
  });
  test('tells what a limit leaves open from what is certain', () => {
    expect(rows(gateway, '-i eth0 -p icmp --icmp-type 8', { at: 'INPUT' })).toEqual([
      'perhaps drop policy DROP of INPUT: everything',
      'perhaps local INPUT 3: everything',
    ]);
  });
  test('means packets as they come in, or as they are at a hook, or in the end', () => {
    expect(rows(gateway, '-i eth0 -p tcp --dport 8080 -d 203.0.113.1', { fates: ['forward'] })).toEqual([
      'forward FORWARD 1: everything',
    ]);
    // Either it came so, or DNAT made it so.
    for (const at of ['FORWARD', 'end'] as const)
      expect(rows(gateway, '-i eth0 -p tcp -d 10.0.0.5 --dport 80', { at, fates: ['forward'] })).toHaveLength(
        1,
      );
    expect(rows(gateway, '-i eth0 -p tcp -d 10.0.0.5 --dport 81', { at: 'end', fates: ['forward'] })).toEqual(
      [],
    );
  });
  test('shows each row with a packet that the engine walks to the same end', () => {
    for (const row of ask(gateway, '').rows) {
      if (row.witness === undefined) continue;
      expect(row.witness.trace.fate.kind).toBe(row.fate);
    }
    const [first] = ask(gateway, '-i eth0 -p tcp --dport 22 -s 192.0.2.0/24', { fates: ['local'] }).rows;
    expect(first?.witness?.packet.join(' ')).toContain('-s 192.0.2.7');
    expect(first?.witness?.assume).toEqual(['local=203.0.113.7']);
  });
  test('of no packet says so', () => {
    expect(ask(gateway, '-p tcp -m tcp --dport 22 -m multiport --dports 23').empty).toBe(true);
  });
  test('has shares that add up', () => {
    const answer = ask(gateway, '-i eth0', { at: 'INPUT', openersOnly: true });
    const sum = answer.rows
      .filter((r) => r.aspect === 'openers' && r.certain)
      .reduce((s, r) => s + r.share, 0);
    expect(sum).toBeLessThanOrEqual(1.000001);
    expect(sum).toBeGreaterThan(0.5);
  });
  test('ends with the budget named', () => {
    const result = queryMachine([{ name: 'gw.rules', text: gateway }], {
      registry,
      expression: [],
      nodesMax: 1000,
    });
    expect(result.couldNotLook).toBe('the sets of this ruleset need more than 1000 nodes');
  });
  test('refuses words that make no set, with their place', () => {
    const result = queryMachine([{ name: 'gw.rules', text: gateway }], {
      registry,
      expression: ['--dportt', '2'],
    });
    expect(result.refused?.diagnostics[0]?.span).toEqual({ start: 0, end: 8 });
  });
  test('about the other family cannot be answered', () => {
    const v4 = `# Generated by iptables-save v1.8.9 on Tue Nov 17 09:41:27 2026\n${gateway}`;
    const result = queryMachine([{ name: 'gw.rules', text: v4 }], {
      registry,
      expression: ['-s', '2001:db8::1'],
    });
    expect(result.couldNotLook).toContain('no IPv6 ruleset');
  });
});

describe('a short form', () => {
  test.each([
    ['203.0.113.1', '-d 203.0.113.1'],
    ['203.0.113.1:22', '-p tcp -d 203.0.113.1 --dport 22'],
    ['203.0.113.1:53/udp', '-p udp -d 203.0.113.1 --dport 53'],
    ['2001:db8::1', '-d 2001:db8::1'],
    ['[2001:db8::1]:443', '-p tcp -d 2001:db8::1 --dport 443'],
    ['2001:db8::1:22', '-d 2001:db8::1:22'],
  ])('of a destination: %s', (text, words) => {
    expect(destinationWords(text)).toEqual({ words: words.split(' ') });
  });
  test.each(['gw', '203.0.113.1:70000', '203.0.113.1:22/foo', '', '[203.0.113.1', '203.0.113.1:x'])(
    'that is none: %s',
    (text) => {
      expect(destinationWords(text)).toHaveProperty('problem');
    },
  );
  test('of a source may be a network', () => {
    expect(sourceWords('10.0.0.0/8')).toEqual({ words: ['-s', '10.0.0.0/8'] });
    expect(sourceWords('ten')).toHaveProperty('problem');
  });
});

import { describe, expect, test } from 'vitest';
import type { SourceText } from '../../src/diagnostics/sources.ts';
import { noNames, type Policy, type PolicyTest, plainTest, unplaced } from '../../src/policy/policy.ts';
import { type PolicyRunOptions, runPolicy } from '../../src/policy/run.ts';
import { defaultRegistry } from '../../src/registry.ts';

const registry = defaultRegistry();
const assume = ['local=203.0.113.1', 'forwarding=on'];

const gateway = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 23 -j REJECT
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 25 -j LOG
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:8443
COMMIT
`;

const texts = (text: string): readonly SourceText[] => [{ name: 'gw.rules', text }];

/** A test about these packets, with what else is said of it. */
function about(packets: string, more: Partial<PolicyTest>): PolicyTest {
  return { ...plainTest, name: packets, packets: [unplaced(packets)], ...more };
}

function tryOne(one: PolicyTest, rules = gateway, o: Partial<PolicyRunOptions> = {}, names = noNames) {
  const policy: Policy = { names, tests: [one] };
  const run = runPolicy(texts(rules), policy, { registry, assume, ...o });
  return { run, answer: run.tests[0], claim: run.tests[0]?.claims[0] };
}

const verdictOf = (one: PolicyTest, rules?: string, o?: Partial<PolicyRunOptions>): string | undefined =>
  tryOne(one, rules, o).answer?.verdict;

describe('claims', () => {
  test.each<[string, Partial<PolicyTest>, string]>([
    ['-i eth0 -s 198.51.100.5 -d 203.0.113.1 -p tcp --dport 22', { expect: 'delivered' }, 'passed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 22', { expect: 'delivered' }, 'failed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 22', { expect: 'delivered', some: true }, 'passed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 21', { expect: 'delivered', some: true }, 'failed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 23', { expect: 'reject' }, 'passed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 23', { expect: 'drop' }, 'failed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 23', { expect: 'blocked' }, 'passed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 22', { onlyFrom: [unplaced('198.51.100.0/28')] }, 'passed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 22', { onlyFrom: [unplaced('198.51.100.0/29')] }, 'failed'],
    [
      '-i eth0 -d 203.0.113.1 -p tcp --dport 443',
      { translatedTo: [unplaced('192.168.1.10:8443')], expect: 'accept' },
      'failed',
    ],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 22', { neverLogged: true }, 'passed'],
    ['-i eth0 -d 203.0.113.1 -p tcp --dport 25', { neverLogged: true }, 'failed'],
    ['-i eth0 -s 198.51.100.5 -d 203.0.113.1 -p tcp --dport 22', { replyPasses: true }, 'passed'],
  ])('%s %j: %s', (packets, more, verdict) => {
    expect(verdictOf(about(packets, more))).toBe(verdict);
  });

  test('the destination after DNAT, and the interface that packets leave by', () => {
    const known = { assume: [...assume, 'remote=192.168.1.10'] };
    const published = '-i eth0 -d 203.0.113.1 -p tcp --dport 443';
    expect(
      verdictOf(about(published, { translatedTo: [unplaced('192.168.1.10:8443')] }), gateway, known),
    ).toBe('passed');
    expect(
      verdictOf(about(published, { translatedTo: [unplaced('192.168.1.10:443')] }), gateway, known),
    ).toBe('failed');
    const through = '-i eth1 -s 192.168.1.5 -d 192.0.2.9 -o eth0';
    const remote = { assume: [...assume, 'remote=192.0.2.9'] };
    expect(verdictOf(about(through, { out: [unplaced('eth0')] }), gateway, remote)).toBe('passed');
    expect(verdictOf(about(through, { out: [unplaced('eth2')] }), gateway, remote)).toBe('failed');
  });

  test('a refutation has the rule that decided and a packet that the engine walked to that end', () => {
    const { claim } = tryOne(about('-i eth0 -d 203.0.113.1 -p tcp --dport 22', { expect: 'drop' }));
    expect(claim).toMatchObject({ verdict: 'refuted', fate: 'local' });
    expect(claim?.by).toMatchObject({ kind: 'rule', rule: { chain: 'INPUT', index: 1 } });
    expect(claim?.witness?.trace.fate.kind).toBe('local');
    expect(claim?.witness?.packet.join(' ')).toBe('-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 22');
  });
});

describe('what is not known', () => {
  const ping = '-i eth0 -d 203.0.113.1 -p icmp --icmp-type 8';

  test('a limit leaves the answer open, and the test fails unless that is allowed', () => {
    const { claim, answer } = tryOne(about(ping, { expect: 'delivered' }));
    expect(answer?.verdict).toBe('failed');
    expect(claim?.verdict).toBe('depends');
    expect(claim?.dependsOn?.join(' ')).toMatch(/limit|rule:/);
    expect(verdictOf(about(ping, { expect: 'delivered', allowUnknown: true }))).toBe('allowed');
  });

  test('whether an address is local is left open, and taken for granted where the policy says so', () => {
    const one = about('-i eth0 -s 198.51.100.5 -d 203.0.113.9 -p tcp --dport 22', { expect: 'delivered' });
    expect(tryOne(one).claim?.verdict).toBe('depends');
    expect(verdictOf(one, gateway, { assume: ['local=203.0.113.9'] })).toBe('passed');
  });

  test('packets that there are none of are no proof', () => {
    const { answer, claim } = tryOne(about('-i eth0 -s 127.0.0.1', { expect: 'drop' }));
    expect(claim?.verdict).toBe('empty');
    expect(answer?.verdict).toBe('failed');
  });

  test('nor are they of where they leave, and as what', () => {
    for (const more of [{ out: [unplaced('eth0')] }, { translatedTo: [unplaced('192.0.2.1')] }])
      expect(verdictOf(about('-i eth0 -s 127.0.0.1', more))).toBe('failed');
  });

  test('where connections are not tracked, packets open some all the same', () => {
    const stateless = `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;
    const one = about('-i eth0 -d 203.0.113.1 -p tcp --dport 22', { expect: 'delivered' });
    expect(verdictOf(one, stateless)).toBe('passed');
  });

  test('a family without a ruleset is not decided', () => {
    const { answer } = tryOne(about('-p tcp --dport 22', { expect: 'drop', family: 'ipv6' }));
    expect(answer?.verdict).toBe('undecided');
  });

  test('sets that grow too large are not decided', () => {
    const one = about('-i eth0 -p tcp --dport 22', { expect: 'drop' });
    expect(verdictOf(one, gateway, { nodesMax: 1000 })).toBe('undecided');
  });
});

describe('replies', () => {
  test('an answer that no rule lets out refutes, and is shown', () => {
    const oneWay = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT DROP [0:0]
COMMIT
`;
    const { answer } = tryOne(
      about('-i eth0 -d 203.0.113.1 -p tcp --dport 22', { replyPasses: true }),
      oneWay,
    );
    const reply = answer?.claims.find((c) => c.kind === 'reply');
    expect(reply).toMatchObject({ verdict: 'refuted', reply: { end: 'stopped' } });
  });
});

describe('the same as another ruleset', () => {
  const same = (packets: string, other: string): string | undefined =>
    verdictOf(about(packets, { sameAs: unplaced('other.rules') }), gateway, {
      others: new Map([['other.rules', [{ name: 'other.rules', text: other }]]]),
    });
  const opened = gateway.replace('--dport 23 -j REJECT', '--dport 23 -j ACCEPT');

  test('is refuted by the packets that fare differently, and by no others', () => {
    expect(same('-p tcp --dport 23', opened)).toBe('failed');
    expect(same('-p tcp --dport 22', opened)).toBe('passed');
  });
});

describe('names', () => {
  const names = {
    networks: new Map([['office', ['198.51.100.0/28', '2001:db8::/64']]]),
    zones: new Map([['lan', { interfaces: ['eth1', 'eth2'], networks: ['192.168.1.0/24'] }]]),
    services: new Map([['admin', ['tcp/22', 'tcp/23']]]),
  };

  test('stand for each of their values, and behind "!" for none of them', () => {
    const office = about('-i eth0 -s @office -d 203.0.113.1 -p tcp --dport 22', { expect: 'delivered' });
    expect(tryOne(office, gateway, {}, names).answer?.verdict).toBe('passed');
    const others = about('-i eth0 ! -s @office -d 203.0.113.1 -p tcp --dport 22', { expect: 'drop' });
    expect(tryOne(others, gateway, {}, names).answer?.verdict).toBe('passed');
    const lan = about('-i @lan -d 203.0.113.1 @admin', { expect: 'drop' });
    expect(tryOne(lan, gateway, {}, names).answer?.verdict).toBe('passed');
  });

  test('that nobody gave are told', () => {
    const { run } = tryOne(about('-s @ofice', { expect: 'drop' }), gateway, {}, names);
    expect(run.problems[0]).toMatchObject({ message: 'there is no network "ofice"' });
  });
});

test('both families are asked', () => {
  const six = `# Generated by ip6tables-save v1.8.9
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`;
  const one = about('-i eth0 -p tcp --dport 23 -m addrtype --dst-type LOCAL', { expect: 'blocked' });
  const policy: Policy = { names: noNames, tests: [one] };
  const run = runPolicy(
    [
      { name: 'v4', text: `# Generated by iptables-save v1.8.9\n${gateway}` },
      { name: 'v6', text: six },
    ],
    policy,
    { registry },
  );
  expect(run.tests[0]?.verdict).toBe('failed');
  expect(run.tests[0]?.claims.map((c) => [c.family, c.verdict])).toEqual([
    ['ipv4', 'proved'],
    ['ipv6', 'refuted'],
  ]);
});

test('coverage names the rules that take no packet of a test', () => {
  const one = about('-i eth0 -s 198.51.100.5 -d 203.0.113.1 -p tcp --dport 22', { expect: 'accept' });
  const covered = (test: PolicyTest) =>
    tryOne(test, gateway, { coverage: true }).run.coverage[0]?.uncovered.map(
      ({ rule }) => `${rule.chain} ${rule.index + 1}`,
    );
  expect(covered(one)).not.toContain('INPUT 2');
  expect(covered(one)).toContain('INPUT 1');
  const answered = `${gateway.replace(':OUTPUT ACCEPT', ':OUTPUT DROP').replace('-A FORWARD -m', '-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -m')}`;
  const run = tryOne({ ...one, replyPasses: true }, answered, { coverage: true }).run;
  expect(run.tests[0]?.verdict).toBe('passed');
  expect(run.coverage[0]?.uncovered.some(({ rule }) => rule.chain === 'OUTPUT')).toBe(false);
});

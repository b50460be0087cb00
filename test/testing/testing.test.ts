import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import '../../src/testing/vitest.ts';
import {
  assertRules,
  flow,
  flows,
  hosts,
  loadRules,
  packet,
  packets,
  type Rules,
  RulesError,
  rulesets,
  rulesFromText,
} from '../../src/testing/index.ts';

const gateway = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:8443
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 23 -j REJECT --reject-with icmp-port-unreachable
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 1/sec -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
`;
const context = `[{"ifname":"eth0","addr_info":[{"family":"inet","local":"203.0.113.1","prefixlen":24,"scope":"global"}]},{"ifname":"eth1","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":24,"scope":"global"}]}]
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
net.ipv4.ip_forward = 1
`;

const rules: Rules = rulesFromText(gateway, context, { networks: { office: '198.51.100.0/28' } });
const ssh = '-i eth0 -d 203.0.113.1 -p tcp --dport 22';

describe('matchers', () => {
  test('hold what is proved', () => {
    expect(rules).toAccept(`${ssh} -s @office`);
    expect(rules).toDeliver(`${ssh} -s 198.51.100.5`);
    expect(rules).toDrop(`${ssh} ! -s @office`);
    expect(rules).toReject('-i eth0 -d 203.0.113.1 -p tcp --dport 23');
    expect(rules).toBlock('-i eth0 -d 203.0.113.1 -p tcp', {
      except: ['-p tcp --dport 443', `${ssh} -s @office`],
    });
    expect(rules).toForwardTo('-i eth1 -s 192.168.1.0/24 ! -d 192.168.1.0/24 -o eth0', 'eth0');
    expect(rules).toTranslateTo('-i eth0 -d 203.0.113.1 -p tcp --dport 443', '192.168.1.10:8443');
    expect(rules).toTranslateSourceTo('-i eth1 -s 192.168.1.0/24 ! -d 192.168.1.0/24 -o eth0', '203.0.113.1');
    expect(rules).toAnswer('-i eth0 -d 203.0.113.1 -p tcp --dport 443');
    expect(rules).toAcceptOnlyFrom(ssh, '@office');
    expect(rules).toBehaveLike(
      rulesFromText(gateway.replace('198.51.100.0/28', '198.51.100.0/255.255.255.240'), context),
    );
    expect(rules).not.toAccept(ssh);
  });

  test('hold one packet to every way that it may take', () => {
    expect(rules).toDrop(packet(`${ssh} -s 192.0.2.99`));
    expect(rules).toTranslateTo(
      packet('-i eth0 -s 192.0.2.99 -d 203.0.113.1 -p tcp --dport 443'),
      '192.168.1.10:8443',
    );
    expect(rules).toForwardTo(packet('-i eth1 -s 192.168.1.7 -d 192.0.2.99 -p tcp --dport 80'), [
      'eth0',
      'eth2',
    ]);
    expect(rules).toTranslateSourceTo(
      packet('-i eth1 -s 192.168.1.7 -d 192.0.2.99 -p tcp --dport 80'),
      '203.0.113.0/24',
    );
    expect(rules).toAnswer(packet('-i eth1 -s 192.168.1.7 -d 192.0.2.99 -p tcp --dport 80'));
    expect(rules).not.toAnswer(packet(`${ssh} -s 192.0.2.99`));
  });

  const failure = (run: () => void): string => {
    try {
      run();
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };

  test('that fail show the packet, the rule and the way', () => {
    const ofSet = failure(() => expect(rules).toDrop(ssh));
    expect(ofSet).toContain('expected the rules to drop');
    expect(ofSet).toContain('-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 22');
    expect(ofSet).toMatch(/INPUT 2 \(line 14\)/);
    expect(ofSet).toContain('try it');
    const ofOne = failure(() => expect(rules).toAccept(packet(`${ssh} -s 192.0.2.99`)));
    expect(ofOne).toContain('expected it to be accepted');
    expect(ofOne).toMatch(/DROPPED/);
    expect(ofOne).toContain('policy');
    const not = failure(() => expect(rules).not.toDrop(`${ssh} ! -s @office`));
    expect(not).toContain('expected the rules not to drop');
    expect(not).toContain('proved');
    const others = failure(() =>
      expect(rules).toBehaveLike(rulesFromText(gateway.replace('--dport 22', '--dport 2222'), context)),
    );
    expect(others).toMatch(/--dport 22\b/);
  });

  test('that depend on something unknown hold neither way, unless that is allowed', () => {
    const ping = '-i eth0 -d 203.0.113.1 -p icmp --icmp-type 8';
    expect(failure(() => expect(rules).toAccept(ping))).toContain('depends on what is not known');
    expect(failure(() => expect(rules).not.toAccept(ping))).toContain('depends on what is not known');
    expect(failure(() => expect(rules).not.toAccept(packet(`${ping} -s 192.0.2.99`)))).toContain(
      'depends on',
    );
    expect(rules).toAccept(ping, { unknown: 'allow' });
  });

  test('play whole conversations', () => {
    expect(rules).toCarry(flow(`${ssh} -s 198.51.100.5`));
    expect(rules).not.toCarry(flow(`${ssh} -s 192.0.2.99`));
    expect(failure(() => expect(rules).toCarry(flow(`${ssh} -s 192.0.2.99`)))).toContain('-s 192.0.2.99');
  });

  test('run the linter', () => {
    const clean = loadRules('rules-examples/gateway-web-in-forward-mended.rules');
    const dead = rulesFromText(
      gateway.replace(
        '-A INPUT -p icmp',
        '-A INPUT -s 198.51.100.5/32 -i eth0 -p tcp -m tcp --dport 22 -j DROP\n-A INPUT -p icmp',
      ),
      context,
    );
    expect(clean).toHaveNoFindings();
    expect(failure(() => expect(dead).toHaveNoFindings())).toMatch(/FW\d{3}/);
  });
});

describe('what is wrong', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['a text without rules', () => rulesFromText('hello'), /./],
    [
      'a line that iptables would refuse',
      () => rulesFromText(gateway.replace('--dport 22', '--dprt 22'), context),
      /--dprt/,
    ],
    ['packets that cannot be read', () => expect(rules).toDrop('-i eth0 --dprt 22'), /--dprt/],
    ['a packet that is none', () => rules.trace('-p tcp --dprt 22'), /--dprt/],
    ['a name that nobody gave', () => expect(rules).toDrop('-s @nobody'), /@?nobody/],
    ['an address that is none', () => expect(rules).toTranslateTo(packet(ssh), 'nowhere'), /nowhere/],
    ['packets that there are none of', () => packets(rules, { in: '-i eth0 -p tcp -p udp' }), /./],
  ])('%s is said', (_, run, message) => {
    expect(run).toThrow(message);
  });

  test('a file that is not there', () => {
    expect(() => loadRules('no/such.rules')).toThrow(/no\/such\.rules/);
  });

  test('expect of something else', () => {
    expect(() => expect('gw.rules').toDrop('-i eth0')).toThrow(/loadRules/);
  });

  test('is a RulesError', () => {
    expect(() => rulesFromText('hello')).toThrow(RulesError);
  });
});

test('the same without a runner', () => {
  assertRules(rules).toDrop(`${ssh} ! -s @office`);
  expect(() => assertRules(rules).toDrop(ssh)).toThrow(
    expect.objectContaining({ code: 'ERR_ASSERTION', name: 'AssertionError' }),
  );
});

// ---------------------------------------------------------------------------------------------- arbitraries

const seeded = { seed: 20_260_101, numRuns: 150 };

describe('drawn packets', () => {
  test('are among those asked for, and reach every rule and policy', () => {
    const deciders = new Set<string>();
    const states = new Set<string>();
    fc.assert(
      fc.property(packets(rules, { in: '-i eth0' }), (drawn) => {
        expect(drawn.match).toMatch(/^-i eth0 /);
        const { exploration } = rules.trace(drawn, { noReply: true });
        for (const { trace } of exploration.branches) {
          deciders.add(trace.fate.kind);
          for (const e of trace.events) if (e.kind === 'conntrack') states.add(e.state);
        }
      }),
      { ...seeded, numRuns: 300 },
    );
    expect([...deciders]).toEqual(expect.arrayContaining(['local', 'forward', 'drop', 'reject']));
    expect([...states]).toEqual(expect.arrayContaining(['NEW', 'ESTABLISHED', 'RELATED', 'INVALID']));
  });

  test('stand at the boundaries of what rules mention', () => {
    const ports = new Set<string>();
    const sources = new Set<string>();
    for (const { match } of fc.sample(packets(rules, { in: '-i eth0 -p tcp' }), {
      ...seeded,
      numRuns: 400,
    })) {
      ports.add(/--dport (\d+)/.exec(match)?.[1] ?? '');
      sources.add(/-s (\S+)/.exec(match)?.[1] ?? '');
    }
    expect([...ports]).toEqual(expect.arrayContaining(['21', '22', '23', '24', '442', '443', '444']));
    expect([...sources]).toEqual(expect.arrayContaining(['198.51.100.0', '198.51.100.15', '198.51.100.16']));
  });

  test('have odd flags and errors of ICMP among them', () => {
    const texts = fc.sample(packets(rules), { ...seeded, numRuns: 500 }).map((p) => p.match);
    expect(texts.some((t) => t.includes('--tcp-flags ALL NONE'))).toBe(true);
    expect(texts.some((t) => /--tcp-flags ALL (?:FIN,SYN|SYN,RST|FIN,PSH,URG)/.test(t))).toBe(true);
    expect(texts.some((t) => /--icmp-type (?:3|11|12)\b/.test(t))).toBe(true);
    expect(texts.some((t) => t.includes('--ctdir REPLY'))).toBe(true);
  });

  test('find what is wrong, and shrink to an ordinary packet', () => {
    const telnet = rulesFromText(
      gateway.replace('-j REJECT --reject-with icmp-port-unreachable', '-j ACCEPT'),
      context,
    );
    const result = fc.check(
      fc.property(
        packets(telnet, {
          in: '-i eth0',
          except: ['-p tcp --dport 443', '-p tcp --dport 22'],
          openers: true,
        }),
        (p) => rulesBlock(telnet, p.match),
      ),
      seeded,
    );
    expect(result.failed).toBe(true);
    expect(String(result.counterexample?.[0])).toBe(
      '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 23',
    );
  });

  const rulesBlock = (which: Rules, match: string): boolean =>
    which.trace(match).exploration.branches.every(({ trace }) => trace.fate.kind !== 'local');

  test('of the machine itself, and openers alone', () => {
    for (const drawn of fc.sample(packets(rules, { local: true }), seeded)) expect(drawn.local).toBe(true);
    for (const { match } of fc.sample(packets(rules, { openers: true }), seeded))
      expect(match).not.toMatch(/--ctstate|--tcp-flags/);
  });

  test('agree with what is proved of them', () => {
    fc.assert(
      fc.property(packets(rules, { in: `${ssh} ! -s 198.51.100.0/28`, openers: true }), (drawn) => {
        expect(rules).toDrop(drawn);
      }),
      seeded,
    );
  });
});

describe('drawn conversations', () => {
  test('pass where they are allowed', () => {
    fc.assert(
      fc.property(flows(rules, { in: '-i eth1 -s 192.168.1.128/25 -d 192.0.2.0/24' }), (drawn) => {
        expect(rules).toCarry(drawn);
      }),
      { ...seeded, numRuns: 40 },
    );
  });
});

describe('drawn rulesets and machines', () => {
  test('can be read, and walked', () => {
    fc.assert(
      fc.property(rulesets(), hosts({ interfaces: ['eth0', 'eth1'] }), (text, host) => {
        const drawn = rulesFromText(text, host);
        expect(drawn.read.rulesets.length).toBe(1);
        const { exploration } = drawn.trace('-i eth0 -p tcp --dport 22');
        expect(exploration.branches.length).toBeGreaterThan(0);
      }),
      { ...seeded, numRuns: 60 },
    );
  });

  test('behave like themselves, and shrink to empty tables', () => {
    fc.assert(
      fc.property(rulesets({ nat: false, rulesMax: 3 }), (text) => {
        expect(rulesFromText(text)).toBehaveLike(rulesFromText(text));
      }),
      { ...seeded, numRuns: 10 },
    );
    const { counterexample } = fc.check(
      fc.property(rulesets(), () => false),
      seeded,
    );
    expect(counterexample?.[0]).not.toContain('-A ');
  });
});

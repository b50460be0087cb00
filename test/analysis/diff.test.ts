/** Goal: what counts as a difference and what does not. Method: pairs of small rulesets, each with what must be said. */
import { describe, expect, test } from 'vitest';
import { diffMachines, type MachineDiff, type MachineDiffOptions } from '../../src/comparing.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { changeWords } from '../../src/report/diff-words.ts';
import { createMeter } from '../../src/support/budget.ts';

const registry = defaultRegistry();

const filter = (...lines: readonly string[]): string =>
  `*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n${lines.map((l) => `${l}\n`).join('')}COMMIT\n`;
const nat = (...lines: readonly string[]): string =>
  `*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n${lines.map((l) => `${l}\n`).join('')}COMMIT\n`;
const mangle = (...lines: readonly string[]): string =>
  `*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n${lines.map((l) => `${l}\n`).join('')}COMMIT\n`;

const accept = (condition: string): string => `-A INPUT ${condition} -j ACCEPT`;
const addresses = '2: eth0: <UP> mtu 1500\n    inet 203.0.113.1/24 scope global eth0\n';
const forward = filter('-A FORWARD -j ACCEPT');

function compare(old: string, now: string, options: Partial<MachineDiffOptions> = {}) {
  return diffMachines([{ name: 'old', text: old }], [{ name: 'new', text: now }], { registry, ...options });
}

function compared(old: string, now: string, options: Partial<MachineDiffOptions> = {}): MachineDiff {
  const { compared: found, couldNotLook, refused } = compare(old, now, options);
  if (found === undefined) throw new Error(couldNotLook ?? JSON.stringify(refused));
  return found;
}

/** The changes in words, each once. */
function told(m: MachineDiff): readonly string[] {
  const words = m.families.flatMap((f) =>
    f.diff.kind === 'different' ? f.diff.differences.map(changeWords) : [`${f.diff.kind}`],
  );
  return [...new Set(words)];
}

describe('equal', () => {
  test.each([
    [
      'counters and comments',
      accept('-p tcp -m tcp --dport 22'),
      accept('-p tcp -m tcp --dport 22 -m comment --comment ssh'),
    ],
    [
      'order of disjoint rules',
      `${accept('-s 192.0.2.1')}\n${accept('-s 192.0.2.2')}`,
      `${accept('-s 192.0.2.2')}\n${accept('-s 192.0.2.1')}`,
    ],
    ['spelling of networks', accept('-s 192.0.2.0/24'), accept('-s 192.0.2.77/255.255.255.0')],
    [
      'a network in halves',
      accept('-s 192.0.2.0/24'),
      `${accept('-s 192.0.2.0/25')}\n${accept('-s 192.0.2.128/25')}`,
    ],
    [
      'a list of ports',
      accept('-p tcp -m multiport --dports 80,443'),
      `${accept('-p tcp -m tcp --dport 80')}\n${accept('-p tcp -m tcp --dport 443')}`,
    ],
    ['a rule that nothing reaches', accept('-p udp'), `${accept('-p udp')}\n-A INPUT -p udp -j DROP`],
    ['a drop in front of the policy DROP', accept('-p udp'), `${accept('-p udp')}\n-A INPUT -j DROP`],
    [
      'a match that its protocol implies',
      `${accept('-m conntrack --ctstate NEW -p tcp')}`,
      `${accept('-m conntrack --ctstate NEW -p tcp -m tcp')}`,
    ],
    ['a chain instead of its rules', accept('-p udp'), '-N udp\n-A INPUT -p udp -j udp\n-A udp -j ACCEPT'],
    ['the same limit', accept('-p icmp -m limit --limit 3/min'), accept('-m limit --limit 3/min -p icmp')],
    ['a rule that only counts', accept('-p udp'), `-A INPUT -p tcp\n${accept('-p udp')}`],
    ['a log line', accept('-p udp'), `-A INPUT -p udp -j LOG\n${accept('-p udp')}`],
  ])('%s', (_, old, now) => {
    expect(told(compared(filter(old), filter(now)))).toEqual(['equal']);
  });

  test('names of chains and tables without rules', () => {
    const old = filter(':a - [0:0]', '-A INPUT -j a', '-A a -p tcp -j ACCEPT');
    const now = filter(':b - [3:4]', '-A INPUT -j b', '-A b -p tcp -j ACCEPT');
    expect(told(compared(old, now))).toEqual(['equal']);
    expect(told(compared(old, `${mangle()}${now}`))).toEqual(['equal']);
  });

  test('a mark by two rules or one', () => {
    const old = mangle('-A PREROUTING -i eth0 -j MARK --set-xmark 0x3/0xffffffff');
    const now = mangle(
      '-A PREROUTING -i eth0 -j MARK --set-xmark 0x1/0x1',
      '-A PREROUTING -i eth0 -j MARK --set-xmark 0x2/0x2',
    );
    expect(told(compared(old, now))).toEqual(['equal']);
  });
});

describe('different', () => {
  test.each([
    ['opened', filter(accept('-p udp')), filter(accept('-p udp'), accept('-p tcp -m tcp --dport 22'))],
    ['closed', filter(accept('-s 192.0.2.0/24')), filter(accept('-s 192.0.2.0/25'))],
    ['rejected instead of dropped', filter(), filter('-A INPUT -p tcp -j REJECT --reject-with tcp-reset')],
    [
      'rejected otherwise',
      filter('-A INPUT -p tcp -j REJECT'),
      filter('-A INPUT -p tcp -j REJECT --reject-with tcp-reset'),
    ],
    [
      'other limit',
      filter(accept('-p icmp -m limit --limit 3/min')),
      filter(accept('-p icmp -m limit --limit 10/min')),
    ],
    [
      'other limit',
      filter(accept('-p icmp -m limit --limit 3/min')),
      filter(accept('-p icmp -m limit --limit 3/min'), accept('-p icmp -m limit --limit 3/min')),
    ],
    [
      'goes elsewhere',
      `${forward}${nat('-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1')}${addresses}`,
      `${forward}${nat('-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2')}${addresses}`,
    ],
    [
      'leaves with another source',
      `${forward}${nat('-A POSTROUTING -o eth0 -j MASQUERADE')}`,
      `${forward}${nat('-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.1')}`,
    ],
    [
      'other mark',
      `${forward}${mangle('-A FORWARD -j MARK --set-xmark 0x1/0xffffffff')}`,
      `${forward}${mangle('-A FORWARD -j MARK --set-xmark 0x2/0xffffffff')}`,
    ],
    [
      'other TOS',
      `${forward}${mangle('-A FORWARD -j TOS --set-tos 0x10/0xff')}`,
      `${forward}${mangle('-A FORWARD -j TOS --set-tos 0x08/0xff')}`,
    ],
    [
      'other TCPMSS',
      `${forward}${mangle('-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400')}`,
      `${forward}${mangle('-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1300')}`,
    ],
    ['ends otherwise', filter(accept('-p udp')), filter('-A INPUT -p udp -j NFQUEUE --queue-num 1')],
  ])('%s', (words, old, now) => {
    expect(told(compared(old, now))).toEqual([words]);
  });

  test('a log line, if log lines count', () => {
    const logging = filter('-A INPUT -p udp -j LOG', accept('-p udp'));
    expect(told(compared(filter(accept('-p udp')), logging, { logging: true }))).toEqual(['other LOG']);
  });

  test('a family that one side lacks accepts everything', () => {
    const old = '*filter\n:INPUT DROP [0:0]\n-A INPUT -s 2001:db8::/32 -j ACCEPT\nCOMMIT\n';
    const m = compared(`${filter()}# Generated by ip6tables-save v1.8.9\n${old}`, filter());
    expect(m.families.map((f) => [f.family, f.diff.kind, f.new === undefined])).toEqual([
      ['ipv4', 'equal', false],
      ['ipv6', 'different', true],
    ]);
  });

  test('what only something unknown decides names it', () => {
    const old = filter(accept('-p tcp -m string --string a --algo bm'));
    const m = compared(old, filter(accept('-p tcp -m string --string b --algo bm')));
    const [first] = m.families[0]?.diff.kind === 'different' ? m.families[0].diff.differences : [];
    expect(first?.certain).toBe(false);
    expect(first?.unknowns.length).toBeGreaterThan(0);
  });
});

describe('asked about some packets', () => {
  const old = filter(accept('-p tcp -m tcp --dport 22'));
  const now = filter(accept('-p tcp -m tcp --dport 23'));
  test.each([
    ['-p tcp --dport 22', 'closed'],
    ['-p tcp --dport 23', 'opened'],
    ['-p udp', 'equal'],
  ])('%s: %s', (words, answer) => {
    expect(told(compared(old, now, { expression: words.split(' ') }))).toEqual([answer]);
  });

  test('that do not exist: there is nothing to compare', () => {
    const m = compared(old, now, { expression: ['-p', 'tcp', '--ctstate', 'NEW'] });
    expect(m.families.map((f) => f.diff)).toEqual([{ kind: 'equal', proof: 'nothing' }]);
  });

  test('in words that cannot be read: refused', () => {
    expect(compare(old, now, { expression: ['-p', 'tpc'] }).refused).toBeDefined();
  });
});

describe('not decided', () => {
  const old = filter(accept('-p tcp -m tcp --dport 22'));
  const now = filter(accept('-p tcp -m tcp --dport 23'));

  test('beyond the nodes that are allowed', () => {
    const result = compare(old, now, { nodesMax: 10 });
    expect(result.compared?.families[0]?.diff.kind).toBe('undecided');
    expect(result.couldNotLook).toContain('10 nodes');
  });

  test('where both sides lead packets in a circle: no kernel takes them', () => {
    const circle = (condition: string): string =>
      filter(':a - [0:0]', ':b - [0:0]', '-A INPUT -j a', '-A a -p tcp -j b', `-A b ${condition} -j a`);
    for (const other of [circle('-s 10.0.0.0/8'), circle('-s 192.168.0.0/16')]) {
      const result = compare(circle('-s 10.0.0.0/8'), other);
      expect(result.compared?.families[0]?.diff.kind).toBe('undecided');
      expect(result.couldNotLook).toContain('loop of jumps');
    }
    expect(told(compared(circle('-s 10.0.0.0/8'), filter()))).not.toContain('equal');
  });

  test('where it was cancelled', () => {
    const meter = createMeter({});
    meter.cancel();
    expect(compare(old, now, { meter }).couldNotLook).toContain('cancelled');
  });

  test('where there is no ruleset', () => {
    expect(compare('', now).couldNotLook).toBeDefined();
    expect(compare(old, 'hello').couldNotLook).toBeDefined();
  });
});

describe('connections', () => {
  const listed = (line: string): string =>
    `${filter('-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT')}${addresses}${line}\n`;
  const ssh =
    'tcp 6 431999 ESTABLISHED src=198.51.100.7 dst=203.0.113.1 sport=51000 dport=22 src=203.0.113.1 dst=198.51.100.7 sport=22 dport=51000 [ASSURED] mark=0 use=1';

  test('that new rules cut off are listed', () => {
    const m = compared(listed(ssh), filter('-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT'));
    expect(m.connections?.looked).toBe(1);
    expect(m.connections?.lost.map((l) => [l.own, l.assumed, l.direction, l.fate.kind])).toEqual([
      [false, false, 'original', 'drop'],
    ]);
  });

  test('that live on are not', () => {
    expect(
      compared(listed(ssh), filter('-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT')).connections?.lost,
    ).toEqual([]);
  });

  test('whose answers are stopped are lost as well', () => {
    const now = filter('-A INPUT -p tcp -j ACCEPT', '-A OUTPUT -p tcp -m tcp --sport 22 -j DROP');
    expect(compared(listed(ssh), now).connections?.lost.map((l) => l.direction)).toEqual(['reply']);
  });

  test("of the asker's own are assumed where none is listed", () => {
    const remote = {
      address: { family: 'ipv4', w0: 0, w1: 0, w2: 0, w3: 0xc6336409 },
      port: undefined,
    } as const;
    const m = compared(filter(accept('-p tcp -m tcp --dport 22')), filter(), { remote });
    expect(m.connections?.lost.map((l) => [l.own, l.assumed])).toEqual([[true, true]]);
  });
});

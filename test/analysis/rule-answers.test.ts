/** Goal: each way to be dead is told as what it is. Method: small rulesets, and what is said of one rule. */
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/analysis/analysis.ts';
import { answerRules, type RuleAnswers } from '../../src/analysis/rule-answers.ts';
import { defaultRegistry } from '../../src/index.ts';
import type { Rule } from '../../src/model/ruleset.ts';
import { type ReadText, readText } from '../support/tiny-universe.ts';

const heads = {
  filter: [':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'],
  nat: [
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
  ],
  mangle: [':PREROUTING ACCEPT [0:0]', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]'],
};

interface Asked {
  readonly read: ReadText;
  readonly answers: RuleAnswers;
  /** The rule of the last line. */
  readonly last: Rule;
}

function ask(
  lines: readonly string[],
  {
    table = 'filter',
    context = '',
    nodesMax,
  }: { table?: keyof typeof heads; context?: string; nodesMax?: number } = {},
): Asked {
  const chains = new Set(lines.map((l) => l.split(' ')[1] ?? '').filter((c) => c === c.toLowerCase()));
  const text = [
    `*${table}`,
    ...heads[table],
    ...[...chains].map((c) => `:${c} - [0:0]`),
    ...lines,
    'COMMIT',
    context,
    '',
  ].join('\n');
  const read = readText(text);
  const { ruleset, machine, program } = read;
  const answers = answerRules(
    analyse({ ruleset, machine, program, registry: defaultRegistry(), ...(nodesMax ? { nodesMax } : {}) }),
  );
  return { read, answers, last: read.rules.at(-1) as Rule };
}

/** Who covers the last rule: `INPUT 1 drop`, an unneeded one in brackets. */
function coverers(
  lines: readonly string[],
  table?: keyof typeof heads,
): readonly string[] | string | undefined {
  const { answers, last } = ask(lines, table ? { table } : {});
  const death = answers.death(last);
  if (death?.kind !== 'covered') return death?.kind;
  return death.cover.map(({ rule, ending, needed }) => {
    const text = `${rule.chain} ${rule.index + 1} ${ending}`;
    return needed ? text : `(${text})`;
  });
}

describe('covered by', () => {
  test.each([
    [
      'one wider rule',
      ['-A INPUT -s 10.0.0.0/8 -j DROP', '-A INPUT -s 10.1.0.0/16 -j ACCEPT'],
      ['INPUT 1 drop'],
    ],
    [
      'the union of two halves',
      [
        '-A INPUT -s 10.0.0.0/9 -j DROP',
        '-A INPUT -s 10.128.0.0/9 -j DROP',
        '-A INPUT -s 10.0.0.0/8 -j ACCEPT',
      ],
      ['INPUT 1 drop', 'INPUT 2 drop'],
    ],
    [
      'one rule where the first of two is needless',
      [
        '-A INPUT -s 10.1.0.0/16 -j DROP',
        '-A INPUT -s 10.0.0.0/8 -j DROP',
        '-A INPUT -s 10.1.0.0/20 -j DROP',
        '-A INPUT -s 10.0.0.0/12 -j DROP',
      ],
      ['INPUT 2 drop'],
    ],
    [
      'a rule of its own verdict, and one of another that comes first',
      ['-A INPUT -p udp -j ACCEPT', '-A INPUT -s 10.0.0.0/8 -j DROP', '-A INPUT -s 10.1.0.0/16 -j DROP'],
      ['INPUT 2 drop', '(INPUT 1 accept)'],
    ],
    [
      'ports listed and a range',
      [
        '-A INPUT -p tcp -m multiport --dports 80,81 -j DROP',
        '-A INPUT -p tcp -m tcp --dport 82:90 -j DROP',
        '-A INPUT -p tcp -m tcp --dport 80:85 -j ACCEPT',
      ],
      ['INPUT 2 drop', 'INPUT 1 drop'],
    ],
    [
      'a negation and its own',
      [
        '-A INPUT ! -s 10.0.0.0/8 -j DROP',
        '-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT',
        '-A INPUT -p tcp -j ACCEPT',
      ],
      ['INPUT 1 drop', 'INPUT 2 accept'],
    ],
    [
      'a rule of a chain that is called',
      [
        '-A INPUT -j refuse',
        '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
        '-A refuse -m limit --limit 5/min -j LOG',
        '-A refuse -p tcp -j REJECT --reject-with tcp-reset',
      ],
      undefined,
    ],
    [
      'what a RETURN sends away',
      ['-A INPUT -p tcp -j RETURN', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'],
      ['INPUT 1 return'],
    ],
  ] as const)('%s', (_, lines, expected) => {
    if (expected) expect(coverers(lines)).toEqual(expected);
    else expect(coverers([...lines.slice(2), ...lines.slice(0, 2)])).toEqual(['refuse 2 reject']);
  });

  test('what returns from a chain is not taken there', () => {
    expect(
      coverers([
        '-A bans -s 10.0.0.0/8 -j RETURN',
        '-A bans -j DROP',
        '-A INPUT -j bans',
        '-A INPUT -s 10.1.1.1/32 -j ACCEPT',
      ]),
    ).toBeUndefined();
  });

  test('a goto is told by the chain that it leads to, or by itself where that decides nothing', () => {
    const lines = ['-A INPUT -p tcp -g away', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'];
    expect(coverers(['-A away -j DROP', ...lines])).toEqual(['away 1 drop']);
    expect(coverers(['-A away -j LOG', ...lines])).toEqual(['INPUT 1 away']);
  });

  test('limits, lists, chance and logs cover nothing', () => {
    for (const match of [
      '-m limit --limit 5/sec -j DROP',
      '-m statistic --mode random --probability 0.5 -j DROP',
      '-m recent --update --seconds 60 --name bad --rsource -j DROP',
      '-m connlimit --connlimit-above 5 -j DROP',
      '-j LOG',
      '-j MARK --set-mark 1',
    ])
      expect(coverers([`-A INPUT ${match}`, '-A INPUT -p tcp -j ACCEPT'], 'mangle')).toBeUndefined();
  });

  test('the same text is the same condition where it is a function of the packet', () => {
    expect(
      coverers([
        '-A INPUT -m string --string x --algo bm -j DROP',
        '-A INPUT -p tcp -m string --string x --algo bm -j ACCEPT',
      ]),
    ).toEqual(['INPUT 1 drop']);
  });

  test('by marks that are set on the way: dead, and by whom is not told', () => {
    const lines = [
      '-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff',
      '-A PREROUTING -m mark ! --mark 0x1 -j DROP',
    ];
    expect(coverers(lines, 'mangle')).toBe('untold');
  });

  test('a chain whose callers are all dead', () => {
    const { answers, last } = ask([
      '-A INPUT -j ACCEPT',
      '-A INPUT -p tcp -j web',
      '-A web -p tcp -m tcp --dport 80 -j DROP',
    ]);
    const death = answers.death(last);
    expect(death).toMatchObject({ kind: 'covered', deadJumps: true });
    expect(death?.kind === 'covered' && death.cover.map((p) => p.rule.index)).toEqual([0]);
  });
});

describe('dead for another reason', () => {
  test('conditions that exclude each other', () => {
    expect(coverers(['-A INPUT -p tcp -m tcp --tcp-flags SYN FIN -j DROP'])).toBe('conditions');
    expect(coverers(['-A INPUT -m iprange --src-range 10.0.0.9-10.0.0.1 -j DROP'])).toBe('conditions');
    expect(coverers(['-A INPUT -m mark --mark 0x10/0x1 -j DROP'])).toBe('conditions');
  });

  test('the jumps into its chain ask for something else', () => {
    const { answers, last } = ask(['-A INPUT -p tcp -j tcp_in', '-A tcp_in -p udp -j DROP']);
    expect(answers.death(last)).toMatchObject({ kind: 'jumps', jumps: [{ chain: 'INPUT', index: 0 }] });
  });

  test('nobody leads to its chain', () => {
    expect(coverers(['-A lost -p udp -j DROP'])).toBe('unreferenced');
    expect(coverers(['-A lost -j below', '-A below -p udp -j DROP'])).toBe('unreferenced');
  });

  test('no such packet comes to the hook', () => {
    const state = ask(['-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT'], { table: 'nat' });
    expect(state.answers.death(state.last)).toEqual({ kind: 'arrivals', fields: ['ctState'] });
    const loopback = ask(['-A FORWARD -o lo -j ACCEPT']);
    expect(loopback.answers.death(loopback.last)).toMatchObject({ kind: 'arrivals' });
  });

  test('the facts of the machine make it so, and are named', () => {
    const addresses = JSON.stringify([
      {
        ifindex: 1,
        ifname: 'lo',
        flags: ['LOOPBACK', 'UP'],
        mtu: 65536,
        link_type: 'loopback',
        addr_info: [{ family: 'inet', local: '127.0.0.1', prefixlen: 8, scope: 'host' }],
      },
      {
        ifindex: 2,
        ifname: 'eth0',
        flags: ['UP'],
        mtu: 1500,
        link_type: 'ether',
        addr_info: [{ family: 'inet', local: '192.0.2.1', prefixlen: 24, scope: 'global' }],
      },
    ]);
    const lines = ['-A INPUT -s 203.0.113.0/24 -d 198.51.100.7/32 -i eth0 -j ACCEPT'];
    const { answers, last } = ask(lines, { context: addresses });
    expect(answers.death(last)).toEqual({ kind: 'arrivals', fields: ['dst'] });
    expect(answers.restsOn(last).map((f) => f.source)).toEqual(['ip -j addr']);
    expect(ask(lines).answers.standing(ask(lines).last)).toBe('live');
    const covered = ask(['-A INPUT -j DROP', ...lines], { context: addresses });
    expect(covered.answers.restsOn(covered.last)).toEqual([]);
  });
});

test('what is lost of a live rule, and to whom', () => {
  const { answers, last, read } = ask([
    '-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 3306 -j ACCEPT',
    '-A INPUT -s 10.0.9.0/24 -p tcp -m multiport --dports 22,3306 -j DROP',
  ]);
  const loss = answers.loss(last);
  expect(loss?.share).toBeCloseTo(0.5, 6);
  expect(loss?.takers.map((t) => [t.rule, t.firstShare])).toEqual([[read.rules[0], 1]]);
  expect(answers.loss(read.rules[0] as Rule)).toMatchObject({ share: 0, takers: [] });
});

test('where the nodes run out, nothing is called dead', () => {
  const lines = ['-A INPUT -s 10.0.0.0/8 -j DROP', '-A INPUT -s 10.1.0.0/16 -j ACCEPT'];
  const { answers, last } = ask(lines, { nodesMax: 60 });
  expect(answers.standing(last)).toBe('undecided');
  expect(answers.dead()).toEqual([]);
});

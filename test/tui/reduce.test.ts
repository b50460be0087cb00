/** What keys do, told by stories; and what holds for any keys at all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commands } from '../../src/tui/state/commands.ts';
import { chainKey, draftRuleset, viewChain } from '../../src/tui/state/draft.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { readRuleLine } from '../../src/tui/state/rule-line.ts';
import { currentChain, currentLeg, type State } from '../../src/tui/state/state.ts';
import { eventAt } from '../../src/tui/state/walk-record.ts';
import type { NearWorld, World } from '../../src/tui/state/world.ts';
import { exampleWorld, findingsOf, firstState, press, worldOf } from '../support/tui-world.ts';

const gateway = exampleWorld('gateway-web-in-forward');

const fateOf = (world: World, state: State) => currentLeg(world, state)?.trace.fate.kind;
const place = ({ cursor }: State) => `${cursor.name.table} ${cursor.name.chain} ${cursor.row + 1}`;

describe('the story of the gateway', () => {
  const found = reduce(gateway, firstState(gateway), findingsOf(gateway));

  test('the finding leads to its rule, and its packet shows that another chain decides', () => {
    const state = press(gateway, found, '4 j enter');
    expect(place(state)).toBe('filter FORWARD 5');
    expect(fateOf(gateway, state)).toBe('local');
    expect(state.message?.text).toContain('FW101');
  });

  test('the mend in INPUT stops the packet as it is typed, and escape takes all back', () => {
    const before = press(gateway, found, '4 j enter : =chain_INPUT enter G o');
    const typed = press(gateway, before, '=-i_eth0_-p_tcp_-m_multiport_--dports_80,443_-j_DROP');
    expect(fateOf(gateway, typed)).toBe('drop');
    expect(place(typed)).toBe('filter INPUT 12');
    const back = press(gateway, typed, 'esc');
    expect(fateOf(gateway, back)).toBe('local');
    expect(back.draft.size).toBe(0);
  });

  test('taken, it is one change: undone, done again, and written to a new file only', () => {
    const taken = press(
      gateway,
      found,
      '4 j enter : =chain_INPUT enter G o =-i_eth0_-p_tcp_-m_multiport_--dports_80,443_-j_DROP enter',
    );
    expect(fateOf(gateway, taken)).toBe('drop');
    expect(fateOf(gateway, press(gateway, taken, 'u'))).toBe('local');
    expect(fateOf(gateway, press(gateway, taken, 'u ctrl-r'))).toBe('drop');
    const written = press(gateway, taken, 'w ctrl-u =mended.rules enter');
    const [effect] = written.effects;
    expect(effect).toMatchObject({ kind: 'write', path: 'mended.rules' });
    const text = effect?.kind === 'write' ? gateway.text(effect.draft) : '';
    expect(text).toContain('-A INPUT -i eth0 -p tcp -m multiport --dports 80,443 -j DROP');
    expect(text).toContain(':INPUT ACCEPT [48211:5120934]');
    // The file that is written reads as the rules that were walked.
    const again = worldOf(text);
    expect(fateOf(again, firstState(again, 80, 24, taken.packet))).toBe('drop');
  });

  test('the file that was read is never written', () => {
    const state = press(gateway, found, `space w ctrl-u =${gateway.opened.name} enter`);
    expect(state.effects).toEqual([]);
    expect(state.prompt?.problem?.message).toContain('is what was read');
  });
});

describe('along the road', () => {
  const state = firstState(
    gateway,
    80,
    24,
    '--assume local=203.0.113.1 -i eth0 -p tcp -s 192.0.2.99 -d 203.0.113.1 --dport 22',
  );

  test('it begins at the verdict, and steps lead back and forth', () => {
    expect(place(state)).toBe('filter INPUT 6');
    const back = press(gateway, state, 'left left');
    expect(back.step).toBe(state.step - 2);
    expect(press(gateway, back, 'right right')).toMatchObject({ step: state.step });
    expect(press(gateway, state, '0').step).toBe(0);
  });

  test('matches, hooks and breakpoints are stopped at', () => {
    const leg = currentLeg(gateway, state);
    const kindAt = (s: State) => leg && eventAt(leg.record, leg.index.stops[s.step] ?? -1)?.kind;
    expect(kindAt(press(gateway, state, '0 ]'))).toBe('route');
    expect(kindAt(press(gateway, state, '0 m'))).toBe('rule');
    const stopped = press(gateway, state, ': =chain_INPUT enter : 4 enter b 0 c');
    expect(place(stopped)).toBe('filter INPUT 4');
    expect(kindAt(stopped)).toBe('miss');
    expect(press(gateway, stopped, 'c').step).toBe(state.step);
  });

  test('the reply, and why there is none', () => {
    const open = firstState(
      gateway,
      80,
      24,
      '--assume local=203.0.113.1 -i eth0 -p tcp -s 192.0.2.99 -d 203.0.113.1 --dport 443',
    );
    const reply = press(gateway, open, 'r');
    expect(reply.leg.kind).toBe('reply');
    expect(fateOf(gateway, reply)).toBe('sent');
    expect(press(gateway, reply, 'r').leg.kind).toBe('packet');
    expect(press(gateway, state, 'r').message?.text).toMatch(/does not arrive/);
  });

  test('a conversation, packet by packet, with the entry of its connection', () => {
    const open = firstState(
      gateway,
      80,
      24,
      '--assume local=203.0.113.1 -i eth0 -p tcp -s 192.0.2.99 -d 203.0.113.1 --dport 443',
    );
    const second = press(gateway, open, '. .');
    expect(second.leg).toEqual({ kind: 'flow', index: 1 });
    const leg = currentLeg(gateway, second);
    expect(leg?.trace.connection?.state).toBe('ESTABLISHED');
    expect(leg?.connection?.original.dport).toBe(443);
    expect(press(gateway, second, ',').leg).toEqual({ kind: 'flow', index: 0 });
  });
});

describe('lines', () => {
  test('a packet line is judged as it is typed, and the last good one stays on the screen', () => {
    const state = press(gateway, firstState(gateway), 'p ctrl-u =-i_eth0_-p_tcp_--dport_4x');
    expect(state.prompt?.problem).toBeDefined();
    expect(state.prompt?.line.text.slice(state.prompt.problem?.start, state.prompt.problem?.end)).toBe('4x');
    expect(state.answer.kind).toBe('walked');
    expect(press(gateway, state, 'enter').prompt).toBeDefined();
    expect(press(gateway, state, 'backspace enter')).toMatchObject({
      prompt: undefined,
      packet: '-i eth0 -p tcp --dport 4',
    });
  });

  test('a pasted fwsim trace command is a packet', () => {
    const line =
      "=fwsim_trace_gw.rules_--with_gw.addr_--assume_local=203.0.113.1_--_-i_eth0_-p_udp_-d_'203.0.113.1'_--dport_53";
    const state = press(gateway, firstState(gateway), `${line} enter`);
    expect(state.answer.kind === 'walked' && state.answer.packet.protocol).toBe(17);
    expect(state.answer.kind === 'walked' && state.answer.line.assume).toEqual(['local=203.0.113.1']);
  });

  test('completion offers what is known, in a ring', () => {
    const state = press(gateway, firstState(gateway), 'p ctrl-u =-i_ tab');
    expect(state.prompt?.completion?.candidates).toEqual(['eth0', 'eth1']);
    expect(state.packet).toBe('-i eth0');
    expect(press(gateway, state, 'tab').prompt?.line.text).toBe('-i eth1');
    expect(press(gateway, state, 'tab tab').prompt?.line.text).toBe('-i eth0');
  });

  test('a rule that iptables would refuse is refused at its word, and nothing is changed', () => {
    const state = press(gateway, firstState(gateway), 'o =-p_tcp_--dport_nowhere_-j_DROP enter');
    expect(state.draft.size).toBe(0);
    const { line, problem } = state.prompt ?? {};
    expect(line?.text.slice(problem?.start, problem?.end)).toBe('nowhere');
  });

  test('the command line knows commands by name, and says what was meant', () => {
    expect(press(gateway, firstState(gateway), ': =chian enter').message?.text).toContain(
      'did you mean "chain"',
    );
    expect(press(gateway, firstState(gateway), ': =reply enter').leg.kind).toBe('reply');
    expect(place(press(gateway, firstState(gateway), ': =line_51 enter'))).toBe('filter FORWARD 5');
  });

  test('search goes over all chains, and around', () => {
    const state = press(gateway, firstState(gateway), '/ =MASQUERADE enter');
    expect(place(state)).toBe('nat POSTROUTING 1');
    expect(place(press(gateway, state, 'n'))).toBe('nat POSTROUTING 1');
    expect(press(gateway, state, '/ =nothing-like-it enter').message?.tone).toBe('error');
  });
});

describe('the packet, field by field', () => {
  test('a field is set, changed and taken out without touching the others', () => {
    const state = press(gateway, firstState(gateway), '2 j j j j j j j enter ctrl-u =443 enter');
    expect(state.packet).toContain('--dport 443');
    const marked = press(gateway, state, 'enter ctrl-u enter');
    expect(marked.packet).not.toContain('--dport');
  });

  test('a field that needs a match brings it', () => {
    const at = (n: number) => Array.from({ length: n }, () => 'j').join(' ');
    const state = press(gateway, firstState(gateway), `2 ${at(10)} enter =ESTABLISHED enter`);
    expect(state.packet).toContain('-m conntrack --ctstate ESTABLISHED');
    const without = press(gateway, state, 'enter ctrl-u enter');
    expect(without.packet).not.toContain('conntrack');
  });
});

describe('rules keep their identity', () => {
  const world = worldOf(
    '*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -p tcp -j a\n-A INPUT -p udp -j ACCEPT\n-A a -j RETURN\nCOMMIT\n',
  );
  test('through insert, move and switching off', () => {
    const state = press(world, firstState(world), ': =chain_INPUT enter j b K o =-p_icmp_-j_DROP enter');
    const chain = currentChain(world, state);
    const ids = [0, 1, 2].map((row) => chain?.at(row)?.rule.id);
    const original = world.rulesets[0]?.tables[0]?.chains.find((c) => c.name === 'INPUT')?.rules ?? [];
    expect(ids.slice(1)).toEqual([original[1]?.id, original[0]?.id]);
    expect(ids[0]).not.toBe(original[0]?.id);
    expect([...state.breakpoints]).toEqual([`ipv4 ${original[1]?.id}`]);
  });

  test('a jump is followed and the way back leads to the rule', () => {
    const state = press(world, firstState(world), ': =chain_INPUT enter g enter');
    expect(place(state)).toBe('filter a 1');
    expect(place(press(world, state, 'backspace'))).toBe('filter INPUT 1');
  });

  test('a line of several sources becomes several rules', () => {
    const state = press(
      world,
      firstState(world),
      ': =chain_INPUT enter g o =-s_10.0.0.1,10.0.0.2_-j_DROP enter',
    );
    expect(currentChain(world, state)?.size).toBe(4);
  });
});

test('every command has keys that reach it, a name of its own, and no key means two things on a screen', () => {
  const names = commands.map((c) => c.name);
  expect(new Set(names).size).toBe(names.length);
  for (const screen of ['path', 'packet', 'flow', 'findings', 'help'] as const) {
    const keys = commands.filter((c) => !c.on || c.on.includes(screen)).flatMap((c) => c.keys);
    expect(new Set(keys).size).toBe(keys.length);
  }
});

describe('laws', () => {
  const worlds = [
    gateway,
    exampleWorld('docker-published-port'),
    worldOf('*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n'),
  ];
  const typed = [...'abc-4 .:/'].map((c) => (c === ' ' ? 'space' : c));
  const rules = ['=-p_tcp_-j_DROP', '=-j_', '=-i_eth0_--dport_80', '=\u001b[31m', '=-m_limit_-j_ACCEPT'];
  const keys = [...new Set(commands.flatMap((c) => c.keys))].filter((k) => k !== ' ');
  const anyKey = fc.constantFrom(...keys, ...keys, ...typed, ...rules, 'enter', 'esc', 'backspace', 'tab');

  /** What must hold of every state. */
  function check(world: NearWorld, state: State): void {
    const chain = viewChain(world.rulesets, state.draft, state.cursor.name);
    expect(chain, chainKey(state.cursor.name)).toBeDefined();
    expect(state.cursor.row).toBeGreaterThanOrEqual(0);
    expect(state.cursor.row).toBeLessThanOrEqual(chain?.size ?? 0);
    const leg = currentLeg(world, state);
    if (state.answer.kind === 'walked') {
      expect(state.way).toBeLessThan(state.answer.ways.length);
      expect(leg).toBeDefined();
      expect(state.step).toBeGreaterThanOrEqual(0);
      expect(state.step).toBeLessThan(leg?.index.stops.length ?? 0);
    }
    for (const row of Object.values(state.rows)) expect(row).toBeGreaterThanOrEqual(0);
    const { prompt } = state;
    if (prompt) {
      expect(prompt.line.cursor).toBeGreaterThanOrEqual(0);
      expect(prompt.line.cursor).toBeLessThanOrEqual(prompt.line.text.length);
      expect(prompt.base.prompt).toBeUndefined();
    }
    for (const ruleset of world.rulesets) {
      const ids = draftRuleset(ruleset, state.draft).tables.flatMap((t) =>
        t.chains.flatMap((c) => c.rules.map((r) => r.id)),
      );
      expect(new Set(ids).size).toBe(ids.length);
    }
  }

  test('any keys leave a valid state', () => {
    fc.assert(
      fc.property(fc.constantFrom(...worlds), fc.array(anyKey, { maxLength: 25 }), (world, pressed) => {
        let state = firstState(world);
        for (const key of pressed) {
          state = press(world, state, key);
          check(world, state);
        }
      }),
      { numRuns: 150 },
    );
  });

  const change = fc.constantFrom(
    'space',
    'J',
    'K',
    'x',
    'e end space',
    'j',
    'k',
    'G',
    'g',
    '}',
    'o =-p_udp_-j_DROP enter',
    'e ctrl-u =-s_10.0.0.0/8_-j_ACCEPT enter',
  );

  test('undo is exact, and so is redo', () => {
    fc.assert(
      fc.property(fc.constantFrom(...worlds), fc.array(change, { maxLength: 15 }), (world, pressed) => {
        const first = firstState(world);
        let state = first;
        for (const keys of pressed) state = press(world, press(world, state, keys), 'esc');
        const rulesOf = (s: State) => world.rulesets.map((r) => draftRuleset(r, s.draft));
        const changed = rulesOf(state);
        const count = state.past.length;
        let back = state;
        for (let i = 0; i < count; i++) back = press(world, back, 'u');
        expect(rulesOf(back)).toEqual(rulesOf(first));
        expect(back.draft).toEqual(first.draft);
        for (let i = 0; i < count; i++) back = press(world, back, 'ctrl-r');
        expect(rulesOf(back)).toEqual(changed);
        expect(back.draft).toEqual(state.draft);
      }),
      { numRuns: 60 },
    );
  });

  test('no typed rule is too odd to be read or refused in its own line', () => {
    const [ruleset] = gateway.rulesets;
    if (!ruleset) throw new TypeError('no ruleset');
    const words = fc.constantFrom(
      '-p',
      'tcp',
      '-j',
      'DROP',
      '!',
      '"',
      '-A',
      'INPUT',
      '--dport',
      '80',
      '-s',
      'COMMIT',
      '*',
      ':x',
      '#',
      '\\',
      '-m',
      'é',
      '\u0000',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(words, { maxLength: 8 }).map((w) => w.join(' ')),
          fc.string(),
        ),
        (text) => {
          const read = readRuleLine(text, {
            registry: gateway.opened.registry,
            ruleset,
            place: { family: 'ipv4', table: 'filter', chain: 'INPUT' },
            setNames: undefined,
          });
          if (read.ok) expect(read.rules.length).toBeGreaterThan(0);
          else {
            expect(read.problem.start).toBeGreaterThanOrEqual(0);
            expect(read.problem.end).toBeGreaterThanOrEqual(read.problem.start);
            expect(read.problem.end).toBeLessThanOrEqual(text.length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** What is found out beside the screen of rules that are changed on it. */
import { describe, expect, test } from 'vitest';
import { type Desk, openDesk } from '../../../src/tui/beside/desk.ts';
import type { Answers, BesideMachine } from '../../../src/tui/beside/questions.ts';
import { rowsOf } from '../../../src/tui/model/rows.ts';
import { type Draft, emptyDraft } from '../../../src/tui/state/draft.ts';
import { reduce } from '../../../src/tui/state/reduce.ts';
import { currentLeg, type State } from '../../../src/tui/state/state.ts';
import type { World } from '../../../src/tui/state/world.ts';
import { exampleWorld, firstState, press, worldOf } from '../../support/tui-world.ts';

const lint: BesideMachine['lint'] = { today: '2026-11-22', preview: true };
const deskOf = ({ opened }: World): Desk => openDesk({ texts: opened.texts, diagnostics: [], lint });

const parts = ['diff', 'dead', 'findings'] as const;

/** All answers; they go through the same copying as between threads. */
function answersOf(world: World, draft: Draft): Answers {
  const copied: Draft = structuredClone(draft);
  return structuredClone(Object.assign({}, ...deskOf(world).ask(copied, parts)) as Answers);
}

const listOf = <K extends keyof Answers>(answers: Answers, about: K) => {
  const answered = answers[about];
  return answered?.kind === 'done' ? answered.list : undefined;
};
const told = (world: World, state: State): State =>
  reduce(world, state, { kind: 'told', draft: state.draft, answers: answersOf(world, state.draft) });

describe('dead rules', () => {
  const world = worldOf(
    [
      '*filter',
      ':INPUT DROP [0:0]',
      ':lonely - [0:0]',
      '-A INPUT -p tcp --dport 22 -j ACCEPT',
      '-A INPUT -p tcp --dport 20:25 -j DROP',
      '-A INPUT -s 10.0.0.1 -p tcp --dport 22 -j DROP',
      '-A INPUT -p tcp --dport 23 -j ACCEPT',
      '-A lonely -j DROP',
      'COMMIT',
      '',
    ].join('\n'),
  );
  const tags = (s: State) =>
    rowsOf(world, s, 0, 4).map(({ dead }) => (dead ? `${dead.stale ? 'before: ' : ''}${dead.why}` : ''));
  const inInput = told(world, press(world, firstState(world), ': =chain_INPUT enter'));

  test('are told with the rules that take their packets', () => {
    expect(tags(inInput)).toEqual(['', '', 'rule 1 takes all its packets', 'rule 2 takes all its packets']);
    expect(listOf(answersOf(world, emptyDraft), 'dead')?.map((d) => d.why)).toContain(
      'nothing leads to the chain lonely',
    );
  });

  test('are marked as old after a change, and asked again', () => {
    const changed = press(world, inInput, 'j space');
    expect(tags(changed)).toEqual([
      '',
      '',
      'before: rule 1 takes all its packets',
      'before: rule 2 takes all its packets',
    ]);
    expect(tags(told(world, changed))).toEqual(['', '', 'rule 1 takes all its packets', '']);
    expect(tags(press(world, changed, 'u'))).toEqual(tags(inInput));
  });

  test('after one change after the other are those of a fresh look', () => {
    const desk = deskOf(world);
    const last = (draft: Draft) => {
      const answers: Answers = Object.assign({}, ...desk.ask(structuredClone(draft), parts));
      return listOf(answers, 'dead');
    };
    let state = inInput;
    for (const keys of ['j space', 'k space', 'u', 'o =-p_tcp_-j_DROP enter', 'J', 'u u']) {
      state = press(world, state, keys);
      expect(last(state.draft)).toEqual(listOf(answersOf(world, state.draft), 'dead'));
    }
  });

  test('come while a line is open, and stay when it is left', () => {
    const state = told(world, press(world, firstState(world), 'p'));
    expect(press(world, state, 'esc').dead.size).toBe(3);
  });
});

describe('the difference', () => {
  const gateway = exampleWorld('gateway-web-in-forward');
  const mend = ': =chain_INPUT enter G o =-i_eth0_-p_tcp_-m_multiport_--dports_80,443_-j_DROP enter';
  const mended = told(gateway, press(gateway, firstState(gateway), mend));

  test('of a mend is what it closes, with the rules that decide before and now', () => {
    const list = listOf(answersOf(gateway, mended.draft), 'diff') ?? [];
    expect(list.map((d) => [d.change, d.road, d.after])).toEqual([
      ['closed', 'new connections to this machine', 'dropped, by filter INPUT #12'],
    ]);
    expect(list[0]?.packets.join()).toMatch(/-i eth0 -p tcp .*--dports? 80,443/);
  });

  test('its witness is walked by enter, and fares as it is said', () => {
    const state = press(gateway, mended, 'd enter');
    expect(state.screen).toBe('path');
    expect(currentLeg(gateway, state)?.trace.fate.kind).toBe('drop');
    expect(state.message?.text).toMatch(/^closed: before delivered.*; now dropped/);
  });

  test('of rules that are gone again, or of none, is nothing', () => {
    expect(listOf(answersOf(gateway, emptyDraft), 'diff')).toEqual([]);
    const moved = press(gateway, firstState(gateway), ': =chain_INPUT enter g J K');
    expect(moved.draft.size).toBe(1);
    expect(listOf(answersOf(gateway, moved.draft), 'diff')).toEqual([]);
  });
});

describe('findings', () => {
  test('are those of the changed rules, at the rules that they are about', () => {
    const world = exampleWorld('gateway-web-in-forward');
    const before = listOf(answersOf(world, emptyDraft), 'findings') ?? [];
    const dead = before.find((f) => f.code === 'FW101');
    expect(dead?.place).toMatchObject({ chain: 'FORWARD', ruleNumber: 5 });
    // A rule in front of it moves it down; it keeps its identity.
    const state = press(world, firstState(world), ': =chain_FORWARD enter g o =-p_icmp_-j_ACCEPT enter');
    const moved = (listOf(answersOf(world, state.draft), 'findings') ?? []).find((f) => f.code === 'FW101');
    expect(moved?.place).toMatchObject({ chain: 'FORWARD', ruleNumber: 6, ruleId: dead?.place.ruleId });
  });

  test('know what other commands said in the same text', () => {
    const rules = '*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i eth0 -o eth1 -j ACCEPT\nCOMMIT\n';
    const codes = (text: string): readonly string[] => {
      const world = worldOf(text);
      const { draft } = press(
        world,
        firstState(world),
        ': =chain_FORWARD enter g o =-p_icmp_-j_ACCEPT enter',
      );
      return (listOf(answersOf(world, draft), 'findings') ?? []).map((f) => f.code);
    };
    expect(codes(`${rules}net.ipv4.ip_forward = 0\n`)).toContain('FW122');
    expect(codes(rules)).not.toContain('FW122');
  });
});

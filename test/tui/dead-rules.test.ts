/** Rules that no packet matches, as the screen tells of them. */
import { describe, expect, test } from 'vitest';
import { findDeadRules, trialMax } from '../../src/tui/dead-rules.ts';
import { rowsOf } from '../../src/tui/model/rows.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { firstState, press, worldOf } from '../support/tui-world.ts';

const text = [
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
].join('\n');

describe('dead rules', () => {
  const answer = findDeadRules({ texts: [{ name: 'gw.rules', text }] });
  const dead = answer.kind === 'dead' ? answer.rules : [];

  test('are told with the rules that take their packets', () => {
    expect(dead.map((d) => d.why)).toEqual([
      'rule 1 takes all its packets',
      'rule 2 takes all its packets',
      'nothing leads to the chain lonely',
    ]);
  });

  test('stand in the list of rules, until a change makes the answer old', () => {
    const world = worldOf(text);
    const state = reduce(world, press(world, firstState(world), ': =chain_INPUT enter'), {
      kind: 'dead',
      rules: dead,
    });
    const shown = (s: typeof state) => rowsOf(world, s, 0, 4).map((row) => row.dead !== undefined);
    expect(shown(state)).toEqual([false, false, true, true]);
    const changed = press(world, state, 'space');
    expect(shown(changed)).toEqual([false, false, false, false]);
    expect(shown(press(world, changed, 'u'))).toEqual([false, false, true, true]);
  });

  test('of a very large ruleset are not asked for, and that is said', () => {
    const rules = Array.from(
      { length: trialMax + 1 },
      (_, i) => `-A INPUT -p tcp --dport ${i % 60_000} -j DROP`,
    );
    const large = ['*filter', ':INPUT ACCEPT [0:0]', ...rules, 'COMMIT', ''].join('\n');
    const told = findDeadRules({ texts: [{ name: 'large', text: large }] });
    expect(told.kind).toBe('beside-failed');
    const world = worldOf(text);
    const done = reduce(world, firstState(world), { kind: 'findings', findings: { kind: 'done', list: [] } });
    if (told.kind === 'beside-failed')
      expect(reduce(world, done, told).message?.text).toContain('more than 30000 rules');
  });

  test('come while a line is open, and stay when it is left', () => {
    const world = worldOf(text);
    const open = press(world, firstState(world), 'p');
    const told = reduce(world, open, { kind: 'dead', rules: dead });
    expect(press(world, told, 'esc').dead.size).toBe(3);
  });
});

/** Large rulesets: what takes long comes behind the frame, in steps, and says the same as at once. */
import { describe, expect, test } from 'vitest';
import { type Action, reduce } from '../../src/tui/state/reduce.ts';
import { currentLeg, type State } from '../../src/tui/state/state.ts';
import { firstState, worldOf } from '../support/tui-world.ts';

const rules = Array.from({ length: 10_000 }, (_, i) => `-A INPUT -s 10.0.${i >> 8}.${i & 255}/32 -j ACCEPT`);
const text = ['*filter', ':INPUT DROP [0:0]', ...rules, 'COMMIT', ''].join('\n');
const world = worldOf(text);
const packet = '--assume local=203.0.113.1 -i eth0 -p tcp -s 10.0.3.7 -d 203.0.113.1 --dport 22';
const first = firstState(world, 80, 24, packet);

const key = (name: string): Action => ({ kind: 'key', key: name });
const paste = (words: string): Action => ({ kind: 'paste', text: words });
const next = (state: State, ...actions: readonly Action[]): State =>
  actions.reduce((s, action) => reduce(world, s, action), state);
const fateOf = (state: State) => currentLeg(world, state)?.trace.fate;

describe('a change of the rules', () => {
  test('is shown at once and walked later: until then the old walk is there, and said to be old', () => {
    const off = next(first, key('space'));
    expect(off.draft.size).toBe(1);
    expect(off.effects).toEqual([{ kind: 'walk' }]);
    expect(off.walkPending).toBe('rules');
    expect(fateOf(off)?.kind).toBe('local');
    const walked = next(off, { kind: 'walk' });
    expect(walked.walkPending).toBeUndefined();
    expect(fateOf(walked)?.kind).toBe('drop');
  });

  test('is prepared in many steps, and then is as a fresh reading of these rules has it', () => {
    const { draft } = next(first, key('space'));
    expect(world.isReady(draft, packet)).toBe(false);
    expect([...world.prepare(draft, packet)].length).toBeGreaterThan(5);
    expect(world.isReady(draft, packet)).toBe(true);
    const without = text.replace('-A INPUT -s 10.0.3.7/32 -j ACCEPT\n', '');
    const fresh = worldOf(without);
    const walked = next(first, key('space'), { kind: 'walk' });
    expect(fateOf(walked)).toEqual(currentLeg(fresh, firstState(fresh, 80, 24, packet))?.trace.fate);
  });
});

describe('a packet line with other assumptions', () => {
  const open = next(first, key('p'), key('ctrl-u'));

  test('is judged when it is walked', () => {
    const typed = next(open, paste('--assume local=203.0.113.2 -i eth0 -p tcp --dport 9x'));
    expect(typed.prompt?.problem).toBeUndefined();
    const walked = next(typed, { kind: 'walk' });
    const { line, problem } = walked.prompt ?? {};
    expect(line?.text.slice(problem?.start, problem?.end)).toBe('9x');
    expect(walked.answer.kind).toBe('walked');
  });

  test('that is taken is left when the walk shows that it is a packet', () => {
    const good = '--assume local=203.0.113.2 -i eth0 -p tcp -s 10.0.0.1 -d 203.0.113.2 --dport 9';
    const taken = next(open, paste(good), key('enter'));
    expect(taken.prompt?.taken).toBe(true);
    const walked = next(taken, { kind: 'walk' });
    expect(walked).toMatchObject({ prompt: undefined, packet: good });
    expect(fateOf(walked)?.kind).toBe('local');
    expect(next(taken, key('esc')).packet).toBe(packet);
  });
});

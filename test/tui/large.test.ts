/** Large rulesets: walked elsewhere, behind the frame, and the walk says the same as one that is made at once. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Question, ThreadEvents } from '../../src/tui/beside/questions.ts';
import { createWalker } from '../../src/tui/beside/walker.ts';
import { answerWalk, createDistantWorld, NotWalked } from '../../src/tui/state/distant-world.ts';
import { type Draft, emptyDraft } from '../../src/tui/state/draft.ts';
import { packRulesets, unpackRulesets } from '../../src/tui/state/packed-rules.ts';
import { type Action, reduce } from '../../src/tui/state/reduce.ts';
import { currentLeg, initialState, type State } from '../../src/tui/state/state.ts';
import type { Answer, World } from '../../src/tui/state/world.ts';
import { serveScreen } from '../../src/tui/thread.ts';
import { firstState, worldOf } from '../support/tui-world.ts';

const rules = Array.from({ length: 300 }, (_, i) => `-A INPUT -s 10.0.${i >> 8}.${i & 255}/32 -j ACCEPT`);
const text = ['*filter', ':INPUT DROP [0:0]', ':OUTPUT ACCEPT [0:0]', ...rules, 'COMMIT', ''].join('\n');
const near = worldOf(text);
/** As the thread sends them, which has read them. */
const sent = structuredClone(packRulesets(near.rulesets));
const world = createDistantWorld(near.opened, unpackRulesets(sent), near.words);
const packet = '--assume local=203.0.113.1 -i eth0 -p tcp -s 10.0.1.7 -d 203.0.113.1 --dport 22';

/** Does something, and what must be walked for it as often as that is asked for; each through the copy of a thread. */
function settle<T>(make: () => T): { readonly made: T; readonly walks: number } {
  for (let walks = 0; ; walks++)
    try {
      return { made: make(), walks };
    } catch (error) {
      if (!(error instanceof NotWalked)) throw error;
      error.learn(structuredClone(answerWalk(near, error.question)));
    }
}

const key = (name: string): Action => ({ kind: 'key', key: name });
const paste = (words: string): Action => ({ kind: 'paste', text: words });
const walk: Action = { kind: 'walk' };
const next = (state: State, ...actions: readonly Action[]): State =>
  actions.reduce((s, action) => settle(() => reduce(world, s, action)).made, state);
const fateOf = (state: State) => currentLeg(world, state)?.trace.fate;

const { made: first, walks } = settle(() => initialState(world, packet, { columns: 80, rows: 24 }));

test('the first state asks for one walk, and is that of a world that walks by itself', () => {
  expect(walks).toBe(1);
  const { trace, record } = currentLeg(world, first) ?? {};
  const own = currentLeg(near, firstState(near, 80, 24, packet));
  expect({ trace, record }).toEqual({ trace: own?.trace, record: own?.record });
});

describe('a change of the rules', () => {
  test('is shown at once and walked later: until then the old walk is there, and said to be old', () => {
    const off = reduce(world, first, key('space'));
    expect(off.draft.size).toBe(1);
    expect(off.effects).toEqual([{ kind: 'walk' }]);
    expect(off.walkPending).toBe('rules');
    expect(fateOf(off)?.kind).toBe('local');
    const walked = next(off, walk);
    expect(walked.walkPending).toBeUndefined();
    expect(fateOf(walked)?.kind).toBe('drop');
  });

  test('that was walked before is there at once', () => {
    const undone = reduce(world, next(first, key('space'), walk), key('u'));
    expect(undone).toMatchObject({ walkPending: undefined, effects: [] });
    expect(fateOf(undone)?.kind).toBe('local');
  });

  test('is walked as a fresh reading of these rules is', () => {
    const fresh = worldOf(text.replace('-A INPUT -s 10.0.1.7/32 -j ACCEPT\n', ''));
    const walked = next(first, key('space'), walk);
    expect(fateOf(walked)).toEqual(currentLeg(fresh, firstState(fresh, 80, 24, packet))?.trace.fate);
  });

  test('that cannot be walked says so, and leaves the screen as it was', () => {
    const text = 'out of memory';
    const state = next(first, key('space'), { kind: 'not-walked', text });
    expect(state).toMatchObject({ walkPending: undefined, message: { tone: 'error', text } });
  });
});

describe('another leg', () => {
  test.each([
    ['the reply', ['r']],
    ['a packet of the conversation', ['.', '.']],
    ['the conversation', ['3', 'j', 'enter']],
  ])('%s is the one that is made at once', (_, keys) => {
    const press = (w: World, s: State): State => keys.reduce((now, k) => reduce(w, now, key(k)), s);
    const { made } = settle(() => press(world, first));
    const own = press(near, firstState(near, 80, 24, packet));
    expect(made.leg).toEqual(own.leg);
    expect(currentLeg(world, made)?.label).toBe(currentLeg(near, own)?.label);
    expect(currentLeg(world, made)?.trace).toEqual(currentLeg(near, own)?.trace);
  });
});

describe('a packet line', () => {
  const open = next(first, key('p'), key('ctrl-u'));

  test('is judged when it is walked', () => {
    const typed = next(open, paste('--assume local=203.0.113.2 -i eth0 -p tcp --dport 9x'));
    expect(typed.prompt?.problem).toBeUndefined();
    const walked = next(typed, walk);
    const { line, problem } = walked.prompt ?? {};
    expect(line?.text.slice(problem?.start, problem?.end)).toBe('9x');
    expect(walked.answer.kind).toBe('walked');
  });

  test('that is taken is left when the walk shows that it is a packet', () => {
    const good = '--assume local=203.0.113.2 -i eth0 -p tcp -s 10.0.0.1 -d 203.0.113.2 --dport 9';
    const taken = next(open, paste(good), key('enter'));
    expect(taken.prompt?.taken).toBe(true);
    const walked = next(taken, walk);
    expect(walked).toMatchObject({ prompt: undefined, packet: good });
    expect(fateOf(walked)?.kind).toBe('local');
    expect(next(taken, key('esc')).packet).toBe(packet);
  });
});

test('of a large ruleset, what was walked before is not kept', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const many = Array.from({ length: 5_100 }, (_, i) => `-A INPUT -s 10.0.${i >> 8}.${i & 255}/32 -j ACCEPT`);
  const large = worldOf(['*filter', ':INPUT DROP [0:0]', ...many, 'COMMIT', ''].join('\n'));
  const walkAll = (draft: Draft): WeakRef<Answer> => {
    const answer = large.ask(draft, packet);
    large.leg(answer, 0, { kind: 'packet' });
    large.leg(answer, 0, { kind: 'flow', index: 1 });
    large.flow(answer);
    return new WeakRef(answer);
  };
  const before = walkAll(emptyDraft);
  const now = walkAll(new Map());
  await setImmediate();
  collectGarbage();
  expect(before.deref()).toBeUndefined();
  expect(now.deref()).toBeDefined();
});

describe('the thread that walks', () => {
  const machine = { texts: near.opened.texts, diagnostics: [], lint: { today: '2026-11-22' } };

  test('reads the machine once, and knows a draft again', async () => {
    const questions: Question[] = [];
    const walker = createWalker(machine, (events) => {
      const serve = serveScreen((reply) => events.replied(structuredClone(reply)));
      return {
        send: (question) => {
          questions.push(question);
          serve(structuredClone(question));
        },
        end: () => {},
      };
    });
    const question = { draft: emptyDraft, packet, about: { kind: 'answer' } } as const;
    expect(await walker?.ask(question)).toEqual(structuredClone(answerWalk(near, question)));
    await walker?.ask({ ...question, draft: new Map() });
    await walker?.ask({ ...question, about: { kind: 'flow' } });
    expect(questions.map((q) => (q.kind === 'walk' ? q.draftSerial : q.kind))).toEqual(['open', 1, 2, 1]);
  });

  test('says what it has read, and prints the rules with a draft in force', async () => {
    const walker = createWalker(machine, (events) => {
      const serve = serveScreen((reply) => events.replied(structuredClone(reply)));
      return { send: (question) => serve(structuredClone(question)), end: () => {} };
    });
    const opened = await walker?.opened;
    expect(opened).toEqual({
      kind: 'rules',
      rules: sent,
      machine: near.opened.machine,
      setNames: undefined,
      words: { ipv4: near.words('ipv4'), ipv6: near.words('ipv6') },
      sources: [['ipv4', 0]],
    });
    const { draft } = reduce(world, first, key('space'));
    const walks = walker?.ask({ draft, packet, about: { kind: 'answer' } });
    expect(await walker?.text(draft)).toEqual({ text: near.text(draft) });
    expect(await walks).toMatchObject({ kind: 'answer' });
  });

  test('that finds no rules says so', async () => {
    const texts = [{ name: 'x', text: 'nothing' }];
    const walker = createWalker({ ...machine, texts }, (events) => ({
      send: serveScreen(events.replied),
      end: () => {},
    }));
    expect(await walker?.opened).toMatchObject({ kind: 'nothing' });
  });

  test('that dies says why, and the next question has another one', async () => {
    const threads: ThreadEvents[] = [];
    const walker = createWalker(machine, (events) => {
      threads.push(events);
      return { send: () => {}, end: () => {} };
    });
    const question = { draft: emptyDraft, packet, about: { kind: 'answer' } } as const;
    const asked = walker?.ask(question);
    threads[0]?.failed('out of memory');
    expect(await asked).toBe('out of memory');
    expect(await walker?.opened).toBe('out of memory');
    void walker?.ask(question);
    expect(threads.length).toBe(2);
  });
});

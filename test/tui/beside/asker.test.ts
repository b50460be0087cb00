/** Who is asked when: one question at a time, a newer one ends the older, and the thread is kept where it can be. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAsker } from '../../../src/tui/beside/asker.ts';
import type { Answers, BesideMachine, Question, ThreadEvents } from '../../../src/tui/beside/questions.ts';
import { type Draft, emptyDraft } from '../../../src/tui/state/draft.ts';

const machine: BesideMachine = { texts: [], diagnostics: [], lint: { today: '2026-11-22' } };
const none = { kind: 'done', list: [] } as const;
const all: Answers = { diff: none, findings: none, dead: none };

/** Threads that answer when they are told to. */
function world(threadsMax = Number.POSITIVE_INFINITY, ruleCount = 3) {
  const threads: { events: ThreadEvents; sent: Question[]; ended: boolean }[] = [];
  const given: (readonly [Draft, Answers])[] = [];
  const asker = createAsker(
    machine,
    ruleCount,
    (events) => {
      if (threads.length >= threadsMax) return undefined;
      const thread = { events, sent: [] as Question[], ended: false };
      threads.push(thread);
      return {
        send: (question) => {
          thread.sent.push(question);
        },
        end: () => {
          thread.ended = true;
        },
      };
    },
    (draft, answers) => given.push([draft, answers]),
  );
  const answer = (thread: number, answers: Answers = all): void => {
    const { events, sent } = threads[thread] ?? { sent: [] };
    const last = sent.at(-1);
    if (last?.kind === 'ask') events?.replied({ kind: 'told', serial: last.serial, answers, last: true });
  };
  return { asker, threads, given, answer };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a question', () => {
  test('about the rules as they were read is asked at once, about a change after a pause', () => {
    const { asker, threads, answer } = world();
    asker.about(emptyDraft);
    expect(threads[0]?.sent.map((q) => q.kind)).toEqual(['open', 'ask']);
    answer(0);
    asker.about(new Map());
    expect(threads[0]?.sent.length).toBe(2);
    vi.runAllTimers();
    expect(threads[0]?.sent.map((q) => q.kind)).toEqual(['open', 'ask', 'ask']);
    expect(threads.length).toBe(1);
  });

  test('ends the one that is being worked on, and only the last of several is asked', () => {
    const { asker, threads, given, answer } = world();
    const [a, b] = [new Map(), new Map()];
    asker.about(emptyDraft);
    asker.about(a);
    asker.about(b);
    // What is still said about the older one is not heard.
    answer(0);
    expect(given).toEqual([]);
    vi.advanceTimersByTime(500);
    expect(threads[0]?.sent).toMatchObject([{ kind: 'open' }, { kind: 'ask' }, { kind: 'ask', draft: b }]);
    answer(0);
    vi.runAllTimers();
    expect(given).toEqual([[b, all]]);
    // The thread has heard it in time, and is kept with all that it knows.
    expect(threads.map((t) => t.ended)).toEqual([false]);
  });

  test('that a thread does not hear is asked of another one', () => {
    const { asker, threads, given, answer } = world();
    const changed = new Map();
    asker.about(emptyDraft);
    asker.about(changed);
    vi.runAllTimers();
    expect(threads.map((t) => t.ended)).toEqual([true, false]);
    expect(threads[1]?.sent).toMatchObject([{ kind: 'open' }, { kind: 'ask', draft: changed }]);
    answer(0);
    expect(given).toEqual([]);
    answer(1);
    expect(given).toEqual([[changed, all]]);
  });

  test('that was answered before is answered at once', () => {
    const { asker, threads, given, answer } = world();
    asker.about(emptyDraft);
    answer(0);
    asker.about(new Map());
    asker.about(emptyDraft);
    vi.runAllTimers();
    expect(given).toEqual([
      [emptyDraft, all],
      [emptyDraft, all],
    ]);
    expect(threads[0]?.sent.length).toBe(2);
  });

  test('that kills its thread fails where no answer came, and the next one has another thread', () => {
    const { asker, threads, given } = world();
    asker.about(emptyDraft);
    const { events, sent } = threads[0] ?? { sent: [] };
    const asked = sent.at(-1);
    const serial = asked?.kind === 'ask' ? asked.serial : 0;
    events?.replied({ kind: 'told', serial, answers: { diff: none }, last: false });
    events?.failed('out of memory');
    const failed = { kind: 'failed', reason: 'out of memory' };
    expect(given.at(-1)).toEqual([emptyDraft, { findings: failed, dead: failed }]);
    asker.about(new Map());
    vi.runAllTimers();
    expect(threads.length).toBe(2);
  });

  test('without any thread is answered with that', () => {
    const { asker, given } = world(0);
    asker.about(emptyDraft);
    expect(given[0]?.[1].findings).toEqual({ kind: 'failed', reason: 'no thread can be started here' });
  });

  test('about many rules is answered part by part, each by a thread that ends with it', () => {
    const { asker, threads, given, answer } = world(9, 50_000);
    const abouts = () =>
      threads.map(({ sent, ended }) => [sent.flatMap((q) => (q.kind === 'ask' ? q.about : [])), ended]);
    asker.about(emptyDraft);
    expect(abouts()).toEqual([[['diff', 'dead'], false]]);
    answer(0, { diff: none, dead: none });
    expect(abouts()).toEqual([
      [['diff', 'dead'], true],
      [['findings'], false],
    ]);
    // One that dies takes its part along, and no other; a change ends what is under way.
    threads[1]?.events.failed('out of memory');
    const failed = { kind: 'failed', reason: 'out of memory' };
    expect(given.at(-1)).toEqual([emptyDraft, { findings: failed }]);
    expect(threads.length).toBe(2);
    const changed = new Map([['x', { pieces: [], policy: undefined }]]);
    asker.about(changed);
    vi.runAllTimers();
    answer(2, { diff: none });
    const again = new Map(changed);
    asker.about(again);
    vi.runAllTimers();
    expect(abouts().slice(2)).toEqual([
      [['diff'], true],
      [['dead'], true],
      [['diff'], false],
    ]);
  });

  test('about many changed rules compares them only, and says why there is nothing else', () => {
    const { asker, threads, given, answer } = world(9, 90_000);
    asker.about(emptyDraft);
    answer(0, { diff: none, dead: none });
    answer(1, { findings: none });
    const changed = new Map([['x', { pieces: [], policy: undefined }]]);
    asker.about(changed);
    vi.runAllTimers();
    const reason = 'after a change, more than 80000 rules would take more than 1 GB of memory';
    const failed = { kind: 'failed', reason };
    expect(given.at(-1)).toEqual([changed, { dead: failed, findings: failed }]);
    expect(threads[2]?.sent.at(-1)).toMatchObject({ kind: 'ask', about: ['diff'] });
    answer(2, { diff: none });
    expect(given.at(-1)).toEqual([changed, { diff: none }]);
    expect(threads.map((t) => t.ended)).toEqual([true, true, true]);
  });

  test('about very many rules is answered with that, and no thread is started', () => {
    const { asker, given, threads } = world(1, 100_001);
    asker.about(emptyDraft);
    const tooMany = { kind: 'failed', reason: 'more than 100000 rules would take more than 1 GB of memory' };
    expect(given).toEqual([[emptyDraft, { diff: tooMany, findings: tooMany, dead: tooMany }]]);
    expect(threads).toEqual([]);
  });
});

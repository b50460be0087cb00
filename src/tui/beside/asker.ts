/**
 * The screen's side of what runs beside it. A newer question ends the one that is being worked on, between two steps of
 * it; a thread that does not get there soon is stopped, and another one begins. A thread is kept as long as it can be:
 * it has read the machine, and knows what is true of nearly the same rules. Of a large machine that would be too much
 * memory: each part of an answer then has a thread of its own, one after the other, which ends with it.
 */

import type { Draft } from '../state/draft.ts';
import type { Answers, BesideMachine, Lists, StartThread, Thread } from './questions.ts';

/** See the head of this file. */
export interface Asker {
  /** The rules are now these. Asked again about the same draft, it gives the known answers at once, or does nothing. */
  about(draft: Draft): void;
  stop(): void;
}

/** More rules than this are not asked about: that would take the memory that the screen has promised not to. */
const askedRulesMax = 100_000;

/** Of changed rules, more than this are compared with those before only: what both are made of stands beside the rest. */
const changedRulesMax = 80_000;

/** From more rules than this on, a thread answers one part and ends. */
const keptThreadRulesMax = 20_000;

/** Somebody who edits is not done with the first key. */
const pauseMs = 100;

/** So long a thread may be in the middle of a step before it is given up. */
const patienceMs = 2_000;

/** Answers are kept for so many drafts: undo and redo go back and forth. */
const draftsKept = 8;

const questions: readonly (keyof Lists)[] = ['diff', 'dead', 'findings'];

/** Makes the asker. `start` answers undefined where no thread can be had. */
export function createAsker(
  machine: BesideMachine,
  ruleCount: number,
  start: StartThread,
  give: (draft: Draft, answers: Answers) => void,
): Asker {
  const known = new Map<Draft, Answers>();
  let thread: Thread | undefined;
  let busy = false;
  /** What the thread is asked for. */
  let asked: readonly (keyof Lists)[] = [];
  let serial = 0;
  let current: Draft | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** Whether the thread has heard the question, and the clock until then. */
  let impatience: NodeJS.Timeout | undefined;

  const came = (draft: Draft, answers: Answers): void => {
    const all = { ...known.get(draft), ...answers };
    known.delete(draft);
    known.set(draft, all);
    for (const old of [...known.keys()].slice(0, -draftsKept)) known.delete(old);
    give(draft, answers);
  };
  const fail = (draft: Draft, parts: readonly (keyof Lists)[], reason: string): void => {
    const missing = unanswered(draft).filter((q) => parts.includes(q));
    came(draft, Object.fromEntries(missing.map((q) => [q, { kind: 'failed', reason }])));
  };
  const apart = ruleCount > keptThreadRulesMax;
  const unanswered = (draft: Draft): readonly (keyof Lists)[] =>
    questions.filter((q) => known.get(draft)?.[q] === undefined);
  /** Of what is not answered yet, that which one thread is asked for. */
  const nextPart = (draft: Draft): readonly (keyof Lists)[] => {
    const missing = unanswered(draft);
    if (!apart) return missing;
    // Where nothing is changed, the comparison is no work.
    return missing.slice(0, draft.size === 0 && missing[0] === 'diff' ? 2 : 1);
  };
  const stopThread = (): void => {
    thread?.end();
    thread = undefined;
    busy = false;
  };
  const open = (): Thread | undefined => {
    const started: Thread | undefined = start({
      replied: (reply) => {
        if (reply.kind !== 'told' || thread !== started || reply.serial !== serial || current === undefined)
          return;
        clearTimeout(impatience);
        if (reply.last) busy = false;
        const draft = current;
        if (Object.keys(reply.answers).length > 0) came(draft, reply.answers);
        if (!reply.last || !apart) return;
        stopThread();
        if (unanswered(draft).length > 0) ask(draft);
      },
      failed: (reason) => {
        if (thread !== started) return;
        thread = undefined;
        const draft = busy ? current : undefined;
        busy = false;
        if (draft === undefined) return;
        fail(draft, asked, reason);
        if (unanswered(draft).length > 0) ask(draft);
      },
    });
    started?.send({ kind: 'open', machine, work: 'answers' });
    return started;
  };
  const ask = (draft: Draft): void => {
    if (ruleCount > askedRulesMax) {
      fail(draft, questions, `more than ${askedRulesMax} rules would take more than 1 GB of memory`);
      return;
    }
    if (apart) stopThread();
    if (draft.size > 0 && ruleCount > changedRulesMax) {
      const rest = unanswered(draft).filter((part) => part !== 'diff');
      const reason = `after a change, more than ${changedRulesMax} rules would take more than 1 GB of memory`;
      if (rest.length > 0) fail(draft, rest, reason);
      if (unanswered(draft).length === 0) return;
    }
    const inTheMiddle = busy && thread !== undefined;
    thread ??= open();
    if (!thread) {
      fail(draft, questions, 'no thread can be started here');
      return;
    }
    busy = true;
    serial++;
    asked = nextPart(draft);
    thread.send({ kind: 'ask', serial, draft, about: asked });
    if (inTheMiddle)
      impatience = setTimeout(() => {
        stopThread();
        ask(draft);
      }, patienceMs);
  };
  const noLongerAsked = (): void => {
    clearTimeout(timer);
    clearTimeout(impatience);
    // What is still said about it is not heard.
    serial++;
  };

  return {
    about(draft) {
      if (draft === current) return;
      const first = current === undefined;
      noLongerAsked();
      current = draft;
      const answers = known.get(draft);
      if (answers) give(draft, answers);
      if (unanswered(draft).length === 0) return;
      if (first) ask(draft);
      else timer = setTimeout(() => ask(draft), pauseMs);
    },
    stop() {
      noLongerAsked();
      stopThread();
    },
  };
}

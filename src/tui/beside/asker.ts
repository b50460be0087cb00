/**
 * The screen's side of what runs beside it. A newer question ends the one that is being worked on, between two steps of
 * it; a thread that does not get there soon is stopped, and another one begins. A thread is kept as long as it can be:
 * it has read the machine, and knows what is true of nearly the same rules.
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
const askedRulesMax = 30_000;

/** Somebody who edits is not done with the first key. */
const pauseMs = 100;

/** So long a thread may be in the middle of a step before it is given up. */
const patienceMs = 2_000;

/** Answers are kept for so many drafts: undo and redo go back and forth. */
const draftsKept = 8;

const questions: readonly (keyof Lists)[] = ['diff', 'findings', 'dead'];

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
  const failRest = (draft: Draft, reason: string): void => {
    const missing = questions.filter((q) => known.get(draft)?.[q] === undefined);
    came(draft, Object.fromEntries(missing.map((q) => [q, { kind: 'failed', reason }])));
  };
  const open = (): Thread | undefined => {
    const started: Thread | undefined = start({
      replied: (reply) => {
        if (reply.kind !== 'told' || thread !== started || reply.serial !== serial || current === undefined)
          return;
        clearTimeout(impatience);
        if (reply.last) busy = false;
        if (Object.keys(reply.answers).length > 0) came(current, reply.answers);
      },
      failed: (reason) => {
        if (thread !== started) return;
        thread = undefined;
        if (busy && current !== undefined) failRest(current, reason);
        busy = false;
      },
    });
    started?.send({ kind: 'open', machine, work: 'answers' });
    return started;
  };
  const ask = (draft: Draft): void => {
    if (ruleCount > askedRulesMax) {
      failRest(draft, `more than ${askedRulesMax} rules would take more than 1 GB of memory`);
      return;
    }
    const inTheMiddle = busy && thread !== undefined;
    thread ??= open();
    if (!thread) {
      failRest(draft, 'no thread can be started here');
      return;
    }
    busy = true;
    serial++;
    thread.send({ kind: 'ask', serial, draft });
    if (inTheMiddle)
      impatience = setTimeout(() => {
        thread?.end();
        thread = undefined;
        busy = false;
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
      if (questions.every((q) => answers?.[q] !== undefined)) return;
      if (first) ask(draft);
      else timer = setTimeout(() => ask(draft), pauseMs);
    },
    stop() {
      noLongerAsked();
      thread?.end();
      thread = undefined;
      busy = false;
    },
  };
}

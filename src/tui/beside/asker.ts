/**
 * The screen's side of what runs beside it. A newer question ends the one that is being worked on: its thread is
 * stopped, and another one begins. A thread that has answered is kept, with the machine that it has read.
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
const pauseMs = 250;

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
  const cancel = (): void => {
    clearTimeout(timer);
    if (busy) {
      thread?.end();
      thread = undefined;
    }
    busy = false;
  };
  const ask = (draft: Draft): void => {
    if (ruleCount > askedRulesMax) {
      failRest(draft, `there are more than ${askedRulesMax} rules`);
      return;
    }
    thread ??= open();
    if (!thread) {
      failRest(draft, 'no thread can be started here');
      return;
    }
    busy = true;
    serial++;
    thread.send({ kind: 'ask', serial, draft });
  };

  return {
    about(draft) {
      if (draft === current) return;
      const first = current === undefined;
      cancel();
      current = draft;
      const answers = known.get(draft);
      if (answers) give(draft, answers);
      if (questions.every((q) => answers?.[q] !== undefined)) return;
      if (first) ask(draft);
      else timer = setTimeout(() => ask(draft), pauseMs);
    },
    stop() {
      clearTimeout(timer);
      thread?.end();
      thread = undefined;
      busy = false;
    },
  };
}

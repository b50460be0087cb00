/** The screen's side of the thread that walks packets through large rulesets: one question at a time. */

import type { WalkQuestion, WalkResult } from '../state/distant-world.ts';
import type { Draft } from '../state/draft.ts';
import type { BesideMachine, StartThread, Thread } from './questions.ts';

/** See the head of this file. */
export interface Walker {
  /** Asks; the answer is a result, or why there is none. Not asked again before it is there. */
  ask(question: WalkQuestion): Promise<WalkResult | string>;
  stop(): void;
}

/** Starts the thread, which reads the machine at once; undefined where no thread can be had. */
export function createWalker(machine: BesideMachine, start: StartThread): Walker | undefined {
  const serials = new WeakMap<Draft, number>();
  let drafts = 0;
  let serial = 0;
  let answer: (result: WalkResult | string) => void = () => {};
  let thread: Thread | undefined;
  const open = (): Thread | undefined => {
    const started: Thread | undefined = start({
      replied: (reply) => {
        if (reply.kind === 'walked' && reply.serial === serial) answer(reply.result);
      },
      failed: (reason) => {
        if (thread !== started) return;
        thread = undefined;
        answer(reason);
      },
    });
    started?.send({ kind: 'open', machine, work: 'walks' });
    return started;
  };
  thread = open();
  if (!thread) return undefined;
  return {
    ask: (question) =>
      new Promise((resolve) => {
        answer = resolve;
        serial++;
        const draftSerial = serials.get(question.draft) ?? ++drafts;
        serials.set(question.draft, draftSerial);
        // One that has ended is replaced: other rules may go well.
        thread ??= open();
        if (thread) thread.send({ kind: 'walk', serial, question, draftSerial });
        else resolve('no thread can be started here');
      }),
    stop() {
      thread?.end();
      thread = undefined;
    },
  };
}

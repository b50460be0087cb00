/**
 * The screen's side of the thread that has read a large machine: it hands its rules over, walks packets through them and
 * prints them. What is asked of it is answered one after the other.
 */

import type { WalkQuestion, WalkResult } from '../state/distant-world.ts';
import type { Draft } from '../state/draft.ts';
import type { BesideMachine, OpenedFar, Reply, StartThread, Thread } from './questions.ts';

/** See the head of this file. Each answer is what was asked for, or why there is none. */
export interface Walker {
  /** What it has read. */
  readonly opened: Promise<OpenedFar | string>;
  ask(question: WalkQuestion): Promise<WalkResult | string>;
  /** All rulesets as iptables-save prints them, with a draft in force. */
  text(draft: Draft): Promise<{ readonly text: string } | string>;
  stop(): void;
}

/** Starts the thread, which reads the machine at once; undefined where no thread can be had. */
export function createWalker(machine: BesideMachine, start: StartThread): Walker | undefined {
  const serials = new WeakMap<Draft, number>();
  let drafts = 0;
  let serial = 0;
  /** Who waits, by the serial of his question; `opened` is 0. */
  const waiting = new Map<number, (reply: Reply | string) => void>();
  let thread: Thread | undefined;
  const open = (): Thread | undefined => {
    const started: Thread | undefined = start({
      replied: (reply) => {
        const at = reply.kind === 'opened' ? 0 : reply.serial;
        waiting.get(at)?.(reply);
        waiting.delete(at);
      },
      failed: (reason) => {
        if (thread !== started) return;
        thread = undefined;
        const all = [...waiting.values()];
        waiting.clear();
        for (const tell of all) tell(reason);
      },
    });
    started?.send({ kind: 'open', machine, work: 'walks' });
    return started;
  };
  const send = (make: (serial: number) => Parameters<Thread['send']>[0]): Promise<Reply | string> =>
    new Promise((resolve) => {
      serial++;
      // One that has ended is replaced: other rules may go well.
      thread ??= open();
      if (!thread) {
        resolve('no thread can be started here');
        return;
      }
      waiting.set(serial, resolve);
      thread.send(make(serial));
    });
  const serialOf = (draft: Draft): number => {
    const known = serials.get(draft) ?? ++drafts;
    serials.set(draft, known);
    return known;
  };
  const opened = new Promise<Reply | string>((resolve) => waiting.set(0, resolve));
  thread = open();
  if (!thread) return undefined;
  return {
    opened: opened.then((reply) =>
      typeof reply === 'object' && reply.kind === 'opened' ? reply.opened : String(reply),
    ),
    async ask(question) {
      const draftSerial = serialOf(question.draft);
      const reply = await send((serial) => ({ kind: 'walk', serial, question, draftSerial }));
      return typeof reply === 'object' && reply.kind === 'walked' ? reply.result : String(reply);
    },
    async text(draft) {
      const reply = await send((serial) => ({ kind: 'print', serial, draft }));
      return typeof reply === 'object' && reply.kind === 'printed' ? { text: reply.text } : String(reply);
    },
    stop() {
      thread?.end();
      thread = undefined;
    },
  };
}

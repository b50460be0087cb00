/**
 * The simulator of a page in a thread of its own: reading and compiling thousands of rules takes a second, in which the
 * page must not stand still.
 */

import type { PageData } from '../page/page-data.ts';
import type { SimulatorQuestion, SimulatorResult } from '../page/simulator.ts';

/** What the page tells the thread: first the machine, then questions. */
export type ToThread =
  | { readonly machine: PageData }
  | { readonly number: number; readonly question: SimulatorQuestion };

/** What the thread answers: to the question of this number. */
export interface FromThread {
  readonly number: number;
  readonly result: SimulatorResult;
}

/** The thread, seen from the page. */
interface Walker {
  /** Asks; the answer to an earlier question, if it is still to come, is then of no interest. */
  ask(question: SimulatorQuestion): void;
  /** Whatever is still to come is of no interest. */
  forget(): void;
}

/** The text of the page's one script: it is the thread's, too. */
function ownScript(): string {
  return document.querySelector('script:not([type])')?.textContent ?? '';
}

/** Starts the thread and lets it read the machine, before anybody asks. */
export function startWalker(
  machine: PageData,
  hear: { readonly answered: (result: SimulatorResult) => void; readonly failed: (why: string) => void },
): Walker {
  const thread = new Worker(URL.createObjectURL(new Blob([ownScript()], { type: 'text/javascript' })));
  const tell = (message: ToThread): void => thread.postMessage(message);
  let last = 0;
  let broken: string | undefined;
  thread.addEventListener('message', ({ data }: MessageEvent<FromThread>) => {
    if (data.number === last) hear.answered(data.result);
  });
  thread.addEventListener('error', ({ message }) => {
    broken = message || 'its thread was not started';
    if (last > 0) hear.failed(broken);
  });
  tell({ machine });
  return {
    ask: (question) => {
      last++;
      if (broken === undefined) tell({ number: last, question });
      else hear.failed(broken);
    },
    forget: () => {
      last++;
    },
  };
}

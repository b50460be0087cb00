/** What the thread of the simulator does: it reads the machine, then answers questions one by one. */

import { createSimulator, type Simulator } from '../page/simulator.ts';
import { defaultRegistry } from '../registry.ts';
import type { FromThread, ToThread } from './walker.ts';

/** The names of browsers that are in use here are those of documents; a thread has these. */
interface ThreadScope {
  addEventListener(type: 'message', listener: (event: { readonly data: ToThread }) => void): void;
  postMessage(message: FromThread): void;
}

const scope = globalThis as unknown as ThreadScope;
let simulator: Simulator | undefined;

scope.addEventListener('message', ({ data }) => {
  if ('machine' in data) {
    const { texts, boxesMax, declared } = data.machine;
    simulator = createSimulator(texts, { registry: defaultRegistry(), boxesMax, declared });
    // A packet of no interest: the rules are read and compiled when the first one is walked.
    simulator({ packet: [], local: false, assume: [] });
  } else if (simulator) scope.postMessage({ number: data.number, result: simulator(data.question) });
});

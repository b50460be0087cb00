/** Keys that come before there is a screen: they are for the first one, but for the one that gives up. */

import type { Input } from './keys.ts';
import type { Terminal } from './terminal.ts';

/** See the head of this file. */
export interface EarlyKeys {
  /** Comes when somebody does not want to wait. */
  readonly givenUp: Promise<undefined>;
  /** Gives all that came so far, in order, and from now on what comes. */
  handOver(hear: (input: Input) => void): void;
}

/** Listens from now on. */
export function listenEarly(terminal: Terminal): EarlyKeys {
  const early: Input[] = [];
  let hear = (input: Input): void => {
    early.push(input);
  };
  const givenUp = new Promise<undefined>((resolve) => {
    terminal.listen((input) => {
      if (input.kind === 'key' && input.key === 'ctrl-c') resolve(undefined);
      hear(input);
    });
  });
  return {
    givenUp,
    handOver(to) {
      hear = to;
      early.forEach(to);
    },
  };
}

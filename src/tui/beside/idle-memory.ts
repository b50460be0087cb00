/**
 * Memory of a thread that has nothing to do. V8 looks for garbage when a heap grows, not when it rests: what reading a
 * large machine left behind would stay while another thread needs it.
 */

import { setFlagsFromString } from 'node:v8';

/** Long enough for the next key of somebody who types. */
const restMs = 700;

/**
 * Makes what is called after each piece of work: once nothing follows for a while, garbage is given back. Does nothing in a
 * thread that was started without `--expose-gc`.
 */
export function createIdleMemory(): () => void {
  const collect = globalThis.gc;
  if (collect === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let first = true;
  const rest = (): void => {
    // What is left is moved together, so that whole pages become free. That takes memory for a moment, and what was
    // read stays where it is from then on: once is enough.
    if (first) setFlagsFromString('--compact-on-every-full-gc');
    void collect();
    if (first) setFlagsFromString('--no-compact-on-every-full-gc');
    first = false;
  };
  return () => {
    clearTimeout(timer);
    timer = setTimeout(rest, restMs);
    timer.unref();
  };
}

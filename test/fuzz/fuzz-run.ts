/** Runs cases of the fuzzer, and makes what fails smaller. */

import { chanceOf } from './draw.ts';
import type { Seeds } from './seeds.ts';
import { type Target, targets } from './targets.ts';

/** An input on which something broke. */
export interface Failure {
  readonly index: number;
  readonly target: string;
  /** Name and message of what was thrown, with where it came from: two failures of one kind have one reason. */
  readonly reason: string;
  readonly input: Uint8Array;
}

/** Each target as often as it weighs. */
const drawn: readonly Target[] = targets.flatMap((t) => Array.from({ length: t.weight }, () => t));

/** The target and the input of a case; the same each time. */
export function drawCase(
  seed: number,
  index: number,
  seeds: Seeds,
): { readonly target: Target; readonly input: Uint8Array } {
  const chance = chanceOf(seed, index);
  const target = chance.pick(drawn);
  return { target, input: target.draw(chance, seeds) };
}

/** Runs one input; undefined: all is well. Numbers and quoted texts are taken out of the reason. */
export async function failureOf(target: Target, input: Uint8Array): Promise<string | undefined> {
  try {
    await target.run(input);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) return `thrown: ${String(error)}`;
    const from = (error.stack ?? '').split('\n').find((line) => /^\s+at .*\/src\//.test(line)) ?? '';
    const message = error.message.replace(/"(?:[^"\\]|\\.)*"/g, '"…"').replace(/\d+/g, 'N');
    return `${error.name}: ${message.slice(0, 160)}${from.replace(/^.*(src\/[^:)]+).*$/, ' in $1')}`;
  }
}

/** Cuts pieces out of an input for as long as it fails for the same reason. */
export async function shrink(
  target: Target,
  input: Uint8Array,
  reason: string,
  triesMax = 1500,
): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length; ) {
      if (tries++ >= triesMax) return best;
      const candidate = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)]);
      if ((await failureOf(target, candidate)) === reason) best = candidate;
      else at += size;
    }
  }
  return best;
}

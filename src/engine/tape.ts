/**
 * The tape: what a walk is told where the packet does not decide. Keys and answers are plain words; the same tape
 * replays the same walk.
 *
 * - `rule:TABLE/CHAIN/N` → `yes` | `no`: what the undecided matches of that rule answer
 * - `target:TABLE/CHAIN/N` → `continue` | `accept` | `drop`: what an unknown target does
 * - `local:ADDRESS` → `yes` | `no`: whether the address is this machine's
 * - `out:ADDRESS` → an interface: where packets to the address leave
 * - `bridge-netfilter` → `on` | `off`: whether bridges show their packets to iptables
 * - `port:ADDRESS` → a bridge port: where the bridge sends frames to the address
 * - a topic of the extensions (`limit`, `random`, `set:NAME` …) → its own words, for all rules at once
 */

import type { Assumption } from '../model/trace.ts';

/** Keys to answers; see the head of this file. */
export type Tape = Readonly<Record<string, string>>;

/** No answers. */
export const emptyTape: Tape = Object.freeze({});

/** The tape with one more answer. */
export function extendTape(tape: Tape, key: string, answer: string): Tape {
  return { ...tape, [key]: answer };
}

/**
 * Reads `--assume KEY=VALUE`: `local=ADDR` and `remote=ADDR` become answers to `local:ADDR`, everything else stands
 * as it is written. Undefined where there is no `=`.
 */
export function readAssumption(text: string): Assumption | undefined {
  const at = text.indexOf('=');
  if (at <= 0) return undefined;
  const key = text.slice(0, at);
  const answer = text.slice(at + 1);
  if (key === 'local' || key === 'remote')
    return { key: `local:${answer}`, answer: key === 'local' ? 'yes' : 'no' };
  return { key, answer };
}

/** The inverse of {@link readAssumption}. */
export function assumptionText({ key, answer }: Assumption): string {
  if (key.startsWith('local:')) return `${answer === 'yes' ? 'local' : 'remote'}=${key.slice(6)}`;
  return `${key}=${answer}`;
}

/** The tape of a list of `--assume` texts; texts without `=` are passed over. */
export function tapeOf(texts: readonly string[]): Tape {
  const tape: Record<string, string> = {};
  for (const text of texts) {
    const a = readAssumption(text);
    if (a) tape[a.key] = a.answer;
  }
  return tape;
}

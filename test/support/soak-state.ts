/** Where a campaign stands: written now and then, so that what was cut off goes on. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Exercised } from './exercised.ts';
import { noCounts, type SetsCounts } from './sets-differential.ts';

/** What the engine is compared with. */
export type SoakWith = 'kernel' | 'sets';

/** Figures of one seed so far. */
export interface SoakState {
  readonly with: SoakWith;
  readonly seed: number;
  /** The case that comes next. */
  next: number;
  /** Cases that were compared, and the packets in them. */
  cases: number;
  packets: number;
  /** Rulesets that the kernel did not take, and cases that two recordings show differently. */
  refused: number;
  unsteady: number;
  /** Cases that differed. */
  differences: number;
  readonly counts: SetsCounts;
  readonly exercised: Exercised;
}

/** The state in a file, or that of a campaign that begins. */
export function readState(
  path: string | undefined,
  start: Pick<SoakState, 'with' | 'seed' | 'next'>,
): SoakState {
  const fresh = {
    ...start,
    cases: 0,
    packets: 0,
    refused: 0,
    unsteady: 0,
    differences: 0,
    counts: noCounts(),
    exercised: new Map(),
  };
  if (path === undefined || !existsSync(path)) return fresh;
  const { exercised, ...read } = JSON.parse(readFileSync(path, 'utf8'));
  return { ...fresh, ...read, exercised: new Map(Object.entries(exercised)) };
}

/** Writes a state, whole or not at all. */
export function writeState(path: string, state: SoakState): void {
  const text = JSON.stringify({ ...state, exercised: Object.fromEntries(state.exercised) });
  writeFileSync(`${path}.new`, `${text}\n`);
  renameSync(`${path}.new`, path);
}

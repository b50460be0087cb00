/** Engine and packet sets on many random cases, steered towards the extensions that were asked least. */

import { countingRegistry, leastAsked } from './exercised.ts';
import { loadableKeys } from './kernel-fitness.ts';
import { drawSetsCase, reduceSetsCase, type SetsCase, setsBreaches } from './sets-differential.ts';
import type { SoakState } from './soak-state.ts';
import { steeringRules } from './steering.ts';

/** Extensions that a case is steered to. */
const wantedAtOnce = 5;

/** A case on which engine and sets disagree, made smaller. */
export interface SetsFinding {
  readonly index: number;
  readonly wanted: readonly string[];
  readonly reduced: SetsCase;
  readonly breaches: readonly string[];
}

/** The steering of a case: its family, and the extensions that it must have. */
export function steeringOf(
  exercised: SoakState['exercised'],
  index: number,
  keys: readonly string[] = loadableKeys,
): { readonly family: 4 | 6; readonly wanted: readonly string[] } {
  const family = index % 2 === 0 ? 4 : 6;
  const own = keys.filter((key) => key.startsWith(`ipv${family} `));
  return { family, wanted: leastAsked(exercised, own, wantedAtOnce, index) };
}

/** Judges the next `runs` cases of a campaign, and writes into its state what was done. */
export function runSetsCampaign(
  state: SoakState,
  runs: number,
  on: { finding(finding: SetsFinding): void; progress?(): void; wanted?: readonly string[] | undefined },
): void {
  const counting = countingRegistry();
  const { registry } = counting;
  for (const end = state.next + runs; state.next < end; ) {
    const index = state.next++;
    const steering = steeringOf(state.exercised, index);
    const wanted = on.wanted ?? steering.wanted;
    const c = drawSetsCase(state.seed, index, steering.family, steeringRules(wanted, index));
    const breaches = setsBreaches(c, registry, state.counts);
    counting.endCase(state.exercised);
    state.cases++;
    state.packets += c.packets.length;
    if (breaches.length > 0) {
      state.differences++;
      const reduced = reduceSetsCase(c, registry);
      on.finding({ index, wanted, reduced, breaches: setsBreaches(reduced, registry, { ...state.counts }) });
      counting.forget();
    }
    on.progress?.();
  }
}

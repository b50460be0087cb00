/** Why a check said nothing, or not all that it found: because it did not run, could not know, or was overruled. */

import type { Machine } from '../model/machine.ts';
import type { CheckMetadata } from './check.ts';
import type { SelectionReason } from './select.ts';

/** What happened to the findings of one check on the way, beside those that are told. */
export interface Silence {
  readonly check: CheckMetadata;
  readonly selection: SelectionReason;
  /** Facts that it asked for and nobody told: `no "ip -j addr" given`. */
  readonly unknown: readonly string[];
  /** How many findings are told. */
  readonly told: number;
  /** Dropped, since the way of their packet depends on what nobody knows. */
  readonly undecided: number;
  /** Told together with a graver one of these codes. */
  readonly explainedBy: readonly string[];
  /** Less sure than was asked for. */
  readonly tooUnsure: number;
  readonly suppressed: number;
}

/** Facts whose absence may keep a check silent. */
const watched = [
  'interfaces',
  'routes',
  'sysctls',
  'sets',
  'listeners',
  'nativeTables',
  'ipsecPolicies',
] as const satisfies readonly (keyof Machine)[];

/** The machine, with a list that fills with those of its facts that were asked for and are not given. */
export function watchMachine(machine: Machine): { readonly machine: Machine; readonly asked: Set<string> } {
  const asked = new Set<string>();
  const copy: Machine = { ...machine };
  for (const key of watched) {
    const fact = machine[key];
    Object.defineProperty(copy, key, {
      enumerable: true,
      get: () => {
        if (fact?.provenance === 'unknown') asked.add(fact.source);
        if (fact?.provenance === 'default') asked.add(`${key}: ${fact.source}`);
        return fact;
      },
    });
  }
  return { machine: copy, asked };
}

/** One ruleset on one machine: what an analysis is made of. A comparison has two of them. */

import type { MachineFacts } from '../engine/facts.ts';
import type { FamilyProgram, Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Ruleset } from '../model/ruleset.ts';
import type { Locality } from '../packetset/locality.ts';
import { localityOf } from './locality.ts';

/** See the head of this file. */
export interface Side {
  readonly ruleset: Ruleset;
  /** Those that stand for the same machine: this one, and the one that it is compared with. */
  readonly rulesets: readonly Ruleset[];
  readonly program: Program;
  readonly switches: FamilyProgram;
  readonly facts: MachineFacts;
  readonly locality: Locality;
  readonly registry: Registry;
  /** Tells the machines of two sides apart; empty where there is only one. */
  readonly machine: string;
}

/** What {@link createSide} is told. */
export interface SideOptions {
  readonly ruleset: Ruleset;
  /** Of the machine with this ruleset. */
  readonly program: Program;
  readonly registry: Registry;
  readonly machine?: string;
  /**
   * Rulesets that this one is compared with on the same machine: what is not known of the machine (which addresses
   * are local, what established connections were translated to) is then one question for all of them.
   */
  readonly beside?: readonly Ruleset[];
}

/** Puts a side together. Linear in rules. */
export function createSide(o: SideOptions): Side {
  const machine = o.machine ?? '';
  const rulesets: [Ruleset, ...Ruleset[]] = [o.ruleset, ...(o.beside ?? [])];
  return {
    ruleset: o.ruleset,
    rulesets,
    program: o.program,
    switches: o.program.families[o.ruleset.family],
    facts: o.program.facts,
    locality: localityOf(rulesets, o.program.facts, o.registry, machine),
    registry: o.registry,
    machine,
  };
}

/** One ruleset on one machine: what an analysis is made of. A comparison has two of them. */

import type { MachineFacts } from '../engine/facts.ts';
import type { FamilyProgram, Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Machine } from '../model/machine.ts';
import type { Ruleset } from '../model/ruleset.ts';
import type { Locality } from '../packetset/locality.ts';
import { changesOf } from './effects.ts';
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
  /** The machine as descriptions of matches may know it: without the sets that rules write. */
  readonly described: Machine;
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
    described: withoutWrittenSets(o),
    machine,
  };
}

function withoutWrittenSets({ ruleset, program, registry }: SideOptions): Machine {
  const { machine } = program;
  const written = new Set<string>();
  for (const [, change] of changesOf(ruleset, machine, registry))
    if (change.field === 'set') written.add(change.set);
  const sets = machine.sets.value;
  if (written.size === 0 || sets === undefined) return machine;
  return { ...machine, sets: { ...machine.sets, value: sets.filter((s) => !written.has(s.name)) } };
}

/** Whether both stand for one machine, and the kernel does the same to packets between their rules. */
export function sameMachine(a: Side, b: Side): boolean {
  const switches = ({ switches: { family, backend, conntrack, defragment, nat } }: Side): string =>
    JSON.stringify([family, backend, conntrack, defragment, nat]);
  return (
    a.program.machine === b.program.machine &&
    a.registry === b.registry &&
    a.machine === b.machine &&
    switches(a) === switches(b) &&
    JSON.stringify(a.locality) === JSON.stringify(b.locality)
  );
}

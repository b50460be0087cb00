/**
 * Whether somebody can send under a false address: for each interface, the packets whose source does not belong there
 * and that are let through, or a proof that there are none.
 *
 * Packets of connections that exist are left out: whoever forges those must have seen them.
 */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import { describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type Analysis, analyse } from './analysis.ts';
import { type Decider, decidedParts, deciderKey } from './deciders.ts';
import { atEntry } from './fates.ts';
import { type InterfaceRange, mentionRanges, rangesOf } from './interface-ranges.ts';
import {
  budgetReached,
  type MachineQuestion,
  type MachineRulesets,
  machineRulesets,
} from './machine-rulesets.ts';
import { ordinaryAddresses, ordinaryOn } from './ordinary.ts';
import type { FateKind } from './road.ts';
import { createWitnessWalker, type WalkedWitness } from './witness-walk.ts';

/** What is asked. */
export interface SpoofOptions extends MachineQuestion {
  /** Where sources belong; by default the networks that the machine's addresses say are behind its interfaces. */
  readonly ranges?: readonly InterfaceRange[];
}

/** Packets with a false source that one rule or policy lets through. */
export interface SpoofedPackets {
  readonly fate: FateKind;
  readonly by: Decider | undefined;
  readonly packets: SetDescription;
  /** Undefined where none of the few packets that were tried came through. */
  readonly witness: WalkedWitness | undefined;
}

/** The answer for one interface. */
export interface InterfaceSpoof {
  readonly interface: string;
  /** Sources that belong here; `outside`: everything that belongs nowhere else. */
  readonly belongs: readonly InterfaceRange[] | 'outside';
  /** By rule, at most {@link rowsMax}. Nothing listed: proved. */
  readonly spoofed: readonly SpoofedPackets[];
  /** Rules that let some in and are not listed. */
  readonly leftOut: number;
}

/** Rules of one interface that are described, each with a packet: nobody reads more, and ten thousand take a minute. */
const rowsMax = 200;

/** One family's answer. */
export interface FamilySpoof {
  readonly ruleset: ReadRuleset;
  readonly interfaces: readonly InterfaceSpoof[];
}

/** What {@link spoofOf} found. */
export interface SpoofResult {
  readonly read?: ReadMachine;
  readonly families: readonly FamilySpoof[];
  readonly diagnostics: readonly Diagnostic[];
  readonly couldNotLook?: string;
}

/** Looks for false sources that are let in; the machine's own text first. Never throws for any input. */
export function spoofOf(texts: readonly SourceText[], options: SpoofOptions): SpoofResult {
  const machine = machineRulesets(texts, options);
  if (typeof machine === 'string') return { families: [], diagnostics: [], couldNotLook: machine };
  return spoofOfRulesets(machine, options);
}

/** The same for a machine that has been read. */
function spoofOfRulesets(machine: MachineRulesets, options: SpoofOptions): SpoofResult {
  const { read, diagnostics } = machine;
  const families: FamilySpoof[] = [];
  for (const ruleset of machine.rulesets) {
    const { family } = ruleset.linked.ruleset;
    const ranges = rangesOf(options.ranges, read, family);
    // A family without addresses has nothing to forge.
    if (ranges.length === 0) continue;
    const analysis = analyse({
      ruleset: ruleset.linked.ruleset,
      machine: read.machine,
      registry: options.registry,
      program: machine.program,
      queries: [ordinaryAddresses(family), mentionRanges(ranges)],
      ...(options.nodesMax === undefined ? {} : { nodesMax: options.nodesMax }),
      ...(options.meter === undefined ? {} : { meter: options.meter }),
    });
    const interfaces = spoofedBy(analysis, ranges);
    const problem = budgetReached(interfaces !== undefined, options);
    if (problem !== undefined || interfaces === undefined)
      return { read, families, diagnostics, couldNotLook: problem ?? 'the sets were not decided' };
    families.push({ ruleset, interfaces });
  }
  if (families.length > 0) return { read, families, diagnostics };
  return {
    read,
    families,
    diagnostics,
    couldNotLook:
      'it is not known which addresses belong behind which interface: add the output of ip -j addr by --with FILE, or say it by --ranges FILE',
  };
}

/** By interface; undefined where nodes ran out. */
function spoofedBy(
  analysis: Analysis,
  ranges: readonly InterfaceRange[],
): readonly InterfaceSpoof[] | undefined {
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  const road = analysis.road('arrive');
  const fresh = space.codec.fields.has('ctState')
    ? space.not(space.or(space.named('ctState', 'ESTABLISHED'), space.named('ctState', 'RELATED')))
    : space.all;
  const usual = space.and(
    space.and(space.may(atEntry(vocabulary, road.entering, road)), fresh),
    vocabulary.describe(side, ordinaryOn(side)).may,
  );
  const { outside } = side.program.machine;
  const names = [...new Set([...ranges.map((r) => r.interface), ...outside.map((f) => f.value)])];
  const owned = space.union(ranges.map((r) => space.network('src', r.network)));
  const walker = createWitnessWalker(vocabulary, side);
  const found: InterfaceSpoof[] = [];
  for (const name of names) {
    const own = ranges.filter((r) => r.interface === name);
    const foreign =
      own.length === 0 ? owned : space.not(space.union(own.map((r) => space.network('src', r.network))));
    const within = space.and(space.and(usual, space.interface('in', { name, exact: true })), foreign);
    const rows = new Map<string, { fate: FateKind; by: Decider | undefined; sets: PacketSet[] }>();
    for (const { fate, by, set } of decidedParts(vocabulary, road, {
      within: space.forget(within, ['outInterface']),
      only: (part) => part.visit === undefined && part.fate !== 'route-drop',
    })) {
      if (!space.isDecided(set)) return undefined;
      const key = `${fate} ${deciderKey(by)}`;
      const row = rows.get(key) ?? { fate, by, sets: [] };
      rows.set(key, row);
      row.sets.push(set);
    }
    found.push({
      interface: name,
      belongs: own.length === 0 ? 'outside' : own,
      leftOut: Math.max(0, rows.size - rowsMax),
      spoofed: [...rows.values()].slice(0, rowsMax).map(({ fate, by, sets }) => {
        const set = space.union(sets);
        const header = space.forget(set, ['ctState', 'ctDirection', 'ctStatus']);
        return {
          fate,
          by,
          packets: describeSet(space, header, {
            care: space.forget(within, ['ctState', 'ctDirection', 'ctStatus']),
            boxesMax: 60,
          }),
          witness: walker.find('arrive', set, { fate, by }),
        };
      }),
    });
  }
  return found;
}

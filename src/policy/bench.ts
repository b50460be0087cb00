/** One ruleset with its sets, on which the tests of a policy are tried one after the other. */

import { type Analysis, analyse } from '../analysis/analysis.ts';
import { type DecidedPart, type Decider, decidedParts, deciderKey } from '../analysis/deciders.ts';
import { atEntry } from '../analysis/fates.ts';
import { byKnownInterfaces, openingPackets, ordinaryAddresses, ordinaryOn } from '../analysis/ordinary.ts';
import type { FateKind, FatePart, Road, RoadName } from '../analysis/road.ts';
import { unconfirmed } from '../analysis/tracking.ts';
import type { Description } from '../analysis/vocabulary.ts';
import { createWitnessWalker, type WalkedWitness, type WitnessWalker } from '../analysis/witness-walk.ts';
import type { Program } from '../engine/program.ts';
import type { Tape } from '../engine/tape.ts';
import type { Registry } from '../extensions/registry.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import type { Trace } from '../model/trace.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Meter } from '../support/budget.ts';
import { ownPackets, plausibleSources } from './plausible.ts';

/** What a bench is made of. */
export interface BenchOptions {
  readonly read: ReadMachine;
  readonly program: Program;
  readonly registry: Registry;
  readonly ruleset: ReadRuleset;
  /** Sets that tests ask about. */
  readonly queries: readonly Description[];
  /** Facts that the policy takes for granted: `forwarding` of the tape, and addresses by the machine itself. */
  readonly tape: Tape;
  readonly nodesMax?: number;
  readonly meter?: Meter;
}

/** Packets that a test asks about: on which road, and as they come in. */
export interface Asked {
  readonly road: RoadName;
  /** A condition on the out-interface is about the one that they leave by. */
  readonly within: PacketSet;
}

/** Packets that fared in some way, by how they ended and who decided. */
export interface Group {
  readonly fate: FateKind;
  readonly by: Decider | undefined;
  readonly set: PacketSet;
}

/** See the head of this file. */
export interface Bench extends BenchOptions {
  readonly analysis: Analysis;
  /** Packets of a description on a road; `anyState` false: that open a connection, from where they may come. */
  asked(describe: Description, road: RoadName, anyState: boolean): Asked;
  /** Packets of a question that end as a part does: a relation between their headers at entry and at the end. */
  within(asked: Asked, part: FatePart): PacketSet;
  /** The parts of a question's road. */
  parts(
    asked: Asked,
    filter?: { ending?: PacketSet; only?: (part: FatePart) => boolean },
  ): readonly DecidedPart[];
  /** Parts of one fate and decider in one. */
  groups(parts: readonly DecidedPart[]): readonly Group[];
  /** An ordinary packet of a group that ends as it says; `within`: of these, if there are any. */
  show(
    road: RoadName,
    groups: readonly Group[],
    within: PacketSet,
    holds?: (trace: Trace) => boolean,
  ): Shown | undefined;
}

/** A packet that shows something, with the group that it is of. */
export interface Shown {
  readonly group: Group;
  readonly witness: WalkedWitness;
}

/** Groups of which a packet is looked for; the shortest of their packets is shown. */
const groupsShownMax = 8;

/** Prepares a bench; sets are made when they are asked for. */
export function createBench(o: BenchOptions): Bench {
  const { ruleset } = o.ruleset.linked;
  const { family } = ruleset;
  const plausible = plausibleSources(o.read, family);
  const own = ownPackets(o.read, family);
  const analysis = analyse({
    ruleset,
    machine: o.read.machine,
    registry: o.registry,
    program: o.program,
    queries: [...o.queries, ordinaryAddresses(family), plausible, own],
    ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
    ...(o.meter === undefined ? {} : { meter: o.meter }),
  });
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  const granted = grantedFacts(analysis, o.tape);
  const describe = (d: Description): PacketSet => vocabulary.describe(side, d).may;
  /** Where connections are not tracked, no packet is NEW. */
  const opening = (): PacketSet => {
    const set = openingPackets(vocabulary);
    const states = (['ctState', 'ctDirection', 'ctStatus'] as const).filter((f) => space.codec.fields.has(f));
    return side.switches.conntrack || states.length === 0 ? set : space.forget(set, states);
  };
  /** What becomes of a first packet becomes of its repetition: of these nothing is said. */
  const again = (): PacketSet => {
    if (!side.switches.conntrack || !space.codec.fields.has('ctState')) return space.none;
    const header = { has: (field: FieldName) => space.codec.fields.has(field), tcpFlagsMask: 0 };
    return space.diff(space.named('ctState', 'NEW'), unconfirmed(space, header));
  };
  let ordinaryOpeners: Readonly<Record<RoadName, PacketSet>> | undefined;
  const openers = (): Readonly<Record<RoadName, PacketSet>> => {
    if (ordinaryOpeners === undefined) {
      const usual = space.and(opening(), describe(ordinaryOn(side)));
      const arriving = space.and(usual, describe(plausible));
      ordinaryOpeners = { arrive: arriving, local: space.and(usual, describe(own)) };
    }
    return ordinaryOpeners;
  };
  const known = byKnownInterfaces(vocabulary, side);
  let walker: WitnessWalker | undefined;

  return {
    ...o,
    analysis,
    asked(description, roadName, anyState) {
      const road: Road = analysis.road(roadName);
      const entering = space.may(
        anyState
          ? space.diff(atEntry(vocabulary, road.entering, road), again())
          : space.and(atEntry(vocabulary, road.entering, road), openers()[roadName]),
      );
      // Interfaces are what the machine adds: a condition on them is about the end of the way.
      const added =
        roadName === 'arrive' ? (['outInterface'] as const) : (['inInterface', 'outInterface'] as const);
      const set = space.and(describe(description), space.forget(entering, added));
      const usual = roadName === 'arrive' && !anyState ? space.and(set, known) : set;
      return { road: roadName, within: space.and(usual === space.none ? set : usual, granted) };
    },
    within: ({ within }, { set }) => space.and(set, space.atEntry(within)),
    parts: ({ road, within }, { ending, only } = {}) =>
      decidedParts(vocabulary, analysis.road(road), { within, ending, only }),
    groups(parts) {
      const found = new Map<string, { fate: FateKind; by: Decider | undefined; sets: PacketSet[] }>();
      for (const { fate, by, set } of parts) {
        const key = `${fate} ${deciderKey(by)}`;
        const group = found.get(key) ?? { fate, by, sets: [] };
        found.set(key, group);
        group.sets.push(set);
      }
      return [...found.values()].map(({ fate, by, sets }) => ({ fate, by, set: space.union(sets) }));
    },
    show(road, groups, within, holds) {
      walker ??= createWitnessWalker(vocabulary, side);
      let best: Shown | undefined;
      let tried = 0;
      const agrees = (trace: Trace): boolean => agreesWith(trace, o.tape) && holds?.(trace) !== false;
      for (const group of groups) {
        const set = space.and(group.set, within);
        if (set === space.none) continue;
        if (tried++ >= groupsShownMax) break;
        const witness = walker.find(road, set, { fate: group.fate, by: group.by, holds: agrees });
        if (witness && (best === undefined || sizeOf(witness) < sizeOf(best.witness)))
          best = { group, witness };
      }
      return best;
    },
  };
}

/** What makes a packet less ordinary: each thing that has to be said of it, and assumed besides. */
function sizeOf({ packet, assume }: WalkedWitness): number {
  return assume.length * 100 + packet.length;
}

/** No answer that the walk took is against what the policy takes for granted. */
function agreesWith({ events }: Trace, tape: Tape): boolean {
  return events.every(
    (e) =>
      e.kind !== 'assumed' ||
      tape[e.assumption.key] === undefined ||
      tape[e.assumption.key] === e.assumption.answer,
  );
}

/** The worlds in which the facts hold that are variables of the sets. */
function grantedFacts({ vocabulary, side }: Analysis, tape: Tape): PacketSet {
  const { space } = vocabulary;
  const forwarding = tape['forwarding'];
  if (forwarding === undefined) return space.all;
  const on = space.ambient(`${side.machine}forwarding`);
  return forwarding === 'on' ? on : space.not(on);
}

/** How large a part of all packets comes to a chain: exact counts over sets, as weights of a picture. */

import { type Analysis, analyse } from '../analysis/analysis.ts';
import { atEntry } from '../analysis/fates.ts';
import { budgetReached } from '../analysis/machine-rulesets.ts';
import { byKnownInterfaces, openingPackets, ordinaryAddresses, ordinaryOn } from '../analysis/ordinary.ts';
import type { RoadName } from '../analysis/road.ts';
import type { Visit } from '../analysis/table-run.ts';
import type { Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import type { Hook } from '../model/netfilter.ts';
import type { Chain, Rule } from '../model/ruleset.ts';
import { createMeasure } from '../packetset/measure.ts';
import type { PacketSet } from '../packetset/space.ts';

/**
 * Shares from 0 to 1 of the packets that may open a connection between ordinary addresses: `arrive` of those that may come
 * in, `local` of those that this machine may send. Every header counts alike, and so does every interface that rules name.
 * A packet counts as soon as it may come there for some answer to what is not known.
 */
export type Shares = Readonly<Partial<Record<RoadName, number>>>;

/** Weighs the pieces of a picture. */
export interface Weigher {
  /** Packets that come to the beginning of one of these chains of one table. */
  chains(hook: Hook, chains: readonly Chain[]): Shares;
  /** Packets that one of these rules of one table takes. */
  rules(hook: Hook, rules: readonly Rule[]): Shares;
  /** Why what was said must not be believed; undefined: it may. */
  problem(): string | undefined;
}

/** What {@link createWeigher} is told. */
export interface WeigherOptions {
  readonly registry: Registry;
  readonly program: Program;
  /** Ceiling on nodes of sets. */
  readonly nodesMax?: number;
}

/** The roads that come to a hook; what this machine sends to itself by `lo` and comes in again is left out. */
const roadsTo: Readonly<Record<Hook, readonly RoadName[]>> = {
  PREROUTING: ['arrive'],
  INPUT: ['arrive'],
  FORWARD: ['arrive'],
  OUTPUT: ['local'],
  POSTROUTING: ['arrive', 'local'],
};

/** Prepares a weigher of one ruleset of a machine; the sets are made when they are asked for. */
export function createWeigher(
  { machine }: ReadMachine,
  { linked: { ruleset } }: ReadRuleset,
  { registry, program, nodesMax }: WeigherOptions,
): Weigher {
  const analysis: Analysis = analyse({
    ruleset,
    machine,
    registry,
    program,
    queries: [ordinaryAddresses(ruleset.family)],
    within: (vocabulary, side) =>
      vocabulary.space.and(openingPackets(vocabulary), vocabulary.describe(side, ordinaryOn(side)).may),
    ...(nodesMax === undefined ? {} : { nodesMax }),
  });
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  const measure = createMeasure(space);
  let decided = true;
  /** Headers of packets as they came in; by which interface they will leave is no part of them. */
  const headers = (relation: PacketSet, name: RoadName): PacketSet => {
    const set = space.and(
      space.forget(space.may(atEntry(vocabulary, relation, analysis.road(name))), ['outInterface']),
      name === 'arrive' ? byKnownInterfaces(vocabulary, side) : space.all,
    );
    decided &&= space.isDecided(set);
    return set;
  };
  const share = (relation: PacketSet, name: RoadName): number =>
    measure.share(headers(relation, name), headers(analysis.road(name).entering, name));
  const shares = (hook: Hook, table: string, ask: (visit: Visit) => readonly PacketSet[]): Shares =>
    Object.fromEntries(
      roadsTo[hook].map((name) => {
        const visit = analysis.road(name).visits.find((v) => v.hook === hook && v.table === table);
        return [name, visit === undefined ? 0 : share(space.union([...ask(visit)]), name)];
      }),
    );
  return {
    chains: (hook, chains) =>
      shares(hook, chains[0]?.table ?? '', (visit) =>
        chains.flatMap(({ name }) => {
          const model = visit.analysis.model.chains.get(name);
          return model === undefined ? [] : [visit.entries(model)];
        }),
      ),
    rules: (hook, rules) => shares(hook, rules[0]?.table ?? '', (visit) => rules.map(visit.taking)),
    problem: () => {
      if (!decided) return budgetReached(false, nodesMax === undefined ? {} : { nodesMax });
      const stuck = (['arrive', 'local'] as const).some((name) =>
        analysis.road(name).parts.some(({ fate }) => fate === 'stuck'),
      );
      return stuck ? 'jumps lead in a circle, and nobody can say what comes to such chains' : undefined;
    },
  };
}

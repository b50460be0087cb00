/** What holds for every packet: the entrance to the analysis of one ruleset. */

import { compile, type Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Machine } from '../model/machine.ts';
import type { Rule, Ruleset } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Meter } from '../support/budget.ts';
import type { Kept } from './kept.ts';
import { createRoads, type Roads } from './road.ts';
import { createSide, type Side } from './side.ts';
import type { Visit } from './table-run.ts';
import { createVocabulary, type Description, type Vocabulary } from './vocabulary.ts';

/** What {@link analyse} is told. */
export interface AnalysisOptions {
  readonly ruleset: Ruleset;
  readonly machine: Machine;
  readonly registry: Registry;
  /** The rulesets of the machine compiled, if somebody has them already. */
  readonly program?: Program;
  /** Sets that will be asked about. */
  readonly queries?: readonly Description[];
  /**
   * The only packets that will be asked about, by their header as they come in; everything that is then said of others
   * is meaningless. For one question about a large ruleset.
   */
  readonly within?: (vocabulary: Vocabulary, side: Side) => PacketSet;
  readonly marks?: boolean;
  readonly spareCodes?: number;
  /** Ceiling on nodes; beyond it, answers are undecided. */
  readonly nodesMax?: number;
  readonly meter?: Meter;
}

/** One ruleset on one machine, with all packets. */
export interface Analysis extends Roads {
  /** All visits to tables, of packets that arrive and of packets that this machine sends. */
  visits(): readonly Visit[];
  /** Packets that come to this rule at some hook, before its own conditions; header as it is there. */
  reaching(rule: Rule): PacketSet;
  /** Packets that the rule may take, wherever they come from. */
  taking(rule: Rule): PacketSet;
}

/** Prepares an analysis. Sets are made when they are asked for. */
export function analyse(o: AnalysisOptions): Analysis {
  const program = o.program ?? compile([o.ruleset], o.machine, o.registry);
  const side = createSide({ ruleset: o.ruleset, program, registry: o.registry });
  const vocabulary = createVocabulary({
    sides: [side],
    ...(o.queries === undefined ? {} : { queries: o.queries }),
    ...(o.marks === undefined ? {} : { marks: o.marks }),
    ...(o.spareCodes === undefined ? {} : { spareCodes: o.spareCodes }),
    ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
    ...(o.meter === undefined ? {} : { meter: o.meter }),
  });
  return analyseSide(side, vocabulary, o.within?.(vocabulary, side));
}

/** The analysis of a side in a vocabulary. `kept`: what one of nearly the same side left. */
export function analyseSide(
  side: Side,
  vocabulary: Vocabulary,
  within: PacketSet | undefined,
  kept?: Kept,
): Analysis {
  const roads = createRoads(side, vocabulary, within, kept);
  const { space } = vocabulary;
  const visits = (): readonly Visit[] => [...roads.road('arrive').visits, ...roads.road('local').visits];
  const over = (rule: Rule, ask: (visit: Visit) => PacketSet): PacketSet =>
    space.union(visits().flatMap((v) => (v.table === rule.table ? [ask(v)] : [])));
  return {
    ...roads,
    visits,
    reaching: (rule) => over(rule, (v) => v.reaching(rule)),
    taking: (rule) => over(rule, (v) => v.taking(rule)),
  };
}

/**
 * Rules on trial: whether a rule can ever match, what reaches it, and why the rest does not come.
 *
 * *Dead* holds for every packet, every state of connections and every answer to what is not known. *Live* says that
 * nothing known forbids it: the packets in question are given, and the engine can walk one.
 */

import type { Fact, Machine } from '../model/machine.ts';
import { type Chain, findChain, findTable, type Rule, type Ruleset, ruleCount } from '../model/ruleset.ts';
import type { FieldName } from '../packetset/fields.ts';
import { createMeasure, type Measure } from '../packetset/measure.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type Analysis, analyse } from './analysis.ts';
import type { ChainModel, Ending, RuleModel } from './chain-model.ts';
import { type CoverPart, type CoverRequest, coverOf, takersOf } from './cover.ts';
import { type Blocker, blockersOf } from './cover-blockers.ts';
import { createWays, type Way } from './cover-ways.ts';
import { changesOf } from './effects.ts';
import { atEntry } from './fates.ts';
import type { Kept } from './kept.ts';
import { openingPackets } from './ordinary.ts';
import type { RoadName } from './road.ts';
import type { Side } from './side.ts';
import type { Visit } from './table-run.ts';
import { visitsApart } from './visits-apart.ts';

/** `undecided`: a limit was reached, or jumps lead in a circle. */
export type Standing = 'live' | 'dead' | 'undecided';

/** Why no packet ever matches a rule. */
export type Death =
  /** Its own conditions exclude each other. */
  | { readonly kind: 'conditions' }
  /** No chain of jumps leads from a hook to its chain. */
  | { readonly kind: 'unreferenced' }
  /** Every way into its chain asks for what the rule refuses. `jumps`: those of the shortest way, outermost first. */
  | { readonly kind: 'jumps'; readonly jumps: readonly Rule[] }
  /** No such packet comes to its hooks. `fields`: each of them alone forbids it, as packets are there. */
  | { readonly kind: 'arrivals'; readonly fields: readonly FieldName[] }
  /** Earlier rules take every packet. `deadJumps`: all jumps to its chain are dead as well. */
  | { readonly kind: 'covered'; readonly cover: readonly CoverPart[]; readonly deadJumps: boolean }
  /** It is dead, but which rules make it so is not told: by marks written on the way, or by more ways than are followed. */
  | { readonly kind: 'untold' };

/** What earlier rules leave of a live rule. */
export interface Loss {
  /** Share of the packets that the rule describes, and that come to its hooks, which never come to it; 0 to 1. */
  readonly share: number;
  /** These packets, by their header at the rule. */
  readonly lost: PacketSet;
  /** Who takes them, largest first share first. Shares are of what is lost. */
  readonly takers: readonly CoverPart[];
}

/** The answers for all rules of one analysis; each is worked out when it is asked for, and kept. */
export interface RuleAnswers {
  readonly analysis: Analysis;
  /** The visits to the rule's table that the answers rest on; see `Visit.taking`. */
  visitsOf(rule: Rule): readonly Visit[];
  standing(rule: Rule): Standing;
  /** All rules that are dead, in the order of tables, chains and numbers. */
  dead(): readonly Rule[];
  /** Why a dead rule is dead; undefined for others. */
  death(rule: Rule): Death | undefined;
  /** What is lost of a live rule; undefined for others, and where that cannot be told. */
  loss(rule: Rule): Loss | undefined;
  /** The same for packets that may open a connection: of two rules about different states, neither takes from the other. */
  lossOfOpeners(rule: Rule): Loss | undefined;
  /** Whether packets come to this built-in chain and none to its policy. */
  policyIsDead(chain: Chain): boolean;
  /** Whether no packet that comes to the rule's chain gets past the rule, whatever stands before it. False: not known. */
  endsChain(rule: Rule): boolean;
  /** The packets that the rule may take, as they came in: by the road that they came. */
  entering(rule: Rule): ReadonlyMap<RoadName, PacketSet>;
  /** Facts of the machine without which the dead rule would be live; none where the rules alone make it dead. */
  restsOn(rule: Rule): readonly Fact<unknown>[];
}

/** Nodes that the roads may take before the tables are looked at one by one. */
const roadNodesMax = 1 << 22;
/** The same for each rule, where there are very many. */
const roadNodesPerRule = 12;
/** More translations than this take them for certain. */
const translationsMax = 1500;

function translations({ ruleset, program, registry }: Side): number {
  let count = 0;
  for (const [, change] of changesOf(ruleset, program.machine, registry)) if (change.field === 'nat') count++;
  return count;
}

/** What {@link answerRules} may be told. */
interface RuleAnswersOptions {
  /** Nodes that the roads may take; default: four million, or twelve for each rule where that is more. */
  readonly roadNodesMax?: number;
  /** What the analysis of nearly the same ruleset left: the one that `analysis` was made with. */
  readonly kept?: Kept;
}

/** Answers for the rules of an analysis. */
export function answerRules(analysis: Analysis, o: RuleAnswersOptions = {}): RuleAnswers {
  const { kept } = o;
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  let ways: ReturnType<typeof createWays> | undefined;
  let measure: Measure | undefined;
  let opening: PacketSet | undefined;
  let withoutFacts: RuleAnswers | undefined;
  const standings = new Map<Rule, Standing>();
  const deaths = new Map<Rule, Death>();
  const referenced = new Map<string, ReadonlySet<string>>();
  const isReferenced = (rule: Rule): boolean => {
    let names = referenced.get(rule.table);
    if (names === undefined) {
      names = referencedChains(side.ruleset, rule.table);
      referenced.set(rule.table, names);
    }
    return names.has(rule.chain);
  };
  const onRoads = (): readonly Visit[] | undefined => {
    const release = space.allow(
      o.roadNodesMax ?? Math.max(roadNodesMax, roadNodesPerRule * ruleCount(side.ruleset)),
    );
    const found = analysis.visits();
    release();
    return found.every((v) => space.isDecided(v.entering) && space.isDecided(v.byPolicy)) ? found : undefined;
  };
  let visits: readonly Visit[] | undefined;
  /** The visits of both roads; where these take too many nodes, each table by itself. */
  const allVisits = (): readonly Visit[] => {
    if (visits === undefined) {
      visits = translations(side) > translationsMax ? undefined : onRoads();
      visits ??= visitsApart(side, vocabulary, kept);
    }
    return visits;
  };
  const visitsByTable = new Map<string, readonly Visit[]>();
  const visitsOf = (rule: Rule): readonly Visit[] => {
    let found = visitsByTable.get(rule.table);
    if (found === undefined) {
      found = allVisits().filter((v) => v.table === rule.table);
      visitsByTable.set(rule.table, found);
    }
    return found;
  };

  function standing(rule: Rule): Standing {
    let known = standings.get(rule);
    if (known === undefined) {
      const before = standingsBefore(rule);
      known = before?.[rule.index] ?? judge(rule);
      if (before !== undefined && known !== 'undecided') before[rule.index] = known;
      standings.set(rule, known);
    }
    return known;
  }
  const standingsOfChains = new Map<ChainModel, (Standing | undefined)[] | undefined>();
  /** Standings of the rules of this chain from an analysis before, where the same comes to the same rules. */
  function standingsBefore(rule: Rule): (Standing | undefined)[] | undefined {
    if (kept === undefined) return undefined;
    const visits = visitsOf(rule);
    const own = visits[0]?.analysis.model.chains.get(rule.chain);
    if (own === undefined) return undefined;
    if (standingsOfChains.has(own)) return standingsOfChains.get(own);
    const from: unknown[] = [];
    for (const v of visits) {
      const chain = v.analysis.model.chains.get(rule.chain);
      from.push(chain && v.analysis.summary(chain), ...(chain ? v.comings(chain) : []));
    }
    const found = from.includes(undefined) ? undefined : kept.standings(own.chain, from);
    standingsOfChains.set(own, found);
    return found;
  }
  function judge(rule: Rule): Standing {
    const visits = visitsOf(rule);
    if (visits.some((v) => v.analysis.model.chains.get(rule.chain)?.loops)) return 'undecided';
    let decided = true;
    for (const visit of visits) {
      const takes = visit.takes(rule);
      if (takes === true) return 'live';
      if (takes === undefined) decided = false;
    }
    return decided ? 'dead' : 'undecided';
  }

  /** What the rule does with the packets that it takes, where that is the end of them. */
  const endingOf = (rule: Rule): Ending | undefined => {
    const model = visitsOf(rule)[0]?.analysis.model.chains.get(rule.chain);
    const action = model?.rules[rule.index]?.action;
    return action?.kind === 'end' ? action.ending : undefined;
  };
  const waysTo = (rule: Rule): readonly Way[] | undefined => {
    ways ??= createWays(vocabulary, allVisits());
    return ways.to(rule);
  };
  const request = (
    rule: Rule,
    blockers: readonly Blocker[],
    inQuestion: readonly PacketSet[],
  ): CoverRequest => {
    measure ??= createMeasure(space);
    const mine = endingOf(rule);
    return {
      space,
      measure,
      blockers,
      inQuestion,
      wanted: (ending) =>
        mine !== undefined &&
        ending !== 'return' &&
        ending !== 'away' &&
        (mine === 'accept') !== (ending === 'accept'),
    };
  };

  function death(rule: Rule): Death | undefined {
    if (standing(rule) !== 'dead') return undefined;
    let known = deaths.get(rule);
    if (known === undefined) {
      known = explain(rule);
      deaths.set(rule, known);
    }
    return known;
  }

  function explain(rule: Rule): Death {
    if (space.disjoint(vocabulary.matches(side, rule).may, space.valid)) return { kind: 'conditions' };
    const found = waysTo(rule);
    if (found === undefined) return { kind: 'untold' };
    if (found.length === 0)
      return isReferenced(rule) ? { kind: 'arrivals', fields: [] } : { kind: 'unreferenced' };
    const key = kept && keyOfWays(found);
    const before = key === undefined ? undefined : kept?.death(key);
    if (before !== undefined) return told(before);
    const death = explainWays(rule, found);
    if (key !== undefined && death.kind !== 'untold') kept?.keepDeath(key, death);
    return death;
  }

  /** Says all that the explanation of a death rests on; undefined where that is not kept. */
  function keyOfWays(ways: readonly Way[]): string | undefined {
    const parts: string[] = [];
    for (const { hook, table, legs, asked, coming } of ways) {
      const numbers = legs.map(({ chain, before }) => {
        const number = table.analysis.summary(chain) && table.analysis.kept?.numberOf(chain);
        return number === undefined ? undefined : `${number}.${before}`;
      });
      if (numbers.includes(undefined)) return undefined;
      parts.push(`${hook} ${asked} ${coming} ${numbers.join(' ')}`);
    }
    return parts.join(';');
  }

  /** The rules of this ruleset where those of one before stood: the chains in question are the same. */
  function told(death: Death): Death {
    const here = (rule: Rule): Rule => {
      const table = findTable(side.ruleset, rule.table);
      return (table && findChain(table, rule.chain))?.rules[rule.index] ?? rule;
    };
    switch (death.kind) {
      case 'jumps':
        return { kind: 'jumps', jumps: death.jumps.map(here) };
      case 'covered':
        return {
          ...death,
          cover: death.cover.map((part) => ({ ...part, rule: here(part.rule), via: part.via.map(here) })),
        };
      default:
        return death;
    }
  }

  function explainWays(rule: Rule, found: readonly Way[]): Death {
    const possible = found.filter((w) => w.asked !== space.none);
    if (possible.length === 0) return { kind: 'jumps', jumps: jumpsOf(shortest(found)) };
    const coming = possible.filter((w) => w.packets !== space.none);
    if (coming.length === 0) return { kind: 'arrivals', fields: excludingFields(possible) };
    const inQuestion = coming.map((w) => w.packets);
    const { blockers, rest } = blockersOf(coming, inQuestion);
    if (rest.some((set) => set !== space.none)) return { kind: 'untold' };
    const cover = coverOf(request(rule, blockers, inQuestion));
    if (cover === undefined) return { kind: 'untold' };
    const deadJumps = coming.every(
      (w) => w.legs.length > 1 && jumpsOf(w).some((j) => standing(j) === 'dead'),
    );
    return { kind: 'covered', cover, deadJumps };
  }

  /** Fields each of which, left open, would let packets come that the rule is for. */
  function excludingFields(possible: readonly Way[]): readonly FieldName[] {
    return [...space.codec.fields.keys()].filter((field) =>
      possible.some(({ asked, coming }) => !space.disjoint(asked, space.forget(coming, [field]))),
    );
  }

  function loss(rule: Rule, of: PacketSet = space.all): Loss | undefined {
    if (standing(rule) !== 'live') return undefined;
    const found = waysTo(rule)?.filter((w) => w.packets !== space.none);
    if (found === undefined || found.length === 0) return undefined;
    const all = found.map((w) => space.and(w.packets, of));
    // What one way loses may come by another.
    const kept = space.union(blockersOf(found, all).rest);
    const lost = all.map((set) => space.diff(set, kept));
    const { blockers } = blockersOf(found, lost);
    const asked = request(rule, blockers, lost);
    const everything = space.union(lost);
    return {
      share: asked.measure.share(space.may(everything), space.may(space.union(all))),
      lost: everything,
      takers: takersOf(asked),
    };
  }

  return {
    analysis,
    visitsOf,
    standing,
    death,
    loss: (rule) => loss(rule),
    lossOfOpeners: (rule) => {
      opening ??= openingPackets(vocabulary);
      return loss(rule, opening);
    },
    policyIsDead: (chain) => {
      const visited = allVisits().filter((v) => v.table === chain.table && v.hook === chain.hook);
      return visited.length > 0 && visited.every((v) => v.byPolicy === space.none);
    },
    dead: () =>
      side.ruleset.tables.flatMap((t) =>
        t.chains.flatMap((c) => c.rules.filter((rule) => standing(rule) === 'dead')),
      ),
    endsChain: (rule) => {
      const visits = visitsOf(rule);
      return (
        visits.length > 0 &&
        visits.every((visit) => {
          const chain = visit.analysis.model.chains.get(rule.chain);
          const r = chain?.rules[rule.index];
          if (chain === undefined || r === undefined || chain.rewrites || chain.loops) return false;
          const { action } = r;
          const back =
            action.kind === 'jump' && action.chain !== undefined
              ? visit.analysis.summary(action.chain)?.returns
              : space.none;
          if (back === undefined || action.kind === 'continue' || action.kind === 'open') return false;
          return space.implies(visit.entries(chain), space.diff(r.must, back));
        })
      );
    },
    entering: (rule) => {
      const result = new Map<RoadName, PacketSet>();
      for (const name of ['arrive', 'local'] as const) {
        const road = analysis.road(name);
        const sets = road.visits.flatMap((v) => (v.table === rule.table ? [v.taking(rule)] : []));
        result.set(name, atEntry(vocabulary, space.union(sets), road));
      }
      return result;
    },
    restsOn: (rule) => {
      if (standing(rule) !== 'dead') return [];
      const facts = givenFacts(side.program.machine);
      if (facts.length === 0) return [];
      withoutFacts ??= answerRules(
        analyse({
          ruleset: side.ruleset,
          machine: withoutGivenFacts(side.program.machine),
          registry: side.registry,
        }),
      );
      return withoutFacts.standing(rule) === 'dead' ? [] : facts;
    },
  };
}

/** Names of the chains of a table that some jumps lead to from a built-in one. */
function referencedChains(ruleset: Ruleset, table: string): ReadonlySet<string> {
  const chains = new Map(findTable(ruleset, table)?.chains.map((c) => [c.name, c]));
  const seen = new Set<string>();
  const open = [...chains.values()].filter((c) => c.hook !== undefined);
  for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
    if (seen.has(chain.name)) continue;
    seen.add(chain.name);
    for (const { target } of chain.rules) {
      const next = target.kind === 'jump' || target.kind === 'goto' ? chains.get(target.chain) : undefined;
      if (next !== undefined) open.push(next);
    }
  }
  return seen;
}

function jumpsOf({ legs }: Way): readonly Rule[] {
  return legs.slice(0, -1).map(({ chain, before }) => (chain.rules[before] as RuleModel).rule);
}

function shortest(ways: readonly Way[]): Way {
  return ways.reduce((best, way) => (way.legs.length < best.legs.length ? way : best));
}

/** Facts of the machine that change what packets there are. */
const packetFacts = ['interfaces', 'routes', 'policyRules', 'sysctls', 'sets'] as const;

function givenFacts(machine: Machine): readonly Fact<unknown>[] {
  return packetFacts.flatMap((name) => (machine[name].provenance === 'given' ? [machine[name]] : []));
}

/** The machine as if nobody had told anything of it. */
function withoutGivenFacts(machine: Machine): Machine {
  const { inferredSysctls: _, behind: __, routeCoverage: ___, ...rest } = machine;
  const unknown = { value: undefined, provenance: 'unknown', source: '' } as const;
  return {
    ...rest,
    interfaces: unknown,
    routes: unknown,
    policyRules: unknown,
    sets: unknown,
    sysctls: { ...unknown, value: {} },
    localAddresses: [],
    remoteAddresses: [],
    outside: [],
  };
}

/** Which packets of a set end how: a table of fates and deciders, each row with its packets and one that shows it. */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { familyOfWords } from '../expression/packet-expression.ts';
import { packetSetFromExpression } from '../expression/packet-set-expression.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import type { Hook } from '../model/netfilter.ts';
import type { FieldName } from '../packetset/fields.ts';
import { createMeasure } from '../packetset/measure.ts';
import { describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type Analysis, analyse } from './analysis.ts';
import { type DecidedPart, type Decider, decidedParts, deciderKey } from './deciders.ts';
import { atEntry } from './fates.ts';
import {
  budgetReached,
  type MachineQuestion,
  type MachineRulesets,
  machineRulesets,
} from './machine-rulesets.ts';
import { openingPackets, ordinaryAddresses, ordinaryOn } from './ordinary.ts';
import type { FateKind, FatePart, Road, RoadName } from './road.ts';
import type { Description } from './vocabulary.ts';
import { createWitnessWalker, type WalkedWitness } from './witness-walk.ts';

/** Fates of packets that were let through. */
export const acceptedFates: readonly FateKind[] = ['local', 'forward', 'sent'];

/** What is asked. */
export interface QueryOptions extends MachineQuestion {
  /** The packets in match options, word by word; what is not said is any. */
  readonly expression: readonly string[];
  /** Where the header is looked at: as it came in (default), at the end of the way, or as it is at a hook. */
  readonly at?: 'entry' | 'end' | Hook;
  /** Only packets that begin in this way; default both. */
  readonly road?: RoadName;
  /** Only these fates; default all. */
  readonly fates?: readonly FateKind[];
  /** Only packets that may open a connection. */
  readonly openersOnly?: boolean;
  /** Rows that are put into words, of each family; default 40. */
  readonly rowsMax?: number;
  /** Look for a packet that shows each row; default true. */
  readonly witnesses?: boolean;
}

/**
 * Kinds of packets, each a table of its own: those that open a connection, the others between ordinary addresses
 * (replies, what conntrack cannot place), and those of odd addresses (groups, loopback, nobody).
 */
const aspects = ['openers', 'others', 'odd'] as const;
/** One of the kinds. */
export type Aspect = (typeof aspects)[number];

/**
 * Where the deciding question is asked: before routing, on the way to this machine itself, on the way through it, on
 * the way out. Whether an address is this machine's is no question of luck: where it is not known, a packet has a
 * certain fate for either answer.
 */
export type Way = 'before' | 'to' | 'through' | 'out' | 'routing';

/** Packets of the question that end alike, by the same decision. */
export interface QueryRow {
  readonly aspect: Aspect;
  readonly way: Way;
  readonly road: RoadName;
  readonly fate: FateKind;
  readonly by: Decider | undefined;
  /** Whether all packets that go this way end so whatever else is not known, or may. */
  readonly certain: boolean;
  /** Their share of the packets asked about of this road and aspect, by headers that can be told apart: 0 to 1. */
  readonly share: number;
  /** The row's packets among those asked about. */
  readonly packets: SetDescription;
  /** Undefined where none was asked for, or none of the few that were tried ended so. */
  readonly witness: WalkedWitness | undefined;
  /** The set, in the space of {@link FamilyAnswer.analysis}. */
  readonly set: PacketSet;
}

/** The answer of one family's ruleset. */
export interface FamilyAnswer {
  readonly ruleset: ReadRuleset;
  readonly analysis: Analysis;
  /** Largest share first. */
  readonly rows: readonly QueryRow[];
  /** Rows beyond `rowsMax`. */
  readonly rowsLeftOut: number;
  /** No packet of any road is among those asked about. */
  readonly empty: boolean;
}

/** What became of a question: an answer, words that make no question, or why nothing could be said. */
export interface QueryResult {
  readonly read?: ReadMachine;
  readonly families: readonly FamilyAnswer[];
  readonly diagnostics: readonly Diagnostic[];
  /** Spans are offsets into `expressionText`. */
  readonly refused?: { readonly expressionText: SourceText; readonly diagnostics: readonly Diagnostic[] };
  readonly couldNotLook?: string;
}

/** Answers a question about all packets of a machine; its own text first, then further ones about it. Never throws. */
export function queryMachine(texts: readonly SourceText[], options: QueryOptions): QueryResult {
  const family = options.family ?? familyOfWords(options.expression);
  const machine = machineRulesets(texts, { ...options, family });
  if (typeof machine === 'string') return { families: [], diagnostics: [], couldNotLook: machine };
  return queryRulesets(machine, { ...options, family });
}

/** The same for a machine that has been read. */
function queryRulesets(machine: MachineRulesets, options: QueryOptions): QueryResult {
  const { read, diagnostics } = machine;
  const families: FamilyAnswer[] = [];
  if (machine.rulesets.length === 0) {
    const name = options.family === 'ipv6' ? 'IPv6' : 'IPv4';
    return {
      read,
      families,
      diagnostics,
      couldNotLook: `there is no ${name} ruleset, and the packets asked about are ${name}`,
    };
  }
  for (const ruleset of machine.rulesets) {
    const { family, backend } = ruleset.linked.ruleset;
    const described = packetSetFromExpression(options.expression, {
      registry: options.registry,
      machine: read.machine,
      family,
      backend,
    });
    if (!described.ok) {
      const expressionText = { name: 'packets', text: described.text };
      return {
        read,
        families: [],
        diagnostics,
        refused: { expressionText, diagnostics: described.diagnostics },
      };
    }
    const analysis = analyse({
      ruleset: ruleset.linked.ruleset,
      machine: read.machine,
      registry: options.registry,
      program: machine.program,
      queries: [described.describe, ordinaryAddresses(family)],
      ...(options.openersOnly ? { within: openingPackets } : {}),
      ...(options.nodesMax === undefined ? {} : { nodesMax: options.nodesMax }),
      ...(options.meter === undefined ? {} : { meter: options.meter }),
    });
    const answer = answerFamily(ruleset, analysis, described.describe, options);
    if (typeof answer === 'string') return { read, families, diagnostics, couldNotLook: answer };
    families.push(answer);
  }
  return { read, families, diagnostics };
}

type Draft = Pick<QueryRow, 'aspect' | 'way' | 'road' | 'fate' | 'by' | 'certain' | 'set'>;

/** Fields that only conntrack's bookkeeping tells apart. */
const bookkeeping: readonly FieldName[] = ['ctStatus', 'ctDirection'];

function answerFamily(
  ruleset: ReadRuleset,
  analysis: Analysis,
  describe: Description,
  options: QueryOptions,
): FamilyAnswer | string {
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  const asked = vocabulary.describe(side, describe).may;
  const { rowsMax = 40, fates } = options;
  const opening = openingPackets(vocabulary);
  const ordinary = vocabulary.describe(side, ordinaryOn(side)).may;
  // What becomes of a first packet becomes of its repetition: of these nothing is said.
  const alike = space.forget(opening, ['ctStatus']);
  const again = space.diff(alike, opening);
  const within: Readonly<Record<Aspect, PacketSet>> = {
    openers: space.and(opening, ordinary),
    others: space.diff(ordinary, alike),
    odd: space.diff(space.diff(options.openersOnly ? opening : space.all, ordinary), again),
  };
  const drafts: Draft[] = [];
  const totals = new Map<string, PacketSet>();
  for (const name of options.road === undefined ? (['arrive', 'local'] as const) : [options.road]) {
    const road = analysis.road(name);
    const { parts, total } = partsAsked(analysis, road, asked, options);
    for (const aspect of aspects) totals.set(`${name} ${aspect}`, space.and(total, within[aspect]));
    for (const one of rowsOf(analysis, road, parts, within)) drafts.push(one);
  }
  const decided = drafts.every((d) => space.isDecided(d.set)) && space.isDecided(asked);
  const problem = budgetReached(decided, options);
  if (problem !== undefined) return problem;

  const measure = createMeasure(space);
  const wholes = new Map([...totals].map(([key, set]) => [key, measure.count(set)]));
  const share = ({ aspect, road, set }: Draft): number => {
    const whole = wholes.get(`${road} ${aspect}`) ?? 0n;
    return whole === 0n ? 0 : Number((measure.count(set) * 10n ** 12n) / whole) / 1e12;
  };
  const rows = drafts
    .filter((d) => fates === undefined || fates.includes(d.fate))
    .map((d) => ({ ...d, share: share(d) }))
    .sort((a, b) => aspects.indexOf(a.aspect) - aspects.indexOf(b.aspect) || b.share - a.share);
  const walker = options.witnesses === false ? undefined : createWitnessWalker(vocabulary, side);
  return {
    ruleset,
    analysis,
    rows: rows.slice(0, rowsMax).map((row) => ({
      ...row,
      packets: describeSet(space, space.forget(row.set, bookkeeping), {
        care: space.forget(totals.get(`${row.road} ${row.aspect}`) ?? space.all, bookkeeping),
        boxesMax: 100,
      }),
      witness: walker?.find(row.road, row.set, { fate: row.fate, by: row.by }),
    })),
    rowsLeftOut: Math.max(0, rows.length - rowsMax),
    empty: [...totals.values()].every((set) => set === space.none),
  };
}

/** Hooks that a part of a road has come through. */
function passes(road: Road, { fate, visit, looped }: FatePart, hook: Hook): boolean {
  const last =
    visit?.hook ?? (fate === 'local' ? 'INPUT' : fate === 'route-drop' ? undefined : 'POSTROUTING');
  switch (hook) {
    case 'PREROUTING':
      return road.name === 'arrive' || looped;
    case 'OUTPUT':
      return road.name === 'local' && (last !== undefined || looped);
    case 'INPUT':
      return last === 'INPUT';
    case 'FORWARD':
      return road.name === 'arrive' && (last === 'FORWARD' || last === 'POSTROUTING');
    case 'POSTROUTING':
      return last === 'POSTROUTING' || looped;
  }
}

/** The parts of a road that are asked about, and all of its packets that are. */
function partsAsked(
  analysis: Analysis,
  road: Road,
  asked: PacketSet,
  { at = 'entry', openersOnly = false, fates }: QueryOptions,
): { readonly parts: readonly DecidedPart[]; readonly total: PacketSet } {
  const { vocabulary } = analysis;
  const { space } = vocabulary;
  const whole = ({ fate }: FatePart): boolean => fates?.includes(fate) === false;
  const entering = space.may(
    space.and(atEntry(vocabulary, road.entering, road), openersOnly ? openingPackets(vocabulary) : space.all),
  );
  // Interfaces are what the machine adds: a condition on them is about the end of the way.
  const added: FieldName[] = road.name === 'arrive' ? ['outInterface'] : ['inInterface', 'outInterface'];
  if (at === 'entry') {
    const within = space.and(asked, space.forget(entering, added));
    const parts = decidedParts(vocabulary, road, { within, whole });
    const total =
      parts.length === 0 ? space.none : space.and(space.forget(space.may(asked), added), entering);
    return { parts, total };
  }
  const within = space.forget(entering, added);
  if (at === 'end') {
    const parts = decidedParts(vocabulary, road, { within, ending: asked, whole });
    return { parts, total: space.union(parts.map((p) => p.set)) };
  }
  // The header at the hook is the one at its first table; where it has none, nothing changes it before the end.
  const only = (part: FatePart): boolean => passes(road, part, at);
  const visit = road.visits.find((v) => v.hook === at);
  const relation = space.atEntry(within);
  const from =
    visit === undefined
      ? undefined
      : space.may(
          space.forget(atEntry(vocabulary, space.and(space.and(visit.entering, relation), asked), road), [
            'outInterface',
          ]),
        );
  const parts = decidedParts(
    vocabulary,
    road,
    from === undefined ? { within, ending: asked, only, whole } : { within: from, only, whole },
  );
  return { parts, total: space.union(parts.map((p) => p.set)) };
}

/** The way on which a part's decision was made. */
function wayOf({ name }: Road, { fate, visit, looped }: FatePart): Way {
  if (fate === 'route-drop') return 'routing';
  if (name === 'local' && !looped) return 'out';
  if (visit === undefined) return fate === 'forward' ? 'through' : 'to';
  if (visit.hook === 'INPUT') return 'to';
  return visit.hook === 'PREROUTING' ? 'before' : 'through';
}

/** Whether packets of one way might as well have gone the other, by luck. */
function mayMeet(a: Way, b: Way): boolean {
  if (a === b) return true;
  if (a === 'before' || b === 'before') return a !== 'routing' && b !== 'routing';
  return a === 'out' && b === 'to';
}

/** Parts of equal way, fate and decider in one, cut into those that surely end so and those that may. */
function rowsOf(
  { vocabulary }: Analysis,
  road: Road,
  parts: readonly DecidedPart[],
  within: Readonly<Record<Aspect, PacketSet>>,
): readonly Draft[] {
  const { space } = vocabulary;
  const groups = new Map<string, Pick<Draft, 'way' | 'fate'> & { readonly sets: PacketSet[] }>();
  const rows = new Map<string, Pick<Draft, 'way' | 'fate' | 'by'> & { readonly sets: PacketSet[] }>();
  for (const { fate, by, set, part } of parts) {
    const way = wayOf(road, part);
    const groupKey = `${way} ${fate}`;
    const group = groups.get(groupKey) ?? { way, fate, sets: [] };
    groups.set(groupKey, group);
    group.sets.push(set);
    const key = `${groupKey} ${deciderKey(by)}`;
    const row = rows.get(key) ?? { way, fate, by, sets: [] };
    rows.set(key, row);
    row.sets.push(set);
  }
  const united = [...groups.values()].map(({ way, fate, sets }) => ({ way, fate, set: space.union(sets) }));
  const rivals = new Map(
    united.map(({ way, fate }) => [
      `${way} ${fate}`,
      space.union(united.flatMap((g) => (g.fate !== fate && mayMeet(way, g.way) ? [g.set] : []))),
    ]),
  );
  return [...rows.values()].flatMap(({ way, fate, by, sets }) => {
    const all = space.union(sets);
    return aspects.flatMap((aspect) => {
      const set = space.and(all, within[aspect]);
      const open = space.and(set, rivals.get(`${way} ${fate}`) ?? space.none);
      const sure = space.diff(set, open);
      return [
        { aspect, way, road: road.name, fate, by, certain: true, set: sure },
        { aspect, way, road: road.name, fate, by, certain: false, set: open },
      ].filter((row) => row.set !== space.none);
    });
  });
}

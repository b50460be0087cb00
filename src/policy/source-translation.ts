/** As what packets leave: the sources that SNAT, MASQUERADE and NETMAP give them, or their own. */

import { changesOf } from '../analysis/effects.ts';
import { atEntry } from '../analysis/fates.ts';
import { acceptedFates } from '../analysis/query.ts';
import type { FateKind } from '../analysis/road.ts';
import type { Visit } from '../analysis/table-run.ts';
import type { Description } from '../analysis/vocabulary.ts';
import { addressesOf } from '../engine/facts.ts';
import type { FieldChange } from '../extensions/define.ts';
import type { Hook } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import type { AddressRange } from '../net/address.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Asked, Bench } from './bench.ts';
import type { ClaimSets } from './claims.ts';

type NatChange = Extract<FieldChange, { field: 'nat' }>;
type AboutRules = Pick<Bench, 'ruleset' | 'program' | 'registry'>;

/** Where the source is translated last, by how packets end. */
const translatedAt: Partial<Record<FateKind, Hook>> = {
  local: 'INPUT',
  forward: 'POSTROUTING',
  sent: 'POSTROUTING',
};

/** Rules that give packets another source. */
function sourceChanges({ ruleset, program, registry }: AboutRules): readonly (readonly [Rule, NatChange])[] {
  return [...changesOf(ruleset.linked.ruleset, program.machine, registry)].flatMap(([rule, change]) =>
    change.field === 'nat' && rule.table === 'nat' && change.manip !== 'destination'
      ? [[rule, change] as const]
      : [],
  );
}

/** The sources that rules give; to be mentioned among the queries of a bench. */
export function newSources(about: AboutRules): Description {
  const ranges = sourceChanges(about).flatMap(([, { range }]) => range.addresses ?? []);
  const own = [...about.program.facts.interfaces.keys()].flatMap((name) => interfaceRanges(about, name));
  // As a destination it is where answers go.
  return (space) =>
    (['src', 'dst'] as const).reduce<PacketSet>(
      (all, field) =>
        [...ranges, ...own].reduce<PacketSet>(
          (set, range) => space.or(set, space.addresses(field, range)),
          all,
        ),
      space.none,
    );
}

const interfaceRanges = ({ program, ruleset }: AboutRules, name: string): readonly AddressRange[] =>
  addressesOf(program.facts, name, ruleset.linked.ruleset.family).map(({ address }) => ({
    low: address,
    high: address,
  }));

/** Packets that pass, as they come in, and the source that they have in the end: its own, one of some, or any. */
export interface Leaving {
  readonly packets: PacketSet;
  readonly as: 'own' | 'any' | readonly AddressRange[];
}

/** See the head of this file. Where something is not known, a packet is among several. */
export function leavingAs(bench: Bench, asked: Asked): readonly Leaving[] {
  const { analysis } = bench;
  const { vocabulary } = analysis;
  const { space } = vocabulary;
  const road = analysis.road(asked.road);
  const entry = (set: PacketSet): PacketSet => space.may(atEntry(vocabulary, set, road));
  const changes = sourceChanges(bench);
  const found: Leaving[] = [];
  const leave = (packets: PacketSet, as: Leaving['as']): void => {
    if (packets !== space.none) found.push({ packets, as });
  };

  for (const fate of acceptedFates) {
    const passing = space.union(
      road.parts.filter((part) => part.fate === fate).map((part) => bench.within(asked, part)),
    );
    if (passing === space.none) continue;
    const passed = entry(passing);
    const visits: readonly Visit[] = road.visits.filter(
      (v) => v.table === 'nat' && v.hook === translatedAt[fate],
    );
    // What is not seen by the table is as its connection is, which nobody knows; untracked packets stay as they are.
    const unseen = space.diff(passed, space.union(visits.map((v) => entry(v.entering))));
    const mayHave = changes.length > 0 ? space.and(unseen, space.tracked()) : space.none;
    leave(mayHave, 'any');
    leave(space.diff(unseen, mayHave), 'own');
    for (const visit of visits) {
      const taken = (rule: Rule, now = space.all): PacketSet =>
        space.and(passed, entry(space.and(visit.taking(rule), now)));
      for (const [rule, { from, range }] of changes) {
        if (from === 'range') {
          // A port alone leaves the address.
          leave(taken(rule), range.addresses === undefined ? 'own' : [range.addresses]);
          continue;
        }
        let others = space.all;
        for (const name of bench.program.facts.interfaces.keys()) {
          const leaves = space.interface('out', { name, exact: true });
          others = space.diff(others, leaves);
          const ranges = interfaceRanges(bench, name);
          leave(taken(rule, leaves), ranges.length === 0 ? 'any' : ranges);
        }
        leave(taken(rule, others), 'any');
      }
      const changing = new Set(changes.map(([rule]) => rule));
      const passedOn = ['jump', 'goto', 'continue'];
      for (const chain of visit.analysis.model.chains.values())
        for (const { rule, action } of chain.rules)
          if (!changing.has(rule) && !passedOn.includes(action.kind)) leave(taken(rule), 'own');
      leave(space.and(passed, entry(visit.byPolicy)), 'own');
    }
  }
  return found;
}

/** The source at the end of the way, of packets that are let through. */
export function sourceClaim(bench: Bench, asked: Asked, target: Description): ClaimSets {
  const { vocabulary, side } = bench.analysis;
  const { space } = vocabulary;
  const wanted = vocabulary.describe(side, target).may;
  const good: PacketSet[] = [];
  const bad: PacketSet[] = [];
  for (const { packets, as } of leavingAs(bench, asked)) {
    if (as === 'own') {
      good.push(space.and(packets, wanted));
      bad.push(space.diff(packets, wanted));
      continue;
    }
    const sources = as === 'any' ? space.all : among(bench, 'src', as);
    if (!space.disjoint(sources, wanted)) good.push(packets);
    if (!space.implies(sources, wanted)) bad.push(packets);
  }
  const groups = bench.groups(bench.parts(asked, { only: ({ fate }) => acceptedFates.includes(fate) }));
  const those = (sets: readonly PacketSet[]): ClaimSets['good'] => {
    const all = space.union(sets);
    return groups.map((g) => ({ ...g, set: space.and(g.set, all) })).filter((g) => g.set !== space.none);
  };
  return {
    kind: 'source-translated-to',
    good: those(good),
    bad: those(bad),
    shows: ({ fate }) =>
      (fate.kind !== 'local' && fate.kind !== 'forward' && fate.kind !== 'sent') ||
      !space.contains(wanted, {
        packet: fate.packet,
        inInterface: undefined,
        outInterface: undefined,
        connection: { state: 'NEW', direction: 'original', entry: undefined },
      }),
  };
}

/** Packets from, or to, one of these addresses. */
export function among(bench: Bench, field: 'src' | 'dst', ranges: readonly AddressRange[]): PacketSet {
  const { vocabulary, side } = bench.analysis;
  return vocabulary.describe(side, (s) =>
    ranges.reduce<PacketSet>((set, range) => s.or(set, s.addresses(field, range)), s.none),
  ).may;
}

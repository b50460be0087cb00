/** Every packet that may be an answer to packets of a set, after what the rules have translated. */

import { changesOf } from '../analysis/effects.ts';
import { acceptedFates } from '../analysis/query.ts';
import type { FatePart, RoadName } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import type { Rule } from '../model/ruleset.ts';
import type { AddressRange } from '../net/address.ts';
import type { PacketSet } from '../packetset/space.ts';
import { backwards, type CameIn, type OpenFields } from './backwards.ts';
import type { Asked, Bench } from './bench.ts';
import { meantPackets } from './plausible.ts';
import type { PolicyTest } from './policy.ts';
import { among, leavingAs } from './source-translation.ts';

/** What DNAT, REDIRECT or NETMAP make of a destination. */
interface NewDestination {
  /** Undefined: an address that only the machine knows. */
  readonly addresses: AddressRange | 'kept' | undefined;
  readonly ports: readonly [number, number] | undefined;
}

/** Answers to the packets whose destination became one thing, in the words of the answer. */
export interface DescribedAnswers {
  /** The new destination, of the question at the end of its way; undefined where nothing has changed it. */
  readonly translation: NewDestination | undefined;
  readonly destination: Description;
  /** As they are once their own destination is translated back. */
  readonly whole: Description;
  /** As they come in: where they go, and by which interface, is not settled yet. */
  readonly early: Description;
  /** Where routing has stopped them: by no interface. */
  readonly unrouted: Description;
}

/** Answers that take a road, by how they end. */
export interface PossibleAnswers {
  readonly road: RoadName;
  /** As they come in, whatever they are translated to. */
  readonly within: PacketSet;
  /** Relations between the header at entry and at the end. */
  readonly parts: readonly { readonly part: FatePart; readonly set: PacketSet }[];
}

/** Beyond these, answers may come from anywhere. */
const destinationsMax = 64;

/** Beyond these, answers may belong to questions from any interface. */
const interfacesMax = 16;

const interfaceNames = ({ namedInterfaces, facts }: Bench['program']): readonly string[] => [
  ...new Set([...namedInterfaces, ...facts.interfaces.keys()]),
];

type AboutRules = Pick<Bench, 'ruleset' | 'program' | 'registry' | 'read'>;

/** Every new destination that some rule gives. */
function newDestinations({ ruleset, program, registry }: AboutRules): readonly NewDestination[] {
  const found = new Map<string, NewDestination>();
  const family = ruleset.linked.ruleset;
  for (const [rule, change] of changesOf(family, program.machine, registry)) {
    if (change.field !== 'nat' || change.manip === 'source' || !changesDestinations(rule)) continue;
    const { from, range } = change;
    const to: NewDestination = {
      addresses: from === 'range' ? (range.addresses ?? 'kept') : undefined,
      ports: range.ports,
    };
    found.set(JSON.stringify(to), to);
  }
  const anywhere: NewDestination = { addresses: undefined, ports: [0, 0xffff] };
  return found.size > destinationsMax ? [anywhere] : [...found.values()];
}

/** NETMAP in a chain of a hook for sources changes them; user chains may be called from anywhere. */
const changesDestinations = ({ table, chain }: Rule): boolean =>
  table === 'nat' && chain !== 'POSTROUTING' && chain !== 'INPUT';

/** What can be said of answers before any set is made; its descriptions are to be mentioned in the vocabulary. */
export function describedAnswers(
  about: AboutRules,
  packets: Description,
  { local, anyState }: Pick<PolicyTest, 'local' | 'anyState'>,
): readonly DescribedAnswers[] {
  const { family } = about.ruleset.linked.ruleset;
  const meant = meantPackets(about.read, family, local ? 'local' : 'arrive');
  const asked: Description = anyState ? packets : (space) => space.and(packets(space), meant(space));
  const names = interfaceNames(about.program);
  const some = names.length > interfacesMax ? [] : names;
  const ways: readonly CameIn[] = [...some.map((by) => ({ by })), { byNoneOf: some }];
  // Where the routes are known they say by which interface an answer leaves; else it goes as the question came.
  const routed = about.read.machine.routes.value !== undefined;
  return [undefined, ...newDestinations(about)].map((translation): DescribedAnswers => {
    const addresses = translation?.addresses ?? 'kept';
    const changed: OpenFields =
      translation === undefined
        ? []
        : [
            ...(translation.addresses === 'kept' ? [] : (['src'] as const)),
            ...(translation.ports === undefined ? [] : (['sport'] as const)),
          ];
    const comesFrom: Description = (space) => {
      const from = typeof addresses === 'object' ? space.addresses('src', addresses) : space.all;
      if (translation?.ports === undefined) return from;
      const [low, high] = translation.ports;
      return space.and(from, space.or(space.not(space.has('sport')), space.interval('sport', low, high)));
    };
    const answering = (open: OpenFields, anyWay: boolean): Description => {
      const fields = [...changed, ...open];
      const turned = (anyWay ? ways : [undefined]).map((way) => backwards(asked, fields, way));
      return (space) =>
        space.and(
          turned.reduce<PacketSet>((set, d) => space.or(set, d(space)), space.none),
          comesFrom(space),
        );
    };
    return {
      translation,
      destination: (space) => {
        const to = typeof addresses === 'object' ? space.addresses('dst', addresses) : space.all;
        if (translation?.ports === undefined) return to;
        const [low, high] = translation.ports;
        return space.and(to, space.or(space.not(space.has('dport')), space.interval('dport', low, high)));
      },
      whole: answering([], routed),
      early: answering(['dst', 'dport'], true),
      unrouted: answering([], true),
    };
  });
}

/** The answers to packets that pass, each as far as it came. */
export function answersAfter(
  bench: Bench,
  asked: Asked,
  described: readonly DescribedAnswers[],
): readonly PossibleAnswers[] {
  const { analysis } = bench;
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  const setOf = (d: Description): PacketSet => vocabulary.describe(side, d).may;
  const passed = analysis
    .road(asked.road)
    .parts.filter((part) => acceptedFates.includes(part.fate))
    .map((part) => ({ part, set: bench.within(asked, part) }))
    .filter(({ set }) => set !== space.none);
  const roads = new Map<RoadName, PacketSet[]>();
  for (const { part, set } of passed) {
    const road: RoadName = part.fate === 'local' ? 'local' : 'arrive';
    roads.set(road, [...(roads.get(road) ?? []), set]);
  }
  return [...roads].map(([road, questions]): PossibleAnswers => {
    const ended = space.union(questions);
    const kinds = described.filter(({ translation, destination }) =>
      translation === undefined
        ? !space.disjoint(ended, space.unchanged(['dst', 'dport']))
        : !space.disjoint(ended, setOf(destination)),
    );
    const comes = kinds.map((kind) => {
      const left = space.and(ended, kind.translation === undefined ? space.all : setOf(kind.destination));
      return space.and(originOf(bench, road), road === 'local' ? space.all : comingBack(bench, left));
    });
    const of = (which: 'whole' | 'early' | 'unrouted'): PacketSet =>
      space.union(kinds.map((kind, i) => space.and(setOf(kind[which]), comes[i] ?? space.all)));
    const [whole, early, unrouted] = [of('whole'), of('early'), of('unrouted')];
    // As it comes in, an answer goes to where its question seemed to come from.
    const to = space.union(
      leavingAs(bench, asked).map(({ as }) =>
        as === 'own' ? unrouted : as === 'any' ? space.all : among(bench, 'dst', as),
      ),
    );
    const entering = bench.asked(() => space.and(early, to), road, true);
    // Of a question without an entry in conntrack, the answer is a packet like any other.
    const tracked = side.switches.conntrack ? space.tracked() : space.all;
    const state = space.implies(ended, tracked) ? setOf(answeringState(bench)) : space.all;
    const answering = space.and(state, answerFlags(bench));
    const within = space.and(entering.within, answering);
    const parts = analysis.road(road).parts.flatMap((part) => {
      const wanted = beforeTranslation(part) ? early : part.fate === 'route-drop' ? unrouted : whole;
      const set = space.and(bench.within({ road, within }, part), wanted);
      return set === space.none ? [] : [{ part, set }];
    });
    return { road, within, parts };
  });
}

/** What conntrack finds an answer to be; without it, any packet may be one. */
export function answeringState({ program, ruleset }: Pick<Bench, 'program' | 'ruleset'>): Description {
  if (!program.families[ruleset.linked.ruleset.family].conntrack) return (space) => space.all;
  return (space) => space.and(space.named('ctState', 'ESTABLISHED'), space.named('ctDirection', 'reply'));
}

/** Answers from the wire are sent by other machines, the others by this one. */
const originOf = ({ analysis: { vocabulary, side } }: Bench, road: RoadName): PacketSet =>
  vocabulary.describe(side, (space) => {
    const own = space.addressType('src', 'LOCAL');
    return road === 'local' ? own : space.not(own);
  }).may;

/** Packets that come in by an interface by which some of these have left. */
function comingBack({ analysis, program }: Bench, left: PacketSet): PacketSet {
  const { space } = analysis.vocabulary;
  const names = interfaceNames(program);
  let others = space.all;
  let back = space.none;
  for (const name of names) {
    const pattern = { name, exact: true } as const;
    others = space.diff(others, space.interface('out', pattern));
    if (!space.disjoint(left, space.interface('out', pattern)))
      back = space.or(back, space.interface('in', pattern));
  }
  if (space.disjoint(left, others)) return back;
  const known = names.map((name) => space.interface('in', { name, exact: true }));
  return space.or(back, space.not(space.union(known)));
}

/** Rules before the nat table see an answer as it came; so may those that see it again by `lo`. */
function beforeTranslation({ visit }: FatePart): boolean {
  if (visit === undefined || (visit.hook !== 'PREROUTING' && visit.hook !== 'OUTPUT')) return false;
  return visit.table === 'raw' || visit.table === 'mangle';
}

/** Answers to a first segment have the ACK flag; everything else may be an answer. */
function answerFlags({ analysis }: Bench): PacketSet {
  const { space } = analysis.vocabulary;
  const ack = 0x10;
  const coding = space.codec.fields.get('tcpFlags')?.coding;
  if (coding?.kind !== 'bits' || !coding.bitNumbers.includes(4)) return space.all;
  return space.or(space.not(space.interval('protocol', 6, 6)), space.bits('tcpFlags', ack, ack));
}

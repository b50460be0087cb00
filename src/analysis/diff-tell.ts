/** One difference, told: who decides on each side, which packets, what it depends on, and a packet that shows it. */

import type { CtState } from '../model/netfilter.ts';
import type { Trace } from '../model/trace.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import { type UnknownVariable, unknownText } from '../packetset/choices.ts';
import { type ConditionTexts, describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import { kindOfKey } from './diff-fates.ts';
import type { Decider } from './diff-frame.ts';
import type { ChangeKind, Group } from './diff-groups.ts';
import type { DiffWitness, DiffWitnessFinder, WantedEnds } from './diff-witness.ts';
import type { RoadName } from './road.ts';
import type { Vocabulary } from './vocabulary.ts';

/** One side of a difference. */
export interface DifferenceSide {
  /**
   * How the packets end: `local`, `forward`, `sent`, `drop`, `reject …`, `queue …`, `stolen …`, `stuck`; of limits and
   * effects the words of the rule, or the empty text for none.
   */
  readonly ends: readonly string[];
  /** Who decides, the most frequent first. */
  readonly deciders: readonly Decider[];
}

/** Packets that fare differently in one way. */
export interface Difference {
  readonly change: ChangeKind;
  /** Of effects: what kind, `LOG`, `list NAME` … */
  readonly about: string;
  readonly road: RoadName;
  /** The hook at which all of these packets are seen on some side: they are for this machine, or go through it. */
  readonly hook: 'INPUT' | 'FORWARD' | undefined;
  readonly old: DifferenceSide;
  readonly new: DifferenceSide;
  /** The first kind of packets that is among them: those are described. `known`: of established connections. */
  readonly described: 'opening' | 'known' | 'others';
  readonly packets: SetDescription;
  /** States of further packets that fare differently in the same way; empty where states do not matter. */
  readonly states: readonly CtState[];
  /** What the difference depends on beside where packets go: in words. `certain`: for some packets on nothing. */
  readonly unknowns: readonly string[];
  readonly certain: boolean;
  /** Undefined where none was looked for, or no packet of a few replayed. */
  readonly witness: DiffWitness | undefined;
}

/** A hook at which all packets of a difference are seen, and who comes there. */
export interface SeenAt {
  readonly hook: 'INPUT' | 'FORWARD';
  readonly packets: PacketSet;
}

/** A group of packets of one road, with what is needed to speak of it. */
export interface GroupedPackets {
  readonly road: RoadName;
  readonly group: Group;
  /** Packets that matter. */
  readonly care: PacketSet;
  readonly seenAt: readonly SeenAt[];
}

/** Where a packet goes: not an unknown that is worth a word, since the ends of a difference say it. */
function isWhereTo({ unknown }: UnknownVariable): boolean {
  return unknown.kind === 'addressOfType' || unknown.kind === 'fieldOfType' || unknown.kind === 'ambient';
}

/** What all differences of a comparison are told with. */
export interface TellingContext {
  readonly opening: PacketSet;
  /** Packets with ordinary addresses. */
  readonly usual: PacketSet;
  readonly texts: ConditionTexts;
}

/** Tells one group of packets that moved: in words, with what it depends on, and with a packet that shows it. */
export function tellDifference(
  vocabulary: Vocabulary,
  g: GroupedPackets & { readonly opens: boolean },
  { opening, usual, texts }: TellingContext,
  find: DiffWitnessFinder | undefined,
  linesMax: number,
): Difference {
  const { space } = vocabulary;
  const { group, road, opens } = g;
  const variables = space.unknownsOf(group.set);
  const whereTo = variables.filter(isWhereTo);
  const others = variables.filter((v) => !isWhereTo(v));
  const set = space.mayOver(group.set, whereTo);
  const established = space.codec.fields.has('ctState')
    ? space.and(space.named('ctState', 'ESTABLISHED'), g.care)
    : space.none;
  const known = !opens && !space.disjoint(set, established);
  const kind = opens ? opening : known ? established : space.all;
  // Packets without an out-interface are meant with every one; nothing that arrives leaves by lo.
  const nowhere = space.interface('out', { name: '', exact: true });
  const out = road === 'arrive' ? space.or(nowhere, space.interface('out', interfacePattern('lo'))) : nowhere;
  const possible = space.diff(space.and(g.care, kind), out);
  const ordinary = space.and(possible, usual);
  const place = g.seenAt.find((seen) => space.implies(space.and(set, kind), seen.packets));
  const usually = space.disjoint(set, ordinary) ? possible : ordinary;
  // Among packets for this machine, nobody wants to read its addresses. Only the address: what else leads here is DNAT's.
  const elsewhere = [...space.codec.fields.keys()].filter((field) => field !== 'dst');
  const care =
    place === undefined
      ? usually
      : space.and(usually, space.forget(space.and(place.packets, kind), elsewhere));
  const rest = space.diff(set, kind === space.all ? space.none : kind);
  const stateInUse = space.codec.fields.has('ctState');
  const states = (['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'] as const).filter(
    (s) =>
      stateInUse &&
      s !== (opens ? 'NEW' : known ? 'ESTABLISHED' : undefined) &&
      !space.disjoint(rest, space.named('ctState', s)),
  );
  return {
    change: group.change,
    about: group.about,
    road,
    hook: place?.hook,
    old: { ends: group.from, deciders: group.old },
    new: { ends: group.to, deciders: group.new },
    described: opens ? 'opening' : known ? 'known' : 'others',
    packets: describeSet(space, space.and(set, kind), { care, linesMax, boxesMax: 16, texts }),
    states,
    unknowns: others.map((v) => unknownText(v.unknown)),
    certain: others.length === 0 || space.mustOver(set, others) !== space.none,
    witness: find?.(road, space.and(group.set, kind), wantedEnds(group)),
  };
}

/** The key of an end as the engine tells it. */
function keyOfTrace({ fate }: Trace): string {
  switch (fate.kind) {
    case 'drop':
    case 'route-drop':
    case 'send-error':
    case 'hook-drop':
    case 'ingress-drop':
    case 'lost':
      return 'drop';
    default:
      return fate.kind;
  }
}

function wantedEnds({ change, from, to, about }: Group): WantedEnds {
  const endsIn =
    (keys: readonly string[]) =>
    (trace: Trace): boolean =>
      keys.some((key) => kindOfKey(key) === keyOfTrace(trace));
  const any = (): boolean => true;
  const stays = [...from, ...to].includes('local');
  switch (change) {
    case 'limited':
    case 'effect':
      return { stays, old: any, new: any };
    case 'translated':
      return { stays, old: any, new: any, both: (a, b) => sourceMapped(a) || sourceMapped(b) };
    case 'marked':
      return { stays, old: endsIn(from), new: endsIn(to) };
    case 'redirected':
      return {
        stays,
        old: endsIn(from),
        new: endsIn(to),
        both: about === 'destination' ? any : (a, b) => leavesAs(a) !== leavesAs(b),
      };
    default:
      return { stays, old: endsIn(from), new: endsIn(to) };
  }
}

/** Addresses and interface at the end of the way. */
function leavesAs({ fate }: Trace): string {
  if (!('packet' in fate)) return fate.kind;
  const { src, dst, sport, dport } = fate.packet;
  const by = 'outInterface' in fate ? fate.outInterface : '';
  return JSON.stringify([fate.kind, src, dst, sport, dport, by]);
}

/** Whether a rule chose the source that the packet leaves with, be it the one that it had. */
function sourceMapped({ events }: Trace): boolean {
  return events.some((e) => e.kind === 'nat-setup' && e.manip === 'source' && e.by !== 'none');
}

/**
 * All packets at once on their way from hook to hook: the sets that arrive, that this machine sends, and that it sends
 * to itself, with every way in which they end.
 *
 * Size is left out, and age where no rule asks for it: the packets are those that are not too old and not too big.
 */

import { ctStatusBit } from '../model/connection.ts';
import type { Hook, TableName } from '../model/netfilter.ts';
import { findTable } from '../model/ruleset.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import { entryFields, type FieldName, icmpProtocol } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import { maskInUse } from '../packetset/valid.ts';
import { type Ending, endings, modelTable, type SeenAs, seenAsTheyAre } from './chain-model.ts';
import { givesTemplates, sameOrAbsent } from './changes.ts';
import { changesOf } from './effects.ts';
import type { Kept } from './kept.ts';
import { fragmented, tupleTwins } from './mention-rules.ts';
import { createRouting, type Routing } from './routing-step.ts';
import type { Side } from './side.ts';
import { analyseTable, type TableAnalysis, type Visit, visitTable } from './table-run.ts';
import { describeTracking, unconfirmed } from './tracking.ts';
import type { Vocabulary } from './vocabulary.ts';

/** How packets end: at a local process, out of an interface, at a rule or policy, or in routing. */
export type FateKind = 'local' | 'forward' | 'sent' | Exclude<Ending, 'accept'> | 'route-drop';

/** Where packets begin: on the wire, or at a process of this machine. */
export type RoadName = 'arrive' | 'local';

/** Packets that end alike at one place. */
export interface FatePart {
  readonly fate: FateKind;
  /** Where a rule or policy ended them. */
  readonly visit: Visit | undefined;
  /** A relation between the header at entry and the one at the end. */
  readonly set: PacketSet;
  /** The second time in, after a packet for the machine itself went out by `lo`. */
  readonly looped: boolean;
}

/** Everything that begins in one way. */
export interface Road {
  readonly name: RoadName;
  /** Packets that can be at its beginning. */
  readonly entering: PacketSet;
  readonly parts: readonly FatePart[];
  readonly visits: readonly Visit[];
}

const beforeFilter = ['raw', 'mangle', 'nat'] as const;

/** Walks both roads of a side, each when it is first asked for. */
export interface Roads {
  readonly side: Side;
  readonly vocabulary: Vocabulary;
  readonly routing: Routing;
  road(name: RoadName): Road;
}

/** Fields that stay as they are on the whole way, unless a rule rewrites them. */
const constantFields: readonly FieldName[] = [
  'protocol',
  'dport',
  'icmpType',
  'icmpCode',
  'tcpFlags',
  'fragmentKind',
  'ctState',
];

/**
 * See the head of this file. Nothing is computed before it is asked for. `within`: the only packets that are asked
 * about, by their header as they come in; rules for others then cost nothing. `kept`: from an analysis before, of all
 * packets.
 */
export function createRoads(
  side: Side,
  vocabulary: Vocabulary,
  within: PacketSet | undefined,
  kept?: Kept,
): Roads {
  const { space, family } = vocabulary;
  const { switches } = side;
  const { fields } = space.codec;
  const inUse = (field: FieldName): boolean => fields.has(field);
  const header = { has: inUse, tcpFlagsMask: maskInUse(space.codec, 'tcpFlags') };
  const routing = createRouting(side, vocabulary);
  const stateKnown = inUse('ctState');
  const state = (name: string): PacketSet => space.named('ctState', name);

  // ---------------------------------------------------------------- tables

  const ctFields: FieldName[] = ['ctState', 'ctDirection', ...entryFields].filter((f): f is FieldName =>
    inUse(f as FieldName),
  );
  const readsTracking = (set: PacketSet): boolean =>
    stateKnown && space.fieldsOf(set).some((f) => ctFields.includes(f));
  /** What matches in raw see: no state, no entry. */
  const untouched = (set: PacketSet): PacketSet => {
    if (!readsTracking(set)) return set;
    const seenAs = (name: string): PacketSet => {
      let view = space.and(state(name), space.valid);
      if (inUse('ctDirection')) view = space.and(view, space.named('ctDirection', 'original'));
      return space.forget(space.forget(space.and(set, view), ctFields), ctFields, 'entry');
    };
    // NOTRACK is seen by the rules that follow.
    return space.ite(state('UNTRACKED'), seenAs('UNTRACKED'), seenAs('INVALID'));
  };
  /** Where a rule gave the packet a template, matches take it for an entry of a new connection. */
  const withTemplates: SeenAs = {
    may: (set) =>
      readsTracking(set)
        ? space.or(
            untouched(set),
            space.forget(
              space.forget(space.and(set, space.and(state('NEW'), space.valid)), ctFields),
              ctFields,
              'entry',
            ),
          )
        : set,
    must: (set) => (readsTracking(set) ? space.none : set),
  };
  /** What is known of a packet of interest wherever it is. */
  const concerned = (beforeTracking: boolean): PacketSet => {
    if (within === undefined) return space.all;
    const constant = constantFields.filter(
      (f) => !vocabulary.rewritten.has(f) && !(beforeTracking && f === 'ctState'),
    );
    return space.forget(
      space.may(within),
      [...fields.keys()].filter((f) => !constant.includes(f)),
    );
  };
  const tables = new Map<string, TableAnalysis | undefined>();
  function tableOf(name: TableName, tracked: boolean): TableAnalysis | undefined {
    const key = name === 'raw' && !tracked ? 'raw first' : name;
    if (!tables.has(key)) {
      const table = findTable(side.ruleset, name);
      const early = givesTemplates(side) ? withTemplates : { may: untouched, must: untouched };
      const view = key === 'raw first' && switches.conntrack ? early : seenAsTheyAre;
      const care = concerned(key === 'raw first');
      tables.set(
        key,
        table &&
          analyseTable(side, vocabulary, modelTable(side, table, vocabulary, view, care), kept?.table(key)),
      );
    }
    return tables.get(key);
  }

  // ---------------------------------------------------------------- beginnings

  const noInterface = { name: '', exact: true } as const;
  /** Labels without a name: a packet that has no such interface. */
  const without = (direction: 'in' | 'out'): PacketSet => space.interface(direction, noInterface);
  const lo = (direction: 'in' | 'out'): PacketSet => space.interface(direction, interfacePattern('lo'));

  function beginning(): PacketSet {
    let set = space.valid;
    if (stateKnown)
      set = space.and(set, switches.conntrack ? describeTracking(space, header, family) : state('INVALID'));
    if (switches.defragment && inUse('fragmentKind'))
      set = space.and(set, space.interval('fragmentKind', 0, 0));
    set = firstPackets(set);
    if (within !== undefined) set = space.and(set, within);
    return space.and(set, space.unchanged());
  }

  /** The entry of a first packet is what the packet says, without mark and status. */
  function firstPackets(set: PacketSet): PacketSet {
    if (!stateKnown || !switches.conntrack || !inUse('ctStatus')) return set;
    const firsts = space.and(state('NEW'), unconfirmed(space, header));
    let first = space.and(set, firsts);
    for (const field of ['connmark', 'ctStatus'] as const)
      if (inUse(field)) first = space.and(first, space.bits(field, 0, maskInUse(space.codec, field)));
    for (const [mine, ...theirs] of tupleTwins)
      for (const field of theirs) first = sameOrAbsent(space, first, mine, field);
    return space.or(first, space.diff(set, firsts));
  }

  /** A packet for this machine is put together before INPUT, where conntrack has not done it before. */
  function reassembled(set: PacketSet): PacketSet {
    if (family !== 'ipv4' || switches.defragment || !inUse('fragmentKind')) return set;
    const whole = space.interval('fragmentKind', 0, 0);
    const pieces = space.diff(set, whole);
    if (pieces === space.none) return set;
    const fields = fragmented.filter((f) => inUse(f) && vocabulary.rewritten.has(f));
    return space.or(space.and(set, whole), space.and(space.rewrite(pieces, fields, whole), space.valid));
  }

  /** Forwarding: too old packets are dropped, the others get older. */
  function aged(set: PacketSet): { readonly alive: PacketSet; readonly expired: PacketSet } {
    if (!inUse('ttl')) return { alive: set, expired: space.none };
    const expired = space.and(set, space.interval('ttl', 0, 1));
    return { alive: space.shift(space.diff(set, expired), 'ttl', 2, 255, -1), expired };
  }

  // ---------------------------------------------------------------- hooks

  function walk(name: RoadName): Road {
    const parts: FatePart[] = [];
    const visits: Visit[] = [];
    let looped = false;
    const endAt = (fate: FateKind, set: PacketSet, visit?: Visit): void => {
      if (set !== space.none) parts.push({ fate, visit, set, looped });
    };
    const table = (tableName: TableName, hook: Hook, set: PacketSet): PacketSet => {
      if (set === space.none) return set;
      const analysis = tableOf(tableName, looped);
      if (analysis === undefined || !analysis.model.chains.has(hook)) return set;
      const visit = visitTable(analysis, hook, set);
      visits.push(visit);
      for (const ending of endings) {
        const ended = visit.ends.get(ending);
        if (ended !== undefined && ending !== 'accept') endAt(ending, ended, visit);
      }
      return visit.ends.get('accept') ?? space.none;
    };

    const translates = natKinds(side);
    /** The nat table for first packets; the others are rewritten as their connection says, which nobody knows. */
    const nat = (hook: Hook, set: PacketSet): PacketSet => {
      if (!switches.nat || !switches.conntrack || set === space.none) return set;
      const icmp = space.interval('protocol', icmpProtocol(family), icmpProtocol(family));
      const tracked = space.and(set, space.tracked());
      const first = space.and(
        tracked,
        space.and(space.or(state('NEW'), space.diff(state('RELATED'), icmp)), unconfirmed(space, header)),
      );
      const known = space.diff(tracked, first);
      const rest = space.diff(set, tracked);
      const translated =
        !looped && (hook === 'PREROUTING' || hook === 'OUTPUT') ? anyTranslation(known) : known;
      return space.union([looped ? first : table('nat', hook, first), translated, rest]);
    };
    const anyTranslation = (set: PacketSet): PacketSet => {
      const targets = (['dst', 'dport'] as const).filter((f) => vocabulary.rewritten.has(f));
      const original = space.named('ctDirection', 'original');
      const affected = space.or(
        translates.destination ? space.and(set, original) : space.none,
        translates.source ? space.diff(set, original) : space.none,
      );
      if (affected === space.none) return set;
      return space.or(set, space.and(space.forget(affected, targets), space.valid));
    };

    const input = (set: PacketSet): void => {
      let rest = table(
        'filter',
        'INPUT',
        table('mangle', 'INPUT', space.rewrite(reassembled(set), ['outInterface'], without('out'))),
      );
      if (switches.backend === 'legacy') rest = nat('INPUT', table('security', 'INPUT', rest));
      else rest = table('security', 'INPUT', nat('INPUT', rest));
      endAt('local', rest);
    };
    const postrouting = (set: PacketSet): PacketSet =>
      nat('POSTROUTING', table('mangle', 'POSTROUTING', set));
    const arrive = (set: PacketSet): void => {
      let rest = set;
      for (const t of beforeFilter)
        rest = t === 'nat' ? nat('PREROUTING', rest) : table(t, 'PREROUTING', rest);
      const { local, forward, switched, dropped } = routing.arriving(rest);
      endAt('route-drop', dropped);
      input(local);
      const { alive, expired } = aged(forward);
      endAt('route-drop', expired);
      // A bridge does not look at the age.
      let through = space.or(alive, switched);
      for (const t of ['mangle', 'filter', 'security'] as const) through = table(t, 'FORWARD', through);
      endAt('forward', postrouting(through));
    };

    if (name === 'arrive') {
      let entering = space.diff(beginning(), space.or(without('in'), lo('in')));
      entering = space.and(entering, without('out'));
      // The mark of a packet from the wire is zero.
      if (inUse('mark'))
        entering = space.and(entering, space.bits('mark', 0, maskInUse(space.codec, 'mark')));
      arrive(entering);
      return { name, entering, parts, visits };
    }

    const { sent, dropped } = routing.sending(space.and(beginning(), without('in')));
    const nowhere = space.and(dropped, without('out'));
    endAt('route-drop', nowhere);
    const entering = space.or(sent, nowhere);
    let rest = sent;
    for (const t of ['raw', 'mangle'] as const) rest = table(t, 'OUTPUT', rest);
    rest = nat('OUTPUT', rest);
    for (const t of ['filter', 'security'] as const) rest = table(t, 'OUTPUT', rest);
    rest = postrouting(reroute(rest));
    endAt('sent', space.diff(rest, lo('out')));
    let back = space.and(rest, lo('out'));
    looped = true;
    if (vocabulary.rewritten.has('ctStatus')) back = confirmed(back);
    // What SNAT made of the source is not followed.
    if (translates.source)
      back = space.or(back, space.and(space.forget(back, ['src', 'sport']), space.valid));
    back = space.rewrite(space.rewrite(back, ['inInterface'], lo('in')), ['outInterface'], without('out'));
    arrive(back);
    return { name, entering, parts, visits };
  }

  /** The end of POSTROUTING confirms the entry, and with it what NAT did or did not do. */
  function confirmed(set: PacketSet): PacketSet {
    const tracked = space.and(set, space.tracked());
    const { CONFIRMED, SRC_NAT_DONE, DST_NAT_DONE } = ctStatusBit;
    const done = switches.nat ? CONFIRMED | SRC_NAT_DONE | DST_NAT_DONE : CONFIRMED;
    const marked = space.changeBits(tracked, 'ctStatus', 0, 0, done);
    return space.union([
      space.diff(set, tracked),
      marked,
      space.changeBits(marked, 'ctStatus', 0, 0, ctStatusBit.SRC_NAT),
    ]);
  }

  /** A packet whose destination, mark or TOS changed in OUTPUT is routed again. */
  function reroute(set: PacketSet): PacketSet {
    const watched = (['dst', 'mark', 'tos'] as const).filter((f) => vocabulary.rewritten.has(f));
    if (watched.length === 0) return set;
    const same = space.and(set, space.unchanged(watched));
    const changed = space.diff(set, same);
    if (changed === space.none) return set;
    return space.or(same, routing.sending(changed).sent);
  }

  const roads = new Map<RoadName, Road>();
  return {
    side,
    vocabulary,
    routing,
    road: (name) => {
      let road = roads.get(name);
      if (road === undefined) {
        road = walk(name);
        roads.set(name, road);
      }
      return road;
    },
  };
}

/** Which halves of the header the rules' NAT may rewrite. */
function natKinds(side: Side): { readonly source: boolean; readonly destination: boolean } {
  let source = false;
  let destination = false;
  for (const ruleset of side.rulesets)
    for (const [rule, change] of changesOf(ruleset, side.program.machine, side.registry)) {
      if (change.field !== 'nat' || rule.table !== 'nat') continue;
      if (change.manip !== 'source') destination = true;
      if (change.manip !== 'destination') source = true;
    }
  return { source, destination };
}

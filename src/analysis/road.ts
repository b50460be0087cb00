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
import { type Ending, endings, modelTable, type SeenAs, seenAsTheyAre, seenThrough } from './chain-model.ts';
import { givesTemplates, sameOrAbsent } from './changes.ts';
import { changesOf } from './effects.ts';
import type { Kept } from './kept.ts';
import { loopbackOf } from './mention.ts';
import { fragmented, tupleTwins } from './mention-rules.ts';
import { createRouting, type Routing } from './routing-step.ts';
import type { Side } from './side.ts';
import { analyseTable, type TableAnalysis, type Visit, visitTable } from './table-run.ts';
import { describeTracking, unconfirmed } from './tracking.ts';
import { givenAnotherSource, givesAnotherDestination, seenWithAnySource } from './translated-source.ts';
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
  const asTemplate = (set: PacketSet): PacketSet =>
    space.forget(
      space.forget(space.and(set, space.and(state('NEW'), space.valid)), ctFields),
      ctFields,
      'entry',
    );
  const withTemplates: SeenAs = {
    may: (set) => (readsTracking(set) ? space.or(untouched(set), asTemplate(set)) : set),
    must: (set) => (readsTracking(set) ? space.none : set),
    connmark: 'of a template',
  };
  /** By `lo` a packet comes with the entry that it got in OUTPUT; without one, it may get a template now. */
  const withTemplatesByLo: SeenAs = {
    may: (set) => (readsTracking(set) ? space.or(set, space.and(state('INVALID'), asTemplate(set))) : set),
    must: (set) => (readsTracking(set) ? space.diff(set, state('INVALID')) : set),
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
  /** `tracked`: conntrack has looked already. `anySource`: the packets' source is no longer known. */
  function tableOf(name: TableName, tracked: boolean, anySource: boolean): TableAnalysis | undefined {
    const key = name === 'raw' && !tracked ? 'raw first' : anySource ? `${name} of any source` : name;
    if (!tables.has(key)) {
      const table = findTable(side.ruleset, name);
      const templates = givesTemplates(side);
      const first: SeenAs = templates ? withTemplates : { may: untouched, must: untouched, connmark: 'none' };
      const byLo = templates ? withTemplatesByLo : seenAsTheyAre;
      const inRaw = key === 'raw first' ? first : byLo;
      const asTracked = name === 'raw' && switches.conntrack ? inRaw : seenAsTheyAre;
      const view = anySource ? seenThrough(asTracked, seenWithAnySource(vocabulary)) : asTracked;
      const care = anySource ? space.all : concerned(key === 'raw first');
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
    // ip_rcv() drops what is for others, and br_netfilter shows what a bridge switches as if it were for the bridge.
    if (inUse('packetType')) set = space.diff(set, space.named('packetType', 'otherhost'));
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
    let anySource = false;
    const endAt = (fate: FateKind, set: PacketSet, visit?: Visit): void => {
      if (set !== space.none) parts.push({ fate, visit, set, looped });
    };
    const table = (tableName: TableName, hook: Hook, set: PacketSet): PacketSet => {
      if (set === space.none) return set;
      const analysis = tableOf(tableName, looped, anySource);
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
    const firsts = (tracked: PacketSet): PacketSet => {
      const icmp = space.interval('protocol', icmpProtocol(family), icmpProtocol(family));
      const related = space.diff(state('RELATED'), icmp);
      return space.and(tracked, space.and(space.or(state('NEW'), related), unconfirmed(space, header)));
    };
    /** The nat table for first packets; the others are rewritten as their connection says, which nobody knows. */
    const nat = (hook: Hook, set: PacketSet): PacketSet => {
      if (!switches.nat || !switches.conntrack || set === space.none) return set;
      const tracked = space.and(set, space.tracked());
      const first = firsts(tracked);
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

    /** Of packets that have passed nat here, those whose source it may have changed. */
    const withAnotherSource = (hook: 'INPUT' | 'POSTROUTING', set: PacketSet): PacketSet => {
      if (!switches.nat || !switches.conntrack) return space.none;
      const natAt = (h: Hook): Visit | undefined => visits.findLast((v) => v.table === 'nat' && v.hook === h);
      const here = natAt(hook);
      const out = hook === 'POSTROUTING' ? natAt('OUTPUT') : undefined;
      const moved = here === undefined ? space.none : givenAnotherSource({ side, vocabulary }, here, set);
      const answered = out !== undefined && givesAnotherDestination({ side, vocabulary }, out);
      if (moved === space.none && !answered) return space.none;
      const tracked = space.and(set, space.tracked());
      const known = space.diff(tracked, firsts(tracked));
      const original = space.named('ctDirection', 'original');
      return space.union([
        moved,
        moved === space.none ? space.none : space.and(known, original),
        answered ? space.diff(known, original) : space.none,
      ]);
    };
    /** Goes on with these packets, and with those of another source once more: what they may meet includes what they would. */
    const apart = (set: PacketSet, others: PacketSet, go: (set: PacketSet) => PacketSet): PacketSet => {
      const same = go(set);
      if (others === space.none) return same;
      const before = anySource;
      anySource = true;
      const result = space.or(same, go(space.and(set, others)));
      anySource = before;
      return result;
    };

    const input = (set: PacketSet): void => {
      let rest = table(
        'filter',
        'INPUT',
        table('mangle', 'INPUT', space.rewrite(reassembled(set), ['outInterface'], without('out'))),
      );
      if (switches.backend === 'legacy') rest = nat('INPUT', table('security', 'INPUT', rest));
      else {
        rest = nat('INPUT', rest);
        const others = anySource ? space.none : withAnotherSource('INPUT', rest);
        const { SRC_NAT } = ctStatusBit;
        const translated = vocabulary.rewritten.has('ctStatus')
          ? space.changeBits(others, 'ctStatus', 0, 0, SRC_NAT)
          : space.none;
        rest = apart(space.or(rest, translated), space.or(others, translated), (s) =>
          table('security', 'INPUT', s),
        );
      }
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
    const again = reroute(rest);
    endAt('route-drop', again.dropped);
    rest = postrouting(again.sent);
    endAt('sent', space.diff(rest, lo('out')));
    const back = space.and(rest, lo('out'));
    const others = withAnotherSource('POSTROUTING', back);
    looped = true;
    apart(back, others, (set) => {
      const kept = vocabulary.rewritten.has('ctStatus') ? confirmed(set) : set;
      const came = space.rewrite(kept, ['inInterface'], lo('in'));
      arrive(space.rewrite(came, ['outInterface'], without('out')));
      return space.none;
    });
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
  function reroute(set: PacketSet): { readonly sent: PacketSet; readonly dropped: PacketSet } {
    const watched = (['dst', 'mark', 'tos'] as const).filter((f) => vocabulary.rewritten.has(f));
    // Where nobody reads what was changed, nothing shows which packets it was, nor does it matter but to an address of lo.
    const unseen =
      family === 'ipv4' && writesMarks(side)
        ? space.and(set, space.network('src', loopbackOf(family)))
        : space.none;
    if (watched.length === 0 && unseen === space.none) return { sent: set, dropped: space.none };
    const same = space.and(set, space.unchanged(watched));
    const changed = space.or(space.diff(set, same), unseen);
    if (changed === space.none) return { sent: set, dropped: space.none };
    const { sent, dropped } = routing.sending(changed, true);
    return { sent: space.or(same, sent), dropped };
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

/** Whether rules change what packets are routed by, other than their addresses. */
function writesMarks({ ruleset, program, registry }: Side): boolean {
  return changesOf(ruleset, program.machine, registry).some(
    ([, { field }]) => field === 'mark' || field === 'tos',
  );
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

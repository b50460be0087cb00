/**
 * Which road packets really take: the mechanism under the checks of the path family.
 *
 * A rule's conditions are taken as packets that come in. Pushed through the machine they show where they go, who
 * decides them, and whether any of them ever comes to where the rule stands. Packets are openers here, as they came in:
 * what belongs to a connection follows its first packet.
 */

import type { Ending } from '../../../analysis/chain-model.ts';
import { atEntry } from '../../../analysis/fates.ts';
import type { Death } from '../../../analysis/rule-answers.ts';
import { type Visit, visitTable } from '../../../analysis/table-run.ts';
import type { Description } from '../../../analysis/vocabulary.ts';
import type { Hook } from '../../../model/netfilter.ts';
import type { Rule } from '../../../model/ruleset.ts';
import { type Family, type Network, networkContains, prefix, prefixLength } from '../../../net/address.ts';
import { networkText, parseAddress } from '../../../net/address-text.ts';
import { addressKind } from '../../../net/documentation.ts';
import { interfacePattern } from '../../../net/interface-pattern.ts';
import type { FieldName } from '../../../packetset/fields.ts';
import type { PacketSet } from '../../../packetset/space.ts';
import type { AllPackets, Heading } from '../../all-packets.ts';
import type { CheckContext, PacketSketch, RulesetView, Walk } from '../../check.ts';
import type { Inference } from '../../finding.ts';
import { interfaceNames } from '../../sides.ts';
import { destinationNatRules, sourceNatRules } from './rules-at.ts';
import { sendByAnyWay } from './sending.ts';
import { strangersInterfaces } from './strangers.ts';

/** What rules and connection tracking write before a packet comes to filter: at the entry it may be anything. */
const writtenOnTheWay: readonly FieldName[] = ['mark', 'connmark', 'ctStatus'];

/**
 * The openers that the rule's own conditions describe, as they come in with this heading. Interfaces that they have
 * only later are left out, and so are marks. Empty where the rule asks for an interface that this heading never has.
 */
export function describedAtEntry(all: AllPackets, rule: Rule, heading: Heading): PacketSet {
  const { space } = all;
  const { inInterface, outInterface } = rule.base;
  if (heading === 'out' && inInterface && !inInterface.negated) return space.none;
  if (heading === 'to' && outInterface && !outInterface.negated) return space.none;
  const later: FieldName = heading === 'out' ? 'inInterface' : 'outInterface';
  const fields = [...writtenOnTheWay, later].filter((f) => space.codec.fields.has(f));
  return space.and(space.forget(all.conditions(rule), fields), all.entering(heading));
}

/** Openers as they came in that are in this relation of one of the roads. */
function openersOf(all: AllPackets, relation: PacketSet, heading: 'to' | 'out'): PacketSet {
  return all.space.and(atEntry(all.analysis.vocabulary, relation, all.road(heading)), all.openers);
}

/** Every visit to a table at one of these hooks, with the road that it belongs to. */
function* visitsAt(
  all: AllPackets,
  table: string,
  hooks: readonly Hook[],
): Iterable<readonly [Visit, 'to' | 'out']> {
  for (const heading of ['to', 'out'] as const)
    for (const visit of all.road(heading).visits)
      if (visit.table === table && hooks.includes(visit.hook)) yield [visit, heading];
}

/** The openers that come to the hooks that lead to the rule, and that it describes there; by one road, or by both. */
export function comingTo(all: AllPackets, rule: Rule, by?: 'to' | 'out'): PacketSet {
  const { space, view } = all;
  const parts: PacketSet[] = [];
  for (const [visit, heading] of visitsAt(all, rule.table, view.hooks(rule.table, rule.chain)))
    if (by === undefined || by === heading)
      parts.push(openersOf(all, space.and(visit.entering, all.conditions(rule)), heading));
  return space.union(parts);
}

/** The openers that the rule takes, at all hooks or at these. */
export function takenBy(all: AllPackets, rule: Rule, hooks?: readonly Hook[]): PacketSet {
  const { space, view } = all;
  const parts: PacketSet[] = [];
  for (const [visit, heading] of visitsAt(all, rule.table, hooks ?? view.hooks(rule.table, rule.chain)))
    parts.push(openersOf(all, visit.taking(rule), heading));
  return space.union(parts);
}

/** Makes a set once for each view. */
function oncePerRuleset(make: (all: AllPackets) => PacketSet): (all: AllPackets) => PacketSet {
  const known = new WeakMap<AllPackets, PacketSet>();
  return (all) => {
    const old = known.get(all);
    if (old !== undefined) return old;
    const made = make(all);
    known.set(all, made);
    return made;
  };
}

/** The openers from the wire that rules of nat PREROUTING may give another destination, as they came in. */
export const translatedOpeners = oncePerRuleset((all) => {
  const { space } = all;
  const rules = destinationNatRules(all.view);
  const parts: PacketSet[] = [];
  for (const [visit, heading] of visitsAt(all, 'nat', ['PREROUTING']))
    parts.push(openersOf(all, space.union(rules.map((rule) => visit.taking(rule))), heading));
  return space.may(space.union(parts));
});

/** What filter would make of packets at a hook that they do not come to. */
export interface Hypothesis {
  /** Those that would be refused there, however everything falls that is not known. */
  readonly refused: PacketSet;
  /** Those that this rule may take. */
  taking(rule: Rule): PacketSet;
}

/**
 * What the rules of filter INPUT would do with these openers, had they come there as they came in: without the
 * translation that leads them away. Marks and the like they then have as other packets have them there. Undefined
 * where nothing comes there at all.
 */
export function hadTheyComeToInput(all: AllPackets, set: PacketSet): Hypothesis | undefined {
  const { space } = all;
  const visit = all.road('to').visits.find((v) => v.table === 'filter' && v.hook === 'INPUT');
  if (visit === undefined) return undefined;
  const fields = [...space.codec.fields.keys()];
  const written = writtenOnTheWay.filter((f) => space.codec.fields.has(f));
  const usual = space.forget(
    space.forget(visit.entering, fields, 'entry'),
    fields.filter((f) => !written.includes(f)),
  );
  const there = visitTable(visit.analysis, 'INPUT', space.and(space.forget(set, written), usual));
  const ends = (...names: readonly Ending[]): PacketSet =>
    space.may(space.union(names.map((name) => there.ends.get(name) ?? space.none)));
  return {
    refused: space.and(space.diff(ends('drop', 'reject'), ends('accept', 'queue', 'stolen', 'stuck')), set),
    taking: (rule) => space.and(space.may(there.taking(rule)), set),
  };
}

/**
 * The openers that FORWARD lets out by this interface, whatever is not known, if that is where they leave. One that no
 * rule asks for with -o stands for all such.
 */
export function passingTo(context: CheckContext, all: AllPackets, name: string): PacketSet {
  const { space } = all;
  const leaving = leavingBy(context, all, name);
  const sets = { passed: [] as PacketSet[], refused: [] as PacketSet[] };
  for (const { fate, visit, set } of all.road('through').parts) {
    if (fate === 'forward') sets.passed.push(openersOf(all, space.and(set, leaving), 'to'));
    else if (visit?.hook === 'PREROUTING') sets.refused.push(openersOf(all, set, 'to'));
    else if (visit?.hook === 'FORWARD' || visit?.hook === 'POSTROUTING')
      sets.refused.push(openersOf(all, space.and(set, leaving), 'to'));
  }
  return space.diff(space.may(space.union(sets.passed)), space.may(space.union(sets.refused)));
}

/** Packets that leave by this interface; one that no rule asks for with -o stands for all such. */
function leavingBy(context: CheckContext, all: AllPackets, name: string): PacketSet {
  const { space } = all;
  const labelled = (names: readonly string[]): PacketSet =>
    space.union(names.map((n) => space.interface('out', { name: n, exact: true })));
  const own = labelled([name]);
  return own === space.none ? space.not(labelled(interfaceNames(context.machine, context.views))) : own;
}

/** Openers that come to source NAT on their way through this machine, by what becomes of their source. */
export interface Hiding {
  /** Those that this rule may give another source, leaving by one of these interfaces. */
  readonly hidden: PacketSet;
  /** Those that may leave by one of them as they came. */
  readonly plain: PacketSet;
  /** Those that may leave by none of them. */
  readonly other: PacketSet;
}

/**
 * What source NAT does with packets that leave by one of these interfaces; undefined names: by any. Sets of packets as they
 * came in.
 */
export function hidingBy(
  context: CheckContext,
  all: AllPackets,
  rule: Rule,
  names: readonly string[] | undefined,
): Hiding {
  const { space, view } = all;
  const leaving =
    names === undefined ? space.all : space.union(names.map((name) => leavingBy(context, all, name)));
  const hidden: PacketSet[] = [];
  const plain: PacketSet[] = [];
  const other: PacketSet[] = [];
  for (const [visit, heading] of visitsAt(all, 'nat', ['POSTROUTING'])) {
    if (heading !== 'to') continue;
    const rules = sourceNatRules(view).map((r) => visit.taking(r));
    hidden.push(openersOf(all, space.and(visit.taking(rule), leaving), heading));
    const left = space.diff(visit.entering, space.union(rules));
    plain.push(openersOf(all, space.and(left, leaving), heading));
    other.push(openersOf(all, space.diff(visit.entering, leaving), heading));
  }
  const any = (sets: readonly PacketSet[]): PacketSet => space.may(space.union(sets));
  return { hidden: any(hidden), plain: any(plain), other: any(other) };
}

/**
 * The destinations, as they came in, of all that comes to filter with another one: as far as one field tells. Cheap to
 * ask about a rule, before {@link missedByTranslation} is.
 */
function destinationsBefore(all: AllPackets, field: 'dst' | 'dport'): PacketSet {
  const { space } = all;
  const others = [...space.codec.fields.keys()].filter((f) => f !== field);
  const parts: PacketSet[] = [];
  for (const [visit, heading] of visitsAt(all, 'filter', ['INPUT', 'FORWARD'])) {
    if (heading === 'out' || !all.analysis.vocabulary.rewritten.has(field)) continue;
    const changed = space.diff(visit.entering, space.unchanged([field]));
    parts.push(space.forget(space.entryOf(changed), others));
  }
  return space.may(space.union(parts));
}

/** The ports that packets asked for before another was written into them. */
export const portsBefore = oncePerRuleset((all) => destinationsBefore(all, 'dport'));

/** The same of addresses. */
export const addressesBefore = oncePerRuleset((all) => destinationsBefore(all, 'dst'));

/**
 * The openers that come to the rule and miss it only since their destination was translated on the way: it describes
 * them with the port, or any of these fields, that they came in with.
 */
export function missedByTranslation(
  all: AllPackets,
  rule: Rule,
  before: 'port' | 'port or address',
): PacketSet {
  const { space, view } = all;
  const inUse = (f: FieldName): boolean => space.codec.fields.has(f);
  const asked = all.conditions(rule);
  // The rule, asking for these fields as they were, and for all else as it is.
  const asking = (fields: readonly FieldName[], kept: readonly FieldName[]): PacketSet => {
    const others = [...space.codec.fields.keys()].filter((f) => !kept.includes(f));
    return space.and(space.forget(asked, fields.filter(inUse)), space.atEntry(space.forget(asked, others)));
  };
  const meant = [asking(['dport'], ['protocol', 'dport'])];
  if (before === 'port or address')
    meant.push(asking(['dst'], ['dst']), asking(['dst', 'dport'], ['protocol', 'dst', 'dport']));
  const missed = space.diff(space.union(meant), asked);
  const parts: PacketSet[] = [];
  for (const [visit, heading] of visitsAt(all, rule.table, view.hooks(rule.table, rule.chain)))
    if (heading === 'to') parts.push(openersOf(all, space.and(visit.reaching(rule), missed), heading));
  return space.may(space.union(parts));
}

/** What a walk is told beside the packet, for {@link walkOf}. */
export interface WalkOptions {
  readonly inferences?: readonly Inference[];
  /** Words of `--assume` that come before those of the example. */
  readonly assume?: readonly string[];
  /** Fields of the packet that the set does not have: the interface that it leaves by. */
  readonly fixed?: Partial<PacketSketch>;
  /** Where nobody knows by which interface it leaves, any that the rules name will do, and is written down. */
  readonly byAnyWay?: boolean;
}

/** The first of a few ordinary packets of the set whose walk is as wanted. */
export function walkOf(
  context: CheckContext,
  all: AllPackets,
  set: PacketSet,
  heading: Heading,
  wanted: (walk: Walk) => boolean,
  { inferences = [], assume = [], fixed = {}, byAnyWay = false }: WalkOptions = {},
): Walk | undefined {
  if (set === all.space.none || !all.space.isDecided(set)) return undefined;
  for (const { sketch, options } of all.examples(set, heading)) {
    const packet = { ...sketch, ...fixed };
    const told = {
      assume: [...assume, ...(options.assume ?? [])],
      inferences: [...(options.inferences ?? []), ...inferences],
    };
    const walks = byAnyWay ? sendByAnyWay(context, packet, told) : [context.send(packet, told)];
    const found = walks.find((walk) => walk.fate !== 'undecided' && wanted(walk));
    if (found) return found;
  }
  return undefined;
}

/** Packets from addresses that no rule names as a source: what holds for them holds for most. */
export const fromUnnamed = oncePerRuleset((all) => {
  const { space, view } = all;
  const named = new Map<string, Network>();
  for (const { base } of view.rules())
    if (base.src && prefixLength(base.src.value.mask) !== 0)
      named.set(networkText(base.src.value), base.src.value);
  return space.not(
    space.union([...named.values()].map((net) => all.describe((s) => s.network('src', net)).may)),
  );
});

/** Packets that strangers send, and what it rests on that they are strangers. */
export interface Strangers {
  readonly set: PacketSet;
  readonly names: readonly string[];
  readonly inferences: readonly Inference[];
}

/** Packets that come in by this interface; one that no rule asks for with -i stands for all such. */
export function comingBy(context: CheckContext, all: AllPackets, name: string): PacketSet {
  const own = all.comingBy([name]);
  const known = interfaceNames(context.machine, context.views);
  return own !== all.space.none ? own : all.space.not(all.comingBy(known));
}

/** Where strangers come in: by the interfaces that lead outside, else by one whose side nobody knows. */
export function strangersOf(context: CheckContext, all: AllPackets): Strangers {
  const { space, view } = all;
  const from = strangersInterfaces(context, view.family);
  const names = from.map((i) => i.name);
  const set = space.union(names.map((name) => comingBy(context, all, name)));
  const inferences = [...new Map(from.flatMap((i) => i.inferences).map((i) => [i.text, i])).values()];
  return { set, names, inferences };
}

/** Whether the rule is for sources of one private network: strangers have none of them, if they do not forge. */
export function hasPrivateSource(rule: Rule): boolean {
  const { src } = rule.base;
  if (src === undefined || src.negated) return false;
  return ['private', 'shared', 'unique-local'].includes(addressKind(src.value.address));
}

/** Rules of filter that a view's user wrote, with the hooks that lead to them. */
export function* ownFilterRules(
  view: RulesetView,
  hooks: readonly Hook[],
): Iterable<{ readonly rule: Rule; readonly at: readonly Hook[] }> {
  for (const rule of view.rules()) {
    if (rule.table !== 'filter' || view.writer(rule)) continue;
    const at = view.hooks('filter', rule.chain).filter((h) => hooks.includes(h));
    if (at.length > 0) yield { rule, at };
  }
}

/**
 * Whether programs make addresses come and go, or be answered for that are nobody's: VRRP, and TPROXY. What is known of
 * addresses then does not hold for long.
 */
export function movesAddresses(view: RulesetView): boolean {
  return view.rules().some((rule) => {
    const { protocol } = rule.base;
    const vrrp = protocol !== undefined && !protocol.negated && protocol.value === vrrpProtocol;
    return vrrp || (rule.target.kind === 'extension' && rule.target.extension === 'TPROXY');
  });
}

const vrrpProtocol = 112;

/** Whether the network holds an address that is only guessed to be this machine's: no proof can rest on it. */
export function holdsGuessedAddress({ machine }: CheckContext, net: Network): boolean {
  if (machine.interfaces.value !== undefined) return false;
  return [...machine.localAddresses, ...machine.remoteAddresses].some(
    (f) =>
      f.provenance === 'inferred' && f.value.family === net.address.family && networkContains(net, f.value),
  );
}

/** Fields that say where a packet comes from and goes to: routing looks at no others of those that rules ask for. */
const wayFields: readonly FieldName[] = ['src', 'dst', 'inInterface', 'outInterface'];

/**
 * Addresses that no other host's packet has when routing is done with it. What a program makes up itself and sends by lo
 * may have them: such a packet was routed as it was sent, by another address than its header's.
 */
const refusedArrivals: Readonly<
  Record<Family, Readonly<Record<'src' | 'dst', readonly (readonly [string, number])[]>>>
> = {
  ipv4: {
    src: [
      ['0.0.0.0', 8],
      ['224.0.0.0', 4],
    ],
    dst: [['0.0.0.0', 8]],
  },
  ipv6: { src: [['ff00::', 8]], dst: [] },
};

/** These addresses, to be mentioned by who asks {@link offTheRoad}. */
export const refusedAddresses =
  (family: Family): Description =>
  (space) =>
    (['src', 'dst'] as const)
      .flatMap((field) => refusedNetworks(family, field).map((net) => space.network(field, net)))
      .reduce<PacketSet>((set, other) => space.or(set, other), space.interface('in', interfacePattern('lo')));

function refusedNetworks(family: Family, field: 'src' | 'dst'): readonly Network[] {
  return refusedArrivals[family][field].flatMap(([text, length]) => {
    const address = parseAddress(family, text);
    return address ? [prefix(address, length)] : [];
  });
}

/** Why a rule gets nothing at its hooks: `never`, whoever sends; `from others`: programs of this machine may make it up. */
export type OffTheRoad = 'never' | 'from others';

/**
 * Whether no packet at the rule's hooks has what it asks of this field, as routing made it. Where a port, a state or a
 * mark in its place would bring it packets as well, others are the cause: a translation, NOTRACK.
 */
export function offTheRoad(all: AllPackets, rule: Rule, field: 'src' | 'dst'): OffTheRoad | undefined {
  const death = all.rules.death(rule);
  if (death !== undefined) return isOfRouting(death, field) ? 'never' : undefined;
  const asked = rule.base[field];
  const refused = refusedNetworks(all.view.family, field);
  if (asked === undefined || asked.negated) return undefined;
  if (!refused.some((net) => networkContains(net, asked.value.address))) return undefined;
  const { space } = all;
  const madeUp = space.and(
    all.comingBy(['lo']),
    space.union(refused.map((net) => all.describe((s) => s.network(field, net)).may)),
  );
  const hooks = all.view.hooks(rule.table, rule.chain);
  const visits = all.rules.visitsOf(rule).filter((v) => hooks.includes(v.hook));
  const taken = space.diff(space.union(visits.map((v) => v.taking(rule))), madeUp);
  if (taken !== space.none) return undefined;
  const others = space.diff(space.union(visits.map((v) => v.entering)), madeUp);
  const without = space.forget(others, [field]);
  return space.disjoint(without, all.conditions(rule)) ? undefined : 'from others';
}

/** Whether routing, and nothing else, keeps packets from a dead rule. */
function isOfRouting(death: Death, field: 'src' | 'dst'): boolean {
  return (
    death.kind === 'arrivals' &&
    death.fields.includes(field) &&
    death.fields.every((f) => wayFields.includes(f))
  );
}

/** The packets of a question cut into regions that the rules treat differently, and packets drawn from each. */

import { atEntry } from '../analysis/fates.ts';
import type { RoadName } from '../analysis/road.ts';
import type { Description } from '../analysis/vocabulary.ts';
import { witnessWords } from '../analysis/witness-words.ts';
import { packetFromExpression } from '../expression/packet-expression.ts';
import type { Address, Family } from '../net/address.ts';
import { compareAddresses } from '../net/address.ts';
import type { FieldLayout } from '../packetset/codec.ts';
import { codesOf, previousAddress } from '../packetset/codings.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import { findWitness, type Witness, type WitnessValue } from '../packetset/witness.ts';
import { type Bench, createBench } from '../policy/bench.ts';
import { readAny } from '../policy/packets.ts';
import { unplaced } from '../policy/policy.ts';
import { type Rules, RulesError, registry } from './rules.ts';

/** Which packets. */
export interface RegionQuestion {
  /** Match options, one text or several; default all packets. */
  readonly in: readonly string[];
  readonly except: readonly string[];
  readonly local: boolean;
  /** Only packets that open a connection, from where they may come. */
  readonly openers: boolean;
}

/** Packets that end alike, by the same rule or policy, in one state of their connection. */
export interface Region {
  /**
   * One of its packets in match options. `choices`: a number for each field, twice: which of the classes of values that
   * the rules tell apart (0: the ordinary one), and which value of that class (0 again the ordinary one, then its first
   * and its last, then those that attackers like).
   */
  draw(choices: readonly number[]): string;
}

/** Fields that packets are varied in, the most telling first. */
const variedFields: readonly FieldName[] = [
  'protocol',
  'dport',
  'dst',
  'src',
  'inInterface',
  'outInterface',
  'tcpFlags',
  'icmpType',
  'sport',
  'fragmentKind',
  'ttl',
  'lengthBytes',
  'mark',
  'tos',
  'mac',
  'uid',
];

/** Numbers that {@link Region.draw} takes. */
export const choiceCount = 2 * variedFields.length;

/** Types of ICMP that are errors or old tricks, in either family. */
const icmpTypes: Readonly<Record<Family, readonly number[]>> = {
  ipv4: [0, 3, 5, 8, 11, 12, 13],
  ipv6: [1, 2, 3, 128, 129, 135, 137],
};
/** Nothing, everything, and what no TCP sends: SYN+FIN, SYN+RST, FIN alone, FIN+PSH+URG. */
const oddFlags = [0x00, 0x3f, 0x03, 0x06, 0x01, 0x29, 0x10, 0x12, 0x04];

/** Kinds of packets that are told apart even if no rule does. */
const worthwhile =
  (family: Family): Description =>
  (space) =>
    [
      ...icmpTypes[family].map((type) => space.interval('icmpType', type, type)),
      space.bits('tcpFlags', 0, 0x3f),
      space.interval('fragmentKind', 0, 0),
    ].reduce<PacketSet>((set, one) => space.or(set, one), space.none);

type Space = Bench['analysis']['vocabulary']['space'];

/**
 * The regions of a question, those of packets that open connections first; the most ordinary packet is of the first.
 * @throws RulesError where the question cannot be read, or is about no packet.
 */
export function regionsOf(rules: Rules, question: RegionQuestion): readonly Region[] {
  const regions: { readonly region: Region; readonly rank: number }[] = [];
  const wrong: string[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const ruleset = rules.read.rulesets.findLast((r) => r.linked.ruleset.family === family);
    if (ruleset === undefined || (rules.family !== undefined && rules.family !== family)) continue;
    const context = {
      registry,
      machine: rules.read.machine,
      family,
      backend: ruleset.linked.ruleset.backend,
      names: rules.names,
    };
    const inside = readAny(question.in.map(unplaced), context);
    const outside = readAny(question.except.map(unplaced), context);
    if (!inside.ok || !outside.ok) {
      for (const r of [inside, outside]) if (!r.ok) wrong.push(...r.problems.map((p) => p.message));
      continue;
    }
    const { describe } = inside;
    if (describe === undefined) continue;
    const except = outside.describe;
    const asked: Description = except
      ? (space) => space.and(describe(space), space.not(except(space)))
      : describe;
    const bench = createBench({
      read: rules.read,
      program: rules.program,
      registry,
      ruleset,
      tape: {},
      queries: [asked, worthwhile(family)],
    });
    regions.push(...cut(bench, asked, question));
  }
  if (regions.length > 0) return regions.sort((a, b) => a.rank - b.rank).map((r) => r.region);
  throw new RulesError(wrong[0] ?? `there are no such packets: ${question.in.join(' or ')}`);
}

function cut(
  bench: Bench,
  asked: Description,
  { local, openers }: RegionQuestion,
): { readonly region: Region; readonly rank: number }[] {
  const { vocabulary } = bench.analysis;
  const { space } = vocabulary;
  const road: RoadName = local ? 'local' : 'arrive';
  const question = bench.asked(asked, road, !openers);
  const entering = space.may(
    space.forget(atEntry(vocabulary, bench.analysis.road(road).entering, bench.analysis.road(road)), [
      'outInterface',
    ]),
  );
  const found: { readonly region: Region; readonly rank: number }[] = [];
  const kinds = connectionStates(space);
  for (const group of bench.groups(bench.parts(question)))
    for (const [order, kind] of kinds.entries()) {
      const set = space.and(group.set, kind);
      const those = local ? set : space.and(set, entering);
      if (space.and(those, space.valid) === space.none) continue;
      const region = regionOf(bench, those, road);
      found.push({ region, rank: order * 1000 + region.draw([]).length });
    }
  return found;
}

/** What packets may be to their connection, as far as anything can tell: first ones, answers, the rest. */
function connectionStates(space: Space): readonly PacketSet[] {
  const { fields } = space.codec;
  if (!fields.has('ctState')) return [space.all];
  const established = space.named('ctState', 'ESTABLISHED');
  const reply = fields.has('ctDirection') ? space.named('ctDirection', 'reply') : space.none;
  return [
    space.named('ctState', 'NEW'),
    space.and(established, reply),
    space.diff(established, reply),
    ...['RELATED', 'INVALID', 'UNTRACKED'].map((state) => space.named('ctState', state)),
  ].filter((set) => set !== space.none);
}

function regionOf(bench: Bench, set: PacketSet, road: RoadName): Region {
  const { vocabulary, side } = bench.analysis;
  const { space, family } = vocabulary;
  const tracked = side.switches.conntrack;
  const interfaceNames = [
    ...new Set([...side.facts.interfaces.keys(), ...side.program.namedInterfaces]),
  ].filter((name) => name !== 'lo');
  const classes = new Map<FieldName, readonly PacketSet[]>();
  const wishesFor = (choices: readonly number[]): readonly PacketSet[] =>
    variedFields.flatMap((field, i) => {
      const choice = choices[2 * i] ?? 0;
      if (choice === 0) return [];
      let list = classes.get(field);
      if (list === undefined) {
        list = classesOf(space, field, set);
        classes.set(field, list);
      }
      return list.length === 0 ? [] : [list[choice % list.length] ?? space.all];
    });
  const textOf = (witness: Witness): string => witnessWords(vocabulary, witness, road, tracked).join(' ');
  const isPacket = (text: string): boolean =>
    packetFromExpression(text.split(' '), {
      registry,
      machine: side.program.machine,
      family,
      backend: side.ruleset.backend,
      local: road === 'local',
      pick: true,
      mentionedInterfaces: interfaceNames,
    }).ok;
  const ordinary = (): Witness | undefined => findWitness(space, set, { interfaceNames });
  return {
    draw(choices) {
      const drawn = findWitness(space, set, { interfaceNames, wishes: wishesFor(choices) });
      const fallback = (): string => {
        const witness = ordinary();
        return witness === undefined ? '' : textOf(witness);
      };
      if (drawn === undefined) return fallback();
      const fields = new Map(drawn.fields);
      for (const [i, field] of variedFields.entries()) {
        const choice = choices[2 * i + 1] ?? 0;
        const value = fields.get(field);
        const layout = space.codec.fields.get(field);
        if (choice === 0 || value === undefined || layout === undefined) continue;
        const others = sameClass(layout, value, family);
        if (others.length > 0) fields.set(field, others[choice % others.length] ?? value);
      }
      const text = textOf({ ...drawn, fields });
      return isPacket(text) ? text : fallback();
    },
  };
}

/** What the rules tell apart in one field, as far as packets of the set may have it. */
function classesOf(space: Space, field: FieldName, set: PacketSet) {
  const layout = space.codec.fields.get(field);
  if (layout === undefined) return [];
  const { coding } = layout;
  const others = [...space.codec.fields.keys()].filter((f) => f !== field);
  const may = space.forget(space.may(space.and(set, space.valid)), others);
  const all: PacketSet[] = [];
  if (coding.kind === 'bits') {
    if (field === 'tcpFlags') all.push(...oddFlags.map((flags) => space.bits('tcpFlags', flags, 0x3f)));
    else
      for (const bit of coding.bitNumbers)
        all.push(space.bits(field as 'mark', (1 << bit) >>> 0, (1 << bit) >>> 0));
  } else if (coding.kind !== 'rawAddress') {
    const { atoms } = coding;
    for (let i = 0; i < atoms.values.length; i++)
      all.push(space.diagram.codes(layout.now, [codesOf<unknown>(atoms, i, i)]));
  }
  return all.filter((one) => !space.disjoint(one, may));
}

/** Values that no rule tells from this one: the first and the last of their class, and odd ones. */
function sameClass(layout: FieldLayout, value: WitnessValue, family: Family): readonly WitnessValue[] {
  const { coding } = layout;
  if (coding.kind === 'numbers' && typeof value === 'number') {
    const { values } = coding.atoms;
    const at = values.findLastIndex((first) => first <= value);
    const low = values[at] ?? value;
    // Type 255 of ICMP cannot be written: to iptables it is any.
    const last = layout.field === 'icmpType' && family === 'ipv4' ? 254 : coding.max;
    const high = Math.max(low, (values[at + 1] ?? last + 1) - 1);
    const odd = layout.field === 'icmpType' ? icmpTypes[family] : [];
    return [low, high, ...odd.filter((n) => n >= low && n <= high)];
  }
  if (coding.kind === 'addresses' && typeof value === 'object') {
    const { values } = coding.atoms;
    const at = values.findLastIndex((first) => compareAddresses(first, value) <= 0);
    const low = values[at] ?? value;
    const next = values[at + 1];
    const high: Address | undefined = next === undefined ? undefined : previousAddress(next);
    return high === undefined ? [low] : [low, high];
  }
  return [];
}

/**
 * Who may open a connection to whom: the addresses in classes that rules treat alike, and between these what is open.
 */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { ReadMachine, ReadRuleset } from '../link/read-machine.ts';
import {
  type AddressRange,
  addressFromBigInt,
  addressToBigInt,
  compareAddresses,
  prefix,
} from '../net/address.ts';
import { addressListLength, addressWords } from '../packetset/address-words.ts';
import { fieldValues } from '../packetset/field-values.ts';
import type { FieldName } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import { type Analysis, analyse } from './analysis.ts';
import { fieldClasses } from './field-classes.ts';
import { type InterfaceRange, mentionRanges, rangesOf } from './interface-ranges.ts';
import {
  budgetReached,
  type MachineQuestion,
  type MachineRulesets,
  machineRulesets,
} from './machine-rulesets.ts';
import { byKnownInterfaces, openingPackets, ordinaryAddresses, ordinaryOn } from './ordinary.ts';
import type { FatePart, Road } from './road.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What is asked. */
export interface MatrixOptions extends MachineQuestion {
  readonly protocol: number;
  /** Destination port, or type of ICMP; absent: any of the protocol, the matrix then shows what is open for some. */
  readonly port?: number;
  /** Where sources are. An interface that is not among them, or all without any: nobody knows, so they may be anywhere. */
  readonly ranges?: readonly InterfaceRange[];
}

/** Addresses that rules treat alike, as sources and as destinations. */
export interface AddressClass {
  readonly negated: boolean;
  /** Networks, ranges, and `NETWORK but THIS and THAT`; `negated`: all addresses but these. */
  readonly texts: readonly string[];
  /** How many addresses, at least one. */
  readonly size: bigint;
}

/** Whether a connection may be opened. `some`: for some answer to what is not known, or some source port. */
export type Openness = 'open' | 'some' | 'closed';

/** One family's matrix. */
export interface FamilyMatrix {
  readonly ruleset: ReadRuleset;
  /** The largest first. */
  readonly classes: readonly AddressClass[];
  /** From the class of the row to that of the column, through this machine. */
  readonly through: readonly (readonly Openness[])[];
  /** From each class to this machine, and from it to each class. */
  readonly to: readonly Openness[];
  readonly from: readonly Openness[];
}

/** What {@link matrixOf} found. */
export interface MatrixResult {
  readonly read?: ReadMachine;
  readonly families: readonly FamilyMatrix[];
  readonly diagnostics: readonly Diagnostic[];
  readonly couldNotLook?: string;
}

/** The matrix of one service; the machine's own text first. Never throws for any input. */
export function matrixOf(texts: readonly SourceText[], options: MatrixOptions): MatrixResult {
  const machine = machineRulesets(texts, options);
  if (typeof machine === 'string') return { families: [], diagnostics: [], couldNotLook: machine };
  return matrixOfRulesets(machine, options);
}

/** The same for a machine that has been read. */
function matrixOfRulesets(machine: MachineRulesets, options: MatrixOptions): MatrixResult {
  const { read, diagnostics } = machine;
  const families: FamilyMatrix[] = [];
  for (const ruleset of machine.rulesets) {
    const { family } = ruleset.linked.ruleset;
    const ranges = rangesOf(options.ranges, read, family);
    const port = options.protocol === 1 || options.protocol === 58 ? 'icmpType' : 'dport';
    const analysis = analyse({
      ruleset: ruleset.linked.ruleset,
      machine: read.machine,
      registry: options.registry,
      program: machine.program,
      queries: [
        ordinaryAddresses(family),
        mentionRanges(ranges),
        (space) => {
          if (options.port !== undefined) space.interval(port, options.port, options.port);
          return space.interval('protocol', options.protocol, options.protocol);
        },
      ],
      within: (vocabulary, side) => askedPackets(vocabulary, side, options, port),
      ...(options.nodesMax === undefined ? {} : { nodesMax: options.nodesMax }),
      ...(options.meter === undefined ? {} : { meter: options.meter }),
    });
    const found = matrixOfFamily(
      analysis,
      ranges,
      askedPackets(analysis.vocabulary, analysis.side, options, port),
    );
    const problem = budgetReached(found !== undefined, options);
    if (problem !== undefined || found === undefined)
      return { read, families, diagnostics, couldNotLook: problem ?? 'the sets were not decided' };
    families.push({ ruleset, ...found });
  }
  return { read, families, diagnostics };
}

function askedPackets(
  vocabulary: Vocabulary,
  side: Side,
  options: MatrixOptions,
  field: 'dport' | 'icmpType',
): PacketSet {
  const { space } = vocabulary;
  let set = space.and(openingPackets(vocabulary), vocabulary.describe(side, ordinaryOn(side)).may);
  set = space.and(set, space.interval('protocol', options.protocol, options.protocol));
  if (options.port !== undefined) set = space.and(set, space.interval(field, options.port, options.port));
  return set;
}

/** Packets whose source belongs where they come in, as far as that is known. */
function placedSources({ space }: Vocabulary, ranges: readonly InterfaceRange[]): PacketSet {
  const byName = new Map<string, PacketSet>();
  for (const r of ranges)
    byName.set(r.interface, space.or(byName.get(r.interface) ?? space.none, space.network('src', r.network)));
  const owned = space.union([...byName.values()]);
  const named = space.union([...byName.keys()].map((name) => space.interface('in', { name, exact: true })));
  // What belongs behind one interface comes by no other.
  let set = space.diff(space.not(named), owned);
  for (const [name, sources] of byName)
    set = space.or(set, space.and(space.interface('in', { name, exact: true }), sources));
  return byName.size === 0 ? space.all : set;
}

function wayOf({ fate, visit }: FatePart): 'to' | 'through' | 'before' | undefined {
  if (visit === undefined) return fate === 'local' ? 'to' : fate === 'forward' ? 'through' : undefined;
  return visit.hook === 'INPUT' ? 'to' : visit.hook === 'PREROUTING' ? 'before' : 'through';
}

interface Relation {
  readonly may: PacketSet;
  readonly must: PacketSet;
}

/** The relations between addresses; undefined where nodes ran out. */
function matrixOfFamily(
  analysis: Analysis,
  ranges: readonly InterfaceRange[],
  asked: PacketSet,
): Omit<FamilyMatrix, 'ruleset'> | undefined {
  const { vocabulary } = analysis;
  const { space } = vocabulary;
  const placed = space.and(
    space.and(asked, byKnownInterfaces(vocabulary, analysis.side)),
    placedSources(vocabulary, ranges),
  );
  const relationOf = (
    road: Road,
    packets: PacketSet,
    accepted: (part: FatePart) => boolean,
    refused: (part: FatePart) => boolean,
    keep: readonly FieldName[],
  ): Relation => {
    const entry = space.atEntry(packets);
    const rest = [...space.codec.fields.keys()].filter((f) => !keep.includes(f));
    const collect = (only: (part: FatePart) => boolean): PacketSet =>
      space.union(
        road.parts.flatMap((part) =>
          only(part) ? [space.forget(space.may(space.entryOf(space.and(part.set, entry))), rest)] : [],
        ),
      );
    const may = collect(accepted);
    return { may, must: space.diff(may, collect(refused)) };
  };
  const arrive = analysis.road('arrive');
  const local = analysis.road('local');
  const open = (way: 'to' | 'through') => (p: FatePart) => p.visit === undefined && wayOf(p) === way;
  const shut = (way: 'to' | 'through') => (p: FatePart) =>
    p.visit !== undefined && (wayOf(p) === way || wayOf(p) === 'before');
  const through = relationOf(arrive, placed, open('through'), shut('through'), ['src', 'dst']);
  const to = relationOf(arrive, placed, open('to'), shut('to'), ['src']);
  const from = relationOf(
    local,
    asked,
    (p) => p.fate === 'sent' && !p.looped,
    (p) => p.visit !== undefined && !p.looped,
    ['dst'],
  );
  const sets = [through, to, from].flatMap(({ may, must }) => [may, must]);
  if (!sets.every((set) => space.isDecided(set))) return undefined;
  return classify(analysis, through, to, from, space.forget(placed, allBut(space, 'src')));
}

const allBut = (space: Vocabulary['space'], field: FieldName): readonly FieldName[] =>
  [...space.codec.fields.keys()].filter((f) => f !== field);

/** One stretch of addresses with the same role as source and as destination. */
interface Stretch {
  readonly low: bigint;
  readonly high: bigint;
}

function classify(
  analysis: Analysis,
  through: Relation,
  to: Relation,
  from: Relation,
  asked: PacketSet,
): Omit<FamilyMatrix, 'ruleset'> {
  const { space, family } = analysis.vocabulary;
  // As sources: what they reach, for certain and perhaps, each a set over destinations.
  const rows: PacketSet[][] = [];
  let sources: { values: PacketSet; roles: PacketSet[] }[] = [{ values: asked, roles: [] }];
  const refine = (relation: PacketSet): void => {
    const found = fieldClasses(space, relation, 'src');
    sources = sources.flatMap(({ values, roles }) => {
      const parts = found
        .map((c) => ({ values: space.and(values, c.values), roles: [...roles, c.rest] }))
        .filter((c) => c.values !== space.none);
      const rest = found.reduce((set, c) => space.diff(set, c.values), values);
      return rest === space.none ? parts : [...parts, { values: rest, roles: [...roles, space.none] }];
    });
  };
  for (const relation of [through.may, through.must, to.may, to.must]) refine(relation);
  for (const { roles } of sources) rows.push(roles);
  // As destinations: by which rows they are in.
  let targets: { values: PacketSet; roles: boolean[] }[] = [
    { values: space.network('dst', prefix(addressFromBigInt(family, 0n), 0)), roles: [] },
  ];
  const columns = [...new Set([...rows.flatMap((r) => r.slice(0, 2)), from.may, from.must])];
  for (const set of columns)
    targets = targets
      .flatMap(({ values, roles }) => [
        { values: space.and(values, set), roles: [...roles, true] },
        { values: space.diff(values, set), roles: [...roles, false] },
      ])
      .filter(({ values }) => values !== space.none);

  // Both partitions as stretches of numbers, cut at the boundaries of either.
  const stretches = (field: 'src' | 'dst', values: PacketSet): readonly Stretch[] => {
    const v = fieldValues(space, field, values);
    return v.kind === 'addresses'
      ? v.ranges.map(({ low, high }) => ({ low: addressToBigInt(low), high: addressToBigInt(high) }))
      : [];
  };
  const cuts = (field: 'src' | 'dst', classes: readonly { values: PacketSet }[]) =>
    classes
      .flatMap(({ values }, index) => stretches(field, values).map((s) => ({ ...s, index })))
      .sort((a, b) => (a.low < b.low ? -1 : 1));
  const asSource = cuts('src', sources);
  const asTarget = cuts('dst', targets);
  const bounds = [...new Set([...asSource, ...asTarget].flatMap(({ low, high }) => [low, high + 1n]))].sort(
    (a, b) => (a < b ? -1 : 1),
  );
  const groups = new Map<string, { source: number; target: number; ranges: AddressRange[]; size: bigint }>();
  let s = 0;
  let t = 0;
  for (const [i, low] of bounds.entries()) {
    const next = bounds[i + 1];
    if (next === undefined) break;
    while ((asSource[s]?.high ?? low) < low) s++;
    while ((asTarget[t]?.high ?? low) < low) t++;
    const source =
      asSource[s] !== undefined && (asSource[s]?.low ?? 0n) <= low ? (asSource[s]?.index ?? -1) : -1;
    const target =
      asTarget[t] !== undefined && (asTarget[t]?.low ?? 0n) <= low ? (asTarget[t]?.index ?? -1) : -1;
    if (source === -1) continue;
    const group = groups.get(`${source} ${target}`) ?? { source, target, ranges: [], size: 0n };
    groups.set(`${source} ${target}`, group);
    const last = group.ranges.at(-1);
    if (last !== undefined && addressToBigInt(last.high) === low - 1n)
      group.ranges[group.ranges.length - 1] = { low: last.low, high: addressFromBigInt(family, next - 1n) };
    else
      group.ranges.push({ low: addressFromBigInt(family, low), high: addressFromBigInt(family, next - 1n) });
    group.size += next - low;
  }
  const idle = fieldValues(space, 'src', space.not(asked));
  const list = [...groups.values()].sort((a, b) => (a.size < b.size ? 1 : a.size > b.size ? -1 : 0));
  const inside = (target: number, set: PacketSet | undefined): boolean =>
    set !== undefined && (targets[target]?.roles[columns.indexOf(set)] ?? false);
  const openness = (must: boolean, may: boolean): Openness => (must ? 'open' : may ? 'some' : 'closed');
  const holds = (set: PacketSet | undefined): boolean => set !== undefined && set !== space.none;
  return {
    classes: list.map(({ ranges, size }) => ({ ...rangeWords(ranges, idle, family), size })),
    through: list.map(({ source }) =>
      list.map(({ target }) =>
        openness(inside(target, rows[source]?.[1]), inside(target, rows[source]?.[0])),
      ),
    ),
    to: list.map(({ source }) => openness(holds(rows[source]?.[3]), holds(rows[source]?.[2]))),
    from: list.map(({ target }) => openness(inside(target, from.must), inside(target, from.may))),
  };
}

/** Ranges in words; addresses that nobody is asked about are said where that is shorter. */
function rangeWords(
  ranges: readonly AddressRange[],
  idle: ReturnType<typeof fieldValues>,
  family: 'ipv4' | 'ipv6',
): Pick<AddressClass, 'negated' | 'texts'> {
  const plain = addressWords(ranges, family);
  if (idle.kind !== 'addresses') return plain;
  const merged: AddressRange[] = [];
  for (const range of [...ranges, ...idle.ranges].sort((a, b) => compareAddresses(a.low, b.low))) {
    const last = merged.at(-1);
    if (last !== undefined && addressToBigInt(last.high) + 1n >= addressToBigInt(range.low))
      merged[merged.length - 1] = {
        low: last.low,
        high: compareAddresses(last.high, range.high) < 0 ? range.high : last.high,
      };
    else merged.push(range);
  }
  const rounded = addressWords(merged, family);
  return addressListLength(rounded.texts) < addressListLength(plain.texts) ? rounded : plain;
}

/**
 * What is open, said by service: which protocols and ports, for whom. A row for what is open whatever the service comes
 * first, then whole protocols, then ports; what an earlier row says is not said again.
 */

import { coverByBoxes } from '../packetset/boxes.ts';
import { fieldValues } from '../packetset/field-values.ts';
import { type FieldName, icmpProtocol, portProtocols } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import {
  type AddressList,
  addressesSaid,
  anyAddress,
  conditionSaid,
  fieldClasses,
  numbersOf,
} from './field-classes.ts';

type Interval = readonly [low: number, high: number];

/** Protocols and ports (or ICMP types) that are open for the same people. */
export interface Service {
  /** IP protocol numbers; `any`: all of them. */
  readonly protocols: readonly Interval[] | 'any';
  /** Destination ports, or types of ICMP; `any`: all of them. */
  readonly ports: readonly Interval[] | 'any';
  /** What of it is not meant. */
  readonly except?: readonly ServicePiece[];
}

/** Ports (or types) of one or more protocols; no ports: all of them. */
export interface ServicePiece {
  readonly protocols: readonly Interval[];
  readonly ports: readonly Interval[] | 'any';
}

/** One service for one group of people. */
export interface ExposedService {
  readonly service: Service;
  readonly from: AddressList;
  /** Destinations as they come in, beyond those that all rows have. */
  readonly to: AddressList;
  /** Names of out-interfaces, where they are a condition. */
  readonly out: readonly string[];
  /** Further conditions, as match options. */
  readonly conditions: readonly string[];
  /** The row's packets. */
  readonly set: PacketSet;
}

/** Fields that say who talks to whom; all others say what about. */
export const whoFields: readonly FieldName[] = ['src', 'dst', 'outInterface', 'mac', 'uid', 'gid', 'mark'];

/** Boxes of one service that are looked for. */
const boxesMax = 60;

interface Group {
  readonly service: Service;
  /** The condition on protocol and ports. */
  readonly values: PacketSet;
  readonly who: PacketSet;
  /** Who could be there at all. */
  readonly possible: PacketSet;
}

/**
 * Services of `open`, all within `care`. `rowsMax` bounds what is put into words; `leftOut` counts the rest, at least.
 */
export function exposedServices(
  space: BddPacketSpace,
  open: PacketSet,
  care: PacketSet,
  rowsMax: number,
): { readonly rows: readonly ExposedService[]; readonly leftOut: number } {
  const rows: ExposedService[] = [];
  let leftOut = 0;
  let left = open;
  for (const group of groups(space, open, care)) {
    const fresh = space.and(space.and(group.values, group.who), left);
    if (fresh === space.none) continue;
    left = space.diff(left, fresh);
    if (rows.length >= rowsMax) {
      leftOut++;
      continue;
    }
    const lower = space.forget(fresh, whatFields(space));
    // Whom an earlier row has told of may be in or not; so may those who do not exist.
    const upper = space.or(group.who, space.not(group.possible));
    const { boxes, complete } = coverByBoxes(
      space,
      lower,
      space.or(upper, lower),
      Math.min(boxesMax, rowsMax - rows.length + 4),
    );
    for (const box of boxes) {
      if (rows.length >= rowsMax) {
        leftOut++;
        continue;
      }
      const here = [...box.values()].reduce((set, values) => space.and(set, values), fresh);
      rows.push({ service: group.service, ...whoSaid(space, box, group.possible), set: here });
    }
    if (!complete) leftOut++;
  }
  return { rows, leftOut };
}

function whatFields(space: BddPacketSpace): readonly FieldName[] {
  return [...space.codec.fields.keys()].filter((f) => !whoFields.includes(f));
}

function whoSaid(
  space: BddPacketSpace,
  box: ReadonlyMap<FieldName | 'unknown', PacketSet>,
  possible: PacketSet,
): Pick<ExposedService, 'from' | 'to' | 'out' | 'conditions'> {
  const among = (field: FieldName): PacketSet =>
    space.forget(
      possible,
      [...space.codec.fields.keys()].filter((f) => f !== field),
    );
  const address = (field: 'src' | 'dst'): AddressList => {
    const values = box.get(field);
    return values === undefined ? anyAddress : addressesSaid(space, field, values, among(field));
  };
  const conditions: string[] = [];
  let out: readonly string[] = [];
  for (const [field, values] of box) {
    if (field === 'src' || field === 'dst' || field === 'unknown') continue;
    const some = among(field);
    if (space.implies(some, values)) continue;
    if (field === 'outInterface') out = interfacesSaid(space, field, space.and(values, some), some);
    else conditions.push(...conditionSaid(space, field, values));
  }
  return { from: address('src'), to: address('dst'), out, conditions };
}

/** Names, `eth+`, `!eth0` for all but some. */
function interfacesSaid(
  space: BddPacketSpace,
  field: 'inInterface' | 'outInterface',
  values: PacketSet,
  possible: PacketSet,
): readonly string[] {
  const names = (set: PacketSet): readonly string[] => {
    const v = fieldValues(space, field, set);
    if (v.kind !== 'interfaces') return [];
    return v.labels.flatMap((label) =>
      label.kind === 'name'
        ? [label.name]
        : label.kind === 'prefix'
          ? [`${label.prefix}+`]
          : label.kind === 'other'
            ? ['*']
            : [],
    );
  };
  const yes = names(values);
  if (!yes.includes('*')) return yes;
  return names(space.diff(possible, values)).map((name) => `!${name}`);
}

/** All services, the most general first. */
function* groups(space: BddPacketSpace, open: PacketSet, care: PacketSet): Generator<Group> {
  const what = whatFields(space);
  const refused = space.diff(care, open);
  const everybody = space.forget(care, what);
  const toAll = (o: PacketSet, r: PacketSet): PacketSet =>
    space.diff(space.forget(o, what), space.forget(r, what));
  const classes = protocolClasses(space, open, care);
  // Where all, or all who may do anything, may use nearly everything, it is shorter to say what they may not.
  let general = false;
  for (const who of new Set([everybody, space.forget(open, what)])) {
    const asked = space.and(care, who);
    const offered = space.diff(
      space.forget(asked, whoFields),
      space.forget(space.diff(asked, open), whoFields),
    );
    const except = pieces(space, classes, space.diff(space.forget(asked, whoFields), offered));
    const said = pieces(space, classes, offered);
    if (except.length === 0 || said.length <= classes.length / 2 || wordCount(except) + 2 >= wordCount(said))
      continue;
    yield { service: { protocols: 'any', ports: 'any', except }, values: offered, who, possible: everybody };
    general ||= who === everybody;
  }
  if (!general)
    yield {
      service: { protocols: 'any', ports: 'any' },
      values: space.all,
      who: toAll(open, refused),
      possible: everybody,
    };

  // Whole protocols with the same people in one row.
  const whole = new Map<PacketSet, { protocols: Interval[]; values: PacketSet }>();
  for (const { numbers, values } of classes) {
    const who = toAll(space.and(open, values), space.and(refused, values));
    if (who === space.none) continue;
    const known = whole.get(who) ?? { protocols: [], values: space.none };
    whole.set(who, { protocols: [...known.protocols, ...numbers], values: space.or(known.values, values) });
  }
  for (const [who, { protocols, values }] of general ? [] : whole)
    yield { service: { protocols, ports: 'any' }, values, who, possible: everybody };

  const byPorts = new Map<string, Group & { protocols: Interval[] }>();
  for (const { numbers, values } of classes) {
    const field = portField(space, numbers);
    const here = space.and(open, values);
    if (here === space.none || field === undefined) continue;
    for (const c of portClasses(space, here, space.and(care, values), field)) {
      const ports = numbersOf(space, field, c.values);
      const who = space.forget(c.rest, what);
      const key = `${who} ${field} ${ports.join(' ')}`;
      const same = byPorts.get(key);
      byPorts.set(key, {
        protocols: [...(same?.protocols ?? []), ...numbers],
        service: {
          protocols: [...(same?.protocols ?? []), ...numbers],
          ports: ports.length === 0 ? 'any' : ports,
        },
        values: space.or(same?.values ?? space.none, space.and(values, c.values)),
        who,
        possible: everybody,
      });
    }
  }
  yield* [...byPorts.values()].sort((a, b) => firstPort(a.service) - firstPort(b.service));

  // What only other fields tell apart: packet sizes, flags of types.
  for (const { numbers, values } of classes) {
    const who = space.forget(space.and(open, values), what);
    if (who !== space.none)
      yield { service: { protocols: numbers, ports: 'any' }, values, who, possible: everybody };
  }
}

/** A set of services by protocol and port. */
function pieces(
  space: BddPacketSpace,
  classes: readonly ProtocolClass[],
  services: PacketSet,
): readonly ServicePiece[] {
  return classes.flatMap(({ numbers, values }) => {
    const here = space.and(services, values);
    if (here === space.none) return [];
    const field = portField(space, numbers);
    if (field === undefined) return [{ protocols: numbers, ports: 'any' as const }];
    const ports = fieldClasses(space, here, field).reduce((set, c) => space.or(set, c.values), space.none);
    const listed = numbersOf(space, field, ports);
    return [{ protocols: numbers, ports: listed.length === 0 ? ('any' as const) : listed }];
  });
}

const wordCount = (list: readonly ServicePiece[]): number =>
  list.reduce(
    (sum, { ports, protocols }) => sum + protocols.length + (ports === 'any' ? 0 : ports.length),
    0,
  );

const firstPort = ({ ports }: Service): number => (ports === 'any' ? 0 : (ports[0]?.[0] ?? 0));

/** The field that divides the packets of these protocols further. */
function portField(space: BddPacketSpace, numbers: readonly Interval[]): FieldName | undefined {
  const [first] = numbers;
  if (numbers.length !== 1 || first === undefined || first[0] !== first[1]) return undefined;
  const [protocol] = first;
  const field = portProtocols.includes(protocol)
    ? 'dport'
    : protocol === icmpProtocol(space.codec.family)
      ? 'icmpType'
      : undefined;
  return field !== undefined && space.codec.fields.has(field) ? field : undefined;
}

interface ProtocolClass {
  readonly numbers: readonly Interval[];
  readonly values: PacketSet;
}

/** Protocols that differ in anything but their number; those with ports and ICMP each by itself. */
function protocolClasses(space: BddPacketSpace, open: PacketSet, care: PacketSet): readonly ProtocolClass[] {
  const single = [...portProtocols, icmpProtocol(space.codec.family)];
  const named = single.map((p) => ({ numbers: [[p, p]] as const, values: space.interval('protocol', p, p) }));
  const others = named.reduce((set, { values }) => space.diff(set, values), space.and(care, space.all));
  const refused = space.diff(care, open);
  const found: ProtocolClass[] = named.filter(({ values }) => !space.disjoint(values, care));
  for (const accepted of fieldClasses(space, space.and(others, open), 'protocol'))
    for (const denied of [...fieldClasses(space, space.and(others, refused), 'protocol'), undefined]) {
      const values =
        denied === undefined
          ? fieldClasses(space, space.and(others, refused), 'protocol').reduce(
              (set, c) => space.diff(set, c.values),
              accepted.values,
            )
          : space.and(accepted.values, denied.values);
      if (space.disjoint(space.and(values, others), open)) continue;
      found.push({ numbers: numbersOf(space, 'protocol', values), values });
    }
  return found;
}

/** Ports with the same people; ports that nobody can ask for go with the largest class. */
function portClasses(
  space: BddPacketSpace,
  open: PacketSet,
  care: PacketSet,
  field: FieldName,
): readonly { readonly values: PacketSet; readonly rest: PacketSet }[] {
  const classes = fieldClasses(space, open, field);
  const asked = fieldClasses(space, care, field).reduce<PacketSet>(
    (set, c) => space.or(set, c.values),
    space.none,
  );
  const idle = space.and(space.not(asked), space.has(field as 'dport'));
  const size = (values: PacketSet): number =>
    numbersOf(space, field, values).reduce((sum, [low, high]) => sum + high - low + 1, 0);
  const largest = classes.reduce<(typeof classes)[number] | undefined>(
    (best, c) => (best === undefined || size(c.values) > size(best.values) ? c : best),
    undefined,
  );
  return classes.map((c) => {
    const values = space.and(c.values, space.has(field as 'dport'));
    return {
      rest: c.rest,
      values: c === largest && size(values) > 1 ? space.or(values, idle) : values,
    };
  });
}

/** What the literals of one way demand of a packet, field by field; or why no packet can be made of them. */

import type { CtDirection, CtState } from '../model/netfilter.ts';
import {
  type Address,
  type AddressRange,
  addressBits,
  compareAddresses,
  type Network,
  networkContains,
  networkRange,
  prefixLength,
} from '../net/address.ts';
import type { InterfacePattern } from '../net/interface-pattern.ts';
import type { BitField, IntervalField } from '../packetset/space.ts';
import type { Literal } from './draft-space.ts';

/** Fields of a packet that a value can be chosen for by interval. */
export type NumberField = Exclude<
  IntervalField,
  'ctProtocol' | 'ctOrigSport' | 'ctOrigDport' | 'ctReplSport' | 'ctReplDport'
>;

/** The option that people know each field by. */
const fieldOptions: Readonly<Record<NumberField | BitField, string>> = {
  protocol: '-p',
  sport: '--sport',
  dport: '--dport',
  icmpType: '--icmp-type',
  icmpCode: '--icmp-type',
  lengthBytes: '--length',
  ttl: '--ttl-eq',
  spi: '--espspi',
  mss: '--mss',
  fragmentKind: '-f',
  uid: '--uid-owner',
  gid: '--gid-owner',
  mark: '--mark',
  connmark: '-m connmark',
  tos: '--tos',
  tcpFlags: '--tcp-flags',
  ctStatus: '--ctstatus',
};

const fieldMax: Readonly<Record<NumberField, number>> = {
  protocol: 255,
  sport: 65535,
  dport: 65535,
  icmpType: 255,
  icmpCode: 255,
  lengthBytes: 65535,
  ttl: 255,
  spi: 0xffffffff,
  mss: 65535,
  fragmentKind: 2,
  uid: 0xfffffffe,
  gid: 0xfffffffe,
};

/** Numbers that a field may have. */
interface NumberDemand {
  low: number;
  high: number;
  readonly not: { readonly low: number; readonly high: number }[];
}

/** A set of addresses that the packet's must, or must not, lie in. */
type AddressSet = { readonly network: Network } | { readonly range: AddressRange };

/** Names that a field must have, or must not. */
interface NameDemand {
  is: string | undefined;
  readonly not: string[];
}

/** Everything that the literals of one way demand of one packet. */
export interface Demands {
  readonly numbers: Map<NumberField, NumberDemand>;
  readonly bits: Map<'mark' | 'tos' | 'tcpFlags', { value: number; mask: number }>;
  readonly addresses: Map<'src' | 'dst', { readonly inside: AddressSet[]; readonly outside: AddressSet[] }>;
  readonly interfaces: Map<
    'in' | 'out',
    { readonly is: InterfacePattern[]; readonly not: InterfacePattern[] }
  >;
  readonly mac: NameDemand;
  readonly packetType: NameDemand;
  readonly state: NameDemand;
  readonly direction: NameDemand;
  tracked: boolean | undefined;
  /** Whether the destination is this machine. */
  destination: 'local' | 'remote' | undefined;
  ipsec: boolean | undefined;
  /** Ports of a bridge by which the packet comes and goes. */
  physIn: string | undefined;
  physOut: string | undefined;
  hasSocket: boolean | undefined;
  /** Options that leave a choice, as people write them. */
  readonly vague: Set<string>;
}

/** `-m physdev` with names of ports. */
const bridgePorts =
  /^physdev(?: --physdev-is-in)?(?: --physdev-in ([^\s!"+]+))?(?: --physdev-is-out)?(?: --physdev-out ([^\s!"+]+))?(?: --physdev-is-bridged)?$/;

const states: readonly CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];

/** States of packets without an entry. */
const entryless: readonly string[] = ['INVALID', 'UNTRACKED'];

function isNumberField(field: IntervalField): field is NumberField {
  return Object.hasOwn(fieldMax, field);
}

const named = (): NameDemand => ({ is: undefined, not: [] });

/** What a conntrack entry must be, no packet can be asked. */
const entryRefusal =
  'a packet has no connection of its own making here: only --ctstate and --ctdir can be given';

/** Adds the literals up; a text says, without a capital letter, what cannot be had in one packet. */
export function collectDemands(literals: readonly Literal[]): Demands | string {
  const d: Demands = {
    numbers: new Map(),
    bits: new Map(),
    addresses: new Map(),
    interfaces: new Map(),
    mac: named(),
    packetType: named(),
    state: named(),
    direction: named(),
    tracked: undefined,
    destination: undefined,
    ipsec: undefined,
    physIn: undefined,
    physOut: undefined,
    hasSocket: undefined,
    vague: new Set(),
  };
  for (const literal of literals) {
    const refusal = demand(d, literal);
    if (refusal !== undefined) return refusal;
  }
  return conclude(d);
}

function demand(d: Demands, { condition: c, negated }: Literal): string | undefined {
  switch (c.kind) {
    case 'interval': {
      if (!isNumberField(c.field)) return entryRefusal;
      const i = d.numbers.get(c.field) ?? { low: 0, high: fieldMax[c.field], not: [] };
      d.numbers.set(c.field, i);
      if (negated) i.not.push({ low: c.low, high: c.high });
      else {
        i.low = Math.max(i.low, c.low);
        i.high = Math.min(i.high, c.high);
        if (i.low > i.high) return `no packet has such a value of ${fieldOptions[c.field]}`;
      }
      return undefined;
    }
    case 'bits': {
      if (c.field === 'ctStatus' || c.field === 'connmark') return entryRefusal;
      const known = d.bits.get(c.field) ?? { value: 0, mask: 0 };
      let { value, mask } = c;
      if (negated) {
        // One bit that differs is enough: the lowest that nothing else decides.
        const free = (mask & ~known.mask) >>> 0;
        if (free === 0) {
          return ((known.value ^ value) & mask) !== 0
            ? undefined
            : `no packet has such a value of ${fieldOptions[c.field]}`;
        }
        mask = (free & -free) >>> 0;
        value = (~value & mask) >>> 0;
        d.vague.add(`! ${fieldOptions[c.field]}`);
      } else if (((known.value ^ value) & known.mask & mask) !== 0) {
        return `no packet has such a value of ${fieldOptions[c.field]}`;
      }
      d.bits.set(c.field, { value: (known.value | value) >>> 0, mask: (known.mask | mask) >>> 0 });
      return undefined;
    }
    case 'network':
    case 'addresses': {
      if (c.field !== 'src' && c.field !== 'dst') return entryRefusal;
      const a = d.addresses.get(c.field) ?? { inside: [], outside: [] };
      d.addresses.set(c.field, a);
      (negated ? a.outside : a.inside).push(
        c.kind === 'network' ? { network: c.network } : { range: c.range },
      );
      return undefined;
    }
    case 'named': {
      if (c.field === 'helper') return entryRefusal;
      const n =
        c.field === 'ctState'
          ? d.state
          : c.field === 'ctDirection'
            ? d.direction
            : c.field === 'mac'
              ? d.mac
              : d.packetType;
      if (negated) n.not.push(c.value);
      else if (n.is !== undefined && n.is !== c.value)
        return `a packet cannot be both ${n.is} and ${c.value}`;
      else n.is = c.value;
      return undefined;
    }
    case 'interface': {
      const i = d.interfaces.get(c.direction) ?? { is: [], not: [] };
      d.interfaces.set(c.direction, i);
      (negated ? i.not : i.is).push(c.pattern);
      return undefined;
    }
    case 'tracked':
      if (d.tracked === negated) return 'no packet has such a connection state';
      d.tracked = !negated;
      return undefined;
    case 'has':
      if (c.field === 'uid' || c.field === 'gid') {
        if (d.hasSocket === negated) return 'a packet has a sending process or has none';
        d.hasSocket = !negated;
      }
      return undefined;
    case 'addressType': {
      if (c.field !== 'dst' || c.type !== 'LOCAL')
        return 'the type of an address follows from the machine: only --dst-type LOCAL can be given';
      const wanted = negated ? 'remote' : 'local';
      if (d.destination !== undefined && d.destination !== wanted)
        return 'an address is this machine’s or is not';
      d.destination = wanted;
      return undefined;
    }
    case 'choice': {
      const { choice } = c;
      if (choice.kind !== 'pure')
        return 'a limit, a set or a list is no property of a packet: --assume decides about those';
      // Whether IPsec was applied can be said, and "not at all" needs no details.
      const direction = /^ipsec (in|out)( |$)/.exec(choice.key);
      if (direction?.[1] === 'in' && !(negated && direction[2] === ' ')) {
        if (d.ipsec === negated) return 'a packet came out of IPsec or did not';
        d.ipsec = !negated;
        return undefined;
      }
      const ports = negated ? null : bridgePorts.exec(choice.key);
      if (ports) {
        d.physIn ??= ports[1];
        d.physOut ??= ports[2];
        return undefined;
      }
      return `"${choice.key}" is nothing that a packet can be given here`;
    }
  }
}

/** What follows from the demands together. */
function conclude(d: Demands): Demands | string {
  for (const [name, option] of [
    [d.state, '--ctstate'],
    [d.direction, '--ctdir'],
    [d.mac, '--mac-source'],
    [d.packetType, '--pkt-type'],
  ] as const) {
    if (name.is !== undefined && name.not.includes(name.is)) return `no packet has such a ${option}`;
    if (name.is === undefined && name.not.length > 0) d.vague.add(`! ${option}`);
  }
  const { state } = d;
  if (state.is === undefined && (state.not.length > 0 || d.tracked === false)) {
    state.is = states.find(
      (s) => !state.not.includes(s) && (d.tracked === undefined || entryless.includes(s) !== d.tracked),
    );
    if (state.is === undefined) return 'no packet has such a connection state';
    d.vague.add('--ctstate');
  }
  if (state.is !== undefined && d.tracked !== undefined && entryless.includes(state.is) === d.tracked)
    return `a packet that is ${state.is} has ${d.tracked ? 'no' : 'an'} entry of conntrack`;
  if (d.packetType.is === undefined && d.packetType.not.includes('unicast')) {
    d.packetType.is = ['broadcast', 'multicast'].find((t) => !d.packetType.not.includes(t));
    if (d.packetType.is === undefined) return 'no packet has such a --pkt-type';
  }
  if (d.hasSocket === false && (d.numbers.has('uid') || d.numbers.has('gid')))
    return 'a packet has a sending process or has none';
  return d;
}

/** The number that a field gets, the first of `preferred` that will do. Undefined: nothing is demanded. */
export function chooseNumber(
  d: Demands,
  field: NumberField,
  preferred: readonly number[],
): number | undefined | 'none' {
  const i = d.numbers.get(field);
  if (!i) return undefined;
  const good = (v: number): boolean =>
    v >= i.low && v <= i.high && !i.not.some((n) => v >= n.low && v <= n.high);
  if (i.low === i.high) return good(i.low) ? i.low : 'none';
  if (i.low === 0 && i.high === fieldMax[field] && i.not.length === 0) return undefined;
  d.vague.add(i.not.length > 0 ? `! ${fieldOptions[field]}` : fieldOptions[field]);
  const ends = i.not.flatMap((n) => [n.low - 1, n.high + 1]);
  return [...preferred, i.low, i.high, ...ends].find(good) ?? 'none';
}

const setContains = (set: AddressSet, a: Address): boolean =>
  'network' in set
    ? networkContains(set.network, a)
    : a.family === set.range.low.family &&
      compareAddresses(set.range.low, a) <= 0 &&
      compareAddresses(a, set.range.high) <= 0;

/** The one address of a set that has one. */
function onlyAddress(set: AddressSet): Address | undefined {
  if ('range' in set)
    return compareAddresses(set.range.low, set.range.high) === 0 ? set.range.low : undefined;
  const { address, mask } = set.network;
  return prefixLength(mask) === addressBits(address.family) ? address : undefined;
}

/** Ordinary hosts of a set: not the network's own address where there is another. */
function hostsOf(set: AddressSet): readonly Address[] {
  if ('range' in set) return [set.range.low, set.range.high];
  const { address } = set.network;
  const range = networkRange(set.network);
  const hosts = [1, 2, 7].map((bits) => ({ ...address, w3: (address.w3 | bits) >>> 0 }));
  return [...hosts, address, ...(range ? [range.low, range.high] : [])];
}

/**
 * The address that a field gets. Undefined: nothing is demanded; `none`: no ordinary address will do.
 * @param avoided addresses that are taken only where there is no other
 */
export function chooseAddress(
  d: Demands,
  field: 'src' | 'dst',
  ordinary: readonly Address[],
  avoided: (address: Address) => boolean = () => false,
): Address | undefined | 'none' {
  const a = d.addresses.get(field);
  if (!a) return undefined;
  const good = (x: Address): boolean =>
    a.inside.every((set) => setContains(set, x)) && !a.outside.some((set) => setContains(set, x));
  for (const set of a.inside) {
    const only = onlyAddress(set);
    if (only) return good(only) ? only : 'none';
  }
  const option = field === 'src' ? '-s' : '-d';
  d.vague.add(a.inside.length === 0 ? `! ${option}` : option);
  const possible = [...ordinary, ...a.inside.flatMap(hostsOf)].filter(good);
  return possible.find((x) => !avoided(x)) ?? possible[0] ?? 'none';
}

/** The state and direction that the asker gives the connection. */
export function connectionOf(d: Demands): { state: CtState; direction?: CtDirection } | undefined {
  const state = states.find((s) => s === d.state.is);
  const direction =
    d.direction.is?.toLowerCase() === 'reply' || d.direction.not.some((n) => n.toLowerCase() === 'original')
      ? ('reply' as const)
      : undefined;
  if (direction) return { state: state === undefined || state === 'NEW' ? 'ESTABLISHED' : state, direction };
  return state === undefined || state === 'NEW' ? undefined : { state };
}

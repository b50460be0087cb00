/** Changes that targets make, done to whole sets of packets: the header now is replaced, the one at entry stays. */

import { addressesOf } from '../engine/facts.ts';
import type { FieldChange } from '../extensions/define.ts';
import { ctStatusBit } from '../model/connection.ts';
import type { Hook } from '../model/netfilter.ts';
import { type AddressRange, compareAddresses } from '../net/address.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { UnknownVariable } from '../packetset/choices.ts';
import { entryFields, type FieldName } from '../packetset/fields.ts';
import type { AddressField, IntervalField, PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { changesOf } from './effects.ts';
import { narrowScopes6, redirectTarget } from './mention.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What {@link applyChanges} is told. */
export interface ChangeRequest {
  readonly side: Side;
  readonly vocabulary: Vocabulary;
  readonly hook: Hook;
  readonly set: PacketSet;
  readonly changes: readonly FieldChange[];
}

type NatChange = Extract<FieldChange, { field: 'nat' }>;

/**
 * Packets that cannot be changed so, and are dropped for it, certainly or perhaps: REDIRECT by an interface without an
 * address, in IPv6 without one of the scope of the packet's destination.
 *
 * Source: net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv6_usable().
 */
export function refusedByChanges(o: ChangeRequest): {
  readonly certain: PacketSet;
  readonly perhaps: PacketSet;
} {
  const { space, family } = o.vocabulary;
  const redirects = o.changes.some((c) => c.field === 'nat' && c.from === 'redirect');
  if (!redirects || o.hook === 'OUTPUT' || !o.side.facts.interfacesKnown)
    return { certain: space.none, perhaps: space.none };
  const certain = space.diff(o.set, space.forget(redirectAddresses(o), ['dst']));
  const narrow = family === 'ipv4' ? [] : narrowScopes6.map((net) => space.network('dst', net));
  return { certain, perhaps: space.and(space.diff(o.set, certain), space.union(narrow)) };
}

/** The set after the changes, in order. Fields that are not in use stay as they are: nobody reads them. */
export function applyChanges(o: ChangeRequest): PacketSet {
  return o.changes.reduce((set, change) => applyChange({ ...o, set }, change), o.set);
}

function applyChange(o: ChangeRequest, change: FieldChange): PacketSet {
  const { set, vocabulary } = o;
  const { space } = vocabulary;
  const inUse = (field: FieldName): boolean => space.codec.fields.has(field);
  switch (change.field) {
    case 'nat':
      return translate(o, change);
    case 'set':
    case 'tcpOptions':
      return set;
    case 'ctState':
      return change.operation === 'untrack' ? untrack(o) : set;
    case 'ttl': {
      if (!inUse('ttl')) return set;
      if (change.operation === 'set')
        return space.rewrite(set, ['ttl'], space.interval('ttl', change.value, change.value));
      return space.forget(set, ['ttl']);
    }
    case 'mark':
    case 'connmark':
    case 'tos':
    case 'tcpFlags': {
      if (!inUse(change.field)) return set;
      // Only tracked packets have a connection mark to write or to read.
      const concerned =
        change.field === 'connmark' || ('from' in change && change.from === 'connmark')
          ? space.and(set, space.tracked())
          : set;
      const rest = space.diff(set, concerned);
      if ('clear' in change)
        return space.or(rest, space.changeBits(concerned, change.field, change.clear, change.xor, change.or));
      if ('from' in change)
        return space.or(
          rest,
          space.copyBits(concerned, change.field, change.from, change.toMask, change.fromMask),
        );
      return space.or(rest, space.forget(concerned, [change.field]));
    }
    case 'sport':
    case 'dport':
    case 'mss':
    case 'src':
    case 'dst':
    case 'lengthBytes':
      return inUse(change.field) ? within(vocabulary, space.forget(set, [change.field])) : set;
  }
}

/** Back to headers that can exist, after a field was left open. */
const within = ({ space }: Vocabulary, set: PacketSet): PacketSet => space.and(set, space.valid);

/** What was left open about these fields: it is no longer known once they were rewritten. */
export function readersOf(
  { unknowns }: BddPacketSpace,
  fields: readonly (AddressField | IntervalField)[],
): readonly UnknownVariable[] {
  return unknowns.filter(({ unknown }) => {
    if (unknown.kind === 'fieldOfType') return fields.includes(unknown.field);
    if (unknown.kind !== 'choice') return false;
    const { choice } = unknown;
    // Which fields a list is asked about is not told.
    return (
      choice.kind === 'shared' ||
      (choice.kind === 'pure' && choice.reads.some((f) => fields.includes(f as AddressField)))
    );
  });
}

/** Whether some rule gives packets a template before they are tracked. */
export function givesTemplates({ ruleset, program, registry }: Side): boolean {
  return changesOf(ruleset, program.machine, registry).some(
    ([, change]) => change.field === 'ctState' && change.operation === 'template',
  );
}

/** No entry, and nothing of one. A packet that comes in by `lo` keeps the entry that it got in OUTPUT. */
function untrack({ side, vocabulary, set, hook }: ChangeRequest): PacketSet {
  const { space } = vocabulary;
  if (!space.codec.fields.has('ctState')) return set;
  const attached =
    hook === 'PREROUTING'
      ? space.and(set, space.and(space.interface('in', interfacePattern('lo')), space.tracked()))
      : space.none;
  const fields = (['ctState', 'ctDirection', ...entryFields] as const).filter((f) =>
    space.codec.fields.has(f),
  );
  const untracked = space.rewrite(space.diff(set, attached), fields, space.named('ctState', 'UNTRACKED'));
  // Which packets a rule before gave a template is not followed: any of them may keep it.
  const kept = givesTemplates(side) ? set : attached;
  return space.or(kept, within(vocabulary, untracked));
}

/** Which half of the header a NAT target writes at this hook. */
function halfOf(change: NatChange, hook: Hook): 'source' | 'destination' {
  if (change.manip !== 'by-hook') return change.manip;
  return hook === 'PREROUTING' || hook === 'OUTPUT' ? 'destination' : 'source';
}

/** nf_nat_setup_info() for the first packet of a connection, with the status that the connection gets by it. */
function translate(o: ChangeRequest, change: NatChange): PacketSet {
  const { vocabulary, hook } = o;
  const { space } = vocabulary;
  // The source changes last of all, where no rule reads it any more: see `Visit.taking` for who changes what.
  if (halfOf(change, hook) === 'source') return o.set;
  const asked = space.mayOver(o.set, readersOf(space, ['dst', 'dport']));
  const to = translatePorts(vocabulary, translateAddress({ ...o, set: asked }, change), change);
  // Where a rule outside of nat rewrote the header, a translation to what the connection began with leaves that be.
  const { ruleset, program, registry } = o.side;
  const elsewhere = changesOf(ruleset, program.machine, registry).some(([, { field }]) => field === 'dst');
  const set = space.or(withReplyTuple(vocabulary, to), elsewhere ? asked : space.none);
  if (!vocabulary.rewritten.has('ctStatus')) return set;
  // A translation to what was there already is none.
  const moved = space.diff(set, space.unchanged(['dst', 'dport']));
  return space.or(space.diff(set, moved), space.changeBits(moved, 'ctStatus', 0, 0, ctStatusBit.DST_NAT));
}

/** The connection's answers will come from where its packets now go. */
function withReplyTuple({ space }: Vocabulary, set: PacketSet): PacketSet {
  let result = set;
  for (const [mine, theirs] of [
    ['dst', 'ctReplSrc'],
    ['dport', 'ctReplSport'],
  ] as const) {
    if (!space.codec.fields.has(theirs)) continue;
    const open = space.and(space.forget(result, [theirs]), space.valid);
    result = sameOrAbsent(space, open, mine, theirs);
  }
  return result;
}

/** Has ports, and no tracker that looks at them: see `hasTrackedPorts`. */
const dccp = 33;

/** The addresses of a range. Of one that is written backwards, the kernel takes what its arithmetic makes of it. */
function rangeAddresses(space: Vocabulary['space'], range: AddressRange): PacketSet {
  return compareAddresses(range.low, range.high) > 0 ? space.all : space.addresses('dst', range);
}

/** Packets whose connection has the same value as the packet itself, where the packet has one. */
export function sameOrAbsent(
  space: BddPacketSpace,
  set: PacketSet,
  mine: 'src' | 'dst' | 'sport' | 'dport' | 'protocol',
  theirs: FieldName,
): PacketSet {
  if (!space.codec.fields.has(mine) || !space.codec.fields.has(theirs)) return set;
  const equal = space.equal(mine, theirs);
  if (mine !== 'sport' && mine !== 'dport') return space.and(set, equal);
  const tracked = space.diff(space.has(mine), space.interval('protocol', dccp, dccp));
  return space.and(set, space.or(equal, space.not(tracked)));
}

function translateAddress(o: ChangeRequest, { from, range }: NatChange): PacketSet {
  const { vocabulary, set } = o;
  const { space } = vocabulary;
  if (!space.codec.fields.has('dst')) return set;
  if (from !== 'range') return space.rewrite(set, ['dst'], redirectAddresses(o));
  if (range.addresses === undefined) return set;
  return range.netmap
    ? space.changePrefix(set, 'dst', range.addresses)
    : space.rewrite(set, ['dst'], rangeAddresses(space, range.addresses));
}

function translatePorts({ space }: Vocabulary, set: PacketSet, { range }: NatChange): PacketSet {
  if (range.ports === undefined || !space.codec.fields.has('dport')) return set;
  const withPorts = space.and(set, space.has('dport'));
  const others = space.diff(set, withPorts);
  const [low, high] = range.ports;
  const anyOfRange = (s: PacketSet): PacketSet =>
    space.rewrite(s, ['dport'], space.interval('dport', low, high));
  if (range.basePort === undefined) return space.or(others, anyOfRange(withPorts));
  // Ports of the shifted range move by a fixed distance, others are folded into it.
  const last = range.basePort + (high - low);
  const shifted = space.and(withPorts, space.interval('dport', range.basePort, last));
  return space.union([
    others,
    anyOfRange(space.diff(withPorts, shifted)),
    space.shift(shifted, 'dport', range.basePort, last, low - range.basePort),
  ]);
}

/**
 * Addresses that REDIRECT may choose: of the interface that the packet came by, where addresses are known.
 *
 * Source: net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv4(), nf_nat_redirect_ipv6().
 */
function redirectAddresses({ side, vocabulary, hook }: ChangeRequest): PacketSet {
  const { space, family } = vocabulary;
  const { facts } = side;
  const loopback = space.network('dst', redirectTarget(family));
  if (hook === 'OUTPUT') return loopback;
  if (!facts.interfacesKnown) return vocabulary.describe(side, (s) => s.addressType('dst', 'LOCAL')).may;
  let set = space.and(loopback, space.interface('in', interfacePattern('lo')));
  for (const name of facts.interfaces.keys()) {
    if (name === 'lo') continue;
    for (const a of addressesOf(facts, name, family)) {
      const address = space.addresses('dst', { low: a.address, high: a.address });
      set = space.or(set, space.and(space.interface('in', interfacePattern(name)), address));
    }
  }
  return set;
}

/** Changes that targets make, done to whole sets of packets: the header now is replaced, the one at entry stays. */

import { addressesOf } from '../engine/facts.ts';
import type { FieldChange } from '../extensions/define.ts';
import type { Hook } from '../model/netfilter.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import { entryFields, type FieldName, portProtocols } from '../packetset/fields.ts';
import type { PacketSet } from '../packetset/space.ts';
import { redirectTarget } from './mention.ts';
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
      return untrack(vocabulary, set);
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

/** No entry, and nothing of one. */
function untrack(vocabulary: Vocabulary, set: PacketSet): PacketSet {
  const { space } = vocabulary;
  if (!space.codec.fields.has('ctState')) return set;
  const fields: FieldName[] = ['ctState', 'ctDirection', ...entryFields];
  return within(
    vocabulary,
    space.rewrite(
      set,
      fields.filter((f) => space.codec.fields.has(f)),
      space.named('ctState', 'UNTRACKED'),
    ),
  );
}

/** Which half of the header a NAT target writes at this hook. */
function halfOf(change: NatChange, hook: Hook): 'source' | 'destination' {
  if (change.manip !== 'by-hook') return change.manip;
  return hook === 'PREROUTING' || hook === 'OUTPUT' ? 'destination' : 'source';
}

/** nf_nat_setup_info() for the first packet of a connection. */
function translate(o: ChangeRequest, change: NatChange): PacketSet {
  const { vocabulary, hook } = o;
  const { space } = vocabulary;
  const half = halfOf(change, hook);
  // The source changes last of all, where no rule reads it any more: see `Visit.taking` for who changes what.
  if (half === 'source') return o.set;
  const address = 'dst';
  const port = 'dport';
  const { range } = change;
  let set = o.set;
  if (change.from === 'range') {
    if (range.addresses !== undefined)
      set =
        range.netmap && space.codec.fields.has(address)
          ? space.changePrefix(set, address, range.addresses)
          : rewriteAddress(vocabulary, set, address, space.addresses(address, range.addresses));
  } else set = rewriteAddress(vocabulary, set, address, redirectAddresses(o));
  if (range.ports === undefined || !space.codec.fields.has(port)) return set;
  const withPorts = space.and(
    set,
    portProtocols.reduce<PacketSet>((s, p) => space.or(s, space.interval('protocol', p, p)), space.none),
  );
  const others = space.diff(set, withPorts);
  const [low, high] = range.ports;
  const anyOfRange = (s: PacketSet): PacketSet =>
    space.rewrite(s, [port], space.and(space.interval(port, low, high), space.has(port)));
  if (range.basePort === undefined) return space.or(others, anyOfRange(withPorts));
  // Ports of the shifted range move by a fixed distance, others are folded into it.
  const last = range.basePort + (high - low);
  const shifted = space.and(withPorts, space.interval(port, range.basePort, last));
  return space.union([
    others,
    anyOfRange(space.diff(withPorts, shifted)),
    space.shift(shifted, port, range.basePort, last, low - range.basePort),
  ]);
}

function rewriteAddress(
  { space }: Vocabulary,
  set: PacketSet,
  field: 'src' | 'dst',
  values: PacketSet,
): PacketSet {
  return space.codec.fields.has(field) ? space.rewrite(set, [field], values) : set;
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

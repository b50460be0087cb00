/** Boxes in the shapes that match options have: ports only beside a protocol, types only beside ICMP. */

import { zeroAddress } from '../net/address.ts';
import { FALSE, TRUE } from './bdd.ts';
import { type Box, boxSet } from './boxes.ts';
import {
  entryFields,
  type FieldName,
  fieldSpecs,
  icmpProtocol,
  laterFragment,
  portProtocols,
  securityProtocols,
} from './fields.ts';
import type { AddressField, IntervalField, PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';
import { maskInUse } from './valid.ts';

/**
 * A box that options can say, or nearly. `laterFragment`: `-f`, where fragments are no field of their own.
 */
export interface PrintableBox {
  readonly box: Box;
  readonly laterFragment: boolean;
}

/** The box in parts whose fields are all there or all not asked for. Parts without packets in `care` are left out. */
export function printableBoxes(space: BddPacketSpace, box: Box, care: PacketSet): PrintableBox[] {
  const { codec } = space;
  const used = (field: FieldName): boolean => codec.fields.has(field);
  let parts: PrintableBox[] = [{ box, laterFragment: false }];

  const isEmpty = (p: PrintableBox): boolean => space.disjoint(boxSet(space, p.box), care);
  const narrow = (p: PrintableBox, field: FieldName, values: PacketSet): PrintableBox => {
    const both = space.and(p.box.get(field) ?? space.all, values);
    return { ...p, box: new Map(p.box).set(field, both) };
  };
  const without = (p: PrintableBox, fields: readonly FieldName[]): PrintableBox => {
    const rest = new Map(p.box);
    for (const field of fields) rest.delete(field);
    return { ...p, box: rest };
  };
  /**
   * Splits parts with a condition on these fields: packets that have them, for each of their owners, and packets
   * that do not. `inFragments`: the field is not there in later fragments of its owners either.
   */
  function splitByPresence(o: {
    readonly fields: readonly FieldName[];
    readonly ownerField: FieldName;
    readonly owners: () => readonly PacketSet[];
    readonly inFragments: boolean;
    readonly present?: PacketSet;
    readonly absent?: PacketSet;
  }): void {
    const { ownerField } = o;
    if (!o.fields.some(used) || !used(ownerField)) return;
    const owners = o.owners();
    const others = space.not(space.union(owners));
    parts = parts.flatMap((part) => {
      const asked = o.fields.filter((f) => part.box.has(f));
      if (asked.length === 0) return [part];
      const has = (f: FieldName): PacketSet => o.present ?? hasField(space, f);
      const lacks = (f: FieldName): PacketSet => o.absent ?? space.not(hasField(space, f));
      const having = asked.reduce((p, f) => narrow(p, f, has(f)), part);
      const split = owners.map((owner) => narrow(having, ownerField, owner));
      if (asked.every((f) => !space.disjoint(part.box.get(f) ?? space.all, lacks(f)))) {
        const bare = without(part, asked);
        split.push(narrow(bare, ownerField, others));
        for (const owner of o.inFragments ? owners : []) {
          const ofOwner = narrow(bare, ownerField, owner);
          split.push(
            used('fragmentKind')
              ? narrow(ofOwner, 'fragmentKind', space.interval('fragmentKind', laterFragment, laterFragment))
              : // Known by what it lacks: the condition stays for as long as emptiness is asked.
                {
                  ...asked.reduce((p, f) => narrow(p, f, lacks(f)), ofOwner),
                  laterFragment: o.absent === undefined,
                },
          );
        }
      }
      return split.filter((p) => [...p.box.values()].every((v) => v !== FALSE) && !isEmpty(p));
    });
  }

  const singly = (numbers: readonly number[]) => (): readonly PacketSet[] =>
    numbers.map((p) => space.interval('protocol', p, p));
  const byProtocol = { ownerField: 'protocol', inFragments: true } as const;
  splitByPresence({ ...byProtocol, fields: ['sport', 'dport'], owners: singly(portProtocols) });
  const icmp = singly([icmpProtocol(codec.family)]);
  splitByPresence({ ...byProtocol, fields: ['icmpType', 'icmpCode'], owners: icmp });
  if (codec.family === 'ipv4') {
    splitByPresence({ ...byProtocol, fields: ['spi'], owners: singly(securityProtocols) });
  }
  for (const field of ['tcpFlags', 'connmark', 'ctStatus'] as const) {
    if (!used(field)) continue;
    const absent = space.bits(field, 0, maskInUse(codec, field));
    // Zero may also be what a packet with the field has.
    const zero = { fields: [field], present: space.all, absent };
    if (field === 'tcpFlags') splitByPresence({ ...byProtocol, ...zero, owners: singly([6]) });
    else
      splitByPresence({
        ...zero,
        ownerField: 'ctState',
        owners: () => [space.tracked()],
        inFragments: false,
      });
  }
  for (const field of entryFields.filter((f) => f !== 'connmark' && f !== 'ctStatus' && f !== 'helper')) {
    if (!used(field)) continue;
    splitByPresence({
      fields: [field],
      ownerField: 'ctState',
      owners: () => [space.tracked()],
      inFragments: false,
    });
  }
  return parts.filter((p) => !isEmpty(p)).map((p) => ({ ...p, box: withoutIdle(space, p) }));
}

/** The part as a set. */
export function partSet(space: BddPacketSpace, part: PrintableBox): PacketSet {
  const set = boxSet(space, part.box);
  return part.laterFragment ? space.and(set, laterFragments(space)) : set;
}

/** Second and later fragments: by their field, or else by the lack of all that follows the IP header. */
export function laterFragments(space: BddPacketSpace): PacketSet {
  const { fields } = space.codec;
  if (fields.has('fragmentKind')) return space.interval('fragmentKind', laterFragment, laterFragment);
  return transportFields
    .filter((f) => fields.has(f))
    .reduce((set, f) => space.and(set, space.not(space.has(f))), space.all);
}

const transportFields: readonly IntervalField[] = ['sport', 'dport', 'icmpType', 'icmpCode', 'spi'];

function hasField(space: BddPacketSpace, field: FieldName): PacketSet {
  if (fieldSpecs[field].kind !== 'address') return space.has(field as IntervalField);
  const zero = zeroAddress(space.codec.family);
  return space.network(field as AddressField, { address: zero, mask: zero });
}

/** Conditions that say nothing beyond what the part's other conditions imply are dropped. */
function withoutIdle(space: BddPacketSpace, part: PrintableBox): Box {
  return new Map(
    [...part.box].filter(([field, values]) => {
      if (values === TRUE) return false;
      // That there is a source port is said by its destination port, and the other way round.
      const partner = field === 'sport' ? 'dport' : field === 'dport' ? 'sport' : undefined;
      const other = partner === undefined ? undefined : part.box.get(partner);
      if (partner !== undefined && other !== undefined && values === hasField(space, field as 'sport'))
        if (field === 'sport' || other !== hasField(space, partner)) return false;
      if (!part.laterFragment || field === 'unknown') return true;
      // What marks the later fragment is said by `-f`.
      const spec = fieldSpecs[field];
      const isMark = spec.kind === 'interval' && transportFields.includes(field as IntervalField);
      return !(isMark && values === space.not(hasField(space, field)));
    }),
  );
}

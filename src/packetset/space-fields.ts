/** The part of a packet space that speaks of fields, for one copy of the header. */

import { type Address, addressBits, compareAddresses, networkRange } from '../net/address.ts';
import { invariant } from '../support/invariant.ts';
import { type Bdd, FALSE, TRUE } from './bdd.ts';
import { addressTypeIdentity, type ChoiceScope, type Unknown, type UnknownTable } from './choices.ts';
import { bitRange, codeRanges, cube, unionOf } from './code-sets.ts';
import type { Codec, Copy, FieldLayout } from './codec.ts';
import {
  addressAtom,
  type CodeRange,
  codesOf,
  codesWhere,
  labelMatches,
  nameAtom,
  nextAddress,
  numberAtom,
} from './codings.ts';
import { addressBit } from './contains.ts';
import { canonicalName, type FieldName, fieldSpecs } from './fields.ts';
import { addressTypeRanges, type Locality } from './locality.ts';
import type { PacketSet, PacketSpace } from './space.ts';

/** The parts of a space that descriptions of fields rest on. */
export interface FieldSetsOptions {
  readonly bdd: Bdd;
  readonly codec: Codec;
  readonly copy: Copy;
  readonly unknowns: UnknownTable;
  readonly scope: ChoiceScope;
  readonly locality: Locality | undefined;
}

/**
 * A packet space over one copy of the header. A boundary that the codec does not separate is a broken promise: the
 * two runs over a description must mention the same.
 */
export function createFieldSets(o: FieldSetsOptions): PacketSpace {
  const { bdd, codec, copy, unknowns } = o;
  const set = (f: number): PacketSet => f as PacketSet;

  function layoutOf(field: FieldName): FieldLayout {
    const layout = codec.fields.get(field);
    invariant(layout !== undefined, `field ${field} was not mentioned when the codec was made`);
    return layout;
  }
  const levelsOf = (layout: FieldLayout): readonly number[] => (copy === 'entry' ? layout.entry : layout.now);
  const fromCodes = (layout: FieldLayout, runs: readonly CodeRange[]): PacketSet =>
    set(codeRanges(bdd, levelsOf(layout), runs));

  function interval(field: FieldName, low: number, high: number): PacketSet {
    const layout = layoutOf(field);
    const { coding } = layout;
    invariant(coding.kind === 'numbers', `field ${field} is not compared by interval`);
    const last = Math.min(high, coding.max);
    const start = Math.max(low, 0);
    if (start > last) return set(FALSE);
    const { atoms } = coding;
    const i = numberAtom(atoms, start);
    const j = numberAtom(atoms, last);
    invariant(
      atoms.values[i] === start && (atoms.values[j + 1] ?? coding.max + 1) === last + 1,
      `no atoms end at ${low} and ${high} of field ${field}`,
    );
    return fromCodes(layout, [codesOf(atoms, i, j)]);
  }

  function addressRange(field: FieldName, low: Address, high: Address): PacketSet {
    const layout = layoutOf(field);
    const { coding } = layout;
    if (low.family !== codec.family || compareAddresses(low, high) > 0) return set(FALSE);
    if (coding.kind === 'rawAddress') {
      const bits = addressBits(coding.family);
      const lead = coding.hasAbsent ? [1] : [];
      const bitsOf = (a: Address): number[] => [
        ...lead,
        ...Array.from({ length: bits }, (_, i) => addressBit(a, i)),
      ];
      return set(bitRange(bdd, levelsOf(layout), bitsOf(low), bitsOf(high)));
    }
    invariant(coding.kind === 'addresses', `field ${field} holds no addresses`);
    const { atoms } = coding;
    const i = addressAtom(atoms, low);
    const j = addressAtom(atoms, high);
    const first = atoms.values[i];
    const next = nextAddress(high);
    const following = atoms.values[j + 1];
    const ends =
      next === undefined
        ? following === undefined
        : following !== undefined && compareAddresses(following, next) === 0;
    invariant(
      first !== undefined && compareAddresses(first, low) === 0 && ends,
      `no atoms end at the range of field ${field}`,
    );
    return fromCodes(layout, [codesOf(atoms, i, j)]);
  }

  const variable = (unknown: Unknown, identity: string): number =>
    bdd.variable(unknowns.variable(unknown, identity).level);

  function addressType(field: 'src' | 'dst', type: string): PacketSet {
    const { yes, known, singled } = addressTypeRanges(o.locality, type);
    const rangesOf = (list: readonly { readonly low: Address; readonly high: Address }[]): number =>
      unionOf(
        bdd,
        list.map((r) => addressRange(field, r.low, r.high)),
      );
    let result = rangesOf(yes);
    let rest = bdd.not(rangesOf(known));
    for (const address of singled) {
      const here = addressRange(field, address, address);
      const isOfType = variable(
        { kind: 'addressOfType', type, address },
        addressTypeIdentity(type, address, o.locality?.machine),
      );
      result = bdd.or(result, bdd.and(here, isOfType));
      rest = bdd.diff(rest, here);
    }
    if (rest === FALSE) return set(result);
    const identity = o.scope.identity(
      {
        kind: 'pure',
        key: `addressType ${type} ${field} ${o.locality?.machine ?? ''}`.trimEnd(),
        reads: [field],
      },
      copy,
    );
    return set(bdd.or(result, bdd.and(rest, variable({ kind: 'fieldOfType', type, field }, identity))));
  }

  const space: PacketSpace = {
    all: set(TRUE),
    none: set(FALSE),
    and: (a, b) => set(bdd.and(a, b)),
    or: (a, b) => set(bdd.or(a, b)),
    not: (a) => set(bdd.not(a)),
    interval,
    bits: (field, value, mask) => {
      if ((value & ~mask) !== 0) return set(FALSE);
      const layout = layoutOf(field);
      const { coding } = layout;
      invariant(coding.kind === 'bits', `field ${field} is not compared under masks`);
      const levels = levelsOf(layout);
      const literals: [number, number][] = [];
      for (let bit = 0; bit < 32; bit++) {
        if (((mask >>> bit) & 1) === 0) continue;
        const level = levels[coding.bitNumbers.indexOf(bit)];
        invariant(level !== undefined, `bit ${bit} of field ${field} has no variable`);
        literals.push([level, (value >>> bit) & 1]);
      }
      return set(cube(bdd, literals));
    },
    network: (field, net) => {
      const ends = networkRange(net);
      if (ends !== undefined) return addressRange(field, ends.low, ends.high);
      if (net.address.family !== codec.family) return set(FALSE);
      const layout = layoutOf(field);
      const { coding } = layout;
      invariant(coding.kind === 'rawAddress', `field ${field} is not encoded bit by bit`);
      const levels = levelsOf(layout);
      const skip = coding.hasAbsent ? 1 : 0;
      const literals: [number, number][] = coding.hasAbsent ? [[levels[0] as number, 1]] : [];
      for (let bit = 0; bit < addressBits(codec.family); bit++) {
        if (addressBit(net.mask, bit) === 1) {
          literals.push([levels[bit + skip] as number, addressBit(net.address, bit)]);
        }
      }
      return set(cube(bdd, literals));
    },
    addresses: (field, range) => addressRange(field, range.low, range.high),
    interface: (direction, pattern) => {
      const layout = layoutOf(direction === 'in' ? 'inInterface' : 'outInterface');
      invariant(layout.coding.kind === 'interfaces', 'interfaces are encoded by name');
      return fromCodes(
        layout,
        codesWhere(layout.coding.atoms, (label) => labelMatches(label, pattern)),
      );
    },
    named: (field, value) => {
      const layout = layoutOf(field);
      invariant(layout.coding.kind === 'names', `field ${field} has no names`);
      const { atoms } = layout.coding;
      const i = nameAtom(atoms, canonicalName(field, value));
      const label = atoms.values[i];
      // A closed list holds all values that there are.
      if (label === undefined) return set(FALSE);
      invariant(label.kind === 'value', `value ${value} of field ${field} has no atom`);
      return fromCodes(layout, [codesOf(atoms, i, i)]);
    },
    has: (field) => {
      const spec = fieldSpecs[field];
      const layout = layoutOf(field);
      const { coding } = layout;
      if (spec.kind === 'interval') return interval(field, 0, spec.max);
      invariant(coding.kind === 'names', `field ${field} is always there`);
      return fromCodes(layout, [codesOf(coding.atoms, 0, coding.atoms.values.length - 1)]);
    },
    tracked: () =>
      set(
        unionOf(
          bdd,
          ['NEW', 'ESTABLISHED', 'RELATED'].map((state) => space.named('ctState', state)),
        ),
      ),
    addressType,
    choice: (choice) => set(variable({ kind: 'choice', choice }, o.scope.identity(choice, copy))),
  };
  return space;
}

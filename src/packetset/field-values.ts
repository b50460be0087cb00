/** Reads the values of one field back out of a condition on it. */

import {
  type Address,
  type AddressRange,
  addressBits,
  ipv4,
  ipv6,
  type Network,
  network,
} from '../net/address.ts';
import { invariant } from '../support/invariant.ts';
import { FALSE, TRUE } from './bdd.ts';
import { codesIn, coverByBoxes } from './boxes.ts';
import {
  type Atoms,
  atomOfCode,
  type Coding,
  type InterfaceLabel,
  type NameLabel,
  previousAddress,
} from './codings.ts';
import type { FieldName } from './fields.ts';
import type { PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';

/** `absent`: packets without the field are among them. Lists are ascending, disjoint, and never touch. */
export type FieldValues =
  | {
      readonly kind: 'numbers';
      readonly absent: boolean;
      readonly intervals: readonly (readonly [low: number, high: number])[];
      readonly max: number;
    }
  | { readonly kind: 'addresses'; readonly absent: boolean; readonly ranges: readonly AddressRange[] }
  /** One network under any mask. */
  | { readonly kind: 'maskedAddress'; readonly absent: boolean; readonly network: Network }
  | {
      readonly kind: 'names';
      readonly absent: boolean;
      readonly labels: readonly NameLabel[];
      readonly all: readonly NameLabel[];
    }
  | {
      readonly kind: 'interfaces';
      readonly labels: readonly InterfaceLabel[];
      readonly all: readonly InterfaceLabel[];
    }
  /** In one of the cubes, which is to say in none of the excluded ones. */
  | { readonly kind: 'bits'; readonly cubes: readonly BitCube[]; readonly excluded: readonly BitCube[] };

/** (field & mask) == value, unsigned. */
export interface BitCube {
  readonly mask: number;
  readonly value: number;
}

type AtomCoding = Exclude<Coding, { kind: 'bits' | 'rawAddress' }>;

/**
 * The values that a condition on this field alone allows. Conditions on addresses that are encoded bit by bit must
 * be products of single bits, as those of boxes are.
 */
export function fieldValues(space: BddPacketSpace, field: FieldName, values: PacketSet): FieldValues {
  const layout = space.codec.fields.get(field);
  invariant(layout !== undefined, `field ${field} is not in use`);
  const { coding, now } = layout;
  if (coding.kind === 'bits') {
    const cubesOf = (set: PacketSet): BitCube[] =>
      coverByBoxes(space, set, set, 2 ** now.length, { bitwise: true }).boxes.map((box) => {
        let mask = 0;
        let value = 0;
        for (const [i, bit] of literalsOf(space, now, box.get(field) ?? space.all)) {
          const n = coding.bitNumbers[i] as number;
          mask |= 1 << n;
          value |= bit << n;
        }
        return { mask: mask >>> 0, value: value >>> 0 };
      });
    return { kind: 'bits', cubes: cubesOf(values), excluded: cubesOf(space.not(values)) };
  }
  if (coding.kind === 'rawAddress') {
    const skip = coding.hasAbsent ? 1 : 0;
    const words = { value: [0, 0, 0, 0], mask: [0, 0, 0, 0] };
    let absent = coding.hasAbsent;
    const offset = 128 - addressBits(coding.family);
    for (const [i, bit] of literalsOf(space, now, values)) {
      if (i < skip) {
        absent = bit === 0;
        continue;
      }
      const at = offset + i - skip;
      const word = at >>> 5;
      const place = 31 - (at & 31);
      words.mask[word] = ((words.mask[word] as number) | (1 << place)) >>> 0;
      words.value[word] = ((words.value[word] as number) | (bit << place)) >>> 0;
    }
    const address = (w: readonly number[]): Address =>
      coding.family === 'ipv4' ? ipv4(w[3] as number) : ipv6(...(w as [number, number, number, number]));
    return { kind: 'maskedAddress', absent, network: network(address(words.value), address(words.mask)) };
  }
  return atomValues(space, now, coding, values);
}

/** Which variables (by their place among `levels`) the product fixes, and how. */
function literalsOf(space: BddPacketSpace, levels: readonly number[], values: PacketSet): [number, 0 | 1][] {
  const literals: [number, 0 | 1][] = [];
  let f = values;
  for (const [i, level] of levels.entries()) {
    if (space.diagram.topLevel(f) !== level) continue;
    const high = space.diagram.cofactor(f, level, 1);
    const bit = high === FALSE ? 0 : 1;
    literals.push([i, bit]);
    f = bit === 1 ? high : space.diagram.cofactor(f, level, 0);
  }
  return literals;
}

function atomValues(
  space: BddPacketSpace,
  levels: readonly number[],
  coding: AtomCoding,
  values: PacketSet,
): FieldValues {
  const { atoms } = coding;
  const runs = values === TRUE ? [[0, 2 ** atoms.bits - 1] as const] : codesIn(space, levels, values);
  /** Indices of atoms, by runs; −1 is the absent one. */
  const spans = runs.map(
    ([low, high]) =>
      [
        atomOfCode<unknown>(atoms as Atoms<unknown>, low),
        atomOfCode<unknown>(atoms as Atoms<unknown>, high),
      ] as const,
  );
  const absent = spans.some(([first]) => first === -1);
  const present = spans
    .map(([first, last]) => [Math.max(first, 0), last] as const)
    .filter(([a, b]) => a <= b);
  switch (coding.kind) {
    case 'numbers': {
      const starts = coding.atoms.values;
      const intervals = present.map(
        ([a, b]) => [starts[a] as number, (starts[b + 1] ?? coding.max + 1) - 1] as const,
      );
      return { kind: 'numbers', absent, intervals, max: coding.max };
    }
    case 'addresses': {
      const starts = coding.atoms.values;
      const last = lastAddress(coding.family);
      const ranges = present.map(([a, b]) => {
        const next = starts[b + 1];
        return {
          low: starts[a] as Address,
          high: next === undefined ? last : (previousAddress(next) ?? last),
        };
      });
      return { kind: 'addresses', absent, ranges };
    }
    case 'names':
      return {
        kind: 'names',
        absent,
        labels: listed(coding.atoms.values, present),
        all: coding.atoms.values,
      };
    case 'interfaces':
      return { kind: 'interfaces', labels: listed(coding.atoms.values, present), all: coding.atoms.values };
  }
}

const listed = <V>(values: readonly V[], spans: readonly (readonly [number, number])[]): V[] =>
  spans.flatMap(([a, b]) => values.slice(a, b + 1));

function lastAddress(family: 'ipv4' | 'ipv6'): Address {
  const ones = 0xffff_ffff;
  return family === 'ipv4' ? ipv4(ones) : ipv6(ones, ones, ones, ones);
}

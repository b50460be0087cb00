/** How large a set is: exactly, and as a share. */

import { type Address, addressBits, addressToBigInt } from '../net/address.ts';
import { FALSE, TRUE } from './bdd.ts';
import type { FieldLayout } from './codec.ts';
import { atomOfCode, type Coding } from './codings.ts';
import type { FieldName } from './fields.ts';
import type { PacketSet } from './space.ts';
import type { BddPacketSpace } from './space-bdd.ts';

/**
 * How many values have codes below a given one. Only the first code of an atom counts: the others stand for the same
 * values.
 */
function weightsBelow(coding: Exclude<Coding, { kind: 'bits' | 'rawAddress' }>): (code: number) => bigint {
  const { atoms } = coding;
  const skip = atoms.hasAbsent ? 1 : 0;
  const sums: bigint[] = [0n];
  for (let n = 0; n + 1 < atoms.firstCodes.length; n++)
    sums.push((sums[n] as bigint) + weightOf(coding, n - skip));
  return (code) => (code === 0 ? 0n : (sums[atomOfCode<unknown>(atoms, code - 1) + skip + 1] as bigint));
}

/** Values in one atom; names and absence count as one each. */
function weightOf(coding: Exclude<Coding, { kind: 'bits' | 'rawAddress' }>, i: number): bigint {
  if (i < 0) return 1n;
  if (coding.kind === 'numbers') {
    const starts = coding.atoms.values;
    return BigInt((starts[i + 1] ?? coding.max + 1) - (starts[i] as number));
  }
  if (coding.kind === 'addresses') {
    const starts = coding.atoms.values;
    const next = starts[i + 1];
    const end = next === undefined ? 1n << BigInt(addressBits(coding.family)) : addressToBigInt(next);
    return end - addressToBigInt(starts[i] as Address);
  }
  return 1n;
}

/** Counts sets over a fixed list of fields. */
export interface Measure {
  /**
   * How many combinations of values of these fields are in the set. A name that nobody mentioned counts as one.
   * The set must not depend on anything else; linear in nodes times atoms.
   */
  count(set: PacketSet): bigint;
  /** count(set) / count(whole), between 0 and 1. */
  share(set: PacketSet, whole: PacketSet): number;
}

/** Measures sets over these fields (by default all in use), by the header now. Interleaved fields count apart. */
export function createMeasure(space: BddPacketSpace, over?: readonly FieldName[]): Measure {
  const layouts = [...space.codec.fields.values()].filter(
    (l) => over === undefined || over.includes(l.field),
  );
  /** Fields that are counted code by code. */
  const weights = new Map(
    layouts.flatMap(({ field, coding }) =>
      coding.kind === 'bits' || coding.kind === 'rawAddress' ? [] : [[field, weightsBelow(coding)] as const],
    ),
  );

  function count(set: PacketSet): bigint {
    const known = layouts.map(() => new Map<PacketSet, bigint>());
    const field = (index: number, f: PacketSet): bigint => {
      if (f === FALSE) return 0n;
      const layout = layouts[index];
      if (layout === undefined) return f === TRUE ? 1n : 0n;
      let sum = known[index]?.get(f);
      if (sum === undefined) {
        const below = weights.get(layout.field);
        sum = below === undefined ? bits(layout, index, 0, f) : codes(layout, index, below, 0, 0, f);
        known[index]?.set(f, sum);
      }
      return sum;
    };
    // Bit by bit, every code is one value: what lies below a node counts the same wherever the node is come to.
    const below = layouts.map(() => new Map<number, bigint>());
    const bits = (layout: FieldLayout, index: number, bit: number, f: PacketSet): bigint => {
      if (f === FALSE) return 0n;
      const levels = layout.now;
      const top = space.diagram.topLevel(f);
      let at = bit;
      while (at < levels.length && (levels[at] as number) < top) at++;
      const skipped = 1n << BigInt(at - bit);
      if (at === levels.length) return skipped * field(index + 1, f);
      const level = levels[at] as number;
      const place = f * 256 + at;
      let sum = below[index]?.get(place);
      if (sum === undefined) {
        sum =
          bits(layout, index, at + 1, space.diagram.cofactor(f, level, 0)) +
          bits(layout, index, at + 1, space.diagram.cofactor(f, level, 1));
        below[index]?.set(place, sum);
      }
      return skipped * sum;
    };
    const codes = (
      layout: FieldLayout,
      index: number,
      below: (code: number) => bigint,
      bit: number,
      prefix: number,
      f: PacketSet,
    ): bigint => {
      if (f === FALSE) return 0n;
      const levels = layout.now;
      const last = levels.at(-1) ?? -1;
      if (bit === levels.length || space.diagram.topLevel(f) > last) {
        const left = levels.length - bit;
        const weight = below((prefix + 1) * 2 ** left) - below(prefix * 2 ** left);
        return weight === 0n ? 0n : weight * field(index + 1, f);
      }
      const level = levels[bit] as number;
      return (
        codes(layout, index, below, bit + 1, prefix * 2, space.diagram.cofactor(f, level, 0)) +
        codes(layout, index, below, bit + 1, prefix * 2 + 1, space.diagram.cofactor(f, level, 1))
      );
    };
    return set < 0 ? 0n : field(0, set);
  }

  return {
    count,
    share: (set, whole) => {
      const all = count(whole);
      if (all === 0n) return 0;
      // Thirty decimal places survive the division before it becomes a double.
      const scale = 10n ** 30n;
      return Number((count(set) * scale) / all) / 1e30;
    },
  };
}

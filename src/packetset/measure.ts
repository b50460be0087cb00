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

/** Fields that are counted at one go. */
interface Part {
  /** Ascending. */
  readonly levels: readonly number[];
  /** Of a field that is counted code by code; else every code is one value. */
  readonly below: ((code: number) => bigint) | undefined;
}

/**
 * The parts, from the first level on. Bit by bit, fields whose levels alternate are one part: apart, the first of them
 * would take as many steps as it has values.
 */
function partsOf(layouts: readonly FieldLayout[]): readonly Part[] {
  const parts: { levels: number[]; readonly below: Part['below'] }[] = [];
  for (const { coding, now } of layouts) {
    const bitwise = coding.kind === 'bits' || coding.kind === 'rawAddress';
    const [first = 0] = now;
    const open = bitwise
      ? parts.find((part) => part.below === undefined && first < (part.levels.at(-1) ?? -1))
      : undefined;
    if (open !== undefined) open.levels = [...open.levels, ...now].sort((a, b) => a - b);
    else parts.push({ levels: [...now], below: bitwise ? undefined : weightsBelow(coding) });
  }
  return parts;
}

/** Measures sets over these fields (by default all in use), by the header now. */
export function createMeasure(space: BddPacketSpace, over?: readonly FieldName[]): Measure {
  const layouts = [...space.codec.fields.values()].filter(
    (l) => over === undefined || over.includes(l.field),
  );
  const parts = partsOf(layouts);

  function count(set: PacketSet): bigint {
    const known = parts.map(() => new Map<PacketSet, bigint>());
    const field = (index: number, f: PacketSet): bigint => {
      if (f === FALSE) return 0n;
      const part = parts[index];
      if (part === undefined) return f === TRUE ? 1n : 0n;
      let sum = known[index]?.get(f);
      if (sum === undefined) {
        sum =
          part.below === undefined ? bits(part, index, 0, f) : codes(part.levels, index, part.below, 0, 0, f);
        known[index]?.set(f, sum);
      }
      return sum;
    };
    // Bit by bit, every code is one value: what lies below a node counts the same wherever the node is come to.
    const below = parts.map(() => new Map<number, bigint>());
    const bits = (part: Part, index: number, bit: number, f: PacketSet): bigint => {
      if (f === FALSE) return 0n;
      const { levels } = part;
      const top = space.diagram.topLevel(f);
      let at = bit;
      while (at < levels.length && (levels[at] as number) < top) at++;
      const skipped = 1n << BigInt(at - bit);
      if (at === levels.length) return skipped * field(index + 1, f);
      const level = levels[at] as number;
      const place = f * 1024 + at;
      let sum = below[index]?.get(place);
      if (sum === undefined) {
        sum =
          bits(part, index, at + 1, space.diagram.cofactor(f, level, 0)) +
          bits(part, index, at + 1, space.diagram.cofactor(f, level, 1));
        below[index]?.set(place, sum);
      }
      return skipped * sum;
    };
    const codes = (
      levels: readonly number[],
      index: number,
      below: (code: number) => bigint,
      bit: number,
      prefix: number,
      f: PacketSet,
    ): bigint => {
      if (f === FALSE) return 0n;
      const last = levels.at(-1) ?? -1;
      if (bit === levels.length || space.diagram.topLevel(f) > last) {
        const left = levels.length - bit;
        const weight = below((prefix + 1) * 2 ** left) - below(prefix * 2 ** left);
        return weight === 0n ? 0n : weight * field(index + 1, f);
      }
      const level = levels[bit] as number;
      return (
        codes(levels, index, below, bit + 1, prefix * 2, space.diagram.cofactor(f, level, 0)) +
        codes(levels, index, below, bit + 1, prefix * 2 + 1, space.diagram.cofactor(f, level, 1))
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

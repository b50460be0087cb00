/** What targets do to marks and other fields that are encoded bit by bit, done to whole sets. */

import type { AddressRange } from '../net/address.ts';
import { type Bdd, FALSE } from './bdd.ts';
import { type Cofactors, exists, type VariableSet, variableSet } from './bdd-relations.ts';
import { cube } from './code-sets.ts';
import type { FieldLayout } from './codec.ts';
import { addressBit } from './contains.ts';

/** Changes of bits of the header now; bits that are not in use are passed over. */
export interface BitChanges {
  /** field = ((field & ~clear) ^ xor) | or. */
  change(f: number, field: FieldLayout, clear: number, xor: number, or: number): number;
  /**
   * to = (to & ~toMask) ^ (from & fromMask). Where a bit is kept and xored with the other field's, its value
   * afterwards is left open.
   */
  copy(f: number, to: FieldLayout, from: FieldLayout, toMask: number, fromMask: number): number;
  /** The bits in which both ends of the range agree become theirs; the field must be encoded bit by bit. */
  prefix(f: number, field: FieldLayout, range: AddressRange): number;
}

/** Level of each bit in use, by its number. */
function levelsByBit({ coding, now }: FieldLayout): ReadonlyMap<number, number> {
  const map = new Map<number, number>();
  if (coding.kind === 'bits')
    for (const [i, bit] of coding.bitNumbers.entries()) map.set(bit, now[i] as number);
  return map;
}

const has = (mask: number, bit: number): boolean => ((mask >>> bit) & 1) === 1;

/** Keeps the quantified groups of variables, since results are cached by them. */
export function createBitChanges(bdd: Bdd, { cofactor }: Pick<Cofactors, 'cofactor'>): BitChanges {
  const groups = new Map<string, VariableSet>();
  const forget = (f: number, levels: readonly number[]): number => {
    if (levels.length === 0) return f;
    const key = levels.join(' ');
    let group = groups.get(key);
    if (group === undefined) {
      group = variableSet(bdd, levels);
      groups.set(key, group);
    }
    return exists(bdd, f, group);
  };

  return {
    change: (f, field, clear, xor, or) => {
      const fixed: [level: number, value: number][] = [];
      let result = f;
      for (const [bit, level] of levelsByBit(field)) {
        if (has(or, bit)) fixed.push([level, 1]);
        else if (has(clear, bit)) fixed.push([level, has(xor, bit) ? 1 : 0]);
        else if (has(xor, bit))
          result = bdd.ite(bdd.variable(level), cofactor(result, level, 0), cofactor(result, level, 1));
      }
      if (fixed.length === 0) return result;
      return bdd.and(
        forget(
          result,
          fixed.map(([level]) => level),
        ),
        cube(bdd, fixed),
      );
    },
    copy: (f, to, from, toMask, fromMask) => {
      const source = levelsByBit(from);
      const open: number[] = [];
      let values = 1;
      for (const [bit, level] of levelsByBit(to)) {
        const wiped = has(toMask, bit);
        const taken = has(fromMask, bit);
        if (!wiped && !taken) continue;
        open.push(level);
        if (!wiped) continue;
        const other = taken ? source.get(bit) : undefined;
        // A bit of the other field that nobody reads has no variable: its value is open.
        if (taken && other === undefined) continue;
        const value = other === undefined ? FALSE : bdd.variable(other);
        values = bdd.and(values, bdd.not(bdd.xor(bdd.variable(level), value)));
      }
      return bdd.and(forget(f, open), values);
    },
    prefix: (f, { coding, now }, { low, high }) => {
      if (coding.kind !== 'rawAddress') return f;
      const skip = coding.hasAbsent ? 1 : 0;
      const fixed: [level: number, value: number][] = [];
      for (let bit = 0; bit + skip < now.length; bit++) {
        const value = addressBit(low, bit);
        if (value === addressBit(high, bit)) fixed.push([now[bit + skip] as number, value]);
      }
      return bdd.and(
        forget(
          f,
          fixed.map(([level]) => level),
        ),
        cube(bdd, fixed),
      );
    },
  };
}

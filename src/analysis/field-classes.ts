/** Sets taken apart by one field: which values of it lead to the same set of everything else. */

import { addressListLength, addressWords } from '../packetset/address-words.ts';
import { fieldValues } from '../packetset/field-values.ts';
import type { FieldName } from '../packetset/fields.ts';
import { type OptionText, optionTexts } from '../packetset/option-texts.ts';
import { roundings } from '../packetset/roundings.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';

/** Values of a field that are alike. */
export interface FieldClass {
  /** The condition on the field. */
  readonly values: PacketSet;
  /** What the set is there, without the field. */
  readonly rest: PacketSet;
}

/** The classes of a field, each other set once, empty ones left out. Costs what the diagram above the field costs. */
export function fieldClasses(space: BddPacketSpace, set: PacketSet, field: FieldName): readonly FieldClass[] {
  const layout = space.codec.fields.get(field);
  if (layout === undefined) return set === space.none ? [] : [{ values: space.all, rest: set }];
  const levels = layout.now;
  const runs = new Map<PacketSet, [number, number][]>();
  const visit = (bit: number, prefix: number, rest: PacketSet): void => {
    if (rest === space.none) return;
    // What is forgotten makes no difference where the set does not depend on it.
    if (bit === levels.length || space.forget(rest, [field]) === rest) {
      const width = 2 ** (levels.length - bit);
      const list = runs.get(rest) ?? [];
      runs.set(rest, list);
      const low = prefix * width;
      const last = list.at(-1);
      if (last !== undefined && last[1] === low - 1) last[1] = low + width - 1;
      else list.push([low, low + width - 1]);
      return;
    }
    for (const value of [0, 1] as const) {
      const branch = space.diagram.cofactor(rest, levels[bit] as number, value);
      visit(bit + 1, prefix * 2 + value, branch);
    }
  };
  visit(0, 0, set);
  return [...runs].map(([rest, list]) => ({ values: space.diagram.codes(levels, list), rest }));
}

/** A field's condition in numbers, both ends included; absence left out. */
export function numbersOf(
  space: BddPacketSpace,
  field: FieldName,
  values: PacketSet,
): readonly (readonly [low: number, high: number])[] {
  if (!space.codec.fields.has(field)) return [];
  const v = fieldValues(space, field, values);
  return v.kind === 'numbers' ? v.intervals : [];
}

/**
 * A list of addresses (networks, `LOW-HIGH`, `NETWORK but THIS and THAT`), or all but those; nothing listed: all of them.
 */
export interface AddressList {
  readonly negated: boolean;
  readonly texts: readonly string[];
}

/** No condition. */
export const anyAddress: AddressList = { negated: true, texts: [] };

/** Addresses that a condition allows, among `possible` ones: said as briefly as can be. */
export function addressesSaid(
  space: BddPacketSpace,
  field: 'src' | 'dst',
  values: PacketSet,
  possible: PacketSet,
): AddressList {
  if (space.implies(possible, values)) return anyAddress;
  const said = roundings(space, field, values, possible).map((set) => {
    const v = fieldValues(space, field, set);
    return v.kind === 'addresses'
      ? addressWords(v.ranges, space.codec.family)
      : { negated: false, texts: optionTexts(field, v, space.codec.family) };
  });
  return said.reduce((best, list) =>
    addressListLength(list.texts) < addressListLength(best.texts) ? list : best,
  );
}

/** Any other condition in match options. */
export function conditionSaid(
  space: BddPacketSpace,
  field: FieldName,
  values: PacketSet,
): readonly OptionText[] {
  return optionTexts(field, fieldValues(space, field, values), space.codec.family);
}

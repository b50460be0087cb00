/** Conditions that many matches share: a number in a range, with its `!`. */

import { complementIf, type IntervalField, type PacketSet, type PacketSpace } from '../packetset/space.ts';
import type { BoundOption } from './define.ts';
import type { NumberRange } from './option-types.ts';

/** An inclusive range and its `!`. A reversed range holds nothing. */
export interface RangeCondition extends NumberRange {
  readonly negated: boolean;
}

/** The condition of an option that was given. */
export function rangeCondition(bound: BoundOption<NumberRange> | undefined): RangeCondition | undefined {
  return bound && { low: bound.value.low, high: bound.value.high, negated: bound.negated };
}

/** Whether a number meets the condition. */
export function meetsRange(c: RangeCondition, value: number): boolean {
  return (value >= c.low && value <= c.high) !== c.negated;
}

/** The packets whose field meets the condition; negated, those without the field as well. */
export function rangePackets(space: PacketSpace, field: IntervalField, c: RangeCondition): PacketSet {
  const inside = c.low > c.high ? space.none : space.interval(field, c.low, c.high);
  return complementIf(c.negated, space, inside);
}

/** Ranges of 32 bits, open at both ends: SPIs, identifications of fragments. */

import { type RangeCondition, rangeCondition } from './conditions.ts';
import type { BoundOption, PrintContext } from './define.ts';
import { integerRange, type NumberRange, numberRangeText } from './option-types.ts';
import { option } from './printed-words.ts';

const max = 0xffffffff;

/** `n`, `a:b`, `a:`, `:b`, `:`; a reversed range is taken and matches nothing. */
export const u32Range = integerRange(max);

const isFull = (c: RangeCondition): boolean => c.low === 0 && c.high === max;

/** The condition of an option that was given; a full range that is not negated is no condition. */
export function u32Condition(bound: BoundOption<NumberRange> | undefined): RangeCondition | undefined {
  const c = rangeCondition(bound);
  return c && isFull(c) && !c.negated ? undefined : c;
}

/** The option as iptables-save prints it: full ranges are left out, 1.8.9 does so even with inverted ones. */
export function printU32Range(
  name: string,
  c: RangeCondition | undefined,
  context: PrintContext,
): readonly string[] {
  if (!c || (isFull(c) && !context.keepMeaning)) return [];
  return [option(name, numberRangeText(c), c.negated)];
}

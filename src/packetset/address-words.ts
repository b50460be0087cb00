/** Ranges of addresses as people list them: as networks, networks with exceptions, ranges. */

import {
  type Address,
  type AddressRange,
  addressBits,
  compareAddresses,
  type Family,
  maskAddress,
  type Network,
  network,
  networkContains,
  networkRange,
  prefixMask,
  sameAddress,
} from '../net/address.ts';
import { addressText, networkTextShort } from '../net/address-text.ts';
import { nextAddress, previousAddress } from './codings.ts';

/** The length of the largest network that begins with `start` and ends at `last` or before. */
function longestFrom(start: Address, last: Address): number {
  if (start.family === 'ipv4') {
    // By arithmetic: descriptions ask for thousands.
    const room = last.w3 - start.w3 + 1;
    const roomBits = room > 0xffffffff ? 32 : 31 - Math.clz32(room);
    const alignedBits = start.w3 === 0 ? 32 : 31 - Math.clz32(start.w3 & -start.w3);
    return 32 - Math.min(roomBits, alignedBits);
  }
  const fits = (length: number): boolean => {
    const mask = prefixMask(start.family, length);
    if (!sameAddress(maskAddress(start, mask), start)) return false;
    const ends = networkRange({ address: start, mask });
    return ends !== undefined && compareAddresses(ends.high, last) <= 0;
  };
  let length = addressBits(start.family) as number;
  while (length > 0 && fits(length - 1)) length--;
  return length;
}

/** The prefixes that make up a range, in its order; the first `max` of them. */
export function prefixesOf(
  range: AddressRange,
  max = 256,
): { readonly address: Address; readonly mask: Address }[] {
  const { family } = range.low;
  const list: { address: Address; mask: Address }[] = [];
  let low: Address | undefined = range.low;
  while (list.length < max && low !== undefined && compareAddresses(low, range.high) <= 0) {
    const length = longestFrom(low, range.high);
    const mask = prefixMask(family, length);
    list.push({ address: low, mask });
    low = nextAddress((networkRange({ address: low, mask }) as AddressRange).high);
  }
  return list;
}

/** Ranges as networks where few make them up, the others as they are. */
export function addressPieces(ranges: readonly AddressRange[]): {
  networks: string[];
  ranges: AddressRange[];
} {
  const networks: string[] = [];
  const rest: AddressRange[] = [];
  for (const range of ranges) {
    const prefixes = prefixesOf(range, 3);
    if (prefixes.length <= 2) networks.push(...prefixes.map(networkTextShort));
    else rest.push(range);
  }
  return { networks, ranges: rest };
}

/** The addresses between these ranges, within all of the family. The ranges ascend. */
export function addressGaps(ranges: readonly AddressRange[], family: Family): AddressRange[] {
  const list: AddressRange[] = [];
  const mask = prefixMask(family, 0);
  const every = networkRange({ address: mask, mask }) as AddressRange;
  let from: Address | undefined = every.low;
  for (const { low, high } of ranges) {
    const before = previousAddress(low);
    if (from !== undefined && before !== undefined && compareAddresses(from, before) <= 0) {
      list.push({ low: from, high: before });
    }
    from = nextAddress(high);
  }
  if (from !== undefined) list.push({ low: from, high: every.high });
  return list;
}

/** `LOW-HIGH`. */
export const rangeOf = (r: AddressRange): string => `${addressText(r.low)}-${addressText(r.high)}`;

/** What a list of such texts costs its reader: addresses and words, two addresses for a range. */
export const addressListLength = (texts: readonly string[]): number => texts.join(' ').split(/[ -]/).length;

/** Longer lists are not searched for networks with exceptions. */
const exceptionsSearchedMax = 64;

/** The smallest network that holds both. */
function commonNetwork(a: Address, b: Address): Network {
  let length = 0;
  const bits = addressBits(a.family);
  const ofLength = (n: number): Network => network(a, prefixMask(a.family, n));
  while (length < bits && networkContains(ofLength(length + 1), b)) length++;
  return ofLength(length);
}

/** These neighbouring ranges as one network but for what is not in them. */
function networkWithExceptions(ranges: readonly AddressRange[]): string | undefined {
  const [first, last] = [ranges[0], ranges.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const net = commonNetwork(first.low, last.high);
  const ends = networkRange(net) as AddressRange;
  const gaps = addressGaps(ranges, first.low.family)
    .map(({ low, high }) => ({
      low: compareAddresses(low, ends.low) < 0 ? ends.low : low,
      high: compareAddresses(high, ends.high) > 0 ? ends.high : high,
    }))
    .filter(({ low, high }) => compareAddresses(low, high) <= 0);
  const pieces = addressPieces(gaps);
  const texts = [...pieces.networks, ...pieces.ranges.map(rangeOf)];
  return texts.length === 0 ? undefined : `${networkTextShort(net)} but ${texts.join(' and ')}`;
}

/** Ranges one by one, or several at once as a network with exceptions: whatever is shortest to read. */
function shortestAddresses(ranges: readonly AddressRange[]): readonly string[] {
  const plain = (some: readonly AddressRange[]): readonly string[] => {
    const { networks, ranges: rest } = addressPieces(some);
    return [...networks, ...rest.map(rangeOf)];
  };
  if (ranges.length > exceptionsSearchedMax) return plain(ranges);
  /** By how many ranges from the last on are said. */
  let best: readonly (readonly string[])[] = [[]];
  for (let from = ranges.length - 1; from >= 0; from--) {
    let shortest = [...plain(ranges.slice(from, from + 1)), ...(best[0] ?? [])];
    for (let to = from + 1; to <= ranges.length; to++) {
      const said = networkWithExceptions(ranges.slice(from, to));
      if (said === undefined) continue;
      const texts = [said, ...(best[to - from - 1] ?? [])];
      if (addressListLength(texts) <= addressListLength(shortest)) shortest = texts;
    }
    best = [shortest, ...best];
  }
  return best[0] ?? [];
}

/**
 * Ranges as people list them: networks, `LOW-HIGH`, and `NETWORK but THIS and THAT`; `negated`: all addresses but these.
 */
export function addressWords(
  ranges: readonly AddressRange[],
  family: Family,
): { readonly negated: boolean; readonly texts: readonly string[] } {
  const yes = shortestAddresses(ranges);
  const pieces = addressPieces(addressGaps(ranges, family));
  const no = [...pieces.networks, ...pieces.ranges.map(rangeOf)];
  const negated = no.length === 0 || addressListLength(no) < addressListLength(yes);
  return { negated, texts: negated ? no : yes };
}

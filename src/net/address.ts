/**
 * IP addresses as plain data.
 *
 * Both families share one shape so that comparisons need no case split: four unsigned 32-bit words in network
 * order, `w0` the most significant. An IPv4 address lives in `w3`, with `w0`, `w1` and `w2` zero.
 */

/** IPv4 or IPv6. */
export type Family = 'ipv4' | 'ipv6';

/** One address. Words are unsigned (`>>> 0`), most significant first; IPv4 uses `w3` alone. */
export interface Address {
  readonly family: Family;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/**
 * An address with a mask, as netfilter keeps it: the mask need not be a prefix (`10.0.0.0/255.0.255.0`).
 * `address` has no bits outside of `mask`.
 */
export interface Network {
  readonly address: Address;
  readonly mask: Address;
}

/** An inclusive range of addresses of one family. */
export interface AddressRange {
  readonly low: Address;
  readonly high: Address;
}

/** Builds an IPv4 address from an unsigned 32-bit number (first octet in the highest bits). */
export function ipv4(value: number): Address {
  return { family: 'ipv4', w0: 0, w1: 0, w2: 0, w3: value >>> 0 };
}

/** Builds an IPv6 address from four words, most significant first. */
export function ipv6(w0: number, w1: number, w2: number, w3: number): Address {
  return { family: 'ipv6', w0: w0 >>> 0, w1: w1 >>> 0, w2: w2 >>> 0, w3: w3 >>> 0 };
}

/** Number of bits of an address of this family. */
export function addressBits(family: Family): 32 | 128 {
  return family === 'ipv4' ? 32 : 128;
}

/** The address with all bits zero. */
export function zeroAddress(family: Family): Address {
  return { family, w0: 0, w1: 0, w2: 0, w3: 0 };
}

/** Equality of two addresses, family included. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0 && a.family === b.family;
}

/** Order of two addresses of one family as unsigned numbers: negative, zero or positive. */
export function compareAddresses(a: Address, b: Address): number {
  return a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3;
}

/** Bitwise AND with a mask of the same family. */
export function maskAddress(a: Address, mask: Address): Address {
  return {
    family: a.family,
    w0: (a.w0 & mask.w0) >>> 0,
    w1: (a.w1 & mask.w1) >>> 0,
    w2: (a.w2 & mask.w2) >>> 0,
    w3: (a.w3 & mask.w3) >>> 0,
  };
}

function leadingOnes(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

function makeMask(family: Family, length: number): Address {
  if (family === 'ipv4') return ipv4(leadingOnes(length));
  return ipv6(
    leadingOnes(length),
    leadingOnes(length - 32),
    leadingOnes(length - 64),
    leadingOnes(length - 96),
  );
}

/** There are few masks and many networks: each is made once. */
const prefixMasks: Readonly<Record<Family, Address[]>> = { ipv4: [], ipv6: [] };

/** The mask with `length` leading ones (0 to 32 or 128): the same object for all who ask. */
export function prefixMask(family: Family, length: number): Address {
  const made = prefixMasks[family];
  const mask = made[length] ?? makeMask(family, length);
  made[length] = mask;
  return mask;
}

/** The prefix length of a mask, or undefined where its ones are not contiguous from the left. */
export function prefixLength(mask: Address): number | undefined {
  if (mask.family === 'ipv4') {
    const hosts = ~mask.w3 >>> 0;
    return (hosts & (hosts + 1)) === 0 ? Math.clz32(hosts) : undefined;
  }
  const words = [mask.w0, mask.w1, mask.w2, mask.w3];
  let length = 0;
  let ended = false;
  for (const word of words) {
    const ones = Math.clz32(~word >>> 0);
    if (ended ? word !== 0 : leadingOnes(ones) !== word) return undefined;
    length += ones;
    if (ones < 32) ended = true;
  }
  return length;
}

/** A network from an address and a mask; host bits of the address are cleared. */
export function network(address: Address, mask: Address): Network {
  return { address: maskAddress(address, mask), mask };
}

/** The network with a prefix length; host bits of the address are cleared. */
export function prefix(address: Address, length: number): Network {
  return network(address, prefixMask(address.family, length));
}

/** Whether the network holds the address. Families must agree, else the answer is no. */
export function networkContains(net: Network, a: Address): boolean {
  const { address, mask } = net;
  return (
    (a.w3 & mask.w3) >>> 0 === address.w3 &&
    (a.w2 & mask.w2) >>> 0 === address.w2 &&
    (a.w1 & mask.w1) >>> 0 === address.w1 &&
    (a.w0 & mask.w0) >>> 0 === address.w0 &&
    a.family === address.family
  );
}

/** Whether `low` ≤ address ≤ `high`; a reversed range holds nothing. */
export function rangeContains(range: AddressRange, a: Address): boolean {
  return (
    a.family === range.low.family &&
    compareAddresses(range.low, a) <= 0 &&
    compareAddresses(a, range.high) <= 0
  );
}

/** First and last address of a network with a contiguous mask; undefined for other masks. */
export function networkRange(net: Network): AddressRange | undefined {
  if (prefixLength(net.mask) === undefined) return undefined;
  const { address: a, mask: m } = net;
  if (a.family === 'ipv4') return { low: a, high: ipv4(a.w3 | ~m.w3) };
  return { low: a, high: ipv6(a.w0 | ~m.w0, a.w1 | ~m.w1, a.w2 | ~m.w2, a.w3 | ~m.w3) };
}

/** The address as a non-negative big integer: for arithmetic that is not on a hot path. */
export function addressToBigInt(a: Address): bigint {
  return (BigInt(a.w0) << 96n) | (BigInt(a.w1) << 64n) | (BigInt(a.w2) << 32n) | BigInt(a.w3);
}

/** Inverse of {@link addressToBigInt}; bits beyond the family's width are dropped. */
export function addressFromBigInt(family: Family, value: bigint): Address {
  const word = (shift: bigint): number => Number((value >> shift) & 0xffffffffn);
  return family === 'ipv4' ? ipv4(word(0n)) : ipv6(word(96n), word(64n), word(32n), word(0n));
}

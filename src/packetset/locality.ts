/** What is known of the FIB's answers to "which type has this address?". */

import { type Address, type AddressRange, compareAddresses } from '../net/address.ts';

/**
 * Whether an address is local, broadcast and so on is for the FIB to say, never a property of an interval. What is
 * not in `known` is a Boolean: one for each address in `singled`, and one for "this packet's address" elsewhere.
 */
export interface Locality {
  /** Disjoint ranges, each with all types that its addresses have. */
  readonly known: readonly { readonly range: AddressRange; readonly types: readonly string[] }[];
  /**
   * Addresses whose Boolean is their own, the same wherever the address turns up: in a request's destination and
   * in its reply's source. Addresses that rules mention, and NAT targets. Those in `known` are passed over.
   */
  readonly singled: readonly Address[];
  /** Tells two machines apart whose addresses are not the same; absent: there is only one. */
  readonly machine?: string;
}

/** What is known of one type. */
export interface AddressTypeRanges {
  /** Ranges that are known to have the type. */
  readonly yes: readonly AddressRange[];
  /** Ranges for which the answer is known, whichever it is. */
  readonly known: readonly AddressRange[];
  /** Single addresses outside of `known`. */
  readonly singled: readonly Address[];
  /** All of these, for the collector. */
  readonly boundaries: readonly AddressRange[];
}

/** Sorts what is known by one type. Linear in `known` for each singled address. */
export function addressTypeRanges(locality: Locality | undefined, type: string): AddressTypeRanges {
  if (locality === undefined) return { yes: [], known: [], singled: [], boundaries: [] };
  const known = locality.known.map((k) => k.range);
  const within = (a: Address): boolean =>
    known.some((r) => compareAddresses(r.low, a) <= 0 && compareAddresses(a, r.high) <= 0);
  const singled = locality.singled.filter((a) => !within(a));
  return {
    yes: locality.known.filter((k) => k.types.includes(type)).map((k) => k.range),
    known,
    singled,
    boundaries: [...known, ...singled.map((a) => ({ low: a, high: a }))],
  };
}

/** What is known of the types of addresses, made ready for packet sets. */

import type { MachineFacts } from '../engine/facts.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Ruleset } from '../model/ruleset.ts';
import {
  type Address,
  type AddressRange,
  addressBits,
  compareAddresses,
  type Family,
  ipv4,
  ipv6,
  networkRange,
  prefix,
  prefixLength,
  zeroAddress,
} from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { nextAddress, previousAddress } from '../packetset/codings.ts';
import type { Locality } from '../packetset/locality.ts';
import { changesOf } from './effects.ts';

/** One stretch of addresses with the same answers. */
interface Stretch {
  readonly range: AddressRange;
  readonly types: readonly string[];
}

/**
 * Where more addresses than this would be told apart, none are. Each is a variable of its own at the end of the order,
 * and a relation between many destinations before and after NAT has them all below every pair.
 */
const singledMax = 32;

const one = (a: Address): AddressRange => ({ low: a, high: a });

function rangeOf(address: Address, length: number): AddressRange {
  return networkRange(prefix(address, length)) ?? one(address);
}

/** Addresses whose type no machine can choose. */
function fixedStretches(family: Family): Stretch[] {
  return family === 'ipv4'
    ? [
        { range: one(ipv4(0)), types: ['BROADCAST'] },
        { range: rangeOf(ipv4(0x7f000000), 8), types: ['LOCAL'] },
        { range: rangeOf(ipv4(0xe0000000), 4), types: ['MULTICAST'] },
        { range: one(ipv4(0xffffffff)), types: ['BROADCAST'] },
      ]
    : [
        { range: one(ipv6(0, 0, 0, 0)), types: ['UNSPEC'] },
        { range: one(ipv6(0, 0, 0, 1)), types: ['LOCAL', 'UNICAST'] },
        { range: rangeOf(ipv6(0xff000000, 0, 0, 0), 8), types: ['MULTICAST'] },
      ];
}

/** What the machine says of single addresses and prefixes, the more certain first. */
function toldStretches(family: Family, facts: MachineFacts): Stretch[] {
  const list: Stretch[] = [];
  const add = (range: AddressRange | undefined, ...types: string[]): void => {
    if (range !== undefined && range.low.family === family) list.push({ range, types });
  };
  for (const i of facts.interfaces.values())
    for (const a of i.addresses) {
      add(one(a.address), 'LOCAL');
      if (a.broadcast) add(one(a.broadcast), 'BROADCAST');
    }
  for (const table of facts.fib[family]?.tables.values() ?? [])
    for (const route of table.routes) {
      if (prefixLength(route.destination.mask) === 0) continue;
      // Longest prefix first. Multicast has its own stretch.
      if (route.type !== 'unicast' && route.type !== 'multicast')
        add(networkRange(route.destination), route.type.toUpperCase());
    }
  for (const [text, { local }] of facts.locality) {
    const a = parseAddress(family, text);
    if (a !== undefined) add(one(a), local ? 'LOCAL' : 'UNICAST');
  }
  return list;
}

/**
 * Cuts stretches so that none overlap: the earlier of the list wins. Sorting by their ends, then filling from the
 * first to the last; quadratic only in how many overlap at one place.
 */
function disjoint(list: readonly Stretch[]): Stretch[] {
  let done: Stretch[] = [];
  for (const { range, types } of list) {
    let low: Address | undefined = range.low;
    const parts: Stretch[] = [];
    for (const d of done) {
      if (low === undefined) break;
      if (compareAddresses(d.range.high, low) < 0) continue;
      if (compareAddresses(d.range.low, range.high) > 0) break;
      if (compareAddresses(low, d.range.low) < 0) {
        const high = previousAddress(d.range.low);
        if (high !== undefined) parts.push({ range: { low, high }, types });
      }
      low = nextAddress(d.range.high);
    }
    if (low !== undefined && compareAddresses(low, range.high) <= 0)
      parts.push({ range: { low, high: range.high }, types });
    if (parts.length > 0)
      done = [...done, ...parts].sort((a, b) => compareAddresses(a.range.low, b.range.low));
  }
  return done;
}

/** Everything that no stretch covers. */
function gaps(family: Family, list: readonly Stretch[]): AddressRange[] {
  const result: AddressRange[] = [];
  let low: Address | undefined = zeroAddress(family);
  for (const { range } of list) {
    if (low !== undefined && compareAddresses(low, range.low) < 0) {
      const high = previousAddress(range.low);
      if (high !== undefined) result.push({ low, high });
    }
    low = nextAddress(range.high);
  }
  const ones = 0xffff_ffff;
  if (low !== undefined)
    result.push({ low, high: family === 'ipv4' ? ipv4(ones) : ipv6(ones, ones, ones, ones) });
  return result;
}

/** Single addresses that rules send packets to or ask about: each is local or not on its own. */
function singledAddresses(
  rulesets: readonly Ruleset[],
  facts: MachineFacts,
  registry: Registry,
): readonly Address[] {
  const found = new Map<string, Address>();
  const add = (a: Address): void => void found.set(addressText(a), a);
  for (const ruleset of rulesets)
    for (const [, change] of changesOf(ruleset, facts.machine, registry)) {
      if (change.field !== 'nat' || change.range.addresses === undefined) continue;
      const { low, high } = change.range.addresses;
      if (compareAddresses(low, high) === 0) add(low);
    }
  for (const ruleset of rulesets)
    for (const table of ruleset.tables)
      for (const chain of table.chains)
        for (const { base } of chain.rules) {
          const dst = base.dst?.value;
          if (dst !== undefined && prefixLength(dst.mask) === addressBits(ruleset.family)) add(dst.address);
        }
  return found.size > singledMax ? [] : [...found.values()];
}

const isWithin = (list: readonly Stretch[], a: Address): boolean =>
  list.some(({ range }) => compareAddresses(range.low, a) <= 0 && compareAddresses(a, range.high) <= 0);

/**
 * What is known of each address, in the order of certainty: what holds on every machine, interfaces and routes, facts
 * with provenance. `rulesets`: those on this machine, of one family. Where the interfaces are known, every other address is known not to be local.
 */
export function localityOf(
  rulesets: readonly [Ruleset, ...Ruleset[]],
  facts: MachineFacts,
  registry: Registry,
  machine: string,
): Locality {
  const { family } = rulesets[0];
  const told = disjoint([...fixedStretches(family), ...toldStretches(family, facts)]);
  const complete = facts.interfacesKnown || facts.fib[family] !== undefined;
  const rest: Stretch[] = complete ? gaps(family, told).map((range) => ({ range, types: ['UNICAST'] })) : [];
  return {
    known: [...told, ...rest].sort((a, b) => compareAddresses(a.range.low, b.range.low)),
    // A known one is cut out by its stretch alone: the atoms of a field need not tell it from its neighbours.
    singled: complete ? [] : singledAddresses(rulesets, facts, registry).filter((a) => !isWithin(told, a)),
    ...(machine === '' ? {} : { machine }),
  };
}

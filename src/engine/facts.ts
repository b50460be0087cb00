/** A machine made ready for quick questions: sysctls, interfaces, own addresses, routing tables. */

import type { Interface, InterfaceAddress, Machine } from '../model/machine.ts';
import type { Address, Family } from '../net/address.ts';
import { prefix, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { type Fib, prepareFib } from './fib.ts';

/** See the head of this file. Made once per program. */
export interface MachineFacts {
  readonly machine: Machine;
  readonly interfaces: ReadonlyMap<string, Interface>;
  /** Whether interfaces with their addresses are known. */
  readonly interfacesKnown: boolean;
  /** Undefined where no routes are known. */
  readonly fib: Readonly<Record<Family, Fib | undefined>>;
  /** Addresses of all interfaces, by text, to the interface's name. */
  readonly ownAddresses: ReadonlyMap<string, string>;
  /** Facts about locality that stand where the FIB is not known: address text → local or not, with its source. */
  readonly locality: ReadonlyMap<string, { readonly local: boolean; readonly source: string }>;
  sysctl(name: string): string | undefined;
  /** `net.ipv4.conf.DEVICE.NAME`. */
  interfaceSysctl(device: string, name: string): string | undefined;
}

/** Settings of interfaces that are kept ready; packets may name any number of interfaces. */
const settingsMax = 4096;

const interfaceKey = (name: string): string => name.replaceAll('.', '/');

/** Indexes a machine. Linear in its routes and addresses. */
export function prepareFacts(machine: Machine): MachineFacts {
  const interfaces = new Map<string, Interface>();
  const ownAddresses = new Map<string, string>();
  for (const i of machine.interfaces.value ?? []) {
    interfaces.set(i.name, i);
    for (const a of i.addresses) ownAddresses.set(addressText(a.address), i.name);
  }
  const locality = new Map<string, { local: boolean; source: string }>();
  for (const f of machine.localAddresses)
    locality.set(addressText(f.value), { local: true, source: f.source });
  for (const f of machine.remoteAddresses)
    locality.set(addressText(f.value), { local: false, source: f.source });
  const own = (a: Address): boolean => ownAddresses.has(addressText(a));
  const routes = machine.routes.value;
  const fibOf = (family: Family): Fib | undefined =>
    routes?.some((r) => r.destination.address.family === family)
      ? prepareFib(family, routes, machine.policyRules.value, own)
      : undefined;
  const sysctls = machine.sysctls.value;
  const settings = new Map<string, Map<string, string | undefined>>();
  const interfaceSysctl = (device: string, name: string): string | undefined => {
    let own = settings.get(device);
    if (!own) {
      if (settings.size >= settingsMax) settings.clear();
      own = new Map();
      settings.set(device, own);
    }
    if (!own.has(name)) own.set(name, sysctls[`net.ipv4.conf.${interfaceKey(device)}.${name}`]);
    return own.get(name);
  };
  return {
    machine,
    interfaces,
    interfacesKnown: machine.interfaces.value !== undefined,
    fib: { ipv4: fibOf('ipv4'), ipv6: fibOf('ipv6') },
    ownAddresses,
    locality,
    sysctl: (name) => sysctls[name],
    interfaceSysctl,
  };
}

const on = (text: string | undefined): boolean => text !== undefined && Number(text) > 0;

/** IN_DEV_ORCONF: set for all interfaces or for this one. */
export function confOr(facts: MachineFacts, device: string, name: string): boolean {
  return (
    on(facts.interfaceSysctl('all', name)) ||
    on(facts.interfaceSysctl(device, name) ?? facts.interfaceSysctl('default', name))
  );
}

/** IN_DEV_ANDCONF. */
export function confAnd(facts: MachineFacts, device: string, name: string): boolean {
  return on(facts.interfaceSysctl('all', name)) && on(facts.interfaceSysctl(device, name));
}

/** IN_DEV_RPFILTER: the larger of `all` and the interface's own. */
export function reversePathFilter(facts: MachineFacts, device: string): number {
  const all = Number(facts.interfaceSysctl('all', 'rp_filter') ?? 0);
  const own = Number(
    facts.interfaceSysctl(device, 'rp_filter') ?? facts.interfaceSysctl('default', 'rp_filter') ?? 0,
  );
  return Math.max(all, own);
}

/** Whether the interface may forward IPv4 (`undefined`: nobody said). */
export function forwardsIpv4(facts: MachineFacts, device: string): boolean | undefined {
  const own = facts.interfaceSysctl(device, 'forwarding');
  if (own !== undefined) return on(own);
  const all = facts.sysctl('net.ipv4.ip_forward') ?? facts.interfaceSysctl('all', 'forwarding');
  if (all !== undefined) return on(all);
  return facts.machine.sysctls.provenance === 'given' ? false : undefined;
}

/** Whether the machine forwards IPv6: the `all` switch alone decides. */
export function forwardsIpv6(facts: MachineFacts, device?: string): boolean | undefined {
  const all = facts.sysctl('net.ipv6.conf.all.forwarding');
  if (on(all)) return true;
  if (device !== undefined && on(facts.sysctl(`net.ipv6.conf.${interfaceKey(device)}.force_forwarding`)))
    return true;
  if (all !== undefined) return false;
  return facts.machine.sysctls.provenance === 'given' ? false : undefined;
}

/**
 * Whether the machine is a router on that link: it then has joined the groups of routers and has their anycast
 * address. The interface's own switch decides, which the one for all sets.
 */
export function routesAt(facts: MachineFacts, device: string): boolean {
  const own = facts.sysctl(`net.ipv6.conf.${interfaceKey(device)}.forwarding`);
  return own === undefined ? (forwardsIpv6(facts) ?? false) : on(own);
}

/** A sysctl as a number, or the kernel's default. */
export function sysctlNumber(facts: MachineFacts, name: string, fallback: number): number {
  const text = facts.sysctl(name);
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isNaN(value) ? fallback : value;
}

/**
 * TTL or hop limit that the kernel gives a packet of its own that leaves by the interface. IPv6 asks the interface;
 * the setting for `all` counts for none.
 *
 * Source: include/net/ip.h ip4_dst_hoplimit(), include/net/ipv6.h ip6_dst_hoplimit().
 */
export function hopLimit(facts: MachineFacts, family: Family, device: string | undefined): number {
  if (family === 'ipv4') return sysctlNumber(facts, 'net.ipv4.ip_default_ttl', 64);
  const of = (name: string, fallback: number): number =>
    sysctlNumber(facts, `net.ipv6.conf.${name}.hop_limit`, fallback);
  return device === undefined ? 64 : of(interfaceKey(device), of('default', 64));
}

/** Addresses of an interface in one family, in the kernel's order. */
export function addressesOf(
  facts: MachineFacts,
  device: string | undefined,
  family: Family,
): readonly InterfaceAddress[] {
  if (device === undefined) return [];
  return facts.interfaces.get(device)?.addresses.filter((a) => a.address.family === family) ?? [];
}

/** Whether some interface carries the address. */
export function isOwnAddress(facts: MachineFacts, a: Address): boolean {
  return facts.ownAddresses.has(addressText(a));
}

const scopeRank = { global: 0, site: 200, link: 253, host: 254 } as const;

/**
 * inet_select_addr(): an address of the interface, the one in whose subnet `near` lies if there is one, else the
 * first; if the interface has none, one of another interface.
 *
 * Source: net/ipv4/devinet.c inet_select_addr().
 */
export function selectAddress(
  facts: MachineFacts,
  device: string,
  near: Address | undefined,
  scope: 'global' | 'link' | 'host',
): Address | undefined {
  const limit = scopeRank[scope];
  let first: Address | undefined;
  for (const a of addressesOf(facts, device, 'ipv4')) {
    if (a.secondary || Math.min(scopeRank[a.scope], scopeRank.link) > limit) continue;
    if (near === undefined) return a.address;
    const net = prefix(a.peer ?? a.address, a.prefixLength);
    const there = prefix(near, a.prefixLength);
    if (sameAddress(net.address, there.address)) return a.address;
    first ??= a.address;
  }
  if (first) return first;
  for (const i of facts.interfaces.values()) {
    for (const a of i.addresses) {
      if (a.address.family !== 'ipv4' || a.secondary) continue;
      if (a.scope !== 'link' && scopeRank[a.scope] <= limit) return a.address;
    }
  }
  return undefined;
}

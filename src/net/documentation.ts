/** Ordinary addresses for examples and witnesses, and what kind of address one is. */

import { type Address, type Family, type Network, networkContains, prefix } from './address.ts';
import { parseIpv4, parseIpv6 } from './address-text.ts';

function net(text: string): Network {
  const [address = '', length = ''] = text.split('/');
  const a = parseIpv4(address) ?? parseIpv6(address);
  if (!a) throw new TypeError(`not a network: ${text}`);
  return prefix(a, Number(length));
}

/** What a range of addresses is set aside for. */
export type AddressKind =
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'documentation'
  | 'link-local'
  | 'multicast'
  | 'broadcast'
  | 'shared'
  | 'unique-local'
  | 'benchmark'
  | 'reserved'
  | 'this-network'
  | 'ipv4-mapped'
  | 'nat64'
  | '6to4'
  | 'teredo'
  | 'global';

const kindTexts: readonly (readonly [string, AddressKind])[] = [
  ['0.0.0.0/32', 'unspecified'],
  ['0.0.0.0/8', 'this-network'],
  ['127.0.0.0/8', 'loopback'],
  ['10.0.0.0/8', 'private'],
  ['172.16.0.0/12', 'private'],
  ['192.168.0.0/16', 'private'],
  ['100.64.0.0/10', 'shared'],
  ['169.254.0.0/16', 'link-local'],
  ['192.0.2.0/24', 'documentation'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['192.0.0.0/24', 'reserved'],
  ['198.18.0.0/15', 'benchmark'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::ffff:0.0.0.0/96', 'ipv4-mapped'],
  ['64:ff9b::/96', 'nat64'],
  ['2001::/32', 'teredo'],
  ['2001:2::/48', 'benchmark'],
  ['2001:db8::/32', 'documentation'],
  ['3fff::/20', 'documentation'],
  ['2002::/16', '6to4'],
  ['fe80::/10', 'link-local'],
  ['fc00::/7', 'unique-local'],
  ['ff00::/8', 'multicast'],
];

let kinds: readonly (readonly [Network, AddressKind])[] | undefined;

/**
 * What the address is set aside for; `global` if for nothing. `shared` is carrier-grade NAT (100.64.0.0/10).
 *
 * Source: RFC 6890 and the IANA special-purpose address registries; RFC 9637 for 3fff::/20.
 */
export function addressKind(a: Address): AddressKind {
  kinds ??= kindTexts.map(([text, kind]) => [net(text), kind]);
  for (const [n, kind] of kinds) if (networkContains(n, a)) return kind;
  return a.family === 'ipv6' && a.w0 >>> 29 !== 1 ? 'reserved' : 'global';
}

/** Whether packets with this address as source or destination can cross the public internet (documentation addresses count). */
export function isPublicAddress(a: Address): boolean {
  const kind = addressKind(a);
  return kind === 'global' || kind === 'documentation' || kind === 'nat64' || kind === '6to4';
}

/** Networks to draw addresses of examples from, the first the best: far ends, then our own side, then inner ones. */
const preferenceTexts: Readonly<Record<Family, readonly string[]>> = {
  ipv4: [
    '198.51.100.0/24',
    '203.0.113.0/24',
    '192.0.2.0/24',
    '192.168.0.0/16',
    '10.0.0.0/8',
    '172.16.0.0/12',
  ],
  ipv6: ['2001:db8::/32', '3fff::/20', 'fd00::/8'],
};

/** The networks that witnesses are drawn from, in order of preference. */
export function witnessNetworks(family: Family): readonly Network[] {
  return preferenceTexts[family].map(net);
}

/** Single addresses for witnesses, in order of preference: a stranger out there first. */
export function witnessAddresses(family: Family): readonly Address[] {
  const texts =
    family === 'ipv4'
      ? ['198.51.100.7', '198.51.100.8', '203.0.113.7', '192.0.2.7', '192.168.1.7', '10.0.0.7', '172.16.0.7']
      : ['2001:db8:51:100::7', '2001:db8:51:100::8', '2001:db8:113::7', '2001:db8:2::7', 'fd00::7'];
  return texts.flatMap((t) => parseIpv4(t) ?? parseIpv6(t) ?? []);
}

/** The address of a stranger: source of packets that come from outside if nothing better is known. */
export function strangerAddress(family: Family): Address {
  const [first] = witnessAddresses(family);
  if (!first) throw new TypeError('the list of witness addresses is empty');
  return first;
}

/** Routes and policy rules in the words of `ip -batch`. */

import type { Machine, PolicyRule, Route } from '../model/machine.ts';
import { routeTable } from '../model/machine.ts';
import { type Family, prefixLength, sameAddress } from '../net/address.ts';
import { addressText, networkText } from '../net/address-text.ts';

/** Tables of which only the name is known have numbers that `ip` does not take. */
function tableText(table: number): string {
  return String(table > 0xffffffff ? 100000 + (table % 1000000) : table);
}

/** The priorities of the rules that every namespace begins with. */
const defaultPriorities: Readonly<Record<Family, readonly number[]>> = {
  ipv4: [0, 32766, 32767],
  ipv6: [0, 32766],
};

/**
 * The command that makes a route; undefined for routes that the kernel makes itself from addresses, or that are no
 * business of a packet.
 */
export function routeWords(
  route: Route,
  machine: Machine,
  interfaces: ReadonlySet<string>,
): string | 'missing-interface' | undefined {
  if (route.type === 'broadcast' || route.type === 'multicast' || route.type === 'anycast') return undefined;
  if (route.type === 'local' && isFromAddress(route, machine)) return undefined;
  const hops = route.nextHops.filter((h) => h.device !== undefined || h.via !== undefined);
  if (hops.some((h) => h.device !== undefined && h.device !== 'lo' && !interfaces.has(h.device)))
    return 'missing-interface';
  // An IPv4 route by way of an IPv6 gateway is rare, and its gateway would have to be known.
  const { family } = route.destination.address;
  if (hops.some((h) => h.via !== undefined && h.via.family !== family)) return undefined;
  const words = [
    'route replace',
    ...(route.type === 'unicast' ? [] : [route.type]),
    networkText(route.destination),
  ];
  if (route.source !== undefined) words.push(`from ${networkText(route.source)}`);
  if (route.tos !== 0) words.push(`tos 0x${route.tos.toString(16)}`);
  words.push(`table ${tableText(route.table)}`);
  if (route.metric !== 0) words.push(`metric ${route.metric}`);
  if (route.preferredSource !== undefined) words.push(`src ${addressText(route.preferredSource)}`);
  if (family === 'ipv4' && route.scope !== 'global' && route.type === 'unicast')
    words.push(`scope ${route.scope}`);
  if (route.mtuBytes !== undefined) words.push(`mtu ${route.mtuBytes}`);
  if (route.realm !== 0) words.push(`realm ${route.realm >>> 16}/${route.realm & 0xffff}`);
  const hopWords = hops.map(({ via, device }) => {
    const by = via === undefined ? '' : `via ${addressText(via)} `;
    return `${by}${device === undefined ? '' : `dev ${device}`}${via !== undefined && device !== undefined ? ' onlink' : ''}`;
  });
  if (hops.length === 1) words.push(hopWords[0] ?? '');
  else for (const [i, hop] of hops.entries()) words.push(`nexthop ${hopWords[i]} weight ${hop.weight}`);
  return words.join(' ').trimEnd();
}

function isFromAddress(route: Route, machine: Machine): boolean {
  if (route.table !== routeTable.local) return false;
  if (addressText(route.destination.address).startsWith('127.')) return true;
  if (addressText(route.destination.address) === '::1') return true;
  return (machine.interfaces.value ?? []).some((i) =>
    i.addresses.some((a) => sameAddress(a.address, route.destination.address)),
  );
}

/** The commands that make these policy rules out of those that a namespace begins with. */
export function ruleWords(rules: readonly PolicyRule[], family: Family): readonly string[] {
  const mine = rules.filter((r) => r.family === family);
  if (mine.length === 0) return [];
  const kept = defaultPriorities[family].filter((p) => mine.some((r) => r.priority === p));
  const lines = mine
    .filter((r) => !kept.includes(r.priority) || !isDefault(r))
    .map((r) => `rule add ${policyWords(r)}`);
  const gone = defaultPriorities[family].filter((p) => !kept.includes(p));
  return [...lines, ...gone.map((p) => `rule del pref ${p}`)];
}

function isDefault(r: PolicyRule): boolean {
  return r.source === undefined && r.destination === undefined && r.action === 'lookup' && r.markMask === 0;
}

function policyWords(r: PolicyRule): string {
  const words: string[] = [];
  if (r.inverted) words.push('not');
  words.push(`from ${r.source === undefined ? 'all' : networkText(r.source)}`);
  if (r.destination !== undefined && prefixLength(r.destination.mask) !== 0)
    words.push(`to ${networkText(r.destination)}`);
  if (r.inInterface !== undefined) words.push(`iif ${r.inInterface}`);
  if (r.outInterface !== undefined) words.push(`oif ${r.outInterface}`);
  if (r.markMask !== 0) words.push(`fwmark 0x${r.mark.toString(16)}/0x${r.markMask.toString(16)}`);
  if (r.tos !== 0) words.push(`tos 0x${r.tos.toString(16)}`);
  if (r.protocol !== undefined) words.push(`ipproto ${r.protocol}`);
  if (r.sport !== undefined) words.push(`sport ${r.sport.join('-')}`);
  if (r.dport !== undefined) words.push(`dport ${r.dport.join('-')}`);
  if (r.uid !== undefined) words.push(`uidrange ${r.uid.join('-')}`);
  words.push(`pref ${r.priority}`);
  if (r.action === 'lookup') words.push(`lookup ${tableText(r.target)}`);
  else words.push(r.action === 'goto' ? `goto ${r.target}` : r.action);
  if (r.suppressPrefixLength !== undefined) words.push(`suppress_prefixlength ${r.suppressPrefixLength}`);
  return words.join(' ');
}

/** Protocol numbers and names, as iptables 1.8.9 on Debian 12 reads and prints them. */

import { parseUnsigned } from './integer-text.ts';

/** IPv6 extension headers that `-p` never sees as the protocol: hop-by-hop, routing, fragment, ah, destination options. */
export const extensionHeaderProtocols: readonly number[] = [0, 43, 44, 51, 60];

/**
 * Names and numbers of Debian's /etc/protocols. Its aliases are the same words in other case, or in upper case
 * (`IPSEC-ESP`), which `-p` cannot reach: it folds its argument to lower case first.
 */
const protocolTable = `
ip 0, hopopt 0, icmp 1, igmp 2, ggp 3, ipencap 4, st 5, tcp 6, egp 8, igp 9, pup 12, udp 17
hmp 20, xns-idp 22, rdp 27, iso-tp4 29, dccp 33, xtp 36, ddp 37, idpr-cmtp 38, ipv6 41
ipv6-route 43, ipv6-frag 44, idrp 45, rsvp 46, gre 47, esp 50, ah 51, skip 57, ipv6-icmp 58
ipv6-nonxt 59, ipv6-opts 60, rspf 73, vmtp 81, eigrp 88, ospf 89, ax.25 93, ipip 94, etherip 97
encap 98, pim 103, ipcomp 108, vrrp 112, l2tp 115, isis 124, sctp 132, fc 133
mobility-header 135, udplite 136, mpls-in-ip 137, manet 138, hip 139, shim6 140, wesp 141
rohc 142, ethernet 143, mptcp 262`;

/** iptables' own names, for what /etc/protocols does not know. */
const ownNames: readonly (readonly [string, number])[] = [
  ['icmpv6', 58],
  ['ipv6-mh', 135],
  ['mh', 135],
  ['all', 0],
];

interface Tables {
  readonly byName: ReadonlyMap<string, number>;
  readonly byNumber: ReadonlyMap<number, string>;
}

let tables: Tables | undefined;

function load(): Tables {
  if (tables) return tables;
  const byName = new Map<string, number>();
  const byNumber = new Map<number, string>();
  for (const entry of protocolTable.split(/[,\n]/)) {
    const [name, number] = entry.trim().split(' ');
    if (!name || !number) continue;
    byName.set(name, Number(number));
    if (!byNumber.has(Number(number))) byNumber.set(Number(number), name);
  }
  for (const [name, number] of ownNames) if (!byName.has(name)) byName.set(name, number);
  tables = { byName, byNumber };
  return tables;
}

/**
 * Reads the argument of `-p`: a number (`6`, `0x6`) or a name, in any case. 0 is "all". Undefined: iptables
 * says `unknown protocol "…" specified`.
 *
 * Source: iptables libxtables/xtables.c xtables_parse_protocol(); /etc/protocols of Debian's netbase 6.4.
 */
export function parseProtocol(text: string): number | undefined {
  const lower = text.toLowerCase();
  const number = parseUnsigned(lower, 255);
  if (number !== undefined) return number;
  const named = load().byName.get(lower);
  // The kernel's `mptcp` is number 262; the rule has room for eight bits and becomes tcp.
  return named === undefined ? undefined : named & 255;
}

/** The protocol as iptables-save prints it after `-p`: a name if it has one, else the number. Not for 0, which is not printed. */
export function protocolText(protocol: number): string {
  return load().byNumber.get(protocol) ?? String(protocol);
}

/** As {@link protocolText}, in the words of people: `icmpv6` instead of `ipv6-icmp`, `all` for 0. */
export function protocolName(protocol: number): string {
  return protocol === 0 ? 'all' : protocol === 58 ? 'icmpv6' : protocolText(protocol);
}

/** Whether the protocol's header begins with a source and a destination port. */
export function hasPorts(protocol: number): boolean {
  return protocol === 6 || protocol === 17 || protocol === 132 || protocol === 136 || protocol === 33;
}

/** All names that `-p` takes, for "did you mean". */
export function protocolNames(): readonly string[] {
  return [...load().byName.keys()];
}

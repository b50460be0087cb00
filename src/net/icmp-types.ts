/** ICMP and ICMPv6 types and codes by name, as `--icmp-type` and `--icmpv6-type` of iptables 1.8.9 take them. */

import type { Family } from './address.ts';
import { parseUnsigned } from './integer-text.ts';

/** A type and the codes that count, both ends included. ICMPv4 type 255 stands for any type. */
export interface IcmpSelector {
  readonly type: number;
  readonly codeMin: number;
  readonly codeMax: number;
}

/** A selector with its name. */
export interface NamedIcmpType extends IcmpSelector {
  readonly name: string;
}

/** A name in the order of iptables' help: `name type` for all codes, `name type/code` for one. */
const namesV4 = `
any 255, echo-reply 0, pong 0, destination-unreachable 3, network-unreachable 3/0, host-unreachable 3/1
protocol-unreachable 3/2, port-unreachable 3/3, fragmentation-needed 3/4, source-route-failed 3/5
network-unknown 3/6, host-unknown 3/7, network-prohibited 3/9, host-prohibited 3/10
TOS-network-unreachable 3/11, TOS-host-unreachable 3/12, communication-prohibited 3/13
host-precedence-violation 3/14, precedence-cutoff 3/15, source-quench 4, redirect 5, network-redirect 5/0
host-redirect 5/1, TOS-network-redirect 5/2, TOS-host-redirect 5/3, echo-request 8, ping 8
router-advertisement 9, router-solicitation 10, time-exceeded 11, ttl-exceeded 11
ttl-zero-during-transit 11/0, ttl-zero-during-reassembly 11/1, parameter-problem 12, ip-header-bad 12/0
required-option-missing 12/1, timestamp-request 13, timestamp-reply 14, address-mask-request 17
address-mask-reply 18
`;

const namesV6 = `
destination-unreachable 1, no-route 1/0, communication-prohibited 1/1, beyond-scope 1/2
address-unreachable 1/3, port-unreachable 1/4, failed-policy 1/5, reject-route 1/6, packet-too-big 2
time-exceeded 3, ttl-exceeded 3, ttl-zero-during-transit 3/0, ttl-zero-during-reassembly 3/1
parameter-problem 4, bad-header 4/0, unknown-header-type 4/1, unknown-option 4/2, echo-request 128, ping 128
echo-reply 129, pong 129, router-solicitation 133, router-advertisement 134, neighbour-solicitation 135
neighbor-solicitation 135, neighbour-advertisement 136, neighbor-advertisement 136, redirect 137
`;

/** Names that ip6tables 1.8.9 does not take, for answers to people only. */
const namesV6People = `
mld-listener-query 130, mld-listener-report 131, mld-listener-done 132, mldv2-listener-report 143
`;

function readTable(text: string): readonly NamedIcmpType[] {
  return text
    .trim()
    .split(/, |\n/)
    .map((entry) => {
      const [name = '', selector = ''] = entry.split(' ');
      const [type, code] = selector.split('/').map(Number);
      return { name, type: type ?? 0, codeMin: code ?? 0, codeMax: code ?? 255 };
    });
}

let tables: Readonly<Record<Family | 'people', readonly NamedIcmpType[]>> | undefined;

function load(): Readonly<Record<Family | 'people', readonly NamedIcmpType[]>> {
  tables ??= { ipv4: readTable(namesV4), ipv6: readTable(namesV6), people: readTable(namesV6People) };
  return tables;
}

/** All names of a family in iptables' order, aliases included. */
export function icmpTypes(family: Family): readonly NamedIcmpType[] {
  return load()[family];
}

/** What {@link parseIcmpType} says when it cannot: which part is wrong, and iptables' message. */
export interface IcmpTypeError {
  readonly kind: 'ambiguous' | 'unknown-type' | 'unknown-code' | 'trailing';
  readonly message: string;
}

/**
 * Reads a type as iptables does: a name or the beginning of exactly one name (case does not matter; a whole name
 * that also begins another is ambiguous), else `type` or `type/code` or `type/code:code` in numbers with base 0.
 *
 * @example
 * parseIcmpType('ipv4', 'fragmentation-needed') // { type: 3, codeMin: 4, codeMax: 4 }
 *
 * Source: iptables libxtables/xtoptions.c, extensions/libxt_icmp.h; seen with 1.8.9.
 */
export function parseIcmpType(family: Family, text: string): IcmpSelector | IcmpTypeError {
  const label = family === 'ipv4' ? 'ICMP' : 'ICMPv6';
  const lower = text.toLowerCase();
  let found: NamedIcmpType | undefined;
  for (const entry of load()[family]) {
    if (!entry.name.toLowerCase().startsWith(lower)) continue;
    if (found)
      return {
        kind: 'ambiguous',
        message: `Ambiguous ${label} type \`${text}': \`${found.name}' or \`${entry.name}'?`,
      };
    found = entry;
  }
  if (found) return { type: found.type, codeMin: found.codeMin, codeMax: found.codeMax };
  const slash = text.indexOf('/');
  const type = parseUnsigned(slash < 0 ? text : text.slice(0, slash), 255);
  if (type === undefined) return { kind: 'unknown-type', message: `Unknown ${label} type \`${text}'` };
  if (slash < 0) return { type, codeMin: 0, codeMax: 255 };
  const codeText = text.slice(slash + 1);
  const code = parseUnsigned(codeText, 255);
  if (code !== undefined) return { type, codeMin: code, codeMax: code };
  // `3/0:5` is taken, and printed as `3/0`.
  const colon = codeText.indexOf(':');
  if (colon >= 0) {
    const codeMin = parseUnsigned(codeText.slice(0, colon), 255);
    const codeMax = parseUnsigned(codeText.slice(colon + 1), 255);
    if (codeMin !== undefined && codeMax !== undefined) return { type, codeMin, codeMax };
  }
  const junk = /^(?:0x[0-9a-f]+|[0-9]+)([^0-9a-f])/i.exec(codeText)?.[1];
  return junk === undefined
    ? { kind: 'unknown-code', message: `Unknown ${label} code \`${text}'` }
    : { kind: 'trailing', message: `unknown character ${junk}` };
}

/** Tells {@link IcmpTypeError} from a selector. */
export function isIcmpTypeError(x: IcmpSelector | IcmpTypeError): x is IcmpTypeError {
  return 'message' in x;
}

/**
 * The selector as iptables-save prints it: `8`, `3/4`, `any`. It loses the end of a range of codes (`3/0:5`);
 * `keepMeaning` prints it whole.
 */
export function icmpTypeText(family: Family, s: IcmpSelector, keepMeaning = false): string {
  if (family === 'ipv4' && s.type === 255) return 'any';
  if (s.codeMin === 0 && s.codeMax === 255) return String(s.type);
  return `${s.type}/${s.codeMin}${keepMeaning && s.codeMax !== s.codeMin ? `:${s.codeMax}` : ''}`;
}

/** The name of a packet's type and code, for people: the most exact one there is, else numbers (`40/0`). */
export function icmpTypeName(family: Family, type: number, code: number): string {
  const known = [...load()[family], ...(family === 'ipv6' ? load().people : [])].filter(
    (e) => e.type === type && e.name !== 'any' && code >= e.codeMin && code <= e.codeMax,
  );
  const exact = known.find((e) => e.codeMin === e.codeMax) ?? known[0];
  if (!exact) return `${type}/${code}`;
  return exact.codeMin === exact.codeMax || code === 0 ? exact.name : `${exact.name} (code ${code})`;
}

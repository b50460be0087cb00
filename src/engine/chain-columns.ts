/**
 * What the typed columns of a chain say of a packet: which rules it passes over, and which condition refused it.
 */

import type { ColumnTest } from '../extensions/define.ts';
import { lacksHeader } from '../model/layer4-header.ts';
import type { Packet } from '../model/packet.ts';
import type { Rule } from '../model/ruleset.ts';
import type { MissReason } from '../model/trace.ts';
import { type Address, networkContains } from '../net/address.ts';
import { interfaceMatches } from '../net/interface-pattern.ts';
import { type CompiledChain, flag } from './compile-chain.ts';
import { isInterface, type KnownInterface } from './interface-ids.ts';
import type { Walk } from './walk.ts';

function outside(value: number | undefined, low: number, high: number): boolean {
  return value === undefined || value < low || value > high;
}

function failsTest(test: ColumnTest, packet: Packet, w: Walk): boolean {
  switch (test.column) {
    case 'protocol':
      return outside(packet.protocol, test.low, test.high);
    case 'sport':
    case 'dport':
    case 'icmpType':
      return outside(packet[test.column], test.low, test.high);
    case 'src':
    case 'dst':
      return !networkContains(test.network, packet[test.column]);
    case 'in':
      return !interfaceMatches(test.pattern, w.inInterface);
    case 'out':
      return !interfaceMatches(test.pattern, w.outInterface);
  }
}

const ipv4Differs = (a: number, i: number, address: Int32Array, mask: Int32Array): boolean =>
  ((a ^ (address[i] as number)) & (mask[i] as number)) !== 0;

const ipv6Differs = (a: Address, k: number, address: Int32Array, mask: Int32Array): boolean =>
  ((a.w0 ^ (address[k] as number)) & (mask[k] as number)) !== 0 ||
  ((a.w1 ^ (address[k + 1] as number)) & (mask[k + 1] as number)) !== 0 ||
  ((a.w2 ^ (address[k + 2] as number)) & (mask[k + 2] as number)) !== 0 ||
  ((a.w3 ^ (address[k + 3] as number)) & (mask[k + 3] as number)) !== 0;

const {
  SRC,
  SRC_NOT,
  DST,
  DST_NOT,
  IN,
  IN_NOT,
  OUT,
  OUT_NOT,
  PROTOCOL,
  PROTOCOL_NOT,
  FRAGMENT,
  FRAGMENT_NOT,
  SPORT,
  DPORT,
  ICMP,
  EXTRA,
} = flag;
const interfaceFlags = IN | IN_NOT | OUT | OUT_NOT;
const matchFlags = SPORT | DPORT | ICMP | EXTRA;

/** Stands for a port or type that the packet does not have: outside of every range. */
const absent = -1;

const authHeader = 51;

/**
 * What `-p` is compared with. An authentication header of IPv6 hides what is behind it from rules, though not from
 * conntrack.
 *
 * Source: include/net/netfilter/nf_tables_ipv6.h __nft_set_pktinfo_ipv6(), net/ipv6/exthdrs_core.c ipv6_find_hdr().
 */
function ruleProtocol(p: Packet): number {
  return p.extensionHeaders.length > 0 && p.extensionHeaders.some((h) => h.protocol === authHeader)
    ? authHeader
    : p.protocol;
}

/**
 * The first rule from `from` on whose columns do not refuse the packet; `to` if all before it do. The columns and what
 * they are compared with are held in variables, so that a rule costs a few comparisons of numbers.
 */
export function passOver(c: CompiledChain, w: Walk, from: number, to: number): number {
  const p = w.packet;
  const { flags, src, srcMask, dst, dstMask, protocol, inInterface, outInterface } = c;
  const { sportLow, sportHigh, dportLow, dportHigh, icmpLow, icmpHigh } = c;
  const six = c.words === 4;
  const source = p.src;
  const destination = p.dst;
  const source4 = source.w3 | 0;
  const destination4 = destination.w3 | 0;
  const own = ruleProtocol(p);
  const later = p.fragmentOffsetBytes > 0;
  const hidden = own !== p.protocol;
  const sport = hidden ? absent : (p.sport ?? absent);
  const dport = hidden ? absent : (p.dport ?? absent);
  const icmpType = p.icmpType ?? absent;
  // Columns of matches speak of headers that are there; without one the matches themselves are asked.
  const asked = lacksHeader(p) ? 0 : matchFlags;
  const hasInterfaces = (c.usedFlags & interfaceFlags) !== 0;
  const inKnown = hasInterfaces ? c.interfaces.find(w.inInterface) : nowhere;
  const outKnown = hasInterfaces ? c.interfaces.find(w.outInterface) : nowhere;

  for (let i = from; i < to; i++) {
    const f = flags[i] as number;
    if (f & (SRC | SRC_NOT)) {
      const differs = six ? ipv6Differs(source, 4 * i, src, srcMask) : ipv4Differs(source4, i, src, srcMask);
      if (differs === ((f & SRC) !== 0)) continue;
    }
    if (f & (DST | DST_NOT)) {
      const differs = six
        ? ipv6Differs(destination, 4 * i, dst, dstMask)
        : ipv4Differs(destination4, i, dst, dstMask);
      if (differs === ((f & DST) !== 0)) continue;
    }
    if (f & (PROTOCOL | PROTOCOL_NOT) && (own === protocol[i]) === ((f & PROTOCOL_NOT) !== 0)) continue;
    if (f & interfaceFlags) {
      if (f & (IN | IN_NOT) && isInterface(inKnown, inInterface[i] as number) === ((f & IN_NOT) !== 0))
        continue;
      if (f & (OUT | OUT_NOT) && isInterface(outKnown, outInterface[i] as number) === ((f & OUT_NOT) !== 0))
        continue;
    }
    if (f & (FRAGMENT | FRAGMENT_NOT) && later === ((f & FRAGMENT_NOT) !== 0)) continue;
    if (f & asked) {
      if (f & SPORT && (sport < (sportLow[i] as number) || sport > (sportHigh[i] as number))) continue;
      if (f & DPORT && (dport < (dportLow[i] as number) || dport > (dportHigh[i] as number))) continue;
      if (f & ICMP && (icmpType < (icmpLow[i] as number) || icmpType > (icmpHigh[i] as number))) continue;
      if (f & EXTRA && failsExtra(c, i, p, w)) continue;
    }
    return i;
  }
  return to;
}

const nowhere: KnownInterface = { id: -1, begins: new Uint8Array(0) };

function failsExtra(c: CompiledChain, i: number, p: Packet, w: Walk): boolean {
  for (const test of c.extra[i] ?? []) if (failsTest(test, p, w)) return true;
  return false;
}

/** Which base condition refused. */
type BaseCondition = Exclude<MissReason['condition'], 'match'>;

/** The base condition of rule `i` that refuses the packet, in the order in which iptables-save prints them. */
export function baseRefusal(c: CompiledChain, i: number, p: Packet, w: Walk): BaseCondition | undefined {
  const f = c.flags[i] as number;
  if (f & (SRC | SRC_NOT)) {
    const differs =
      c.words === 4
        ? ipv6Differs(p.src, 4 * i, c.src, c.srcMask)
        : ipv4Differs(p.src.w3, i, c.src, c.srcMask);
    if (differs === ((f & SRC) !== 0)) return 'src';
  }
  if (f & (DST | DST_NOT)) {
    const differs =
      c.words === 4
        ? ipv6Differs(p.dst, 4 * i, c.dst, c.dstMask)
        : ipv4Differs(p.dst.w3, i, c.dst, c.dstMask);
    if (differs === ((f & DST) !== 0)) return 'dst';
  }
  if (f & interfaceFlags) {
    const { inInterface, outInterface } = (c.rules[i] as Rule).base;
    if (inInterface && interfaceMatches(inInterface.value, w.inInterface) === inInterface.negated)
      return 'inInterface';
    if (outInterface && interfaceMatches(outInterface.value, w.outInterface) === outInterface.negated)
      return 'outInterface';
  }
  if (f & (PROTOCOL | PROTOCOL_NOT) && (ruleProtocol(p) === c.protocol[i]) === ((f & PROTOCOL_NOT) !== 0))
    return 'protocol';
  if (f & (FRAGMENT | FRAGMENT_NOT) && p.fragmentOffsetBytes > 0 === ((f & FRAGMENT_NOT) !== 0))
    return 'fragment';
  return undefined;
}

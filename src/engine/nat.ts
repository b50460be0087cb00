/**
 * Network address translation: setting it up for a connection's first packet, and rewriting packets.
 *
 * Source: net/netfilter/nf_nat_core.c nf_nat_setup_info(), nf_nat_inet_fn(), net/netfilter/nf_nat_proto.c,
 * net/netfilter/nf_nat_masquerade.c, net/netfilter/nf_nat_redirect.c.
 */

import type { NatAddressSource, NatRange, Outcome } from '../extensions/define.ts';
import { ctStatusBit, type Tuple } from '../model/connection.ts';
import type { CtDirection, Hook } from '../model/netfilter.ts';
import type { MutablePacket, Packet } from '../model/packet.ts';
import type { Endpoints, RuleRef } from '../model/trace.ts';
import { type Address, type AddressRange, ipv4, ipv6, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { isLinkLocal6, isLoopback6, isMulticast6, isZero, multicastScope6 } from './addresses.ts';
import { type ChainResult, walkChain } from './chains.ts';
import type { CompiledChain } from './compile-chain.ts';
import { hasTrackedPorts, invertTuple, isIcmp, sameTuple } from './conntrack/tuple.ts';
import { addressesOf, selectAddress } from './facts.ts';
import { type Manip, rollsPort, uniqueTuple } from './nat-tuple.ts';
import { sourceAddress6 } from './source-address.ts';
import type { Walk } from './walk.ts';
import { removeEntry } from './working-state.ts';

const { SRC_NAT, DST_NAT, SRC_NAT_DONE, DST_NAT_DONE, CONFIRMED } = ctStatusBit;

const doneBit = (manip: Manip): number => (manip === 'source' ? SRC_NAT_DONE : DST_NAT_DONE);

/** Which half of the mapping a hook sets up. */
function manipOf(hook: Hook): Manip {
  return hook === 'PREROUTING' || hook === 'OUTPUT' ? 'destination' : 'source';
}

/** A range of one address, everything else left as it is. */
function singleAddress(a: Address, from: NatRange): NatRange {
  return { ...from, addresses: { low: a, high: a } };
}

const plainRange: NatRange = {
  addresses: undefined,
  ports: undefined,
  basePort: undefined,
  random: false,
  randomFully: false,
  persistent: false,
  netmap: false,
};

/** An address that stands for the unknown one of an interface: one that is known to be this machine's, if there is any. */
function placeholder(w: Walk, device: string | undefined): Address {
  const fact = w.machine.localAddresses.find(
    (f) => f.value.family === w.family && f.provenance !== 'default',
  );
  const a = fact?.value ?? (w.family === 'ipv4' ? ipv4(0xc0000201) : ipv6(0x20010db8, 0, 0, 1));
  w.shared.standIns.add(addressText(a));
  const whose = device === undefined ? 'the interface' : device;
  w.note(`guessed: ${addressText(a)} stands for the address of ${whose}, which is not known`);
  return a;
}

/** nf_nat_masquerade_ipv4(), nf_nat_masquerade_ipv6(): an address of the outgoing interface. */
function masqueradeAddress(w: Walk): Address | undefined {
  const device = w.outInterface;
  if (device === undefined) return undefined;
  const { facts } = w.shared;
  if (!facts.interfacesKnown) return placeholder(w, device);
  if (w.family === 'ipv4')
    return selectAddress(facts, device, w.destination?.gateway ?? w.packet.dst, 'global');
  return sourceAddress6(facts, w.packet.dst, device);
}

/** nf_nat_redirect_ipv4(), nf_nat_redirect_ipv6(). */
function redirectAddress(w: Walk): Address | undefined {
  if (w.hook === 'OUTPUT') return w.family === 'ipv4' ? ipv4(0x7f000001) : ipv6(0, 0, 0, 1);
  const { facts } = w.shared;
  if (w.inInterface === 'lo') return w.family === 'ipv4' ? ipv4(0x7f000001) : ipv6(0, 0, 0, 1);
  if (!facts.interfacesKnown) return placeholder(w, w.inInterface);
  const list = addressesOf(facts, w.inInterface, w.family);
  if (w.family === 'ipv4') return list[0]?.address;
  // nf_nat_redirect_ipv6_usable(): a destination of narrow scope asks for an address of the same.
  const scope = narrowScope(w.packet.dst);
  return list.find((a) => scope === 'none' || narrowScope(a.address) === scope)?.address;
}

/** ipv6_addr_scope(). */
function narrowScope(a: Address): 'none' | 'host' | 'link' | 'site' {
  if (isMulticast6(a)) {
    const scope = multicastScope6(a);
    return scope === 1 ? 'host' : scope === 2 ? 'link' : scope === 5 ? 'site' : 'none';
  }
  if (isLoopback6(a)) return 'host';
  if (isLinkLocal6(a)) return 'link';
  return a.w0 >>> 22 === 0x3fb ? 'site' : 'none';
}

/** Bits of the network taken from the range, host bits kept. */
function netmapAddress(a: Address, range: AddressRange): Address {
  const { low, high } = range;
  const word = (x: number, l: number, h: number): number => {
    const mask = ~(l ^ h) >>> 0;
    return ((x & ~mask) | (l & mask)) >>> 0;
  };
  return {
    family: a.family,
    w0: word(a.w0, low.w0, high.w0),
    w1: word(a.w1, low.w1, high.w1),
    w2: word(a.w2, low.w2, high.w2),
    w3: word(a.w3, low.w3, high.w3),
  };
}

/** nf_nat_setup_info(). */
function setupInfo(w: Walk, manip: Manip, range: NatRange, by: RuleRef | 'none'): boolean {
  const entry = w.ct;
  if (!entry) return true;
  if (entry.status & CONFIRMED) return true;
  if (entry.status & doneBit(manip)) return false;
  const current = invertTuple(entry.reply);
  if (!current) return false;
  const { tuple, anyPort } = uniqueTuple(w.shared, current, range, manip, entry);
  let { status } = entry;
  let reply: Tuple = entry.reply;
  if (!sameTuple(tuple, current)) {
    const inverse = invertTuple(tuple);
    if (!inverse) return false;
    reply = inverse;
    status |= manip === 'source' ? SRC_NAT : DST_NAT;
  }
  status |= doneBit(manip);
  w.updateEntry({ status, reply });
  const wanted =
    range.ports === undefined && !rollsPort(range) && manip === 'source' && !isIcmp(tuple.protocol);
  w.emit({
    kind: 'nat-setup',
    manip,
    by,
    original: entry.original,
    reply,
    portChanged: wanted && tuple.sport !== current.sport,
    anyPort,
  });
  return true;
}

/** What a NAT target does: the rule's outcome. */
export function setupNat(w: Walk, manip: Manip, from: NatAddressSource, range: NatRange): Outcome {
  if (!w.ct || (w.connection.state !== 'NEW' && w.connection.state !== 'RELATED')) return 'accept';
  let full = range;
  if (from === 'masquerade') {
    // A machine that asks for its first address; nf_nat_masquerade_ipv6() does not look.
    if (w.family === 'ipv4' && isZero(w.ct.original.src)) return 'accept';
    const a = masqueradeAddress(w);
    if (!a) return 'drop';
    if (w.outInterface !== undefined) w.updateEntry({ masqueradeInterface: w.outInterface });
    full = singleAddress(a, range);
  } else if (from === 'redirect') {
    const a = redirectAddress(w);
    if (!a) return 'drop';
    full = singleAddress(a, range);
  } else if (range.netmap && range.addresses) {
    const current = manip === 'source' ? w.packet.src : w.packet.dst;
    full = singleAddress(netmapAddress(current, range.addresses), range);
  }
  return setupInfo(w, manip, full, w.rule ?? 'none') ? 'accept' : 'drop';
}

/** nf_nat_alloc_null_binding(): no rule wants a translation, but the tuple must still be free. */
function nullBinding(w: Walk, manip: Manip): boolean {
  if (!w.ct) return true;
  const a = manip === 'source' ? w.ct.reply.dst : w.ct.reply.src;
  return setupInfo(w, manip, singleAddress(a, plainRange), 'none');
}

const endpoints = (p: Packet): Endpoints => ({ src: p.src, dst: p.dst, sport: p.sport, dport: p.dport });

/** nf_nat_manip_pkt(): writes one side of `target` into a packet (also a quoted one). */
function writeManip(p: MutablePacket, target: Tuple, manip: Manip): void {
  if (manip === 'source') p.src = target.src;
  else p.dst = target.dst;
  if (hasTrackedPorts(p.protocol)) {
    if (manip === 'source') {
      if (p.sport !== undefined) p.sport = target.sport;
    } else if (p.dport !== undefined) p.dport = target.dport;
  } else if (isIcmp(p.protocol) && p.icmpId !== undefined && isIcmp(target.protocol)) {
    const type = p.icmpType ?? -1;
    const query =
      p.family === 'ipv4' ? [0, 8, 13, 14, 15, 16, 17, 18].includes(type) : type === 128 || type === 129;
    if (query) p.icmpId = target.sport;
  }
}

const other = (d: CtDirection): CtDirection => (d === 'original' ? 'reply' : 'original');

/** Whether this connection has a mapping that concerns this half in this direction. */
function concerns(status: number, manip: Manip, direction: CtDirection): boolean {
  let bit = manip === 'source' ? SRC_NAT : DST_NAT;
  if (direction === 'reply') bit = bit === SRC_NAT ? DST_NAT : SRC_NAT;
  return (status & bit) !== 0;
}

/** gre_manip_pkt() wants eight bytes to write to, whatever it writes. */
function endsBeforeKey(p: Packet): boolean {
  return p.protocol === 47 && p.layer4 !== undefined && p.layer4.length < 16;
}

/** What l4proto_manip_pkt() wants to write to, as far as it is there: the header of layer 4, or its ports. */
const manipBytes: Readonly<Record<number, number>> = { 1: 8, 6: 20, 17: 8, 33: 12, 58: 8, 132: 12, 136: 8 };

/** nf_nat_packet(): rewrites the packet as its connection says; false: it cannot. */
function rewrite(w: Walk, manip: Manip, by: RuleRef | 'connection'): boolean {
  const entry = w.ct;
  if (!entry || !concerns(entry.status, manip, w.connection.direction)) return true;
  const target = invertTuple(w.connection.direction === 'original' ? entry.reply : entry.original);
  if (!target) return true;
  if (endsBeforeKey(w.packet)) return false;
  const before = endpoints(w.packet);
  const idBefore = w.packet.icmpId;
  writeManip(w.packet, target, manip);
  w.pull(manipBytes[w.packet.protocol] ?? 0);
  const after = endpoints(w.packet);
  if (
    !sameAddress(before.src, after.src) ||
    !sameAddress(before.dst, after.dst) ||
    before.sport !== after.sport ||
    before.dport !== after.dport ||
    idBefore !== w.packet.icmpId
  )
    w.emit({ kind: 'nat', manip, by, before, after });
  return true;
}

/** nf_nat_icmp_reply_translation(): an error about a translated connection, inside and out. */
function translateError(w: Walk, manip: Manip): boolean {
  const entry = w.ct;
  const p = w.packet;
  if (!entry) return true;
  if (p.badChecksum && !w.checksumSeen) return false;
  w.checksumSeen = true;
  const redirectType = w.family === 'ipv4' ? 5 : 137;
  if (p.icmpType === redirectType) {
    const both = SRC_NAT_DONE | DST_NAT_DONE;
    if ((entry.status & both) !== both || entry.status & (SRC_NAT | DST_NAT)) return false;
  }
  const { direction } = w.connection;
  if (!concerns(entry.status, manip, direction)) return true;
  const opposite = entry[other(direction)];
  const before = endpoints(p);
  if (p.quote && endsBeforeKey(p.quote)) return false;
  if (p.quote) {
    const quote = { ...p.quote };
    writeManip(quote, opposite, manip === 'source' ? 'destination' : 'source');
    p.quote = quote;
  }
  const target = invertTuple(opposite);
  if (target) {
    if (manip === 'source') p.src = target.src;
    else p.dst = target.dst;
  }
  w.emit({ kind: 'nat', manip, by: 'connection', before, after: endpoints(p) });
  return true;
}

const accepted: ChainResult = { verdict: 'accept', at: undefined };

/** nf_nat_inet_fn() at one hook: nat chain for first packets, then the rewriting. */
export function natHook(w: Walk, hook: Hook, chain: CompiledChain | undefined): ChainResult {
  const manip = manipOf(hook);
  const entry = w.ct;
  const skip = (skipped: 'known-connection' | 'no-connection'): void => {
    if (chain && chain.size > 0) w.emit({ kind: 'table', hook, table: 'nat', skipped });
  };
  if (!entry) {
    skip('no-connection');
    return accepted;
  }
  const { state } = w.connection;
  const protocolIcmp = isIcmp(w.packet.protocol);
  if (state === 'RELATED' && protocolIcmp) {
    skip('known-connection');
    if (translateError(w, manip)) return accepted;
    return drop(w, 'icmp-translation');
  }
  let by: RuleRef | 'connection' = 'connection';
  if ((state === 'NEW' || state === 'RELATED') && !(entry.status & doneBit(manip))) {
    if (chain) {
      w.table = 'nat';
      w.emit({ kind: 'table', hook, table: 'nat', skipped: undefined });
      const result = walkChain(w, chain);
      w.rule = undefined;
      if (result.verdict !== 'accept') return result;
      if (result.at && 'number' in result.at) by = result.at;
    }
    if (!(w.ct && w.ct.status & doneBit(manip)) && !nullBinding(w, manip)) return drop(w, 'no-free-tuple');
  } else {
    skip('known-connection');
    if (
      hook === 'POSTROUTING' &&
      w.connection.direction === 'original' &&
      entry.masqueradeInterface !== undefined &&
      entry.masqueradeInterface !== w.outInterface
    ) {
      // nf_nat_oif_changed(): a masqueraded connection does not move to another interface.
      removeEntry(w.shared, entry);
      return drop(w, 'masquerade-interface-changed');
    }
  }
  return rewrite(w, manip, by) ? accepted : drop(w, 'header-too-short');
}

function drop(w: Walk, reason: string): ChainResult {
  w.natDropReason = reason;
  return { verdict: 'drop', at: undefined };
}

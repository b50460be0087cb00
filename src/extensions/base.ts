/**
 * The conditions that a rule may have without `-m`: addresses, protocol, interfaces, fragments.
 *
 * Source: net/ipv4/netfilter/ip_tables.c ip_packet_match(), net/ipv6/netfilter/ip6_tables.c ip6_packet_match().
 */

import type { BaseMatch } from '../model/ruleset.ts';
import { networkText } from '../net/address-text.ts';
import { interfacePatternText } from '../net/interface-pattern.ts';
import { protocolText } from '../net/protocols.ts';
import { complementIf, type PacketSet, type PacketSpace } from '../packetset/space.ts';

/** A rule without any of these conditions. */
export const noBase: BaseMatch = {
  src: undefined,
  dst: undefined,
  protocol: undefined,
  inInterface: undefined,
  outInterface: undefined,
  fragment: undefined,
};

const bang = (negated: boolean): string => (negated ? '! ' : '');

/** The conditions in the order of iptables-save: -s, -d, -i, -o, -p, -f. */
export function printBase(base: BaseMatch): readonly string[] {
  const out: string[] = [];
  if (base.src) out.push(`${bang(base.src.negated)}-s ${networkText(base.src.value)}`);
  if (base.dst) out.push(`${bang(base.dst.negated)}-d ${networkText(base.dst.value)}`);
  // Interface names are printed bare, whatever they hold; a name with a blank needs its quotes to be read again.
  const name = (text: string): string => (/[\s"]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text);
  if (base.inInterface)
    out.push(`${bang(base.inInterface.negated)}-i ${name(interfacePatternText(base.inInterface.value))}`);
  if (base.outInterface)
    out.push(`${bang(base.outInterface.negated)}-o ${name(interfacePatternText(base.outInterface.value))}`);
  if (base.protocol) out.push(`${bang(base.protocol.negated)}-p ${protocolText(base.protocol.value)}`);
  if (base.fragment) out.push(`${bang(base.fragment.negated)}-f`);
  return out;
}

/** The packets that meet these conditions. */
export function basePackets(base: BaseMatch, space: PacketSpace): PacketSet {
  const { src, dst, protocol, inInterface, outInterface, fragment } = base;
  let set = space.all;
  if (src) set = space.and(set, complementIf(src.negated, space, space.network('src', src.value)));
  if (dst) set = space.and(set, complementIf(dst.negated, space, space.network('dst', dst.value)));
  if (inInterface)
    set = space.and(set, complementIf(inInterface.negated, space, space.interface('in', inInterface.value)));
  if (outInterface)
    set = space.and(
      set,
      complementIf(outInterface.negated, space, space.interface('out', outInterface.value)),
    );
  if (protocol) {
    set = space.and(
      set,
      complementIf(protocol.negated, space, space.interval('protocol', protocol.value, protocol.value)),
    );
  }
  if (fragment)
    set = space.and(set, complementIf(fragment.negated, space, space.interval('fragmentKind', 2, 2)));
  return set;
}

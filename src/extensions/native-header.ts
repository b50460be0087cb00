/**
 * Layer 4 as the native expressions of nf_tables read it, which `-m tcp` and `-m udp` become with iptables-nft. Where
 * the header is not whole they differ from the matches of xtables: what lies at a field's place is taken for the
 * field, also in a later fragment. Of IPv6 a later fragment is even read from its first byte on, since the search for
 * the header ends in front of it and leaves the place at zero.
 *
 * Such bytes are no ports. Packet sets leave them aside: they speak of packets with headers.
 *
 * Source: net/netfilter/nf_tables_core.c nft_payload_fast_eval() (no look at the fragment, unlike
 * nft_payload.c nft_payload_eval()), include/net/netfilter/nf_tables_ipv6.h __nft_set_pktinfo_ipv6(),
 * net/ipv6/exthdrs_core.c ipv6_find_hdr(). All of the packet is taken to lie in a row in memory, as what a network card
 * hands over begins.
 */

import type { Packet } from '../model/packet.ts';
import { packetBytes } from './packet-bytes.ts';
import { meetsPorts, type PortConditions } from './port-conditions.ts';

const ipv4HeaderBytes = 20;
const ipv6HeaderBytes = 40;
const flagsAt = 13;

/** Where the packet's layer 4 begins, as nf_tables has it. */
function startOf({ family, fragmentOffsetBytes, ipOptions, extensionHeaders }: Packet): number {
  if (family === 'ipv4') return ipv4HeaderBytes + Math.ceil(ipOptions.length / 8) * 4;
  if (fragmentOffsetBytes > 0) return 0;
  return extensionHeaders.reduce((n, h) => n + 2 + h.body.length / 2, ipv6HeaderBytes);
}

/** Conditions on TCP flags under a mask. */
interface FlagCondition {
  readonly mask: number;
  readonly compare: number;
  readonly negated: boolean;
}

/**
 * Whether the bytes at the places of ports and flags meet the conditions; false where the packet ends before one of them,
 * and where nobody knows what stands there.
 */
export function bytesMeet(d: PortConditions, flags: FlagCondition | undefined, packet: Packet): boolean {
  const start = startOf(packet);
  const { bytes, known } = packetBytes(packet);
  const read = (at: number, count: 1 | 2): number | undefined => {
    const from = start + at;
    if (from + count > bytes.length || known[from] !== 1 || known[from + count - 1] !== 1) return undefined;
    const first = bytes[from] ?? 0;
    return count === 1 ? first : first * 256 + (bytes[from + 1] ?? 0);
  };
  const sport = d.sport ? read(0, 2) : 0;
  const dport = d.dport ? read(2, 2) : 0;
  if (sport === undefined || dport === undefined || !meetsPorts(d, sport, dport)) return false;
  if (!flags) return true;
  const byte = read(flagsAt, 1);
  return byte !== undefined && ((byte & flags.mask) === flags.compare) !== flags.negated;
}

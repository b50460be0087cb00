/**
 * Layer 4 as the native expressions of nf_tables read it, which `-m tcp` and `-m udp` become with iptables-nft. Where
 * the header is not whole they differ from the matches of xtables: what lies at a field's place is taken for the
 * field, also in a later fragment.
 *
 * Such bytes are no ports. Packet sets leave them aside: they speak of packets with headers.
 *
 * Source: net/netfilter/nf_tables_core.c nft_payload_fast_eval(): no look at the fragment, unlike nft_payload.c
 * nft_payload_eval(). All of the packet is taken to lie in a row in memory, as what a network card hands over begins.
 */

import type { Packet } from '../model/packet.ts';
import { meetsPorts, type PortConditions } from './port-conditions.ts';
import { transportBytes } from './transport-bytes.ts';

const flagsAt = 13;

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
  const { read } = transportBytes(packet);
  const sport = d.sport ? read(0, 2) : 0;
  const dport = d.dport ? read(2, 2) : 0;
  if (sport === undefined || dport === undefined || !meetsPorts(d, sport, dport)) return false;
  if (!flags) return true;
  const byte = read(flagsAt, 1);
  return byte !== undefined && ((byte & flags.mask) === flags.compare) !== flags.negated;
}

/**
 * Layer 4 as matches read it that do not ask whether a packet is a later fragment, or whether its header is whole: the
 * native expressions of nf_tables, tcpmss, ecn.
 *
 * Source: include/net/netfilter/nf_tables_ipv4.h, nf_tables_ipv6.h __nft_set_pktinfo_ipv6(), net/ipv6/exthdrs_core.c
 * ipv6_find_hdr(): of a later fragment of IPv6 the place of layer 4 stays zero, so it is read from its first byte on.
 */

import type { Packet } from '../model/packet.ts';
import { packetBytes } from './packet-bytes.ts';

const ipv4HeaderBytes = 20;
const ipv6HeaderBytes = 40;

/** Where the packet's layer 4 begins, as the kernel has it. */
function startOf({ family, fragmentOffsetBytes, ipOptions, extensionHeaders }: Packet): number {
  if (family === 'ipv4') return ipv4HeaderBytes + Math.ceil(ipOptions.length / 8) * 4;
  if (fragmentOffsetBytes > 0) return 0;
  return extensionHeaders.reduce((n, h) => n + 2 + h.body.length / 2, ipv6HeaderBytes);
}

/** Bytes from where layer 4 begins. */
export interface TransportBytes {
  /** How many there are to the end of the packet. */
  readonly length: number;
  /** A number of `count` bytes from `at` on; undefined: behind the end, or not known. */
  read(at: number, count: 1 | 2): number | undefined;
}

/** The bytes of layer 4, or what the kernel takes for them. */
export function transportBytes(packet: Packet): TransportBytes {
  const start = startOf(packet);
  const { bytes, known } = packetBytes(packet);
  return {
    length: bytes.length - start,
    read(at, count) {
      const from = start + at;
      if (from + count > bytes.length || known[from] !== 1 || known[from + count - 1] !== 1) return undefined;
      const first = bytes[from] ?? 0;
      return count === 1 ? first : first * 256 + (bytes[from + 1] ?? 0);
    },
  };
}

/** How long a TCP header is, and whether it is whole. */

import type { Packet } from './packet.ts';

const tcp = 6;
const leastBytes = 20;

/** Length of the TCP header with its options, in bytes. */
export function tcpHeaderBytes({ tcpOptions }: Packet): number {
  let n = 0;
  for (const o of tcpOptions) n += o.kind <= 1 ? 1 : 2 + o.data.length / 2;
  return leastBytes + Math.ceil(n / 4) * 4;
}

/**
 * Whether a TCP packet, or its first fragment, ends within its header, or gives it an impossible length: who wants to
 * read options drops it. Told from the bytes of layer 4, where the packet has them.
 *
 * Source: net/netfilter/xt_tcpmss.c tcpmss_mt(), xt_TCPMSS.c tcpmss_mangle_packet(), xt_TCPOPTSTRIP.c.
 */
export function isCutTcpHeader({ protocol, fragmentOffsetBytes, layer4 }: Packet): boolean {
  if (protocol !== tcp || fragmentOffsetBytes > 0 || layer4 === undefined) return false;
  const bytes = layer4.length / 2;
  if (bytes < leastBytes) return true;
  const header = Number.parseInt(layer4.charAt(24), 16) * 4;
  return header < leastBytes || header > bytes;
}

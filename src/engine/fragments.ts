/**
 * Fragments: collecting them, and cutting packets that are too big for where they go.
 *
 * Source: net/ipv4/ip_fragment.c, net/ipv4/inet_fragment.c inet_frag_queue_insert(), net/ipv4/ip_output.c
 * ip_do_fragment(), net/ipv6/netfilter/nf_conntrack_reasm.c.
 */

import { lacksHeader } from '../model/layer4-header.ts';
import type { Packet } from '../model/packet.ts';
import { isCutTcpHeader } from '../model/tcp-header.ts';
import { addressText } from '../net/address-text.ts';
import { layer4ChecksumRight } from './checksum.ts';
import { headerBytes, readLayer4 } from './layer4.ts';
import type { Shared } from './working-state.ts';

/** Whether the packet is a piece of a larger one. */
export function isFragment(p: Packet): boolean {
  return p.moreFragments || p.fragmentOffsetBytes > 0;
}

/** Whether conntrack collects it: in IPv6, whatever has a fragment header, though it may be whole. */
export function isCollected(p: Packet): boolean {
  return isFragment(p) || p.extensionHeaders.some((h) => h.protocol === fragmentHeader);
}

/** Bytes of data that a fragment carries. */
function dataBytes(p: Packet): number {
  return p.layer4 !== undefined ? p.layer4.length / 2 : p.lengthBytes - fragmentHeaderBytes(p);
}

const fragmentHeader = 44;

/** Headers in front of a fragment's data: IPv6 has a fragment header of 8 bytes, listed or not. */
function fragmentHeaderBytes(p: Packet): number {
  const listed = p.extensionHeaders.some((h) => h.protocol === fragmentHeader);
  return headerBytes(p) + (p.family === 'ipv6' && isFragment(p) && !listed ? 8 : 0);
}

function queueKey(p: Packet, user: string): string {
  const protocol = p.family === 'ipv4' ? p.protocol : 0;
  return `${user} ${addressText(p.src)} ${addressText(p.dst)} ${protocol} ${p.identification}`;
}

/** What became of a fragment that was put to its fellows. */
export type Collected =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'discarded' }
  | {
      readonly kind: 'complete';
      readonly packet: Packet;
      /** Length of the largest fragment, header included. */
      readonly largestBytes: number;
      /** Bytes of data in each, in the order of the packet. */
      readonly pieceBytes: readonly number[];
    };

const queueTimeMs = 30_000;

/**
 * RFC 8200 §4.5 wants all headers in the first fragment of IPv6. One without them is left alone by conntrack, and the
 * others wait in vain.
 *
 * Source: net/ipv6/reassembly.c ipv6frag_thdr_truncated().
 */
export function lacksHeaders(p: Packet): boolean {
  if (p.family !== 'ipv6' || p.fragmentOffsetBytes > 0) return false;
  const needed = p.protocol === 6 ? 20 : [17, 58].includes(p.protocol) ? 8 : 1;
  return dataBytes(p) < needed;
}

/** Puts a fragment to its fellows. `user`: who collects (conntrack and local delivery keep apart). */
export function collect(s: Shared, p: Packet, user: string): Collected {
  const key = queueKey(p, user);
  const old = s.fragments.get(key);
  const known = old && old.expiresMs > s.timeMs ? old.fragments : [];
  const start = p.fragmentOffsetBytes;
  const end = start + dataBytes(p);
  for (const f of known) {
    const fStart = f.fragmentOffsetBytes;
    const fEnd = fStart + dataBytes(f);
    if (fStart <= start && end <= fEnd) return { kind: 'duplicate' };
    if (start < fEnd && fStart < end) {
      s.fragments = s.fragments.without(key);
      return { kind: 'discarded' };
    }
  }
  const fragments = [...known, p].sort((a, b) => a.fragmentOffsetBytes - b.fragmentOffsetBytes);
  let at = 0;
  let complete = false;
  for (const f of fragments) {
    if (f.fragmentOffsetBytes !== at) break;
    at += dataBytes(f);
    if (!f.moreFragments) complete = f === fragments.at(-1);
  }
  if (!complete) {
    s.fragments = s.fragments.with(key, {
      fragments: [...known, p],
      expiresMs: old && old.expiresMs > s.timeMs ? old.expiresMs : s.timeMs + queueTimeMs,
    });
    return { kind: 'waiting' };
  }
  s.fragments = s.fragments.without(key);
  const first = fragments[0] as Packet;
  const known4 = fragments.every((f) => f.layer4 !== undefined);
  const bytes = known4 ? fragments.map((f) => f.layer4 ?? '').join('') : undefined;
  const largestBytes = Math.max(...fragments.map((f) => f.lengthBytes));
  const extensionHeaders = first.extensionHeaders.filter((h) => h.protocol !== fragmentHeader);
  const packet: Packet = {
    ...first,
    extensionHeaders,
    // The last fragment to come is the packet under way: its frame, mark and interface.
    ethSrc: p.ethSrc,
    ethDst: p.ethDst,
    packetType: p.packetType,
    mark: p.mark,
    tos: fragments.some((f) => (f.tos & 3) === 3) ? first.tos | 3 : first.tos,
    moreFragments: false,
    fragmentOffsetBytes: 0,
    lengthBytes: headerBytes({ ...first, extensionHeaders }) + at,
    // Fields tell it all, but for a header that is not whole.
    layer4: lacksHeader({ ...first, layer4: bytes }) ? bytes : undefined,
    // Only if the largest of them said so: IPSKB_FRAG_PMTU.
    dontFragment: fragments.some((f) => f.dontFragment && f.lengthBytes === largestBytes),
    ...(bytes === undefined
      ? {}
      : {
          ...readLayer4(first.protocol, bytes),
          // Targets may have written there, and its checksum, while it was a piece.
          ...(first.protocol === 6 && !isCutTcpHeader(first)
            ? { tcpFlags: first.tcpFlags, tcpOptions: first.tcpOptions }
            : {}),
          badChecksum: !layer4ChecksumRight(first, bytes),
        }),
  };
  return { kind: 'complete', packet, largestBytes, pieceBytes: fragments.map(dataBytes) };
}

/**
 * Cuts a packet into pieces of at most so many bytes, headers included; in IPv6 one that fits gets a fragment header all
 * the same. Later pieces know no ports. Undefined: there is no room for any data. A packet that came in pieces leaves in
 * the same ones, if they fit and are of whole units of 8 bytes, which they need not be once a header was pulled together.
 */
export function cut(
  p: Packet,
  mtuBytes: number,
  cameAs: readonly number[] = [],
): readonly Packet[] | undefined {
  const header = headerBytes(p) + (p.family === 'ipv6' ? 8 : 0);
  const room = Math.floor((mtuBytes - header) / 8) * 8;
  if (room <= 0) return undefined;
  const total = p.lengthBytes - headerBytes(p);
  const again =
    cameAs.reduce((sum, n) => sum + n, 0) === total &&
    cameAs.every((n, i) => header + n <= mtuBytes && (n % 8 === 0 || i === cameAs.length - 1));
  const pieces: Packet[] = [];
  for (let at = 0, bytes = 0; at < total; at += bytes) {
    bytes = Math.min((again && cameAs[pieces.length]) || room, total - at);
    const more = at + bytes < total || p.moreFragments;
    const piece: Packet = {
      ...p,
      lengthBytes: header + bytes,
      moreFragments: more,
      fragmentOffsetBytes: p.fragmentOffsetBytes + at,
    };
    pieces.push(
      at === 0
        ? piece
        : {
            ...piece,
            sport: undefined,
            dport: undefined,
            tcpFlags: 0,
            tcpOptions: [],
            icmpType: undefined,
            icmpCode: undefined,
            icmpId: undefined,
            icmpSeq: undefined,
            payload: undefined,
            quote: undefined,
          },
    );
  }
  return pieces;
}

/** From a frame to the engine's packet. */

import type { ExtensionHeader, Packet, PacketType } from '../model/packet.ts';
import { type Address, type Family, ipv4, ipv6 } from '../net/address.ts';
import { type ByteReader, byteReader, hexText } from './byte-reader.ts';
import { type Layer4Fields, quotesPacket, readLayer4Fields } from './dissect-layer4.ts';
import type { CapturedFrame } from './frame.ts';
import { type ChecksumVerdict, headerChecksumRight, layer4ChecksumVerdict } from './layer4-checksum.ts';
import { type LinkHeader, type NoIp, readLinkHeader } from './link-layer.ts';

/** What is in a frame. */
export type Dissected =
  | {
      readonly kind: 'packet';
      /** `badChecksum` is unset: whose fault a wrong one is depends on the direction. */
      readonly packet: Packet;
      readonly link: LinkHeader;
      readonly checksum: ChecksumVerdict;
      /** The IPv4 header's own; `partial` never occurs. */
      readonly headerChecksum: ChecksumVerdict;
      /** All of the packet was captured. */
      readonly whole: boolean;
    }
  /** The kernel drops it before any rule. */
  | { readonly kind: 'malformed'; readonly why: string }
  | NoIp;

const fragmentHeader = 44;

/** Headers that may stand between IPv6 and layer 4. Source: net/ipv6/exthdrs_core.c ipv6_ext_hdr(). */
const extensionNumbers = new Set([0, 43, fragmentHeader, 51, 60]);

/** What a frame holds. Never throws. */
export function dissectFrame(frame: CapturedFrame): Dissected {
  const link = readLinkHeader(frame.linkType, frame.bytes);
  if ('kind' in link) return link;
  const read = readIp(frame.bytes, link.payloadAt, frame.lengthBytes, false, link);
  return 'kind' in read ? read : { kind: 'packet', link, ...read };
}

/** As the frame's own addresses tell; whether a unicast address is this machine's is not known here. */
function packetTypeOf({ cooked, ethDst }: LinkHeader): PacketType {
  if (cooked !== undefined) return cooked === 'host' || cooked === 'outgoing' ? 'unicast' : cooked;
  if (ethDst === 'ff:ff:ff:ff:ff:ff') return 'broadcast';
  return ethDst !== undefined && (Number.parseInt(ethDst.slice(0, 2), 16) & 1) === 1
    ? 'multicast'
    : 'unicast';
}

type ReadIp =
  | {
      readonly packet: Packet;
      readonly checksum: ChecksumVerdict;
      readonly headerChecksum: ChecksumVerdict;
      readonly whole: boolean;
    }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'cut' };

/** The header of either family, up to layer 4. */
interface IpHeader {
  readonly fields: Pick<
    Packet,
    | 'src'
    | 'dst'
    | 'ttl'
    | 'tos'
    | 'flowLabel'
    | 'lengthBytes'
    | 'identification'
    | 'dontFragment'
    | 'moreFragments'
    | 'fragmentOffsetBytes'
    | 'ipOptions'
    | 'extensionHeaders'
    | 'protocol'
  >;
  /** Where layer 4 begins. */
  readonly from: number;
  readonly headerChecksum: ChecksumVerdict;
  /** The source route leads on: the checksum is made for another destination. */
  readonly routed: boolean;
}

type HeaderOrNot = IpHeader | { readonly kind: 'malformed'; readonly why: string } | { readonly kind: 'cut' };

const malformed = (why: string) => ({ kind: 'malformed', why }) as const;

/** Reads an IP packet at an offset. A quoted packet may end anywhere behind its IP header. */
function readIp(bytes: Uint8Array, at: number, frameEnd: number, quoted: boolean, link?: LinkHeader): ReadIp {
  const reader = byteReader(bytes);
  const version = reader.u8(at) >>> 4;
  const family: Family = version === 6 ? 'ipv6' : 'ipv4';
  if (version !== 4 && version !== 6) return malformed('its IP version is neither 4 nor 6');
  const header =
    family === 'ipv4' ? ipv4Header(reader, at, frameEnd, quoted) : ipv6Header(reader, at, frameEnd, quoted);
  if ('kind' in header) return header;
  const { fields, from } = header;
  const packetEnd = at + fields.lengthBytes;
  const to = Math.min(bytes.length, packetEnd);
  const whole = bytes.length >= packetEnd;
  const later = fields.fragmentOffsetBytes > 0;
  const fragment = later || fields.moreFragments;
  const l4 = { family, protocol: fields.protocol, reader, from, to, packetEnd };
  const layer4: Layer4Fields = later ? {} : readLayer4Fields(l4, quoted);
  if (layer4 === 'cut') return { kind: 'cut' };
  if ('malformed' in layer4) return malformed(layer4.malformed);
  const checksum =
    fragment || !whole || quoted || header.routed
      ? 'unknown'
      : layer4ChecksumVerdict({ ...fields, bytes, from, to });
  // Every field by name: spreading half-filled objects costs more than all the rest of the reading.
  let packet: Packet = {
    family,
    src: fields.src,
    dst: fields.dst,
    protocol: fields.protocol,
    ttl: fields.ttl,
    tos: fields.tos,
    ...(fields.flowLabel === undefined ? {} : { flowLabel: fields.flowLabel }),
    lengthBytes: fields.lengthBytes,
    identification: fields.identification,
    dontFragment: fields.dontFragment,
    moreFragments: fields.moreFragments,
    fragmentOffsetBytes: fields.fragmentOffsetBytes,
    ipOptions: fields.ipOptions,
    extensionHeaders: fields.extensionHeaders,
    sport: layer4.sport,
    dport: layer4.dport,
    tcpFlags: layer4.tcpFlags ?? 0,
    seq: layer4.seq ?? 0,
    ack: layer4.ack ?? 0,
    window: layer4.window ?? 0,
    tcpOptions: layer4.tcpOptions ?? [],
    icmpType: layer4.icmpType,
    icmpCode: layer4.icmpCode,
    icmpId: layer4.icmpId,
    icmpSeq: layer4.icmpSeq,
    icmpRest: layer4.icmpRest,
    quote: undefined,
    sctpTag: layer4.sctpTag ?? 0,
    sctpChunks: layer4.sctpChunks ?? '',
    spi: layer4.spi,
    payload: fragment ? undefined : layer4.payload,
    layer4: fragment ? (whole ? hexText(bytes, from, to) : undefined) : layer4.layer4,
    badChecksum: false,
    mark: 0,
    ethSrc: link?.ethSrc,
    ethDst: link?.ethDst,
    packetType: link ? packetTypeOf(link) : 'unicast',
    uid: undefined,
    gid: undefined,
  };
  const type = packet.icmpType;
  if (type !== undefined && !fragment && !quoted && quotesPacket(family, type)) {
    const inner = readIp(bytes.subarray(0, to), from + 8, Number.POSITIVE_INFINITY, true);
    if ('packet' in inner && inner.packet.family === family) packet = { ...packet, quote: inner.packet };
  }
  return { packet, checksum, headerChecksum: header.headerChecksum, whole };
}

function ipv4Header(reader: ByteReader, at: number, frameEnd: number, quoted: boolean): HeaderOrNot {
  const { bytes, u8, u16, u32 } = reader;
  if (frameEnd - at < 20) return malformed('it ends within its IP header');
  if (bytes.length - at < 20) return { kind: 'cut' };
  const headerBytes = (u8(at) & 15) * 4;
  if (headerBytes < 20) return malformed('its IP header has an impossible length');
  const said = u16(at + 2);
  // Packets merged beyond 64 KiB carry no length.
  const lengthBytes = said === 0 && frameEnd - at > 0xffff && !quoted ? frameEnd - at : said;
  if (lengthBytes < headerBytes) return malformed('its IP header is longer than the packet');
  if (at + lengthBytes > frameEnd) return malformed('it is shorter than its IP header says');
  if (bytes.length < at + headerBytes) return { kind: 'cut' };
  const flags = u16(at + 6);
  return {
    fields: {
      src: ipv4(u32(at + 12)),
      dst: ipv4(u32(at + 16)),
      protocol: u8(at + 9),
      ttl: u8(at + 8),
      tos: u8(at + 1),
      lengthBytes,
      identification: u16(at + 4),
      dontFragment: (flags & 0x4000) !== 0,
      moreFragments: (flags & 0x2000) !== 0,
      fragmentOffsetBytes: (flags & 0x1fff) * 8,
      ipOptions: hexText(bytes, at + 20, at + headerBytes),
      extensionHeaders: [],
    },
    from: at + headerBytes,
    headerChecksum: headerChecksumRight(bytes, at, at + headerBytes) ? 'right' : 'wrong',
    routed: false,
  };
}

function ipv6Address({ u32 }: ByteReader, at: number): Address {
  return ipv6(u32(at), u32(at + 4), u32(at + 8), u32(at + 12));
}

function ipv6Header(reader: ByteReader, at: number, frameEnd: number, quoted: boolean): HeaderOrNot {
  const { bytes, u8, u16, u32 } = reader;
  if (frameEnd - at < 40) return malformed('it ends within its IPv6 header');
  if (bytes.length - at < 40) return { kind: 'cut' };
  const said = u16(at + 4);
  // A jumbogram, or packets merged beyond 64 KiB.
  const lengthBytes = said === 0 && frameEnd - at > 0xffff && !quoted ? frameEnd - at : 40 + said;
  const packetEnd = at + lengthBytes;
  if (packetEnd > frameEnd) return malformed('it is shorter than its IPv6 header says');
  const first = u32(at);
  const extensionHeaders: ExtensionHeader[] = [];
  let protocol = u8(at + 6);
  let from = at + 40;
  let identification = 0;
  let moreFragments = false;
  let fragmentOffsetBytes = 0;
  let routed = false;
  while (extensionNumbers.has(protocol) && fragmentOffsetBytes === 0) {
    if (packetEnd - from < 8) {
      if (quoted) break;
      return malformed('it ends within its extension headers');
    }
    if (bytes.length - from < 8) {
      if (quoted) break;
      return { kind: 'cut' };
    }
    const size =
      protocol === fragmentHeader ? 8 : protocol === 51 ? (u8(from + 1) + 2) * 4 : (u8(from + 1) + 1) * 8;
    if (from + size > packetEnd) {
      if (quoted) break;
      return malformed('it ends within its extension headers');
    }
    if (from + size > bytes.length) {
      if (quoted) break;
      return { kind: 'cut' };
    }
    extensionHeaders.push({ protocol, body: hexText(bytes, from + 2, from + size) });
    if (protocol === fragmentHeader) {
      const offset = u16(from + 2);
      fragmentOffsetBytes = offset & 0xfff8;
      moreFragments = (offset & 1) === 1;
      identification = u32(from + 4);
    } else if (protocol === 43 && u8(from + 3) > 0) routed = true;
    protocol = u8(from);
    from += size;
  }
  return {
    fields: {
      src: ipv6Address(reader, at + 8),
      dst: ipv6Address(reader, at + 24),
      protocol,
      ttl: u8(at + 7),
      tos: (first >>> 20) & 0xff,
      flowLabel: first & 0xfffff,
      lengthBytes,
      identification,
      dontFragment: false,
      moreFragments,
      fragmentOffsetBytes,
      ipOptions: '',
      extensionHeaders,
    },
    from,
    headerChecksum: 'unknown',
    routed,
  };
}

/** Fields of the headers behind IP, from bytes that may end early. */

import type { Packet, TcpOption } from '../model/packet.ts';
import type { Family } from '../net/address.ts';
import { type ByteReader, hexText } from './byte-reader.ts';

/** The bytes behind an IP header. */
export interface Layer4Bytes {
  readonly family: Family;
  readonly protocol: number;
  readonly reader: ByteReader;
  readonly from: number;
  /** Where the captured bytes of the packet end. */
  readonly to: number;
  /** Where the packet itself ends. */
  readonly packetEnd: number;
}

/** Fields of the packet; `cut`: the header was not captured as a whole; a text: the header makes no sense. */
export type Layer4Fields = Partial<Packet> | 'cut' | { readonly malformed: string };

/** Bytes of the fixed part of a header. */
const headerBytes: Readonly<Record<number, number>> = { 1: 8, 6: 20, 17: 8, 33: 12, 58: 8, 132: 12, 136: 8 };

const icmpv4Queries = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
const icmpv6Queries = new Set([128, 129]);

/** Types whose bytes behind the header are the packet that they are about. */
export function quotesPacket(family: Family, type: number): boolean {
  return family === 'ipv4' ? [3, 4, 5, 11, 12].includes(type) : type < 128;
}

/** The options of a TCP header, as far as they can be told apart. */
function tcpOptions(reader: ByteReader, from: number, to: number): readonly TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = from; at < to; ) {
    const kind = reader.u8(at);
    if (kind === 0) break;
    if (kind === 1) {
      options.push({ kind, data: '' });
      at++;
      continue;
    }
    const length = at + 1 < to ? reader.u8(at + 1) : 0;
    const sound = length >= 2 && at + length <= to;
    options.push({ kind, data: hexText(reader.bytes, at + 2, sound ? at + length : to) });
    if (!sound) break;
    at += length;
  }
  return options;
}

/** Ports and what else the first bytes hold, for headers that are not whole. */
function beginning({ protocol, reader, from, to }: Layer4Bytes): Partial<Packet> {
  const there = to - from;
  if ([6, 17, 33, 132, 136].includes(protocol))
    return {
      ...(there >= 4 ? { sport: reader.u16(from), dport: reader.u16(from + 2) } : {}),
      ...(protocol === 6 && there >= 8 ? { seq: reader.u32(from + 4) } : {}),
    };
  if ((protocol === 1 || protocol === 58) && there >= 2)
    return { icmpType: reader.u8(from), icmpCode: reader.u8(from + 1) };
  return {};
}

/** Reads the header of a packet that is no fragment, or of a first fragment. */
export function readLayer4Fields(l4: Layer4Bytes, quoted: boolean): Layer4Fields {
  const { family, protocol, reader, from, to, packetEnd } = l4;
  const known = protocol === 1 || protocol === 58 ? protocol === (family === 'ipv4' ? 1 : 58) : true;
  const header = known ? headerBytes[protocol] : undefined;
  const whole = to >= packetEnd;
  const raw = whole ? hexText(reader.bytes, from, to) : undefined;
  if (header === undefined) return bareFields(l4, raw);
  if (packetEnd - from < header) {
    if (!whole && !quoted) return 'cut';
    // The packet itself ends within its header: the kernel finds no ports in it.
    return quoted ? beginning(l4) : { layer4: raw };
  }
  if (to - from < header) return quoted ? beginning(l4) : 'cut';
  const rest = (at: number): string | undefined => (whole ? hexText(reader.bytes, at, to) : undefined);
  const ports = { sport: reader.u16(from), dport: reader.u16(from + 2) };
  switch (protocol) {
    case 6: {
      const length = (reader.u8(from + 12) >>> 4) * 4;
      if (!quoted && (length < header || from + length > packetEnd))
        return { malformed: 'its TCP header has an impossible length' };
      if (!quoted && from + length > to) return 'cut';
      return {
        ...ports,
        seq: reader.u32(from + 4),
        ack: reader.u32(from + 8),
        tcpFlags: reader.u8(from + 13),
        window: reader.u16(from + 14),
        tcpOptions: tcpOptions(reader, from + header, Math.min(from + length, to)),
        payload: rest(from + length),
      };
    }
    case 17:
    case 136:
      return { ...ports, payload: rest(from + header) };
    case 33:
      // The type has no field of its own: the match looks into the bytes.
      return { ...ports, payload: rest(from + header), layer4: raw };
    case 132:
      return {
        ...ports,
        sctpTag: reader.u32(from + 4),
        sctpChunks: hexText(reader.bytes, from + header, to),
        payload: whole ? '' : undefined,
      };
    default:
      return icmpFields(l4, rest(from + header));
  }
}

function icmpFields({ family, reader, from }: Layer4Bytes, payload: string | undefined): Partial<Packet> {
  const icmpType = reader.u8(from);
  const query = (family === 'ipv4' ? icmpv4Queries : icmpv6Queries).has(icmpType);
  return {
    icmpType,
    icmpCode: reader.u8(from + 1),
    ...(query
      ? { icmpId: reader.u16(from + 4), icmpSeq: reader.u16(from + 6) }
      : { icmpRest: reader.u32(from + 4) }),
    payload,
  };
}

/** Protocols without fields of their own are known as bytes; ESP and AH have their SPI. */
function bareFields({ protocol, reader, from, to }: Layer4Bytes, raw: string | undefined): Partial<Packet> {
  const spiAt = protocol === 50 ? from : protocol === 51 ? from + 4 : undefined;
  return {
    layer4: raw,
    payload: raw,
    ...(spiAt !== undefined && spiAt + 4 <= to ? { spi: reader.u32(spiAt) } : {}),
  };
}

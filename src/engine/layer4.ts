/** Layer 4 as bytes: reading reassembled packets, and what a quote keeps. */

import type { Packet, TcpOption } from '../model/packet.ts';
import { tcpHeaderBytes } from '../model/tcp-header.ts';

const number = (hex: string, at: number, bytes: number): number =>
  Number.parseInt(hex.slice(at * 2, (at + bytes) * 2) || '0', 16) || 0;

/** The options of a TCP header. */
export function readTcpOptions(hex: string): readonly TcpOption[] {
  const out: TcpOption[] = [];
  for (let at = 0; at * 2 < hex.length; ) {
    const kind = number(hex, at, 1);
    if (kind === 0) break;
    if (kind === 1) {
      out.push({ kind, data: '' });
      at++;
      continue;
    }
    const length = number(hex, at + 1, 1);
    if (length < 2 || (at + length) * 2 > hex.length) {
      // Cut short: nobody reads on from here.
      out.push({ kind, data: hex.slice((at + 2) * 2) });
      break;
    }
    out.push({ kind, data: hex.slice((at + 2) * 2, (at + length) * 2) });
    at += length;
  }
  return out;
}

/** Ports are known from the first four bytes on. */
const portsOf = (hex: string): Partial<Packet> =>
  hex.length < 8 ? {} : { sport: number(hex, 0, 2), dport: number(hex, 2, 2) };

/** The fields that a protocol's header gives; `{}` where the bytes do not hold it. */
export function readLayer4(protocol: number, hex: string): Partial<Packet> {
  const bytes = hex.length / 2;
  switch (protocol) {
    case 6: {
      if (bytes < 20)
        return {
          ...portsOf(hex),
          ...(bytes >= 8 ? { seq: number(hex, 4, 4) } : {}),
          ...(bytes >= 16
            ? { ack: number(hex, 8, 4), tcpFlags: number(hex, 13, 1), window: number(hex, 14, 2) }
            : {}),
        };
      const header = (number(hex, 12, 1) >>> 4) * 4;
      return {
        ...portsOf(hex),
        seq: number(hex, 4, 4),
        ack: number(hex, 8, 4),
        tcpFlags: number(hex, 13, 1),
        window: number(hex, 14, 2),
        tcpOptions: readTcpOptions(hex.slice(40, header * 2)),
        payload: hex.slice(header * 2),
      };
    }
    case 17:
    case 136:
      if (bytes < 8) return portsOf(hex);
      return { ...portsOf(hex), payload: hex.slice(16) };
    case 33:
      if (bytes < 8) return portsOf(hex);
      return { ...portsOf(hex), payload: hex.slice(24) };
    case 132:
      if (bytes < 8) return portsOf(hex);
      return {
        ...portsOf(hex),
        sctpTag: number(hex, 4, 4),
        sctpChunks: hex.slice(24),
        payload: '',
      };
    case 1:
    case 58: {
      if (bytes < 4) return {};
      return {
        icmpType: number(hex, 0, 1),
        icmpCode: number(hex, 1, 1),
        icmpId: number(hex, 4, 2),
        icmpSeq: number(hex, 6, 2),
        payload: hex.slice(16),
      };
    }
    case 50:
      return bytes < 4 ? {} : { spi: number(hex, 0, 4), payload: hex };
    case 51:
      return bytes < 8 ? {} : { spi: number(hex, 4, 4), payload: hex };
    default:
      return { payload: hex };
  }
}

/** Bytes of the layer-3 header, options and extension headers included. */
export function headerBytes(packet: Packet): number {
  if (packet.family === 'ipv4') return 20 + packet.ipOptions.length / 2;
  let n = 40;
  for (const h of packet.extensionHeaders) n += 2 + h.body.length / 2;
  return n;
}

/** Bytes of the layer-4 header that the kernel parses before data begins. */
export function layer4HeaderBytes(packet: Packet): number {
  switch (packet.protocol) {
    case 6:
      return tcpHeaderBytes(packet);
    case 17:
    case 136:
    case 1:
    case 58:
      return 8;
    case 132:
      return 12;
    case 33:
      // A request: 48-bit sequence numbers and a service code.
      return 20;
    default:
      return 0;
  }
}

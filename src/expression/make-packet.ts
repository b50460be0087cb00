/** Packets from a few values: defaults of the one defaults table, and the length that follows from the headers. */

import { type Packet, tcpFlag } from '../model/packet.ts';
import { hasPorts } from '../net/protocols.ts';

/** What must be given; everything else has a default. */
export type PacketInit = Partial<Packet> & Pick<Packet, 'family' | 'src' | 'dst' | 'protocol'>;

/** Layer-4 header lengths in bytes, options aside. */
function headerBytes(protocol: number): number {
  switch (protocol) {
    case 6:
      return 20;
    case 17:
    case 136:
    case 1:
    case 58:
      return 8;
    case 132:
      // Common header and an INIT chunk.
      return 12 + 20;
    case 33:
      return 16;
    default:
      return 0;
  }
}

/**
 * A whole packet: TCP SYN, echo request, ports 40000 and 80, TTL 64, as the defaults table says; the length is that
 * of the headers and the payload.
 */
export function makePacket(init: PacketInit): Packet {
  const { family, protocol } = init;
  const ports = hasPorts(protocol);
  const icmp = protocol === (family === 'ipv4' ? 1 : 58);
  const later = (init.fragmentOffsetBytes ?? 0) > 0;
  const tcpOptions = init.tcpOptions ?? [];
  const tcpOptionBytes = Math.ceil(tcpOptions.reduce((sum, o) => sum + 2 + o.data.length / 2, 0) / 4) * 4;
  const echo = family === 'ipv4' ? 8 : 128;
  const icmpType = icmp && !later ? (init.icmpType ?? echo) : undefined;
  const query = icmpType === echo || icmpType === (family === 'ipv4' ? 0 : 129);
  return {
    family,
    src: init.src,
    dst: init.dst,
    protocol,
    ttl: init.ttl ?? 64,
    tos: init.tos ?? 0,
    lengthBytes:
      init.lengthBytes ??
      (family === 'ipv4' ? 20 : 40) +
        (init.ipOptions ?? '').length / 2 +
        (protocol === 6 ? tcpOptionBytes : 0) +
        headerBytes(protocol) +
        (init.payload ?? '').length / 2,
    identification: init.identification ?? 0,
    dontFragment: init.dontFragment ?? false,
    moreFragments: init.moreFragments ?? false,
    fragmentOffsetBytes: init.fragmentOffsetBytes ?? 0,
    ipOptions: init.ipOptions ?? '',
    extensionHeaders: init.extensionHeaders ?? [],
    sport: ports && !later ? (init.sport ?? 40000) : undefined,
    dport: ports && !later ? (init.dport ?? 80) : undefined,
    tcpFlags: protocol === 6 && !later ? (init.tcpFlags ?? tcpFlag.SYN) : 0,
    seq: init.seq ?? 1000,
    ack: init.ack ?? 0,
    window: init.window ?? 64240,
    tcpOptions,
    icmpType,
    icmpCode: icmpType === undefined ? undefined : (init.icmpCode ?? 0),
    icmpId: init.icmpId ?? (query ? 1 : undefined),
    icmpSeq: init.icmpSeq ?? (query ? 1 : undefined),
    icmpRest: init.icmpRest,
    quote: init.quote,
    sctpTag: init.sctpTag ?? 0,
    sctpChunks: init.sctpChunks ?? (protocol === 132 ? `01000014${'00000001'.repeat(4)}` : ''),
    spi: init.spi,
    payload: init.payload,
    layer4: init.layer4,
    badChecksum: init.badChecksum ?? false,
    mark: init.mark ?? 0,
    ethSrc: init.ethSrc,
    ethDst: init.ethDst,
    packetType: init.packetType ?? 'unicast',
    uid: init.uid,
    gid: init.gid,
  };
}

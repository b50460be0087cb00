/** Packets as frames, and back. */

import { dissectFrame } from '../capture/dissect.ts';
import { packetBytes } from '../extensions/packet-bytes.ts';
import type { Packet } from '../model/packet.ts';
import { macBytes } from '../net/mac.ts';
import { concat } from './netlink.ts';

const ethernet = 1;
const rawIp = 101;
const etherTypes = { ipv4: [0x08, 0x00], ipv6: [0x86, 0xdd] } as const;

/** Ethernet address of whoever sends to the machine, where the packet does not say. */
const strangerMac = '02:00:00:00:ff:01';

/** The packet in an Ethernet frame to an interface with this address. */
export function frameOf(packet: Packet, interfaceMac: string): Uint8Array {
  const to = packet.ethDst ?? destinationMac(packet, interfaceMac);
  const head = Uint8Array.from([
    ...macBytes(to),
    ...macBytes(packet.ethSrc ?? strangerMac),
    ...etherTypes[packet.family],
  ]);
  return concat([head, packetBytes(packet).bytes]);
}

/** How the frame of a packet of this type is addressed. Source: RFC 1112 section 6.4, RFC 2464 section 7. */
function destinationMac({ packetType, family, dst }: Packet, interfaceMac: string): string {
  const hex = (n: number): string => (n & 0xff).toString(16).padStart(2, '0');
  const low = [dst.w3 >>> 16, dst.w3 >>> 8, dst.w3];
  switch (packetType) {
    case 'broadcast':
      return 'ff:ff:ff:ff:ff:ff';
    case 'otherhost':
      return '02:00:00:00:ff:02';
    case 'multicast':
      return family === 'ipv4'
        ? ['01', '00', '5e', hex((low[0] ?? 0) & 0x7f), hex(low[1] ?? 0), hex(low[2] ?? 0)].join(':')
        : ['33', '33', hex(dst.w3 >>> 24), ...low.map(hex)].join(':');
    default:
      return interfaceMac;
  }
}

/** The packet of a frame that the machine sent; undefined for other protocols than IP. */
export function packetOfFrame(bytes: Uint8Array): Packet | undefined {
  return dissect(bytes, ethernet);
}

/** The packet that begins with these bytes; undefined where they are too few. */
export function packetOfBytes(bytes: Uint8Array): Packet | undefined {
  return dissect(bytes, rawIp);
}

function dissect(bytes: Uint8Array, linkType: number): Packet | undefined {
  const found = dissectFrame({
    number: 1,
    offsetBytes: 0,
    linkType,
    timeMs: undefined,
    interfaceName: undefined,
    direction: undefined,
    bytes,
    lengthBytes: bytes.length,
  });
  return found.kind === 'packet' ? found.packet : undefined;
}

/** One packet as plain data: what the simulator walks through the hooks. */

import type { Address, Family } from '../net/address.ts';

/** TCP flag bits as in byte 13 of the header (RFC 9293 §3.1). */
export const tcpFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

/** A TCP option as it stands in the header. `data` is hexadecimal, without kind and length bytes. */
export interface TcpOption {
  readonly kind: number;
  readonly data: string;
}

/** An IPv6 extension header in the order of the packet. `body` is hexadecimal, from its third byte on. */
export interface ExtensionHeader {
  readonly protocol: number;
  readonly body: string;
}

/** How the frame was addressed, as `-m pkttype` sees it. */
export type PacketType = 'unicast' | 'broadcast' | 'multicast' | 'otherhost';

/**
 * A packet. All numbers are in host order, lengths in bytes. Fields that a protocol does not have are undefined.
 * Text encodings: `payload`, `ipOptions`, `layer4` are hexadecimal without blanks.
 */
export interface Packet {
  readonly family: Family;
  readonly src: Address;
  readonly dst: Address;
  /** IANA protocol number; for IPv6 the one after all extension headers. */
  readonly protocol: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** Whole TOS byte or traffic class, ECN bits included. */
  readonly tos: number;
  /** IPv6 flow label, 20 bits; absent: not known. */
  readonly flowLabel?: number;
  /** Length of the layer-3 packet with its header (IPv6: 40 + payload length). */
  readonly lengthBytes: number;
  /** IPv4 identification, or the identification of the IPv6 fragment header. */
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffsetBytes: number;
  readonly ipOptions: string;
  readonly extensionHeaders: readonly ExtensionHeader[];
  /** Source and destination port (TCP, UDP, UDP-Lite, SCTP, DCCP); undefined in later fragments. */
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  /** Bits of {@link tcpFlag}; zero for other protocols. */
  readonly tcpFlags: number;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  readonly tcpOptions: readonly TcpOption[];
  readonly icmpType: number | undefined;
  readonly icmpCode: number | undefined;
  /** Identifier and sequence number of queries (echo, timestamp, …). */
  readonly icmpId: number | undefined;
  readonly icmpSeq: number | undefined;
  /** The 32 bits after the ICMP checksum, where they are not id and sequence: e.g. the MTU of an error. */
  readonly icmpRest: number | undefined;
  /** The packet that an ICMP error quotes, as far as it is quoted. */
  readonly quote: Packet | undefined;
  /** SCTP: verification tag and chunks (hexadecimal). */
  readonly sctpTag: number;
  readonly sctpChunks: string;
  /** SPI of AH or ESP; call id and the like have no field. */
  readonly spi: number | undefined;
  /** Bytes after the layer-4 header; undefined: not known (a match on contents answers "unknown"). */
  readonly payload: string | undefined;
  /** Everything after the IP header where only raw bytes are known (fragments). */
  readonly layer4: string | undefined;
  /** The layer-4 checksum is wrong. */
  readonly badChecksum: boolean;
  /** Packet mark (skb->mark), unsigned 32 bits. */
  readonly mark: number;
  /** Ethernet addresses `aa:bb:cc:dd:ee:ff`, only for packets that came in by Ethernet. */
  readonly ethSrc: string | undefined;
  readonly ethDst: string | undefined;
  readonly packetType: PacketType;
  /** Owner of the sending socket: packets of this machine's processes only. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** A packet under the hands of targets. */
export type MutablePacket = { -readonly [K in keyof Packet]: Packet[K] };

/**
 * From a frame to the IP packet in it.
 *
 * Source: https://www.tcpdump.org/linktypes.html.
 */

import { byteReader } from './byte-reader.ts';

/** How the recording machine saw a frame, as the Linux cooked headers tell. */
type CookedType = 'host' | 'broadcast' | 'multicast' | 'otherhost' | 'outgoing';

/** What the headers in front of IP say. */
export interface LinkHeader {
  /** Where layer 3 begins in the frame. */
  readonly payloadAt: number;
  readonly ethSrc: string | undefined;
  readonly ethDst: string | undefined;
  /** VLAN ids from the outer to the inner one; priority tags (id 0) are left out. */
  readonly vlans: readonly number[];
  readonly cooked: CookedType | undefined;
  /** Index of the interface on the recording machine. */
  readonly interfaceIndex: number | undefined;
  /** The frame was seen on a loopback interface. */
  readonly loopback: boolean;
}

/** Why a frame holds no IP packet for the rules. */
export type NoIp =
  | { readonly kind: 'not-ip'; readonly what: string }
  | { readonly kind: 'cut' }
  | { readonly kind: 'unknown-link-type'; readonly linkType: number };

const etherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  qinq: 0x88a8,
  pppoe: 0x8864,
} as const;

const etherNames: Readonly<Record<number, string>> = {
  2054: 'ARP',
  32821: 'RARP',
  34887: 'MPLS',
  34915: 'PPPoE discovery',
  34916: 'PPPoE',
  34958: '802.1X',
  35020: 'LLDP',
};

/** More tags than any network has. */
const vlanTagsMax = 4;

const loopbackHardware = 772;

const cookedTypes: readonly CookedType[] = ['host', 'broadcast', 'multicast', 'otherhost', 'outgoing'];

const plain: LinkHeader = {
  payloadAt: 0,
  ethSrc: undefined,
  ethDst: undefined,
  vlans: [],
  cooked: undefined,
  interfaceIndex: undefined,
  loopback: false,
};

function macAt(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 6), (b) => b.toString(16).padStart(2, '0')).join(':');
}

/** Finds layer 3 in a frame. */
export function readLinkHeader(linkType: number, bytes: Uint8Array): LinkHeader | NoIp {
  const { u8, u16, u32 } = byteReader(bytes);
  const cut: NoIp = { kind: 'cut' };
  switch (linkType) {
    case 1: {
      if (bytes.length < 14) return cut;
      const header = { ...plain, ethDst: macAt(bytes, 0), ethSrc: macAt(bytes, 6) };
      return behindTags(bytes, u16(12), 14, header);
    }
    case 113: {
      if (bytes.length < 16) return cut;
      const hardware = u16(2);
      const header: LinkHeader = {
        ...plain,
        cooked: cookedTypes[u16(0)],
        loopback: hardware === loopbackHardware,
        ethSrc: hardware === 1 && u16(4) === 6 ? macAt(bytes, 6) : undefined,
      };
      return behindTags(bytes, u16(14), 16, header);
    }
    case 276: {
      if (bytes.length < 20) return cut;
      const hardware = u16(8);
      const header: LinkHeader = {
        ...plain,
        cooked: cookedTypes[u8(10)],
        interfaceIndex: u32(4),
        loopback: hardware === loopbackHardware,
        ethSrc: hardware === 1 && u8(11) === 6 ? macAt(bytes, 12) : undefined,
      };
      return behindTags(bytes, u16(0), 20, header);
    }
    // Raw IP; 12 and 14 are what some systems write for it.
    case 101:
    case 12:
    case 14:
    case 228:
    case 229:
      return bytes.length === 0 ? cut : ipAt(bytes, plain);
    // The address family in the recorder's byte order, or in network order: the IP version says as much.
    case 0:
    case 108:
      return bytes.length < 5 ? cut : ipAt(bytes, { ...plain, payloadAt: 4, loopback: true });
    case 9:
    case 50: {
      const at = u8(0) === 0xff && u8(1) === 0x03 ? 2 : 0;
      if (bytes.length < at + 3) return cut;
      const short = (u8(at) & 1) === 1;
      const protocol = short ? u8(at) : u16(at);
      if (protocol !== 0x21 && protocol !== 0x57) return { kind: 'not-ip', what: 'PPP control' };
      return ipAt(bytes, { ...plain, payloadAt: at + (short ? 1 : 2) });
    }
    default:
      return { kind: 'unknown-link-type', linkType };
  }
}

function ipAt(bytes: Uint8Array, header: LinkHeader): LinkHeader | NoIp {
  const version = (bytes[header.payloadAt] ?? 0) >>> 4;
  return version === 4 || version === 6 ? header : { kind: 'not-ip', what: 'no IP' };
}

/** Passes over VLAN tags. */
function behindTags(bytes: Uint8Array, type: number, at: number, header: LinkHeader): LinkHeader | NoIp {
  const { u16 } = byteReader(bytes);
  const vlans: number[] = [];
  let inner = type;
  let payloadAt = at;
  for (let tags = 0; inner === etherType.vlan || inner === etherType.qinq; tags++) {
    if (tags === vlanTagsMax) return { kind: 'not-ip', what: 'too many VLAN tags' };
    if (bytes.length < payloadAt + 4) return { kind: 'cut' };
    const id = u16(payloadAt) & 0xfff;
    if (id !== 0) vlans.push(id);
    inner = u16(payloadAt + 2);
    payloadAt += 4;
  }
  if (inner === etherType.ipv4 || inner === etherType.ipv6) {
    const found = { ...header, payloadAt, vlans };
    return bytes.length <= payloadAt ? { kind: 'cut' } : ipAt(bytes, found);
  }
  const what =
    inner < 0x600 ? '802.3' : (etherNames[inner] ?? `Ethernet type 0x${inner.toString(16).padStart(4, '0')}`);
  return { kind: 'not-ip', what };
}

/** Names of link types that are often met and not read here. */
export function linkTypeName(linkType: number): string {
  const names: Readonly<Record<number, string>> = {
    105: 'IEEE 802.11',
    127: '802.11 with radiotap',
    189: 'USB',
    192: 'PPI',
    195: 'IEEE 802.15.4',
    220: 'USB',
    239: 'NFLOG',
    253: 'netlink',
  };
  const name = names[linkType];
  return name === undefined ? String(linkType) : `${linkType} (${name})`;
}

/**
 * IPv6-to-IPv6 network prefix translation (RFC 6296), as SNPT and DNPT do it: stateless, and neutral to checksums where the
 * address has the prefix that is translated.
 *
 * Source: net/ipv6/netfilter/ip6t_NPT.c ip6t_npt_checkentry(), ip6t_npt_map_pfx().
 */

import type { MutablePacket } from '../model/packet.ts';
import {
  type Address,
  addressFromBigInt,
  addressToBigInt,
  type Network,
  networkContains,
  prefixLength,
  sameAddress,
} from '../net/address.ts';
import { networkText } from '../net/address-text.ts';
import { type OptionSpec, type Refusal, refuse } from './define.ts';
import { hostMask } from './host-address.ts';
import { option } from './printed-words.ts';

/** The two prefixes of SNPT and DNPT. */
export interface PrefixTranslationData {
  readonly srcPrefix: Network;
  readonly dstPrefix: Network;
}

/** Options that SNPT and DNPT share. */
export const prefixTranslationOptions = {
  'src-pfx': { type: hostMask, required: true },
  'dst-pfx': { type: hostMask, required: true },
} as const satisfies Readonly<Record<string, OptionSpec<Network>>>;

/** Refuses prefixes that the kernel does not take: longer than 64 bits, or with host bits. */
export function checkPrefixes(name: string, data: PrefixTranslationData): Refusal | undefined {
  for (const [key, { address, mask }] of [
    ['src-pfx', data.srcPrefix],
    ['dst-pfx', data.dstPrefix],
  ] as const) {
    const fault =
      (prefixLength(mask) ?? 128) > 64
        ? 'is longer than 64 bits'
        : networkContains({ address, mask }, address) && sameAddress(hostBits(address, mask), noBits)
          ? undefined
          : 'has bits behind its length';
    if (fault) {
      return refuse(
        'bad-prefix',
        `${name}: the prefix ${fault}: the kernel refuses the rule (Invalid argument)`,
        {
          option: `--${key}`,
        },
      );
    }
  }
  return undefined;
}

const noBits: Address = { family: 'ipv6', w0: 0, w1: 0, w2: 0, w3: 0 };

const hostBits = (a: Address, m: Address): Address => ({
  family: 'ipv6',
  w0: (a.w0 & ~m.w0) >>> 0,
  w1: (a.w1 & ~m.w1) >>> 0,
  w2: (a.w2 & ~m.w2) >>> 0,
  w3: (a.w3 & ~m.w3) >>> 0,
});

/** `--src-pfx A --dst-pfx B` as iptables-save prints it. */
export const printPrefixes = (d: PrefixTranslationData): readonly string[] => [
  option('src-pfx', networkText(d.srcPrefix)),
  option('dst-pfx', networkText(d.dstPrefix)),
];

/** The eight 16-bit words of an address, most significant first. */
const words16 = (a: Address): number[] => [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [w >>> 16, w & 0xffff]);

/** Sum in one's complement arithmetic of 16 bits. */
function fold(sum: number): number {
  let s = sum;
  while (s > 0xffff) s = (s & 0xffff) + Math.floor(s / 0x10000);
  return s;
}

/** Folded sum of an address. */
const sumOf = (a: Address): number => fold(words16(a).reduce((x, y) => x + y, 0));

const translatedLength = (d: PrefixTranslationData): number =>
  Math.max(prefixLength(d.srcPrefix.mask) ?? 0, prefixLength(d.dstPrefix.mask) ?? 0);

/** Whether every address has a translation. Behind more than 48 bits, a host part of all ones has none. */
export const translatesAll = (d: PrefixTranslationData): boolean => translatedLength(d) <= 48;

/** Protocols whose checksum covers the addresses. */
const summedProtocols = new Set([6, 17, 33, 58, 136]);

/**
 * Writes a translated address into the packet. The translation is neutral to checksums only for addresses that have the
 * prefix to translate, which the kernel does not look at: of any other one, the packet's checksum is wrong behind it.
 */
export function writeTranslated(packet: MutablePacket, field: 'src' | 'dst', translated: Address): void {
  // The same sum may be said as 0 and as 0xffff.
  const sums = sumOf(packet[field]) % 0xffff === sumOf(translated) % 0xffff;
  if (!sums && summedProtocols.has(packet.protocol)) packet.badChecksum = true;
  packet[field] = translated;
}

/** Makes the translation of an address; undefined: the address cannot be translated. */
export function prefixTranslator(d: PrefixTranslationData): (a: Address) => Address | undefined {
  const length = translatedLength(d);
  const keep = (1n << BigInt(128 - length)) - 1n;
  const prefix = addressToBigInt(d.dstPrefix.address) & ~keep;
  const adjustment = fold(sumOf(d.srcPrefix.address) + (~sumOf(d.dstPrefix.address) & 0xffff));
  return (a) => {
    const words = words16(addressFromBigInt('ipv6', (addressToBigInt(a) & keep) | prefix));
    // The difference goes into the subnet part, or into the first interface word that can take it.
    const at = length <= 48 ? 3 : words.findIndex((w, i) => i >= 4 && w !== 0xffff);
    if (at < 0) return undefined;
    const adjusted = fold((words[at] ?? 0) + adjustment);
    words[at] = adjusted === 0xffff ? 0 : adjusted;
    return addressFromBigInt(
      'ipv6',
      words.reduce((value, w) => (value << 16n) | BigInt(w), 0n),
    );
  };
}

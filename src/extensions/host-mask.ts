/**
 * `address[/mask]` as options read it that go by getaddrinfo(3): short addresses as inet_aton(3) has them, host
 * bits kept for printing, masks with holes taken and ignored.
 *
 * Source: iptables 1.8.9 libxtables/xtoptions.c xtopt_parse_hostmask().
 */

import {
  type Address,
  addressBits,
  type Network,
  network,
  prefixLength,
  prefixMask,
} from '../net/address.ts';
import { addressText, parseAddress, parseInetAton } from '../net/address-text.ts';
import { parseUnsigned } from '../net/integer-text.ts';
import { type OptionType, refuse } from './define.ts';

/** An address as it was written, and how many of its leading bits count. */
export interface HostMask {
  readonly address: Address;
  readonly prefixLength: number;
}

export const hostMask: OptionType<HostMask> = {
  arity: 1,
  placeholder: 'address[/mask]',
  shape: { kind: 'network' },
  parse(words, context) {
    const text = words[0] ?? '';
    const slash = text.indexOf('/');
    const host = slash < 0 ? text : text.slice(0, slash);
    const read = (t: string) => (context.family === 'ipv4' ? parseInetAton(t) : parseAddress('ipv6', t));
    const address = read(host);
    if (!address)
      return refuse(
        'bad-address',
        `${context.extension}: "${host}" is no ${context.family === 'ipv4' ? 'IPv4' : 'IPv6'} address`,
        { word: host === '' ? text : host, option: context.option },
      );
    const bits = addressBits(context.family);
    if (slash < 0) return { address, prefixLength: bits };
    const maskWord = text.slice(slash + 1);
    const length = parseUnsigned(maskWord, bits);
    if (length !== undefined) return { address, prefixLength: length };
    const mask = read(maskWord);
    return mask
      ? { address, prefixLength: prefixLength(mask) ?? bits }
      : refuse(
          'bad-mask',
          `${context.extension}: bad value for option "${context.option}", neither a valid network mask nor valid CIDR (0-${bits}).`,
          { word: context.option, option: context.option },
        );
  },
};

/** The network that counts. */
export function hostMaskNetwork({ address, prefixLength: length }: HostMask): Network {
  return network(address, prefixMask(address.family, length));
}

/** `1.2.3.4`, `1.2.3.4/24`; the full length only `withFullLength`. */
export function hostMaskText(h: HostMask, withFullLength = false): string {
  const text = addressText(h.address);
  return !withFullLength && h.prefixLength === addressBits(h.address.family)
    ? text
    : `${text}/${h.prefixLength}`;
}

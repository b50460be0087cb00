/**
 * Addresses where iptables asks getaddrinfo(3): `--gateway`, `--on-ip`, `--to` of NETMAP, `--src-pfx`. Unlike `-s`
 * and `-d`, these read `010` as octal and `1.2.3` as 1.2.0.3.
 *
 * Source: iptables 1.8.9 libxtables/xtoptions.c xtopt_parse_host(), xtopt_parse_plenmask(); seen with 1.8.9.
 */

import {
  type Address,
  addressBits,
  type Family,
  type Network,
  network,
  prefixLength,
  prefixMask,
} from '../net/address.ts';
import { parseInetAton, parseIpv6 } from '../net/address-text.ts';
import { parseUnsigned } from '../net/integer-text.ts';
import { type OptionType, type Refusal, refuse } from './define.ts';

function readHost(family: Family, text: string, option: string): Address | Refusal {
  const address = family === 'ipv4' ? parseInetAton(text) : parseIpv6(text);
  if (address) return address;
  const otherFamily = family === 'ipv4' ? parseIpv6(text) : parseInetAton(text);
  return refuse(
    'bad-address',
    otherFamily
      ? 'getaddrinfo: Address family for hostname not supported'
      : 'getaddrinfo: Name or service not known',
    {
      option,
      ...(text === '' ? {} : { word: text }),
      hint: otherFamily
        ? `expected an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`
        : 'host names are looked up only when iptables loads the rule; write the address',
    },
  );
}

/** One address. */
export const hostAddress: OptionType<Address> = {
  arity: 1,
  placeholder: 'address',
  shape: { kind: 'address' },
  parse: (words, context) => readHost(context.family, words[0] ?? '', context.option),
};

/**
 * A prefix length or a mask. A mask with holes counts as all ones, and so does a length that is too large in IPv4,
 * for `33` is the mask 0.0.0.33 then.
 */
export function readMask(family: Family, text: string, extension: string, option: string): Address | Refusal {
  const bits = addressBits(family);
  const length = parseUnsigned(text, bits);
  if (length !== undefined) return prefixMask(family, length);
  const mask = text === '' ? undefined : readHost(family, text, option);
  if (mask === undefined || 'refusal' in mask) {
    return refuse(
      'bad-mask',
      `${extension}: bad value for option "${option}", neither a valid network mask nor valid CIDR (0-${bits})`,
      { word: option, option },
    );
  }
  return prefixLength(mask) === undefined ? prefixMask(family, bits) : mask;
}

/** `address[/mask]`: the address with its host bits as they were written. */
export const hostMask: OptionType<Network> = {
  arity: 1,
  placeholder: 'address[/mask]',
  shape: { kind: 'network' },
  parse(words, { family, extension, option }) {
    const text = words[0] ?? '';
    const slash = text.indexOf('/');
    const mask =
      slash < 0
        ? prefixMask(family, addressBits(family))
        : readMask(family, text.slice(slash + 1), extension, option);
    if ('refusal' in mask) return mask;
    const address = readHost(family, slash < 0 ? text : text.slice(0, slash), option);
    return 'refusal' in address ? address : { address, mask };
  },
};

/** The network that a {@link hostMask} stands for: without its host bits. */
export function hostMaskNetwork({ address, mask }: Network): Network {
  return network(address, mask);
}

/** `--to-source` and `--to-destination`: addresses, ports and how they print. */

import type { AddressRange } from '../net/address.ts';
import { compareAddresses } from '../net/address.ts';
import { addressText, parseAddress, parseIpv4 } from '../net/address-text.ts';
import { parseUnsigned } from '../net/integer-text.ts';
import { parsePort } from '../net/services.ts';
import { type NatRange, type OptionType, type ParseContext, type Refusal, refuse } from './define.ts';

export const noRange: NatRange = {
  addresses: undefined,
  ports: undefined,
  basePort: undefined,
  random: false,
  randomFully: false,
  persistent: false,
  netmap: false,
};

/** Protocols whose rules may name ports in a NAT range: TCP, UDP, SCTP, DCCP, and ICMP for its identifiers. */
const withPorts: readonly (number | undefined)[] = [6, 17, 132, 33, 1];

/** Refuses ports in the range of a rule whose `-p` has none. */
export function portsNeedProtocol(context: ParseContext): Refusal | undefined {
  return withPorts.includes(context.protocol)
    ? undefined
    : refuse('needs-protocol', 'Need TCP, UDP, SCTP or DCCP with port specification', {
        option: context.option,
        hint: 'add -p tcp (or udp, sctp, dccp) before the target',
      });
}

/** Ports of a range: `80`, `1000-2000`, and with `shifted` also `1000-2000/8000`. */
export interface NatPorts {
  readonly ports: readonly [low: number, high: number];
  readonly basePort: number | undefined;
}

/** Reads the part after the colon. Source: iptables 1.8.9 extensions/libxt_NAT.c parse_ports(). */
export function readNatPorts(text: string, context: ParseContext, shifted: boolean): NatPorts | Refusal {
  const bad = (word: string): Refusal =>
    refuse('bad-port', `Port \`${word}' not valid`, {
      word: word === '' ? text : word,
      option: context.option,
    });
  const one = (word: string): number | undefined =>
    parseUnsigned(word, 65535) ?? (/^\d/.test(word) ? undefined : parsePort(word));
  const whole = one(text);
  if (whole !== undefined) return { ports: [whole, whole], basePort: undefined };
  const slash = shifted ? text.lastIndexOf('/') : -1;
  const span = slash < 0 ? text : text.slice(0, slash);
  const dash = /^\d+-/.exec(span)?.[0].length;
  if (dash === undefined)
    return span.includes(':')
      ? refuse('bad-port', 'Invalid port:port syntax - use dash', { word: span, option: context.option })
      : bad(span);
  const low = one(span.slice(0, dash - 1));
  const high = one(span.slice(dash));
  if (low === undefined) return bad(span.slice(0, dash - 1));
  if (high === undefined) return bad(span.slice(dash));
  if (high < low)
    return refuse('reversed-range', `Port range \`${span}' funky`, { word: span, option: context.option });
  if (slash < 0) return { ports: [low, high], basePort: undefined };
  const baseText = text.slice(slash + 1);
  const base = one(baseText);
  return base === undefined || base === 0 ? bad(baseText) : { ports: [low, high], basePort: base };
}

function readAddresses(text: string, context: ParseContext): AddressRange | Refusal {
  const dash = text.indexOf('-');
  const ends = dash < 0 ? [text] : [text.slice(0, dash), text.slice(dash + 1)];
  const out = [];
  for (const end of ends) {
    const address = context.family === 'ipv4' ? parseIpv4(end, true) : parseAddress('ipv6', end);
    if (!address) {
      return refuse('bad-address', `Bad IP address "${end}"`, {
        word: end === '' ? text : end,
        option: context.option,
      });
    }
    out.push(address);
  }
  const [low, high = low] = out;
  return low && high
    ? { low, high }
    : refuse('bad-address', `Bad IP address "${text}"`, { word: text, option: context.option });
}

/**
 * `ADDR[-ADDR][:PORT[-PORT][/BASE]]`; IPv6 addresses stand in brackets if ports follow.
 *
 * Source: iptables 1.8.9 extensions/libxt_NAT.c parse_to().
 */
export function natRangeOption(shifted: boolean): OptionType<NatRange> {
  return {
    arity: 1,
    placeholder: '[addr[-addr]][:port[-port]]',
    shape: { kind: 'sequence', parts: [{ kind: 'address' }] },
    parse(words, context) {
      const text = words[0] ?? '';
      let addresses = text;
      let ports: string | undefined;
      if (context.family === 'ipv4') {
        const colon = text.indexOf(':');
        if (colon >= 0) {
          addresses = text.slice(0, colon);
          ports = text.slice(colon + 1);
        }
      } else if (text.startsWith('[')) {
        const close = text.indexOf(']');
        if (close < 0)
          return refuse('bad-address', 'Invalid address format', { word: text, option: context.option });
        addresses = text.slice(1, close);
        ports = text[close + 1] === ':' ? text.slice(close + 2) : undefined;
      } else if (text.startsWith(':') && /^:\d+(-\d+)?$/.test(text)) {
        addresses = '';
        ports = text.slice(1);
      }
      let range = noRange;
      if (ports !== undefined) {
        const refusal = portsNeedProtocol(context);
        if (refusal) return refusal;
        const read = readNatPorts(ports, context, shifted);
        if ('refusal' in read) return read;
        range = { ...range, ports: read.ports, basePort: read.basePort };
      }
      if (addresses === '' && ports !== undefined) return range;
      const read = readAddresses(addresses, context);
      return 'refusal' in read ? read : { ...range, addresses: read };
    },
  };
}

/** The range as iptables-save prints it: `1.2.3.4-1.2.3.9:80-90/8080`, `[2001:db8::1]:80`. */
export function natRangeText(range: NatRange): string {
  let text = '';
  if (range.addresses) {
    const { low, high } = range.addresses;
    const both =
      compareAddresses(low, high) === 0 ? addressText(low) : `${addressText(low)}-${addressText(high)}`;
    text = low.family === 'ipv6' && range.ports ? `[${both}]` : both;
  }
  if (range.ports) text += `:${natPortsText(range)}`;
  return text;
}

/** `80`, `80-90`, `80-90/8080`. */
export function natPortsText(range: NatRange): string {
  if (!range.ports) return '';
  const [low, high] = range.ports;
  return `${low}${high === low ? '' : `-${high}`}${range.basePort === undefined ? '' : `/${range.basePort}`}`;
}

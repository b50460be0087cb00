/** `--to-source`, `--to-destination`, `--to-ports`: addresses, ports and how they print. */

import type { Address, AddressRange } from '../net/address.ts';
import { compareAddresses } from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { readUnsignedPrefix } from '../net/integer-text.ts';
import { findService } from '../net/services.ts';
import {
  type NatRange,
  type OptionType,
  type ParseContext,
  type PrintContext,
  type Refusal,
  type RuleContext,
  refuse,
} from './define.ts';

/** A range that asks for nothing: every address and port is left to the engine. */
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

/** Refuses ports in the range of a rule whose `-p`, negated or not, has none. */
export function portsNeedProtocol(
  range: NatRange,
  context: RuleContext,
  option: string,
): Refusal | undefined {
  return range.ports === undefined || withPorts.includes(context.base.protocol?.value)
    ? undefined
    : refuse('needs-protocol', 'Need TCP, UDP, SCTP or DCCP with port specification', {
        option,
        hint: 'add -p tcp (or udp, sctp, dccp) before the target',
      });
}

/** Ports of a range: `80`, `1000-2000`, and `1000-2000/8000` for a shifted one. */
interface NatPorts {
  readonly ports: readonly [low: number, high: number];
  readonly basePort: number | undefined;
}

/**
 * Reads `80`, `http`, `1000-2000`, `1000-2000/8000`. Names are for single ports and the base port alone.
 *
 * Source: iptables 1.8.9 extensions/libxt_NAT.c parse_ports().
 */
function readNatPorts(text: string, option: string): NatPorts | Refusal {
  const number = (t: string, min: number): { value: number; rest: string } | undefined => {
    const read = /^\s*-/.test(t) ? undefined : readUnsignedPrefix(t);
    return read && read.value >= BigInt(min) && read.value <= 65535n
      ? { value: Number(read.value), rest: read.rest }
      : undefined;
  };
  const bad = (word: string): Refusal =>
    refuse('bad-port', `Port \`${word}' not valid`, { word: word === '' ? text : word, option });
  const garbage = (where: string, rest: string): Refusal =>
    refuse('bad-port', `Garbage after port ${where}: \`${rest}'`, { word: rest, option });

  const first = number(text, 0);
  if (!first) {
    const port = findService(text)?.port;
    return port === undefined ? bad(text) : { ports: [port, port], basePort: undefined };
  }
  if (first.rest === '') return { ports: [first.value, first.value], basePort: undefined };
  if (first.rest.startsWith(':')) {
    return refuse('bad-port', 'Invalid port:port syntax - use dash', { word: text, option });
  }
  if (!first.rest.startsWith('-')) return garbage('value', first.rest);
  const second = number(first.rest.slice(1), 0);
  if (!second) return bad(first.rest.slice(1));
  if (second.value < first.value) {
    return refuse('reversed-range', `Port range \`${first.rest.slice(1)}' funky`, {
      word: first.rest.slice(1),
      option,
    });
  }
  const ports = [first.value, second.value] as const;
  if (second.rest === '') return { ports, basePort: undefined };
  if (!second.rest.startsWith('/')) return garbage('range', second.rest);
  const baseText = second.rest.slice(1);
  const base = number(baseText, 1)?.value ?? findService(baseText)?.port;
  return base === undefined ? bad(baseText) : { ports, basePort: base };
}

/** What an option does with `1000-2000/8000`. */
export type ShiftedPorts =
  /** Keeps the base port. */
  | 'kept'
  /** Reads it and forgets it: the range is shifted from port 0, and printed so. */
  | 'lost'
  | 'refused';

function shifted(read: NatPorts, shift: ShiftedPorts, text: string, option: string): NatPorts | Refusal {
  if (read.basePort === undefined || shift === 'kept') return read;
  return shift === 'lost'
    ? { ports: read.ports, basePort: 0 }
    : refuse('shifted-range', 'Shifted portmap ranges not supported with this kernel', {
        word: text,
        option,
        hint: 'only DNAT knows shifted ranges',
      });
}

function readAddresses(text: string, context: ParseContext): AddressRange | Refusal {
  const dash = text.indexOf('-');
  const ends: Address[] = [];
  for (const end of dash < 0 ? [text] : [text.slice(0, dash), text.slice(dash + 1)]) {
    const address = parseAddress(context.family, end);
    if (!address) {
      return refuse('bad-address', `Bad IP address "${end}"`, {
        word: end === '' ? text : end,
        option: context.option,
      });
    }
    ends.push(address);
  }
  const [low, high = low] = ends;
  return low && high
    ? { low, high }
    : refuse('bad-address', `Bad IP address "${text}"`, { word: text, option: context.option });
}

/**
 * `ADDR[-ADDR][:PORT[-PORT][/BASE]]`; IPv6 addresses stand in brackets if ports follow. Whether the rule's protocol
 * has ports is for {@link portsNeedProtocol}.
 *
 * Source: iptables 1.8.9 extensions/libxt_NAT.c parse_to().
 */
export function natRangeOption(shift: ShiftedPorts): OptionType<NatRange> {
  return {
    arity: 1,
    placeholder: '[addr[-addr]][:port[-port]]',
    shape: { kind: 'sequence', parts: [{ kind: 'address' }] },
    parse(words, context) {
      const text = words[0] ?? '';
      const { option } = context;
      let addresses = text;
      let ports: string | undefined;
      const open = text.indexOf('[');
      if (open >= 0) {
        const close = text.indexOf(']', open);
        if (close < 0 || context.family === 'ipv4')
          return refuse('bad-address', 'Invalid address format', { word: text, option });
        addresses = text.slice(open + 1, close);
        const colon = text.indexOf(':', close);
        if (colon >= 0) ports = text.slice(colon + 1);
      } else {
        const colon = text.indexOf(':');
        // Two colons: an IPv6 address without brackets.
        if (colon >= 0 && !text.includes(':', colon + 1)) {
          addresses = text.slice(0, colon);
          ports = text.slice(colon + 1);
        }
      }
      let range = noRange;
      if (ports !== undefined) {
        const any = readNatPorts(ports, option);
        if ('refusal' in any) return any;
        const read = shifted(any, shift, ports, option);
        if ('refusal' in read) return read;
        range = { ...range, ports: read.ports, basePort: read.basePort };
        if (addresses === '') return range;
      }
      const read = readAddresses(addresses, context);
      return 'refusal' in read ? read : { ...range, addresses: read };
    },
  };
}

/** `PORT[-PORT]` of MASQUERADE and REDIRECT. */
export function natPortsOption(shift: ShiftedPorts): OptionType<NatRange> {
  return {
    arity: 1,
    placeholder: 'port[-port]',
    shape: { kind: 'range', min: 0, max: 65535, separator: '-' },
    parse(words, context) {
      const text = words[0] ?? '';
      const any = readNatPorts(text, context.option);
      if ('refusal' in any) return any;
      const read = shifted(any, shift, text, context.option);
      return 'refusal' in read ? read : { ...noRange, ports: read.ports, basePort: read.basePort };
    },
  };
}

/** The range as iptables-save prints it: `1.2.3.4-1.2.3.9:80-90/8080`, `[2001:db8::1]:80`. */
export function natRangeText(range: NatRange, context: Pick<PrintContext, 'keepMeaning'>): string {
  let text = '';
  if (range.addresses) {
    const { low, high } = range.addresses;
    const both =
      compareAddresses(low, high) === 0 ? addressText(low) : `${addressText(low)}-${addressText(high)}`;
    text = low.family === 'ipv6' && range.ports ? `[${both}]` : both;
  }
  if (range.ports) text += `:${natPortsText(range, context)}`;
  return text;
}

/**
 * `80`, `80-90`, `80-90/8080`. A base port that was lost is printed as `/0`, which does not read back; any other
 * does, and is lost again.
 */
export function natPortsText(range: NatRange, context: Pick<PrintContext, 'keepMeaning'>): string {
  if (!range.ports) return '';
  const [low, high] = range.ports;
  const base = range.basePort === 0 && context.keepMeaning ? 1 : range.basePort;
  return `${low}${high === low ? '' : `-${high}`}${base === undefined ? '' : `/${base}`}`;
}

/** `--random`, `--random-fully`, `--persistent`, as far as they are set, in iptables-save's order. */
export function natFlagTexts(range: NatRange): readonly string[] {
  const out: string[] = [];
  if (range.random) out.push('--random');
  if (range.randomFully) out.push('--random-fully');
  if (range.persistent) out.push('--persistent');
  return out;
}

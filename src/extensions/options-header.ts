/**
 * Hop-by-hop and destination options of IPv6: what the matches hbh and dst have in common.
 *
 * Source: iptables 1.8.9 extensions/libip6t_hbh.c parse_options(), net/ipv6/netfilter/ip6t_hbh.c hbh_mt6().
 */

import type { ExtensionHeader, Packet } from '../model/packet.ts';
import { readUnsignedPrefix } from '../net/integer-text.ts';
import type { PacketSet, PacketSpace } from '../packetset/space.ts';
import { type BoundOption, NO, type OptionType, refuse, type Tri, tri } from './define.ts';
import { findHeader, headerByte, headerLengthBytes } from './extension-headers.ts';
import { option } from './printed-words.ts';

/** An option of the header; without a length any will do. */
export interface HeaderOption {
  readonly type: number;
  readonly lengthBytes: number | undefined;
}

/** What is wanted of the header; both must hold. */
export interface OptionsHeaderData {
  /** Length of the whole header. */
  readonly length: { readonly bytes: number; readonly negated: boolean } | undefined;
  /** The header's first options, in this order. */
  readonly options: readonly HeaderOption[] | undefined;
}

const optionsMax = 16;
const anyLength = 0xff;

/** `type[:length][,…]`, at most 16. Numbers are cut to eight bits; a length of 255 means any. */
export const headerOptions: OptionType<readonly HeaderOption[]> = {
  arity: 1,
  placeholder: 'type[:length][,…]',
  shape: {
    kind: 'list',
    of: {
      kind: 'sequence',
      parts: [{ kind: 'integer', min: 1, max: 255 }, ':', { kind: 'integer', min: 0, max: 254 }],
    },
    separator: ',',
    max: optionsMax,
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const parts = text.split(',');
    const out: HeaderOption[] = [];
    const read = (part: string, what: 'opt' | 'length') => {
      const number = readUnsignedPrefix(part);
      if (number?.rest === '') return Number(BigInt.asUintN(8, number.value));
      const message = number
        ? `${context.extension}: error parsing ${what} \`${part}'`
        : `${context.extension}: no valid digits in ${what} \`${part}'`;
      return refuse('bad-value', message, {
        word: part === '' ? (text === '' ? context.option : text) : part,
        option: context.option,
      });
    };
    for (const part of parts) {
      if (out.length === optionsMax)
        return refuse('too-many-options', 'too many addresses specified', {
          word: text,
          option: context.option,
          hint: `at most ${optionsMax} options`,
        });
      const colon = part.indexOf(':');
      const type = read(colon < 0 ? part : part.slice(0, colon), 'opt');
      if (typeof type !== 'number') return type;
      if (colon >= 0 && type === 0)
        return refuse(
          'bad-value',
          context.extension === 'hbh' ? 'PAD0 has not got length' : "PAD0 hasn't got length",
          { word: part, option: context.option },
        );
      const length = colon < 0 ? anyLength : read(part.slice(colon + 1), 'length');
      if (typeof length !== 'number') return length;
      out.push({ type, lengthBytes: length === anyLength ? undefined : length });
    }
    return out;
  },
};

/** Data of both matches. */
export function bindOptionsHeader(
  length: BoundOption<number> | undefined,
  options: BoundOption<readonly HeaderOption[]> | undefined,
): OptionsHeaderData {
  return {
    length: length && { bytes: length.value, negated: length.negated },
    options: options?.value,
  };
}

const optionsText = (options: readonly HeaderOption[]): string =>
  options.map((o) => `${o.type}${o.lengthBytes === undefined ? '' : `:${o.lengthBytes}`}`).join(',');

/** The options of `-m PREFIX` as iptables-save prints them. */
export function printOptionsHeader(prefix: 'hbh' | 'dst', d: OptionsHeaderData): readonly string[] {
  return [
    ...(d.length ? [option(`${prefix}-len`, String(d.length.bytes), d.length.negated)] : []),
    ...(d.options ? [option(`${prefix}-opts`, optionsText(d.options))] : []),
  ];
}

/** Whether the header begins with these options. */
function beginsWith(header: ExtensionHeader, wanted: readonly HeaderOption[]): boolean {
  let at = 2;
  let left = headerLengthBytes(header) - 2;
  for (const [i, o] of wanted.entries()) {
    if (left < 1 || headerByte(header, at) !== o.type) return false;
    let size = 1;
    if (o.type !== 0) {
      if (left < 2) return false;
      const length = headerByte(header, at + 1) ?? 0;
      if (o.lengthBytes !== undefined && o.lengthBytes !== length) return false;
      size = length + 2;
    }
    if (left < size && i < wanted.length - 1) return false;
    at += size;
    left -= size;
  }
  return true;
}

/** Judges the first header of the kind. */
export function matchOptionsHeader(d: OptionsHeaderData, protocol: number, packet: Packet): Tri {
  const header = findHeader(packet, protocol);
  if (!header) return NO;
  const { length, options } = d;
  if (length && (headerLengthBytes(header) === length.bytes) === length.negated) return NO;
  return tri(!options || beginsWith(header, options));
}

/** Extension headers are no field of packet sets. */
export function optionsHeaderPackets(
  prefix: 'hbh' | 'dst',
  d: OptionsHeaderData,
  space: PacketSpace,
): PacketSet {
  return space.choice({ kind: 'pure', key: [prefix, ...printOptionsHeader(prefix, d)].join(' '), reads: [] });
}

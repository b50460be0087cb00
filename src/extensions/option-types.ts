/**
 * Value types of options: how a word is read, which refusals iptables words how, and the shape of valid text.
 * An extension with a syntax of its own defines its type in its own file.
 *
 * Numbers follow strtoul(3) with base 0, as libxtables reads them: `0x1f`, `010` (octal), `31`.
 * Source: iptables libxtables/xtoptions.c.
 */

import { type Address, addressBits, type Network, network, prefix, prefixMask } from '../net/address.ts';
import { parseAddress, parseIpv4 } from '../net/address-text.ts';
import { parseUnsigned, readUnsignedPrefix } from '../net/integer-text.ts';
import {
  type OptionType,
  type ParseContext,
  type PrintContext,
  type Refusal,
  refuse,
  type TextShape,
} from './define.ts';
import { saveString } from './printed-words.ts';

/** Reads an unsigned 64-bit number with base 0. A leading `+` is taken, as strtoul does; a minus sign is refused. */
export function parseUint64(text: string): bigint | undefined {
  const t = text.startsWith('+') ? text.slice(1) : text;
  let value: bigint;
  if (/^0x[0-9a-f]{1,64}$/i.test(t)) value = BigInt(t);
  else if (/^0[0-7]{1,64}$/.test(t)) value = BigInt(`0o${t.slice(1)}`);
  else if (/^(0|[1-9][0-9]{0,63})$/.test(t)) value = BigInt(t);
  else return undefined;
  return value <= 0xffffffffffffffffn ? value : undefined;
}

function badValue(context: ParseContext, min: number | bigint, max: number | bigint): Refusal {
  return refuse(
    'bad-value',
    `${context.extension}: bad value for option "${context.option}", or out of range (${min}-${max})`,
    { word: context.option, option: context.option },
  );
}

/** An option without a value. */
export const flag: OptionType<true> = {
  arity: 0,
  placeholder: '',
  shape: { kind: 'nothing' },
  parse: () => true,
};

/** One number, both ends included. */
export function integer(
  min: number,
  max: number,
  options: { readonly hex?: boolean } = {},
): OptionType<number> {
  return {
    arity: 1,
    placeholder: 'value',
    shape: { kind: 'integer', min, max, ...(options.hex ? { hex: true } : {}) },
    parse(words, context) {
      const value = parseUnsigned(words[0] ?? '', max);
      return value === undefined || value < min ? badValue(context, min, max) : value;
    },
  };
}

/** An unsigned 64-bit number, kept as decimal text so that data stays JSON. */
export const uint64: OptionType<string> = {
  arity: 1,
  placeholder: 'value',
  shape: { kind: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER },
  parse(words, context) {
    const value = parseUint64(words[0] ?? '');
    return value === undefined ? badValue(context, 0, 0xffffffffffffffffn) : value.toString();
  },
};

/** An inclusive range of numbers as it was written; iptables 1.8.9 takes some reversed ones. */
export interface NumberRange {
  readonly low: number;
  readonly high: number;
}

/**
 * Reads one or two numbers with a colon, as libxtables does: a missing first one is 0, a missing second one `max`.
 *
 * Source: iptables 1.8.9 libxtables/xtoptions.c xtopt_parse_mint().
 */
export function readRange(
  text: string,
  max: bigint,
  context: ParseContext,
): readonly [low: bigint, high: bigint] | Refusal {
  const { extension, option } = context;
  const ends: bigint[] = [];
  let rest = text;
  for (;;) {
    if (ends.length === 2)
      return refuse('bad-value', `${extension}: Too many components for option "${option}" (max: 2)`, {
        word: option,
        option,
      });
    if (rest === '' || rest.startsWith(':')) ends.push(ends.length === 0 ? 0n : max);
    else {
      const number = rest.startsWith('-') ? undefined : readUnsignedPrefix(rest);
      if (!number || number.value > max || (number.value === max && isTooLong(rest, max)))
        return refuse(
          'bad-value',
          `${extension}: bad value for option "${option}" near "${rest}", or out of range (0-${max})`,
          { word: rest, option },
        );
      ends.push(number.value);
      rest = number.rest;
    }
    if (rest === '') break;
    if (!rest.startsWith(':'))
      return refuse(
        'bad-value',
        `${extension}: Argument to "${option}" has unexpected characters near "${rest}"`,
        { word: rest, option },
      );
    rest = rest.slice(1);
  }
  const low = ends[0] ?? 0n;
  return [low, ends[1] ?? low];
}

/** strtoull(3) answers its largest value for what does not fit; libxtables sees errno. */
function isTooLong(text: string, max: bigint): boolean {
  const digits = /^[ \t\n\v\f\r]*\+?(0[xX][0-9a-fA-F]+|[0-9]+)/.exec(text)?.[1] ?? '0';
  return BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits) > max;
}

/**
 * `n`, `a:b`, `a:`, `:b`, `:`. Reversed ranges are kept (1.8.9 takes them, they match nothing) unless
 * `refuseReversed` words why not.
 */
export function integerRange(
  max: number,
  options: { readonly refuseReversed?: string } = {},
): OptionType<NumberRange> {
  return {
    arity: 1,
    placeholder: 'value[:value]',
    shape: { kind: 'range', min: 0, max, separator: ':', open: true },
    parse(words, context) {
      const text = words[0] ?? '';
      const ends = readRange(text, BigInt(max), context);
      if ('refusal' in ends) return ends;
      const [low, high] = [Number(ends[0]), Number(ends[1])];
      if (low > high && options.refuseReversed !== undefined) {
        return refuse('reversed-range', options.refuseReversed, { word: text, option: context.option });
      }
      return { low, high };
    },
  };
}

/** `4`, `0:4`: as iptables-save prints a range. */
export function numberRangeText(range: NumberRange, separator = ':'): string {
  return range.low === range.high ? String(range.low) : `${range.low}${separator}${range.high}`;
}

/** A value under a mask, both unsigned 32 bits. */
export interface MaskedValue {
  readonly value: number;
  readonly mask: number;
}

/** `value[/mask]`; a missing mask is all ones. The value's bits outside of the mask are kept. */
export const markMask: OptionType<MaskedValue> = {
  arity: 1,
  placeholder: 'value[/mask]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 0, max: 0xffffffff, hex: true },
      '/',
      { kind: 'integer', min: 0, max: 0xffffffff, hex: true },
    ],
  },
  parse(words, context) {
    return readMaskedValue(words[0] ?? '', context);
  },
};

/** Reads `value[/mask]`. Source: iptables 1.8.9 libxtables/xtoptions.c xtopt_parse_markmask(). */
export function readMaskedValue(text: string, context: ParseContext): MaskedValue | Refusal {
  const { extension, option } = context;
  const bad = refuse('bad-value', `${extension}: bad integer value for option "${option}", or out of range`, {
    word: option,
    option,
  });
  const number = (t: string) => {
    const read = t.startsWith('-') ? undefined : readUnsignedPrefix(t);
    return read && read.value <= 0xffffffffn ? read : undefined;
  };
  const value = number(text);
  if (!value) return bad;
  const mask = value.rest.startsWith('/')
    ? number(value.rest.slice(1))
    : { value: 0xffffffffn, rest: value.rest };
  if (!mask) return bad;
  return mask.rest === ''
    ? { value: Number(value.value), mask: Number(mask.value) }
    : refuse('bad-value', `${extension}: trailing garbage after value for option "${option}"`, {
        word: option,
        option,
      });
}

/** `0x1`, `0x1/0xff`: as iptables-save prints a match on a mark. */
export function maskedText({ value, mask }: MaskedValue): string {
  return mask === 0xffffffff ? hex(value) : `${hex(value)}/${hex(mask)}`;
}

/** `0x1f`, without padding. */
export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** Characters that a word may hold without quotes. */
const readsBackBare = /^[^\s"'\\#]+$/;

/**
 * A word that iptables-save prints bare, whatever it holds. Where the meaning must be kept, a word that would not
 * read back gets its quotes.
 */
export function bareText(word: string, context: Pick<PrintContext, 'keepMeaning'>): string {
  return context.keepMeaning && !readsBackBare.test(word) ? saveString(word) : word;
}

/** One of a few words. `refusal` words what iptables says of any other; `match` decides (default: exact). */
export function oneOf<const T extends string>(
  values: readonly T[],
  refusal: (word: string) => string,
  options: { readonly ignoreCase?: boolean; readonly quoted?: 'word' | 'option' } = {},
): OptionType<T> {
  return {
    arity: 1,
    placeholder: values.join('|'),
    shape: { kind: 'words', values },
    parse(words, context) {
      const text = words[0] ?? '';
      const found = values.find((v) =>
        options.ignoreCase ? v.toLowerCase() === text.toLowerCase() : v === text,
      );
      return (
        found ??
        refuse('bad-value', refusal(text), {
          word: options.quoted === 'option' ? context.option : text,
          option: context.option,
        })
      );
    },
  };
}

/** Free text, cut at `maxBytes` bytes of UTF-8 or refused beyond it as `tooLong` words it. */
export function freeText(
  maxBytes: number,
  options: { readonly minBytes?: number; readonly tooLong: 'cut' | ((max: number) => string) },
): OptionType<string> {
  return {
    arity: 1,
    placeholder: 'text',
    shape: { kind: 'text', maxBytes, minBytes: options.minBytes ?? 0 },
    parse(words, context) {
      const text = words[0] ?? '';
      const size = utf8Length(text);
      if (size < (options.minBytes ?? 0)) {
        return refuse('too-short', `Argument must have a minimum length of ${options.minBytes} characters`, {
          word: text === '' ? context.option : text,
          option: context.option,
        });
      }
      if (size <= maxBytes) return text;
      if (options.tooLong === 'cut') return cutUtf8(text, maxBytes);
      return refuse('too-long', options.tooLong(maxBytes), { word: text, option: context.option });
    },
  };
}

/** Length in bytes of UTF-8. */
export function utf8Length(text: string): number {
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) n += 1;
    else if (c < 0x800) n += 2;
    else if (c >= 0xd800 && c < 0xdc00 && i + 1 < text.length) {
      n += 4;
      i++;
    } else n += 3;
  }
  return n;
}

/** The longest beginning of at most `maxBytes` bytes of UTF-8 that does not cut a character. */
export function cutUtf8(text: string, maxBytes: number): string {
  let n = 0;
  let end = 0;
  for (const character of text) {
    n += utf8Length(character);
    if (n > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** Reads an address as iptables does for this family: lenient octets for IPv4. Host names are not looked up. */
function readAddress(context: ParseContext, text: string): Address | undefined {
  return context.family === 'ipv4' ? parseIpv4(text, true) : parseAddress('ipv6', text);
}

/**
 * Reads `address[/mask]` as -s and -d do: fewer octets (`10/8`, `10.1`), masks as prefix or address; host bits
 * are cleared. Refusals are iptables' own: ``host/network `x' not found``, ``invalid mask `33' specified``.
 *
 * Source: libxtables/xtables.c xtables_ipparse_multiple(), parse_ipmask().
 */
export function readNetwork(
  context: Pick<ParseContext, 'family' | 'option'>,
  text: string,
): Network | Refusal {
  const slash = text.lastIndexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const maskPart = slash < 0 ? undefined : text.slice(slash + 1);
  const { family } = context;
  let a: Address | undefined;
  if (family === 'ipv4') {
    a = parseIpv4(host, true);
    // "10/8" and "10.1" are padded with zero octets.
    if (a === undefined && /^[0-9xXa-fA-F.]+$/.test(host)) a = parseIpv4(padOctets(host), true);
  } else a = parseAddress('ipv6', host);
  if (!a) {
    return refuse('bad-address', `host/network \`${host}' not found`, {
      word: host === '' ? text : host,
      option: context.option,
      hint:
        /^[\w.-]+$/.test(host) && /[a-z]/i.test(host) && !host.includes(':')
          ? 'host names are looked up only when iptables loads the rule; fwsim does not look them up'
          : `expected an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`,
    });
  }
  if (maskPart === undefined) return network(a, prefixMask(family, addressBits(family)));
  const length = /^\d{1,3}$/.test(maskPart) ? Number(maskPart) : undefined;
  if (length !== undefined && length <= addressBits(family)) return prefix(a, length);
  const mask =
    length === undefined
      ? family === 'ipv4'
        ? parseIpv4(maskPart, true)
        : parseAddress('ipv6', maskPart)
      : undefined;
  if (!mask)
    return refuse('bad-mask', `invalid mask \`${maskPart}' specified`, {
      word: maskPart,
      option: context.option,
    });
  return network(a, mask);
}

function padOctets(host: string): string {
  const octets = host.split('.');
  while (octets.length < 4) octets.push('0');
  return octets.join('.');
}

/** One network with its mask. */
export const networkOption: OptionType<Network> = {
  arity: 1,
  placeholder: 'address[/mask]',
  shape: { kind: 'network' },
  parse: (words, context) => readNetwork(context, words[0] ?? ''),
};

/**
 * Reads an address as {@link readAddress}, where fewer than four octets will do: `10.1` is 10.1.0.0.
 *
 * Source: libxtables/xtables.c xtables_numeric_to_ipaddr().
 */
export function readShortAddress(context: ParseContext, text: string): Address | undefined {
  return readAddress(context, context.family === 'ipv4' && text !== '' ? padOctets(text) : text);
}

/** A list of words out of `values`, separated by commas, as a bit set: bit i stands for `values[i]`. */
export function wordSet(
  values: readonly string[],
  refusal: (word: string) => string,
  options: { readonly shape?: TextShape } = {},
): OptionType<number> {
  return {
    arity: 1,
    placeholder: `${values[0]}[,…]`,
    shape: options.shape ?? {
      kind: 'list',
      of: { kind: 'words', values },
      separator: ',',
      max: values.length,
    },
    parse(words, context) {
      let bits = 0;
      for (const word of (words[0] ?? '').split(',')) {
        const index = values.findIndex((v) => v.toLowerCase() === word.toLowerCase());
        if (index < 0)
          return refuse('bad-value', refusal(word), {
            word: word === '' ? (words[0] ?? '') : word,
            option: context.option,
          });
        bits |= 1 << index;
      }
      return bits;
    },
  };
}

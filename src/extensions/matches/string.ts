import type { Packet } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { flag, integer } from '../option-types.ts';
import { bytesOfHex, packetBytes } from '../packet-bytes.ts';
import { option } from '../printed-words.ts';

/** What is looked for, and where. */
export interface StringData {
  /** What is looked for: bytes, in hexadecimal. */
  readonly pattern: string;
  readonly negated: boolean;
  readonly algorithm: 'bm' | 'kmp';
  /** Bytes from the start of the IP header: the pattern begins at `from` or later and ends at `to` or earlier. */
  readonly from: number;
  readonly to: number;
  readonly ignoreCase: boolean;
}

const patternMax = 128;
const toMax = 65535;

const hexOf = (bytes: Iterable<number>): string =>
  [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

const textOption: OptionType<string> = {
  arity: 1,
  placeholder: 'pattern',
  shape: { kind: 'text', minBytes: 1, maxBytes: patternMax },
  parse(words, context) {
    const text = words[0] ?? '';
    const bytes = new TextEncoder().encode(text);
    return bytes.length > patternMax
      ? refuse('too-long', `STRING too long "${text}"`, { word: text, option: context.option })
      : hexOf(bytes);
  },
};

/**
 * Text with bytes in hexadecimal between bars: `GET |0d 0a|`. A backslash takes the next character as it is.
 *
 * Source: iptables 1.8.9 extensions/libxt_string.c parse_hex_string().
 */
const hexOption: OptionType<string> = {
  arity: 1,
  placeholder: 'pattern',
  shape: {
    kind: 'sequence',
    parts: [{ kind: 'words', values: ['|0d0a|', '|00 ff|x', 'ab|7f|', 'GET |20|/'] }],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const bad = (message: string): Refusal =>
      refuse('bad-hex', message, { word: text, option: context.option });
    const s = new TextEncoder().encode(text);
    if (s.length === 0) return bad('STRING must contain at least one char');
    const [bar, backslash, blank] = [0x7c, 0x5c, 0x20];
    const out: number[] = [];
    let inHex = false;
    for (let i = 0; i < s.length; ) {
      if (s[i] === backslash) {
        if (inHex) return bad('Cannot include literals in hex data');
        if (i + 1 >= s.length) return bad('Bad literal placement at end of string');
        out.push(s[i + 1] ?? 0);
        i += 2;
        continue;
      }
      if (s[i] === bar) {
        inHex = !inHex;
        if (inHex) while (s[i + 1] === blank) i++;
        if (i + 1 >= s.length) break;
        i++;
      }
      if (inHex) {
        if (i + 1 >= s.length) return bad('Odd number of hex digits');
        if (i + 2 >= s.length) return bad('Invalid hex block');
        const digits = String.fromCharCode(s[i] ?? 0, s[i + 1] ?? 0);
        const wrong = /[^0-9a-fA-F]/.exec(digits);
        if (wrong) return bad(`Invalid hex char '${wrong[0]}'`);
        out.push(Number.parseInt(digits, 16));
        i += s[i + 2] === blank ? 3 : 2;
      } else {
        out.push(s[i] ?? 0);
        i++;
      }
      if (out.length > patternMax)
        return refuse('too-long', `STRING too long "${text}"`, { word: text, option: context.option });
    }
    return hexOf(out);
  },
};

const algorithmOption: OptionType<'bm' | 'kmp'> = {
  arity: 1,
  placeholder: 'bm|kmp',
  shape: { kind: 'words', values: ['bm', 'kmp'] },
  parse(words, context) {
    const word = words[0] ?? '';
    return word === 'bm' || word === 'kmp'
      ? word
      : refuse('bad-value', `string: the kernel has no search algorithm "${word}" for this`, {
          word: word === '' ? context.option : word,
          option: context.option,
          hint: 'bm or kmp',
        });
  },
};

/** As iptables-save prints it: text if all characters are plain ASCII and the last is no backslash. */
function patternText(pattern: string): { readonly name: string; readonly value: string } {
  const bytes = bytesOfHex(pattern);
  return bytes.every((b) => b >= 0x20 && b < 0x7f) && bytes.at(-1) !== 0x5c
    ? { name: 'string', value: `"${String.fromCharCode(...bytes).replace(/["\\]/g, '\\$&')}"` }
    : { name: 'hex-string', value: `"|${pattern}|"` };
}

/** The kernel folds bytes as letters of Latin-1. */
const upper = (b: number): number => ((b >= 0x61 && b <= 0x7a) || (b >= 0xdf && b !== 0xf7) ? b - 0x20 : b);

/** Undefined: bytes that are not known decide. */
function contains(d: StringData, pattern: Uint8Array, packet: Packet): boolean | undefined {
  const { bytes, known } = packetBytes(packet);
  const fold = d.ignoreCase ? upper : (b: number) => b;
  const last = Math.min(bytes.length, d.to) - pattern.length;
  let possible = false;
  for (let start = d.from; start <= last; start++) {
    let certain = true;
    let i = 0;
    for (; i < pattern.length; i++) {
      if (known[start + i] !== 1) certain = false;
      else if (fold(bytes[start + i] ?? 0) !== fold(pattern[i] ?? 0)) break;
    }
    if (i < pattern.length) continue;
    if (certain) return true;
    possible = true;
  }
  return possible ? undefined : false;
}

/** A string of bytes anywhere in the packet, headers included. */
export const string = defineMatch({
  name: 'string',
  families: ['ipv4', 'ipv6'],
  options: {
    from: { type: integer(0, toMax) },
    to: { type: integer(0, toMax) },
    algo: { type: algorithmOption, required: true },
    string: { type: textOption, invertible: true, excludes: ['hex-string'] },
    'hex-string': { type: hexOption, invertible: true, excludes: ['string'] },
    icase: { type: flag },
  },
  constraints: {},
  needs: ['payload'],
  bind: (o): StringData | Refusal => {
    const pattern = o.string ?? o['hex-string'];
    if (!pattern)
      return refuse('missing-option', "STRING match: You must specify `--string' or `--hex-string'");
    const from = o.from?.value ?? 0;
    const to = o.to?.value ?? toMax;
    if (pattern.value === '')
      return refuse('empty-pattern', 'string: the kernel refuses an empty pattern (Invalid argument)', {
        option: '--string',
      });
    if (from > to)
      return refuse(
        'reversed-range',
        'string: --from is behind --to; the kernel refuses it (Invalid argument)',
        {
          option: '--from',
        },
      );
    return {
      pattern: pattern.value,
      negated: pattern.negated,
      algorithm: o.algo.value,
      from,
      to,
      ignoreCase: o.icase !== undefined,
    };
  },
  print: (d) => {
    const { name, value } = patternText(d.pattern);
    return [
      option(name, value, d.negated),
      option('algo', d.algorithm),
      ...(d.from === 0 ? [] : [option('from', String(d.from))]),
      ...(d.to === toMax ? [] : [option('to', String(d.to))]),
      ...(d.ignoreCase ? [option('icase')] : []),
    ];
  },
  compile: (d) => {
    const pattern = bytesOfHex(d.pattern);
    return (packet, env) => {
      const found = contains(d, pattern, packet);
      if (found !== undefined) return tri(found, d.negated);
      return env.ask('payload', d.negated ? ['matching', 'other'] : ['other', 'matching']);
    };
  },
  packets: (d, space) => {
    const key = `string ${d.pattern} ${d.from}:${d.to}${d.ignoreCase ? ' icase' : ''}`;
    return complementIf(d.negated, space, space.choice({ kind: 'pure', key, reads: packetReads }));
  },
  docs: {
    summary: 'A string of bytes in the packet.',
    man: 'iptables-extensions(8) string',
    kernel: 'net/netfilter/xt_string.c string_mt()',
  },
});

/** Everything of a packet's bytes that a target can change. */
export const packetReads = [
  'src',
  'dst',
  'sport',
  'dport',
  'ttl',
  'tos',
  'mss',
  'lengthBytes',
  'payload',
  'tcpOptions',
] as const;

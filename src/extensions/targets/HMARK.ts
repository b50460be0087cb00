import type { Connection } from '../../model/connection.ts';
import type { Packet } from '../../model/packet.ts';
import { type Address, type Family, maskAddress, prefixLength, prefixMask } from '../../net/address.ts';
import { jhashWords, reciprocalScale } from '../../net/jhash.ts';
import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { headerNumber, nextHeader } from '../extension-headers.ts';
import { readMask } from '../host-address.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What goes into the hash. Ports and SPI share their 32 bits: the source port is the upper half. */
export interface HmarkData {
  readonly srcPrefix: number | undefined;
  readonly dstPrefix: number | undefined;
  readonly sportMask: number | undefined;
  readonly dportMask: number | undefined;
  readonly spiMask: number | undefined;
  /** Bits that are set after masking. */
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly spi: number | undefined;
  readonly protoMask: number | undefined;
  readonly seed: number;
  readonly modulus: number;
  readonly offset: number | undefined;
  /** Hash the connection's tuple instead of the packet. */
  readonly fromConnection: boolean;
}

const tupleWords = ['ct', 'src', 'dst', 'sport', 'dport', 'proto', 'spi'] as const;
type TupleWord = (typeof tupleWords)[number];

/** A list of fields; any beginning of a word will do, in any case. */
const tuple: OptionType<readonly TupleWord[]> = {
  arity: 1,
  placeholder: 'field[,field]…',
  shape: { kind: 'list', of: { kind: 'words', values: tupleWords }, separator: ',', max: 7 },
  parse(words, { option }) {
    const text = words[0] ?? '';
    if (text === '' || text.endsWith(',')) {
      return refuse(
        'bad-value',
        '"--hmark-tuple" requires a list of types with no spaces, e.g. src,dst,sport,dport,proto',
        { option, word: option },
      );
    }
    const found: TupleWord[] = [];
    const parts = text.split(',');
    for (const [i, part] of parts.entries()) {
      const lower = part.toLowerCase();
      const word = part === '' ? undefined : tupleWords.find((w) => w.startsWith(lower));
      if (!word) {
        const rest = parts.slice(i).join(',');
        return refuse('bad-value', `Bad type "${rest}"`, {
          word: rest,
          option,
          hint: `a list of ${tupleWords.join(', ')}`,
        });
      }
      found.push(word);
    }
    return found;
  },
};

/** A prefix length, or a mask. */
const prefix: OptionType<number> = {
  arity: 1,
  placeholder: 'length',
  shape: { kind: 'integer', min: 0, max: 32 },
  parse(words, { family, extension, option }) {
    const mask = readMask(family, words[0] ?? '', extension, option);
    return 'refusal' in mask ? mask : (prefixLength(mask) ?? 0);
  },
};

const u16 = integer(0, 65535, { hex: true });
const u32 = integer(0, 0xffffffff, { hex: true });

/** Which option of its own stands for a word of the tuple. */
const optionOf = {
  src: 'hmark-src-prefix',
  dst: 'hmark-dst-prefix',
  sport: 'hmark-sport-mask',
  dport: 'hmark-dport-mask',
  proto: 'hmark-proto-mask',
  spi: 'hmark-spi-mask',
} as const;

const padded = (digits: number, value: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** Sets the packet mark to a hash of its addresses and ports. */
export const HMARK = defineTarget({
  name: 'HMARK',
  families: ['ipv4', 'ipv6'],
  options: {
    'hmark-tuple': { type: tuple },
    'hmark-src-prefix': { type: prefix },
    'hmark-dst-prefix': { type: prefix },
    'hmark-sport-mask': { type: u16 },
    'hmark-dport-mask': { type: u16 },
    'hmark-spi-mask': { type: u32 },
    'hmark-sport': { type: u16 },
    'hmark-dport': { type: u16 },
    'hmark-spi': { type: u32 },
    'hmark-proto-mask': { type: u16 },
    'hmark-rnd': { type: u32, required: true },
    'hmark-mod': { type: integer(1, 0xffffffff), required: true },
    'hmark-offset': { type: integer(0, 0xffffffff) },
  },
  constraints: {},
  needs: [],
  bind: (o, context): HmarkData | Refusal => {
    const tupleOption = o['hmark-tuple'];
    const words = new Set<TupleWord>(tupleOption?.value ?? []);
    // The tuple overrides masks in front of it; a mask behind it is one too many.
    const whole = (word: keyof typeof optionOf, all: number): number | undefined | Refusal => {
      const own = o[optionOf[word]];
      if (!words.has(word)) return own?.value;
      return own && own.position > (tupleOption?.position ?? 0)
        ? refuse('repeated-option', `HMARK: option "--${optionOf[word]}" can only be used once.`, {
            option: `--${optionOf[word]}`,
            word: `--${optionOf[word]}`,
            hint: `--hmark-tuple has ${word} already`,
          })
        : all;
    };
    const bits = context.family === 'ipv4' ? 32 : 128;
    const masks = {
      srcPrefix: whole('src', bits),
      dstPrefix: whole('dst', bits),
      sportMask: whole('sport', 0xffff),
      dportMask: whole('dport', 0xffff),
      spiMask: whole('spi', 0xffffffff),
      protoMask: whole('proto', 0xffff),
    };
    for (const mask of Object.values(masks)) if (typeof mask === 'object') return mask;
    const d: HmarkData = {
      ...(masks as { readonly [K in keyof typeof masks]: number | undefined }),
      sport: o['hmark-sport']?.value,
      dport: o['hmark-dport']?.value,
      spi: o['hmark-spi']?.value,
      seed: o['hmark-rnd'].value,
      modulus: o['hmark-mod'].value,
      offset: o['hmark-offset']?.value,
      fromConnection: words.has('ct'),
    };
    if (d.spiMask !== undefined && (d.sportMask !== undefined || d.dportMask !== undefined)) {
      return refuse(
        'excluded-option',
        'you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time',
        o['hmark-spi-mask'] ? { option: '--hmark-spi-mask' } : { option: '--hmark-tuple' },
      );
    }
    const anything = [...Object.values(masks), d.sport, d.dport, d.spi].some((x) => x !== undefined);
    return anything || d.fromConnection
      ? d
      : refuse('missing-option', 'you have to specify --hmark-tuple at least');
  },
  check: (d): Refusal | undefined =>
    d.spi !== undefined && (d.sport !== undefined || d.dport !== undefined)
      ? refuse('excluded-option', 'HMARK: --hmark-spi and ports together do not load (Invalid argument)', {
          option: '--hmark-spi',
        })
      : undefined,
  print: (d) => {
    const out: string[] = [];
    const add = (name: string, value: number | undefined, text: (v: number) => string): void => {
      if (value !== undefined) out.push(option(`hmark-${name}`, text(value)));
    };
    const hex4 = (v: number): string => padded(4, v);
    const hex8 = (v: number): string => padded(8, v);
    add('src-prefix', d.srcPrefix, String);
    add('dst-prefix', d.dstPrefix, String);
    add('sport-mask', d.sportMask, hex4);
    add('dport-mask', d.dportMask, hex4);
    add('spi-mask', d.spiMask, hex8);
    add('sport', d.sport, hex4);
    add('dport', d.dport, hex4);
    add('spi', d.spi, hex8);
    add('proto-mask', d.protoMask, (v) => padded(2, v));
    add('rnd', d.seed, hex8);
    add('mod', d.modulus, String);
    add('offset', d.offset, String);
    if (d.fromConnection) out.push(option('hmark-tuple', 'ct'));
    return out;
  },
  compile: (d, { family }) => {
    const hash = hasher(d, family);
    return (env) => {
      const { packet } = env;
      if (d.fromConnection) {
        const entry = env.connection.entry;
        if (entry) packet.mark = hash(connectionFields(entry));
        return 'continue';
      }
      const fields = packetFields(packet);
      if (fields) packet.mark = hash(fields);
      return 'continue';
    };
  },
  effect: () => ({ changes: [{ field: 'mark', operation: 'unknown' }], outcome: 'continue' }),
  docs: {
    summary: 'Sets the packet mark to a hash of addresses and ports, to spread connections.',
    man: 'iptables-extensions(8) HMARK',
    kernel: 'net/netfilter/xt_HMARK.c hmark_tg_v4(), hmark_tg_v6(), hmark_hash()',
  },
});

interface HashedFields {
  readonly src: Address;
  readonly dst: Address;
  readonly protocol: number;
  /** Undefined: nothing of layer 4 is hashed. */
  readonly ports: { readonly src: number; readonly dst: number } | undefined;
}

/** Protocols whose first four bytes (AH: second four) are hashed: TCP, UDP, DCCP, SCTP, UDP-Lite, ESP, AH. */
const portProtocols: readonly number[] = [6, 17, 33, 132, 136, 50, 51];

/** The SPI of a header that is cut behind it: four bytes are all that is read. */
function spiOf({ protocol, layer4 }: Packet): number | undefined {
  if (layer4 === undefined || (protocol !== 50 && protocol !== 51)) return undefined;
  const at = protocol === 50 ? 0 : 8;
  return layer4.length < at + 8 ? undefined : Number.parseInt(layer4.slice(at, at + 8), 16);
}

/** Types that get_inner_hdr() and get_inner6_hdr() look into. */
function isError({ family, protocol, icmpType, extensionHeaders }: Packet): boolean {
  if (icmpType === undefined) return false;
  return family === 'ipv4'
    ? protocol === 1 && [3, 4, 5, 11, 12].includes(icmpType)
    : protocol === 58 &&
        icmpType > 0 &&
        icmpType < 128 &&
        extensionHeaders.every((h) => h.protocol !== nextHeader.fragment && h.protocol !== nextHeader.auth);
}

/**
 * ICMP errors are hashed by the packet that they quote, and not at all where they quote none; ICMP has no ports, nor has
 * what has a fragment header, though it may be whole. Of IPv6, nobody looks behind AH.
 */
function packetFields(packet: Packet): HashedFields | undefined {
  if (isError(packet)) return packet.quote && fieldsOf(packet.quote);
  return fieldsOf(packet);
}

function fieldsOf(packet: Packet): HashedFields {
  const { src, dst, sport, dport, extensionHeaders } = packet;
  const at = extensionHeaders.findIndex((h) => h.protocol === nextHeader.auth);
  const auth = extensionHeaders[at];
  const seen = auth === undefined ? extensionHeaders : extensionHeaders.slice(0, at);
  const inPieces = seen.some((h) => h.protocol === nextHeader.fragment);
  if (auth !== undefined) {
    const spi = headerNumber(auth, 4, 4);
    const ports = inPieces ? undefined : { src: spi >>> 16, dst: spi & 0xffff };
    return { src, dst, protocol: nextHeader.auth, ports };
  }
  const { protocol } = packet;
  const spi = packet.spi ?? spiOf(packet);
  const fragment = packet.moreFragments || packet.fragmentOffsetBytes > 0 || inPieces;
  const unseen = spi === undefined && sport === undefined;
  if (fragment || unseen || !portProtocols.includes(protocol))
    return { src, dst, protocol, ports: undefined };
  return {
    src,
    dst,
    protocol,
    ports: spi === undefined ? { src: sport ?? 0, dst: dport ?? 0 } : { src: spi >>> 16, dst: spi & 0xffff },
  };
}

function connectionFields({ original, reply }: Connection): HashedFields {
  return {
    src: original.src,
    dst: reply.src,
    protocol: original.protocol,
    ports: original.protocol === 1 ? undefined : { src: original.sport, dst: reply.sport },
  };
}

/** The hash does not tell the two directions of a connection apart. */
function hasher(d: HmarkData, family: Family): (fields: HashedFields) => number {
  const none = prefixMask(family, 0);
  const srcMask = d.srcPrefix === undefined ? none : prefixMask(family, d.srcPrefix);
  const dstMask = d.dstPrefix === undefined ? none : prefixMask(family, d.dstPrefix);
  const word = (a: Address): number => (a.w0 ^ a.w1 ^ a.w2 ^ a.w3) >>> 0;
  const half = (whole: number | undefined, part: number | undefined, shift: number): number =>
    part ?? ((whole ?? 0) >>> shift) & 0xffff;
  const portMask = { src: half(d.spiMask, d.sportMask, 16), dst: half(d.spiMask, d.dportMask, 0) };
  const portSet = { src: half(d.spi, d.sport, 16), dst: half(d.spi, d.dport, 0) };
  return ({ src, dst, protocol, ports }) => {
    const ends = [word(maskAddress(src, srcMask)), word(maskAddress(dst, dstMask))] as const;
    let both = 0;
    if (ports) {
      const a = (ports.src & portMask.src) | portSet.src;
      const b = (ports.dst & portMask.dst) | portSet.dst;
      both = ((Math.max(a, b) << 16) | Math.min(a, b)) >>> 0;
    }
    const hash = jhashWords([Math.min(...ends), Math.max(...ends), both], d.seed);
    const mixed = (hash ^ (protocol & (d.protoMask ?? 0))) >>> 0;
    return (reciprocalScale(mixed, d.modulus) + (d.offset ?? 0)) >>> 0;
  };
}

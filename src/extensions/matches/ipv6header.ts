import type { Packet } from '../../model/packet.ts';
import { parseProtocol } from '../../net/protocols.ts';
import { defineMatch, NO, type OptionType, refuse, tri } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

const esp = 50;

/** Headers that must (not) be there. */
export interface Ipv6headerData {
  /** Bits by position in {@link headers}. */
  readonly headers: number;
  readonly negated: boolean;
  /** The packet may have further headers. */
  readonly soft: boolean;
}

/** Headers by number, in the order in which they print; 255 stands for any protocol above them. */
const headers = [
  ['hop-by-hop', 0],
  ['ipv6-opts', 60],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['ah', 51],
  ['esp', 50],
  ['ipv6-nonxt', 59],
  ['protocol', 255],
] as const;

const otherNames: Readonly<Record<string, number>> = {
  hop: 0,
  dst: 60,
  route: 43,
  frag: 44,
  auth: 51,
  none: 59,
  prot: 255,
};

/** The bit of {@link Ipv6headerData} for the header with this number; 0: none has it. */
export const headerBit = (number: number): number => {
  const index = headers.findIndex(([, n]) => n === number);
  return index < 0 ? 0 : 1 << index;
};

const headersOption: OptionType<number> = {
  arity: 1,
  placeholder: 'header[,header…]',
  shape: {
    kind: 'list',
    of: { kind: 'words', values: [...headers.map(([name]) => name), ...Object.keys(otherNames)] },
    separator: ',',
    max: 8,
  },
  parse(words, context) {
    const text = words[0] ?? '';
    let bits = 0;
    for (const word of text.split(',')) {
      if (word === '') continue;
      const own =
        headers.find(([name]) => name === word)?.[1] ??
        (Object.hasOwn(otherNames, word) ? otherNames[word] : undefined);
      const isNumber = /^\d+$/.test(word);
      const number =
        own ?? (isNumber ? Number(word) : /^[a-z][a-z0-9.-]*$/.test(word) ? parseProtocol(word) : undefined);
      const bit = number === undefined ? 0 : headerBit(number);
      if (bit === 0)
        return refuse(
          'unknown-name',
          `unknown header \`${own === undefined && number !== undefined ? number : word}' specified`,
          {
            word,
            option: context.option,
          },
        );
      bits |= bit;
    }
    return bits === 0
      ? refuse('bad-value', 'ip6t_ipv6header: cannot parse header names', {
          word: text === '' ? context.option : text,
          option: context.option,
        })
      : bits;
  },
};

const headersText = (bits: number): string =>
  headers
    .filter((_, i) => (bits & (1 << i)) !== 0)
    .map(([name]) => name)
    .join(',');

/** Which headers the packet has. */
function headersOf(packet: Packet): number {
  let bits = 0;
  for (const h of packet.extensionHeaders) bits |= headerBit(h.protocol);
  return bits | (headerBit(packet.protocol) || headerBit(255));
}

/** Which IPv6 extension headers a packet has: exactly these, or these among others. */
export const ipv6header = defineMatch({
  name: 'ipv6header',
  families: ['ipv6'],
  options: {
    header: { type: headersOption, required: true, invertible: true },
    soft: { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o): Ipv6headerData => ({
    headers: o.header.value,
    negated: o.header.negated,
    soft: o.soft !== undefined,
  }),
  print: (d) => [option('header', headersText(d.headers), d.negated), ...(d.soft ? [option('soft')] : [])],
  compile: (d) => (packet) => {
    // The walk over the headers ends without an answer where ESP has not even the first two bytes of one.
    if (packet.protocol === esp && packet.layer4 !== undefined && packet.layer4.length < 4) return NO;
    const actual = headersOf(packet);
    // Negated: soft wants none of the headers, hard wants any other combination.
    if (d.soft) return tri((actual & d.headers) === (d.negated ? 0 : d.headers));
    return tri(actual === d.headers, d.negated);
  },
  columns: () => [],
  packets: (d, space) =>
    space.choice({
      kind: 'pure',
      key: `ipv6header ${d.negated ? '! ' : ''}${headersText(d.headers)}${d.soft ? ' soft' : ''}`,
      reads: [],
    }),
  docs: {
    summary: 'Which extension headers an IPv6 packet has.',
    man: 'iptables-extensions(8) ipv6header',
    kernel: 'net/ipv6/netfilter/ip6t_ipv6header.c ipv6header_mt6()',
  },
});

import { parseUnsigned } from '../../net/integer-text.ts';
import { complementIf } from '../../packetset/space.ts';
import { meetsRange, type RangeCondition } from '../conditions.ts';
import { defineMatch, NO, type OptionType, refuse, tri } from '../define.ts';
import { type NumberRange, numberRangeText } from '../option-types.ts';
import { bytesOfHex } from '../packet-bytes.ts';
import { option } from '../printed-words.ts';

/** Types of the mobility header. */
export interface MhData {
  /** Undefined: every type. */
  readonly type: RangeCondition | undefined;
}

const mhProtocol = 135;
const noNextHeader = 59;
const typeMax = 255;

/** Names in the order in which the beginning of one is looked for. */
const typeNames = [
  ['binding-refresh-request', 0],
  ['brr', 0],
  ['home-test-init', 1],
  ['hoti', 1],
  ['careof-test-init', 2],
  ['coti', 2],
  ['home-test', 3],
  ['hot', 3],
  ['careof-test', 4],
  ['cot', 4],
  ['binding-update', 5],
  ['bu', 5],
  ['binding-acknowledgement', 6],
  ['ba', 6],
  ['binding-error', 7],
  ['be', 7],
] as const;

function parseType(text: string): number | undefined {
  const lower = text.toLowerCase();
  const exact = typeNames.find(([name]) => name === lower);
  return (exact ?? typeNames.find(([name]) => name.startsWith(lower)))?.[1] ?? parseUnsigned(text, typeMax);
}

const typeOption: OptionType<NumberRange> = {
  arity: 1,
  placeholder: 'type[:type]',
  shape: {
    kind: 'choice',
    of: [
      { kind: 'range', min: 0, max: typeMax, separator: ':', open: true },
      { kind: 'words', values: typeNames.map(([name]) => name) },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const colon = text.indexOf(':');
    const parts = colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
    const ends: number[] = [];
    for (const [i, part] of parts.entries()) {
      const value = part === '' && parts.length > 1 ? (i === 0 ? 0 : typeMax) : parseType(part);
      if (value === undefined)
        return refuse('bad-value', `Invalid MH type \`${part}'`, { word: part, option: context.option });
      ends.push(value);
    }
    const [low = 0, high = low] = ends;
    return low > high
      ? refuse('reversed-range', 'Invalid MH type range (min > max)', { word: text, option: context.option })
      : { low, high };
  },
};

const isFull = (c: NumberRange): boolean => c.low === 0 && c.high === typeMax;

/** Type of the IPv6 mobility header. */
export const mh = defineMatch({
  name: 'mh',
  families: ['ipv6'],
  options: { 'mh-type': { type: typeOption, invertible: true } },
  constraints: { protocols: [mhProtocol] },
  needs: ['payload'],
  bind: (o): MhData => {
    const type = o['mh-type'] && { ...o['mh-type'].value, negated: o['mh-type'].negated };
    return { type: type && isFull(type) && !type.negated ? undefined : type };
  },
  print: (d, { keepMeaning }) =>
    // 1.8.9 drops an inverted full range.
    d.type && (keepMeaning || !isFull(d.type))
      ? [option('mh-type', numberRangeText(d.type), d.type.negated)]
      : [],
  compile: (d) => (packet, env) => {
    if (packet.protocol !== mhProtocol || packet.fragmentOffsetBytes > 0) return NO;
    const header = packet.layer4 ?? packet.payload;
    if (header === undefined)
      return env.ask('payload', d.type?.negated ? ['matching', 'other'] : ['other', 'matching']);
    const bytes = bytesOfHex(header);
    // Nothing may follow a mobility header, and six bytes of it must be there.
    if (bytes.length < 6 || bytes[0] !== noNextHeader) return env.hotDrop();
    return tri(d.type === undefined || meetsRange(d.type, bytes[2] ?? 0));
  },
  packets: (d, space) => {
    const later = space.interval('fragmentKind', 2, 2);
    const set = space.and(space.interval('protocol', mhProtocol, mhProtocol), space.not(later));
    const key = `mh ${d.type ? numberRangeText(d.type) : 'any'}`;
    const fits = space.choice({ kind: 'pure', key, reads: ['payload'] });
    return space.and(set, complementIf(d.type?.negated ?? false, space, fits));
  },
  docs: {
    summary: 'Type of the IPv6 mobility header.',
    man: 'iptables-extensions(8) mh',
    kernel: 'net/ipv6/netfilter/ip6t_mh.c mh_mt6()',
  },
});

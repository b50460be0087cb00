import { type AddressRange, compareAddresses, rangeContains } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { complementIf, type PacketSet } from '../../packetset/space.ts';
import {
  type BoundOption,
  defineMatch,
  NO,
  type OptionType,
  type ParseContext,
  type Refusal,
  refuse,
  YES,
} from '../define.ts';
import { readShortAddress } from '../option-types.ts';
import { option } from '../printed-words.ts';

interface RangeSide extends AddressRange {
  readonly negated: boolean;
}

/** Ranges of the source and of the destination; both must hold. */
export interface IprangeData {
  readonly source: RangeSide | undefined;
  readonly destination: RangeSide | undefined;
}

const addressRange: OptionType<AddressRange> = {
  arity: 1,
  placeholder: 'from[-to]',
  shape: { kind: 'sequence', parts: [{ kind: 'address' }, '-', { kind: 'address' }] },
  parse(words, context) {
    const text = words[0] ?? '';
    const dash = text.indexOf('-');
    const low = readEnd(dash < 0 ? text : text.slice(0, dash), text, context);
    if ('refusal' in low) return low;
    const high = dash < 0 ? low : readEnd(text.slice(dash + 1), text, context);
    return 'refusal' in high ? high : { low, high };
  },
};

function readEnd(end: string, whole: string, context: ParseContext) {
  return (
    readShortAddress(context, end) ??
    refuse('bad-address', `iprange: Bad value for "${context.option}" option: "${end}"`, {
      word: end === '' ? (whole === '' ? context.option : whole) : end,
      option: context.option,
      ...(end.includes('/') ? { hint: `a network is -${context.option.slice(2, 3)} ${end}` } : {}),
    })
  );
}

const side = (o: BoundOption<AddressRange> | undefined): RangeSide | undefined =>
  o && { ...o.value, negated: o.negated };

const rangeText = (r: AddressRange): string => `${addressText(r.low)}-${addressText(r.high)}`;

/** Source or destination within a range of addresses, both ends included. A reversed range holds nothing. */
export const iprange = defineMatch({
  name: 'iprange',
  families: ['ipv4', 'ipv6'],
  options: {
    'src-range': { type: addressRange, invertible: true },
    'dst-range': { type: addressRange, invertible: true },
  },
  constraints: {},
  needs: [],
  bind: (o): IprangeData | Refusal =>
    o['src-range'] || o['dst-range']
      ? { source: side(o['src-range']), destination: side(o['dst-range']) }
      : refuse('missing-option', "iprange match: You must specify `--src-range' or `--dst-range'"),
  print: (d) => [
    ...(d.source ? [option('src-range', rangeText(d.source), d.source.negated)] : []),
    ...(d.destination ? [option('dst-range', rangeText(d.destination), d.destination.negated)] : []),
  ],
  compile: (d) => {
    const { source, destination } = d;
    return (packet) => {
      if (source && rangeContains(source, packet.src) === source.negated) return NO;
      return destination && rangeContains(destination, packet.dst) === destination.negated ? NO : YES;
    };
  },
  columns: () => [],
  packets: (d, space) => {
    const within = (c: RangeSide | undefined, field: 'src' | 'dst'): PacketSet => {
      if (!c) return space.all;
      const reversed = compareAddresses(c.low, c.high) > 0;
      const range = reversed ? space.none : space.addresses(field, { low: c.low, high: c.high });
      return complementIf(c.negated, space, range);
    };
    return space.and(within(d.source, 'src'), within(d.destination, 'dst'));
  },
  docs: {
    summary: 'Source or destination address within a range.',
    man: 'iptables-extensions(8) iprange',
    kernel: 'net/netfilter/xt_iprange.c iprange_mt4(), iprange_mt6()',
  },
});

import { type Connection, ctStatusBit } from '../../model/connection.ts';
import type { CtDirection } from '../../model/netfilter.ts';
import { defineMatch, NO, type OptionType, refuse, tri, YES } from '../define.ts';
import { oneOf, readRange } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** 64 bits; kept as text in data. */
const countMax = 0xffff_ffff_ffff_ffffn;

/** What is counted of the connection, and between which bounds. */
export interface ConnbytesData {
  /** Decimal, 64 bits. Where `low` is above `high` the condition is inverted: outside of [high, low]. */
  readonly low: string;
  readonly high: string;
  readonly mode: 'packets' | 'bytes' | 'avgpkt';
  readonly direction: CtDirection | 'both';
}

interface CountRange {
  readonly low: bigint;
  readonly high: bigint;
}

const countRange: OptionType<CountRange> = {
  arity: 1,
  placeholder: 'from[:to]',
  shape: { kind: 'range', min: 0, max: Number.MAX_SAFE_INTEGER, separator: ':', open: true },
  parse(words, context) {
    const text = words[0] ?? '';
    const ends = readRange(text, countMax, context);
    if ('refusal' in ends) return ends;
    const [low, end] = ends;
    // A single number is the lower bound.
    const high = text.includes(':') ? end : countMax;
    return low > high
      ? refuse('reversed-range', `${low} should be less than ${high}`, { word: text, option: context.option })
      : { low, high };
  },
};

const word = <const T extends string>(name: string, values: readonly T[]): OptionType<T> =>
  oneOf(values, (given) => `Unknown --connbytes-${name} \`${given}'`);

function amount(d: ConnbytesData, entry: Connection): number {
  const sum = (counts: Connection['packets']): number =>
    d.direction === 'both' ? counts.original + counts.reply : counts[d.direction];
  switch (d.mode) {
    case 'packets':
      return sum(entry.packets);
    case 'bytes':
      return sum(entry.bytes);
    case 'avgpkt': {
      const packets = sum(entry.packets);
      return packets === 0 ? 0 : Math.floor(sum(entry.bytes) / packets);
    }
  }
}

/** Every connection meets it. */
const isFull = (d: ConnbytesData): boolean => BigInt(d.low) === 0n && BigInt(d.high) === countMax;

/** Packets or bytes that the connection has carried, this packet included. */
export const connbytes = defineMatch({
  name: 'connbytes',
  families: ['ipv4', 'ipv6'],
  options: {
    connbytes: { type: countRange, required: true, invertible: true },
    'connbytes-dir': { type: word('dir', ['original', 'reply', 'both']), required: true },
    'connbytes-mode': { type: word('mode', ['packets', 'bytes', 'avgpkt']), required: true },
  },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ConnbytesData => {
    const { value, negated } = o.connbytes;
    // The kernel keeps the `!` in the order of the ends: it is lost where both are equal.
    const [low, high] = negated ? [value.high, value.low] : [value.low, value.high];
    return {
      low: low.toString(),
      high: high.toString(),
      mode: o['connbytes-mode'].value,
      direction: o['connbytes-dir'].value,
    };
  },
  print: (d, context) => {
    const negated = BigInt(d.low) > BigInt(d.high);
    const [low, high] = negated ? [d.high, d.low] : [d.low, d.high];
    // An upper end of zero is not printed, though it limits.
    const open = BigInt(high) === countMax || (BigInt(high) === 0n && !context.keepMeaning);
    const text = open ? low : `${low}:${high}`;
    return [
      option('connbytes', text, negated),
      option('connbytes-mode', d.mode),
      option('connbytes-dir', d.direction),
    ];
  },
  compile: (d) => {
    const [low, high] = [Number(BigInt(d.low)), Number(BigInt(d.high))];
    const full = isFull(d);
    return (_packet, env) => {
      const { entry } = env.connection;
      // What `-j CT` attached counts nothing.
      if (!entry || entry.status & ctStatusBit.TEMPLATE) return NO;
      if (full) return YES;
      if (env.timeMs === undefined) return env.ask('connbytes', ['no', 'yes']);
      const what = amount(d, entry);
      return tri(high >= low ? what >= low && what <= high : what < high || what > low);
    };
  },
  packets: (d, space) => {
    const tracked = space.and(space.tracked(), space.bits('ctStatus', 0, ctStatusBit.TEMPLATE));
    return isFull(d) ? tracked : space.and(tracked, space.choice({ kind: 'rule' }));
  },
  docs: {
    summary: 'Packets, bytes or average packet size of the connection so far.',
    man: 'iptables-extensions(8) connbytes',
    kernel: 'net/netfilter/xt_connbytes.c connbytes_mt()',
  },
});

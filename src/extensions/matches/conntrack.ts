import { ctStatusBit, type Tuple } from '../../model/connection.ts';
import type { CtDirection, CtState } from '../../model/netfilter.ts';
import { type Network, networkContains } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { parseProtocol } from '../../net/protocols.ts';
import { type AddressField, complementIf, type IntervalField } from '../../packetset/space.ts';
import {
  type BoundOption,
  defineMatch,
  type MatchEnv,
  NO,
  type OptionType,
  type Refusal,
  refuse,
  tri,
  YES,
} from '../define.ts';
import {
  integerRange,
  type NumberRange,
  networkOption,
  numberRangeText,
  oneOf,
  wordSet,
} from '../option-types.ts';
import { option } from '../printed-words.ts';

interface Negatable {
  readonly negated: boolean;
}

/** The conditions of one `-m conntrack`, as data; what was not given is undefined. */
export interface ConntrackData {
  /** Bits by position in {@link ctStateWords}. */
  readonly state: ({ readonly bits: number } & Negatable) | undefined;
  readonly protocol: ({ readonly value: number } & Negatable) | undefined;
  readonly origSrc: ({ readonly network: Network } & Negatable) | undefined;
  readonly origDst: ({ readonly network: Network } & Negatable) | undefined;
  readonly replSrc: ({ readonly network: Network } & Negatable) | undefined;
  readonly replDst: ({ readonly network: Network } & Negatable) | undefined;
  readonly origSrcPort: (NumberRange & Negatable) | undefined;
  readonly origDstPort: (NumberRange & Negatable) | undefined;
  readonly replSrcPort: (NumberRange & Negatable) | undefined;
  readonly replDstPort: (NumberRange & Negatable) | undefined;
  /** Bits of ctStatusBit; NONE is zero and so matches nothing. */
  readonly status: ({ readonly bits: number } & Negatable) | undefined;
  /** Remaining lifetime in seconds. */
  readonly expires: (NumberRange & Negatable) | undefined;
  readonly direction: CtDirection | undefined;
}

/** The words of `--ctstate` in the order in which iptables-save prints them. */
export const ctStateWords = [
  'INVALID',
  'NEW',
  'RELATED',
  'ESTABLISHED',
  'UNTRACKED',
  'SNAT',
  'DNAT',
] as const;
const snatBit = 1 << 5;
const dnatBit = 1 << 6;

/** The bit of a packet's conntrack state in a `--ctstate` list. */
export function ctStateBit(state: CtState): number {
  return 1 << ctStateWords.indexOf(state);
}

/**
 * `--ctstate` and `--state` differ in the words they know and in their messages. The beginning of a word is
 * enough: `EST`.
 *
 * Source: iptables 1.8.9 extensions/libxt_conntrack.c conntrack_parse_state(), state_parse_state().
 */
export function stateList(words: readonly string[], name: string): OptionType<number> {
  return {
    ...wordSet(words, () => ''),
    parse([text = ''], context) {
      let bits = 0;
      for (const word of text.split(',')) {
        const index = word === '' ? -1 : words.findIndex((w) => w.startsWith(word.toUpperCase()));
        if (index < 0)
          return refuse('bad-value', `Bad ${name} "${word}"`, {
            word: word === '' ? text : word,
            option: context.option,
            ...(word === '' ? { hint: 'states with commas and no blanks between them' } : {}),
          });
        bits |= 1 << index;
      }
      return bits;
    },
  };
}

/** `NEW,RELATED` in the order of iptables-save. */
export function stateText(bits: number): string {
  return ctStateWords.filter((_, i) => (bits & (1 << i)) !== 0).join(',');
}

const statusWords = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'] as const;

const statusList: OptionType<number> = {
  ...wordSet([...statusWords, 'NONE'], (word) => `Bad ctstatus "${word}"`),
  parse(words, context) {
    let bits = 0;
    for (const word of (words[0] ?? '').split(',')) {
      const name = [...statusWords, 'NONE'].find((w) => word !== '' && w.startsWith(word.toUpperCase()));
      if (name === undefined)
        return refuse('bad-value', `Bad ctstatus "${word}"`, { word, option: context.option });
      if (name !== 'NONE') bits |= ctStatusBit[name as (typeof statusWords)[number]];
    }
    return bits;
  },
};

const protocolOption: OptionType<number> = {
  arity: 1,
  placeholder: 'proto',
  shape: { kind: 'integer', min: 0, max: 255 },
  parse(words, context) {
    const word = words[0] ?? '';
    const value = parseProtocol(word);
    return (
      value ??
      refuse('bad-protocol', `conntrack: bad value for option "${context.option}"`, {
        word,
        option: context.option,
      })
    );
  },
};

const portOption = integerRange(65535);

const bits = (o: BoundOption<number> | undefined) => o && { bits: o.value, negated: o.negated };
const net = (o: BoundOption<Network> | undefined) => o && { network: o.value, negated: o.negated };
const range = (o: BoundOption<NumberRange> | undefined) => o && { ...o.value, negated: o.negated };

const addressOptions = [
  ['ctorigsrc', 'origSrc', 'ctOrigSrc', 'original', 'src'],
  ['ctorigdst', 'origDst', 'ctOrigDst', 'original', 'dst'],
  ['ctreplsrc', 'replSrc', 'ctReplSrc', 'reply', 'src'],
  ['ctrepldst', 'replDst', 'ctReplDst', 'reply', 'dst'],
] as const satisfies readonly (readonly [
  string,
  keyof ConntrackData,
  AddressField,
  CtDirection,
  'src' | 'dst',
])[];

const portOptions = [
  ['ctorigsrcport', 'origSrcPort', 'ctOrigSport', 'original', 'sport'],
  ['ctorigdstport', 'origDstPort', 'ctOrigDport', 'original', 'dport'],
  ['ctreplsrcport', 'replSrcPort', 'ctReplSport', 'reply', 'sport'],
  ['ctrepldstport', 'replDstPort', 'ctReplDport', 'reply', 'dport'],
] as const satisfies readonly (readonly [
  string,
  keyof ConntrackData,
  IntervalField,
  CtDirection,
  'sport' | 'dport',
])[];

function entryMatches(
  d: ConntrackData,
  tuples: Readonly<Record<CtDirection, Tuple>>,
  env: MatchEnv,
): boolean {
  const entry = env.connection.entry;
  if (!entry) return false;
  if (d.direction !== undefined && env.connection.direction !== d.direction) return false;
  for (const [, key, , direction, side] of addressOptions) {
    const c = d[key];
    if (c && networkContains(c.network, tuples[direction][side]) === c.negated) return false;
  }
  if (d.protocol && (tuples.original.protocol === d.protocol.value) === d.protocol.negated) return false;
  for (const [, key, , direction, side] of portOptions) {
    const c = d[key];
    const port = tuples[direction][side];
    if (c && (port >= c.low && port <= c.high) === c.negated) return false;
  }
  if (d.status && ((entry.status & d.status.bits) !== 0) === d.status.negated) return false;
  return true;
}

/**
 * State of the packet and fields of its conntrack entry.
 *
 * The state is judged for every packet; all other conditions need an entry. A rule with a state and other
 * conditions is decided by the state alone where there is no entry, one without a state never matches there.
 */
export const conntrack = defineMatch({
  name: 'conntrack',
  families: ['ipv4', 'ipv6'],
  options: {
    ctstate: { type: stateList(ctStateWords, 'ctstate'), invertible: true },
    ctproto: { type: protocolOption, invertible: true },
    ctorigsrc: { type: networkOption, invertible: true },
    ctorigdst: { type: networkOption, invertible: true },
    ctreplsrc: { type: networkOption, invertible: true },
    ctrepldst: { type: networkOption, invertible: true },
    ctorigsrcport: { type: portOption, invertible: true },
    ctorigdstport: { type: portOption, invertible: true },
    ctreplsrcport: { type: portOption, invertible: true },
    ctrepldstport: { type: portOption, invertible: true },
    ctstatus: { type: statusList, invertible: true },
    ctexpire: { type: integerRange(0xffffffff), invertible: true },
    ctdir: {
      type: oneOf(['ORIGINAL', 'REPLY'], (word) => `conntrack: Bad value for "--ctdir" option: "${word}"`, {
        ignoreCase: true,
      }),
    },
  },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ConntrackData | Refusal => {
    const data: ConntrackData = {
      state: bits(o.ctstate),
      protocol: o.ctproto && { value: o.ctproto.value, negated: o.ctproto.negated },
      origSrc: net(o.ctorigsrc),
      origDst: net(o.ctorigdst),
      replSrc: net(o.ctreplsrc),
      replDst: net(o.ctrepldst),
      origSrcPort: range(o.ctorigsrcport),
      origDstPort: range(o.ctorigdstport),
      replSrcPort: range(o.ctreplsrcport),
      replDstPort: range(o.ctrepldstport),
      status: bits(o.ctstatus),
      expires: range(o.ctexpire),
      direction: o.ctdir && (o.ctdir.value === 'REPLY' ? 'reply' : 'original'),
    };
    return Object.values(data).every((v) => v === undefined)
      ? refuse('missing-option', 'conntrack: At least one option is required')
      : data;
  },
  print: (d) => {
    const out: string[] = [];
    if (d.state) out.push(option('ctstate', stateText(d.state.bits), d.state.negated));
    if (d.protocol) out.push(option('ctproto', String(d.protocol.value), d.protocol.negated));
    for (const [name, key] of addressOptions) {
      const c = d[key];
      if (c) out.push(option(name, networkTextShort(c.network), c.negated));
    }
    for (const [name, key] of portOptions) {
      const c = d[key];
      if (c) out.push(option(name, numberRangeText(c), c.negated));
    }
    if (d.status) {
      const words = statusWords.filter((w) => ((d.status?.bits ?? 0) & ctStatusBit[w]) !== 0);
      out.push(option('ctstatus', words.join(',') || 'NONE', d.status.negated));
    }
    if (d.expires) out.push(option('ctexpire', numberRangeText(d.expires), d.expires.negated));
    if (d.direction) out.push(option('ctdir', d.direction === 'reply' ? 'REPLY' : 'ORIGINAL'));
    return out;
  },
  compile: (d) => {
    const needsEntry = Object.entries(d).some(([key, value]) => key !== 'state' && value !== undefined);
    return (_packet, env) => {
      const { state, entry } = env.connection;
      if (d.state) {
        let bit = ctStateBit(state);
        if (entry) {
          if ((entry.status & ctStatusBit.SRC_NAT) !== 0) bit |= snatBit;
          if ((entry.status & ctStatusBit.DST_NAT) !== 0) bit |= dnatBit;
        }
        if (((bit & d.state.bits) !== 0) === d.state.negated) return NO;
      }
      if (!entry) return d.state ? YES : NO;
      if (!needsEntry) return YES;
      if (!entryMatches(d, entry, env)) return NO;
      if (!d.expires) return YES;
      if (env.timeMs === undefined) return env.ask('ctexpire', ['no', 'yes']);
      // Until it is confirmed, an entry holds the length of its timeout where others hold the end: long past.
      const confirmed = (entry.status & ctStatusBit.CONFIRMED) !== 0;
      const seconds = confirmed ? Math.max(0, Math.floor((entry.expiresMs - env.timeMs) / 1000)) : 0;
      return tri(seconds >= d.expires.low && seconds <= d.expires.high, d.expires.negated);
    };
  },
  columns: (d) => (d.expires ? undefined : []),
  packets: (d, space) => {
    let states = space.all;
    if (d.state) {
      states = space.none;
      for (const [i, word] of ctStateWords.entries()) {
        if ((d.state.bits & (1 << i)) === 0) continue;
        states = space.or(
          states,
          word === 'SNAT'
            ? space.and(space.tracked(), space.not(space.bits('ctStatus', 0, ctStatusBit.SRC_NAT)))
            : word === 'DNAT'
              ? space.and(space.tracked(), space.not(space.bits('ctStatus', 0, ctStatusBit.DST_NAT)))
              : space.named('ctState', word),
        );
      }
      states = complementIf(d.state.negated, space, states);
    }
    let entry = space.all;
    for (const [, key, field] of addressOptions) {
      const c = d[key];
      if (c) entry = space.and(entry, complementIf(c.negated, space, space.network(field, c.network)));
    }
    if (d.protocol) {
      const { value, negated } = d.protocol;
      entry = space.and(entry, complementIf(negated, space, space.interval('ctProtocol', value, value)));
    }
    for (const [, key, field] of portOptions) {
      const c = d[key];
      if (c) entry = space.and(entry, complementIf(c.negated, space, space.interval(field, c.low, c.high)));
    }
    if (d.status) {
      const any = space.not(space.bits('ctStatus', 0, d.status.bits));
      entry = space.and(entry, complementIf(d.status.negated, space, any));
    }
    if (d.expires) entry = space.and(entry, space.choice({ kind: 'rule' }));
    if (d.direction) entry = space.and(entry, space.named('ctDirection', d.direction));
    const tracked = space.tracked();
    const withoutEntry = d.state ? space.not(tracked) : space.none;
    return space.and(states, space.or(withoutEntry, space.and(tracked, entry)));
  },
  docs: {
    summary: 'Connection tracking state of the packet, and fields of its entry.',
    man: 'iptables-extensions(8) conntrack',
    kernel: 'net/netfilter/xt_conntrack.c conntrack_mt()',
  },
});

import { endsBefore } from '../../model/layer4-header.ts';
import type { Packet } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { meetsRange, type RangeCondition, rangeCondition, rangePackets } from '../conditions.ts';
import {
  defineMatch,
  type MatchEnv,
  NO,
  type OptionType,
  type Refusal,
  refuse,
  tri,
  YES,
} from '../define.ts';
import { numberRangeText } from '../option-types.ts';
import { bytesOfHex } from '../packet-bytes.ts';
import { portColumns } from '../port-conditions.ts';
import { portRange } from '../ports.ts';
import { option } from '../printed-words.ts';

/** A chunk type; bits of its flags byte under `flagsMask` must equal `flags`. */
export interface SctpChunk {
  readonly type: number;
  readonly flags: number;
  readonly flagsMask: number;
}

/** `all`: each of these is there; `any`: one of them; `only`: no others. */
export interface SctpChunks {
  readonly quantifier: 'all' | 'any' | 'only';
  /** By type, ascending; `ALL` stands for every type. */
  readonly chunks: readonly SctpChunk[] | 'ALL';
}

/** Conditions on the SCTP header and its chunks, ANDed. */
export interface SctpData {
  readonly sport: RangeCondition | undefined;
  readonly dport: RangeCondition | undefined;
  readonly chunks: (SctpChunks & { readonly negated: boolean }) | undefined;
}

const chunkTypes = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  ECN_ECNE: 12,
  ECN_CWR: 13,
  SHUTDOWN_COMPLETE: 14,
  I_DATA: 64,
  ASCONF_ACK: 128,
  RE_CONFIG: 130,
  PAD: 132,
  FORWARD_TSN: 192,
  ASCONF: 193,
  I_FORWARD_TSN: 194,
} as const;

/** Letters of a chunk's flags, from the highest bit down; the lowest letter is bit 0. */
const chunkFlags: Readonly<Record<number, string>> = { 0: 'IUBE', 6: 'T', 14: 'T', 64: 'IUBE' };

const quantifiers = ['all', 'any', 'only'] as const;

const chunksOption: OptionType<SctpChunks> = {
  arity: 2,
  missing: '--chunk-types requires two args',
  placeholder: 'all|any|only chunk[:flags][,…]',
  shape: {
    kind: 'words-separately',
    parts: [
      { kind: 'words', values: quantifiers },
      {
        kind: 'list',
        of: {
          kind: 'words',
          values: [...Object.keys(chunkTypes), 'DATA:Ube', 'ABORT:T', 'SHUTDOWN_COMPLETE:t'],
        },
        separator: ',',
        max: 4,
      },
    ],
  },
  parse([first = '', list = ''], context) {
    const at = (word: string) => ({ word, option: context.option });
    const quantifier = quantifiers.find((q) => q === first.toLowerCase());
    if (!quantifier)
      return refuse('bad-value', 'Match type has to be one of "ALL", "ANY" or "ONLY"', at(first));
    if (list.toUpperCase() === 'ALL') return { quantifier, chunks: 'ALL' };
    if (list.toUpperCase() === 'NONE') return { quantifier, chunks: [] };
    const chunks = new Map<number, SctpChunk>();
    for (const part of list.split(',')) {
      if (part === '') continue;
      const [word = '', letters = ''] = part.split(':');
      const type = Object.entries(chunkTypes).find(([name]) => name === word.toUpperCase())?.[1];
      if (type === undefined) return refuse('unknown-name', `Unknown sctp chunk \`${word}'`, at(word));
      let { flags, flagsMask } = chunks.get(type) ?? { flags: 0, flagsMask: 0 };
      const known = chunkFlags[type] ?? '';
      for (const letter of letters) {
        const place = known.indexOf(letter.toUpperCase());
        if (place < 0) return refuse('bad-value', `Invalid flags for chunk type ${type}`, at(part));
        const bit = 1 << (known.length - 1 - place);
        flagsMask |= bit;
        flags = letter === letter.toUpperCase() ? flags | bit : flags & ~bit;
      }
      chunks.set(type, { type, flags, flagsMask });
    }
    return { quantifier, chunks: [...chunks.values()].sort((a, b) => a.type - b.type) };
  },
};

function chunkText({ type, flags, flagsMask }: SctpChunk): string {
  const name = Object.entries(chunkTypes).find(([, t]) => t === type)?.[0] ?? String(type);
  const known = chunkFlags[type] ?? '';
  const letters = [...known].map((letter, i) => {
    const bit = 1 << (known.length - 1 - i);
    return (flagsMask & bit) === 0 ? '' : (flags & bit) === 0 ? letter.toLowerCase() : letter;
  });
  return flagsMask === 0 ? name : `${name}:${letters.join('')}`;
}

const chunksText = ({ quantifier, chunks }: SctpChunks): string =>
  `${quantifier} ${chunks === 'ALL' ? 'ALL' : chunks.map(chunkText).join(',') || 'NONE'}`;

/** Types and flags of the packet's chunks; undefined where a length is broken. */
function readChunks(
  packet: Packet,
): readonly { readonly type: number; readonly flags: number }[] | undefined {
  const bytes = bytesOfHex(packet.sctpChunks);
  const out: { type: number; flags: number }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    if (at + 4 > bytes.length || size === 0) return undefined;
    out.push({ type: bytes[at] ?? 0, flags: bytes[at + 1] ?? 0 });
    at += (size + 3) & ~3;
  }
  return out;
}

function chunksHold({ quantifier, chunks }: SctpChunks, packet: Packet): boolean | undefined {
  const actual = readChunks(packet);
  if (actual === undefined) return undefined;
  const fits = (c: { readonly type: number; readonly flags: number }): boolean => {
    if (chunks === 'ALL') return true;
    const wanted = chunks.find((w) => w.type === c.type);
    return wanted !== undefined && (c.flags & wanted.flagsMask) === wanted.flags;
  };
  if (quantifier === 'any') return actual.some(fits);
  if (quantifier === 'only') return actual.every(fits);
  // No packet has every type there is.
  return chunks !== 'ALL' && chunks.every((w) => actual.some((c) => c.type === w.type && fits(c)));
}

/** Ports and chunks of an SCTP packet. */
export const sctp = defineMatch({
  name: 'sctp',
  families: ['ipv4', 'ipv6'],
  options: {
    sport: { type: portRange, aliases: ['source-port'], invertible: true },
    dport: { type: portRange, aliases: ['destination-port'], invertible: true },
    'chunk-types': { type: chunksOption, invertible: true },
  },
  constraints: { protocols: [132] },
  needs: [],
  bind: (o): SctpData | Refusal => ({
    sport: rangeCondition(o.sport),
    dport: rangeCondition(o.dport),
    chunks: o['chunk-types'] && { ...o['chunk-types'].value, negated: o['chunk-types'].negated },
  }),
  print: (d) => [
    ...(d.sport ? [option('sport', numberRangeText(d.sport), d.sport.negated)] : []),
    ...(d.dport ? [option('dport', numberRangeText(d.dport), d.dport.negated)] : []),
    ...(d.chunks ? [option('chunk-types', chunksText(d.chunks), d.chunks.negated)] : []),
  ],
  compile: (d) => {
    const { sport, dport, chunks } = d;
    return (packet, env: MatchEnv) => {
      if (packet.protocol !== 132) return NO;
      if (endsBefore(packet, 12)) return env.hotDrop();
      if (packet.sport === undefined || packet.dport === undefined) return NO;
      if (sport && !meetsRange(sport, packet.sport)) return NO;
      if (dport && !meetsRange(dport, packet.dport)) return NO;
      if (!chunks) return YES;
      if (packet.sctpChunks === '')
        return env.ask('payload', chunks.negated ? ['matching', 'other'] : ['other', 'matching']);
      const answer = chunksHold(chunks, packet);
      return answer === undefined ? env.hotDrop() : tri(answer, chunks.negated);
    };
  },
  // Looking at chunks may end in a drop, which what stands behind must not forestall.
  columns: (d) =>
    d.chunks
      ? undefined
      : [
          { column: 'protocol', low: 132, high: 132 },
          ...portColumns('sport', d.sport),
          ...portColumns('dport', d.dport),
        ],
  packets: (d, space) => {
    let set = space.and(space.interval('protocol', 132, 132), space.has('sport'));
    if (d.sport) set = space.and(set, rangePackets(space, 'sport', d.sport));
    if (d.dport) set = space.and(set, rangePackets(space, 'dport', d.dport));
    if (d.chunks) {
      const choice = space.choice({ kind: 'pure', key: `sctp ${chunksText(d.chunks)}`, reads: ['payload'] });
      set = space.and(set, complementIf(d.chunks.negated, space, choice));
    }
    return set;
  },
  docs: {
    summary: 'Ports and chunk types of an SCTP packet.',
    man: 'iptables-extensions(8) sctp',
    kernel: 'net/netfilter/xt_sctp.c sctp_mt()',
  },
});

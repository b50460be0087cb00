import { endsBefore } from '../../model/layer4-header.ts';
import type { Packet } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { meetsRange, type RangeCondition, rangeCondition, rangePackets } from '../conditions.ts';
import {
  defineMatch,
  invertTri,
  type MatchEnv,
  NO,
  type OptionType,
  refuse,
  type Tri,
  tri,
  UNKNOWN,
  YES,
} from '../define.ts';
import { integer, numberRangeText } from '../option-types.ts';
import { portColumns } from '../port-conditions.ts';
import { option } from '../printed-words.ts';
import { resolvedPortRange } from './udp.ts';

/** Packet types; the position is the number in the header. */
const dccpTypeWords = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
  'INVALID',
] as const;

/** Conditions on the DCCP header; all of them must hold. */
export interface DccpData {
  readonly sport: RangeCondition | undefined;
  readonly dport: RangeCondition | undefined;
  /** Bits by position in {@link dccpTypeWords}. */
  readonly types: { readonly bits: number; readonly negated: boolean } | undefined;
  /** Number of an option that must be in the header. */
  readonly option: { readonly number: number; readonly negated: boolean } | undefined;
}

const typeList: OptionType<number> = {
  arity: 1,
  placeholder: 'type[,type…]',
  shape: {
    kind: 'list',
    of: { kind: 'words', values: dccpTypeWords },
    separator: ',',
    max: dccpTypeWords.length,
  },
  parse(words, context) {
    let bits = 0;
    // As strtok(3): empty words are passed over.
    for (const word of (words[0] ?? '').split(',')) {
      if (word === '') continue;
      const index = (dccpTypeWords as readonly string[]).indexOf(word.toUpperCase());
      if (index < 0)
        return refuse('bad-value', `Unknown DCCP type \`${word}'`, { word, option: context.option });
      bits |= 1 << index;
    }
    return bits;
  },
};

const typesText = (bits: number): string => dccpTypeWords.filter((_, i) => (bits & (1 << i)) !== 0).join(',');

/** Type in the ninth byte of the header, where its bytes are known. Source: RFC 4340 §5.1. */
function packetType(packet: Packet): number | undefined {
  const byte = packet.layer4?.slice(16, 18) ?? '';
  return byte.length === 2 ? (Number.parseInt(byte, 16) >> 1) & 15 : undefined;
}

function judge(d: DccpData, packet: Packet, env: MatchEnv): Tri {
  // A later fragment has no header, and not even a negated condition holds for it.
  if (packet.protocol !== 33) return NO;
  if (endsBefore(packet, 12)) return env.hotDrop();
  if (packet.sport === undefined || packet.dport === undefined) return NO;
  if (d.sport && !meetsRange(d.sport, packet.sport)) return NO;
  if (d.dport && !meetsRange(d.dport, packet.dport)) return NO;
  let answer: Tri = YES;
  if (d.types) {
    const type = packetType(packet);
    const hit: Tri =
      type === undefined ? env.ask('payload', ['no', 'yes']) : tri((d.types.bits & (1 << type)) !== 0);
    answer = d.types.negated ? invertTri(hit) : hit;
    if (answer === NO) return NO;
  }
  if (d.option) {
    const hit = env.ask('payload', ['no', 'yes']);
    const found = d.option.negated ? invertTri(hit) : hit;
    if (found !== YES) return found === NO ? NO : UNKNOWN;
  }
  return answer;
}

/** Ports, packet types and options of the DCCP header. A full range is kept; a reversed one matches nothing. */
export const dccp = defineMatch({
  name: 'dccp',
  families: ['ipv4', 'ipv6'],
  options: {
    sport: { type: resolvedPortRange, aliases: ['source-port'], invertible: true },
    dport: { type: resolvedPortRange, aliases: ['destination-port'], invertible: true },
    'dccp-types': { type: typeList, invertible: true },
    'dccp-option': { type: integer(1, 255), invertible: true },
  },
  constraints: { protocols: [33] },
  needs: ['payload'],
  bind: (o): DccpData => {
    const types = o['dccp-types'];
    const number = o['dccp-option'];
    return {
      sport: rangeCondition(o.sport),
      dport: rangeCondition(o.dport),
      types: types && { bits: types.value, negated: types.negated },
      option: number && { number: number.value, negated: number.negated },
    };
  },
  print: (d) => [
    ...(d.sport ? [option('sport', numberRangeText(d.sport), d.sport.negated)] : []),
    ...(d.dport ? [option('dport', numberRangeText(d.dport), d.dport.negated)] : []),
    ...(d.types ? [printTypes(d.types)] : []),
    ...(d.option ? [option('dccp-option', String(d.option.number), d.option.negated)] : []),
  ],
  compile: (d) => (packet, env) => judge(d, packet, env),
  columns: (d) => [
    { column: 'protocol', low: 33, high: 33 },
    ...portColumns('sport', d.sport),
    ...portColumns('dport', d.dport),
  ],
  packets: (d, space) => {
    let set = space.and(space.interval('protocol', 33, 33), space.has('sport'));
    if (d.sport) set = space.and(set, rangePackets(space, 'sport', d.sport));
    if (d.dport) set = space.and(set, rangePackets(space, 'dport', d.dport));
    const pure = (key: string) => space.choice({ kind: 'pure', key: `dccp ${key}`, reads: ['payload'] });
    if (d.types)
      set = space.and(set, complementIf(d.types.negated, space, pure(`types ${typesText(d.types.bits)}`)));
    if (d.option)
      set = space.and(set, complementIf(d.option.negated, space, pure(`option ${d.option.number}`)));
    return set;
  },
  docs: {
    summary: 'Ports, packet types and options of the DCCP header.',
    man: 'iptables-extensions(8) dccp',
    kernel: 'net/netfilter/xt_dccp.c dccp_mt()',
  },
});

/** An empty list prints as an empty word, which iptables could not read again. */
function printTypes(types: { readonly bits: number; readonly negated: boolean }): string {
  const text = typesText(types.bits);
  return text === ''
    ? `${option('dccp-types', '', types.negated)} `
    : option('dccp-types', text, types.negated);
}

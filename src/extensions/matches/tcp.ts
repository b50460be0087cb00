import { tcpFlag } from '../../model/packet.ts';
import { parseTcpFlags, tcpFlagsText } from '../../net/tcp-flags.ts';
import { complementIf, type PacketSet, type PacketSpace } from '../../packetset/space.ts';
import { rangePackets } from '../conditions.ts';
import {
  type ColumnTest,
  defineMatch,
  NO,
  type OptionType,
  option,
  type PrintContext,
  type Refusal,
  refuse,
  YES,
} from '../define.ts';
import { flag, integer, type NumberRange, numberRangeText } from '../option-types.ts';
import { portRange } from '../ports.ts';

/** A port condition; a full range that is not negated is no condition. */
export interface PortCondition extends NumberRange {
  readonly negated: boolean;
}

/** The conditions of one `-m tcp`, as data; what was not given is undefined. */
export interface TcpData {
  readonly sport: PortCondition | undefined;
  readonly dport: PortCondition | undefined;
  /** The nft back end compares both ports as one number: see {@link joinedPorts}. Absent: it does not. */
  readonly portsJoined?: true;
  /** (flags & mask) == compare; the six flags of iptables only, ECE and CWR are never looked at. */
  readonly flags: { readonly mask: number; readonly compare: number; readonly negated: boolean } | undefined;
  /** Kind of a TCP option that must be in the header. */
  readonly option: { readonly kind: number; readonly negated: boolean } | undefined;
}

const flagPair: OptionType<{ readonly mask: number; readonly compare: number }> = {
  arity: 2,
  missing: '--tcp-flags requires two args.',
  placeholder: 'mask comp',
  shape: {
    kind: 'words-separately',
    parts: [
      {
        kind: 'list',
        of: { kind: 'words', values: ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] },
        separator: ',',
        max: 6,
      },
      {
        kind: 'list',
        of: { kind: 'words', values: ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] },
        separator: ',',
        max: 6,
      },
    ],
  },
  parse(words, context) {
    const values: number[] = [];
    for (const word of words) {
      const bits = parseTcpFlags(word);
      if (typeof bits !== 'number') {
        return refuse('bad-value', `Unknown TCP flag \`${bits.unknownFlag}'`, {
          word: bits.unknownFlag || word,
          option: context.option,
        });
      }
      values.push(bits);
    }
    return { mask: values[0] ?? 0, compare: values[1] ?? 0 };
  },
};

const isFull = (c: PortCondition): boolean => c.low === 0 && c.high === 65535;

/**
 * A condition that matches every packet is no condition. The nft back end keeps ports as native expressions, where
 * an inverted range from zero becomes the other part (`native`).
 *
 * Source: iptables 1.8.9 iptables/nft.c add_nft_tcpudp().
 */
export function portCondition(
  bound: { readonly value: NumberRange; readonly negated: boolean } | undefined,
  native: boolean,
): PortCondition | undefined {
  if (!bound) return undefined;
  const { low, high } = bound.value;
  const { negated } = bound;
  if (low === 0 && high === 65535) return negated ? { low, high, negated } : undefined;
  return native && negated && low === 0 && high > 0
    ? { low: high + 1, high: 65535, negated: false }
    : { low, high, negated };
}

/** Prints a port condition of tcp and udp. The nft back end drops an inverted full range. */
export function printPortCondition(
  name: string,
  condition: PortCondition | undefined,
  context: PrintContext,
): readonly string[] {
  if (!condition || (isFull(condition) && !context.keepMeaning)) return [];
  return [option(name, numberRangeText(condition), condition.negated)];
}

/**
 * Whether conditions on ports leave nothing in the nft back end: inverted full ranges only. Without any condition
 * at all it keeps the match as it was written.
 */
export function portsVanish(sport: PortCondition | undefined, dport: PortCondition | undefined): boolean {
  const given = [sport, dport].filter((c) => c !== undefined);
  return given.length > 0 && given.every(isFull);
}

/** Columns of one port condition: the interval it needs, if it is not negated. */
export function portColumns(
  column: 'sport' | 'dport',
  condition: PortCondition | undefined,
): readonly ColumnTest[] {
  return condition && !condition.negated ? [{ column, low: condition.low, high: condition.high }] : [];
}

/**
 * Whether iptables-nft compares source and destination port in one go. It does where both are single ports with the
 * same `!`, and for two `!` that is not what the rule says: it refuses only packets that have *both* ports.
 *
 * Source: iptables 1.8.9 iptables/nft-shared.c add_nft_tcpudp().
 */
export function joinedPorts(
  sport: PortCondition | undefined,
  dport: PortCondition | undefined,
  native: boolean,
): { readonly portsJoined?: true } {
  const single = (c: PortCondition | undefined): boolean =>
    c?.negated === true && c.low === c.high && c.low !== 0;
  return native && single(sport) && single(dport) ? { portsJoined: true } : {};
}

/** The packets whose ports meet both conditions. */
export function portPackets(
  space: PacketSpace,
  d: {
    readonly sport: PortCondition | undefined;
    readonly dport: PortCondition | undefined;
    readonly portsJoined?: true;
  },
): PacketSet {
  const { sport, dport } = d;
  const all = space.interval('sport', 0, 65535);
  if (d.portsJoined && sport && dport) {
    const both = space.and(
      space.interval('sport', sport.low, sport.high),
      space.interval('dport', dport.low, dport.high),
    );
    return space.and(all, space.not(both));
  }
  let set = all;
  if (sport) set = space.and(set, rangePackets(space, 'sport', sport));
  if (dport) set = space.and(set, rangePackets(space, 'dport', dport));
  return set;
}

/** Whether a packet's ports meet both conditions. */
export function meetsPorts(
  d: {
    readonly sport: PortCondition | undefined;
    readonly dport: PortCondition | undefined;
    readonly portsJoined?: true;
  },
  sport: number,
  dport: number,
): boolean {
  if (d.portsJoined) return sport !== d.sport?.low || dport !== d.dport?.low;
  if (d.sport && !inPorts(d.sport, sport)) return false;
  return !d.dport || inPorts(d.dport, dport);
}

const inPorts = (c: PortCondition, port: number): boolean => (port >= c.low && port <= c.high) !== c.negated;

/** Conditions on the TCP header, ANDed, each with its own `!`. Later fragments never match. */
export const tcp = defineMatch({
  name: 'tcp',
  families: ['ipv4', 'ipv6'],
  options: {
    sport: { type: portRange, aliases: ['source-port'], invertible: true },
    dport: { type: portRange, aliases: ['destination-port'], invertible: true },
    'tcp-option': { type: integer(1, 255), invertible: true },
    'tcp-flags': { type: flagPair, invertible: true, excludes: ['syn'] },
    syn: { type: flag, invertible: true },
  },
  constraints: { protocols: [6], protocolMessage: "TCP match requires '-p tcp'" },
  needs: [],
  bind: (o, context): TcpData | Refusal => {
    const native = context.backend === 'nft' && o['tcp-option'] === undefined;
    const { FIN, SYN, RST, ACK } = tcpFlag;
    const flags = o['tcp-flags']
      ? { ...o['tcp-flags'].value, negated: o['tcp-flags'].negated }
      : o.syn
        ? { mask: FIN | SYN | RST | ACK, compare: SYN, negated: o.syn.negated }
        : undefined;
    const sport = portCondition(o.sport, native);
    const dport = portCondition(o.dport, native);
    return {
      sport,
      dport,
      ...joinedPorts(sport, dport, native),
      flags,
      option: o['tcp-option'] && { kind: o['tcp-option'].value, negated: o['tcp-option'].negated },
    };
  },
  print: (d, context) => {
    return [
      ...printPortCondition('sport', d.sport, context),
      ...printPortCondition('dport', d.dport, context),
      ...(d.option ? [option('tcp-option', String(d.option.kind), d.option.negated)] : []),
      ...(d.flags
        ? [
            option(
              'tcp-flags',
              `${tcpFlagsText(d.flags.mask)} ${tcpFlagsText(d.flags.compare)}`,
              d.flags.negated,
            ),
          ]
        : []),
    ];
  },
  vanishes: (d, context) =>
    context.backend === 'nft' &&
    !context.keepMeaning &&
    d.option === undefined &&
    portsVanish(d.sport, d.dport) &&
    !d.flags,
  compile: (d) => {
    const { flags, option: opt } = d;
    return (packet) => {
      // A later fragment has no header, and not even a negated condition holds for it.
      if (packet.sport === undefined || packet.dport === undefined || packet.protocol !== 6) return NO;
      if (!meetsPorts(d, packet.sport, packet.dport)) return NO;
      if (flags && ((packet.tcpFlags & flags.mask) === flags.compare) === flags.negated) return NO;
      if (opt && packet.tcpOptions.some((x) => x.kind === opt.kind) === opt.negated) return NO;
      return YES;
    };
  },
  columns: (d) => [
    { column: 'protocol', low: 6, high: 6 },
    ...portColumns('sport', d.sport),
    ...portColumns('dport', d.dport),
  ],
  packets: (d, space) => {
    let set = space.and(space.interval('protocol', 6, 6), portPackets(space, d));
    if (d.flags) {
      set = space.and(
        set,
        complementIf(d.flags.negated, space, space.bits('tcpFlags', d.flags.compare, d.flags.mask)),
      );
    }
    if (d.option) {
      const present = space.choice({
        kind: 'pure',
        key: `tcp-option ${d.option.kind}`,
        reads: ['tcpOptions'],
      });
      set = space.and(set, complementIf(d.option.negated, space, present));
    }
    return set;
  },
  docs: {
    summary: 'Ports, flags and options of the TCP header.',
    man: 'iptables-extensions(8) tcp',
    kernel: 'net/netfilter/xt_tcpudp.c tcp_mt()',
  },
});

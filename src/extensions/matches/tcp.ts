import { endsBefore, lacksHeader } from '../../model/layer4-header.ts';
import { tcpFlag } from '../../model/packet.ts';
import { isCutTcpHeader } from '../../model/tcp-header.ts';
import { parseTcpFlags, tcpFlagsText } from '../../net/tcp-flags.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, NO, type OptionType, type Refusal, refuse, tri, YES } from '../define.ts';
import { bytesMeet } from '../native-header.ts';
import { flag, integer } from '../option-types.ts';
import {
  joinedPorts,
  meetsPorts,
  type PortConditions,
  portColumns,
  portCondition,
  portPackets,
  portsVanish,
  printPortCondition,
} from '../port-conditions.ts';
import { portRange } from '../ports.ts';
import { option } from '../printed-words.ts';

/** The conditions of one `-m tcp`, as data; what was not given is undefined. */
export interface TcpData extends PortConditions {
  /** It became native expressions of nf_tables, which read what a packet without a whole header has in its place. */
  readonly native?: true;
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

/** The flags that are looked at: add_nft_tcp() leaves out a test with an empty mask, whatever it compares with. */
const testedFlags = ({ native, flags }: TcpData): TcpData['flags'] =>
  native && flags?.mask === 0 ? undefined : flags;

/**
 * Conditions on the TCP header, ANDed, each with its own `!`. For xtables later fragments never match, and a header that
 * is cut, or an offset that would lay a fragment over it, drops the packet.
 */
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
    // add_nft_tcp(): without any condition it stays a match of xtables.
    const empty = !sport && !dport && !(flags && (flags.mask || flags.compare || flags.negated));
    return {
      sport,
      dport,
      ...joinedPorts(sport, dport, native),
      ...(native && !empty ? { native } : {}),
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
    const { option: opt, native } = d;
    const flags = testedFlags(d);
    return (packet, env) => {
      if (packet.protocol !== 6) return NO;
      if (lacksHeader(packet)) {
        if (native) return tri(bytesMeet(d, flags, packet));
        const evil = packet.family === 'ipv4' && packet.fragmentOffsetBytes === 8;
        return evil || endsBefore(packet, 20) ? env.hotDrop() : NO;
      }
      if (packet.sport === undefined || packet.dport === undefined) return NO;
      if (!meetsPorts(d, packet.sport, packet.dport)) return NO;
      if (flags && ((packet.tcpFlags & flags.mask) === flags.compare) === flags.negated) return NO;
      if (!opt) return YES;
      if (isCutTcpHeader(packet)) return env.hotDrop();
      return packet.tcpOptions.some((x) => x.kind === opt.kind) === opt.negated ? NO : YES;
    };
  },
  // Looking for an option may end in a drop, which what stands behind must not forestall.
  columns: (d) =>
    d.option
      ? undefined
      : [
          { column: 'protocol', low: 6, high: 6 },
          ...portColumns('sport', d.sport),
          ...portColumns('dport', d.dport),
        ],
  packets: (d, space) => {
    let set = space.and(space.interval('protocol', 6, 6), portPackets(space, d));
    const flags = testedFlags(d);
    if (flags)
      set = space.and(
        set,
        complementIf(flags.negated, space, space.bits('tcpFlags', flags.compare, flags.mask)),
      );
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

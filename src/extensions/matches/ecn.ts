import { lacksHeader } from '../../model/layer4-header.ts';
import { type Packet, tcpFlag } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { type BoundOption, defineMatch, NO, type Refusal, refuse, YES } from '../define.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { transportBytes } from '../transport-bytes.ts';

interface Negatable {
  readonly negated: boolean;
}

/** ECN bits wanted of the headers; all of them must hold. */
export interface EcnData {
  /** Echo flag of the TCP header. */
  readonly ece: Negatable | undefined;
  /** CWR flag of the TCP header. */
  readonly cwr: Negatable | undefined;
  /** Lowest two bits of the TOS byte or traffic class. */
  readonly ip: ({ readonly value: number } & Negatable) | undefined;
}

const given = (o: BoundOption<true> | undefined): Negatable | undefined => o && { negated: o.negated };

/** The TCP flags, or what stands there in a later fragment; undefined: the packet is too short, or nobody knows. */
function flagsOf(packet: Packet): number | undefined {
  if (!lacksHeader(packet)) return packet.sport === undefined ? undefined : packet.tcpFlags;
  const { length, read } = transportBytes(packet);
  return length < 20 ? undefined : read(13, 1);
}

/** Explicit congestion notification in the IP and the TCP header. */
export const ecn = defineMatch({
  name: 'ecn',
  families: ['ipv4', 'ipv6'],
  options: {
    'ecn-tcp-cwr': { type: flag, invertible: true },
    'ecn-tcp-ece': { type: flag, invertible: true },
    'ecn-ip-ect': { type: integer(0, 3), invertible: true },
  },
  constraints: {},
  needs: [],
  bind: (o): EcnData | Refusal => {
    const ect = o['ecn-ip-ect'];
    const data: EcnData = {
      ece: given(o['ecn-tcp-ece']),
      cwr: given(o['ecn-tcp-cwr']),
      ip: ect && { value: ect.value, negated: ect.negated },
    };
    return data.ece || data.cwr || data.ip
      ? data
      : refuse('missing-option', 'ECN match: some option required');
  },
  check: (d, { base }) =>
    (d.ece || d.cwr) && (base.protocol?.value !== 6 || base.protocol.negated)
      ? refuse(
          'needs-protocol',
          'ecn: the TCP flags need -p tcp; without it the kernel refuses the rule (Invalid argument)',
          { option: d.cwr ? '--ecn-tcp-cwr' : '--ecn-tcp-ece', hint: 'add -p tcp' },
        )
      : undefined,
  print: (d) => [
    ...(d.ece ? [option('ecn-tcp-ece', '', d.ece.negated)] : []),
    ...(d.cwr ? [option('ecn-tcp-cwr', '', d.cwr.negated)] : []),
    ...(d.ip ? [option('ecn-ip-ect', String(d.ip.value), d.ip.negated)] : []),
  ],
  compile: (d) => {
    const { ece, cwr, ip } = d;
    return (packet) => {
      if (ip && ((packet.tos & 3) === ip.value) === ip.negated) return NO;
      if (!ece && !cwr) return YES;
      if (packet.protocol !== 6) return NO;
      const flags = flagsOf(packet);
      if (flags === undefined) return NO;
      if (ece && ((flags & tcpFlag.ECE) !== 0) === ece.negated) return NO;
      return cwr && ((flags & tcpFlag.CWR) !== 0) === cwr.negated ? NO : YES;
    };
  },
  columns: () => [],
  packets: (d, space) => {
    let set = d.ip ? complementIf(d.ip.negated, space, space.bits('tos', d.ip.value, 3)) : space.all;
    if (d.ece || d.cwr) set = space.and(set, space.and(space.interval('protocol', 6, 6), space.has('sport')));
    const { ECE, CWR } = tcpFlag;
    if (d.ece) set = space.and(set, complementIf(d.ece.negated, space, space.bits('tcpFlags', ECE, ECE)));
    if (d.cwr) set = space.and(set, complementIf(d.cwr.negated, space, space.bits('tcpFlags', CWR, CWR)));
    return set;
  },
  docs: {
    summary: 'ECN bits of the IP header, ECE and CWR of the TCP header.',
    man: 'iptables-extensions(8) ecn',
    kernel: 'net/netfilter/xt_ecn.c ecn_mt4(), ecn_mt6()',
  },
});

import { endsBefore } from '../../model/layer4-header.ts';
import type { Packet } from '../../model/packet.ts';
import { meetsRange, type RangeCondition, rangePackets } from '../conditions.ts';
import { defineMatch, type MatchEnv, NO, type Refusal, refuse, type Tri, tri } from '../define.ts';
import { findHeader, headerLengthBytes, headerNumber, nextHeader } from '../extension-headers.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { printU32Range, u32Condition, u32Range } from '../u32-range.ts';

/** What is wanted of the authentication header; all of it must hold. */
export interface AhData {
  readonly spi: RangeCondition | undefined;
  /** IPv6: length of the header in bytes; 0 looks at nothing, even negated. */
  readonly length: { readonly bytes: number; readonly negated: boolean } | undefined;
  /** IPv6: the reserved field must be zero. */
  readonly reservedZero: boolean;
}

function matchIpv4(d: AhData, packet: Packet, env: MatchEnv): Tri {
  if (packet.protocol !== 51) return NO;
  if (endsBefore(packet, 12)) return env.hotDrop();
  if (packet.spi === undefined) return NO;
  return tri(!d.spi || meetsRange(d.spi, packet.spi));
}

function matchIpv6(d: AhData, packet: Packet): Tri {
  const header = findHeader(packet, nextHeader.auth);
  if (!header) return NO;
  if (d.spi && !meetsRange(d.spi, headerNumber(header, 4, 4))) return NO;
  const { length } = d;
  if (length && length.bytes !== 0 && (headerLengthBytes(header) === length.bytes) === length.negated)
    return NO;
  return tri(!d.reservedZero || headerNumber(header, 2, 2) === 0);
}

/** SPI of an AH header. IPv6 finds it among the extension headers, whatever the protocol is. */
export const ah = defineMatch({
  name: 'ah',
  families: ['ipv4', 'ipv6'],
  options: {
    ahspi: { type: u32Range, invertible: true },
    ahlen: { type: integer(0, 0xffffffff), invertible: true },
    ahres: { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o, context): AhData | Refusal => {
    const foreign =
      context.family === 'ipv4' ? (o.ahlen ? '--ahlen' : o.ahres ? '--ahres' : undefined) : undefined;
    if (foreign !== undefined) {
      return refuse('unknown-option', `unknown option "${foreign}"`, {
        word: foreign,
        option: foreign,
        hint: 'only the IPv6 match has it',
      });
    }
    return {
      spi: u32Condition(o.ahspi),
      length:
        o.ahlen && (o.ahlen.value !== 0 || o.ahlen.negated)
          ? { bytes: o.ahlen.value, negated: o.ahlen.negated }
          : undefined,
      reservedZero: o.ahres !== undefined,
    };
  },
  check: (_d, { family, base }) =>
    family === 'ipv4' && (base.protocol?.value !== 51 || base.protocol.negated)
      ? refuse(
          'needs-protocol',
          'ah needs -p ah; without it the kernel refuses the rule (Invalid argument)',
          {
            hint: 'add -p ah',
          },
        )
      : undefined,
  print: (d, context) => [
    ...printU32Range('ahspi', d.spi, context),
    ...(d.length ? [option('ahlen', String(d.length.bytes), d.length.negated)] : []),
    ...(d.reservedZero ? [option('ahres')] : []),
  ],
  compile: (d, context) => {
    const match = context.family === 'ipv4' ? matchIpv4 : matchIpv6;
    return (packet, env) => match(d, packet, env);
  },
  columns: () => [],
  packets: (d, space, context) => {
    if (context.family === 'ipv6') {
      const { spi, length } = d;
      const parts = [
        spi ? `spi ${spi.negated ? '! ' : ''}${spi.low}:${spi.high}` : '',
        length ? `len ${length.negated ? '! ' : ''}${length.bytes}` : '',
        d.reservedZero ? 'res' : '',
      ];
      return space.choice({ kind: 'pure', key: `ah ${parts.join(' ')}`, reads: [] });
    }
    const header = space.and(space.interval('protocol', 51, 51), space.has('spi'));
    return d.spi ? space.and(header, rangePackets(space, 'spi', d.spi)) : header;
  },
  docs: {
    summary: 'SPI, and in IPv6 length and reserved field, of an authentication header.',
    man: 'iptables-extensions(8) ah',
    kernel: 'net/ipv4/netfilter/ipt_ah.c ah_mt(), net/ipv6/netfilter/ip6t_ah.c ah_mt6()',
  },
});

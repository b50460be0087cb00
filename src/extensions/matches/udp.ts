import { lacksHeader } from '../../model/layer4-header.ts';
import { resolvePort } from '../../net/services.ts';
import { defineMatch, NO, type OptionType, refuse, tri } from '../define.ts';
import { bytesMeet } from '../native-header.ts';
import type { NumberRange } from '../option-types.ts';
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

/** Conditions on the ports of the UDP header, ANDed. */
export interface UdpData extends PortConditions {
  /** It became native expressions of nf_tables: see `TcpData`. */
  readonly native?: true;
}

/**
 * `53`, `domain`, `1024:`, `:1023`, `:`. Unlike tcp's, ports go through getaddrinfo(3), and a reversed range is
 * taken: it holds no port.
 *
 * Source: iptables 1.8.9 libxtables/xtoptions.c xtopt_parse_mport().
 */
export const resolvedPortRange: OptionType<NumberRange> = {
  arity: 1,
  placeholder: 'port[:port]',
  shape: { kind: 'range', min: 0, max: 65535, separator: ':', open: true },
  parse(words, context) {
    const text = words[0] ?? '';
    const parts = text.split(':');
    if (parts.length > 2) {
      return refuse(
        'bad-value',
        `${context.extension}: Too many components for option "${context.option}" (max: 2)`,
        { word: context.option, option: context.option },
      );
    }
    const ends: number[] = [];
    for (const [i, part] of parts.entries()) {
      const port = part === '' ? (i === 0 ? 0 : 65535) : resolvePort(part);
      if (port === undefined) {
        return refuse('bad-port', `Port "${part}" does not resolve to anything.`, {
          word: part,
          option: context.option,
          ...(/^0x/i.test(part) ? { hint: 'this match takes decimal numbers and service names only' } : {}),
        });
      }
      ends.push(port);
    }
    const low = ends[0] ?? 0;
    return { low, high: ends[1] ?? low };
  },
};

/** Ports of the UDP header, each with its own `!`. For xtables later fragments never match, and a cut header drops. */
export const udp = defineMatch({
  name: 'udp',
  families: ['ipv4', 'ipv6'],
  options: {
    sport: { type: resolvedPortRange, aliases: ['source-port'], invertible: true },
    dport: { type: resolvedPortRange, aliases: ['destination-port'], invertible: true },
  },
  constraints: { protocols: [17], protocolMessage: "UDP match requires '-p udp'" },
  needs: [],
  bind: (o, context): UdpData => {
    const native = context.backend === 'nft';
    const sport = portCondition(o.sport, native);
    const dport = portCondition(o.dport, native);
    return {
      sport,
      dport,
      ...joinedPorts(sport, dport, native),
      ...(native && (sport || dport) ? { native } : {}),
    };
  },
  print: (d, context) => [
    ...printPortCondition('sport', d.sport, context),
    ...printPortCondition('dport', d.dport, context),
  ],
  vanishes: (d, context) =>
    context.backend === 'nft' && !context.keepMeaning && portsVanish(d.sport, d.dport),
  compile: (d) => (packet, env) => {
    if (packet.protocol !== 17) return NO;
    if (lacksHeader(packet)) {
      if (d.native) return tri(bytesMeet(d, undefined, packet));
      return packet.fragmentOffsetBytes > 0 ? NO : env.hotDrop();
    }
    if (packet.sport === undefined || packet.dport === undefined) return NO;
    return tri(meetsPorts(d, packet.sport, packet.dport));
  },
  columns: (d) => [
    { column: 'protocol', low: 17, high: 17 },
    ...portColumns('sport', d.sport),
    ...portColumns('dport', d.dport),
  ],
  packets: (d, space) => space.and(space.interval('protocol', 17, 17), portPackets(space, d)),
  docs: {
    summary: 'Ports of the UDP header.',
    man: 'iptables-extensions(8) udp',
    kernel: 'net/netfilter/xt_tcpudp.c udp_mt()',
  },
});

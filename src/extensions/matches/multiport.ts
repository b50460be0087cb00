import { endsBefore } from '../../model/layer4-header.ts';
import { parsePort } from '../../net/services.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, NO, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { type NumberRange, numberRangeText } from '../option-types.ts';
import { badPort } from '../ports.ts';
import { option } from '../printed-words.ts';

/** The conditions of one `-m multiport`, as data; what was not given is undefined. */
export interface MultiportData {
  /** `either`: `--ports`, source or destination. */
  readonly side: 'source' | 'destination' | 'either';
  /** Single ports (low = high) and ranges, in the order written; at most 15 places, a range takes two. */
  readonly ports: readonly NumberRange[];
  readonly negated: boolean;
}

/** TCP, UDP, DCCP, SCTP, UDP-Lite. */
const portProtocols = [6, 17, 33, 132, 136] as const;

const portList: OptionType<readonly NumberRange[]> = {
  arity: 1,
  placeholder: 'port[,port|,port:port]…',
  shape: {
    kind: 'list',
    of: {
      kind: 'choice',
      of: [
        { kind: 'integer', min: 0, max: 65535 },
        { kind: 'range', min: 0, max: 65535, separator: ':' },
      ],
    },
    separator: ',',
    max: 7,
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const ports: NumberRange[] = [];
    let places = 0;
    for (const part of text.split(',')) {
      const ends = part.split(':');
      places += Math.min(ends.length, 2);
      if (places > 15)
        return refuse('too-many-ports', 'too many ports specified', {
          word: text,
          option: context.option,
          hint: 'at most 15; a range counts as two',
        });
      const low = parsePort(ends[0] ?? '', context.protocol);
      if (low === undefined) return badPort(ends[0] ?? '', context.option);
      if (ends.length === 1) {
        ports.push({ low, high: low });
        continue;
      }
      const high = ends.length === 2 ? parsePort(ends[1] ?? '', context.protocol) : undefined;
      if (high === undefined) return badPort(ends.slice(1).join(':'), context.option);
      if (low >= high) {
        return refuse('reversed-range', 'invalid portrange specified', {
          word: part,
          option: context.option,
        });
      }
      ports.push({ low, high });
    }
    return ports;
  },
};

const sideOption = { source: 'sports', destination: 'dports', either: 'ports' } as const;

/** Up to fifteen ports and port ranges in one list; a `!` inverts the whole list. */
export const multiport = defineMatch({
  name: 'multiport',
  families: ['ipv4', 'ipv6'],
  options: {
    sports: { type: portList, aliases: ['source-ports'], invertible: true, excludes: ['dports', 'ports'] },
    dports: {
      type: portList,
      aliases: ['destination-ports'],
      invertible: true,
      excludes: ['sports', 'ports'],
    },
    ports: { type: portList, invertible: true, excludes: ['sports', 'dports'] },
  },
  constraints: {},
  needs: [],
  bind: (o, context): MultiportData | Refusal => {
    const protocol = context.base.protocol;
    const given = o.sports ?? o.dports ?? o.ports;
    if (!given)
      return refuse('missing-option', 'multiport expection an option', {
        hint: 'one of --sports, --dports, --ports',
      });
    const side = o.sports ? 'source' : o.dports ? 'destination' : 'either';
    if (!protocol || protocol.negated) {
      return refuse(
        'needs-protocol',
        "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'",
      );
    }
    if (!portProtocols.some((p) => p === protocol.value)) {
      return refuse('needs-protocol', 'multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP');
    }
    return { side, ports: given.value, negated: given.negated };
  },
  print: (d) => [option(sideOption[d.side], d.ports.map((p) => numberRangeText(p)).join(','), d.negated)],
  compile: (d) => {
    const listed = (port: number): boolean => {
      for (const p of d.ports) if (port >= p.low && port <= p.high) return true;
      return false;
    };
    const { side, negated } = d;
    return (packet, env) => {
      if (endsBefore(packet, 4)) return env.hotDrop();
      if (packet.sport === undefined || packet.dport === undefined) return NO;
      const hit =
        side === 'source'
          ? listed(packet.sport)
          : side === 'destination'
            ? listed(packet.dport)
            : listed(packet.sport) || listed(packet.dport);
      return tri(hit, negated);
    };
  },
  columns: (d) => {
    if (d.negated || d.side === 'either') return [];
    const low = Math.min(...d.ports.map((p) => p.low));
    const high = Math.max(...d.ports.map((p) => p.high));
    return [{ column: d.side === 'source' ? 'sport' : 'dport', low, high }];
  },
  packets: (d, space) => {
    const listed = (field: 'sport' | 'dport') =>
      d.ports.reduce((set, p) => space.or(set, space.interval(field, p.low, p.high)), space.none);
    const hit =
      d.side === 'source'
        ? listed('sport')
        : d.side === 'destination'
          ? listed('dport')
          : space.or(listed('sport'), listed('dport'));
    return space.and(space.interval('sport', 0, 65535), complementIf(d.negated, space, hit));
  },
  docs: {
    summary: 'Source or destination port in a list of up to fifteen.',
    man: 'iptables-extensions(8) multiport',
    kernel: 'net/netfilter/xt_multiport.c multiport_mt()',
  },
});

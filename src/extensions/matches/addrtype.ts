import type { Machine } from '../../model/machine.ts';
import type { Packet } from '../../model/packet.ts';
import { type Address, type Family, ipv4, ipv6, prefix } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { complementIf, type PacketSet, type PacketSpace } from '../../packetset/space.ts';
import {
  type BoundOption,
  defineMatch,
  invertTri,
  type MatchEnv,
  NO,
  type OptionType,
  type Refusal,
  refuse,
  type Tri,
  tri,
  UNKNOWN,
  YES,
} from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Address types; the position is the bit in the rule and the order in which iptables-save prints. */
const addressTypeWords = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;
type AddressType = (typeof addressTypeWords)[number];

interface TypeCondition {
  /** Bits by position in {@link addressTypeWords}. */
  readonly types: number;
  readonly negated: boolean;
}

/** Types wanted of the source and of the destination; both must hold. */
export interface AddrtypeData {
  readonly source: TypeCondition | undefined;
  readonly destination: TypeCondition | undefined;
  /** Only the addresses of this packet's in- or out-interface count as local or broadcast. */
  readonly limit: 'in' | 'out' | undefined;
}

const bit = (word: AddressType): number => 1 << addressTypeWords.indexOf(word);

const typeList: OptionType<number> = {
  arity: 1,
  placeholder: 'type[,type…]',
  shape: { kind: 'list', of: { kind: 'words', values: addressTypeWords }, separator: ',', max: 12 },
  parse(words, context) {
    let rest = words[0] ?? '';
    let bits = 0;
    for (;;) {
      const comma = rest.indexOf(',');
      const word = comma < 0 ? rest : rest.slice(0, comma);
      // The beginning of a name will do; the first name of the list that has it wins.
      const index = word === '' ? -1 : addressTypeWords.findIndex((w) => w.startsWith(word.toUpperCase()));
      if (index < 0) {
        const message = comma < 0 ? `addrtype: bad type "${rest}"` : `addrtype: bad type \`${rest}'`;
        return refuse('bad-address-type', message, {
          word: rest === '' ? context.option : rest,
          option: context.option,
          hint: 'types are UNICAST, LOCAL, BROADCAST, ANYCAST, MULTICAST, BLACKHOLE, UNREACHABLE, PROHIBIT',
        });
      }
      bits |= 1 << index;
      if (comma < 0) return bits;
      rest = rest.slice(comma + 1);
    }
  },
};

const condition = (o: BoundOption<number> | undefined): TypeCondition | undefined =>
  o && { types: o.value, negated: o.negated };

const typesText = (types: number): string =>
  addressTypeWords.filter((_, i) => (types & (1 << i)) !== 0).join(',');

/** IPv6 knows no broadcasts, and its route lookup tells no BLACKHOLE, PROHIBIT, THROW, NAT or XRESOLVE apart. */
const notInIpv6: readonly AddressType[] = ['BROADCAST', 'BLACKHOLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE'];

const isIpv4Multicast = (a: Address): boolean => a.w3 >>> 28 === 14;
/** 0.0.0.0 and 255.255.255.255. */
const isIpv4Broadcast = (a: Address): boolean => a.w3 === 0 || a.w3 === 0xffffffff;

/** Asks whether the address has the type; `local:ADDRESS` is a key of its own. */
function askType(env: MatchEnv, type: AddressType, a: Address, device: string | undefined): Tri {
  const where = device === undefined ? '' : `%${device}`;
  return env.ask(`${type.toLowerCase()}:${addressText(a)}${where}`, ['no', 'yes']);
}

/**
 * IPv4: every address has one type. Only the local table is looked at, so that what is neither local nor broadcast
 * nor multicast is UNICAST, but for routes of that table that somebody made for anycast; the other types never match.
 */
function matchIpv4(types: number, a: Address, env: MatchEnv, device: string | undefined): Tri {
  const has = (word: AddressType): boolean => (types & bit(word)) !== 0;
  if (isIpv4Broadcast(a)) return tri(has('BROADCAST'));
  if (isIpv4Multicast(a)) return tri(has('MULTICAST'));
  const known = env.fib.addressTypes(a, device);
  if (known) {
    if (known.includes('LOCAL')) return tri(has('LOCAL'));
    if (known.includes('ANYCAST')) return tri(has('ANYCAST'));
    return tri(known.includes('BROADCAST') ? has('BROADCAST') : has('UNICAST'));
  }
  if (has('LOCAL') !== has('BROADCAST') || has('LOCAL') !== has('UNICAST')) {
    const local = askType(env, 'LOCAL', a, device);
    if (local === UNKNOWN) return UNKNOWN;
    if (local === YES) return tri(has('LOCAL'));
    if (has('BROADCAST') !== has('UNICAST')) {
      const broadcast = askType(env, 'BROADCAST', a, device);
      return has('BROADCAST') ? broadcast : invertTri(broadcast);
    }
  }
  return tri(has('UNICAST'));
}

/** Source: net/ipv6/addrconf_core.c __ipv6_addr_type(). */
function ipv6Class(a: Address): 'UNSPEC' | 'MULTICAST' | 'UNICAST' | undefined {
  if (a.w0 >>> 24 === 0xff) return 'MULTICAST';
  if (a.w0 === 0 && a.w1 === 0) {
    if (a.w2 === 0 && a.w3 === 0) return 'UNSPEC';
    // IPv4-mapped addresses are of no class.
    if (a.w2 === 0xffff) return undefined;
  }
  return 'UNICAST';
}

const classWords = ['UNSPEC', 'MULTICAST', 'UNICAST'] as const;
const routeWords = ['LOCAL', 'ANYCAST', 'UNREACHABLE'] as const;

/**
 * IPv6: UNSPEC, MULTICAST and UNICAST go by the address alone and must all hold; then one of LOCAL, ANYCAST and
 * UNREACHABLE must be what a route lookup says.
 */
function matchIpv6(types: number, a: Address, env: MatchEnv, device: string | undefined): Tri {
  const own = ipv6Class(a);
  for (const word of classWords) if ((types & bit(word)) !== 0 && own !== word) return NO;
  const wanted = routeWords.filter((w) => (types & bit(w)) !== 0);
  if (wanted.length === 0) return YES;
  const known = env.fib.addressTypes(a, device);
  if (known) return tri(wanted.some((w) => known.includes(w)));
  for (const word of wanted) {
    const answer = askType(env, word, a, device);
    if (answer !== NO) return answer;
  }
  return NO;
}

function typePackets(
  types: number,
  field: 'src' | 'dst',
  family: Family,
  limit: AddrtypeData['limit'],
  space: PacketSpace,
  machine: Machine,
): PacketSet {
  const has = (word: AddressType): boolean => (types & bit(word)) !== 0;
  const ofType = (word: AddressType): PacketSet =>
    limit === undefined
      ? space.addressType(field, word)
      : space.choice({ kind: 'pure', key: `addrtype ${field} ${word} limit-iface-${limit}`, reads: [field] });
  const net = (a: Address, length: number): PacketSet => space.network(field, prefix(a, length));
  if (family === 'ipv4') {
    const fixedBroadcast = space.or(net(ipv4(0), 32), net(ipv4(0xffffffff), 32));
    const multicast = net(ipv4(0xe0000000), 4);
    const fixed = space.or(fixedBroadcast, multicast);
    const local = space.and(ofType('LOCAL'), space.not(fixed));
    const broadcast = space.or(
      fixedBroadcast,
      space.and(ofType('BROADCAST'), space.not(space.or(local, multicast))),
    );
    const anycast = machine.routes.value?.some(({ type }) => type === 'anycast')
      ? space.and(ofType('ANYCAST'), space.not(space.or(local, space.or(broadcast, multicast))))
      : space.none;
    let set = space.none;
    if (has('ANYCAST')) set = space.or(set, anycast);
    if (has('LOCAL')) set = space.or(set, local);
    if (has('BROADCAST')) set = space.or(set, broadcast);
    if (has('MULTICAST')) set = space.or(set, multicast);
    if (has('UNICAST'))
      set = space.or(set, space.not(space.or(space.or(local, anycast), space.or(broadcast, multicast))));
    return set;
  }
  const unspecified = net(ipv6(0, 0, 0, 0), 128);
  const multicast = net(ipv6(0xff000000, 0, 0, 0), 8);
  const mapped = net(ipv6(0, 0, 0xffff, 0), 96);
  let set = space.all;
  if (has('UNSPEC')) set = space.and(set, unspecified);
  if (has('MULTICAST')) set = space.and(set, multicast);
  if (has('UNICAST')) set = space.and(set, space.not(space.or(unspecified, space.or(multicast, mapped))));
  const wanted = routeWords.filter(has);
  return wanted.length === 0
    ? set
    : space.and(
        set,
        wanted.reduce((sum, word) => space.or(sum, ofType(word)), space.none),
      );
}

/** Type of the source or destination address as the routing tables see it. */
export const addrtype = defineMatch({
  name: 'addrtype',
  families: ['ipv4', 'ipv6'],
  options: {
    'src-type': { type: typeList, invertible: true },
    'dst-type': { type: typeList, invertible: true },
    'limit-iface-in': { type: flag, excludes: ['limit-iface-out'] },
    'limit-iface-out': { type: flag, excludes: ['limit-iface-in'] },
  },
  constraints: {},
  needs: ['interfaces', 'routes'],
  bind: (o): AddrtypeData | Refusal =>
    o['src-type'] || o['dst-type']
      ? {
          source: condition(o['src-type']),
          destination: condition(o['dst-type']),
          limit: o['limit-iface-in'] ? 'in' : o['limit-iface-out'] ? 'out' : undefined,
        }
      : refuse('missing-option', 'addrtype: you must specify --src-type or --dst-type'),
  check: (d, context) => {
    const { hook, chain, family } = context;
    if (d.limit === 'out' && (hook === 'PREROUTING' || hook === 'INPUT')) {
      return refuse(
        'interface-in-wrong-hook',
        `addrtype: ${chain} has no outgoing interface (Invalid argument)`,
        {
          word: '--limit-iface-out',
          option: '--limit-iface-out',
        },
      );
    }
    if (d.limit === 'in' && (hook === 'POSTROUTING' || hook === 'OUTPUT')) {
      return refuse(
        'interface-in-wrong-hook',
        `addrtype: ${chain} has no incoming interface (Invalid argument)`,
        {
          word: '--limit-iface-in',
          option: '--limit-iface-in',
        },
      );
    }
    if (family === 'ipv4') return undefined;
    for (const [name, c] of [
      ['--src-type', d.source],
      ['--dst-type', d.destination],
    ] as const) {
      const word = notInIpv6.find((w) => c && (c.types & bit(w)) !== 0);
      if (word) {
        return refuse('not-in-ipv6', `addrtype: IPv6 has no type ${word} (Invalid argument)`, {
          word: name,
          option: name,
          ...(word === 'BROADCAST' ? { hint: 'IPv6 has MULTICAST in its place' } : {}),
        });
      }
    }
    return undefined;
  },
  print: (d) => [
    ...(d.source ? [option('src-type', typesText(d.source.types), d.source.negated)] : []),
    ...(d.destination ? [option('dst-type', typesText(d.destination.types), d.destination.negated)] : []),
    ...(d.limit ? [option(`limit-iface-${d.limit}`)] : []),
  ],
  compile: (d, context) => {
    const { source, destination, limit } = d;
    const match = context.family === 'ipv4' ? matchIpv4 : matchIpv6;
    const judge = (c: TypeCondition, a: Address, env: MatchEnv): Tri => {
      const device = limit === 'in' ? env.inInterface : limit === 'out' ? env.outInterface : undefined;
      const answer = match(c.types, a, env, device);
      return c.negated ? invertTri(answer) : answer;
    };
    return (packet: Packet, env: MatchEnv) => {
      const first = source ? judge(source, packet.src, env) : YES;
      if (first === NO || !destination) return first;
      const second = judge(destination, packet.dst, env);
      return second === NO ? NO : first === UNKNOWN ? UNKNOWN : second;
    };
  },
  packets: (d, space, context) => {
    const side = (c: TypeCondition | undefined, field: 'src' | 'dst'): PacketSet =>
      c
        ? complementIf(
            c.negated,
            space,
            typePackets(c.types, field, context.family, d.limit, space, context.machine),
          )
        : space.all;
    return space.and(side(d.source, 'src'), side(d.destination, 'dst'));
  },
  docs: {
    summary: 'Type of the source or destination address: local, broadcast, multicast, unicast …',
    man: 'iptables-extensions(8) addrtype',
    kernel: 'net/netfilter/xt_addrtype.c addrtype_mt_v1()',
  },
});

/**
 * One packet written as iptables match options: `-i eth0 -p tcp -s 198.51.100.7 --dport 80`.
 *
 * The options are bound by the linker as a rule's would be, every match describes its packets to a draft, and what
 * the draft demands of each field is the packet; what it leaves open takes the defaults table's value and is listed.
 */

import { type Diagnostic, diagnostic, type Span } from '../diagnostics/diagnostic.ts';
import { basePackets } from '../extensions/base.ts';
import type { Registry } from '../extensions/registry.ts';
import { ruleBinder } from '../link/bind-rule.ts';
import type { Machine } from '../model/machine.ts';
import type { Backend, CtDirection, CtState } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { EntryPoint } from '../model/trace.ts';
import {
  type Address,
  addressBits,
  compareAddresses,
  type Family,
  type Network,
  networkContains,
  networkRange,
  prefixLength,
} from '../net/address.ts';
import { addressText, parseIpv4, parseIpv6 } from '../net/address-text.ts';
import { strangerAddress, witnessAddresses } from '../net/documentation.ts';
import { interfaceMatches, interfacePatternText } from '../net/interface-pattern.ts';
import { hasPorts, protocolName } from '../net/protocols.ts';
import { type Condition, draftSpace, type Literal } from './draft-space.ts';
import { makePacket, type PacketInit } from './make-packet.ts';
import { ownOptions, takeOwnOptions } from './own-options.ts';

export interface ExpressionContext {
  readonly registry: Registry;
  readonly machine: Machine;
  /** Family of the ruleset at hand, used where the expression does not say. */
  readonly family: Family;
  readonly backend: Backend;
  /** Sent by this machine; else it arrives. */
  readonly local: boolean;
  /** Take one packet of an expression that means several. */
  readonly pick: boolean;
  /** Interface names that the ruleset mentions, most used first: where the machine's own are not known. */
  readonly mentionedInterfaces: readonly string[];
}

/** A value that was not given, and why it is what it is. */
export interface DefaultUsed {
  /** As a match option: `-s 198.51.100.7`. */
  readonly option: string;
  readonly because: string;
}

export interface PacketRequest {
  readonly packet: Packet;
  readonly entry: EntryPoint;
  readonly defaults: readonly DefaultUsed[];
}

/** A packet, or what is wrong with its expression; spans are offsets into the words joined by single blanks. */
export type PacketExpressionResult =
  | { readonly ok: true; readonly request: PacketRequest }
  | { readonly ok: false; readonly text: string; readonly diagnostics: readonly Diagnostic[] };

/** Ways of an expression that are tried for `pick`. */
const waysMax = 64;

/** Whether the words tell a family by an address of theirs. */
export function familyOfWords(words: readonly string[]): Family | undefined {
  for (const word of words) {
    const host = word.replace(/\/.*$/, '').split('-')[0] ?? '';
    if (parseIpv4(host)) return 'ipv4';
    if (host.includes(':') && parseIpv6(host)) return 'ipv6';
    if (/^(icmpv6|ipv6-icmp|icmp6|--icmpv6-type)$/i.test(word)) return 'ipv6';
  }
  return undefined;
}

/** Everything that the literals demand of one packet. */
interface Demands {
  readonly intervals: Map<string, { low: number; high: number; not: { low: number; high: number }[] }>;
  readonly bits: Map<string, { value: number; mask: number }>;
  readonly addresses: Map<
    string,
    {
      inside: (Condition & { kind: 'network' | 'addresses' })[];
      outside: (Condition & { kind: 'network' | 'addresses' })[];
    }
  >;
  readonly names: Map<string, { is: string | undefined; not: string[] }>;
  readonly interfaces: Map<
    'in' | 'out',
    { is: (Condition & { kind: 'interface' })[]; not: (Condition & { kind: 'interface' })[] }
  >;
  readonly addressTypes: (Condition & { kind: 'addressType' })[];
  tracked: boolean | undefined;
}

/** Adds the literals up; a text says what cannot be had in one packet. */
function collect(literals: readonly Literal[]): Demands | string {
  const d: Demands = {
    intervals: new Map(),
    bits: new Map(),
    addresses: new Map(),
    names: new Map(),
    interfaces: new Map(),
    addressTypes: [],
    tracked: undefined,
  };
  for (const { condition: c, negated } of literals) {
    switch (c.kind) {
      case 'interval': {
        const i = d.intervals.get(c.field) ?? { low: 0, high: Number.MAX_SAFE_INTEGER, not: [] };
        d.intervals.set(c.field, i);
        if (negated) i.not.push({ low: c.low, high: c.high });
        else {
          i.low = Math.max(i.low, c.low);
          i.high = Math.min(i.high, c.high);
          if (i.low > i.high) return `no packet has such a ${c.field}`;
        }
        break;
      }
      case 'bits': {
        if (negated) {
          // One bit that differs is enough.
          const bit = c.mask & -c.mask;
          const flipped = (~c.value & bit) >>> 0;
          const b = d.bits.get(c.field) ?? { value: 0, mask: 0 };
          if ((b.mask & bit) !== 0 && (b.value & bit) !== flipped) return `no packet has such ${c.field}`;
          d.bits.set(c.field, { value: (b.value | flipped) >>> 0, mask: (b.mask | bit) >>> 0 });
          break;
        }
        const b = d.bits.get(c.field) ?? { value: 0, mask: 0 };
        const both = b.mask & c.mask;
        if (((b.value ^ c.value) & both) !== 0) return `no packet has such ${c.field}`;
        d.bits.set(c.field, { value: (b.value | c.value) >>> 0, mask: (b.mask | c.mask) >>> 0 });
        break;
      }
      case 'network':
      case 'addresses': {
        const a = d.addresses.get(c.field) ?? { inside: [], outside: [] };
        d.addresses.set(c.field, a);
        (negated ? a.outside : a.inside).push(c);
        break;
      }
      case 'named': {
        const n = d.names.get(c.field) ?? { is: undefined, not: [] };
        d.names.set(c.field, n);
        if (negated) n.not.push(c.value);
        else if (n.is !== undefined && n.is !== c.value)
          return `a packet has one ${c.field}, not both ${n.is} and ${c.value}`;
        else n.is = c.value;
        if (n.is !== undefined && n.not.includes(n.is)) return `no packet has such a ${c.field}`;
        break;
      }
      case 'interface': {
        const i = d.interfaces.get(c.direction) ?? { is: [], not: [] };
        d.interfaces.set(c.direction, i);
        (negated ? i.not : i.is).push(c);
        break;
      }
      case 'tracked':
        if (d.tracked !== undefined && d.tracked === negated) return 'no packet has such a state';
        d.tracked = !negated;
        break;
      case 'addressType':
        if (!negated) d.addressTypes.push(c);
        break;
      case 'has':
        break;
      case 'choice':
        return c.choice.kind === 'pure'
          ? `"${c.choice.key}" is nothing that one packet can be given here`
          : 'a limit, a set or a list is no property of one packet: use --assume for those';
    }
  }
  return d;
}

const inAddresses = (c: Condition & { kind: 'network' | 'addresses' }, a: Address): boolean =>
  c.kind === 'network'
    ? networkContains(c.network, a)
    : a.family === c.range.low.family &&
      compareAddresses(c.range.low, a) <= 0 &&
      compareAddresses(a, c.range.high) <= 0;

const isHost = (n: Network): boolean => prefixLength(n.mask) === addressBits(n.address.family);

/** The first ordinary host of a network: not its own address. */
function firstHost(c: Condition & { kind: 'network' | 'addresses' }): Address {
  if (c.kind === 'addresses') return c.range.low;
  const range = networkRange(c.network);
  const a = c.network.address;
  return range && !isHost(c.network) && compareAddresses(range.low, range.high) !== 0
    ? { ...a, w3: (a.w3 | 1) >>> 0 }
    : a;
}

/** Makes the packet of an expression. Never throws; every refusal says what to write instead. */
export function packetFromExpression(
  words: readonly string[],
  context: ExpressionContext,
): PacketExpressionResult {
  const { registry, machine, local, pick } = context;
  const text = words.join(' ');
  const starts: number[] = [];
  let offset = 0;
  for (const word of words) {
    starts.push(offset);
    offset += word.length + 1;
  }
  const spanOf = (index: number): Span => {
    const start = starts[index] ?? 0;
    return { start, end: start + (words[index]?.length ?? text.length) };
  };
  const problems: Diagnostic[] = [];
  const refuse = (id: string, message: string, index = -1, hint?: string): void => {
    problems.push(
      diagnostic({
        code: 'FW901',
        id,
        severity: 'error',
        message,
        span: index < 0 ? { start: 0, end: text.length } : spanOf(index),
        ...(hint === undefined ? {} : { hint }),
      }),
    );
  };
  const fail = (): PacketExpressionResult => ({ ok: false, text, diagnostics: problems });

  const own = takeOwnOptions(words);
  for (const p of own.problems) refuse(p.id, p.message, p.word, p.hint);
  const family = familyOfWords(own.rest) ?? context.family;
  const binder = ruleBinder({
    registry,
    family,
    backend: context.backend,
    version: '1.8.9',
    setNames: undefined,
    keepMeaning: true,
  });
  const bound = binder.bind('filter', own.rest, () => true);
  for (const p of bound.problems) {
    if (p.severity !== 'error') continue;
    const known =
      p.id === 'unknown-option' && p.hint === undefined
        ? `own options here: ${ownOptions.join(' ')}`
        : p.hint;
    refuse(p.id, p.message, p.word < 0 ? -1 : (own.indices[p.word] ?? -1), known);
  }
  if (bound.target.kind !== 'none') {
    refuse(
      'target-in-packet',
      'A packet has no target: leave -j and -g out',
      own.indices[bound.targetWord] ?? -1,
    );
  }
  if (bound.command)
    refuse(
      'command-in-packet',
      `A packet is written without -${bound.command.letter}`,
      own.indices[bound.command.word] ?? -1,
      'only match options: -i eth0 -p tcp -s ADDRESS --dport 80',
    );
  if (bound.bases.length > 1 && !pick) {
    refuse(
      'several-packets',
      'A list of addresses is more than one packet',
      -1,
      'give one address, or --pick to take one of them',
    );
  }
  if (problems.length > 0) return fail();
  const base = bound.bases[0];
  if (!base) return fail();

  // ------------------------------------------------------------------ what the options demand
  const space = draftSpace();
  let set = basePackets(base, space);
  for (const use of bound.matches) {
    const extension = registry.match(use.extension, family);
    if (extension && use.known)
      set = space.and(set, extension.packets(use.data as never, space, { family, base, machine }));
  }
  const ways = space.ways(set, waysMax);
  if (ways.length === 0) {
    refuse('empty-expression', 'No packet matches these options together');
    return fail();
  }
  let demands: Demands | undefined;
  let reason = '';
  let possible = 0;
  for (const way of ways) {
    const d = collect(way);
    if (typeof d === 'string') reason ||= d;
    else {
      demands ??= d;
      possible++;
    }
  }
  if (!demands) {
    refuse(
      'no-single-packet',
      reason === '' ? 'No packet matches these options together' : capitalise(reason),
    );
    return fail();
  }
  if (possible > 1 && !pick) {
    refuse(
      'several-packets',
      'These options mean more than one packet',
      -1,
      'give single values, or --pick to take one of them',
    );
    return fail();
  }

  // ------------------------------------------------------------------ one value for each field
  const defaults: DefaultUsed[] = [];
  const vague: string[] = [];
  const number = (field: string, preferred: readonly number[]): number | undefined => {
    const i = demands.intervals.get(field);
    if (!i) return undefined;
    const good = (v: number): boolean =>
      v >= i.low && v <= i.high && !i.not.some((n) => v >= n.low && v <= n.high);
    if (i.low === i.high) return good(i.low) ? i.low : undefined;
    const whole = i.low === 0 && i.not.length === 0 && (i.high >= 65535 || field === 'protocol');
    if (whole) return undefined;
    vague.push(field);
    const ends = i.not.flatMap((n) => [n.low - 1, n.high + 1]);
    return [...preferred, i.low, i.high, ...ends].find((v) => v >= 0 && good(v));
  };
  const protocol = number('protocol', [6, 17, family === 'ipv4' ? 1 : 58]);
  const protocolUsed = protocol ?? (demands.intervals.has('icmpType') ? (family === 'ipv4' ? 1 : 58) : 6);
  if (protocol === undefined)
    defaults.push({ option: `-p ${protocolName(protocolUsed)}`, because: 'no protocol given' });

  const bitsOf = (field: string): { value: number; mask: number } | undefined => demands.bits.get(field);
  const interfaceOf = (direction: 'in' | 'out'): string | undefined => {
    const i = demands.interfaces.get(direction);
    if (!i) return undefined;
    const good = (name: string): boolean =>
      i.is.every((c) => interfaceMatches(c.pattern, name)) &&
      !i.not.some((c) => interfaceMatches(c.pattern, name));
    const exact = i.is.find((c) => c.pattern.exact);
    if (exact) return good(exact.pattern.name) ? exact.pattern.name : undefined;
    const names = [
      ...(machine.interfaces.value ?? []).map((x) => x.name),
      ...context.mentionedInterfaces,
      ...i.is.map((c) => `${c.pattern.name}0`),
      'eth0',
      'eth1',
    ];
    vague.push(
      `-${direction === 'in' ? 'i' : 'o'} ${interfacePatternText((i.is[0] ?? i.not[0])?.pattern ?? { name: '', exact: false })}`,
    );
    return names.find(good);
  };

  let inInterface = interfaceOf('in');
  const outInterface = interfaceOf('out');
  if (local && inInterface !== undefined) {
    refuse(
      'in-interface-of-local',
      'A packet that this machine sends has no -i',
      -1,
      'leave --local out for a packet that arrives',
    );
    return fail();
  }
  if (!local && inInterface === undefined) {
    const outside = machine.outside[0];
    const first = machine.interfaces.value?.find((x) => x.linkType !== 'loopback');
    inInterface = outside?.value ?? first?.name ?? context.mentionedInterfaces[0] ?? 'eth0';
    defaults.push({
      option: `-i ${inInterface}`,
      because: outside
        ? `the outside interface (${outside.source})`
        : first
          ? "the machine's first interface"
          : context.mentionedInterfaces[0]
            ? 'an interface that the rules name'
            : 'no interface is known',
    });
  }

  const addressOf = (field: 'src' | 'dst'): Address | undefined => {
    const a = demands.addresses.get(field);
    if (!a) return undefined;
    const good = (x: Address): boolean =>
      a.inside.every((c) => inAddresses(c, x)) && !a.outside.some((c) => inAddresses(c, x));
    const host = a.inside.find((c) => c.kind === 'network' && isHost(c.network));
    if (host) {
      const address = firstHost(host);
      return good(address) ? address : undefined;
    }
    vague.push(field === 'src' ? '-s' : '-d');
    return [...a.inside.map(firstHost), ...witnessAddresses(family)].find(good);
  };

  const own4 = (name: string | undefined): Address | undefined => {
    const all = machine.interfaces.value ?? [];
    const on = all
      .find((x) => x.name === name)
      ?.addresses.find((x) => x.address.family === family && x.scope === 'global');
    const any = all
      .flatMap((x) => x.addresses)
      .find((x) => x.address.family === family && x.scope === 'global');
    return (
      (on ?? any)?.address ??
      machine.localAddresses.find((f) => f.value.family === family && f.value.w3 >>> 24 !== 127)?.value
    );
  };

  let hintDestination: 'local' | 'remote' | undefined;
  const localType = demands.addressTypes.find((c) => c.field === 'dst' && c.type === 'LOCAL');
  let dst = addressOf('dst');
  if (!dst) {
    if (local) {
      dst = strangerAddress(family);
      defaults.push({
        option: `-d ${addressText(dst)}`,
        because: 'no destination given: somebody out there',
      });
    } else {
      dst = own4(inInterface);
      const known = dst !== undefined;
      dst ??=
        family === 'ipv4' ? (parseIpv4('203.0.113.1') as Address) : (parseIpv6('2001:db8:113::1') as Address);
      hintDestination = 'local';
      defaults.push({
        option: `-d ${addressText(dst)}`,
        because: known
          ? "no destination given: this machine's address"
          : 'no destination given: taken for an address of this machine',
      });
    }
  } else if (localType) hintDestination = 'local';
  let src = addressOf('src');
  if (!src) {
    const behind = local ? own4(outInterface) : neighbour(machine, inInterface, family);
    src =
      behind ??
      (local
        ? family === 'ipv4'
          ? (parseIpv4('203.0.113.1') as Address)
          : (parseIpv6('2001:db8:113::1') as Address)
        : strangerAddress(family));
    defaults.push({
      option: `-s ${addressText(src)}`,
      because: local
        ? behind
          ? "this machine's address"
          : 'taken for an address of this machine'
        : behind
          ? `an address behind ${inInterface}`
          : 'an ordinary address from outside',
    });
  }

  const fragment = number('fragmentKind', [0]);
  const dport = number('dport', [80, 443, 22, 53]);
  const sport = number('sport', [40000]);
  if (hasPorts(protocolUsed) && fragment !== 2) {
    if (dport === undefined) defaults.push({ option: '--dport 80', because: 'no port given' });
    if (sport === undefined) defaults.push({ option: '--sport 40000', because: 'an ordinary client port' });
  }
  const icmpType = number('icmpType', [family === 'ipv4' ? 8 : 128]);
  const flags = bitsOf('tcpFlags');
  const state = demands.names.get('ctState');
  const init: { -readonly [K in keyof PacketInit]: PacketInit[K] } = {
    family,
    src,
    dst,
    protocol: protocolUsed,
  };
  if (sport !== undefined) init.sport = sport;
  if (dport !== undefined) init.dport = dport;
  if (flags) init.tcpFlags = flags.value;
  else if (state?.is === 'ESTABLISHED' && protocolUsed === 6) init.tcpFlags = 16;
  if (icmpType !== undefined) init.icmpType = icmpType;
  const icmpCode = number('icmpCode', [0]);
  if (icmpCode !== undefined) init.icmpCode = icmpCode;
  const ttl = number('ttl', [64]);
  if (ttl !== undefined) init.ttl = ttl;
  const length = number('lengthBytes', []);
  if (length !== undefined) init.lengthBytes = length;
  const spi = number('spi', [256]);
  if (spi !== undefined) init.spi = spi;
  const mss = number('mss', [1460]);
  if (mss !== undefined) init.tcpOptions = [{ kind: 2, data: mss.toString(16).padStart(4, '0') }];
  const mark = bitsOf('mark');
  if (mark) init.mark = mark.value;
  const tos = bitsOf('tos');
  if (tos) init.tos = tos.value;
  if (local) {
    init.uid = number('uid', [0]) ?? 0;
    init.gid = number('gid', [0]) ?? 0;
  }
  const mac = demands.names.get('mac')?.is;
  if (mac !== undefined) init.ethSrc = mac;
  const type = demands.names.get('packetType')?.is;
  if (type === 'unicast' || type === 'broadcast' || type === 'multicast') init.packetType = type;
  if (fragment === 2) init.fragmentOffsetBytes = 1480;
  if (fragment === 1) init.moreFragments = true;
  if (vague.length > 0 && !pick) {
    refuse(
      'several-packets',
      `These options mean more than one packet (${[...new Set(vague)].join(', ')})`,
      -1,
      'give single values, or --pick to take one of them',
    );
    return fail();
  }
  const packet = makePacket({ ...init, ...own.init });

  const states: readonly CtState[] = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
  const wantedState =
    states.find((s) => s === state?.is) ??
    (state && state.not.length > 0 ? states.find((s) => !state.not.includes(s)) : undefined);
  const direction = demands.names.get('ctDirection')?.is as CtDirection | undefined;
  const hints = {
    ...(outInterface === undefined ? {} : { outInterface }),
    ...(hintDestination === undefined ? {} : { destination: hintDestination }),
    ...(wantedState === undefined || wantedState === 'NEW'
      ? {}
      : { connection: { state: wantedState, ...(direction ? { direction } : {}) } }),
  };
  const entry: EntryPoint = local
    ? { kind: 'local', hints }
    : { kind: 'arrives', inInterface: inInterface as string, hints };
  return { ok: true, request: { packet, entry, defaults } };
}

const capitalise = (s: string): string => s.charAt(0).toUpperCase() + s.slice(1);

/** An address next to the machine's own on an interface that is not an outside one. */
function neighbour(machine: Machine, name: string | undefined, family: Family): Address | undefined {
  if (machine.outside.some((f) => f.value === name)) return undefined;
  const at = machine.interfaces.value
    ?.find((x) => x.name === name)
    ?.addresses.find((x) => x.address.family === family && x.scope === 'global');
  if (!at || at.prefixLength >= addressBits(family) - 1) return undefined;
  const last = at.address.w3 & 0xff;
  return { ...at.address, w3: (at.address.w3 - last + (last === 7 ? 8 : 7)) >>> 0 };
}

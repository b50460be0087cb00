/** Which rule wrote a log line: the packet is walked to there, as it must have come or been sent. */

import { type Branch, explore } from '../engine/explore.ts';
import type { Program } from '../engine/simulate.ts';
import type { Tape } from '../engine/tape.ts';
import type { RulesetView } from '../lint/check.ts';
import type { Machine } from '../model/machine.ts';
import { type CtState, type Hook, hooks } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { Rule } from '../model/ruleset.ts';
import type { EntryHints, EntryPoint, MissReason, RuleRef, Trace } from '../model/trace.ts';
import { type Address, type Family, maskAddress, networkContains, sameAddress } from '../net/address.ts';
import { parseAddress } from '../net/address-text.ts';
import { addressKind } from '../net/documentation.ts';
import type { LogLine } from './log-line.ts';
import { decidedBy } from './outcome.ts';

/** A rule that writes packets to a log. */
export interface LogRule {
  readonly rule: Rule;
  readonly prefix: string;
  /** Hooks from which its chain is reached. */
  readonly hooks: readonly Hook[];
}

/** How the packet began, and what that rests on. */
export interface LogOrigin {
  readonly packet: Packet;
  readonly entry: EntryPoint;
  /** What is known besides: from the caller, and from the line itself. */
  readonly tape: Tape;
  /** The state that conntrack must have found; undefined: that of a first packet, or it does not matter. */
  readonly connection: CtState | undefined;
  /** The rule that had rewritten the destination before the line was written. */
  readonly translatedBy: RuleRef | undefined;
  /** Which address it was sent to is not known: the packet's stands for one of this machine. */
  readonly standIn: boolean;
  /** It must have come out of IPsec: a packet in clear would not have come to the line. */
  readonly ipsec: boolean;
}

/** What a line comes from. */
export interface LoggedPacket {
  readonly line: LogLine;
  readonly origin: LogOrigin;
  /** Rules whose prefix is that of the line. */
  readonly candidates: readonly LogRule[];
  /** Those of them that write this line when the packet is walked; mostly one. */
  readonly writtenBy: readonly LogRule[];
  /** The ways on which the line is written; where no rule writes it, all ways. They differ in how they end. */
  readonly ways: readonly Branch[];
  /** There may be more ways. */
  readonly exhausted: boolean;
}

/** Why a rule with the right prefix did not write the line. */
export type NotWritten =
  | { readonly kind: 'hook'; readonly hooks: readonly Hook[] }
  | {
      readonly kind: 'miss';
      readonly because: MissReason;
      readonly packet: Packet;
      readonly ctState: CtState;
      readonly inInterface: string | undefined;
      readonly outInterface: string | undefined;
    }
  | { readonly kind: 'not-reached'; readonly decidedBy: ReturnType<typeof decidedBy> };

/** What lines are asked of: one machine, its rules of one family. */
export interface LogContext {
  readonly program: Program;
  readonly machine: Machine;
  readonly view: RulesetView;
  readonly family: Family;
  readonly tape: Tape;
  readonly emptyState: Parameters<typeof explore>[1];
  readonly logRules: readonly LogRule[];
}

/** Ways that are walked of one line. */
const forksMax = 32;
/** Rules of destination NAT that are tried backwards. */
const translationsMax = 64;

/** All rules that log, in the order of the ruleset. */
export function logRulesOf(view: RulesetView): readonly LogRule[] {
  return view.rules().flatMap((rule) => {
    const { target } = rule;
    if (target.kind !== 'extension' || !/^(?:LOG|NFLOG|ULOG)$/.test(target.extension)) return [];
    const { prefix } = (target.data ?? {}) as { readonly prefix?: unknown };
    const text = typeof prefix === 'string' ? prefix : '';
    return [{ rule, prefix: text, hooks: view.hooks(rule.table, rule.chain) }];
  });
}

/** Hooks at which a packet has the interfaces that the line names. */
function hooksOfLine(line: Pick<LogLine, 'inInterface' | 'outInterface'>): readonly Hook[] {
  if (line.inInterface === undefined)
    return line.outInterface === undefined ? hooks : ['OUTPUT', 'POSTROUTING'];
  return line.outInterface === undefined ? ['PREROUTING', 'INPUT'] : ['FORWARD', 'POSTROUTING'];
}

/**
 * Rules whose prefix is the line's. Loggers cut blanks at its ends; where the head of the line is of no known form,
 * the longest prefix that ends it counts.
 */
function candidatesOf(line: LogLine, rules: readonly LogRule[]): readonly LogRule[] {
  const exact = rules.filter((r) => r.prefix === line.prefix);
  if (exact.length > 0) return exact;
  const trimmed = line.prefix.trim();
  const near = rules.filter((r) => r.prefix.trim() === trimmed);
  if (near.length > 0 || line.prefixKnown) return near;
  const ending = rules.filter((r) => r.prefix.trim() !== '' && trimmed.endsWith(r.prefix.trim()));
  const longest = Math.max(0, ...ending.map((r) => r.prefix.trim().length));
  return longest > 0
    ? ending.filter((r) => r.prefix.trim().length === longest)
    : rules.filter((r) => r.prefix.trim() === '');
}

interface Attempt {
  readonly packet: Packet;
  readonly entry: EntryPoint;
  readonly tape: Tape;
  readonly connection: CtState | undefined;
  readonly standIn: boolean;
}

/** Finds out how the packet came, and which rule wrote it down. */
export function findOrigin(line: LogLine, context: LogContext): LoggedPacket {
  const candidates = candidatesOf(line, context.logRules);
  const possible = hooksOfLine(line);
  const reachable = candidates.filter((c) => c.hooks.some((h) => possible.includes(h)));
  const wanted = new Map(reachable.map((c) => [c.rule.id, c]));
  let first:
    | { readonly attempt: Attempt; readonly branches: readonly Branch[]; exhausted: boolean }
    | undefined;
  for (const attempt of attemptsFor(line, context)) {
    if (first && wanted.size === 0) break;
    const walked = walk(attempt, context);
    if (!attempt.translated) first ??= { attempt, ...walked };
    const found = walked.branches.map((branch) => ({ branch, by: writers(branch.trace, line, wanted) }));
    const ways = found.filter(({ by }) => by.length > 0);
    if (ways.length === 0) continue;
    const translatedBy = translation(ways[0]?.branch.trace);
    if (attempt.translated && !translatedBy) continue;
    const ids = new Set(ways.flatMap(({ by }) => by.map((r) => r.id)));
    return {
      line,
      candidates,
      writtenBy: reachable.filter((c) => ids.has(c.rule.id)),
      origin: { ...originOf(attempt), translatedBy },
      ways: differentEnds(ways.map(({ branch }) => branch)),
      exhausted: walked.exhausted,
    };
  }
  if (!first) throw new TypeError('no attempt was made');
  return {
    line,
    candidates,
    writtenBy: [],
    origin: { ...originOf(first.attempt), translatedBy: translation(first.branches[0]?.trace) },
    ways: differentEnds(first.branches),
    exhausted: first.exhausted,
  };
}

const originOf = ({
  packet,
  entry,
  tape,
  connection,
  standIn,
}: Attempt): Omit<LogOrigin, 'translatedBy'> => ({
  packet,
  entry,
  tape,
  connection,
  standIn,
  ipsec: entry.hints?.ipsec === true,
});

function walk(
  { packet, entry, tape }: Attempt,
  context: LogContext,
  detail: 'matched' | 'all' = 'matched',
): { readonly branches: readonly Branch[]; readonly exhausted: boolean } {
  return explore(context.program, context.emptyState, packet, entry, undefined, tape, {
    forks: forksMax,
    detail,
  });
}

/** Ways that end differently, the first of each. */
function differentEnds(branches: readonly Branch[]): readonly Branch[] {
  const ends = new Map<string, Branch>();
  for (const branch of branches) {
    const key = JSON.stringify([branch.trace.fate.kind, decidedBy(branch.trace) ?? null]);
    if (!ends.has(key)) ends.set(key, branch);
  }
  return [...ends.values()];
}

/** The rule that rewrote the destination last. */
function translation(trace: Trace | undefined): RuleRef | undefined {
  const event = trace?.events.findLast((e) => e.kind === 'nat' && e.manip === 'destination');
  return event?.kind === 'nat' && typeof event.by === 'object' ? event.by : undefined;
}

/** The wanted rules that log the packet on this way just as the line has it. */
function writers(trace: Trace, line: LogLine, wanted: ReadonlyMap<number, LogRule>): readonly RuleRef[] {
  const found: RuleRef[] = [];
  let { src, dst, sport, dport } = trace.packet;
  let into: string | undefined;
  let out: string | undefined;
  let hook: Hook | undefined;
  for (const event of trace.events) {
    if (event.kind === 'hook') {
      into = event.inInterface;
      out = event.outInterface;
      hook = event.hook;
    } else if (event.kind === 'nat') ({ src, dst, sport, dport } = event.after);
    else if (event.kind === 'log' && wanted.has(event.rule.id)) {
      const p = line.packet;
      const here =
        out === line.outInterface &&
        (into === line.inInterface || (hook === 'POSTROUTING' && into === undefined));
      if (
        here &&
        sameAddress(src, p.src) &&
        sameAddress(dst, p.dst) &&
        sport === p.sport &&
        dport === p.dport
      )
        found.push(event.rule);
    }
  }
  return found;
}

/** How the packet may have begun, the likeliest first. */
function attemptsFor(
  line: LogLine,
  context: LogContext,
): readonly (Attempt & { readonly translated: boolean })[] {
  const entries = entriesOf(line);
  const tape: Tape = {
    ...(line.inInterface !== undefined && line.outInterface !== undefined ? { forwarding: 'on' } : {}),
    ...(line.physIn === undefined ? {} : { 'bridge-netfilter': 'on' }),
    ...context.tape,
  };
  // Forwarding counts the TTL down before the rules of FORWARD see the packet.
  const forwarded = line.inInterface !== undefined && line.outInterface !== undefined;
  const ttl = forwarded ? Math.min(255, line.packet.ttl + 1) : line.packet.ttl;
  // Marks are mostly set by the rules themselves; the walk sets them again.
  const packet: Packet = { ...line.packet, ttl, mark: 0 };
  const packets = line.packet.mark === 0 ? [packet] : [packet, { ...packet, mark: line.packet.mark }];
  const attempts: (Attempt & { readonly translated: boolean })[] = [];
  const [entry] = entries;
  if (entry)
    for (const before of untranslated(line, context).slice(0, translationsMax))
      attempts.push({
        packet: { ...packet, ...before.change },
        standIn: before.standIn,
        entry,
        tape,
        connection: undefined,
        translated: true,
      });
  for (const connection of [undefined, 'ESTABLISHED', 'INVALID', 'RELATED'] as const)
    for (const e of entries)
      for (const p of packets)
        attempts.push({
          packet: p,
          entry: withState(e, connection),
          tape,
          connection,
          standIn: false,
          translated: false,
        });
  for (const e of entries)
    if (e.kind === 'arrives')
      attempts.push({
        packet,
        entry: { ...e, hints: { ...e.hints, ipsec: true } },
        tape,
        connection: undefined,
        standIn: false,
        translated: false,
      });
  return attempts;
}

function withState(entry: EntryPoint, state: CtState | undefined): EntryPoint {
  return state === undefined ? entry : { ...entry, hints: { ...entry.hints, connection: { state } } };
}

function entriesOf(line: LogLine): readonly EntryPoint[] {
  const { inInterface, outInterface, physIn, physOut } = line;
  const out: EntryHints = outInterface === undefined ? {} : { outInterface };
  if (inInterface === undefined) return [{ kind: 'local', hints: out }];
  const arrives = (hints: EntryHints): EntryPoint => ({
    kind: 'arrives',
    inInterface,
    ...(physIn === undefined ? {} : { physIn }),
    hints: { ...hints, ...(physOut === undefined ? {} : { physOut }) },
  });
  if (outInterface !== undefined) return [arrives({ ...out, destination: 'remote' })];
  const delivered = arrives({ destination: 'local' });
  // What comes in by lo was sent by the machine itself.
  if (inInterface === 'lo')
    return [{ kind: 'local', hints: { outInterface: 'lo', destination: 'local' } }, delivered];
  return [delivered, arrives({})];
}

interface Before {
  readonly change: Pick<Packet, 'dst' | 'dport'>;
  readonly standIn: boolean;
}

/** Destinations that rules of destination NAT may have made this one of; the walk says which do. */
function untranslated(line: LogLine, { view, machine, family }: LogContext): readonly Before[] {
  const hook: Hook = line.inInterface === undefined ? 'OUTPUT' : 'PREROUTING';
  const { packet } = line;
  const unknown = standIn(family);
  const found: Before[] = [];
  for (const rule of view.rules()) {
    if (rule.table !== 'nat' || rule.target.kind !== 'extension') continue;
    if (!/^(?:DNAT|REDIRECT|NETMAP)$/.test(rule.target.extension)) continue;
    if (!view.hooks('nat', rule.chain).includes(hook)) continue;
    const { protocol, dst } = rule.base;
    if (protocol && (protocol.value === packet.protocol) === protocol.negated) continue;
    const address =
      dst && !dst.negated
        ? hostOf(dst.value, packet.dst)
        : (ownAddress(machine, family, line.inInterface) ?? unknown);
    if (!address) continue;
    for (const dport of portsOf(rule, packet.dport))
      found.push({ change: { dst: address, dport }, standIn: address === unknown });
  }
  return found;
}

/** The network's own bits, the others of the address; of a single host, the host. */
function hostOf(
  net: { readonly address: Address; readonly mask: Address },
  like: Address,
): Address | undefined {
  const high = maskAddress(net.address, net.mask);
  const low = maskAddress(like, {
    ...net.mask,
    w0: ~net.mask.w0 >>> 0,
    w1: ~net.mask.w1 >>> 0,
    w2: ~net.mask.w2 >>> 0,
    w3: ~net.mask.w3 >>> 0,
  });
  const joined = {
    ...high,
    w0: (high.w0 | low.w0) >>> 0,
    w1: (high.w1 | low.w1) >>> 0,
    w2: (high.w2 | low.w2) >>> 0,
    w3: (high.w3 | low.w3) >>> 0,
  };
  return networkContains(net, joined) ? joined : undefined;
}

/** Destination ports that the rule asks for: of a range its ends, and the packet's own if that is in it. */
function portsOf(rule: Rule, own: number | undefined): readonly (number | undefined)[] {
  if (own === undefined) return [undefined];
  const text = rule.matches.map((m) => m.text).join(' ');
  const list = /(?<!! )--dports? ([\d,:]{1,200})(?: |$)/.exec(text)?.[1];
  if (list === undefined) return [own];
  const ports = list.split(',').flatMap((range) => {
    const [low = 0, high = low] = range.split(':').map(Number);
    return low <= own && own <= high ? [own] : [low];
  });
  return [...new Set(ports)].slice(0, 16);
}

function ownAddress(machine: Machine, family: Family, device: string | undefined): Address | undefined {
  const on = (machine.interfaces.value ?? []).filter((i) => device === undefined || i.name === device);
  const global = on
    .flatMap((i) => i.addresses)
    .find((a) => a.address.family === family && a.scope === 'global');
  return (
    global?.address ??
    machine.localAddresses.find((f) => f.value.family === family && addressKind(f.value) !== 'loopback')
      ?.value
  );
}

function standIn(family: Family): Address {
  return parseAddress(family, family === 'ipv4' ? '203.0.113.1' : '2001:db8:113::1') as Address;
}

/** Why a candidate is not among those that wrote the line. */
export function whyNotWritten(logged: LoggedPacket, candidate: LogRule, context: LogContext): NotWritten {
  const possible = hooksOfLine(logged.line);
  if (!candidate.hooks.some((h) => possible.includes(h))) return { kind: 'hook', hooks: candidate.hooks };
  const { branches } = walk(logged.origin, context, 'all');
  for (const { trace } of branches) {
    let ctState: CtState = 'INVALID';
    let packet = trace.packet;
    let inInterface: string | undefined;
    let outInterface: string | undefined;
    for (const event of trace.events) {
      if (event.kind === 'conntrack') ctState = event.state;
      else if (event.kind === 'nat') packet = { ...packet, ...event.after };
      else if (event.kind === 'hook') ({ inInterface, outInterface } = event);
      else if (event.kind === 'miss' && event.rule.id === candidate.rule.id)
        return { kind: 'miss', because: event.because, packet, ctState, inInterface, outInterface };
    }
  }
  const [way] = logged.ways;
  return { kind: 'not-reached', decidedBy: way && decidedBy(way.trace) };
}

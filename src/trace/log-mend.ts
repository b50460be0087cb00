/** The smallest rule that would let a logged packet pass, proved by walking the packet through the changed rules. */

import { type Branch, explore } from '../engine/explore.ts';
import { compile, type Program } from '../engine/simulate.ts';
import type { Tape } from '../engine/tape.ts';
import type { Registry } from '../extensions/registry.ts';
import { parse } from '../grammar/parse.ts';
import { link } from '../link/link.ts';
import { printRuleset } from '../link/rule-text.ts';
import type { CtState, Hook } from '../model/netfilter.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import { findChain, findTable, type Rule, type Ruleset } from '../model/ruleset.ts';
import type { EntryPoint, Fate, PolicyRef, RuleRef, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { hasPorts, protocolText } from '../net/protocols.ts';
import type { LogContext, LoggedPacket } from './log-origin.ts';
import { decidedBy } from './outcome.ts';

/** One rule to insert. */
export interface MendRule {
  readonly table: string;
  readonly chain: string;
  /** 1-based, for `iptables -I`; the rules that follow move down. */
  readonly number: number;
  /** What follows the number. */
  readonly words: readonly string[];
  /** What it stands in front of: the rule that logs, where that is directly above the one that decides. */
  readonly before: RuleRef | PolicyRef;
  readonly beforeLog: boolean;
}

/** Why an accept may not be what is missing. */
export type MendWarning =
  /** Conntrack makes nothing of the packet: accepting such packets opens more than it mends. */
  | { readonly kind: 'invalid' }
  /** The rule accepts such packets, or refuses them, by how many there are. */
  | { readonly kind: 'limit'; readonly rule: RuleRef }
  /** No first packet; those of known connections pass. `by` is what lets them. */
  | { readonly kind: 'unknown-connection'; readonly by: RuleRef | PolicyRef | undefined }
  /** Packets of known connections are refused here too: the rule lets those pass, no others. */
  | { readonly kind: 'no-rule-for-connections' };

/** A mend, or why there is none. */
export interface Mend {
  readonly rules: readonly MendRule[];
  /** Walked through the changed rules, the packet passes on every way. */
  readonly proved: boolean;
  /** Where it ends then. */
  readonly fate: Fate | undefined;
  readonly warnings: readonly MendWarning[];
  /** The same packet from another source port was refused and passes with the rule: walked, not guessed. */
  readonly opensOtherSourcePorts: boolean;
  /** Rules that lead into the chain of the first rule, where it is a user's. */
  readonly callers: readonly Rule[];
}

/** Rules that are added, one after another, until the packet passes. */
const rulesMax = 4;

const limiting = /^(?:limit|hashlimit|connlimit|recent|quota|statistic|rateest)$/;

/** Whether a packet got where it wanted. */
export function passed(fate: Fate): boolean {
  return fate.kind === 'local' || fate.kind === 'forward' || fate.kind === 'sent';
}

/** The mend for a packet that a rule or a policy stopped on this way; undefined where no rule is the cause. */
export function mendFor(
  logged: LoggedPacket,
  way: Branch,
  context: LogContext,
  registry: Registry,
  rulesets: readonly Ruleset[],
): Mend | undefined {
  const { fate } = way.trace;
  if (fate.kind !== 'drop' && fate.kind !== 'reject') return undefined;
  const ruleset = rulesets.findLast((r) => r.family === context.family);
  if (!ruleset) return undefined;
  const { packet, entry } = logged.origin;
  const warnings = warningsFor(logged, way, context);
  const asConnection = warnings.some((w) => w.kind === 'no-rule-for-connections');
  const walkedEntry = asConnection ? inState(entry, 'ESTABLISHED') : entry;
  const walk = (program: Program, tape: Tape, p: Packet): readonly Branch[] =>
    explore(program, context.emptyState, p, walkedEntry, undefined, tape, { forks: 32 }).branches;

  const rules: MendRule[] = [];
  let open: Branch | undefined = asConnection
    ? walk(context.program, way.tape, packet).find((b) => !passed(b.trace.fate))
    : way;
  let tape = way.tape;
  let program = context.program;
  let current = ruleset;
  let last: readonly Branch[] = [];
  while (open && rules.length < rulesMax) {
    const rule = ruleFor(open.trace, current, asConnection);
    if (!rule) break;
    const changed = insert(current, rule, registry);
    if (!changed) break;
    rules.push({ ...rule, before: asRead(rule, rules, ruleset) });
    tape = shifted(tape, rule);
    current = changed;
    program = compile(
      [...rulesets.filter((r) => r.family !== context.family), changed],
      context.machine,
      registry,
    );
    last = walk(program, tape, packet);
    open = last.find((b) => !passed(b.trace.fate));
  }
  const proved = rules.length > 0 && last.length > 0 && !open;
  const sibling = siblingOf(packet);
  const opensOtherSourcePorts =
    proved &&
    sibling !== undefined &&
    walk(context.program, way.tape, sibling).every((b) => !passed(b.trace.fate)) &&
    walk(program, tape, sibling).every((b) => passed(b.trace.fate));
  const [first] = rules;
  const table = first && findTable(ruleset, first.table);
  const userChain = table && findChain(table, first.chain)?.hook === undefined;
  return {
    rules,
    proved,
    fate: (open ?? last[0])?.trace.fate,
    warnings,
    opensOtherSourcePorts,
    callers: first && userChain ? context.view.callers(first.table, first.chain) : [],
  };
}

/** What stands below the new rule, as the given ruleset names it: rules that were added before it do not count. */
function asRead(rule: MendRule, added: readonly MendRule[], ruleset: Ruleset): RuleRef | PolicyRef {
  const { table, chain, number, before } = rule;
  if ('policy' in before) return before;
  const above = added.filter((r) => r.table === table && r.chain === chain && r.number <= number).length;
  const found = findTable(ruleset, table);
  const read = found && findChain(found, chain)?.rules[number - above - 1];
  return read ? { table, chain, number: read.index + 1, id: read.id, line: read.line } : before;
}

function siblingOf(packet: Packet): Packet | undefined {
  const { sport } = packet;
  if (sport === undefined || sport === 0) return undefined;
  return { ...packet, sport: sport < 65535 ? sport + 1 : 40000 };
}

function inState(entry: EntryPoint, state: CtState): EntryPoint {
  return { ...entry, hints: { ...entry.hints, connection: { state } } };
}

function isFirstPacket(p: Packet): boolean {
  if (p.protocol === 6)
    return (p.tcpFlags & (tcpFlag.SYN | tcpFlag.ACK | tcpFlag.RST | tcpFlag.FIN)) === tcpFlag.SYN;
  if (p.protocol === 1) return ![0, 3, 4, 5, 11, 12, 14, 16, 18].includes(p.icmpType ?? 8);
  if (p.protocol === 58) return ![1, 2, 3, 4, 129].includes(p.icmpType ?? 128);
  return true;
}

function warningsFor(logged: LoggedPacket, way: Branch, context: LogContext): readonly MendWarning[] {
  const warnings: MendWarning[] = [];
  const { trace } = way;
  const { packet, entry, connection } = logged.origin;
  const state = trace.events.findLast((e) => e.kind === 'conntrack');
  const invalid = state?.kind === 'conntrack' && state.state === 'INVALID';
  if (invalid) warnings.push({ kind: 'invalid' });
  if (!isFirstPacket(packet) && connection === undefined && !invalid) {
    const { branches } = explore(
      context.program,
      context.emptyState,
      packet,
      inState(entry, 'ESTABLISHED'),
      undefined,
      way.tape,
      { forks: 32 },
    );
    const refused = branches.find((b) => !passed(b.trace.fate));
    const [known] = branches;
    if (refused) warnings.push({ kind: 'no-rule-for-connections' });
    else if (known) warnings.push({ kind: 'unknown-connection', by: decidedBy(known.trace) });
  }
  // A limit that was used up is why an accepting rule let the packet go by, or a refusing one took it.
  const decider = decidedBy(trace);
  for (const { assumption, rule } of assumedAt(trace)) {
    const found = rule && context.view.ruleById(rule.id);
    if (!found?.matches.some((m) => limiting.test(m.extension))) continue;
    const { outcome } = context.view.effect(found);
    const refuses = decider && !('policy' in decider) && decider.id === found.id;
    if (refuses || (outcome === 'accept' && assumption.answer !== 'yes'))
      warnings.push({ kind: 'limit', rule: rule as RuleRef });
  }
  return warnings;
}

function assumedAt(trace: Trace) {
  return trace.events.flatMap((e) => (e.kind === 'assumed' ? [e] : []));
}

/** The rule that lets the packet by where this way ends. */
function ruleFor(trace: Trace, ruleset: Ruleset, asConnection: boolean): MendRule | undefined {
  const { fate } = trace;
  if (fate.kind !== 'drop' && fate.kind !== 'reject') return undefined;
  const { at } = fate;
  const table = findTable(ruleset, at.table);
  const chain = table && findChain(table, at.chain);
  if (!chain) return undefined;
  const end = 'policy' in at ? chain.rules.length + 1 : at.number;
  // Log rules directly above would call it refused: the rule stands in front of them, too.
  let number = end;
  for (let n = end - 1; n >= 1 && logsOnly(chain.rules[n - 1]) && matchedIn(trace, chain.rules[n - 1]); n--)
    number = n;
  const above = chain.rules[number - 1];
  const before: RuleRef | PolicyRef =
    number < end && above ? { table: at.table, chain: at.chain, number, id: above.id, line: above.line } : at;
  return {
    table: at.table,
    chain: at.chain,
    number,
    words: [...wordsFor(trace, asConnection), '-j', 'ACCEPT'],
    before,
    beforeLog: number < end,
  };
}

const logsOnly = (rule: Rule | undefined): boolean =>
  rule?.target.kind === 'extension' && /^(?:LOG|NFLOG|ULOG)$/.test(rule.target.extension);

const matchedIn = (trace: Trace, rule: Rule | undefined): boolean =>
  trace.events.some((e) => e.kind === 'rule' && e.rule.id === rule?.id);

/** The packet, as narrow as iptables can say it, as it is where the way ends. */
function wordsFor(trace: Trace, asConnection: boolean): readonly string[] {
  let hook: Hook | undefined;
  let inInterface: string | undefined;
  let outInterface: string | undefined;
  let { packet } = trace;
  for (const event of trace.events) {
    if (event.kind === 'hook') ({ hook, inInterface, outInterface } = event);
    else if (event.kind === 'nat') packet = { ...packet, ...event.after };
    else if (event.kind === 'fragment' && event.packet) packet = event.packet;
  }
  if (asConnection) return ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED'];
  const words: string[] = [];
  if (inInterface !== undefined && (hook === 'PREROUTING' || hook === 'INPUT' || hook === 'FORWARD'))
    words.push('-i', inInterface);
  if (outInterface !== undefined && (hook === 'FORWARD' || hook === 'OUTPUT' || hook === 'POSTROUTING'))
    words.push('-o', outInterface);
  words.push('-s', addressText(packet.src), '-d', addressText(packet.dst));
  words.push('-p', protocolText(packet.protocol));
  if (packet.dport !== undefined && hasPorts(packet.protocol)) {
    const name = protocolText(packet.protocol);
    words.push('-m', name === 'udplite' ? 'multiport' : name);
    words.push(name === 'udplite' ? '--dports' : '--dport', String(packet.dport));
  } else if (packet.icmpType !== undefined) {
    if (packet.family === 'ipv4') words.push('-m', 'icmp', '--icmp-type', icmpWord(packet));
    else words.push('-m', 'icmp6', '--icmpv6-type', icmpWord(packet));
  }
  const sent = trace.entry.kind === 'local' && (hook === 'OUTPUT' || hook === 'POSTROUTING');
  if (sent && packet.uid !== undefined) words.push('-m', 'owner', '--uid-owner', String(packet.uid));
  return words;
}

const icmpWord = ({ icmpType, icmpCode }: Packet): string => `${icmpType}/${icmpCode ?? 0}`;

/** The ruleset with the rule in it: the command itself is executed, as restore would; undefined if it were refused. */
function insert(ruleset: Ruleset, rule: MendRule, registry: Registry): Ruleset | undefined {
  const lines = printRuleset(ruleset).split('\n');
  const start = lines.indexOf(`*${rule.table}`);
  const commit = lines.indexOf('COMMIT', start);
  if (start < 0 || commit < 0) return undefined;
  lines.splice(commit, 0, `-I ${rule.chain} ${rule.number} ${rule.words.join(' ')}`);
  const { rulesets } = link(parse(lines.join('\n')), {
    registry,
    family: ruleset.family,
    backend: ruleset.backend,
    version: ruleset.version,
  });
  const changed = rulesets[0]?.ruleset;
  const count = (r: Ruleset): number => {
    const table = findTable(r, rule.table);
    return (table && findChain(table, rule.chain)?.rules.length) ?? 0;
  };
  return changed && count(changed) === count(ruleset) + 1 ? changed : undefined;
}

/** Answers about rules that moved down by one. */
function shifted(tape: Tape, { table, chain, number }: MendRule): Tape {
  const moved: Record<string, string> = {};
  for (const [key, answer] of Object.entries(tape)) {
    const [, kind, where, n] = /^(rule|target):(.+)\/(\d+)$/.exec(key) ?? [];
    const moves = where === `${table}/${chain}` && Number(n) >= number;
    moved[moves ? `${kind}:${where}/${Number(n) + 1}` : key] = answer;
  }
  return moved;
}

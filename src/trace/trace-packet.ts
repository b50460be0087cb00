/** What becomes of one packet on one machine. */

import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { type Branch, type Exploration, explore } from '../engine/explore.ts';
import { compile, emptyState, type Program, sourceByRoutes } from '../engine/simulate.ts';
import { asFirstSeen } from '../expression/first-seen.ts';
import { familyOfWords, type PacketRequest, packetFromExpression } from '../expression/packet-expression.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Ruleset } from '../model/ruleset.ts';
import { type Family, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { type RefusedAssumption, readAssumptions } from './assumptions.ts';
import { type Flow, type NoFlow, playFlow, whyNoFlow } from './flow.ts';
import type { KernelComparison } from './kernel-run.ts';
import { foldWays, type Ways, waysOf } from './outcome.ts';
import { type Reply, replyTo, type WalkContext } from './reply.ts';

/** The question. */
export interface TraceOptions {
  readonly registry: Registry;
  /** The packet in match options, word by word. */
  readonly expression: readonly string[];
  /** Sent by this machine; else it arrives. */
  readonly local?: boolean;
  /** Take one packet of an expression that means several. */
  readonly pick?: boolean;
  /** `KEY=VALUE` each. */
  readonly assume?: readonly string[];
  /** Also note each rule that was tried, with the condition that refused. */
  readonly all?: boolean;
  readonly family?: Family;
  readonly backend?: Backend;
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics?: readonly Diagnostic[];
  /** Also whether the answer would come back; default true. */
  readonly reply?: boolean;
  /** Play the whole conversation that the packet opens, instead of the one packet's answer. */
  readonly flow?: boolean;
  /** Ways that are walked before it is said that there are more; default 64. */
  readonly forks?: number;
}

/** The answer: the packet, and every way that it may take. */
export interface PacketTrace {
  readonly read: ReadMachine;
  readonly family: Family;
  /** The ruleset in force for the packet's family. */
  readonly ruleset: ReadRuleset;
  readonly request: PacketRequest;
  readonly local: boolean;
  /** As they were given. */
  readonly assume: readonly string[];
  readonly exploration: Exploration;
  /** The ways that differ in their end. */
  readonly ways: Ways;
  /** What becomes of the answer, for the first of the ways whose packet arrived. */
  readonly replies: ReadonlyMap<Branch, Reply>;
  /** The conversation that the packet opens, if that was asked. */
  readonly flow?: Flow;
  /** What the running kernel did with the packet, if it was asked. */
  readonly kernel?: KernelComparison;
  /** About the texts. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A trace, or why there is none. */
export interface TraceResult {
  readonly traced?: PacketTrace;
  /** The expression or an assumption is no usable question; spans are offsets into `expressionText`. */
  readonly refused?: { readonly expressionText: SourceText; readonly diagnostics: readonly Diagnostic[] };
  /** Nothing, or not everything, could be looked at; with `traced`: a limit was reached. */
  readonly couldNotLook?: string;
}

/** Interface names that the rules mention, most used first. */
function mentionedInterfaces(rulesets: readonly Ruleset[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const ruleset of rulesets)
    for (const table of ruleset.tables)
      for (const chain of table.chains)
        for (const { base } of chain.rules)
          for (const named of [base.inInterface, base.outInterface]) {
            const name = named?.value.exact && named.value.name !== 'lo' ? named.value.name : undefined;
            if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
          }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

function missingFamily(read: ReadMachine, family: Family): string {
  const [name, command] = family === 'ipv4' ? ['IPv4', 'iptables-save'] : ['IPv6', 'ip6tables-save'];
  return `"${read.texts[0]?.name ?? 'the input'}" holds no ${name} ruleset, and the packet is ${name}: add the output of ${command} by --with FILE`;
}

/** Walks one packet through a machine; its own text first, then further ones about it. Never throws for any input. */
export function tracePacket(texts: readonly SourceText[], options: TraceOptions): TraceResult {
  const { registry, expression, assume = [] } = options;
  const assumptions = readAssumptions(assume);
  if ('diagnostics' in assumptions) return refusedAssumption(assumptions);
  const read = readMachine(texts, {
    registry,
    family: options.family ?? familyOfWords(expression),
    backend: options.backend,
    assume: assumptions.forMachine,
  });
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) return { couldNotLook };
  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  return traceRead(read, () => compile(rulesets, read.machine, registry), options);
}

function refusedAssumption({ text, diagnostics }: RefusedAssumption): TraceResult {
  return { refused: { expressionText: { name: '--assume', text }, diagnostics } };
}

/**
 * The same for a machine that has been read, with the assumptions about it: many questions about one machine compile
 * its rules once. `program` is asked for only if there is a packet to walk.
 */
export function traceRead(read: ReadMachine, program: () => Program, options: TraceOptions): TraceResult {
  const {
    registry,
    expression,
    local = false,
    pick = false,
    assume = [],
    all = false,
    reply = true,
    flow = false,
  } = options;
  const assumptions = readAssumptions(assume);
  if ('diagnostics' in assumptions) return refusedAssumption(assumptions);
  const asked = options.family ?? familyOfWords(expression);
  const inForce = (family: Family): ReadRuleset | undefined =>
    read.rulesets.findLast((r) => r.linked.ruleset.family === family);
  const family: Family = asked ?? (inForce('ipv4') ? 'ipv4' : 'ipv6');
  const ruleset = inForce(family);
  if (!ruleset) return { couldNotLook: missingFamily(read, family) };

  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  const made = packetFromExpression(expression, {
    registry,
    machine: read.machine,
    family,
    backend: ruleset.linked.ruleset.backend,
    local,
    pick,
    mentionedInterfaces: mentionedInterfaces(rulesets),
  });
  if (!made.ok) {
    const expressionText = { name: 'packet', text: made.text };
    return { refused: { expressionText, diagnostics: made.diagnostics } };
  }
  const noFlow = flow ? whyNoFlow(made.request.packet) : undefined;
  if (noFlow !== undefined) return { refused: refusedFlow(expression.join(' '), noFlow) };
  const compiled = program();
  const { request, tape } = asFirstSeen(withRoutedSource(made.request, compiled), assumptions.tape);
  const exploration = explore(compiled, emptyState(), request.packet, request.entry, undefined, tape, {
    detail: all ? 'all' : 'matched',
    ...(options.forks === undefined ? {} : { forks: options.forks }),
  });
  const ways = foldWays(exploration.tree);
  const context: WalkContext = { program: compiled, machine: read.machine, tape };
  const traced: PacketTrace = {
    read,
    family,
    ruleset,
    request,
    local,
    assume,
    exploration,
    ways,
    replies: reply && !flow ? repliesOf(ways, context, all ? 'all' : 'matched') : new Map(),
    ...(flow ? { flow: playFlow(request.packet, request.entry, context) } : {}),
    diagnostics: [...(options.diagnostics ?? []), ...read.diagnostics],
  };
  const limit = limitReached(exploration);
  return limit === undefined ? { traced } : { traced, couldNotLook: limit };
}

/** What a process of this machine sends from, where nobody said: the routes know better than the list of addresses. */
function withRoutedSource(request: PacketRequest, program: Program): PacketRequest {
  const { packet, entry, defaults } = request;
  const at = defaults.findIndex((d) => d.option === `-s ${addressText(packet.src)}`);
  if (entry.kind !== 'local' || at < 0) return request;
  const src = sourceByRoutes(program, packet, entry);
  if (src === undefined || sameAddress(src, packet.src)) return request;
  const because = "this machine's address on the way there";
  return {
    ...request,
    packet: { ...packet, src },
    defaults: defaults.with(at, { option: `-s ${addressText(src)}`, because }),
  };
}

function refusedFlow(text: string, why: NoFlow): NonNullable<TraceResult['refused']> {
  const message =
    why === 'not-an-opener'
      ? 'A flow begins with a SYN, and this segment opens no connection'
      : 'A flow begins with a packet that is answered, and this one is not';
  return {
    expressionText: { name: 'packet', text },
    diagnostics: [
      diagnostic({
        code: 'FW901',
        id: 'no-flow',
        severity: 'error',
        message,
        hint: 'leave the flags or the type out, or trace the packet alone without --flow',
        span: { start: 0, end: text.length },
      }),
    ],
  };
}

/** Ways whose answers are walked. */
const repliesMax = 16;

function repliesOf(ways: Ways, context: WalkContext, detail: 'matched' | 'all'): ReadonlyMap<Branch, Reply> {
  const replies = new Map<Branch, Reply>();
  for (const { branch } of waysOf(ways).slice(0, repliesMax)) {
    const reply = replyTo(branch, context, detail);
    if (reply) replies.set(branch, reply);
  }
  return replies;
}

function limitReached({ exhausted, branches }: Exploration): string | undefined {
  if (exhausted)
    return `the packet may take more than the ${branches.length} ways that were walked; pin what decides with --assume, for example limit=under`;
  for (const { trace } of branches)
    if (trace.fate.kind === 'exhausted')
      return trace.fate.resource === 'steps'
        ? `the walk was given up after ${trace.fate.limit} rules`
        : 'the rules jump too deep: the kernel would refuse them';
  return undefined;
}

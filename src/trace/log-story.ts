/** What lines of the kernel's packet log tell of a ruleset: who wrote them, what decided, and what would mend it. */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Branch } from '../engine/explore.ts';
import { compile, emptyState } from '../engine/simulate.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import { createOwnerOf } from '../lint/generators.ts';
import { createView } from '../lint/ruleset-view.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { Family } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { icmpTypeName } from '../net/icmp-types.ts';
import { protocolName } from '../net/protocols.ts';
import { readAssumptions } from './assumptions.ts';
import { type LogLine, readLog } from './log-line.ts';
import { type Mend, mendFor } from './log-mend.ts';
import {
  findOrigin,
  type LogContext,
  type LoggedPacket,
  type LogRule,
  logRulesOf,
  type NotWritten,
  whyNotWritten,
} from './log-origin.ts';
import { decidedBy } from './outcome.ts';

/** The question. */
export interface LogOptions {
  readonly registry: Registry;
  /** The lines, with the name of where they are from. */
  readonly log: SourceText;
  readonly assume?: readonly string[];
  readonly family?: Family;
  readonly backend?: Backend;
  /** Groups that are explained; the others are counted. Default 10. */
  readonly groupCountMax?: number;
}

/** One way that the packet goes on from the line, and what would let it pass. */
export interface LogWay {
  readonly branch: Branch;
  readonly mend: Mend | undefined;
}

/** Lines that the same rule wrote about the same service, and the same rule decided. */
export interface LogGroup {
  readonly count: number;
  /** Different source addresses, at most {@link sourceCountMax}. */
  readonly sourceCount: number;
  readonly first: LogLine;
  readonly last: LogLine;
  /** `tcp/22`, `icmp echo-request`. */
  readonly service: string;
  readonly family: Family;
  readonly ruleset: ReadRuleset;
  /** About the first line. */
  readonly logged: LoggedPacket;
  readonly ways: readonly LogWay[];
  /** Rules with the line's prefix that did not write it. */
  readonly others: readonly { readonly rule: LogRule; readonly because: NotWritten }[];
  /** Prefixes that the rules do write, if none is the line's. */
  readonly knownPrefixes: readonly string[];
}

/** The answer. */
export interface LogStory {
  readonly read: ReadMachine;
  readonly lineCount: number;
  readonly groups: readonly LogGroup[];
  /** Groups that are not explained, and their lines. */
  readonly moreGroupCount: number;
  readonly moreLineCount: number;
  /** Lines about packets of a family whose rules are not there. */
  readonly withoutRulesCount: number;
  readonly otherLineCount: number;
  readonly unreadLineCount: number;
  /** About the lines. */
  readonly diagnostics: readonly Diagnostic[];
  readonly assume: readonly string[];
}

/** A story, or why there is none. */
export interface LogResult {
  readonly story?: LogStory;
  readonly refused?: { readonly expressionText: SourceText; readonly diagnostics: readonly Diagnostic[] };
  readonly couldNotLook?: string;
}

/** `tcp/22`, `icmp echo-request`, `esp`. */
function serviceOf(p: Packet): string {
  const name = protocolName(p.protocol);
  if (p.dport !== undefined) return `${name}/${p.dport}`;
  if (p.icmpType !== undefined) return `${name} ${icmpTypeName(p.family, p.icmpType, p.icmpCode ?? 0)}`;
  return p.fragmentOffsetBytes > 0 ? `${name}, a later fragment` : name;
}

/** Reads the lines, finds for each who wrote it and what decides, and groups them. Never throws for any input. */
export function explainLog(texts: readonly SourceText[], options: LogOptions): LogResult {
  const { registry, log, assume = [], groupCountMax = 10 } = options;
  const assumptions = readAssumptions(assume);
  if ('diagnostics' in assumptions) {
    const expressionText = { name: '--assume', text: assumptions.text };
    return { refused: { expressionText, diagnostics: assumptions.diagnostics } };
  }
  const lines = readLog(log.text);
  if (lines.lines.length === 0 && lines.diagnostics.length > 0)
    return { refused: { expressionText: log, diagnostics: lines.diagnostics } };
  if (lines.lines.length === 0)
    return {
      couldNotLook: `"${log.name}" holds no packet that the kernel logged: LOG rules write lines with "IN=… OUT=…"`,
    };
  const read = readMachine(texts, {
    registry,
    family: options.family ?? familyOf(lines.lines),
    backend: options.backend,
    assume: assumptions.forMachine,
  });
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) return { couldNotLook };

  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  const program = compile(rulesets, read.machine, registry);
  const contexts = new Map<Family, { readonly context: LogContext; readonly ruleset: ReadRuleset }>();
  for (const ruleset of read.rulesets) {
    const { family } = ruleset.linked.ruleset;
    const view = createView(ruleset, registry, read.machine, createOwnerOf());
    const context: LogContext = {
      program,
      machine: read.machine,
      view,
      family,
      tape: assumptions.tape,
      emptyState: emptyState(),
      logRules: logRulesOf(view),
    };
    contexts.set(family, { context, ruleset });
  }

  let withoutRulesCount = 0;
  const known = new Map<string, LoggedPacket>();
  const groups = new Map<
    string,
    { count: number; last: LogLine; readonly sources: Set<string>; readonly logged: LoggedPacket }
  >();
  for (const line of lines.lines) {
    const at = contexts.get(line.packet.family);
    if (!at) {
      withoutRulesCount++;
      continue;
    }
    const alike = keyOfLine(line);
    let logged = known.get(alike);
    if (!logged) {
      logged = findOrigin(line, at.context);
      if (known.size < knownMax) known.set(alike, logged);
    }
    const key = groupKey(logged);
    const group = groups.get(key);
    const source = addressText(line.packet.src);
    if (group) {
      group.count++;
      group.last = line;
      if (group.sources.size < sourceCountMax) group.sources.add(source);
    } else groups.set(key, { count: 1, last: line, sources: new Set([source]), logged });
  }
  if (groups.size === 0) {
    const [name, command] =
      lines.lines[0]?.packet.family === 'ipv4' ? ['IPv4', 'iptables-save'] : ['IPv6', 'ip6tables-save'];
    return {
      couldNotLook: `the packet is ${name}, and "${texts[0]?.name ?? 'the input'}" holds no ${name} ruleset: add the output of ${command} by --with FILE`,
    };
  }

  // Stable: of equal counts, the one that was seen first.
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count);
  const shown = sorted.slice(0, groupCountMax);
  const more = sorted.slice(groupCountMax);
  const explained = shown.map(({ count, last, sources, logged }): LogGroup => {
    const { line } = logged;
    const { family } = line.packet;
    const { context, ruleset } = contexts.get(family) as NonNullable<ReturnType<typeof contexts.get>>;
    return {
      count,
      sourceCount: sources.size,
      first: line,
      last,
      service: serviceOf(line.packet),
      family,
      ruleset,
      logged,
      ways: logged.ways.map((branch) => ({
        branch,
        mend: mendFor(logged, branch, context, registry, rulesets),
      })),
      others: logged.candidates
        .filter((c) => !logged.writtenBy.includes(c))
        .map((rule) => ({ rule, because: whyNotWritten(logged, rule, context) })),
      knownPrefixes: logged.candidates.length > 0 ? [] : [...new Set(context.logRules.map((r) => r.prefix))],
    };
  });
  return {
    story: {
      read,
      lineCount: lines.lines.length,
      groups: explained,
      moreGroupCount: more.length,
      moreLineCount: more.reduce((sum, g) => sum + g.count, 0),
      withoutRulesCount,
      otherLineCount: lines.otherLineCount,
      unreadLineCount: lines.unreadLineCount,
      diagnostics: lines.diagnostics,
      assume,
    },
  };
}

/** Sources that are told apart in one group. */
const sourceCountMax = 10_000;

/** Answers that are kept for lines of the same kind. */
const knownMax = 100_000;

/** Lines that no rule but one for single numbers can tell apart. */
function keyOfLine(line: LogLine): string {
  const { packet } = line;
  const counted: Packet = { ...packet, identification: 0, seq: 0, ack: 0, window: 0, icmpSeq: 0 };
  return JSON.stringify([
    line.prefix,
    line.inInterface,
    line.outInterface,
    line.physIn,
    line.physOut,
    counted,
  ]);
}

function groupKey({ line, writtenBy, ways }: LoggedPacket): string {
  return JSON.stringify([
    line.packet.family,
    writtenBy.length > 0 ? writtenBy.map((r) => r.rule.id) : line.prefix,
    ways.map(({ trace }) => [trace.fate.kind, decidedBy(trace) ?? null]),
    serviceOf(line.packet),
  ]);
}

/** Of a dump that does not say its family, the lines do. */
function familyOf(lines: readonly LogLine[]): Family | undefined {
  const [first] = lines;
  return first && lines.every((l) => l.packet.family === first.packet.family)
    ? first.packet.family
    : undefined;
}

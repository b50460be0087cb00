/** A trace for the terminal: what was asked, the way hook by hook, the verdict, and what it depends on. */

import type { Branch } from '../engine/explore.ts';
import type { Machine } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import type { Question } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { listenerFor } from '../trace/listener.ts';
import { notCovered } from '../trace/not-covered.ts';
import { decidedBy, type Ways, waysOf } from '../trace/outcome.ts';
import type { PacketTrace, TraceResult } from '../trace/trace-packet.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { unbroken, wrap, wrapUnbroken } from './layout.ts';
import { contextLines, labelled, type RulesSubject, rulesLines } from './machine-header.ts';
import { ruleBook } from './rule-book.ts';
import { shellQuote } from './shell-quote.ts';
import type { Paint } from './theme.ts';
import { type EventStyle, eventLines } from './trace-events.ts';
import { flowLines } from './trace-flow.ts';
import { kernelLines } from './trace-kernel.ts';
import { nextStep } from './trace-next.ts';
import { replyLines } from './trace-reply.ts';
import { deciderWords, verdictLines } from './trace-verdict.ts';
import {
  assumeOption,
  assumptionWords,
  fateWords,
  packetDetails,
  packetText,
  portText,
  settleHint,
  topicWords,
} from './trace-words.ts';

/** How much is said. */
export interface TraceDetail {
  /** Also the rules that did not match. */
  readonly all: boolean;
  /** Also everything that was inferred. */
  readonly verbose: boolean;
}

/** Ways that are shown in full; of further ones only the end is told. */
const waysShownMax = 8;

/** Ways to the same end that are named. */
const waysNamedMax = 4;

/** Prints a trace; empty for a question without an answer. */
export function printTrace(result: TraceResult, style: TerminalStyle, detail: TraceDetail): string {
  const { traced } = result;
  if (!traced) return '';
  const ways = waysOf(traced.ways);
  const to: TraceStyle = {
    style,
    book: ruleBook(traced.ruleset.linked.ruleset),
    all: detail.all,
    logOnly: new Set(ways.flatMap(({ branch }) => branch.immaterial.map((a) => a.key))),
    forked: new Set(questionsOf(traced.ways).map((q) => q.key)),
    localSource: localSources(traced.read.machine),
    listener: (packet) => listenerWords(traced.read.machine, packet),
    next: (trace) => {
      const found =
        trace.fate.kind === 'local' ? listenerFor(traced.read.machine, trace.fate.packet) : undefined;
      const listener = found === undefined || found === 'none' ? found : 'known';
      return nextStep(trace, { listener, outside: notCovered(traced.read, traced.ruleset) });
    },
    reply: (branch, to) => {
      const reply = traced.replies.get(branch);
      return reply ? replyLines(reply, branch.trace, to) : [];
    },
  };
  const blocks = [headerLines(traced, style, detail)];
  if (traced.flow) blocks.push(...flowLines(traced.flow, to));
  else if (traced.ways.kind === 'way') {
    const { branch, immaterial } = traced.ways;
    blocks.push(eventLines(branch.trace, to).map(({ text }) => text));
    blocks.push([...verdictLines(branch.trace, to), ...immaterialLines(immaterial, style)]);
    const reply = to.reply(branch, to);
    if (reply.length > 0) blocks.push(reply);
  } else {
    const shown = { left: waysShownMax };
    blocks.push(...forkBlocks(traced.ways, 0, [], to, shown));
    blocks.push(dependsLines(traced.ways, to));
  }
  if (traced.kernel) blocks.push(kernelLines(traced.kernel, to));
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** How events are told, and answers. */
interface TraceStyle extends EventStyle {
  readonly reply: (branch: Branch, to: EventStyle) => readonly string[];
}

/** Who listens for a packet; undefined where the sockets are not known or it has no ports. */
function listenerWords(machine: Machine, packet: Packet): string | undefined {
  const found = listenerFor(machine, packet);
  if (found === undefined) return undefined;
  const source = `(${machine.listeners.source})`;
  if (found === 'none') return `no program listens on port ${packet.dport} ${source}`;
  return `${found.process ?? 'a program'} listens on port ${packet.dport} ${source}`;
}

/** Questions at which the ways part. */
function questionsOf(ways: Ways): readonly Question[] {
  return ways.kind === 'way' ? [] : [ways.question, ...ways.answers.flatMap((a) => questionsOf(a.ways))];
}

/** Where it is said that an address is this machine's. */
function localSources(machine: Machine): (address: string) => string | undefined {
  const sources = new Map(machine.localAddresses.map((f) => [addressText(f.value), f.source]));
  return (address) => sources.get(address);
}

// ------------------------------------------------------------------------------------------ header

function headerLines(traced: PacketTrace, style: TerminalStyle, detail: TraceDetail): readonly string[] {
  const { read, ruleset, request } = traced;
  const { theme } = style;
  const about: RulesSubject = { read, ruleset, diagnostics: traced.diagnostics };
  const lines = [
    ...rulesLines(about, style),
    ...contextLines(about, style, ({ what }) => detail.verbose || isUsed(what, traced)),
  ];
  const way =
    request.entry.kind === 'arrives'
      ? `in by ${portText(request.entry.inInterface, request.entry.physIn)}`
      : 'sent by this machine';
  lines.push(
    ...labelled(
      'packet',
      `${theme.strong(escapeTerminal(packetText(request.packet)))} ${escapeTerminal(way)}`,
      style,
    ),
    ...labelled('', theme.faint(escapeTerminal(packetDetails(request.packet))), style),
  );
  const defaults = request.defaults.map(
    ({ option, because }) =>
      `${unbroken(escapeTerminal(option))} ${theme.faint(`(${escapeTerminal(because)})`)}`,
  );
  if (defaults.length > 0) lines.push(...labelled('default', defaults.join(', '), style));
  for (const [index, text] of traced.assume.entries())
    lines.push(...labelled(index === 0 ? 'assumed' : '', `--assume ${shellQuote(text)}`, style));
  return lines;
}

/** Whether what was inferred speaks of this packet: of an address or an interface on its way, or of forwarding. */
function isUsed(what: string, { request, exploration }: PacketTrace): boolean {
  const words = new Set<string>([addressText(request.packet.src), addressText(request.packet.dst)]);
  for (const { option } of request.defaults) if (option.startsWith('-i ')) words.add(option.slice(3));
  for (const { trace } of exploration.branches)
    for (const event of trace.events) {
      if (event.kind === 'nat') words.add(addressText(event.after.dst));
      if (event.kind !== 'route') continue;
      if (event.decision.kind === 'forward' && event.decision.route === undefined) {
        words.add('net.ipv4.ip_forward');
        words.add('net.ipv6.conf.all.forwarding');
        if (event.decision.outInterface !== undefined) words.add(event.decision.outInterface);
      }
    }
  return words.has(what.split(' ')[0] ?? '');
}

// ------------------------------------------------------------------------------------------ forks

/** Questions that were left open because no answer changes the end. */
function immaterialLines(questions: readonly Question[], style: TerminalStyle): readonly string[] {
  return questions.flatMap((question) =>
    wrap(
      style.theme.faint(
        `either way: ${escapeTerminal(`${questionWords(question)} (${topicWords(question)})`)}`,
      ),
      style,
      { first: '  ', rest: '    ' },
    ),
  );
}

function questionWords({ key }: Question): string {
  const rule = /^(?:rule|target):([^/]+)\/(.+)\/(\d+)$/.exec(key);
  if (rule) return `whether rule ${rule[3]} of ${rule[1]} ${rule[2]} matches`;
  if (key.startsWith('local:')) return `whether ${key.slice(6)} is this machine's address`;
  if (key.startsWith('out:')) return `by which interface packets to ${key.slice(4)} leave`;
  if (key === 'forwarding') return 'whether this machine forwards';
  return key;
}

function firstWay(ways: Ways): Ways & { kind: 'way' } {
  if (ways.kind === 'way') return ways;
  const [first] = ways.answers;
  if (!first) throw new TypeError('a fork without answers');
  return firstWay(first.ways);
}

/** How many events two ways share at their beginning. */
function sharedEvents(ways: readonly Ways[]): number {
  const traces = ways.map((w) => firstWay(w).branch.trace.events);
  const [first = []] = traces;
  let count = 0;
  while (
    count < first.length &&
    traces.every((events) => JSON.stringify(events[count]) === JSON.stringify(first[count]))
  )
    count++;
  return count;
}

/** The common way up to the fork, then each answer's own. */
function forkBlocks(
  ways: Ways,
  from: number,
  /** What was assumed to come here. */
  said: readonly string[],
  to: TraceStyle,
  shown: { left: number },
): readonly (readonly string[])[] {
  const { style } = to;
  const linesOf = (way: Ways & { kind: 'way' }, end: number): readonly string[] =>
    eventLines(way.branch.trace, to)
      .filter(({ event }) => event >= from && event < end)
      .map(({ text }) => text);
  if (ways.kind === 'way') {
    if (shown.left-- <= 0) return [];
    return [
      [
        ...linesOf(ways, Number.POSITIVE_INFINITY),
        ...verdictLines(ways.branch.trace, to),
        ...immaterialLines(ways.immaterial, style),
        ...to.reply(ways.branch, to),
      ],
    ];
  }
  const end = sharedEvents(ways.answers.map((a) => a.ways));
  const blocks: (readonly string[])[] = [];
  const common = linesOf(firstWay(ways), end);
  if (common.length > 0) blocks.push(common);
  for (const { answer, ways: below } of ways.answers) {
    const words = assumptionWords({ key: ways.question.key, answer });
    const conditions = [...said, words];
    const inner = forkBlocks(below, end, conditions, to, shown);
    if (inner.length === 0) continue;
    // Where nothing happens up to the next fork, its heads say it all.
    const parts = below.kind === 'fork' && inner[0]?.[0]?.startsWith(titleStart(style));
    if (parts) {
      blocks.push(...inner);
      continue;
    }
    const [head = [], ...rest] = inner;
    blocks.push(
      [titleLine(conditions, style), ...reasonLines(ways.question, style), ...head].flat(),
      ...rest,
    );
  }
  return blocks;
}

const titleWord = 'If ';

function titleStart(style: TerminalStyle): string {
  return style.theme.strong(titleWord);
}

function titleLine(conditions: readonly string[], style: TerminalStyle): readonly string[] {
  const words = conditions.map(escapeTerminal).join(', and ');
  return wrap(`${titleStart(style)}${words}:`, style, { rest: '  ' });
}

function reasonLines(question: Question, style: TerminalStyle): readonly string[] {
  return wrap(style.theme.faint(`(${escapeTerminal(topicWords(question))})`), style, { first: '  ' });
}

const joined = (rest: string): string => (rest === '' || /^[,:]/.test(rest) ? rest : ` ${rest}`);

/** The ends side by side, each with the options that lead there. */
function dependsLines(ways: Ways & { kind: 'fork' }, to: EventStyle): readonly string[] {
  const { style, book } = to;
  const { theme } = style;
  const hints = new Set<string>();
  /** Options that lead to each end, by its words. */
  const ends = new Map<string, { readonly paint: Paint; readonly word: string; readonly ways: string[] }>();
  const visit = (node: Ways, options: readonly string[]): void => {
    if (node.kind === 'fork') {
      const hint = settleHint(node.question);
      if (hint !== undefined) hints.add(hint);
      for (const { answer, ways: below } of node.answers)
        visit(below, [...options, assumeOption({ key: node.question.key, answer })]);
      return;
    }
    const { trace } = node.branch;
    const { word, rest, tone } = fateWords(trace.fate);
    const at = decidedBy(trace);
    const paint = { accept: theme.verdictAccept, drop: theme.verdictDrop, other: theme.verdictOther }[tone];
    const by = at ? ` by ${deciderWords(at, book)}` : '';
    const end = escapeTerminal(`${at && trace.fate.kind !== 'reject' ? '' : joined(rest)}${by}`);
    const known = ends.get(`${word}${end}`) ?? { paint, word, ways: [] };
    ends.set(`${word}${end}`, known);
    known.ways.push(options.map((o) => unbroken(escapeTerminal(o))).join(' '));
  };
  visit(ways, []);
  const lines = [theme.strong('It depends:')];
  for (const [end, { paint, word, ways: options }] of ends) {
    lines.push(...wrap(`${paint(word)}${end.slice(word.length)}`, style, { first: '  ', rest: '    ' }));
    for (const option of options.slice(0, waysNamedMax))
      lines.push(...wrapUnbroken(theme.command(option), style, { first: '      ', rest: '        ' }));
    if (options.length > waysNamedMax)
      lines.push(theme.faint(`      and ${options.length - waysNamedMax} more ways`));
  }
  for (const hint of hints)
    lines.push(...wrap(`To settle it: ${escapeTerminal(hint)}`, style, { first: '  ', rest: '    ' }));
  return lines;
}

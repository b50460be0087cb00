/** The events of one way as lines: hook by hook, table by table, rule by rule. */

import { ruleText } from '../link/rule-text.ts';
import type { CtState } from '../model/netfilter.ts';
import type { MutablePacket } from '../model/packet.ts';
import type { RuleOutcome, RuleRef, Trace, TraceEvent } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { logLevelName } from '../net/syslog-levels.ts';
import { assertNever } from '../support/invariant.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { unbroken, wrap, wrapUnbroken } from './layout.ts';
import { missWords } from './trace-misses.ts';
import { sentenceLines, type VerdictStyle } from './trace-verdict.ts';
import {
  assumeOption,
  assumptionWords,
  changeWords,
  conntrackWords,
  natWords,
  packetText,
  portText,
  portWords,
  routeWords,
} from './trace-words.ts';

/** Rules that did not match and are told of one trace; nobody reads more. */
const missesToldMax = 2000;

/** Outcomes that end no table. */
const goesOn: ReadonlySet<RuleOutcome> = new Set(['continue', 'jump', 'goto', 'return']);

/** Rules that matched and went on, in one trace: only a ruleset that never ends has more. */
const passedToldMax = 1000;

/** How the events are told. */
export interface EventStyle extends VerdictStyle {
  /** Also the rules that did not match, and what the kernel does on the side. */
  readonly all: boolean;
  /** Keys of assumptions that decide about a log line only. */
  readonly logOnly: ReadonlySet<string>;
  /** Keys of questions that are said where the ways part. */
  readonly forked: ReadonlySet<string>;
  /** Why what was taken for local is so, by address. */
  readonly localSource: (address: string) => string | undefined;
}

/** A line, and the event that it tells of. */
export interface EventLine {
  readonly event: number;
  readonly text: string;
}

const lineColumns = 6;
const ruleIndent = ' '.repeat(lineColumns + 2);
/** Deeper jumps are not moved further to the right: no kernel takes a ruleset that jumps so deep. */
const depthShownMax = 16;

const nested = (depth: number): string => '  '.repeat(Math.min(depth, depthShownMax));

/** What a rule did stands below it. */
const effectIndent = `${ruleIndent}    `;

/** A rule with its line and number: `   47  #6  -A INPUT -p tcp … -j DROP`. */
function ruleLines(ref: RuleRef, depth: number, to: EventStyle): readonly string[] {
  const { style, book } = to;
  const rule = book.rule(ref);
  const text = rule ? ruleText(rule) : `-A ${ref.chain}`;
  const line = ref.line > 0 ? String(ref.line) : '';
  const indent = nested(depth);
  const first = `${style.theme.faint(line.padStart(lineColumns))}  ${indent}${style.theme.faint(`#${ref.number}`)} `;
  return wrap(escapeTerminal(text), style, { first, rest: `${effectIndent}${indent}` });
}

/** All events of a trace as lines. */
export function eventLines(trace: Trace, to: EventStyle): readonly EventLine[] {
  const { style, book, all } = to;
  const { theme } = style;
  const lines: EventLine[] = [];
  const packet: MutablePacket = { ...trace.packet };
  let inInterface: string | undefined;
  let outInterface: string | undefined;
  let ctState: CtState = 'INVALID';
  let depth = 0;
  /** Open jumps: the chains to come back to, by depth. */
  let callers: number[] = [];
  let table: { readonly name: string; readonly start: number; quiet: boolean } | undefined;
  let quietTables: string[] = [];
  /** The event that ended the last of them. */
  let quietAt = 0;
  let at = 0;

  const say = (text: string, first = effectIndent, rest = `${first}  `): void => {
    for (const line of wrapUnbroken(text, style, { first, rest })) lines.push({ event: at, text: line });
  };
  const flushQuiet = (): void => {
    if (quietTables.length === 0) return;
    const now = at;
    at = quietAt;
    say(theme.faint(`${quietTables.join(', ')}: no rule matched`), '  ');
    at = now;
    quietTables = [];
  };
  /** The head of the table at hand, once something in it is worth a line. */
  const openTable = (): void => {
    if (!table?.quiet) return;
    flushQuiet();
    table.quiet = false;
    say(theme.strong(table.name), '  ');
  };
  const heldBack = new Map<number, string>();
  const tellRule = (ref: RuleRef): void => {
    openTable();
    for (const text of ruleLines(ref, depth, to)) lines.push({ event: at, text });
  };

  let missesTold = 0;
  let missesLeftOut = 0;
  const flushMisses = (): void => {
    if (missesLeftOut === 0) return;
    const count = missesLeftOut.toLocaleString('en');
    missesLeftOut = 0;
    say(theme.faint(`… ${count} more that did not match; --json has them all`));
  };
  let passedTold = 0;
  let passedLeftOut = 0;
  const flushPassed = (): void => {
    if (passedLeftOut === 0) return;
    const count = passedLeftOut.toLocaleString('en');
    passedLeftOut = 0;
    say(theme.faint(`… ${count} more that matched and went on`), effectIndent);
  };
  /** Whether a rule is one of too many; what becomes of jumps is followed all the same. */
  const isTooMuch = (outcome: RuleOutcome): boolean => {
    if (!goesOn.has(outcome) || passedTold++ < passedToldMax) return false;
    passedLeftOut++;
    return true;
  };

  const tell = (event: TraceEvent): void => {
    if (event.kind !== 'miss') flushMisses();
    if (event.kind !== 'rule' && event.kind !== 'miss' && event.kind !== 'chain-end') flushPassed();
    switch (event.kind) {
      case 'hook': {
        flushQuiet();
        table = undefined;
        ({ inInterface, outInterface } = event);
        const { physIn, physOut } = event;
        const ways = [
          ...(inInterface === undefined ? [] : [`in by ${portText(inInterface, physIn)}`]),
          ...(outInterface === undefined ? [] : [`out by ${portText(outInterface, physOut)}`]),
        ];
        say(`${theme.strong(event.hook)}  ${theme.faint(escapeTerminal(ways.join(', ')))}`, '');
        return;
      }
      case 'table':
        depth = 0;
        callers = [];
        if (event.skipped !== undefined) {
          const why = {
            'known-connection': 'its connection is translated as its first packet was',
            'no-connection': 'without a connection there is no NAT',
            'conntrack-off': 'connections are not tracked',
          }[event.skipped];
          flushQuiet();
          say(theme.faint(`${event.table}: not visited, ${why}`), '  ');
          return;
        }
        table = { name: event.table, start: at, quiet: true };
        return;
      case 'conntrack':
        flushQuiet();
        ctState = event.state;
        say(`conntrack: ${escapeTerminal(conntrackWords(event))}`, '  ');
        return;
      case 'confirmed':
        flushQuiet();
        if (all) say(theme.faint('conntrack: the connection is recorded'), '  ');
        return;
      case 'miss': {
        if (missesTold++ >= missesToldMax) {
          missesLeftOut++;
          heldBack.delete(event.rule.id);
          return;
        }
        tellRule(event.rule);
        const note = heldBack.get(event.rule.id);
        if (note !== undefined) say(note, `${effectIndent}${nested(depth)}`);
        heldBack.delete(event.rule.id);
        const { condition, has } = missWords(event.because, book.rule(event.rule), {
          packet,
          inInterface,
          outInterface,
          ctState,
        });
        const but = has === undefined ? '' : `, the packet has: ${has}`;
        say(theme.faint(`no: ${escapeTerminal(`${condition}${but}`)}`), `${effectIndent}${nested(depth)}`);
        return;
      }
      case 'rule': {
        if (isTooMuch(event.outcome)) {
          ctState = event.ctState;
          if (event.outcome === 'jump') callers.push(depth++);
          else if (event.outcome === 'return') depth = callers.pop() ?? 0;
          return;
        }
        flushPassed();
        tellRule(event.rule);
        const untracked = event.ctState === 'UNTRACKED' && ctState !== 'UNTRACKED';
        ctState = event.ctState;
        const note = heldBack.get(event.rule.id);
        if (note !== undefined) say(note, `${effectIndent}${nested(depth)}`);
        heldBack.delete(event.rule.id);
        if (untracked) say('its connection is not tracked', `${effectIndent}${nested(depth)}`);
        if (event.outcome === 'jump') callers.push(depth++);
        else if (event.outcome === 'return') depth = callers.pop() ?? 0;
        return;
      }
      case 'chain-end':
        depth = callers.pop() ?? 0;
        if (all) say(theme.faint(`end of ${escapeTerminal(event.chain)}`), `${ruleIndent}${nested(depth)}`);
        return;
      case 'policy': {
        depth = 0;
        callers = [];
        if (event.table !== 'filter' && event.verdict === 'accept' && !all) {
          if (table?.quiet) {
            quietTables.push(event.table);
            quietAt = at;
          }
          table = undefined;
          return;
        }
        openTable();
        const chain = book.chain(event.table, event.chain);
        const line = (chain?.line ?? 0) > 0 ? String(chain?.line) : '';
        const policy = event.verdict.toUpperCase();
        const text = `policy ${policy} of ${escapeTerminal(event.chain)}`;
        say(
          event.verdict === 'accept' ? text : theme.verdictDrop(text),
          `${theme.faint(line.padStart(lineColumns))}  `,
        );
        return;
      }
      case 'change': {
        flushQuiet();
        if (event.field === 'ttl' && typeof event.after === 'number') packet.ttl = event.after;
        if (event.field === 'mark' && typeof event.after === 'number') packet.mark = event.after;
        if (event.field === 'tos' && typeof event.after === 'number') packet.tos = event.after;
        const words = escapeTerminal(changeWords(event.field, event.before, event.after));
        if (typeof event.by === 'object') say(theme.rewritten(words), `${effectIndent}${nested(depth)}`);
        else if (event.by === 'kernel' || all) say(theme.faint(words), '  ');
        return;
      }
      case 'nat-setup':
        if (event.portChanged || event.anyPort) {
          flushQuiet();
          say(portWords(event), effectIndent);
        } else if (event.by === 'none' && all) {
          flushQuiet();
          say(theme.faint(`nat: the ${event.manip} stays as it is`), '  ');
        }
        return;
      case 'nat': {
        flushQuiet();
        Object.assign(packet, event.after);
        const words = escapeTerminal(natWords(event.manip, event.before, event.after));
        if (event.by === 'connection')
          say(`nat: ${theme.rewritten(words)} ${theme.faint('(as the connection began)')}`, '  ');
        else say(theme.rewritten(words));
        return;
      }
      case 'route': {
        flushQuiet();
        table = undefined;
        const { decision, purpose } = event;
        const source =
          decision.kind === 'local' && decision.route === undefined
            ? to.localSource(addressText(packet.dst))
            : undefined;
        const because = source === undefined ? '' : theme.faint(` (${escapeTerminal(source)})`);
        const name = purpose === 'reroute' ? 'routed again' : 'routing';
        say(`${theme.strong(name)}  ${escapeTerminal(routeWords(decision))}${because}`, '');
        return;
      }
      case 'fragment':
        flushQuiet();
        say(
          event.complete
            ? `the fragments are put together${event.packet ? `: ${escapeTerminal(packetText(event.packet))}` : ''}`
            : 'the fragment is kept until the others are there',
          '',
        );
        return;
      case 'loopback':
        flushQuiet();
        say('out by lo, and in again by lo', '');
        return;
      case 'log': {
        const level = event.level === undefined ? '' : `, level ${logLevelName(event.level)}`;
        const group = event.group === undefined ? '' : `, group ${event.group}`;
        const prefix = event.prefix === '' ? '' : ` "${escapeTerminal(event.prefix)}"`;
        say(
          theme.faint(`writes a log line${prefix} (${escapeTerminal(event.via)}${level}${group})`),
          `${effectIndent}${nested(depth)}`,
        );
        return;
      }
      case 'set-change': {
        // Without the set's type it is not known which of the packet's fields an element is made of.
        const change = event.text.replace(/ \?$/, ' what its type takes of the packet');
        say(
          theme.rewritten(`set ${escapeTerminal(event.set)}: ${escapeTerminal(change)}`),
          `${effectIndent}${nested(depth)}`,
        );
        return;
      }
      case 'generated':
        flushQuiet();
        for (const text of generatedLines(event, to)) lines.push({ event: at, text });
        return;
      case 'assumed': {
        const { assumption, rule } = event;
        if (to.forked.has(assumption.key)) return;
        const option = theme.command(unbroken(escapeTerminal(assumeOption(assumption))));
        if (rule === undefined) {
          flushQuiet();
          say(`assumed: ${escapeTerminal(assumptionWords(assumption))}  ${option}`, '  ');
          return;
        }
        const words = escapeTerminal(assumptionWords(assumption));
        const indent = `${effectIndent}${nested(depth)}`;
        if (isTold(trace.events, at, rule)) {
          heldBack.set(
            rule.id,
            to.logOnly.has(assumption.key)
              ? theme.faint('perhaps: the packet alone does not decide, and goes on either way')
              : `assumed: ${words}  ${option}`,
          );
          return;
        }
        tellRule(rule);
        const so = assumption.key.startsWith('rule:') ? 'it does not match' : `${words}, it does not match`;
        say(`assumed: ${so}  ${option}`, indent);
        return;
      }
      case 'note':
        flushQuiet();
        say(theme.faint(`note: ${escapeTerminal(event.text)}`), `${effectIndent}${nested(depth)}`);
        return;
      default:
        assertNever(event);
    }
  };

  for (const event of trace.events) {
    tell(event);
    at++;
  }
  flushMisses();
  flushPassed();
  flushQuiet();
  return lines;
}

/** Whether what becomes of the rule is told by an event of its own, next among those about rules. */
function isTold(events: readonly TraceEvent[], from: number, rule: RuleRef): boolean {
  for (let index = from + 1; index < events.length; index++) {
    const event = events[index] as TraceEvent;
    if (event.kind === 'rule' || event.kind === 'miss') return event.rule.id === rule.id;
    if (event.kind !== 'assumed' || event.rule?.id !== rule.id) return false;
  }
  return false;
}

/** What the kernel made because of the packet: its way in short, further in. */
function generatedLines(
  event: Extract<TraceEvent, { kind: 'generated' }>,
  to: EventStyle,
): readonly string[] {
  const { trace, cause } = event;
  const { style } = to;
  const indent = '    | ';
  const inner: TerminalStyle = { ...style, columns: Math.max(style.columns - indent.length, 40) };
  const what = {
    reject: 'the answer',
    'icmp-error': 'the kernel answers',
    'broadcast-copy': 'a copy for this machine itself',
    duplicate: 'a copy',
    ipsec: 'by IPsec',
  }[cause];
  const shown = { ...to, style: inner, all: false };
  const lines = [
    ...wrap(`${what}: ${escapeTerminal(packetText(trace.packet))}`, inner, { rest: '  ' }),
    ...eventLines(trace, shown)
      // Hooks that only pass the answer on say nothing.
      .filter(({ event: index }) => worthTelling(trace.events[index]))
      .map(({ text }) => text),
    ...sentenceLines(trace, shown),
  ];
  return lines.map((line) => `${style.theme.faint(indent)}${line}`);
}

function worthTelling(event: TraceEvent | undefined): boolean {
  switch (event?.kind) {
    case 'rule':
    case 'log':
    case 'set-change':
    case 'generated':
    case 'assumed':
    case 'nat':
    case 'note':
      return true;
    case 'policy':
      return event.verdict !== 'accept';
    case 'change':
      return typeof event.by === 'object';
    case 'route':
      return event.decision.kind === 'drop';
    default:
      return false;
  }
}

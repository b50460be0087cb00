/** A conversation packet by packet, one block of one or two lines each; then the connection's entry. */

import type { Entry } from '../engine/state.ts';
import { ctStatusBit, type Tuple } from '../model/connection.ts';
import type { Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { protocolName } from '../net/protocols.ts';
import type { Flow, FlowStep } from '../trace/flow.ts';
import { decidedBy } from '../trace/outcome.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { unbroken, wrap, wrapUnbroken } from './layout.ts';
import { type EventStyle, eventLines } from './trace-events.ts';
import { deciderText, deciderWords, sentenceOf } from './trace-verdict.ts';
import { assumeOption, assumptionWords, endpointsText, hexText, packetText } from './trace-words.ts';

const textIndent = ' '.repeat(7);

/** All lines of a flow. */
export function flowLines(flow: Flow, to: EventStyle): readonly (readonly string[])[] {
  const { style } = to;
  const { theme } = style;
  const blocks: (readonly string[])[] = [];
  const steps = flow.steps.map((step, i) => stepLines(step, i + 1, to));
  // One below the other while short; apart where each is a long way.
  if (to.all) blocks.push(...steps);
  else blocks.push(steps.flat());
  const last = flow.steps.at(-1);
  const end: string[] = [];
  if (flow.refused && flow.complete)
    end.push(
      ...wrap(
        `${theme.verdictOther('REFUSED')}: no program listens, and the sender is told so: the rules are not the cause`,
        style,
        { rest: '  ' },
      ),
    );
  else if (flow.complete)
    end.push(
      `${theme.verdictAccept('ALL PASS')}: ${flow.steps.length} packets, both directions${flow.steps.some((s) => s.mayStop) ? ', if it is as said above' : ''}`,
    );
  else if (last) end.push(...stopLines(last, flow, to));
  end.push(...entryLines(flow, to));
  blocks.push(end);
  return blocks;
}

function stepLines(step: FlowStep, number: number, to: EventStyle): readonly string[] {
  const { style } = to;
  const { theme } = style;
  const { trace } = step.branch;
  const arrow = step.from === 'client' ? '->' : '<-';
  const lines = [
    ...wrap(`${theme.strong(escapeTerminal(packetText(step.packet)))}  ${theme.faint(step.label)}`, style, {
      first: `${String(number).padStart(2)} ${arrow}  `,
      rest: `${textIndent}  `,
    }),
  ];
  if (to.all) lines.push(...eventLines(trace, { ...to, forked: new Set() }).map(({ text }) => text));
  lines.push(...wrap(wayText(trace, to), style, { first: textIndent, rest: `${textIndent}  ` }));
  if (step.mayStop || step.end === 'stopped') {
    const { assumptions, immaterial } = step.branch;
    for (const a of assumptions.filter((x) => !immaterial.includes(x)))
      lines.push(
        ...wrapUnbroken(
          `if ${escapeTerminal(assumptionWords(a))}  ${theme.command(unbroken(escapeTerminal(assumeOption(a))))}`,
          style,
          { first: textIndent, rest: `${textIndent}  ` },
        ),
      );
  }
  return lines;
}

/** `NEW, destination A -> B, out by eth1: rule 2 of filter FORWARD (line 27)`. */
function wayText(trace: Trace, to: EventStyle): string {
  const { theme } = to.style;
  const { fate, events } = trace;
  // Where conntrack is off it never looked at the packet.
  const tracked = events.some((e) => e.kind === 'conntrack');
  const state = tracked && trace.connection ? trace.connection.state : undefined;
  const words = [escapeTerminal(state ?? 'not tracked')];
  const translated = events.findLast((e) => e.kind === 'nat');
  if (translated?.kind === 'nat')
    words.push(`as ${theme.rewritten(escapeTerminal(endpointsText(translated.after)))}`);
  const at = decidedBy(trace);
  const by = at ? escapeTerminal(deciderWords(at, to.book)) : 'no filter rule is on its way';
  switch (fate.kind) {
    case 'local':
      words.push(`${theme.verdictAccept('delivered')}: ${by}`);
      break;
    case 'forward':
    case 'sent':
      words.push(
        `${theme.verdictAccept(fate.kind === 'sent' ? 'sent' : 'forwarded')} by ${escapeTerminal(fate.outInterface)}: ${by}`,
      );
      break;
    default: {
      const { word, paint, rest } = sentenceOf(trace, to);
      words.push(`${paint(word)}${rest}`);
    }
  }
  return words.join(', ');
}

function stopLines(last: FlowStep, { steps, wholeCount }: Flow, to: EventStyle): readonly string[] {
  const { style, book } = to;
  const { theme } = style;
  const { trace } = last.branch;
  const which = `packet ${steps.length} of ${wholeCount}`;
  const why =
    last.end === 'not-translated'
      ? 'it arrives, but not with the addresses and ports of the conversation'
      : last.end === 'elsewhere'
        ? 'it ends at another machine than the one it is for'
        : last.end === 'open'
          ? 'what becomes of it is open'
          : `the ${last.from === 'client' ? 'server' : 'client'} does not get it`;
  const lines = [
    ...wrap(`${theme.verdictDrop('STOPS')} at ${which}, the ${last.label}: ${why}`, style, { rest: '  ' }),
  ];
  const text = deciderText(trace, book);
  if (text !== undefined) lines.push(...wrap(escapeTerminal(text), style, { first: '  ', rest: '    ' }));
  else if (last.end === 'stopped') lines.push('  the rules are not the cause');
  return lines;
}

function entryLines({ connection, steps, refused }: Flow, { style }: EventStyle): readonly string[] {
  const { theme } = style;
  const untracked = steps.every(({ branch }) => branch.trace.connection?.entry === undefined);
  const text = connection
    ? entryText(connection)
    : untracked
      ? 'none: the packets are not tracked, or were dropped before'
      : refused
        ? 'none: the refusal ended it'
        : 'none: no packet of it came through';
  return wrap(`${theme.strong('conntrack')}  ${escapeTerminal(text)}`, style, { rest: '  ' });
}

function tupleText(t: Tuple): string {
  const ends = `src=${addressText(t.src)} dst=${addressText(t.dst)}`;
  if (t.protocol === 1 || t.protocol === 58)
    return `${ends} type=${t.dport >> 8} code=${t.dport & 0xff} id=${t.sport}`;
  if (t.sport === 0 && t.dport === 0) return ends;
  return `${ends} sport=${t.sport} dport=${t.dport}`;
}

/** An entry as `conntrack -L` prints it, without the time that is left. */
export function entryText(e: Entry): string {
  const state = 'state' in e.protocolState ? String(e.protocolState.state) : '';
  const has = (bit: number): boolean => (e.status & bit) !== 0;
  return [
    protocolName(e.original.protocol),
    state,
    tupleText(e.original),
    has(ctStatusBit.SEEN_REPLY) ? '' : '[UNREPLIED]',
    tupleText(e.reply),
    has(ctStatusBit.ASSURED) ? '[ASSURED]' : '',
    e.mark === 0 ? '' : `mark=${hexText(e.mark)}`,
    e.zone === 0 ? '' : `zone=${e.zone}`,
    e.helper === undefined ? '' : `helper=${e.helper}`,
  ]
    .filter((word) => word !== '')
    .join(' ');
}

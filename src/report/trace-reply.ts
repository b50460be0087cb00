/** The answer to a packet in a few lines: what it is, whether it comes back, by which rule. */

import type { Trace, TraceEvent } from '../model/trace.ts';
import type { NoAnswer } from '../trace/ordinary-answer.ts';
import { waysOf } from '../trace/outcome.ts';
import { type Reply, replyEnd } from '../trace/reply.ts';
import { escapeTerminal } from './escape-terminal.ts';
import { unbroken, wrap, wrapUnbroken } from './layout.ts';
import { type EventStyle, eventLines } from './trace-events.ts';
import { deciderText, sentenceOf } from './trace-verdict.ts';
import {
  assumeOption,
  assumptionWords,
  conntrackWords,
  natWords,
  packetText,
  portText,
} from './trace-words.ts';

/** Ends of an answer that are told. */
const endsShownMax = 3;

/** Why no answer is to be expected. */
export const noAnswerWords: Readonly<Record<NoAnswer, string>> = {
  'icmp-error': 'an ICMP error is not answered',
  'is-an-answer': 'nobody answers such a packet',
  reset: 'a reset is not answered',
  fragment: 'a fragment alone is not answered',
  'to-many': 'it went to many, and each may answer from an address of its own',
  'unknown-protocol': 'what is answered to such a packet is not known',
};

/** What conntrack and NAT made of a packet, in one line; undefined where there is nothing to say. */
function trackWords(events: readonly TraceEvent[]): string | undefined {
  const words: string[] = [];
  for (const event of events) {
    if (event.kind === 'conntrack') words.push(`conntrack: ${conntrackWords(event)}`);
    if (event.kind === 'nat') words.push(natWords(event.manip, event.before, event.after));
  }
  return words.length === 0 ? undefined : words.join('; ');
}

/** The reply's block. */
export function replyLines(reply: Reply, request: Trace, to: EventStyle): readonly string[] {
  const { style } = to;
  const { theme } = style;
  const title = theme.strong('Reply');
  if (reply.kind === 'none')
    return wrap(`${title}  ${theme.faint(`none to expect: ${noAnswerWords[reply.because]}`)}`, style, {
      rest: '  ',
    });
  const way =
    reply.entry.kind === 'local'
      ? 'sent by this machine'
      : `in by ${escapeTerminal(portText(reply.entry.inInterface, reply.entry.physIn))}`;
  const refused = reply.sort === 'refusal' ? ' (no program listens, so the kernel refuses)' : '';
  const head = wrap(`${title}  ${escapeTerminal(packetText(reply.packet))} ${way}${refused}`, style, {
    rest: '  ',
  });
  const ways = waysOf(reply.ways);
  const inner: EventStyle = {
    ...to,
    logOnly: new Set(ways.flatMap(({ branch }) => branch.immaterial.map((a) => a.key))),
    forked: new Set(),
  };
  const lines = [...head];
  for (const { branch } of ways.slice(0, endsShownMax)) {
    if (ways.length > 1) {
      const options = branch.assumptions.filter((a) => !branch.immaterial.includes(a));
      const conditions = options.map(
        (a) =>
          `${escapeTerminal(assumptionWords(a))} ${theme.command(unbroken(escapeTerminal(assumeOption(a))))}`,
      );
      lines.push(...wrapUnbroken(`if ${conditions.join(' and ')}:`, style, { first: '  ', rest: '    ' }));
    }
    lines.push(...endLines(branch.trace, request, inner, ways.length > 1));
  }
  if (ways.length > endsShownMax)
    lines.push(theme.faint(`  and ${ways.length - endsShownMax} more ways; --json has them all`));
  if (reply.shortcut)
    lines.push(
      ...wrap(
        `But ${escapeTerminal(request.entry.kind === 'arrives' ? request.entry.inInterface : '')} is the interface of both: on one link the answer goes straight to the asker, past this machine, and from another address than was asked (a SNAT or MASQUERADE rule brings it here)`,
        style,
        { first: '  ', rest: '    ' },
      ),
    );
  return lines;
}

function endLines(trace: Trace, request: Trace, to: EventStyle, nested: boolean): readonly string[] {
  const { style, book } = to;
  const { theme } = style;
  const first = nested ? '    ' : '  ';
  const lines: string[] = [];
  const say = (text: string, deeper = ''): void => {
    lines.push(...wrap(text, style, { first: `${first}${deeper}`, rest: `${first}${deeper}  ` }));
  };
  if (to.all) lines.push(...eventLines(trace, to).map(({ text }) => text));
  else {
    const words = trackWords(trace.events);
    if (words !== undefined) say(theme.faint(escapeTerminal(words)));
    if (guessedWay(trace))
      say(theme.faint('its route is not known: it is taken to go the way the first came'));
  }
  const { word, rest } = sentenceOf(trace, to);
  const end = replyEnd(request, trace);
  const { fate } = trace;
  const what = `${word.toLowerCase()}${rest}`;
  const decider = deciderText(trace, book);
  switch (end) {
    case 'comes-back': {
      // The packet as it comes back is the first one's mirror: it need not be said again.
      const way = 'outInterface' in fate && fate.outInterface !== undefined ? ` by ${fate.outInterface}` : '';
      const by = rest.slice(rest.lastIndexOf(': ') + 2);
      say(`${theme.verdictAccept('COMES BACK')}${escapeTerminal(way)}: ${by}`);
      break;
    }
    case 'not-translated':
      say(
        `${theme.verdictDrop('NOT THE ANSWER')}: ${what}, but the asker waits for one from the address and port it asked`,
      );
      break;
    case 'elsewhere':
      say(
        `${theme.verdictDrop('DOES NOT COME BACK')}: ${what}, and the asker is ${request.entry.kind === 'local' ? 'this machine' : 'another'}`,
      );
      break;
    case 'stopped':
      say(`${theme.verdictDrop('DOES NOT COME BACK')}: ${what}`);
      break;
    case 'open':
      say(`${theme.verdictOther('OPEN')}: ${what}`);
      break;
  }
  if (decider !== undefined) say(escapeTerminal(decider), '  ');
  return lines;
}

/** Whether the answer's interface came from the first packet's way. */
function guessedWay({ events, entry }: Trace): boolean {
  return events.some(
    (e) =>
      e.kind === 'route' &&
      e.decision.route === undefined &&
      e.decision.kind !== 'drop' &&
      e.decision.outInterface !== undefined &&
      e.decision.outInterface === entry.hints?.outInterface,
  );
}

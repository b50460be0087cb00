/** A replay for the terminal: what was walked and what was not, verdicts, rules, the first that were stopped. */

import type { SourceText } from '../diagnostics/sources.ts';
import type { ReadRuleset } from '../link/read-machine.ts';
import { ruleText } from '../link/rule-text.ts';
import type { PolicyRef, RuleRef, Trace } from '../model/trace.ts';
import type { Family } from '../net/address.ts';
import type { Difference, ReplayedPacket } from '../replay/comparison.ts';
import {
  isQuestion,
  type PassedOverCount,
  type Replay,
  type ReplayedOutcome,
  type ReplayResult,
} from '../replay/replay.ts';
import type { DeciderCount, Verdict, VerdictCount } from '../replay/tally.ts';
import type { Outcome } from '../replay/walker.ts';
import { decidedBy } from '../trace/outcome.ts';
import type { TerminalStyle } from './diagnostics.ts';
import { escapeTerminal, terminalWidth } from './escape-terminal.ts';
import { groupedNumber } from './grouped-number.ts';
import { wrap, wrapUnbroken } from './layout.ts';
import { type RuleBook, ruleBook } from './rule-book.ts';
import { shellCommand } from './shell-quote.ts';
import type { Paint, Theme } from './theme.ts';
import { deciderWords } from './trace-verdict.ts';
import {
  assumeOption,
  assumptionWords,
  fateWords,
  packetText,
  settleHint,
  topicWords,
} from './trace-words.ts';

const labelColumns = 10;

/** Rules shown; the rest are counted. */
const decidersMax = 30;
const differencesMax = 20;

const verdictWords: Readonly<Record<Verdict, string>> = {
  delivered: 'DELIVERED',
  forwarded: 'FORWARDED',
  sent: 'SENT',
  dropped: 'DROPPED',
  rejected: 'REJECTED',
  queued: 'QUEUED',
  taken: 'TAKEN',
  waiting: 'WAITING',
  undecided: 'UNDECIDED',
  'given-up': 'GIVEN UP',
};

function paintOf(verdict: Verdict, theme: Theme): Paint {
  if (verdict === 'delivered' || verdict === 'forwarded' || verdict === 'sent') return theme.verdictAccept;
  return verdict === 'dropped' || verdict === 'rejected' ? theme.verdictDrop : theme.verdictOther;
}

/** Rules of each family by the references that traces hold. */
type Books = Readonly<Partial<Record<Family, RuleBook>>>;

function booksOf(rulesets: readonly ReadRuleset[]): Books {
  return Object.fromEntries(rulesets.map(({ linked }) => [linked.ruleset.family, ruleBook(linked.ruleset)]));
}

const noBook: RuleBook = { rule: () => undefined, chain: () => undefined };

/** Clock of a packet in UTC: `2026-11-17 09:41:27.123456`; without the date where `date` is false. */
export function clockText(timeMs: number | undefined, date: boolean): string {
  if (timeMs === undefined) return 'no time';
  const microseconds = Math.floor(timeMs * 1000 + 0.0005);
  const iso = new Date(Math.floor(microseconds / 1000)).toISOString();
  const rest = String(((microseconds % 1000) + 1000) % 1000).padStart(3, '0');
  const [day = '', time = ''] = iso.replace('Z', rest).split('T');
  return date ? `${day} ${time}` : time;
}

const plural = (n: number, one: string): string => `${groupedNumber(n)} ${one}${n === 1 ? '' : 's'}`;

/** Prints a replay; empty for a question without an answer. */
export function printReplay({ replayed }: ReplayResult, style: TerminalStyle): string {
  if (!replayed) return '';
  const books = booksOf(replayed.rulesets);
  const blocks: (readonly string[])[] = [headerLines(replayed, style)];
  if (replayed.walked.packets > 0) {
    blocks.push(verdictLines(replayed.byVerdict, style));
    blocks.push(deciderLines(replayed.byDecider, books, style));
  }
  if (replayed.stopped.length > 0)
    blocks.push(
      listLines('Dropped or rejected', replayed.stopped, replayed.stoppedCount, style, (p) => [
        endText(p.outcome.trace, books[p.packet.family], style),
      ]),
    );
  if (replayed.undecided.length > 0)
    blocks.push(
      listLines('Undecided', replayed.undecided, replayed.undecidedCount, style, (p) =>
        endsOf(p.outcome, books[p.packet.family], style),
      ),
      settleLines(replayed, style),
    );
  if (replayed.other) blocks.push(...differenceBlocks(replayed, books, style));
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

// ------------------------------------------------------------------------------------------ header

function labelled(label: string, text: string, style: TerminalStyle): readonly string[] {
  return wrap(text, style, {
    first: style.theme.faint(label.padEnd(labelColumns)),
    rest: ' '.repeat(labelColumns),
  });
}

function headerLines(replayed: Replay, style: TerminalStyle): readonly string[] {
  const { capture, walked, rulesets, other } = replayed;
  const { theme } = style;
  const span =
    capture.firstMs === undefined || capture.lastMs === undefined
      ? 'without times'
      : `${clockText(capture.firstMs, true)} UTC and ${((capture.lastMs - capture.firstMs) / 1000).toFixed(3)} seconds on`;
  const lines = [
    ...labelled(
      'capture',
      `${theme.strong(escapeTerminal(capture.name))}, ${plural(capture.frames, 'frame')}, ${span}`,
      style,
    ),
  ];
  for (const { message, hint } of capture.problems)
    lines.push(
      ...labelled(
        '',
        `${theme.warning('damaged')}: ${escapeTerminal(hint === undefined ? message : `${message}; ${hint}`)}`,
        style,
      ),
    );
  if (capture.problemCount > capture.problems.length)
    lines.push(
      ...labelled('', `and ${capture.problemCount - capture.problems.length} more such places`, style),
    );
  lines.push(...labelled('rules', rulesetWords(rulesets, theme), style));
  if (other) lines.push(...labelled('others', rulesetWords(other.rulesets, theme), style));
  for (const [index, text] of replayed.assume.entries())
    lines.push(...labelled(index === 0 ? 'assumed' : '', escapeTerminal(`--assume ${text}`), style));
  lines.push(
    ...labelled(
      'walked',
      `${plural(walked.packets, 'packet')}, ${plural(walked.bytes, 'byte')}, ${plural(walked.flows, 'flow')}`,
      style,
    ),
  );
  for (const [index, count] of replayed.passedOver.entries())
    lines.push(...labelled(index === 0 ? 'passed by' : '', passedOverText(count, theme), style));
  for (const note of notes(replayed)) lines.push(...labelled('note', note, style));
  return lines;
}

function rulesetWords(rulesets: readonly ReadRuleset[], theme: Theme): string {
  return rulesets
    .map(({ source, linked: { ruleset } }) => {
      const family = ruleset.family === 'ipv4' ? 'IPv4' : 'IPv6';
      const backend = ruleset.backend === 'nft' ? 'nf_tables' : 'legacy';
      return `${theme.strong(escapeTerminal(source.name))}, ${family}, iptables ${escapeTerminal(ruleset.version)} (${backend})`;
    })
    .join('; ');
}

function passedOverText({ reason, frames, example, first }: PassedOverCount, theme: Theme): string {
  const what = escapeTerminal(example ?? '');
  const words: Readonly<Record<PassedOverCount['reason'], string>> = {
    'not-ip': `without an IP packet (the first: ${what})`,
    cut: 'cut within their headers: record more of each frame (tcpdump -s 0)',
    malformed: `dropped before any rule (the first: ${what})`,
    'link-type': `of a link type that is not read here: ${what}`,
    'no-rules': `with ${what === 'ipv6' ? 'IPv6' : 'IPv4'}, which no ruleset here is for`,
    'other-host': 'for other machines',
    'other-interface': 'of other interfaces',
    'seen-twice': 'with a packet that is seen twice (bridge, VLAN, lo)',
    forwarded: 'on the way out after forwarding: walked on the way in',
    'half-recorded':
      'of connections of which one side was not recorded, so their state is not known: record all interfaces (tcpdump -i any)',
    answer: 'with an answer of the rules or the kernel: walked with its cause',
    direction: 'of which nobody says whether they arrive or leave: --direction or --mac tells',
    interface: 'of which nobody says by which interface they came in: --iface tells',
    address: 'of which nobody says whether this machine sent them: the output of ip -j addr tells',
  };
  const text = `${plural(frames, 'frame')} ${words[reason]}${frames === 1 ? '' : ` (from frame ${first} on)`}`;
  return isQuestion(reason) || reason === 'half-recorded' ? theme.warning(text) : text;
}

function notes({ pickedUp, outOfOrder, wrongChecksums }: Replay): readonly string[] {
  const said: string[] = [];
  if (pickedUp > 0)
    said.push(`${plural(pickedUp, 'TCP connection')} began before the capture or out of its sight`);
  if (outOfOrder > 0)
    said.push(`${plural(outOfOrder, 'frame')} older than the one before: the clock did not go back`);
  if (wrongChecksums > 0)
    said.push(
      `${plural(wrongChecksums, 'packet')} came with a wrong checksum; if the card checks them, --ignore-checksums`,
    );
  return said;
}

// ------------------------------------------------------------------------------------------ tables

const numberColumns = 11;

function numbers(packets: string, bytes: string, flows: string): string {
  return `${packets.padStart(9)}${bytes.padStart(numberColumns + 3)}${flows.padStart(8)}`;
}

const countText = ({ packets, bytes, flows }: { packets: number; bytes: number; flows: number }): string =>
  numbers(groupedNumber(packets), groupedNumber(bytes), groupedNumber(flows));

function verdictLines(counts: readonly VerdictCount[], style: TerminalStyle): readonly string[] {
  const { theme } = style;
  return [
    theme.faint(`${numbers('packets', 'bytes', 'flows')}  verdict`),
    ...counts.map(
      (count) => `${countText(count)}  ${paintOf(count.verdict, theme)(verdictWords[count.verdict])}`,
    ),
  ];
}

function deciderLines(
  counts: readonly DeciderCount[],
  books: Books,
  style: TerminalStyle,
): readonly string[] {
  const { theme } = style;
  const lines = [theme.faint(`${numbers('packets', 'bytes', 'flows')}  decided by`)];
  for (const count of counts.slice(0, decidersMax)) {
    const paint = paintOf(count.verdict, theme);
    const head = `${countText(count)}  `;
    const by = escapeTerminal(deciderText(count, books[count.family]));
    lines.push(
      ...wrap(`${paint(verdictWords[count.verdict])} ${by}`, style, {
        first: head,
        rest: ' '.repeat(terminalWidth(head) + 2),
      }),
    );
    const text = decidingText(count.at, books[count.family]);
    if (text !== undefined)
      lines.push(
        ...wrapUnbroken(theme.faint(escapeTerminal(text)), style, { first: '      ', rest: '        ' }),
      );
  }
  if (counts.length > decidersMax) lines.push(theme.faint(`      and ${counts.length - decidersMax} more`));
  return lines;
}

function deciderText({ at, fate, verdict }: DeciderCount, book: RuleBook | undefined): string {
  if (at) return `by ${deciderWords(at, book ?? noBook)}`;
  if (verdict === 'delivered' || verdict === 'forwarded' || verdict === 'sent')
    return 'by no rule: none of the filter table is on its way';
  return fateWords(fate).rest.replace(/^[,:] */, '');
}

/** The rule as it stands, or the policy. */
function decidingText(at: RuleRef | PolicyRef | undefined, book: RuleBook | undefined): string | undefined {
  if (!at || !book) return undefined;
  if ('policy' in at) return `:${at.chain} ${book.chain(at.table, at.chain)?.policy ?? ''}`;
  const rule = book.rule(at);
  return rule && ruleText(rule);
}

// ------------------------------------------------------------------------------------------ packets

/** `09:41:27.123456 #14 TCP SYN … in by ppp0`, on one line if it fits. */
function packetLine(
  { number, timeMs, packet, entry }: ReplayedPacket,
  style: TerminalStyle,
): readonly string[] {
  const way = entry.kind === 'arrives' ? `in by ${entry.inInterface}` : 'sent by this machine';
  const head = style.theme.faint(`${clockText(timeMs, false)} #${number}`);
  return wrap(`${head} ${escapeTerminal(`${packetText(packet)} ${way}`)}`, style, {
    first: '  ',
    rest: '      ',
  });
}

/** How a way ended and by which rule. */
function endText(trace: Trace, book: RuleBook | undefined, { theme }: TerminalStyle): string {
  const { word, rest, tone } = fateWords(trace.fate);
  const paint = { accept: theme.verdictAccept, drop: theme.verdictDrop, other: theme.verdictOther }[tone];
  const at = decidedBy(trace);
  const by = at ? ` by ${deciderWords(at, book ?? noBook)}` : '';
  const comma = rest === '' || /^[,:]/.test(rest) ? '' : ' ';
  return `${paint(word)}${escapeTerminal(`${comma}${rest}${by}`)}`;
}

/** The ends of a packet, decided or not. */
function endsOf(outcome: Outcome, book: RuleBook | undefined, style: TerminalStyle): readonly string[] {
  const { undecided } = outcome;
  if (!undecided) return [endText(outcome.trace, book, style)];
  return undecided.ends.map(({ assumptions, trace }) => {
    const conditions = assumptions.map((a) => escapeTerminal(assumptionWords(a))).join(', and ');
    return `${endText(trace, book, style)} ${style.theme.faint(`if ${conditions}`)}`;
  });
}

function listLines(
  title: string,
  list: readonly ReplayedOutcome[],
  count: number,
  style: TerminalStyle,
  ends: (p: ReplayedOutcome) => readonly string[],
): readonly string[] {
  const shown =
    count > list.length ? ` (the first ${groupedNumber(list.length)} of ${groupedNumber(count)})` : '';
  const lines = [style.theme.strong(`${title}${shown}:`)];
  for (const p of list) {
    lines.push(...packetLine(p, style));
    for (const end of ends(p)) lines.push(...wrap(end, style, { first: '      ', rest: '        ' }));
  }
  return lines;
}

function settleLines({ undecided }: Replay, style: TerminalStyle): readonly string[] {
  const hints = new Set<string>();
  for (const { outcome } of undecided) {
    const question = outcome.undecided?.question;
    if (!question) continue;
    hints.add(
      `${topicWords(question)}: ${settleHint(question) ?? outcome.undecided?.ends[0]?.assumptions.map(assumeOption).join(' ')}`,
    );
  }
  return [...hints].flatMap((hint) =>
    wrap(`To settle it, ${escapeTerminal(hint)}`, style, { first: '  ', rest: '    ' }),
  );
}

// ------------------------------------------------------------------------------------------ comparison

/** The command that walks a packet alone through one of the machines. */
export function replayTraceCommand(
  texts: readonly SourceText[],
  assume: readonly string[],
  { words, first }: Difference,
): string {
  const [own, ...others] = texts;
  const piped = own === undefined || own.name === '<stdin>';
  const command = ['fwsim', 'trace', ...(piped ? [] : [own.name])];
  for (const other of others) command.push('--with', other.name);
  if (first.entry.kind === 'local') command.push('--local');
  for (const assumption of assume) command.push('--assume', assumption);
  command.push('--', ...words);
  return `${piped ? 'sudo iptables-save | ' : ''}${shellCommand(command)}`;
}

function differenceBlocks(
  replayed: Replay,
  books: Books,
  style: TerminalStyle,
): readonly (readonly string[])[] {
  const { other, assume, walked } = replayed;
  if (!other) return [];
  const { theme } = style;
  const otherBooks = booksOf(other.rulesets);
  const from = escapeTerminal(other.read.texts[0]?.name ?? '');
  if (other.differences.length === 0)
    return [wrap(`${theme.strong('No difference:')} all packets fare alike with ${from}.`, style)];
  const blocks: (readonly string[])[] = [
    wrap(
      `${theme.strong(`With ${from}`)}, ${groupedNumber(other.differingPackets)} of ${plural(walked.packets, 'packet')} ${other.differingPackets === 1 ? 'fares' : 'fare'} differently:`,
      style,
      { rest: '  ' },
    ),
  ];
  for (const difference of other.differences.slice(0, differencesMax)) {
    const { first } = difference;
    const { family } = first.packet;
    const part = (label: string, text: string): readonly string[] =>
      wrap(text, style, { first: theme.faint(`    ${label.padEnd(7)}`), rest: '             ' });
    const lines = [
      `  ${plural(difference.packets, 'packet')}, ${plural(difference.bytes, 'byte')}, ${plural(difference.flows, 'flow')}`,
      ...endsOf(first.before, books[family], style).flatMap((t) => part('here', t)),
      ...endsOf(first.after, otherBooks[family], style).flatMap((t) => part('there', t)),
      ...packetLine(first, style).map((line) => `  ${line}`),
    ];
    const { exact, flowBegins, wordsOf } = difference;
    if (!exact && flowBegins !== first.number)
      lines.push(
        `    ${theme.faint(`It follows from what became of frame ${flowBegins}, earlier in this flow.`)}`,
      );
    else {
      if (!exact)
        lines.push(`    ${theme.faint('It depends on packets before it, which a trace does not know:')}`);
      else if (wordsOf !== first.number) lines.push(`    ${theme.faint(`Frame ${wordsOf}:`)}`);
      for (const texts of [replayed.read.texts, other.read.texts])
        lines.push(`    ${theme.command(replayTraceCommand(texts, assume, difference))}`);
    }
    blocks.push(lines);
  }
  const hidden = other.differences.length - differencesMax;
  if (hidden > 0) blocks.push([theme.faint(`  and ${hidden} more pairs of rules (--json has them all)`)]);
  return blocks;
}

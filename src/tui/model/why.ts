/** Why the rule under the cursor did what it did, in lines of words. */

import { ruleText } from '../../link/rule-text.ts';
import type { CtState } from '../../model/netfilter.ts';
import type { MutablePacket } from '../../model/packet.ts';
import { missWords, type SeenPacket } from '../../report/trace-misses.ts';
import { assumptionWords, changeWords, endpointsText, natWords } from '../../report/trace-words.ts';
import { eventAt, keptEvents, missReason, type WalkRecord } from '../state/walk-record.ts';
import type { Leg } from '../state/world.ts';
import type { RuleRow } from './rows.ts';

/** The packet as it was when an event happened. */
function packetBefore({ trace, record }: Leg, event: number): SeenPacket {
  const packet: MutablePacket = { ...trace.packet };
  let inInterface: string | undefined;
  let outInterface: string | undefined;
  let ctState: CtState = 'INVALID';
  for (const e of keptEvents(record, 0, event)) {
    if (e.kind === 'hook') ({ inInterface, outInterface } = e);
    else if (e.kind === 'nat') Object.assign(packet, e.after);
    else if (e.kind === 'conntrack') ctState = e.state;
    else if (e.kind === 'rule') ctState = e.ctState;
    else if (e.kind === 'change' && typeof e.after === 'number') {
      if (e.field === 'ttl') packet.ttl = e.after;
      if (e.field === 'mark') packet.mark = e.after;
      if (e.field === 'tos') packet.tos = e.after;
    }
  }
  return { packet, inInterface, outInterface, ctState };
}

/** A line with its meaning. */
export interface WhyLine {
  readonly tone: 'plain' | 'faint' | 'accept' | 'drop' | 'rewritten' | 'other' | 'strong';
  readonly text: string;
}

const line = (text: string, tone: WhyLine['tone'] = 'plain'): WhyLine => ({ tone, text });

const outcomeWords = {
  continue: 'matched, and goes on to the next rule',
  jump: 'matched: jumps',
  goto: 'matched: goes',
  return: 'matched: returns to the caller',
  accept: 'ACCEPT: this table lets the packet pass',
  drop: 'stops the packet here',
  queue: 'hands the packet to a program',
  stolen: 'takes the packet for itself',
} as const;

/** The explanation of a row. `leg` is the way that is looked at, if there is one. */
export function whyLines(row: RuleRow, leg: Leg | undefined): readonly WhyLine[] {
  const out: WhyLine[] = [];
  const { entry, event } = row;
  if (entry) {
    const where = entry.rule.line > 0 ? `line ${entry.rule.line}` : 'made here';
    out.push(line(ruleText(entry.rule), 'strong'), line(where, 'faint'));
    if (entry.change !== undefined) out.push(line(`what if: ${entry.change}`, 'other'));
  } else out.push(line(row.text, 'strong'));
  if (row.dead !== undefined) {
    const { why, stale } = row.dead;
    const when = stale ? 'before the last change no packet got here' : 'no packet gets here';
    out.push(line(`${when}: ${why}`, 'other'));
  }
  if (row.status === 'off') out.push(line('switched off: the packet does not see it', 'other'));
  if (row.status === 'not-entered') out.push(line('this packet does not come through this chain', 'faint'));
  if (row.status === 'not-tried') out.push(line('not tried: the packet had left the chain before', 'faint'));
  const what = leg && event !== undefined ? eventAt(leg.record, event) : undefined;
  if (!leg || event === undefined || !what) return out;
  const seen = packetBefore(leg, event);
  if (what.kind === 'miss') {
    const { condition, has } = missWords(missReason(what, entry?.rule), entry?.rule, seen);
    out.push(line('✗ no match', 'drop'), line(`the rule:   ${condition}`));
    if (has !== undefined) out.push(line(`the packet: ${has}`));
  } else if (what.kind === 'rule') {
    const to = what.to === undefined ? '' : ` to ${what.to}`;
    const stops = what.outcome === 'drop';
    out.push(line(`${stops ? '✗' : '✓'} ${outcomeWords[what.outcome]}${to}`, stops ? 'drop' : 'accept'));
  } else if (what.kind === 'policy') {
    out.push(
      line(
        `the policy decides: ${what.verdict.toUpperCase()}`,
        what.verdict === 'accept' ? 'accept' : 'drop',
      ),
    );
  }
  const tracked = keptEvents(leg.record, 0, event).some((e) => e.kind === 'conntrack');
  out.push(line(`seen: ${endpointsText(seen.packet)}${tracked ? `, ${seen.ctState}` : ''}`, 'faint'));
  out.push(...effects(leg.record, event, entry?.rule.id));
  return out;
}

/** What the rule did to the packet, and what was assumed for it. */
function effects(record: WalkRecord, event: number, ruleId: number | undefined): readonly WhyLine[] {
  const out: WhyLine[] = [];
  const by = (x: unknown): boolean =>
    typeof x === 'object' && x !== null && (x as { id?: number }).id === ruleId;
  for (const e of keptEvents(record, event - 4, event + 8)) {
    if (e.kind === 'nat' && by(e.by))
      out.push(line(`✎ ${natWords(e.manip, e.before, e.after)}`, 'rewritten'));
    if (e.kind === 'change' && by(e.by))
      out.push(line(`✎ ${changeWords(e.field, e.before, e.after)}`, 'rewritten'));
    if (e.kind === 'log' && by(e.rule)) out.push(line(`writes a log line "${e.prefix}"`, 'faint'));
    if (e.kind === 'set-change' && by(e.rule)) out.push(line(`set ${e.set}: ${e.text}`, 'rewritten'));
    if (e.kind === 'assumed' && by(e.rule))
      out.push(line(`assumed: ${assumptionWords(e.assumption)}`, 'other'));
    if (e.kind === 'note' && by(e.rule)) out.push(line(e.text, 'faint'));
  }
  return out;
}

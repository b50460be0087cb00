/**
 * What happened to a packet, rule by rule, packed: of 100,000 rules that were tried each is six numbers and no object,
 * so that a walk takes little memory, and goes from one thread to another without being copied piece by piece.
 */

import type { Rule } from '../../model/ruleset.ts';
import type { MissReason, RuleRef, TraceEvent } from '../../model/trace.ts';

/** The conditions that refuse, by their numbers in the record; from their count on, matches by their position. */
const conditions = ['src', 'dst', 'protocol', 'inInterface', 'outInterface', 'fragment'] as const;

/** The numbers of one rule that was tried: its identity, chain, place in it (from 1), line, and what refused. */
const fields = { id: 0, chain: 1, number: 2, line: 3, because: 4 } as const;
const width = 5;

/** See the head of this file. Events have the positions that they have in the trace. */
export interface WalkRecord {
  /** All events but those of rules that were tried and refused, in order. */
  readonly kept: readonly TraceEvent[];
  /** The position of each of them, ascending. */
  readonly keptAt: Int32Array;
  /** All others, {@link fields} each, in order. */
  readonly missed: Int32Array;
  /** Chains by their numbers in `missed`. */
  readonly chains: readonly { readonly table: string; readonly chain: string }[];
}

/** A rule was tried and refused: by a condition, or by a match at a position. */
export interface Missed {
  readonly kind: 'miss';
  readonly rule: RuleRef;
  readonly because: Exclude<MissReason['condition'], 'match'> | number;
}

/** An event of a record. */
export type WalkEvent = Exclude<TraceEvent, { kind: 'miss' }> | Missed;

/** Packs the events of a trace with all details. */
export function recordWalk(events: readonly TraceEvent[]): WalkRecord {
  const kept: TraceEvent[] = [];
  const keptAt: number[] = [];
  const missed = new Int32Array(width * events.reduce((n, e) => n + Number(e.kind === 'miss'), 0));
  const chains: { table: string; chain: string }[] = [];
  let chain = -1;
  let end = 0;
  events.forEach((event, at) => {
    if (event.kind !== 'miss') {
      kept.push(event);
      keptAt.push(at);
      return;
    }
    const { rule, because } = event;
    const here = chains[chain];
    if (here?.chain !== rule.chain || here.table !== rule.table) {
      chain = chains.findIndex((c) => c.chain === rule.chain && c.table === rule.table);
      if (chain < 0) chain = chains.push({ table: rule.table, chain: rule.chain }) - 1;
    }
    missed[end + fields.id] = rule.id;
    missed[end + fields.chain] = chain;
    missed[end + fields.number] = rule.number;
    missed[end + fields.line] = rule.line;
    missed[end + fields.because] =
      because.condition === 'match'
        ? conditions.length + because.index
        : conditions.indexOf(because.condition);
    end += width;
  });
  return { kept, keptAt: Int32Array.from(keptAt), missed, chains };
}

/** How many events there are. */
export function eventCount({ kept, missed }: WalkRecord): number {
  return kept.length + missed.length / width;
}

/** The highest identity of a rule that was tried; 0 where none was. */
export function highestRule({ kept, missed }: WalkRecord): number {
  let highest = 0;
  for (const event of kept) if (event.kind === 'rule') highest = Math.max(highest, event.rule.id);
  for (let i = fields.id; i < missed.length; i += width) highest = Math.max(highest, missed[i] as number);
  return highest;
}

/** Index of the first kept event at or behind a position. */
function keptFrom({ keptAt }: WalkRecord, at: number): number {
  let low = 0;
  let high = keptAt.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keptAt[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The event at a position; undefined where there is none. */
export function eventAt(record: WalkRecord, at: number): WalkEvent | undefined {
  if (at < 0 || at >= eventCount(record)) return undefined;
  const index = keptFrom(record, at);
  if (record.keptAt[index] === at) return record.kept[index] as WalkEvent;
  const { missed, chains } = record;
  const from = (at - index) * width;
  const field = (name: keyof typeof fields): number => missed[from + fields[name]] as number;
  const { table = '', chain = '' } = chains[field('chain')] ?? {};
  const because = field('because');
  return {
    kind: 'miss',
    rule: { table, chain, number: field('number'), id: field('id'), line: field('line') },
    because: conditions[because] ?? because - conditions.length,
  };
}

/** The kept events at positions `from` up to (not including) `to`. */
export function keptEvents(record: WalkRecord, from: number, to: number): readonly TraceEvent[] {
  return record.kept.slice(keptFrom(record, from), keptFrom(record, to));
}

/** What refused, in the words of the rule that was tried. */
export function missReason({ because }: Missed, rule: Rule | undefined): MissReason {
  if (typeof because !== 'number') return { condition: because };
  const use = rule?.matches[because];
  return { condition: 'match', index: because, extension: use?.extension ?? '', text: use?.text ?? '' };
}

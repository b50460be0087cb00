/** A trace made ready for stepping: where each step is, and what became of each rule. One pass over the events. */

import { builtinChains, type Hook, type TableName, tableNames } from '../../model/netfilter.ts';
import { findChain, findTable, type Ruleset } from '../../model/ruleset.ts';
import type { RouteDecision, TraceEvent } from '../../model/trace.ts';
import { eventAt, eventCount, highestRule, type WalkEvent, type WalkRecord } from './walk-record.ts';

/** What happened in one table of one hook. */
export interface TableVisit {
  readonly table: string;
  /** Index of its first event. */
  readonly from: number;
  /** It was passed over although it has rules. */
  readonly skipped: boolean;
  /** Rules that were tried and refused. */
  readonly missed: number;
  /** Rules that matched. */
  readonly matched: number;
  /** The packet or its connection was changed. */
  readonly rewrote: boolean;
  /** The event that ended the table's pass: of a rule or of the policy; undefined if something else did. */
  readonly end: Extract<TraceEvent, { kind: 'rule' | 'policy' }> | undefined;
}

/** One stretch of the road, in the order of the packet. `from` is the index of its first event. */
export type Stretch =
  | {
      readonly kind: 'hook';
      readonly hook: Hook;
      readonly from: number;
      readonly inInterface: string | undefined;
      readonly outInterface: string | undefined;
      readonly tables: readonly TableVisit[];
      readonly conntrack: Extract<TraceEvent, { kind: 'conntrack' }> | undefined;
      readonly nat: readonly Extract<TraceEvent, { kind: 'nat' }>[];
    }
  | { readonly kind: 'route'; readonly from: number; readonly decision: RouteDecision }
  | { readonly kind: 'loopback'; readonly from: number };

/** See the head of this file. */
export interface WalkIndex {
  readonly stretches: readonly Stretch[];
  /** Indices of the events that are steps, ascending; the last is one behind the events: the end. */
  readonly stops: Int32Array;
  /** Index of the last event about a rule, by the rule's identity; -1, or beyond the end: there is none. */
  readonly byRule: Int32Array;
  /** Chains that were entered, `TABLE CHAIN`. */
  readonly entered: ReadonlySet<string>;
}

/** A built-in chain of a ruleset. */
export interface HookChain {
  readonly table: TableName;
  readonly hook: Hook;
  /** It has rules, or a policy other than ACCEPT. */
  readonly active: boolean;
}

/** The built-in chains that are there. */
export function hookChainsOf(ruleset: Ruleset): readonly HookChain[] {
  return tableNames.flatMap((name) => {
    const table = findTable(ruleset, name);
    return builtinChains[name].flatMap((hook): HookChain[] => {
      const chain = table && findChain(table, hook);
      if (!chain) return [];
      return [{ table: name, hook, active: chain.rules.length > 0 || chain.policy !== 'ACCEPT' }];
    });
  });
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Events that are no step of their own: they belong to the one before. */
const silent: ReadonlySet<TraceEvent['kind']> = new Set([
  'confirmed',
  'nat-setup',
  'change',
  'log',
  'assumed',
]);

/** Indexes a walk; `chains` are the built-in chains of its ruleset. */
export function indexWalk(record: WalkRecord, chains: readonly HookChain[]): WalkIndex {
  const count = eventCount(record);
  const stretches: Stretch[] = [];
  const stops = new Int32Array(count + 1);
  let stopCount = 0;
  const entered = new Set<string>();
  const inactive = new Set(chains.filter((c) => !c.active).map((c) => `${c.table} ${c.hook}`));
  const byRule = new Int32Array(highestRule(record) + 1).fill(-1);
  let hook: Writable<Extract<Stretch, { kind: 'hook' }>> | undefined;
  let visit: Writable<TableVisit> | undefined;

  for (let at = 0; at < count; at++) {
    const event = eventAt(record, at) as WalkEvent;
    let stop = !silent.has(event.kind);
    switch (event.kind) {
      case 'hook':
        visit = undefined;
        hook = {
          kind: 'hook',
          hook: event.hook,
          from: at,
          inInterface: event.inInterface,
          outInterface: event.outInterface,
          tables: [],
          conntrack: undefined,
          nat: [],
        };
        stretches.push(hook);
        break;
      case 'table':
        visit = {
          table: event.table,
          from: at,
          skipped: event.skipped !== undefined,
          missed: 0,
          matched: 0,
          rewrote: false,
          end: undefined,
        };
        if (hook) hook.tables = [...hook.tables, visit];
        if (event.skipped === undefined) entered.add(`${event.table} ${event.hook}`);
        // A chain without rules and with the policy ACCEPT is no place to stop at.
        if (inactive.has(`${event.table} ${event.hook}`)) stop = false;
        break;
      case 'rule':
        byRule[event.rule.id] = at;
        entered.add(`${event.rule.table} ${event.rule.chain}`);
        if (event.to !== undefined) entered.add(`${event.rule.table} ${event.to}`);
        if (visit) {
          visit.matched++;
          if (!['continue', 'jump', 'goto', 'return'].includes(event.outcome)) visit.end = event;
        }
        break;
      case 'miss':
        byRule[event.rule.id] = at;
        if (visit) visit.missed++;
        break;
      case 'policy':
        if (visit) visit.end = event;
        if (inactive.has(`${event.table} ${event.chain}`)) stop = false;
        break;
      case 'change':
        if (visit && typeof event.by === 'object') visit.rewrote = true;
        break;
      case 'nat':
        if (hook) hook.nat = [...hook.nat, event];
        if (visit && event.by !== 'connection') visit.rewrote = true;
        break;
      case 'set-change':
        if (visit) visit.rewrote = true;
        break;
      case 'conntrack':
        if (hook) hook.conntrack = event;
        break;
      case 'route':
        stretches.push({ kind: 'route', from: at, decision: event.decision });
        visit = undefined;
        break;
      case 'loopback':
        stretches.push({ kind: 'loopback', from: at });
        visit = undefined;
        break;
    }
    if (stop) stops[stopCount++] = at;
  }
  stops[stopCount++] = count;
  return { stretches, stops: stops.slice(0, stopCount), byRule, entered };
}

/** The stretch that an event lies in; undefined before the first. */
export function stretchAt(index: WalkIndex, at: number): Stretch | undefined {
  return index.stretches.findLast((s) => s.from <= at);
}

/** A place in the rules: a chain, and the rule in it where one is meant. */
export interface RulePlace {
  readonly table: string;
  readonly chain: string;
  /** `Rule.id`; undefined: the chain as a whole, or its policy. */
  readonly rule: number | undefined;
  readonly policy: boolean;
}

/** The place that an event is about; of one that is about none, that of the next which has one in the same hook. */
export function placeOfStep(record: WalkRecord, at: number): RulePlace | undefined {
  for (let i = at; i < eventCount(record); i++) {
    const event = eventAt(record, i) as WalkEvent;
    if (i > at && (event.kind === 'hook' || event.kind === 'route')) return undefined;
    const place = placeOfEvent(event);
    if (place) return place;
  }
  return undefined;
}

function placeOfEvent(event: WalkEvent): RulePlace | undefined {
  switch (event.kind) {
    case 'rule':
    case 'miss':
      return { table: event.rule.table, chain: event.rule.chain, rule: event.rule.id, policy: false };
    case 'policy':
      return { table: event.table, chain: event.chain, rule: undefined, policy: true };
    case 'table':
      return { table: event.table, chain: event.hook, rule: undefined, policy: false };
    case 'nat':
      return typeof event.by === 'object'
        ? { table: event.by.table, chain: event.by.chain, rule: event.by.id, policy: false }
        : undefined;
    default:
      return undefined;
  }
}

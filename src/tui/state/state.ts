/** All that the screen shows, as one immutable value, and the few ways in which its parts hang together. */

import type { Answered, Lists } from '../beside/questions.ts';
import { type ChainName, type ChainView, type Draft, emptyDraft, viewChain } from './draft.ts';
import type { LineEditor } from './line-editor.ts';
import type { TextProblem } from './rule-line.ts';
import { columnsOf } from './shown-rules.ts';
import { placeOfStep, type RulePlace } from './walk-index.ts';
import { eventCount } from './walk-record.ts';
import type { Answer, Leg, LegChoice, World } from './world.ts';

/** The screens, in the order of their numbers. */
export const screens = ['path', 'packet', 'flow', 'findings', 'diff'] as const;
/** One of the screens, or the list of keys. */
export type Screen = (typeof screens)[number] | 'help';

/** A rule's place on the screen: a chain and a row in it, counted from 0. */
interface Cursor {
  readonly name: ChainName;
  readonly row: number;
}

/** What the rest of the program is to do; nothing else reaches out of the reducer. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'redraw' }
  /** Walk the changed rules once the screen has been drawn. */
  | { readonly kind: 'walk' }
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'write'; readonly path: string; readonly draft: Draft };

/** What a line at the bottom asks for. */
export type PromptKind =
  | 'packet'
  | 'field'
  | 'edit-rule'
  | 'insert-rule'
  | 'search'
  | 'command'
  | 'write'
  | 'filter';

/** An open line editor. `base` is the state to go back to on escape. */
export interface Prompt {
  readonly kind: PromptKind;
  readonly line: LineEditor;
  readonly problem: TextProblem | undefined;
  /** It was taken, and is left when the walk shows that it is a packet. */
  readonly taken: boolean;
  /** Candidates of the last completion, and the one that was taken. */
  readonly completion: Completion | undefined;
  /** Place in the history of its kind, counted from the newest; -1: the line being typed. */
  readonly historyAt: number;
  readonly base: State;
}

/** Words that fit at the cursor. */
export interface Completion {
  readonly start: number;
  readonly candidates: readonly string[];
  /** Index of the one that stands in the line. */
  readonly at: number;
}

/** One change of the rules, to be undone. */
interface Change {
  readonly title: string;
  readonly draft: Draft;
  readonly cursor: Cursor;
}

/** An answer of what runs beside the screen, and the rules that it is about: old ones until a new answer comes. */
export interface Told<T> {
  readonly draft: Draft;
  readonly answered: Answered<T>;
}

/** See the head of this file. */
export interface State {
  readonly size: { readonly columns: number; readonly rows: number };
  readonly screen: Screen;
  /** Where the list of keys goes back to. */
  readonly screenBelow: Screen;
  /** The packet line as it was last accepted. */
  readonly packet: string;
  /** What became of it; while a line that is no packet is typed, of the last that was one. */
  readonly answer: Answer;
  /** Which of the ways that the packet may take. */
  readonly way: number;
  readonly leg: LegChoice;
  /** Index into the stops of the leg. */
  readonly step: number;
  readonly cursor: Cursor;
  /** Where jumps were followed from, oldest first. */
  readonly trail: readonly Cursor[];
  readonly draft: Draft;
  readonly past: readonly Change[];
  readonly future: readonly Change[];
  /** For rules that are made here. */
  readonly nextRuleId: number;
  /** The draft as it was last written, and where. */
  readonly written: { readonly draft: Draft; readonly path: string } | undefined;
  /** Rules, by `FAMILY ID`, at which `continue` stops. */
  readonly breakpoints: ReadonlySet<string>;
  readonly prompt: Prompt | undefined;
  readonly search: string;
  readonly histories: Readonly<Partial<Record<PromptKind, readonly string[]>>>;
  /** What was found out beside the screen so far. */
  readonly told: { readonly [K in keyof Lists]?: Told<Lists[K]> };
  /** Of {@link State.told}: why no packet matches a rule, by {@link ruleKey}. */
  readonly dead: ReadonlyMap<string, string>;
  readonly filter: string;
  /** The row under the cursor of each list that is not a chain. */
  readonly rows: Readonly<Record<'packet' | 'flow' | 'findings' | 'diff' | 'help', number>>;
  readonly message: { readonly tone: 'info' | 'error'; readonly text: string } | undefined;
  /** What was last copied, shown for terminals that cannot. */
  readonly copied: string | undefined;
  /** What was changed, while what is shown is still the walk of before; after another packet, the cursor follows it. */
  readonly walkPending: 'rules' | 'packet' | undefined;
  /** To be carried out after this state was made. */
  readonly effects: readonly Effect[];
}

/** The packet's way that is looked at; undefined if nothing was walked. */
export function currentLeg(world: World, state: State): Leg | undefined {
  return world.leg(state.answer, state.way, state.leg);
}

/** Index of the event that the walk stands at; one behind the last event at the end. */
export function currentEvent(leg: Leg, state: State): number {
  return leg.index.stops[Math.min(state.step, leg.index.stops.length - 1)] ?? eventCount(leg.record);
}

/** The chain under the cursor. */
export function currentChain(world: World, state: State): ChainView | undefined {
  return viewChain(world.rulesets, state.draft, state.cursor.name);
}

/** Whether an answer is there, and about the rules as they are. */
export function isFresh(state: State, about: keyof Lists): boolean {
  return state.told[about]?.draft === state.draft;
}

/** One text for a rule of either family. */
export function ruleKey(family: string, ruleId: number): string {
  return `${family} ${ruleId}`;
}

/** The cursor at a place of the rules; the policy is the row behind the last rule. */
function cursorAt(world: World, state: State, place: RulePlace): Cursor | undefined {
  if (state.answer.kind !== 'walked') return undefined;
  const name: ChainName = { family: state.answer.family, table: place.table, chain: place.chain };
  const chain = viewChain(world.rulesets, state.draft, name);
  if (!chain) return undefined;
  if (place.policy) return { name, row: chain.size };
  if (place.rule === undefined) return { name, row: 0 };
  return { name, row: Math.max(0, chain.rowOf(place.rule)) };
}

/** Where the end of the way lies in the rules: what decided, or else the last place that it passed. */
function endPlace(leg: Leg): RulePlace | undefined {
  const { kept, keptAt } = leg.record;
  for (let i = kept.length - 1; i >= 0; i--) {
    const event = kept[i];
    if (event?.kind !== 'rule' && event?.kind !== 'policy') continue;
    const table = event.kind === 'rule' ? event.rule.table : event.table;
    // What is only passed through on the way out does not decide; the filter table does.
    const ends = leg.trace.fate.kind === 'drop' || leg.trace.fate.kind === 'reject';
    if (ends || table === 'filter') return placeOfStep(leg.record, keptAt[i] ?? 0);
  }
  return undefined;
}

/** Puts the cursor where the walk stands. */
export function follow(world: World, state: State): State {
  const leg = currentLeg(world, state);
  if (!leg) return state;
  const at = currentEvent(leg, state);
  const place = at >= eventCount(leg.record) ? endPlace(leg) : placeOfStep(leg.record, at);
  const cursor = place && cursorAt(world, state, place);
  return cursor ? { ...state, cursor, trail: [] } : state;
}

/** The state at the end of the walk. */
export function atEnd(world: World, state: State): State {
  const leg = currentLeg(world, state);
  return leg ? { ...state, step: leg.index.stops.length - 1 } : { ...state, step: 0 };
}

/** After a change of the rules: the walk at once where it is known or made at once, else behind the next frame. */
export function refreshSoon(world: World, state: State): State {
  return world.isReady(state.draft, state.packet) ? refresh(world, state) : walkSoon(state, 'rules');
}

/** Another packet, which is one: the walk as {@link refreshSoon} has it, and the cursor where it ends. */
export function walkPacket(world: World, state: State, packet: string): State {
  const next: State = { ...state, packet, leg: { kind: 'packet' }, way: 0 };
  return world.isReady(state.draft, packet) ? follow(world, refresh(world, next)) : walkSoon(next, 'packet');
}

function walkSoon(state: State, changed: 'rules' | 'packet'): State {
  return { ...state, walkPending: changed, effects: [...state.effects, { kind: 'walk' }] };
}

/** What was to be walked is walked. */
export function walkNow(world: World, state: State): State {
  if (state.walkPending === undefined) return state;
  const next = refresh(world, state);
  return state.walkPending === 'packet' ? follow(world, next) : next;
}

/** Asks again after the packet or the rules changed; a line that is no packet leaves the last answer. */
function refresh(world: World, before: State): State {
  const state: State = before.walkPending === undefined ? before : { ...before, walkPending: undefined };
  const answer = world.ask(state.draft, state.packet);
  if (answer.kind === 'refused' && state.answer.kind === 'walked') return state;
  let next: State = { ...state, answer };
  if (answer.kind === 'walked' && next.way >= answer.ways.length) next = { ...next, way: 0 };
  if (!currentLeg(world, next)) next = { ...next, leg: { kind: 'packet' } };
  return keepCursor(world, atEnd(world, next));
}

/** A cursor that lies in its chain; the row behind the last rule is the policy, or the end. */
export function keepCursor(world: World, state: State): State {
  const chain = currentChain(world, state);
  const row = Math.min(Math.max(state.cursor.row, 0), chain?.size ?? 0);
  return row === state.cursor.row ? state : { ...state, cursor: { ...state.cursor, row } };
}

/** The chain that is shown where no packet says otherwise. */
function firstChain(world: World): ChainName {
  const ruleset = world.rulesets.findLast((r) => r.family === 'ipv4') ?? world.rulesets.at(-1);
  const table = ruleset?.tables.find((t) => t.name === 'filter') ?? ruleset?.tables[0];
  const chain = table?.chains.find((c) => c.rules.length > 0) ?? table?.chains[0];
  return {
    family: ruleset?.family ?? 'ipv4',
    table: table?.name ?? 'filter',
    chain: chain?.name ?? 'INPUT',
  };
}

/** The first state, with the walk of a packet at its end. */
export function initialState(world: World, packet: string, size: State['size']): State {
  let highest = 0;
  for (const { tables } of world.rulesets)
    for (const { chains } of tables)
      for (const { rules } of chains) {
        const { ids, from } = columnsOf(rules);
        for (let i = 0; i < rules.length; i++) highest = Math.max(highest, ids[from + i] as number);
      }
  const state: State = {
    size,
    screen: 'path',
    screenBelow: 'path',
    packet,
    answer: world.ask(emptyDraft, packet),
    way: 0,
    leg: { kind: 'packet' },
    step: 0,
    cursor: { name: firstChain(world), row: 0 },
    trail: [],
    draft: emptyDraft,
    past: [],
    future: [],
    nextRuleId: highest + 1,
    written: undefined,
    breakpoints: new Set(),
    prompt: undefined,
    search: '',
    histories: {},
    told: {},
    dead: new Map(),
    filter: '',
    rows: { packet: 0, flow: 0, findings: 0, diff: 0, help: 0 },
    message: undefined,
    copied: undefined,
    walkPending: undefined,
    effects: [],
  };
  return follow(world, atEnd(world, state));
}

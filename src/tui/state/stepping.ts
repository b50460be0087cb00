/** Along the road: steps, matches, hooks, breakpoints, and the other packets of the conversation. */

import { noAnswerWords } from '../../report/trace-reply.ts';
import { ruleAtCursor } from './browsing.ts';
import { atEnd, currentLeg, follow, ruleKey, type State } from './state.ts';
import { eventAt, type WalkEvent } from './walk-record.ts';
import type { LegChoice, World } from './world.ts';

function stepTo(world: World, state: State, step: number): State {
  return follow(world, { ...state, step, screen: 'path' });
}

/** One step forward or back. */
export function step(world: World, state: State, by: 1 | -1): State {
  const leg = currentLeg(world, state);
  if (!leg) return state;
  const to = Math.min(Math.max(state.step + by, 0), leg.index.stops.length - 1);
  return stepTo(world, state, to);
}

/** To the next (or last) step whose event is wanted; past the last one, to the end. */
function seek(world: World, state: State, by: 1 | -1, wanted: (event: WalkEvent) => boolean): State {
  const leg = currentLeg(world, state);
  if (!leg) return state;
  const { stops } = leg.index;
  for (let i = state.step + by; i >= 0 && i < stops.length; i += by) {
    const event = eventAt(leg.record, stops[i] ?? -1);
    if (event && wanted(event)) return stepTo(world, state, i);
  }
  return stepTo(world, state, by === 1 ? stops.length - 1 : 0);
}

/** To the next rule that matched, or policy that spoke. */
export function seekMatch(world: World, state: State, by: 1 | -1): State {
  return seek(world, state, by, (e) => e.kind === 'rule' || e.kind === 'policy' || e.kind === 'nat');
}

/** To the next hook or routing decision. */
export function seekHook(world: World, state: State, by: 1 | -1): State {
  return seek(world, state, by, (e) => e.kind === 'hook' || e.kind === 'route');
}

/** To the next rule with a breakpoint, whether it matched or only was tried. */
export function seekBreakpoint(world: World, state: State): State {
  const { answer, breakpoints } = state;
  const family = answer.kind === 'walked' ? answer.family : '';
  return seek(
    world,
    state,
    1,
    (e) => (e.kind === 'rule' || e.kind === 'miss') && breakpoints.has(ruleKey(family, e.rule.id)),
  );
}

/** To the beginning or the end. */
export function seekEnd(world: World, state: State, end: boolean): State {
  return end ? follow(world, { ...atEnd(world, state), screen: 'path' }) : stepTo(world, state, 0);
}

/** Looks at another packet of the conversation, at its end. Says why not where there is none. */
export function chooseLeg(world: World, state: State, leg: LegChoice): State {
  const next: State = { ...state, leg, screen: 'path' };
  if (currentLeg(world, next)) return follow(world, atEnd(world, next));
  return { ...state, message: { tone: 'error', text: whyNoLeg(world, state, leg) } };
}

function whyNoLeg(world: World, { answer, way }: State, leg: LegChoice): string {
  if (answer.kind !== 'walked') return answer.problem.message;
  if (leg.kind === 'flow') {
    const flow = world.flow(answer);
    return typeof flow === 'string' ? flow : 'The conversation has no further packet';
  }
  const because = answer.ways[way]?.noReply;
  if (because !== undefined) return `No reply: ${noAnswerWords[because]}`;
  return 'No reply: the packet does not arrive';
}

/** The reply's road, or back to the packet's own. */
export function toggleReply(world: World, state: State): State {
  return chooseLeg(world, state, { kind: state.leg.kind === 'reply' ? 'packet' : 'reply' });
}

/** The next or last packet of the conversation. */
export function stepFlow(world: World, state: State, by: 1 | -1): State {
  const at = state.leg.kind === 'flow' ? state.leg.index + by : 0;
  if (at < 0) return state;
  const next = chooseLeg(world, state, { kind: 'flow', index: at });
  return { ...next, rows: { ...next.rows, flow: next.leg.kind === 'flow' ? next.leg.index : 0 } };
}

/** Another of the ways that the packet may take. */
export function nextWay(world: World, state: State): State {
  if (state.answer.kind !== 'walked') return state;
  const count = state.answer.ways.length;
  if (count < 2) return { ...state, message: { tone: 'info', text: 'The packet has one way only' } };
  const next: State = { ...state, way: (state.way + 1) % count, leg: { kind: 'packet' }, screen: 'path' };
  return follow(world, atEnd(world, next));
}

/** A breakpoint on the rule under the cursor, or none. */
export function toggleBreakpoint(world: World, state: State): State {
  const entry = ruleAtCursor(world, state);
  if (!entry)
    return { ...state, message: { tone: 'info', text: 'There is no rule under the cursor to stop at' } };
  const key = ruleKey(state.cursor.name.family, entry.rule.id);
  const breakpoints = new Set(state.breakpoints);
  if (!breakpoints.delete(key)) breakpoints.add(key);
  return { ...state, breakpoints };
}

/** The engine's surface: one packet in, its trace and the next state out. */

import type { Packet } from '../model/packet.ts';
import type { Assumption, EntryPoint, Fate, Trace } from '../model/trace.ts';
import type { Address } from '../net/address.ts';
import { sendDuplicate, sendGenerated } from './generated.ts';
import { chosenSource } from './icmp-error.ts';
import { setupNat } from './nat.ts';
import { arrive, send, traceOf } from './path.ts';
import type { Program } from './program.ts';
import { sendReject } from './reject.ts';
import { routeOutput } from './routing.ts';
import { changeSet, readSet } from './sets.ts';
import { emptyState, type SimulationState } from './state.ts';
import { emptyTape, type Tape } from './tape.ts';
import { Walk } from './walk.ts';
import { createShared, stateOf, type WalkActions } from './working-state.ts';

export type { ExtensionRegistry } from './extension-registry.ts';
export { compile, type Program } from './program.ts';
export { emptyState, type SimulationState } from './state.ts';
export { openTraversal, type Surroundings, type Traversal, type TraversalOptions } from './traversal.ts';

/** How much to record, and how long to walk. */
export interface SimulateOptions {
  /** `matched` (default): rules that matched; `all`: also each rule tried, with the condition that refused. */
  readonly detail?: 'matched' | 'all';
  /** Rules tried before the walk gives up; default 1,000,000. */
  readonly steps?: number;
}

/** A trace, and what the machine remembers after it. */
export interface Simulation {
  readonly trace: Trace;
  readonly state: SimulationState;
}

const actions: WalkActions = { setupNat, sendReject, readSet, changeSet, sendDuplicate, sendGenerated };

/**
 * Walks one packet. Pure: the same arguments give the same trace, and `state` is not changed. Where the tape has no
 * answer to what the packet does not decide, the fate is `undecided` and the state comes back as it was. Without
 * `timeMs` there is no clock and no history: a limit may be used up or not.
 */
export function simulate(
  program: Program,
  state: SimulationState,
  packet: Packet,
  entry: EntryPoint,
  timeMs: number | undefined,
  tape: Tape = emptyTape,
  options: SimulateOptions = {},
): Simulation {
  const { detail = 'matched', steps } = options;
  const shared = createShared(actions, program, state, { tape, timeMs, detail, steps });
  const w = new Walk(shared, program.families[packet.family], packet, entry);
  const fate = walkPacket(w, entry);
  return { trace: traceOf(w, fate), state: finished(fate) ? stateOf(shared) : state };
}

/** What became of a packet, without the way there. */
export interface Judgement {
  readonly fate: Fate;
  /** errno that a local sender got. */
  readonly errno: string | undefined;
  /** The tape's answers that were used, in order. */
  readonly assumptions: readonly Assumption[];
  readonly state: SimulationState;
}

/**
 * The fate that {@link simulate} tells, for callers who want no trace: many packets in a row, each with the state that
 * the one before left. No events are kept, and nothing is allocated per rule.
 */
export function judge(
  program: Program,
  state: SimulationState,
  packet: Packet,
  entry: EntryPoint,
  timeMs: number | undefined,
  tape: Tape = emptyTape,
  options: Pick<SimulateOptions, 'steps'> = {},
): Judgement {
  const { steps } = options;
  const shared = createShared(actions, program, state, { tape, timeMs, detail: 'none', steps });
  const w = new Walk(shared, program.families[packet.family], packet, entry);
  const fate = walkPacket(w, entry);
  return {
    fate,
    errno: w.errno,
    assumptions: shared.assumptions,
    state: finished(fate) ? stateOf(shared) : state,
  };
}

/** The source that routing gives a packet of a process that names none; undefined: the routes do not tell. */
export function sourceByRoutes(program: Program, packet: Packet, entry: EntryPoint): Address | undefined {
  const { family, dst, mark, tos, protocol, sport, dport } = packet;
  if (!program.facts.fib[family]) return undefined;
  const shared = createShared(actions, program, emptyState(), { detail: 'none' });
  const w = new Walk(shared, program.families[family], packet, entry);
  const flow = { dst, src: undefined, mark, tos, protocol, sport, dport, uid: packet.uid ?? 0 };
  const answer = routeOutput(w, { ...flow, anySource: false });
  return answer.kind === 'to' ? chosenSource(w, answer.destination, dst) : undefined;
}

const finished = (fate: Fate): boolean => fate.kind !== 'undecided' && fate.kind !== 'exhausted';

function walkPacket(w: Walk, entry: EntryPoint): Fate {
  let fate: Fate;
  if (entry.kind === 'arrives') {
    w.inInterface = entry.inInterface;
    w.physIn = entry.physIn;
    fate = arrive(w);
  } else fate = send(w);
  // A question of a generated packet leaves the whole walk undecided.
  const { question } = w.shared;
  return question ? { kind: 'undecided', question } : fate;
}

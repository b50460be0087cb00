/** The engine's surface: one packet in, its trace and the next state out. */

import type { Packet } from '../model/packet.ts';
import type { EntryPoint, Fate, Trace } from '../model/trace.ts';
import { setupNat } from './nat.ts';
import { arrive, send, sendDuplicate, sendGenerated, traceOf } from './path.ts';
import type { Program } from './program.ts';
import { sendReject } from './reject.ts';
import { changeSet, readSet } from './sets.ts';
import type { SimulationState } from './state.ts';
import { emptyTape, type Tape } from './tape.ts';
import { Walk } from './walk.ts';
import { type Shared, stateOf, type WalkActions } from './working-state.ts';

export type { ExtensionRegistry } from './extension-registry.ts';
export { compile, type Program } from './program.ts';
export { emptyState, type SimulationState } from './state.ts';

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

const stepsDefault = 1_000_000;

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
  const steps = options.steps ?? stepsDefault;
  const shared: Shared = {
    actions,
    program,
    facts: program.facts,
    tape,
    clock: timeMs !== undefined,
    timeMs: timeMs ?? 0,
    detail: options.detail ?? 'matched',
    stepsMax: steps,
    stepsLeft: steps,
    entries: state.entries,
    tuples: state.tuples,
    nextEntry: state.nextEntry,
    slots: state.slots,
    fragments: state.fragments,
    assumptions: [],
    question: undefined,
  };
  const w = new Walk(shared, program.families[packet.family], packet, entry);
  let fate: Fate;
  if (entry.kind === 'arrives') {
    w.inInterface = entry.inInterface;
    w.physIn = entry.physIn;
    fate = arrive(w);
  } else fate = send(w);
  // A question of a generated packet leaves the whole walk undecided.
  if (shared.question) fate = { kind: 'undecided', question: shared.question };
  const finished = fate.kind !== 'undecided' && fate.kind !== 'exhausted';
  return { trace: traceOf(w, fate), state: finished ? stateOf(shared) : state };
}

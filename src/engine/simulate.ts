/** The engine's surface: one packet in, its trace and the next state out. */

import type { MatchExtension, TargetExtension } from '../extensions/define.ts';
import type { Machine } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import type { Ruleset } from '../model/ruleset.ts';
import type { EntryPoint, Trace } from '../model/trace.ts';
import type { Program } from './program.ts';
import type { SimulationState } from './state.ts';
import type { Tape } from './tape.ts';

/** Where the engine looks extensions up. */
export interface ExtensionRegistry {
  match(name: string): MatchExtension | undefined;
  target(name: string): TargetExtension | undefined;
}

export interface SimulateOptions {
  /** `matched` (default): rules that matched; `all`: also each rule tried, with the condition that refused. */
  readonly detail?: 'matched' | 'all';
  /** Rules tried before the walk gives up; default 1,000,000. */
  readonly steps?: number;
}

export interface Simulation {
  readonly trace: Trace;
  readonly state: SimulationState;
}

export type Compile = (
  rulesets: readonly Ruleset[],
  machine: Machine,
  registry: ExtensionRegistry,
) => Program;

export type Simulate = (
  program: Program,
  state: SimulationState,
  packet: Packet,
  entry: EntryPoint,
  timeMs: number,
  tape?: Tape,
  options?: SimulateOptions,
) => Simulation;

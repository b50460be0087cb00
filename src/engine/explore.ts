/** All ways that a walk may go where the packet does not decide: one trace per way, within a budget. */

import type { Packet } from '../model/packet.ts';
import type { Assumption, EntryPoint, Question, Trace } from '../model/trace.ts';
import type { Program } from './program.ts';
import { type SimulateOptions, simulate } from './simulate.ts';
import type { SimulationState } from './state.ts';
import { emptyTape, extendTape, type Tape } from './tape.ts';

/** A point where the walk splits, with one branch per answer; or the end of a way. */
export type ExploreTree =
  | { readonly kind: 'leaf'; readonly branch: Branch }
  | { readonly kind: 'fork'; readonly question: Question; readonly answers: readonly ForkAnswer[] };

export interface ForkAnswer {
  readonly answer: string;
  readonly tree: ExploreTree;
}

/** One way: the answers that lead to it, its trace, and the state after it. */
export interface Branch {
  /** Answers given by the exploration, in order; those of the caller's tape are in `trace.assumptions`. */
  readonly assumptions: readonly Assumption[];
  readonly tape: Tape;
  readonly trace: Trace;
  readonly state: SimulationState;
}

export interface Exploration {
  readonly tree: ExploreTree;
  /** The leaves from left to right. */
  readonly branches: readonly Branch[];
  /** The fork budget was used up: some branches end undecided. */
  readonly exhausted: boolean;
}

export interface ExploreOptions extends SimulateOptions {
  /** Walks that may be started in all; default 64. */
  readonly forks?: number;
}

const forksDefault = 64;

/** Walks the packet under every answer to every question that the tape leaves open. */
export function explore(
  program: Program,
  state: SimulationState,
  packet: Packet,
  entry: EntryPoint,
  timeMs: number,
  tape: Tape = emptyTape,
  options: ExploreOptions = {},
): Exploration {
  let left = options.forks ?? forksDefault;
  let exhausted = false;
  const branches: Branch[] = [];

  const visit = (known: Tape, assumptions: readonly Assumption[]): ExploreTree => {
    left--;
    const { trace, state: next } = simulate(program, state, packet, entry, timeMs, known, options);
    const { fate } = trace;
    if (fate.kind === 'undecided' && fate.question.answers.length <= left) {
      const { question } = fate;
      return {
        kind: 'fork',
        question,
        answers: question.answers.map((answer) => ({
          answer,
          tree: visit(extendTape(known, question.key, answer), [
            ...assumptions,
            { key: question.key, answer },
          ]),
        })),
      };
    }
    if (fate.kind === 'undecided') exhausted = true;
    const branch: Branch = { assumptions, tape: known, trace, state: next };
    branches.push(branch);
    return { kind: 'leaf', branch };
  };

  const tree = visit(tape, []);
  return { tree, branches, exhausted };
}

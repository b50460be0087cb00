/**
 * All ways that a walk may go where the packet does not decide: one trace per way, within a budget. Whether a rule
 * matches that only writes a log line is decided without a fork: the packet's way is the same.
 */

import type { Packet } from '../model/packet.ts';
import type { Assumption, EntryPoint, Question, Trace } from '../model/trace.ts';
import type { Program } from './program.ts';
import { type SimulateOptions, type Simulation, simulate } from './simulate.ts';
import type { SimulationState } from './state.ts';
import { emptyTape, extendTape, type Tape } from './tape.ts';

/** A point where the walk splits, with one branch per answer; or the end of a way. */
export type ExploreTree =
  | { readonly kind: 'leaf'; readonly branch: Branch }
  | { readonly kind: 'fork'; readonly question: Question; readonly answers: readonly ForkAnswer[] };

/** One answer to the question of a fork, and what follows. */
export interface ForkAnswer {
  readonly answer: string;
  readonly tree: ExploreTree;
}

/** One way: the answers that lead to it, its trace, and the state after it. */
export interface Branch {
  /** Answers given by the exploration, in order; those of the caller's tape are in `trace.assumptions`. */
  readonly assumptions: readonly Assumption[];
  /** Those of `assumptions` that decide about a log line only: the other answer leads the same way. */
  readonly immaterial: readonly Assumption[];
  readonly tape: Tape;
  readonly trace: Trace;
  readonly state: SimulationState;
}

/** All ways of one packet. */
export interface Exploration {
  readonly tree: ExploreTree;
  /** The leaves from left to right. */
  readonly branches: readonly Branch[];
  /** The fork budget was used up: some branches end undecided. */
  readonly exhausted: boolean;
}

/** Bounds of an exploration. */
export interface ExploreOptions extends SimulateOptions {
  /** Walks that may be started in all; default 64. */
  readonly forks?: number;
}

const forksDefault = 64;

/** Whether the rule that the question is about matched and did nothing but log. */
function onlyLogged(trace: Trace, { rule }: Question): boolean {
  if (!rule) return false;
  let matched = false;
  for (const event of trace.events) {
    if (event.kind === 'rule' && event.rule.id === rule.id) {
      if (event.outcome !== 'continue') return false;
      matched = true;
    } else if ('by' in event) {
      if (typeof event.by === 'object' && event.by.id === rule.id) return false;
    } else if (event.kind === 'note' || event.kind === 'set-change') {
      if (event.rule?.id === rule.id) return false;
    }
  }
  return matched;
}

/** Walks the packet under every answer to every question that the tape leaves open. */
export function explore(
  program: Program,
  state: SimulationState,
  packet: Packet,
  entry: EntryPoint,
  timeMs: number | undefined,
  tape: Tape = emptyTape,
  options: ExploreOptions = {},
): Exploration {
  let left = options.forks ?? forksDefault;
  let exhausted = false;
  const branches: Branch[] = [];

  const visit = (
    known: Tape,
    assumptions: readonly Assumption[],
    immaterial: readonly Assumption[],
    walked?: Simulation,
  ): ExploreTree => {
    left--;
    const { trace, state: next } = walked ?? simulate(program, state, packet, entry, timeMs, known, options);
    const { fate } = trace;
    if (fate.kind === 'undecided' && fate.question.answers.length <= left) {
      const { question } = fate;
      const given = (answer: string): Assumption => ({ key: question.key, answer });
      if (question.key.startsWith('rule:')) {
        const matching = extendTape(known, question.key, 'yes');
        const tried = simulate(program, state, packet, entry, timeMs, matching, options);
        if (onlyLogged(tried.trace, question))
          return visit(matching, [...assumptions, given('yes')], [...immaterial, given('yes')], tried);
      }
      return {
        kind: 'fork',
        question,
        answers: question.answers.map((answer) => ({
          answer,
          tree: visit(extendTape(known, question.key, answer), [...assumptions, given(answer)], immaterial),
        })),
      };
    }
    if (fate.kind === 'undecided') exhausted = true;
    const branch: Branch = { assumptions, immaterial, tape: known, trace, state: next };
    branches.push(branch);
    return { kind: 'leaf', branch };
  };

  const tree = visit(tape, [], []);
  return { tree, branches, exhausted };
}

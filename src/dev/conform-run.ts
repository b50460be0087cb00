/** Replays one recorded case through the engine. */

import { compile, emptyState, type SimulationState, simulate } from '../engine/simulate.ts';
import type { Registry } from '../extensions/registry.ts';
import { parse } from '../grammar/parse.ts';
import { link } from '../link/link.ts';
import { answerOf } from './conform-answer.ts';
import {
  type CaseAnswer,
  entryOf,
  familyOf,
  type KernelCase,
  machineOf,
  readPacket,
} from './conform-case.ts';

/** The recordings began on this day; each packet came this much after the one before. */
const startMs = Date.UTC(2026, 0, 7, 12, 0, 0);
const stepMs = 1;

/** What became of the packets of a case. */
export interface CaseRun {
  readonly answers: readonly CaseAnswer[];
  /** What the reader of the ruleset had to say. */
  readonly problems: readonly string[];
  readonly conntrack: boolean;
  /** What is remembered after the last packet. */
  readonly state: SimulationState;
}

/**
 * What the recordings do not tell: no process of the machine had a socket, and bytes that are not known (checksums
 * of SCTP, wrong ones, headers of DCCP) are no part of any pattern.
 */
const tape = { socket: 'none', payload: 'other' };

/** Runs all packets of a case in order, the state handed on from one to the next. */
export function runCase(c: KernelCase, registry: Registry): CaseRun {
  const family = familyOf(c);
  const machine = machineOf(c);
  const setNames = new Set((machine.sets.value ?? []).map((s) => s.name));
  const linked = link(parse(c.ruleset), { registry, family, backend: 'nft', setNames });
  const problems = linked.diagnostics.map((d) => `${d.code} ${d.id}: ${d.message}`);
  const program = compile(
    linked.rulesets.map((r) => r.ruleset),
    machine,
    registry,
  );
  let state = emptyState();
  const answers: CaseAnswer[] = [];
  c.packets.forEach((p, i) => {
    const packet = readPacket(p, family, machine);
    const run = simulate(program, state, packet, entryOf(p), startMs + i * stepMs, tape);
    state = run.state;
    answers.push(answerOf(run.trace));
  });
  return { answers, problems, conntrack: program.families[family].conntrack, state };
}

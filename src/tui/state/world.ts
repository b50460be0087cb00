/**
 * The machine that was opened, and the questions that the screen asks of it. Every answer is a function of what is
 * asked; the last ones are kept, since most keys change nothing about them.
 */

import { buildMachine } from '../../context/machine.ts';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import { compileStepwise, emptyState, type Program, simulate } from '../../engine/simulate.ts';
import type { Entry } from '../../engine/state.ts';
import type { Registry } from '../../extensions/registry.ts';
import type { ReadMachine, ReadRuleset } from '../../link/read-machine.ts';
import type { Packet } from '../../model/packet.ts';
import type { Ruleset } from '../../model/ruleset.ts';
import type { Trace } from '../../model/trace.ts';
import { readAssumptions } from '../../trace/assumptions.ts';
import type { Flow, FlowStep } from '../../trace/flow.ts';
import { type Ways, waysOf } from '../../trace/outcome.ts';
import { type PacketTrace, traceRead } from '../../trace/trace-packet.ts';
import { type Draft, draftRulesetStepwise } from './draft.ts';
import { type PacketLine, placeInLine, readPacketLine } from './packet-line.ts';
import type { TextProblem } from './rule-line.ts';
import { indexWalk, type WalkIndex } from './walk-index.ts';

/** What was opened. */
export interface Opened {
  /** As it is named on the screen: a file, or `<stdin>`. */
  readonly name: string;
  readonly texts: readonly SourceText[];
  readonly read: ReadMachine;
  readonly registry: Registry;
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics: readonly Diagnostic[];
}

/** One way that the packet may take. */
type Way = Ways & { readonly kind: 'way' };

/** What became of the packet line. */
export type Answer =
  | {
      readonly kind: 'walked';
      readonly traced: PacketTrace;
      readonly line: PacketLine;
      readonly program: Program;
      /** The rules that were walked, with the draft in force. */
      readonly ruleset: Ruleset;
      /** At least one. */
      readonly ways: readonly Way[];
      /** Not every way was walked. */
      readonly couldNotLook: string | undefined;
    }
  | { readonly kind: 'refused'; readonly problem: TextProblem };

/** Which packet of a conversation is looked at. */
export type LegChoice =
  | { readonly kind: 'packet' }
  | { readonly kind: 'reply' }
  | { readonly kind: 'flow'; readonly index: number };

/** One packet's way with every rule that was tried. */
export interface Leg {
  /** `packet`, `reply`, `flow 2 of 8, handshake`. */
  readonly label: string;
  readonly packet: Packet;
  readonly trace: Trace;
  readonly index: WalkIndex;
  /** The connection's entry after this packet. */
  readonly connection: Entry | undefined;
}

/** See the head of this file. */
export interface World {
  readonly opened: Opened;
  /** As they were read, all of them; of one family the last is in force. */
  readonly rulesets: readonly Ruleset[];
  /** Of all rulesets that were read. */
  readonly ruleCount: number;
  /**
   * So many rules that compiling them takes longer than a key may: the walk after a change of the rules then comes
   * behind the next frame.
   */
  readonly large: boolean;
  ask(draft: Draft, packet: string): Answer;
  /** Whether the rules are compiled on which a packet is walked; else asking takes as long as that does. */
  isReady(draft: Draft, packet: string): boolean;
  /** Works the answer out and the packet's own leg, in steps of some milliseconds: both are then there at once. */
  prepare(draft: Draft, packet: string): Generator<undefined, void>;
  /** Undefined where there is no such leg: no reply, no further packet. */
  leg(answer: Answer, way: number, choice: LegChoice): Leg | undefined;
  /** The conversation that the packet opens, or why there is none. */
  flow(answer: Answer): Flow | string;
}

/** From this many rules on a ruleset is large: 5,000 compile in about ten milliseconds. */
const largeFrom = 5_000;

/** The results of the last calls by their arguments, compared by identity. */
class Kept<A extends readonly unknown[], R> {
  readonly #count: number;
  #calls: readonly { readonly args: A; readonly result: R }[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  find(args: A): { readonly result: R } | undefined {
    const hit = this.#calls.find((call) => call.args.every((a, i) => a === args[i]));
    if (hit) this.#calls = [hit, ...this.#calls.filter((call) => call !== hit)];
    return hit;
  }

  keep(args: A, result: R): R {
    this.#calls = [{ args, result }, ...this.#calls].slice(0, this.#count);
    return result;
  }
}

function remember<A extends readonly unknown[], R>(
  count: number,
  make: (...args: A) => R,
): (...args: A) => R {
  const kept = new Kept<A, R>(count);
  return (...args) => {
    const hit = kept.find(args);
    return hit ? hit.result : kept.keep(args, make(...args));
  };
}

/** The same for what is made in steps. */
function rememberStepwise<A extends readonly unknown[], R>(
  count: number,
  make: (...args: A) => Generator<undefined, R>,
): (...args: A) => Generator<undefined, R> {
  const kept = new Kept<A, R>(count);
  return function* (...args) {
    const hit = kept.find(args);
    return hit ? hit.result : kept.keep(args, yield* make(...args));
  };
}

/** All steps in one go. */
function finish<R>(work: Generator<undefined, R>): R {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Makes the world of what was opened. */
export function createWorld(opened: Opened): World {
  const { read, registry } = opened;
  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  let ruleCount = 0;
  for (const r of rulesets) for (const t of r.tables) for (const c of t.chains) ruleCount += c.rules.length;
  const large = ruleCount > largeFrom;
  /** Programs and traces of 100,000 rules are tens of megabytes each: no more of them are kept than are shown. */
  const kept = (count: number): number => (large ? 1 : count);

  const drafted = rememberStepwise(kept(2), function* (draft: Draft): Generator<undefined, ReadMachine> {
    if (draft.size === 0) return read;
    const rulesets: ReadRuleset[] = [];
    for (const r of read.rulesets) {
      const ruleset = yield* draftRulesetStepwise(r.linked.ruleset, draft);
      rulesets.push({ ...r, linked: { ...r.linked, ruleset } });
    }
    return { ...read, rulesets };
  });

  /** What the program in memory was made of, if it is made. */
  let compiled: { readonly draft: Draft; readonly assumed: string } | undefined;
  const ground = rememberStepwise(kept(2), function* (draft: Draft, assumed: string) {
    const base = yield* drafted(draft);
    yield;
    const inForce = base.rulesets.map((r) => r.linked.ruleset);
    const assumptions = readAssumptions(assumed === '' ? [] : assumed.split('\n'));
    const forMachine = 'diagnostics' in assumptions ? [] : assumptions.forMachine;
    const machine =
      draft.size === 0 && forMachine.length === 0
        ? read.machine
        : buildMachine({
            facts: read.facts,
            rulesets: inForce,
            assume: forMachine,
            ...(read.machine.backend.provenance === 'given' ? { backend: read.machine.backend.value } : {}),
          });
    let program: Program | undefined;
    compiled = undefined;
    return {
      read: { ...base, machine },
      *program(): Generator<undefined, Program> {
        program ??= yield* compileStepwise(inForce, machine, registry);
        compiled = { draft, assumed };
        return program;
      },
    };
  });

  const groundOf = (draft: Draft, line: PacketLine) => ground(draft, line.assume.join('\n'));

  const trace = (draft: Draft, line: PacketLine, flow: boolean) => {
    const on = finish(groundOf(draft, line));
    const program = (): Program => finish(on.program());
    const { expression, local, assume } = line;
    const result = traceRead(on.read, program, {
      registry,
      expression: expression.map((w) => w.text),
      local,
      assume,
      flow,
      diagnostics: opened.diagnostics,
    });
    return { result, program };
  };

  const drafts = new WeakMap<Answer, Draft>();
  const ask = remember(kept(4), (draft: Draft, packet: string): Answer => {
    const line = readPacketLine(packet);
    const { result, program } = trace(draft, line, false);
    const { traced, refused, couldNotLook } = result;
    let answer: Answer;
    if (traced) {
      const { ruleset } = traced.ruleset.linked;
      const ways = waysOf(traced.ways);
      answer = { kind: 'walked', traced, line, program: program(), ruleset, ways, couldNotLook };
    } else {
      const [first] = refused?.diagnostics ?? [];
      const words = refused?.expressionText.name === 'packet' ? line.expression : [];
      const where = first?.span
        ? placeInLine(words, first.span.start, first.span.end, packet)
        : { start: 0, end: packet.length };
      answer = {
        kind: 'refused',
        problem: {
          message: first?.message ?? couldNotLook ?? 'This is no packet',
          hint: first?.hint,
          ...where,
        },
      };
    }
    drafts.set(answer, draft);
    return answer;
  });

  const flow = remember(kept(2), (answer: Answer): Flow | string => {
    if (answer.kind !== 'walked') return answer.problem.message;
    const { result } = trace(drafts.get(answer) ?? new Map(), answer.line, true);
    return result.traced?.flow ?? result.refused?.diagnostics[0]?.message ?? 'No conversation begins with it';
  });

  const leg = rememberStepwise(
    large ? 2 : 6,
    function* (answer: Answer, way: number, choice: string): Generator<undefined, Leg | undefined> {
      if (answer.kind !== 'walked') return undefined;
      const { traced, program, ways, ruleset } = answer;
      const branch = ways[way]?.branch;
      if (!branch) return undefined;
      const walk = function* (
        label: string,
        ...args: [...Parameters<typeof simulate>]
      ): Generator<undefined, Leg> {
        const { trace: walked, state } = simulate(...args);
        yield;
        const entry = walked.connection?.entry;
        return {
          label,
          packet: walked.packet,
          trace: walked,
          index: indexWalk(walked, ruleset),
          connection: entry === undefined ? undefined : state.entries.get(String(entry)),
        };
      };
      const all = { detail: 'all' } as const;
      if (choice === 'packet') {
        const { packet, entry } = traced.request;
        return yield* walk('packet', program, emptyState(), packet, entry, undefined, branch.tape, all);
      }
      if (choice === 'reply') {
        const reply = traced.replies.get(branch);
        if (reply?.kind !== 'walked') return undefined;
        const [first] = waysOf(reply.ways);
        if (!first) return undefined;
        const { packet, entry } = reply;
        return yield* walk('reply', program, branch.state, packet, entry, undefined, first.branch.tape, all);
      }
      const played = flow(answer);
      const at = Number(choice);
      if (typeof played === 'string') return undefined;
      const step: FlowStep | undefined = played.steps[at];
      if (!step) return undefined;
      const state = at === 0 ? emptyState() : (played.steps[at - 1]?.branch.state ?? emptyState());
      return yield* walk(
        `${at + 1} of ${played.wholeCount}, ${step.label}`,
        program,
        state,
        step.packet,
        step.entry,
        undefined,
        step.branch.tape,
        all,
      );
    },
  );

  return {
    opened,
    rulesets,
    ruleCount,
    large,
    ask,
    isReady: (draft, packet) =>
      compiled?.draft === draft && compiled.assumed === readPacketLine(packet).assume.join('\n'),
    *prepare(draft, packet) {
      const on = yield* groundOf(draft, readPacketLine(packet));
      yield;
      yield* on.program();
      yield;
      const answer = ask(draft, packet);
      yield;
      yield* leg(answer, 0, 'packet');
    },
    leg: (answer, way, choice) =>
      finish(leg(answer, way, choice.kind === 'flow' ? String(choice.index) : choice.kind)),
    flow,
  };
}

/**
 * The machine that was opened, and the questions that the screen asks of it. Every answer is a function of what is
 * asked; the last ones are kept, since most keys change nothing about them.
 */

import { buildMachine } from '../../context/machine.ts';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import type { Branch } from '../../engine/explore.ts';
import { compile, emptyState, type Program, type SimulationState, simulate } from '../../engine/simulate.ts';
import type { Entry } from '../../engine/state.ts';
import type { Tape } from '../../engine/tape.ts';
import type { Registry } from '../../extensions/registry.ts';
import { formatLinked } from '../../link/format.ts';
import type { ReadMachine } from '../../link/read-machine.ts';
import type { Machine } from '../../model/machine.ts';
import type { Packet } from '../../model/packet.ts';
import type { Ruleset } from '../../model/ruleset.ts';
import type { Assumption, EntryPoint, Trace } from '../../model/trace.ts';
import type { Family } from '../../net/address.ts';
import { readAssumptions } from '../../trace/assumptions.ts';
import type { Flow, FlowStep } from '../../trace/flow.ts';
import type { NoAnswer } from '../../trace/ordinary-answer.ts';
import { type Ways, waysOf } from '../../trace/outcome.ts';
import { type PacketTrace, traceRead } from '../../trace/trace-packet.ts';
import { type Draft, draftRuleset, emptyDraft } from './draft.ts';
import { collectWords, type MachineWords } from './machine-words.ts';
import { type PacketLine, placeInLine, readPacketLine } from './packet-line.ts';
import type { TextProblem } from './rule-line.ts';
import { countRules, type ShownRuleset } from './shown-rules.ts';
import { type HookChain, hookChainsOf, indexWalk, type WalkIndex } from './walk-index.ts';
import { recordWalk, type WalkRecord } from './walk-record.ts';

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

/** What is asked of it besides its rules. */
export interface OpenedView extends Pick<Opened, 'name' | 'texts' | 'registry'> {
  readonly machine: Machine;
  /** Names of the machine's ipsets, if they are known. */
  readonly setNames: ReadonlySet<string> | undefined;
  /** The text that the ruleset in force of a family stands in. */
  readonly sources: ReadonlyMap<Family, string>;
}

/** See {@link OpenedView}. */
export function viewOpened({ name, texts, registry, read }: Opened): OpenedView {
  const { sets } = read.facts;
  return {
    name,
    texts,
    registry,
    machine: read.machine,
    setNames: sets && new Set(sets.value.map((s) => s.name)),
    sources: new Map(read.rulesets.map((r) => [r.linked.ruleset.family, r.source.text])),
  };
}

/** One way that the packet may take. */
export interface Way {
  /** What it assumes, beyond what makes a log line only. */
  readonly assumed: readonly Assumption[];
  /** Why there is no answer to the packet, where one cannot be. */
  readonly noReply: NoAnswer | undefined;
}

/** What became of the packet line. */
export type Answer =
  | {
      readonly kind: 'walked';
      readonly family: Family;
      readonly packet: Packet;
      readonly entry: EntryPoint;
      readonly line: PacketLine;
      /** Built-in chains of the rules that were walked, with the draft in force. */
      readonly chains: readonly HookChain[];
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
  /** Without the rules that were tried and refused: these are in the record. */
  readonly trace: Trace;
  readonly record: WalkRecord;
  readonly index: WalkIndex;
  /** The connection's entry after this packet. */
  readonly connection: Entry | undefined;
}

/** One packet of a conversation. */
export interface ConversationStep extends Pick<FlowStep, 'label' | 'from' | 'packet' | 'mayStop'> {
  /** Without the rules that were tried and refused. */
  readonly trace: Trace;
  /** The connection's entry after it. */
  readonly connection: Entry | undefined;
}

/** The conversation that a packet opens, as far as it came. */
export interface Conversation extends Pick<Flow, 'complete' | 'wholeCount' | 'refused'> {
  readonly steps: readonly ConversationStep[];
}

/** See the head of this file. */
export interface World {
  readonly opened: OpenedView;
  /** As they were read, all of them; of one family the last is in force. */
  readonly rulesets: readonly ShownRuleset[];
  /** Of all rulesets that were read. */
  readonly ruleCount: number;
  /** Walks take longer than a key may: the one after a change of packet or rules then comes behind the next frame. */
  readonly large: boolean;
  ask(draft: Draft, packet: string): Answer;
  /** Looked for once. */
  words(family: Family): MachineWords;
  /** Whether asking answers at once. */
  isReady(draft: Draft, packet: string): boolean;
  /** Undefined where there is no such leg: no reply, no further packet. */
  leg(answer: Answer, way: number, choice: LegChoice): Leg | undefined;
  /** The conversation that the packet opens, or why there is none. */
  flow(answer: Answer): Conversation | string;
}

/** A world that walks itself, whenever it is asked. */
export interface NearWorld extends World {
  readonly rulesets: readonly Ruleset[];
  /** All rulesets as iptables-save prints them, with the draft in force and the counters that were read. */
  text(draft: Draft): string;
}

/** A function that keeps the results of its last calls. */
interface Remembering<A extends readonly unknown[], R> {
  (...args: A): R;
  forget(): void;
}

/** Keeps the results of the last calls by their arguments, compared by identity. */
function remember<A extends readonly unknown[], R>(
  count: number,
  make: (...args: A) => R,
): Remembering<A, R> {
  let calls: readonly { readonly args: A; readonly result: R }[] = [];
  const call = (...args: A): R => {
    const known = calls.find((call) => call.args.every((a, i) => a === args[i]));
    // Room is made first: what is kept of large rulesets is large.
    if (!known) calls = calls.slice(0, count - 1);
    const hit = known ?? { args, result: make(...args) };
    calls = [hit, ...calls.filter((call) => call !== hit)].slice(0, count);
    return hit.result;
  };
  const forget = (): void => {
    calls = [];
  };
  return Object.assign(call, { forget });
}

/** What is behind an answer. */
interface Walked {
  readonly draft: Draft;
  readonly traced: PacketTrace;
  readonly program: Program;
  readonly ways: readonly (Ways & { readonly kind: 'way' })[];
}

/** Programs of 100,000 rules are tens of megabytes each. */
const keptOfLarge = 5_000;

/** Makes the world that walks itself. */
export function createWorld(opened: Opened): NearWorld {
  const { read, registry } = opened;
  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  const ruleCount = countRules(rulesets);
  const kept = (count: number): number => (ruleCount > keptOfLarge ? 1 : count);

  const ground = remember(kept(2), (draft: Draft, assumed: string) => {
    const base: ReadMachine =
      draft.size === 0
        ? read
        : {
            ...read,
            rulesets: read.rulesets.map((r) => ({
              ...r,
              linked: { ...r.linked, ruleset: draftRuleset(r.linked.ruleset, draft) },
            })),
          };
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
    return {
      read: { ...base, machine },
      program(): Program {
        program ??= compile(inForce, machine, registry);
        return program;
      },
    };
  });

  const trace = (draft: Draft, line: PacketLine, flow: boolean) => {
    const { expression, local, assume } = line;
    const on = ground(draft, assume.join('\n'));
    const result = traceRead(on.read, on.program, {
      registry,
      expression: expression.map((w) => w.text),
      local,
      assume,
      flow,
      diagnostics: opened.diagnostics,
    });
    return { result, program: on.program };
  };

  const walks = new WeakMap<Answer, Walked>();
  const ask = remember(kept(4), (draft: Draft, packet: string): Answer => {
    // An answer holds the program of its draft, and what was made of an answer holds the answer.
    if (ruleCount > keptOfLarge) for (const made of [leg, play, flow]) made.forget();
    const line = readPacketLine(packet);
    const { result, program } = trace(draft, line, false);
    const { traced, refused, couldNotLook } = result;
    if (!traced) {
      const [first] = refused?.diagnostics ?? [];
      const words = refused?.expressionText.name === 'packet' ? line.expression : [];
      const where = first?.span
        ? placeInLine(words, first.span.start, first.span.end, packet)
        : { start: 0, end: packet.length };
      const message = first?.message ?? couldNotLook ?? 'This is no packet';
      return { kind: 'refused', problem: { message, hint: first?.hint, ...where } };
    }
    const ways = waysOf(traced.ways);
    const { family, request } = traced;
    const answer: Answer = {
      kind: 'walked',
      family,
      packet: request.packet,
      entry: request.entry,
      line,
      chains: hookChainsOf(traced.ruleset.linked.ruleset),
      ways: ways.map(({ branch }) => {
        const reply = traced.replies.get(branch);
        return { assumed: decisive(branch), noReply: reply?.kind === 'none' ? reply.because : undefined };
      }),
      couldNotLook,
    };
    walks.set(answer, { draft, traced, program: program(), ways });
    return answer;
  });

  const play = remember(kept(2), (answer: Answer): Flow | string => {
    if (answer.kind !== 'walked') return answer.problem.message;
    const { result } = trace(walks.get(answer)?.draft ?? emptyDraft, answer.line, true);
    return result.traced?.flow ?? result.refused?.diagnostics[0]?.message ?? 'No conversation begins with it';
  });

  const leg = remember(6, (answer: Answer, way: number, choice: string): Leg | undefined => {
    const walked = walks.get(answer);
    const branch = walked?.ways[way]?.branch;
    if (answer.kind !== 'walked' || !walked || !branch) return undefined;
    const { traced, program } = walked;
    const walk = (
      label: string,
      from: SimulationState,
      packet: Packet,
      entry: EntryPoint,
      tape: Tape,
    ): Leg => {
      const { trace, state } = simulate(program, from, packet, entry, undefined, tape, { detail: 'all' });
      const record = recordWalk(trace.events);
      return {
        label,
        packet: trace.packet,
        trace: { ...trace, events: record.kept },
        record,
        index: indexWalk(record, answer.chains),
        connection: entryAfter(trace, state),
      };
    };
    if (choice === 'packet')
      return walk('packet', emptyState(), traced.request.packet, traced.request.entry, branch.tape);
    if (choice === 'reply') {
      const reply = traced.replies.get(branch);
      if (reply?.kind !== 'walked') return undefined;
      const [first] = waysOf(reply.ways);
      return first && walk('reply', branch.state, reply.packet, reply.entry, first.branch.tape);
    }
    const played = play(answer);
    const at = Number(choice);
    if (typeof played === 'string') return undefined;
    const step: FlowStep | undefined = played.steps[at];
    if (!step) return undefined;
    const before = at === 0 ? emptyState() : (played.steps[at - 1]?.branch.state ?? emptyState());
    const label = `${at + 1} of ${played.wholeCount}, ${step.label}`;
    return walk(label, before, step.packet, step.entry, step.branch.tape);
  });

  const flow = remember(kept(2), (answer: Answer): Conversation | string => {
    const played = play(answer);
    if (typeof played === 'string') return played;
    const { complete, wholeCount, refused } = played;
    const steps = played.steps.map(({ label, from, packet, mayStop, branch: { trace, state } }) => {
      return { label, from, packet, mayStop, trace, connection: entryAfter(trace, state) };
    });
    return { complete, wholeCount, refused, steps };
  });

  return {
    opened: viewOpened(opened),
    rulesets,
    ruleCount,
    large: false,
    text: (draft) => {
      const changed = read.rulesets.map(({ linked }) => ({
        ...linked,
        ruleset: draftRuleset(linked.ruleset, draft),
      }));
      return formatLinked({ rulesets: changed }, { keepComments: true, counters: true });
    },
    ask,
    words: remember(2, (family: Family) =>
      collectWords(
        read.machine,
        rulesets.findLast((r) => r.family === family),
        family,
      ),
    ),
    isReady: () => true,
    leg: (answer, way, choice) => leg(answer, way, legKey(choice)),
    flow,
  };
}

/** One text for each leg of a way. */
export function legKey(choice: LegChoice): string {
  return choice.kind === 'flow' ? String(choice.index) : choice.kind;
}

function entryAfter({ connection }: Trace, { entries }: SimulationState): Entry | undefined {
  return connection?.entry === undefined ? undefined : entries.get(String(connection.entry));
}

/** What a way assumes beyond what makes a log line only. */
function decisive({ assumptions, immaterial }: Branch): readonly Assumption[] {
  const logOnly = new Set(immaterial.map((a) => a.key));
  return assumptions.filter((a) => !logOnly.has(a.key));
}

/** The simulator of a page: questions about one machine, whose rules are read and compiled once. */

import type { DeclaredContext } from '../context/declared.ts';
import { createSources, type SourceText } from '../diagnostics/sources.ts';
import { compile, type Program } from '../engine/program.ts';
import { familyOfWords } from '../expression/packet-expression.ts';
import type { Registry } from '../extensions/registry.ts';
import { buildFlowGraph, type FlowGraph } from '../graph/flow-graph.ts';
import { litParts, pictureParts, roadOf } from '../graph/road.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { createOwnerOf } from '../lint/generators.ts';
import { createView } from '../lint/ruleset-view.ts';
import type { Family } from '../net/address.ts';
import { printDiagnostics, type TerminalStyle } from '../report/diagnostics.ts';
import { type Piece, packetRoadWords } from '../report/graph-words.ts';
import { createTheme } from '../report/theme.ts';
import { printTrace } from '../report/trace.ts';
import { once } from '../support/once.ts';
import { type ReadAssumptions, readAssumptions } from '../trace/assumptions.ts';
import { waysOf } from '../trace/outcome.ts';
import { type PacketTrace, traceRead } from '../trace/trace-packet.ts';
import { type PaintedPiece, paintedPieces } from './painted-text.ts';
import { ruleName } from './rule-names.ts';

/** What the simulator is made for. */
export interface SimulatorOptions {
  readonly registry: Registry;
  /** What the administrator says of the machine. */
  readonly declared?: DeclaredContext | undefined;
  /** As the pictures of the page were drawn with. */
  readonly boxesMax: number;
}

/** A packet, as `fwsim trace` takes it. */
export interface SimulatorQuestion {
  /** Match options, word by word. */
  readonly packet: readonly string[];
  readonly local: boolean;
  /** `KEY=VALUE` each. */
  readonly assume: readonly string[];
}

/** What became of the packet. */
export interface SimulatorAnswer {
  readonly family: Family;
  /** The packet, then each of its ends. */
  readonly ends: readonly Piece[];
  /** Pieces of the family's picture, by their `data-part`. */
  readonly lit: readonly string[];
  /** Pieces in which the packet was stopped. */
  readonly stopped: readonly string[];
  /** Rules that matched, by {@link ruleName}. */
  readonly rules: readonly string[];
  /** What `fwsim trace` prints. */
  readonly told: readonly PaintedPiece[];
}

/** An answer, or what is wrong with the question. */
export type SimulatorResult =
  | { readonly answer: SimulatorAnswer; readonly limit: string | undefined }
  | { readonly refused: readonly PaintedPiece[] };

/** Answers questions about one machine. */
export type Simulator = (question: SimulatorQuestion) => SimulatorResult;

/** Columns of what is told; the page's own width decides what of it is seen without scrolling. */
const style: TerminalStyle = { theme: createTheme(true), columns: 100 };

/** A machine as some assumptions make it. */
interface Prepared {
  readonly read: ReadMachine;
  readonly program: () => Program;
  readonly graphOf: (ruleset: ReadRuleset) => FlowGraph;
}

/** Makes the simulator of a machine; its own text first, then further ones about it. Never throws for any input. */
export function createSimulator(
  texts: readonly SourceText[],
  { registry, declared, boxesMax }: SimulatorOptions,
): Simulator {
  // Assumptions about the machine change how it is read; whoever asks mostly changes the packet alone.
  let last: { readonly key: string; readonly byFamily: Map<Family | undefined, Prepared> } | undefined;

  function prepare(assume: readonly string[], family: Family | undefined): Prepared | undefined {
    const assumptions = readAssumptions(assume);
    if ('diagnostics' in assumptions) return undefined;
    const key = JSON.stringify(assume);
    if (last?.key !== key) last = { key, byFamily: new Map() };
    const { byFamily } = last;
    const prepared = (f: Family | undefined): Prepared => {
      const made = byFamily.get(f) ?? prepareAs(f, assumptions);
      byFamily.set(f, made);
      return made;
    };
    const plain = prepared(undefined);
    // Only rules that do not say of which family they are become others by the packet.
    return plain.read.rulesets.some((r) => r.linked.familyUndecided) ? prepared(family) : plain;
  }

  function prepareAs(family: Family | undefined, assumptions: ReadAssumptions): Prepared {
    const read = readMachine(texts, { registry, family, assume: assumptions.forMachine, declared });
    const graphs = new Map<ReadRuleset, FlowGraph>();
    return {
      read,
      program: once(() =>
        compile(
          read.rulesets.map((r) => r.linked.ruleset),
          read.machine,
          registry,
        ),
      ),
      graphOf: (ruleset) => {
        const made =
          graphs.get(ruleset) ??
          buildFlowGraph(createView(ruleset, registry, read.machine, createOwnerOf()), {
            boxesMax,
            counters: false,
          });
        graphs.set(ruleset, made);
        return made;
      },
    };
  }

  return ({ packet, local, assume }) => {
    const family = familyOfWords(packet);
    const prepared = prepare(assume, family);
    const options = { registry, expression: packet, assume, local };
    // Without a machine only the refusal of the assumptions is left to be told.
    const { traced, refused, couldNotLook } = prepared
      ? traceRead(prepared.read, prepared.program, options)
      : refusedAssumptions(assume);
    if (refused) {
      const told = printDiagnostics(refused.diagnostics, createSources([refused.expressionText]), style);
      return { refused: paintedPieces(told) };
    }
    if (!traced || !prepared) return { refused: [{ text: couldNotLook ?? '', paint: '' }] };
    return { answer: answerOf(traced, prepared.graphOf(traced.ruleset)), limit: couldNotLook };
  };
}

function refusedAssumptions(assume: readonly string[]): ReturnType<typeof traceRead> {
  const assumptions = readAssumptions(assume);
  if (!('diagnostics' in assumptions)) return {};
  const { text, diagnostics } = assumptions;
  return { refused: { expressionText: { name: '--assume', text }, diagnostics } };
}

function answerOf(traced: PacketTrace, graph: FlowGraph): SimulatorAnswer {
  const { family } = traced;
  const traces = waysOf(traced.ways).map((way) => way.branch.trace);
  const road = roadOf(graph, traces);
  const rules = traces.flatMap(({ events }) =>
    events.flatMap((event) =>
      event.kind === 'rule' ? [ruleName(family, event.rule.table, event.rule.chain, event.rule.number)] : [],
    ),
  );
  return {
    family,
    ends: packetRoadWords(traced),
    lit: [...litParts(graph, road)],
    stopped: [...road.stoppedIn].map(pictureParts.node),
    rules: [...new Set(rules)],
    told: paintedPieces(printTrace({ traced }, style, { all: false, verbose: false })),
  };
}

/** The answer to `fwsim graph`: one ruleset as a graph and, if a packet is given, its road. */

import type { DeclaredContext } from '../context/declared.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { compile } from '../engine/program.ts';
import { familyOfWords } from '../expression/packet-expression.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import { createOwnerOf } from '../lint/generators.ts';
import { createView } from '../lint/ruleset-view.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { once } from '../support/once.ts';
import { readAssumptions } from '../trace/assumptions.ts';
import { waysOf } from '../trace/outcome.ts';
import { type PacketTrace, type TraceResult, traceRead } from '../trace/trace-packet.ts';
import { buildFlowGraph, type FlowGraph } from './flow-graph.ts';
import { type Road, roadOf } from './road.ts';
import { createWeigher } from './shares.ts';

/** Weights of a picture. */
export type GraphWeights = 'counters' | 'packets' | 'none';

/** What is asked. */
export interface GraphOptions {
  readonly registry: Registry;
  /** Which ruleset, where there are two; default: that of the packet, else IPv4 if there is one. */
  readonly family?: Family;
  readonly backend?: Backend;
  /** What the administrator says of the machine. */
  readonly declared?: DeclaredContext | undefined;
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics?: readonly Diagnostic[];
  /** Boxes of one table at one hook before chains are folded; 2 to {@link boxesLimit}. */
  readonly boxesMax: number;
  /** What the pieces of the picture weigh: what the rules have counted, shares of all packets, or nothing. */
  readonly weights: GraphWeights;
  /** Nodes that sets of packets may take, where shares are asked for. */
  readonly nodesMax?: number;
  /** The packet whose road is lit, in match options, word by word; empty: none. */
  readonly expression: readonly string[];
  /** The packet is sent by this machine. */
  readonly local?: boolean;
  /** Take one packet of an expression that means several. */
  readonly pick?: boolean;
  /** `KEY=VALUE` each. */
  readonly assume?: readonly string[];
}

/** The time for a layout grows with the square of the boxes; this many take a few seconds. */
export const boxesLimit = 300;

/** A graph with what it was made of. */
export interface RulesetGraph {
  readonly read: ReadMachine;
  readonly ruleset: ReadRuleset;
  readonly graph: FlowGraph;
  /** The packet's ways through these rules, if one was given. */
  readonly traced: PacketTrace | undefined;
  readonly road: Road | undefined;
  /** Families of further rulesets in the input, which have pictures of their own. */
  readonly otherFamilies: readonly Family[];
  /** Why there are no shares, although they were asked for. */
  readonly sharesProblem: string | undefined;
  /** About the texts. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A graph, or why there is none. */
export interface GraphResult {
  readonly drawn?: RulesetGraph;
  /** The packet or an assumption is no usable question; spans are offsets into `expressionText`. */
  readonly refused?: TraceResult['refused'];
  /** Nothing could be drawn; with `drawn`: the shares are missing, or the packet has more ways than were walked. */
  readonly couldNotLook?: string;
}

/** Draws one machine's ruleset; its own text first, then further ones about it. Never throws for any input. */
export function graphOf(texts: readonly SourceText[], options: GraphOptions): GraphResult {
  const { registry, expression, assume = [], backend, declared } = options;
  const assumptions = readAssumptions(assume);
  if ('diagnostics' in assumptions)
    return {
      refused: {
        expressionText: { name: '--assume', text: assumptions.text },
        diagnostics: assumptions.diagnostics,
      },
    };
  const asked = options.family ?? familyOfWords(expression);
  const read = readMachine(texts, {
    registry,
    family: asked,
    backend,
    assume: assumptions.forMachine,
    declared,
  });
  const nothing = whyNothingToLookAt(read);
  if (nothing !== undefined) return { couldNotLook: nothing };
  const inForce = (family: Family): ReadRuleset | undefined =>
    read.rulesets.findLast((r) => r.linked.ruleset.family === family);
  const family = asked ?? (inForce('ipv4') ? 'ipv4' : 'ipv6');
  const ruleset = inForce(family);
  const families = (['ipv4', 'ipv6'] as const).filter((f) => inForce(f) !== undefined);
  if (!ruleset)
    return { couldNotLook: `the input holds no ${family === 'ipv4' ? 'IPv4' : 'IPv6'} ruleset to draw` };

  const view = createView(ruleset, registry, read.machine, createOwnerOf());
  const rulesets = read.rulesets.map((r) => r.linked.ruleset);
  const program = once(() => compile(rulesets, read.machine, registry));
  const { boxesMax, weights, nodesMax } = options;
  const plain = { boxesMax, counters: weights === 'counters' };
  const weigher =
    weights === 'packets'
      ? createWeigher(read, ruleset, {
          registry,
          program: program(),
          ...(nodesMax === undefined ? {} : { nodesMax }),
        })
      : undefined;
  const weighed = buildFlowGraph(view, weigher === undefined ? plain : { ...plain, weigher });
  const sharesProblem = weigher?.problem();
  const graph = sharesProblem === undefined ? weighed : buildFlowGraph(view, plain);
  const base = {
    read,
    ruleset,
    graph,
    otherFamilies: families.filter((f) => f !== family),
    sharesProblem,
    diagnostics: [...(options.diagnostics ?? []), ...read.diagnostics],
  };
  const problems = sharesProblem === undefined ? [] : [`no shares: ${sharesProblem}`];
  const resultOf = (drawn: RulesetGraph): GraphResult =>
    problems.length === 0 ? { drawn } : { drawn, couldNotLook: problems.join('; ') };
  if (expression.length === 0) return resultOf({ ...base, traced: undefined, road: undefined });
  const { traced, refused, couldNotLook } = traceRead(read, program, {
    registry,
    expression,
    assume,
    family,
    reply: false,
    ...(options.local === undefined ? {} : { local: options.local }),
    ...(options.pick === undefined ? {} : { pick: options.pick }),
  });
  if (!traced) return refused ? { refused } : { couldNotLook: couldNotLook ?? '' };
  const road = roadOf(
    graph,
    waysOf(traced.ways).map((w) => w.branch.trace),
  );
  if (couldNotLook !== undefined) problems.push(couldNotLook);
  return resultOf({ ...base, traced, road });
}

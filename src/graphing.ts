/** The way in for those who draw a ruleset: its chains as packets meet them, and the road of one packet. */

export type {
  ActionKind,
  FlowGraph,
  GraphAction,
  GraphCall,
  GraphHook,
  GraphNode,
} from './graph/flow-graph.ts';
export {
  boxesLimit,
  type GraphOptions,
  type GraphResult,
  type GraphWeights,
  graphOf,
  type RulesetGraph,
} from './graph/graph.ts';
export type { Road as GraphRoad } from './graph/road.ts';
export type { Shares as GraphShares } from './graph/shares.ts';
export { defaultRegistry } from './registry.ts';

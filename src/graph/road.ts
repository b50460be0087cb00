/** What a packet passes on its way through a graph. */

import { type Hook, hooks } from '../model/netfilter.ts';
import type { Trace } from '../model/trace.ts';
import { decidedBy } from '../trace/outcome.ts';
import type { FlowGraph } from './flow-graph.ts';

/** Places outside of the hooks that the picture shows. */
export type Place = 'arrives' | 'routing' | 'machine' | 'leaves';

/** The road of a packet, or of all the ways that one packet may take. */
export interface Road {
  readonly nodes: ReadonlySet<string>;
  /** Calls as `FROM TO`, by ids of nodes. */
  readonly calls: ReadonlySet<string>;
  /** From place or hook to place or hook, as `FROM TO`. */
  readonly steps: ReadonlySet<string>;
  /** Nodes in which a rule or policy stopped the packet. */
  readonly stoppedIn: ReadonlySet<string>;
}

/** Finds the road of these ways in the graph. Linear in their events. */
export function roadOf(graph: FlowGraph, traces: readonly Trace[]): Road {
  const nodes = new Set<string>();
  const calls = new Set<string>();
  const steps = new Set<string>();
  const stoppedIn = new Set<string>();
  const boxes = new Map(graph.nodes.flatMap((n) => n.chains.map((c) => [`${n.hook}/${n.table}/${c}`, n.id])));
  for (const trace of traces) {
    let hook: Hook | undefined;
    let last: Place | Hook = trace.entry.kind === 'local' ? 'machine' : 'arrives';
    const boxOf = (table: string, chain: string): string | undefined =>
      boxes.get(`${hook}/${table}/${chain}`);
    const go = (to: Place | Hook): void => {
      for (const step of between(last, to)) steps.add(step);
      last = to;
    };
    for (const event of trace.events) {
      if (event.kind === 'hook') {
        hook = event.hook;
        go(hook);
      } else if (event.kind === 'table') {
        const box = event.skipped === undefined ? boxOf(event.table, event.hook) : undefined;
        if (box !== undefined) nodes.add(box);
      } else if (event.kind === 'rule' && event.to !== undefined) {
        const from = boxOf(event.rule.table, event.rule.chain);
        const to = boxOf(event.rule.table, event.to);
        if (from === undefined || to === undefined) continue;
        nodes.add(to);
        if (from !== to) calls.add(`${from} ${to}`);
      } else if (event.kind === 'route' && event.purpose === 'input') go('routing');
    }
    const { fate } = trace;
    if (fate.kind === 'local') go('machine');
    else if (fate.kind === 'forward' || fate.kind === 'sent') go('leaves');
    else {
      const at = decidedBy(trace);
      const box = at && boxOf(at.table, at.chain);
      if (box !== undefined) stoppedIn.add(box);
    }
  }
  return { nodes, calls, steps, stoppedIn };
}

/** The arrows of the picture between two places that a trace names one after the other. */
function between(from: Place | Hook, to: Place | Hook): readonly string[] {
  if (from === to) return [];
  const arrow = (a: string, b: string): string => `${a} ${b}`;
  if (from === 'PREROUTING' && (to === 'INPUT' || to === 'FORWARD'))
    return [arrow('PREROUTING', 'routing'), arrow('routing', to)];
  // What goes out by lo comes in again: the picture has one way in.
  if (from === 'POSTROUTING' && to === 'PREROUTING') return [arrow('arrives', 'PREROUTING')];
  return [arrow(from, to)];
}

/** Names of the pieces of a picture that a road may light. */
export const pictureParts = {
  node: (id: string): string => `node ${id}`,
  call: (from: string, to: string): string => `call ${from} ${to}`,
  step: (from: Place | Hook, to: Place | Hook): string => `step ${from} ${to}`,
  /** The piece of a hook's own road above its n-th built-in chain, from 0; the last one is below all of them. */
  spine: (hook: Hook, index: number): string => `spine ${hook} ${index}`,
} as const;

/** The {@link pictureParts} that a road lights. */
export function litParts(graph: FlowGraph, road: Road): ReadonlySet<string> {
  const lit = new Set<string>();
  for (const id of road.nodes) lit.add(pictureParts.node(id));
  for (const call of road.calls) lit.add(`call ${call}`);
  for (const step of road.steps) lit.add(`step ${step}`);
  const steps = [...road.steps];
  for (const { hook } of graph.hooks) {
    const entered = steps.some((s) => s.endsWith(` ${hook}`));
    const left = steps.some((s) => s.startsWith(`${hook} `));
    const here = graph.nodes.filter((n) => n.hook === hook);
    const stopped = here.some((n) => road.stoppedIn.has(n.id));
    const bases = here.filter((n) => n.builtin);
    bases.forEach(({ id }, i) => {
      if (road.nodes.has(id)) lit.add(pictureParts.spine(hook, i));
    });
    if (left || (entered && !stopped)) lit.add(pictureParts.spine(hook, bases.length));
  }
  return lit;
}

/** The arrows between hooks and places, the same for every ruleset. */
export const flowSteps: readonly (readonly [Place | Hook, Place | Hook])[] = [
  ['arrives', 'PREROUTING'],
  ['PREROUTING', 'routing'],
  ['routing', 'INPUT'],
  ['routing', 'FORWARD'],
  ['INPUT', 'machine'],
  ['machine', 'OUTPUT'],
  ['OUTPUT', 'POSTROUTING'],
  ['FORWARD', 'POSTROUTING'],
  ['POSTROUTING', 'leaves'],
];

/** What the places are called; hooks are called by their own names. */
export const placeWords: Readonly<Record<Place, string>> = {
  arrives: 'packets arrive',
  routing: 'routing decision',
  machine: 'this machine',
  leaves: 'packets leave',
};

/** Hooks and places in the order of the flow. */
export const flowOrder: readonly (Place | Hook)[] = [
  'arrives',
  hooks[0],
  'routing',
  hooks[1],
  hooks[2],
  'machine',
  hooks[3],
  hooks[4],
  'leaves',
];

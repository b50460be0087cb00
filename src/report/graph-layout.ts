/** Where the boxes and arrows of a graph go, in pixels. The order within a table is the layout library's, the rest ours. */

import { Graph, layout } from '@dagrejs/dagre';
import type { FlowGraph, GraphCall, GraphHook, GraphNode } from '../graph/flow-graph.ts';
import { flowSteps, type Place } from '../graph/road.ts';
import type { Hook } from '../model/netfilter.ts';
import { terminalWidth } from './escape-terminal.ts';
import { actionPieces, callLabel, type Piece, sizePieces } from './graph-words.ts';

/** A point; y grows downwards. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle by its upper left corner. */
export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}

/** A table within a hook's panel. */
interface PlacedTable extends Rectangle {
  readonly table: string;
}

/** A hook with all that stands in it. */
interface Panel extends Rectangle {
  readonly hook: GraphHook;
  readonly tables: readonly PlacedTable[];
}

/** An arrow along these points, the first and last at the boxes' edges. */
export interface PlacedCall {
  readonly call: GraphCall;
  readonly points: readonly Point[];
  /** Middle of the label, if there is one. */
  readonly label: Point | undefined;
}

/** An arrow between hooks and places, by straight lines. */
interface PlacedStep {
  readonly from: Place | Hook;
  readonly to: Place | Hook;
  readonly points: readonly Point[];
}

/** The picture, measured. */
export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly panels: readonly Panel[];
  readonly places: ReadonlyMap<Place, Rectangle>;
  readonly nodes: readonly (Rectangle & { readonly node: GraphNode })[];
  readonly calls: readonly PlacedCall[];
  readonly steps: readonly PlacedStep[];
  /** The way through the built-in chains of each panel, from its upper to its lower edge. */
  readonly spines: readonly { readonly hook: Hook; readonly points: readonly Point[] }[];
}

/** Pixels of one character of a box's name and of its small print. */
export const characterWidth = { name: 7.3, small: 6.3, label: 5.8 } as const;
/** Pixels between two pieces of small print. */
export const pieceGap = 8;
/** Pixels from the road to the name of a hook, at its right. */
export const titleGap = 14;
/** Characters of a name; longer ones are cut. */
export const nameColumnsMax = 30;

const size = {
  paddingX: 12,
  nodeMin: 160,
  roadInset: 75,
  titleWidth: 118,
  lineHeight: 16,
  nodePadding: 9,
  panelPadding: 16,
  panelHead: 34,
  tableHead: 22,
  tableGap: 14,
  columnGap: 44,
  stepGap: 38,
  placeWidth: 150,
  placeHeight: 34,
} as const;

/** Lines of a box below its name. */
function lineCount(node: GraphNode): number {
  return actionPieces(node).length === 0 ? 1 : 2;
}

/** Pixels of a line of small print; capitals are wider than the rest. */
function piecesWidth(pieces: readonly Piece[]): number {
  const capitals = (text: string): number => text.replace(/[^A-Z]/g, '').length;
  const widthOf = ({ text }: Piece): number =>
    terminalWidth(text) * characterWidth.small + 1.6 * capitals(text);
  return pieces.reduce((sum, p) => sum + widthOf(p) + pieceGap, -pieceGap);
}

function nodeWidth(node: GraphNode): number {
  const name = Math.min(nameColumnsMax, terminalWidth(node.name)) * characterWidth.name;
  const small = Math.max(piecesWidth(sizePieces(node)), piecesWidth(actionPieces(node)));
  return Math.ceil(Math.max(size.nodeMin, name + 2 * size.paddingX, small + 2 * size.paddingX));
}

/** What a panel says in its upper right corner. */
export function panelNote({ tables, idle }: GraphHook): string {
  if (tables.length === 0) return 'no rules: all pass';
  return idle.length === 0 ? '' : `no rules in ${idle.join(', ')}`;
}

/** A panel with its parts relative to its own corner. */
interface Draft {
  readonly hook: GraphHook;
  readonly width: number;
  readonly height: number;
  readonly tables: readonly PlacedTable[];
  readonly nodes: readonly (Rectangle & { readonly node: GraphNode })[];
  readonly calls: readonly PlacedCall[];
  readonly spine: readonly Point[];
  /** Where the road comes in and goes out, from the left. */
  readonly spineX: number;
}

function draftPanel(graph: FlowGraph, hook: GraphHook): Draft {
  const mine = graph.nodes.filter((n) => n.hook === hook.hook);
  const width = mine.reduce<number>((most, n) => Math.max(most, nodeWidth(n)), size.nodeMin);
  const left = size.panelPadding + 8;
  const spineX = left + size.roadInset;
  const nodes: (Rectangle & { node: GraphNode })[] = [];
  const calls: PlacedCall[] = [];
  const tables: PlacedTable[] = [];
  const spine: Point[] = [{ x: spineX, y: 0 }];
  let y: number = size.panelHead;
  const note = terminalWidth(panelNote(hook)) * characterWidth.small;
  const titled = spineX + titleGap + size.titleWidth + note;
  let right = Math.max(left + width + 8, titled);
  for (const table of hook.tables) {
    const inTable = mine.filter((n) => n.table === table);
    const drawn = layoutTable(graph, inTable, width);
    const top = y + size.tableHead;
    for (const box of drawn.nodes) nodes.push({ ...box, x: box.x + left, y: box.y + top });
    const base = drawn.nodes.find((n) => n.node.builtin);
    if (base) {
      spine.push({ x: spineX, y: top + base.y });
      spine.push({ x: spineX, y: top + base.y + base.height });
    }
    const moved = (p: Point): Point => ({ x: p.x + left, y: p.y + top });
    for (const c of drawn.calls)
      calls.push({ call: c.call, points: c.points.map(moved), label: c.label && moved(c.label) });
    const height = size.tableHead + drawn.height + 10;
    tables.push({ table, x: size.panelPadding, y, width: 0, height });
    right = Math.max(right, left + drawn.width + 8);
    y += height + size.tableGap;
  }
  const height = hook.tables.length === 0 ? size.panelHead : y;
  spine.push({ x: spineX, y: height });
  return {
    hook,
    width: right + size.panelPadding,
    height,
    tables: tables.map((t) => ({ ...t, width: right - size.panelPadding })),
    nodes,
    calls,
    spine,
    spineX,
  };
}

interface TableLayout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly (Rectangle & { readonly node: GraphNode })[];
  readonly calls: readonly PlacedCall[];
}

/** Callers to the left of what they call, from the library; all boxes of one width, so that columns are straight. */
function layoutTable(graph: FlowGraph, nodes: readonly GraphNode[], width: number): TableLayout {
  const ids = new Set(nodes.map((n) => n.id));
  const calls = graph.calls.filter((c) => ids.has(c.from) && ids.has(c.to) && c.from !== c.to);
  const g = new Graph({ directed: true });
  g.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 44, edgesep: 10, marginx: 0, marginy: 0 });
  g.setDefaultEdgeLabel(() => ({}));
  // The library puts what it is told of last at the top: told backwards, chains stand in the order of their rules.
  for (const node of nodes.toReversed()) {
    const height = size.lineHeight * (1 + lineCount(node)) + 2 * size.nodePadding;
    g.setNode(node.id, { width, height });
  }
  for (const call of calls.toReversed()) {
    const label = callLabel(call);
    const labelWidth = label === '' ? 0 : terminalWidth(label) * characterWidth.label + 8;
    g.setEdge(call.from, call.to, { width: labelWidth, height: label === '' ? 0 : 14, labelpos: 'c' });
  }
  layout(g);
  const placed = nodes.map((node) => {
    const { x, y, height } = g.node(node.id) as { x: number; y: number; height: number };
    return { node, x: x - width / 2, y: y - height / 2, width, height };
  });
  const boxes = new Map(placed.map((box) => [box.node.id, box]));
  const drawn = calls.map((call): PlacedCall => {
    const edge = g.edge(call.from, call.to) as { points: readonly Point[]; x?: number; y?: number };
    const label =
      callLabel(call) === '' || edge.x === undefined || edge.y === undefined
        ? undefined
        : { x: edge.x, y: edge.y };
    const from = boxes.get(call.from) as Rectangle;
    const to = boxes.get(call.to) as Rectangle;
    const back = from.x > to.x;
    const points = [
      sideOf(from, back ? 'left' : 'right'),
      ...edge.points.slice(1, -1).map(({ x, y }) => ({ x, y })),
      sideOf(to, back ? 'right' : 'left'),
    ];
    return { call, points, label };
  });
  const corners = [
    ...placed.map((n) => ({ x: n.x + n.width, y: n.y + n.height })),
    ...drawn.flatMap((c) => c.points),
  ];
  return {
    width: Math.max(0, ...corners.map((p) => p.x)),
    height: Math.max(0, ...corners.map((p) => p.y)),
    nodes: placed,
    calls: drawn,
  };
}

/** The middle of a side. */
function sideOf({ x, y, width, height }: Rectangle, side: 'left' | 'right'): Point {
  return { x: side === 'left' ? x : x + width, y: y + height / 2 };
}

/**
 * Measures the whole picture. On the left what is for this machine and what it sends, on the right what goes through it;
 * the built-in chains of the left stand below each other, so that the main road is one straight line.
 */
export function layoutGraph(graph: FlowGraph): GraphLayout {
  const drafts = new Map(graph.hooks.map((h) => [h.hook, draftPanel(graph, h)]));
  const draft = (hook: Hook): Draft => drafts.get(hook) as Draft;
  const left = (['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'] as const).map(draft);
  const spineX = Math.max(size.placeWidth / 2, ...left.map((d) => d.spineX));
  const endOf = (hook: Hook): number => spineX - draft(hook).spineX + draft(hook).width;
  // A wide OUTPUT goes below FORWARD, if that makes the picture narrower.
  const below = endOf('OUTPUT') > endOf('INPUT') + size.placeWidth;
  const forwardX = (below ? endOf('INPUT') : Math.max(endOf('INPUT'), endOf('OUTPUT'))) + size.columnGap;

  const panels: Panel[] = [];
  const nodes: (Rectangle & { node: GraphNode })[] = [];
  const calls: PlacedCall[] = [];
  const spines: { hook: Hook; points: readonly Point[] }[] = [];
  const places = new Map<Place, Rectangle>();
  const spots = new Map<Place | Hook, Rectangle>();

  /** Sets a panel down; the next thing may begin below the y that comes back. */
  const putPanel = (hook: Hook, x: number, y: number): number => {
    const d = draft(hook);
    const moved = <T extends Point>(p: T): T => ({ ...p, x: p.x + x, y: p.y + y });
    const panel = { hook: d.hook, x, y, width: d.width, height: d.height, tables: d.tables.map(moved) };
    panels.push(panel);
    spots.set(hook, panel);
    nodes.push(...d.nodes.map(moved));
    for (const c of d.calls)
      calls.push({ call: c.call, points: c.points.map(moved), label: c.label && moved(c.label) });
    spines.push({ hook, points: d.spine.map(moved) });
    return y + d.height + size.stepGap;
  };
  const putPlace = (place: Place, y: number): number => {
    const { placeWidth: width, placeHeight: height } = size;
    const box = { x: spineX - width / 2, y, width, height };
    places.set(place, box);
    spots.set(place, box);
    return y + height + size.stepGap;
  };
  const putLeft = (hook: Hook, y: number): number => putPanel(hook, spineX - draft(hook).spineX, y);

  let y = putPlace('arrives', 0);
  y = putLeft('PREROUTING', y);
  y = putPlace('routing', y);
  const forwardEnd = putPanel('FORWARD', forwardX, y);
  y = putLeft('INPUT', y);
  y = putPlace('machine', y);
  y = putLeft('OUTPUT', below ? Math.max(y, forwardEnd) : y);
  y = putLeft('POSTROUTING', Math.max(y, forwardEnd));
  y = putPlace('leaves', y);

  const forwardSpine = forwardX + draft('FORWARD').spineX;
  const steps = flowSteps.map(([from, to]): PlacedStep => {
    const a = spots.get(from) as Rectangle;
    const b = spots.get(to) as Rectangle;
    const start = a.y + a.height;
    if (to === 'FORWARD') {
      const middle = a.y + a.height / 2;
      return {
        from,
        to,
        points: [
          { x: a.x + a.width, y: middle },
          { x: forwardSpine, y: middle },
          { x: forwardSpine, y: b.y },
        ],
      };
    }
    if (from === 'FORWARD') {
      const middle = b.y - size.stepGap / 2;
      const around = Math.max(forwardX + draft('FORWARD').width, endOf('OUTPUT')) + size.stepGap / 2;
      const out = start + size.stepGap / 2;
      return {
        from,
        to,
        points: [
          { x: forwardSpine, y: start },
          ...(below
            ? [
                { x: forwardSpine, y: out },
                { x: around, y: out },
                { x: around, y: middle },
              ]
            : []),
          ...(below ? [] : [{ x: forwardSpine, y: middle }]),
          { x: spineX, y: middle },
          { x: spineX, y: b.y },
        ],
      };
    }
    return {
      from,
      to,
      points: [
        { x: spineX, y: start },
        { x: spineX, y: b.y },
      ],
    };
  });
  return {
    width: Math.max(
      spineX + size.placeWidth / 2,
      ...panels.map((p) => p.x + p.width),
      ...steps.flatMap((s) => s.points.map((p) => p.x)),
    ),
    height: y - size.stepGap,
    panels,
    places,
    nodes,
    calls,
    steps,
    spines,
  };
}

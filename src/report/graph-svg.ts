/** A graph as a picture: one SVG file, readable on light and on dark ground, without anything from elsewhere. */

import type { GraphCall } from '../graph/flow-graph.ts';
import type { RulesetGraph } from '../graph/graph.ts';
import { litParts, type Place, pictureParts, placeWords } from '../graph/road.ts';
import { terminalCells, terminalWidth } from './escape-terminal.ts';
import { escapeXml, xmlElement } from './escape-xml.ts';
import {
  characterWidth,
  type GraphLayout,
  layoutGraph,
  nameColumnsMax,
  type PlacedCall,
  type Point,
  panelNote,
  pieceGap,
  type Rectangle,
  titleGap,
} from './graph-layout.ts';
import {
  actionPieces,
  callLabel,
  callTitle,
  graphHeading,
  graphNotes,
  nodeTitle,
  type Piece,
  roadWords,
  sizePieces,
} from './graph-words.ts';

/** Colours by what they mean: light ground, dark ground. */
const palette = {
  ground: ['#ffffff', '#0f1318'],
  panel: ['#f5f7fa', '#171c23'],
  panelEdge: ['#d5dbe3', '#2b333d'],
  table: ['#ffffff', '#11161c'],
  box: ['#ffffff', '#1d242d'],
  boxEdge: ['#a9b4c2', '#465261'],
  base: ['#e9f0fa', '#1b2a40'],
  baseEdge: ['#6b8fc4', '#4d77b5'],
  text: ['#1c2430', '#e2e8f0'],
  faint: ['#5d6978', '#93a1b2'],
  line: ['#8d99a8', '#66727f'],
  accept: ['#1a7f37', '#4cc26b'],
  drop: ['#c62828', '#ff7b72'],
  nat: ['#7a3fc0', '#c297ff'],
  road: ['#e36209', '#ffa657'],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

/** The style sheet for one ground. */
function sheet(ground: 0 | 1): string {
  const c = (name: keyof typeof palette): string => palette[name][ground];
  return [
    `.ground{fill:${c('ground')}}.panel{fill:${c('panel')};stroke:${c('panelEdge')}}.table{fill:${c('table')};stroke:${c('panelEdge')}}`,
    `.box{fill:${c('box')};stroke:${c('boxEdge')}}.base{fill:${c('base')};stroke:${c('baseEdge')}}.place{fill:${c('text')}}`,
    `text{fill:${c('text')}}.faint{fill:${c('faint')}}.accept{fill:${c('accept')}}.drop{fill:${c('drop')}}.nat{fill:${c('nat')}}.onplace{fill:${c('ground')}}`,
    `.line{stroke:${c('line')}}.tip{fill:${c('line')}}.under{fill:${c('table')}}`,
    `.lit .box,.lit .base,.lit .line{stroke:${c('road')}}.lit .tip{fill:${c('road')}}.stop{stroke:${c('drop')}}`,
  ].join('');
}

const common = [
  'text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}',
  '.name{font:600 12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}',
  '.hook{font-size:14px;font-weight:700}.heading{font-size:15px;font-weight:600}',
  '.line{fill:none;stroke-width:1.4}.line.goto{stroke-dasharray:5 3}.spine{stroke-width:2.4}',
  '.lit .box,.lit .base{stroke-width:2.4}.lit .line{stroke-width:3}.stop{fill:none;stroke-width:2.4;stroke-dasharray:4 3}',
  '.dim{opacity:.5}',
].join('');

const margin = 24;
const headLine = 20;
/** Small print of 11 pixels is hard to read below eight. */
const scaleMin = 0.75;

/** The style of pictures, for light and dark ground: of a whole document, where they stand in one. */
export const graphStyle = `${common}${sheet(0)}@media (prefers-color-scheme:dark){${sheet(1)}}`;

/** Prints the picture. The same bytes for the same graph. */
export function printGraphSvg(drawn: RulesetGraph): string {
  const layout = layoutGraph(drawn.graph);
  const road = roadWords(drawn);
  const head = [
    textElement(graphHeading(drawn), { x: 0, y: 0 }, 'heading'),
    ...road.map((piece, i) =>
      textElement(piece.text, { x: 0, y: (i + 1) * headLine }, piece.tone === 'plain' ? 'faint' : piece.tone),
    ),
  ];
  const notes = [...graphNotes(drawn), legend(drawn)];
  const top = margin + 12 + head.length * headLine;
  const bottom = top + layout.height + 2 * margin;
  const words = [graphHeading(drawn), ...road.map((p) => p.text), ...notes];
  const widest = Math.max(...words.map((w, i) => terminalWidth(w) * (i === 0 ? 9 : characterWidth.small)));
  const width = Math.ceil(Math.max(layout.width, widest) + 2 * margin);
  const height = Math.ceil(bottom + notes.length * headLine);
  return `${svgElement(width, height, graphHeading(drawn), [
    `<style>${graphStyle}</style>`,
    xmlElement('rect', { class: 'ground', width, height }),
    group(margin, margin + 12, head),
    group(margin, top, drawing(drawn, layout, false)),
    group(
      margin,
      bottom,
      notes.map((note, i) => textElement(note, { x: 0, y: i * headLine }, 'faint')),
    ),
  ])}\n`;
}

/**
 * The picture alone, without head, notes and style, for a page that has {@link graphStyle}. Whatever a road may light
 * is a `g` with its name of {@link pictureParts} in `data-part`, an arrow and its label one each; frames of stopped packets are there for every box.
 *
 * @param room pixels that the page has for it: wider pictures are made smaller, as far as they can still be read
 */
export function printGraphDrawing(drawn: RulesetGraph, room: number): string {
  const layout = layoutGraph(drawn.graph);
  const width = Math.ceil(layout.width + 2 * margin);
  const height = Math.ceil(layout.height + 2 * margin);
  const scale = Math.min(1, Math.max(room / width, scaleMin));
  return svgElement(
    width,
    height,
    graphHeading(drawn),
    [group(margin, margin, drawing(drawn, layout, true))],
    scale,
  );
}

function svgElement(
  width: number,
  height: number,
  title: string,
  content: readonly string[],
  scale = 1,
): string {
  return xmlElement(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width: Math.ceil(width * scale),
      height: Math.ceil(height * scale),
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
    },
    [xmlElement('title', {}, [escapeXml(title)]), ...content],
  );
}

function legend({ road }: RulesetGraph): string {
  return [
    'boxes: chains, blue where the kernel begins; arrows: jumps, dashed for goto',
    road === undefined ? '' : 'orange: the packet’s road',
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** Coordinates with at most one decimal, so that no computer's last bit is seen. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function group(x: number, y: number, content: readonly string[]): string {
  return xmlElement('g', { transform: `translate(${px(x)} ${px(y)})` }, content);
}

function textElement(text: string, at: Point, className: string, anchor?: 'middle' | 'end'): string {
  const attributes = { x: px(at.x), y: px(at.y), class: className, 'text-anchor': anchor };
  return xmlElement('text', attributes).replace(/\/>$/, `>${escapeXml(text)}</text>`);
}

function rectangle({ x, y, width, height }: Rectangle, className: string, radius: number): string {
  return xmlElement('rect', {
    class: className,
    x: px(x),
    y: px(y),
    width: px(width),
    height: px(height),
    rx: radius,
  });
}

function polyline(points: readonly Point[], className: string): string {
  const d = points.map((p, i) => `${i === 0 ? 'M' : 'L'}${px(p.x)} ${px(p.y)}`).join('');
  return xmlElement('path', { class: `line ${className}`, d });
}

/** A triangle whose point is at the end of the line. */
function tip(points: readonly Point[]): string {
  const end = points.at(-1) as Point;
  const before = points.at(-2) ?? end;
  const length = Math.hypot(end.x - before.x, end.y - before.y) || 1;
  const dx = (end.x - before.x) / length;
  const dy = (end.y - before.y) / length;
  const corner = (side: 1 | -1): string =>
    `${px(end.x - dx * 9 - side * dy * 4.5)} ${px(end.y - dy * 9 + side * dx * 4.5)}`;
  return xmlElement('path', {
    class: 'tip',
    d: `M${px(end.x)} ${px(end.y)}L${corner(1)}L${corner(-1)}Z`,
  });
}

/** A smooth line through the middles of the library's points, level at both ends. */
function curve(points: readonly Point[]): string {
  const first = points[0] as Point;
  const last = points.at(-1) as Point;
  const stops = [first, ...points.slice(1, -1), { x: last.x - 7 * direction(points), y: last.y }];
  let d = `M${px(first.x)} ${px(first.y)}`;
  for (let i = 1; i < stops.length; i++) {
    const a = stops[i - 1] as Point;
    const b = stops[i] as Point;
    const half = (a.x + b.x) / 2;
    d += `C${px(half)} ${px(a.y)} ${px(half)} ${px(b.y)} ${px(b.x)} ${px(b.y)}`;
  }
  return d;
}

/** 1: the line ends to the right; -1: to the left. */
function direction(points: readonly Point[]): 1 | -1 {
  return (points[0]?.x ?? 0) > (points.at(-1)?.x ?? 0) ? -1 : 1;
}

function cut(name: string, columns: number): string {
  if (terminalWidth(name) <= columns) return name;
  let kept = '';
  let used = 0;
  for (const cell of terminalCells(name)) {
    if (used + cell.columns > columns - 1) break;
    kept += name.slice(cell.offset, cell.offset + cell.text.length);
    used += cell.columns;
  }
  return `${kept}…`;
}

/** Small print: pieces with a gap between them, each in its colour. */
function smallPrint(pieces: readonly Piece[], at: Point): string {
  const spans = pieces.map(
    ({ text, tone }, i) =>
      `<tspan class="${tone === 'plain' ? 'faint' : tone}"${i === 0 ? '' : ` dx="${pieceGap}"`}>${escapeXml(text)}</tspan>`,
  );
  return `<text x="${px(at.x)}" y="${px(at.y)}">${spans.join('')}</text>`;
}

function drawing(drawn: RulesetGraph, layout: GraphLayout, named: boolean): readonly string[] {
  const { road, graph } = drawn;
  const lit = road === undefined ? undefined : litParts(graph, road);
  const part = (name: string, content: readonly string[]): string =>
    xmlElement(
      'g',
      {
        class: lit === undefined ? undefined : lit.has(name) ? 'lit' : 'dim',
        'data-part': named ? name : undefined,
      },
      content,
    );

  const places: ReadonlySet<string> = new Set(layout.places.keys());
  const panels = layout.panels.flatMap((panel) => {
    const { hook, tables } = panel;
    const road = layout.spines.find((spine) => spine.hook === hook.hook)?.points[0]?.x ?? panel.x;
    const note = panelNote(hook);
    return [
      rectangle(panel, 'panel', 10),
      textElement(hook.hook, { x: road + titleGap, y: panel.y + 22 }, 'hook'),
      ...(note === ''
        ? []
        : [textElement(note, { x: panel.x + panel.width - 16, y: panel.y + 22 }, 'faint', 'end')]),
      ...tables.flatMap((t) => [
        rectangle(t, 'table', 7),
        textElement(t.table, { x: t.x + 9, y: t.y + 15 }, 'faint'),
      ]),
    ];
  });
  const steps = layout.steps.map(({ from, to, points }) =>
    part(pictureParts.step(from, to), [polyline(points, 'spine'), ...(places.has(to) ? [tip(points)] : [])]),
  );
  const spines = layout.spines.flatMap(({ hook, points }) => {
    const boxes = layout.nodes.filter((n) => n.node.hook === hook && n.node.builtin);
    return Array.from({ length: Math.floor(points.length / 2) }, (_, i) => {
      const line = [points[2 * i] as Point, points[2 * i + 1] as Point];
      return part(pictureParts.spine(hook, i), [
        polyline(line, 'spine'),
        ...(i < boxes.length ? [tip(line)] : []),
      ]);
    });
  });
  const placeBoxes = [...layout.places].flatMap(([place, box]) => [
    rectangle(box, 'place', 17),
    textElement(
      placeWords[place satisfies Place],
      { x: box.x + box.width / 2, y: box.y + box.height / 2 + 4 },
      'onplace',
      'middle',
    ),
  ]);
  // Labels above all arrows: a line that crosses one would strike it out.
  const calls = [callElements, labelElements].flatMap((elements) =>
    layout.calls.flatMap((c) => {
      const content = elements(c);
      return content.length === 0 ? [] : [part(pictureParts.call(c.call.from, c.call.to), content)];
    }),
  );
  const nodes = layout.nodes.map((box) => {
    const { node } = box;
    const x = box.x + 12;
    const actions = actionPieces(node);
    const behind = { ...box, x: box.x + 4, y: box.y + 4 };
    const around = { x: box.x - 5, y: box.y - 5, width: box.width + 10, height: box.height + 10 };
    return part(pictureParts.node(node.id), [
      `<title>${nodeTitle(node).map(escapeXml).join('\n')}</title>`,
      ...(node.chains.length > 1 ? [rectangle(behind, 'box', 6)] : []),
      rectangle(box, node.builtin ? 'base' : 'box', 6),
      ...(named || road?.stoppedIn.has(node.id) === true ? [rectangle(around, 'stop', 9)] : []),
      textElement(cut(node.name, nameColumnsMax), { x, y: box.y + 20 }, 'name'),
      smallPrint(sizePieces(node), { x, y: box.y + 36 }),
      ...(actions.length > 0 ? [smallPrint(actions, { x, y: box.y + 52 })] : []),
    ]);
  });
  return [...panels, ...steps, ...spines, ...placeBoxes, ...calls, ...nodes];
}

function callElements({ call, points }: PlacedCall): readonly string[] {
  const end = points.at(-1) as Point;
  const level = [{ x: end.x - 9 * direction(points), y: end.y }, end];
  return [
    titleElement(call),
    xmlElement('path', { class: call.goto ? 'line goto' : 'line', d: curve(points) }),
    tip(level),
  ];
}

function labelElements({ call, label }: PlacedCall): readonly string[] {
  const words = callLabel(call);
  if (label === undefined || words === '') return [];
  const width = terminalWidth(words) * characterWidth.label + 8;
  return [
    titleElement(call),
    rectangle({ x: label.x - width / 2, y: label.y - 8, width, height: 15 }, 'under', 3),
    textElement(words, { x: label.x, y: label.y + 4 }, 'faint', 'middle'),
  ];
}

function titleElement(call: GraphCall): string {
  return `<title>${escapeXml(callTitle(call))}</title>`;
}

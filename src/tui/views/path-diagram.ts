/** The flow diagram drawn level: hooks as frames, the road heavy, NAT written above the edge where it happened. */

import { marks, type Road, type RoadHook, type RoadTable, type TableMark } from '../model/road.ts';
import { Canvas, type Stroke } from './canvas.ts';
import type { Tone } from './palette.ts';
import { columnsOf, type Line, span } from './text.ts';

/** How much room the diagram takes for each hook. */
export type DiagramForm = 'tall' | 'flat';

const markTone: Readonly<Record<TableMark, Tone | undefined>> = {
  stopped: 'drop',
  rewrote: 'rewritten',
  accepted: 'accept',
  matched: 'strong',
  passed: undefined,
  skipped: 'faint',
  unreached: 'faint',
};

/** `nat✎`, in brackets where the walk stands. */
function flatTable(table: RoadTable, name: string): Line {
  const { sign } = marks[table.mark];
  const tone = markTone[table.mark];
  const text = `${name}${sign === ' ' ? '' : sign}`;
  return table.here
    ? [span('[', 'strong'), span(text, tone ?? 'strong'), span(']', 'strong')]
    : [span(text, tone)];
}

function flatLine(tables: readonly RoadTable[], nameOf: (t: RoadTable) => string): Line {
  if (tables.length === 0) return [span('no tables', 'faint')];
  return tables.flatMap((t, i) => [...(i > 0 ? [span(' ')] : []), ...flatTable(t, nameOf(t))]);
}

const short = { raw: 'raw', mangle: 'mgl', nat: 'nat', filter: 'flt', security: 'sec' } as const;

interface Content {
  readonly lines: readonly Line[];
  readonly width: number;
}

function widthOf(lines: readonly Line[]): number {
  return Math.max(0, ...lines.map((l) => l.reduce((sum, s) => sum + columnsOf(s.text), 0)));
}

/** What stands in a hook's frame. Flat: one line, the tables that do nothing left out where there is no room. */
function contentOf(hook: RoadHook, form: DiagramForm, brief: 0 | 1 | 2): Content {
  if (form === 'tall') {
    const lines = hook.tables.map((t): Line => {
      const { sign } = marks[t.mark];
      const tone = markTone[t.mark];
      return [
        span(t.here ? '►' : ' ', 'strong'),
        span(t.name.padEnd(8), t.active ? tone : 'faint'),
        span(` ${sign} `, tone),
        span(t.words, t.mark === 'stopped' ? 'drop' : tone),
      ];
    });
    const shown = lines.length === 0 ? [[span(' no tables', 'faint')]] : lines;
    // Room for the longest words, so that frames stay where they are while the packet changes.
    return { lines: shown, width: Math.max(widthOf(shown), 24) };
  }
  const active = hook.tables.filter((t) => t.active || t.here || t.mark === 'rewrote');
  const tables = brief === 0 ? hook.tables : active;
  const line = flatLine(tables, (t) => (brief === 2 ? short[t.name] : t.name));
  return { lines: [line], width: Math.max(widthOf([line]), columnsOf(hook.hook)) };
}

const stroke = (lit: boolean): Stroke => (lit ? 'heavy' : 'thin');

interface Plan {
  readonly contents: Readonly<Record<RoadHook['hook'], Content>>;
  readonly ends: number;
  readonly free: number;
}

/** The widest form of the frames that fits. */
function plan(road: Road, columns: number, form: DiagramForm): Plan {
  const ends = Math.max(
    6,
    Math.min(12, columnsOf(road.inInterface) + 2),
    Math.min(12, columnsOf(road.outInterface) + 2),
  );
  let made: Plan | undefined;
  for (const brief of [0, 1, 2] as const) {
    const of = (hook: RoadHook['hook']): Content => contentOf(road.hooks[hook], form, brief);
    const contents = {
      PREROUTING: of('PREROUTING'),
      INPUT: of('INPUT'),
      FORWARD: of('FORWARD'),
      OUTPUT: of('OUTPUT'),
      POSTROUTING: of('POSTROUTING'),
    };
    const frames = contents.PREROUTING.width + contents.FORWARD.width + contents.POSTROUTING.width + 6;
    const below =
      ends + contents.PREROUTING.width + 2 + 6 + contents.INPUT.width + 2 + 13 + contents.OUTPUT.width + 2;
    made = { contents, ends, free: columns - frames - 2 * ends - 11 };
    if (made.free >= 0 && below <= columns) return made;
  }
  return made as Plan;
}

/** Draws the diagram into these columns; `undefined` if it does not fit. */
export function pathDiagram(road: Road, columns: number, form: DiagramForm): readonly Line[] | undefined {
  const { contents, ends, free } = plan(road, columns, form);
  if (free < 0) return undefined;
  const { hooks: roadHooks, edges } = road;
  const upperLines = Math.max(
    ...(['PREROUTING', 'FORWARD', 'POSTROUTING'] as const).map((h) => contents[h].lines.length),
  );
  const lowerLines = Math.max(...(['INPUT', 'OUTPUT'] as const).map((h) => contents[h].lines.length));
  const canvas = new Canvas(columns, 1 + upperLines + 2 + 1 + lowerLines + 2);
  const top = 1;
  const middle = top + 1 + Math.floor((upperLines - 1) / 2);
  const lowerTop = top + upperLines + 3;
  const lowerMiddle = lowerTop + 1 + Math.floor((lowerLines - 1) / 2);

  const frame = (hook: RoadHook['hook'], x: number, y: number, lines: number): number => {
    const { width, lines: text } = contents[hook];
    const state = roadHooks[hook];
    canvas.frame(x, y, width + 2, lines + 2, hook, stroke(state.passed));
    text.forEach((line, i) => {
      canvas.line(x + 1, y + 1 + i, line);
    });
    return x + width + 2;
  };

  // Upper row: in, PREROUTING, routing, FORWARD, POSTROUTING, out.
  const spread = Math.min(free, 24);
  const gapForward = 7 + Math.ceil(spread / 2);
  const gapPost = 4 + Math.floor(spread / 2);
  const pre = ends;
  const preEnd = pre + contents.PREROUTING.width + 2;
  const routing = preEnd + 3;
  const forward = preEnd + gapForward;
  const forwardEnd = forward + contents.FORWARD.width + 2;
  const post = forwardEnd + gapPost;
  const postEnd = post + contents.POSTROUTING.width + 2;

  canvas.text(0, middle - 1, road.inInterface.slice(0, ends - 1), edges.has('in') ? 'strong' : 'faint');
  canvas.across(0, middle, ends, stroke(edges.has('in')));
  frame('PREROUTING', pre, top, upperLines);
  const toRouting = edges.has('routing') || roadHooks.PREROUTING.passed;
  canvas.across(preEnd, middle, 3, stroke(toRouting && road.routing !== undefined), false);
  canvas.text(routing, middle, '◆', road.hereRouting ? 'cursor' : edges.has('routing') ? 'strong' : 'faint');
  canvas.across(routing + 1, middle, forward - routing - 1, stroke(edges.has('to-forward')));
  frame('FORWARD', forward, top, upperLines);
  canvas.across(forwardEnd, middle, gapPost, stroke(edges.has('forward-to-postrouting')));
  frame('POSTROUTING', post, top, upperLines);
  const outWidth = Math.min(columns - postEnd, ends);
  canvas.across(postEnd, middle, outWidth, stroke(edges.has('out')));
  canvas.text(
    postEnd + 1,
    middle - 1,
    road.outInterface.slice(0, outWidth - 1),
    edges.has('out') ? 'strong' : 'faint',
  );

  // Lower row: down from routing to INPUT, the process, OUTPUT, up to POSTROUTING.
  const input = routing + 3;
  const lit = stroke(edges.has('to-input'));
  canvas.down(routing, middle + 1, lowerMiddle - middle - 1, lit);
  canvas.corner(routing, lowerMiddle, lit);
  canvas.across(routing + 1, lowerMiddle, 2, lit);
  const inputEnd = frame('INPUT', input, lowerTop, lowerLines);
  const outputWidth = contents.OUTPUT.width + 2;
  // OUTPUT stands below POSTROUTING where it can, so that the edge up is straight.
  const output = Math.min(Math.max(inputEnd + 13, post + 1), columns - outputWidth);
  canvas.across(inputEnd, lowerMiddle, 3, stroke(edges.has('to-process')));
  const process = 'process';
  canvas.text(inputEnd + 3, lowerMiddle, process, road.startsHere || road.endsHere ? 'strong' : 'faint');
  const afterProcess = inputEnd + 3 + process.length;
  canvas.across(afterProcess, lowerMiddle, output - afterProcess, stroke(edges.has('from-process')));
  frame('OUTPUT', output, lowerTop, lowerLines);
  const upEdge = Math.min(Math.max(output + 2, post + 2), postEnd - 2, output + outputWidth - 2);
  const upLit = edges.has('output-to-postrouting');
  canvas.down(upEdge, top + upperLines + 2, 1, stroke(upLit));
  canvas.text(upEdge, top + upperLines + 1, '▲', upLit ? 'strong' : 'faint');

  // What NAT did, above the edge behind the hook where it happened.
  const write = (hook: RoadHook['hook'], x: number, y: number, room: number): void => {
    const text = roadHooks[hook].rewriting;
    if (text === undefined) return;
    const words = `✎ ${text}`;
    canvas.text(
      Math.max(0, Math.min(x, columns - columnsOf(words))),
      y,
      words.slice(0, Math.max(room, 0)),
      'rewritten',
    );
  };
  write('PREROUTING', pre + 2, 0, columns);
  write(
    'POSTROUTING',
    Math.max(post, pre + 2 + columnsOf(`✎ ${roadHooks.PREROUTING.rewriting ?? ''}`) + 2),
    0,
    columns,
  );
  write('OUTPUT', output, lowerTop - 1, upEdge - output);
  write('INPUT', input, lowerTop - 1, columns);
  if (road.routing !== undefined && road.routing !== 'out' && roadHooks.INPUT.rewriting === undefined)
    canvas.text(routing + 2, lowerTop - 1, road.routing.slice(0, Math.max(0, upEdge - routing - 3)), 'faint');
  return canvas.lines();
}

/** The road as a list from top to bottom, for terminals that are too narrow to draw it level. */

import type { Hook } from '../../model/netfilter.ts';
import { marks, type Road, type RoadHook } from '../model/road.ts';
import { type Line, type Span, span } from './text.ts';

function tablesText(hook: RoadHook): readonly Span[] {
  const shown = hook.tables.filter((t) => t.active || t.here || t.mark === 'rewrote');
  if (shown.length === 0) return [span(hook.passed ? 'no rules' : '', 'faint')];
  return shown.flatMap((t, i): Span[] => {
    const { sign } = marks[t.mark];
    const tone =
      t.mark === 'stopped'
        ? 'drop'
        : t.mark === 'rewrote'
          ? 'rewritten'
          : t.mark === 'accepted'
            ? 'accept'
            : t.mark === 'unreached'
              ? 'faint'
              : undefined;
    const text = `${t.name}${sign === ' ' ? '' : sign}`;
    return [...(i > 0 ? [span(' ')] : []), span(t.here ? `[${text}]` : text, tone)];
  });
}

function hookLine(hook: RoadHook, edge: string): Line {
  const name = hook.hook.padEnd(12);
  return [
    span(` ${edge} `, hook.passed ? 'strong' : 'faint'),
    span(`${hook.here ? '►' : ' '}${name}`, hook.passed ? 'strong' : 'faint'),
    ...tablesText(hook),
    ...(hook.rewriting === undefined ? [] : [span(`  ✎ ${hook.rewriting}`, 'rewritten')]),
  ];
}

/** Seven or eight lines: ends, hooks and the routing decision, in the order of the kernel. */
export function pathList(road: Road): readonly Line[] {
  const { hooks, edges } = road;
  const edge = (hook: Hook): string => (hooks[hook].passed ? '┃' : '│');
  const lines: Line[] = [];
  lines.push([
    span(` ${edges.has('in') ? '▼' : '│'} `, edges.has('in') ? 'strong' : 'faint'),
    span(
      road.startsHere && !road.viaLoopback ? 'in' : `in by ${road.inInterface}`,
      edges.has('in') ? undefined : 'faint',
    ),
  ]);
  lines.push(hookLine(hooks.PREROUTING, edge('PREROUTING')));
  lines.push([
    span(` ${edges.has('routing') ? '◆' : '·'} `, edges.has('routing') ? 'strong' : 'faint'),
    span(
      `${road.hereRouting ? '►' : ' '}routing     ${road.routing ?? ''}`,
      edges.has('routing') ? undefined : 'faint',
    ),
  ]);
  lines.push(hookLine(hooks.INPUT, edge('INPUT')));
  lines.push([
    span(
      ` ${road.endsHere || road.startsHere ? '●' : '·'} `,
      road.endsHere || road.startsHere ? 'strong' : 'faint',
    ),
    span(
      road.endsHere ? ' process     gets it' : road.startsHere ? ' process     sent it' : ' process',
      road.endsHere || road.startsHere ? undefined : 'faint',
    ),
  ]);
  lines.push(hookLine(hooks.OUTPUT, edge('OUTPUT')));
  lines.push(hookLine(hooks.FORWARD, edge('FORWARD')));
  lines.push(hookLine(hooks.POSTROUTING, edge('POSTROUTING')));
  if (edges.has('out')) lines.push([span(' ▼ ', 'strong'), span(`out by ${road.outInterface}`)]);
  return lines;
}

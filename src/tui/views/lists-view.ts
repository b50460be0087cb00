/** The other screens as lines: fields and presets of the packet, the conversation, the keys. */

import { entryText } from '../../report/trace-flow.ts';
import { fateWords, packetDetails, packetText } from '../../report/trace-words.ts';
import { decidedBy } from '../../trace/outcome.ts';
import { helpRows } from '../model/help.ts';
import { fieldText, packetFields } from '../state/packet-fields.ts';
import { presets } from '../state/presets.ts';
import type { State } from '../state/state.ts';
import type { World } from '../state/world.ts';
import { type Line, span, wrapText } from './text.ts';

/** What stands in front of a row of a list. */
export const pointer = (selected: boolean): string => (selected ? '> ' : '  ');

/** Fields with what the line says or what was taken for them, then the presets. */
export function packetLines(world: World, state: State, from: number, count: number): readonly Line[] {
  const { answer } = state;
  const list = presets(world, state.cursor.name.family);
  const lines: Line[] = [];
  for (let row = from; row < Math.min(from + count, packetFields.length + list.length); row++) {
    const selected = row === state.rows.packet;
    const field = packetFields[row];
    if (!field) {
      const preset = list[row - packetFields.length];
      if (!preset) continue;
      lines.push([
        span(pointer(selected), 'strong'),
        span('preset         ', 'faint'),
        span(preset.title.padEnd(38), selected ? 'cursor' : undefined),
        span(` ${preset.line}`, 'faint'),
      ]);
      continue;
    }
    const given = fieldText(state.packet, field);
    const taken = answer.kind === 'walked' ? field.read(answer.packet, answer.entry) : '';
    lines.push([
      span(pointer(selected), 'strong'),
      span(field.name.padEnd(15)),
      span((given ?? taken).padEnd(24), selected ? 'cursor' : given === undefined ? 'faint' : 'strong'),
      span(given === undefined ? (taken === '' ? '' : ' default') : ` ${field.option}`, 'faint'),
    ]);
  }
  return lines;
}

/** One line for each packet of the conversation. */
export function flowLines(world: World, state: State, from: number, count: number): readonly Line[] {
  const flow = world.flow(state.answer);
  if (typeof flow === 'string') return [[span(flow, 'other')]];
  return flow.steps.slice(from, from + count).map((step, i): Line => {
    const row = from + i;
    const selected = row === state.rows.flow;
    const { word, tone } = fateWords(step.trace.fate);
    const shown = state.leg.kind === 'flow' && state.leg.index === row;
    const tracked = step.trace.connection?.state ?? 'not tracked';
    return [
      span(pointer(selected), 'strong'),
      span(shown ? '►' : ' ', 'strong'),
      span(`${row + 1} ${step.from === 'client' ? '─►' : '◄─'} `),
      span(`${word}${step.mayStop ? '?' : ''}`.padEnd(11), tone),
      span(packetText(step.packet), selected ? 'cursor' : undefined),
      span(`  ${step.label}, ${tracked}`, 'faint'),
    ];
  });
}

/** What there is to say of the packet under the cursor, and the connection's entry after it. */
export function flowDetail(world: World, state: State, columns: number): readonly Line[] {
  const flow = world.flow(state.answer);
  if (typeof flow === 'string') return [];
  const step = flow.steps[state.rows.flow];
  if (!step) return [];
  const { trace, connection } = step;
  const at = decidedBy(trace);
  const by =
    at &&
    ('policy' in at ? `policy of ${at.table} ${at.chain}` : `rule ${at.number} of ${at.table} ${at.chain}`);
  const end =
    flow.complete && state.rows.flow === flow.steps.length - 1
      ? flow.refused
        ? 'no program listens: the conversation ends with a refusal'
        : 'the whole conversation passes'
      : state.rows.flow === flow.steps.length - 1
        ? `it stops here, ${flow.steps.length} of ${flow.wholeCount} packets`
        : '';
  const entry = connection ? entryText(connection) : 'none';
  return [
    [span(`${packetDetails(step.packet)}${by === undefined ? '' : `; decided by ${by}`}`, 'faint')],
    ...(end === '' ? [] : [[span(end, flow.complete ? 'accept' : 'drop')] as Line]),
    ...wrapText(`conntrack after it: ${entry}`, columns).map((text): Line => [span(text)]),
  ];
}

/** The list of keys, from a row on. */
export function helpLines(from: number, count: number): readonly Line[] {
  return helpRows()
    .slice(from, from + count)
    .map(
      ({ keys, text }): Line =>
        keys === undefined ? [span(text, 'strong')] : [span(`  ${keys.padEnd(22)}`, 'command'), span(text)],
    );
}

/** What was found beside the screen, as lines: findings, and the packets that fare differently with the changed rules. */

import { ruleText } from '../../link/rule-text.ts';
import type { PacketsChanged } from '../beside/packets-changed.ts';
import type { Lists } from '../beside/questions.ts';
import type { ShownFinding } from '../beside/shown-finding.ts';
import { packetsChanged, shownFindings, witnessLine } from '../state/findings.ts';
import { findInColumn } from '../state/shown-rules.ts';
import { isFresh, type State } from '../state/state.ts';
import type { World } from '../state/world.ts';
import { pointer } from './lists-view.ts';
import type { Tone } from './palette.ts';
import { clipLine, type Line, lineColumns, span, wrapText } from './text.ts';

const severityTone: Readonly<Record<ShownFinding['severity'], Tone>> = {
  error: 'error',
  warning: 'warning',
  info: 'info',
};

/** One line for each finding. */
export function findingLines(state: State, from: number, count: number): readonly Line[] {
  const answered = state.told.findings?.answered;
  if (!answered) return [[span('the linter is at work …', 'faint')]];
  if (answered.kind === 'failed')
    return [[span(`the linter gave up: ${answered.reason}; fwsim lint says more`, 'error')]];
  const list = shownFindings(state);
  if (list.length === 0)
    return [
      [span(answered.list.length === 0 ? 'nothing was found' : `nothing of "${state.filter}"`, 'faint')],
    ];
  return list.slice(from, from + count).map((f, i): Line => {
    const selected = from + i === state.rows.findings;
    const { table, chain, ruleNumber } = f.place;
    const where =
      chain === undefined ? '' : `${table} ${chain}${ruleNumber === undefined ? '' : ` #${ruleNumber}`}`;
    return [
      span(pointer(selected), 'strong'),
      span(f.severity.padEnd(8), severityTone[f.severity]),
      span(`${f.code} `, 'strong'),
      span(where === '' ? '' : `${where}  `, 'faint'),
      span(f.message, selected ? 'cursor' : undefined),
    ];
  });
}

/** The story of the finding under the cursor. */
export function findingDetail(world: World, state: State, columns: number): readonly Line[] {
  const f = shownFindings(state)[state.rows.findings];
  if (!f) return [];
  const lines: Line[] = wrapText(`${f.code} ${f.name}: ${f.message}`, columns).map(
    (t): Line => [span(t, 'strong')],
  );
  const say = (label: string, text: string | undefined): void => {
    if (text === undefined) return;
    wrapText(text, columns - 8).forEach((t, i) => {
      lines.push([span((i === 0 ? label : '').padEnd(8), 'faint'), span(t)]);
    });
  };
  say('what', f.story.what);
  say('why', f.story.why);
  const rule = ruleOf(world, f);
  if (rule !== undefined) say('rule', rule);
  for (const help of f.story.help ?? []) say('help', help);
  for (const { text } of f.inferences) say('guess', text);
  const packet = witnessLine(f);
  lines.push([
    span(packet === undefined ? 'enter   goes to the rule' : 'enter   walks its packet: ', 'faint'),
    ...(packet === undefined ? [] : [span(packet, 'command')]),
  ]);
  return lines;
}

function ruleOf(world: World, { place, family }: ShownFinding): string | undefined {
  if (place.ruleId === undefined) return undefined;
  for (const ruleset of world.rulesets) {
    if (family !== undefined && ruleset.family !== family) continue;
    const chain = ruleset.tables
      .find((t) => t.name === place.table)
      ?.chains.find((c) => c.name === place.chain);
    const index = chain ? findInColumn(chain.rules, 'ids', place.ruleId) : -1;
    const rule = index < 0 ? undefined : chain?.rules.at(index);
    if (rule) return ruleText(rule);
  }
  return undefined;
}

const changeTone = (change: string): Tone =>
  change === 'opened' ? 'accept' : change === 'closed' ? 'drop' : 'other';

/** How many findings or kinds of packets there are, for the names of the screens; `…`: of the rules before a change. */
export function countOf(state: State, about: keyof Lists): string {
  const told = state.told[about];
  const coming = isFresh(state, about) ? '' : '…';
  if (told?.answered.kind !== 'done') return coming;
  const count = told.answered.list.length;
  return `${count === 0 ? '' : ` ${count}`}${coming}`;
}

/** What the changed rules do to all packets, in one line; undefined while nothing is changed. */
export function diffLine(state: State): Line | undefined {
  if (state.draft.size === 0) return undefined;
  const head = span('all packets ', 'faint');
  const told = state.told.diff;
  if (!told || !isFresh(state, 'diff')) return [head, span('are compared with before …', 'other')];
  const { answered } = told;
  if (answered.kind === 'failed') return [head, span(`are not compared: ${answered.reason}`, 'error')];
  const { list } = answered;
  const [first] = list;
  if (!first) return [head, span('fare as before', 'strong')];
  const others = list.length === 1 ? '' : ` and ${list.length - 1} more`;
  const tail = [span(`${others}  `, 'strong'), span('d', 'command'), span(' lists', 'faint')];
  const said = [
    head,
    span(first.change.toUpperCase(), changeTone(first.change)),
    span(` ${first.packets[0] === '' ? 'all packets' : (first.packets[0] ?? '')}`),
    span(`, ${first.road}`, 'faint'),
  ];
  // How many more there are, and the key, are always in sight.
  return [...clipLine(said, state.size.columns - lineColumns(tail)), ...tail];
}

const packetWords = ({ packets, more }: PacketsChanged): readonly string[] => [
  ...packets.map((line) => (line === '' ? 'all packets' : line)),
  ...(more > 0 ? [`and ${more} more`] : []),
];

/** One line for each kind of packets that fares differently. */
export function differenceLines(state: State, from: number, count: number): readonly Line[] {
  const told = state.told.diff;
  if (state.draft.size === 0)
    return [[span('nothing is changed: e, o, space, x and J/K change rules, here in memory', 'faint')]];
  if (!told || !isFresh(state, 'diff'))
    return [[span('the rules are compared with those before …', 'faint')]];
  if (told.answered.kind === 'failed')
    return [[span(`not compared: ${told.answered.reason}; w writes the rules for fwsim diff`, 'error')]];
  const list = packetsChanged(state);
  if (list.length === 0) return [[span('no packet fares differently', 'strong')]];
  return list.slice(from, from + count).map((d, i): Line => {
    const selected = from + i === state.rows.diff;
    return [
      span(pointer(selected), 'strong'),
      span(d.change.padEnd(12), changeTone(d.change)),
      span(packetWords(d).join('; '), selected ? 'cursor' : undefined),
      span(`  ${d.road}`, 'faint'),
    ];
  });
}

/** All that is known of the difference under the cursor. */
export function differenceDetail(state: State, columns: number): readonly Line[] {
  const d = isFresh(state, 'diff') ? packetsChanged(state)[state.rows.diff] : undefined;
  if (!d) return [];
  const lines: Line[] = [[span(d.change, changeTone(d.change)), span(` ${d.road}`, 'strong')]];
  const say = (label: string, text: string): void => {
    wrapText(text, columns - 8).forEach((t, i) => {
      lines.push([span((i === 0 ? label : '').padEnd(8), 'faint'), span(t)]);
    });
  };
  packetWords(d).forEach((text, i) => {
    say(i === 0 ? 'which' : '', text);
  });
  say('before', d.before);
  say('now', d.after);
  if (d.depends !== '') say('if', `what packets do not decide is so: ${d.depends}`);
  const line = d.witness && witnessLine({ witness: d.witness });
  if (line !== undefined) lines.push([span('enter   walks one: ', 'faint'), span(line, 'command')]);
  return lines;
}

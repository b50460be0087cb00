/** The whole screen for a state and a size: lines put together by Ink. Nothing in here decides anything. */

import { Box, Text } from 'ink';
import type { ReactElement } from 'react';
import { shellCommand } from '../../report/shell-quote.ts';
import { missWords } from '../../report/trace-misses.ts';
import { assumptionWords, fateWords, packetText } from '../../report/trace-words.ts';
import { decidedBy } from '../../trace/outcome.ts';
import { type Road, roadOf } from '../model/road.ts';
import { type RuleRow, rowsOf } from '../model/rows.ts';
import { whyLines } from '../model/why.ts';
import { type Command, commands } from '../state/commands.ts';
import { changeCount } from '../state/draft.ts';
import { listSize } from '../state/lists.ts';
import { readPacketLine } from '../state/packet-line.ts';
import { currentChain, currentEvent, currentLeg, isFresh, type State, screens } from '../state/state.ts';
import { eventAt, missReason } from '../state/walk-record.ts';
import type { World } from '../state/world.ts';
import { headRows, type Layout, layoutOf, type PathForm, windowTop } from './layout.ts';
import { flowDetail, flowLines, helpLines, packetLines } from './lists-view.ts';
import type { Palette } from './palette.ts';
import { pathDiagram } from './path-diagram.ts';
import { pathList } from './path-list.ts';
import { messageLines, promptLines } from './prompt-view.ts';
import { crumbs, ruleLine } from './rules-view.ts';
import { columnsOf, type Line, lineColumns, paint, type Span, span, wrapText } from './text.ts';
import {
  countOf,
  differenceDetail,
  differenceLines,
  diffLine,
  findingDetail,
  findingLines,
} from './told-view.ts';

/** What the screen is drawn from. */
export interface ScreenProps {
  readonly world: World;
  readonly state: State;
  readonly palette: Palette;
}

/** A piece of the first line that can be clicked. */
export interface Tab {
  readonly screen: (typeof screens)[number];
  readonly from: number;
  readonly to: number;
}

function counts(world: World): string {
  let rules = 0;
  let chains = 0;
  for (const r of world.rulesets)
    for (const t of r.tables) {
      chains += t.chains.length;
      for (const c of t.chains) rules += c.rules.length;
    }
  return `${chains} chains, ${rules} rules`;
}

const diffCount = (state: State): string => (state.draft.size === 0 ? '' : countOf(state, 'diff'));

function tabSpans(state: State): readonly { readonly screen: Tab['screen']; readonly text: string }[] {
  const narrow = state.size.columns < 78;
  return screens.map((screen, i) => {
    const name = narrow && screen !== state.screen ? '' : screen;
    const count =
      screen === 'findings' ? countOf(state, 'findings') : screen === 'diff' ? diffCount(state) : '';
    const text = `${i + 1}${name}${count}`;
    return { screen, text: screen === state.screen ? `[${text}]` : ` ${text} ` };
  });
}

/** Where the names of the screens stand in the first line. */
export function tabsOf(state: State): readonly Tab[] {
  let at = 6;
  return tabSpans(state).map(({ screen, text }) => {
    const from = at;
    at += columnsOf(text);
    return { screen, from, to: at };
  });
}

function titleLine(world: World, state: State): Line {
  const changed = changeCount(world.rulesets, state.draft);
  const left: Span[] = [
    span('fwsim ', 'strong'),
    ...tabSpans(state).map(({ screen, text }) => span(text, screen === state.screen ? 'strong' : 'faint')),
  ];
  const badge = changed === 0 ? '' : ` what if: ${changed} ${changed === 1 ? 'change' : 'changes'} `;
  const right: Line = [
    span(badge, 'other'),
    span(` ${world.opened.name} `, 'strong'),
    ...(state.size.columns >= 110 ? [span(counts(world), 'faint')] : []),
  ];
  const gap = state.size.columns - lineColumns(left) - lineColumns(right);
  return [...left, span(' '.repeat(Math.max(1, gap))), ...right];
}

/** The packet line, or where it fails; which packet of the conversation is shown, and which way of how many. */
function packetLine(world: World, state: State): Line {
  const { answer } = state;
  const leg = currentLeg(world, state);
  const out: Span[] = [];
  if (answer.kind === 'walked' && answer.ways.length > 1)
    out.push(span(`way ${state.way + 1}/${answer.ways.length} `, 'other'));
  if (state.leg.kind !== 'packet' && leg) {
    out.push(span(`${leg.label}: `, 'other'), span(packetText(leg.packet)));
    return out;
  }
  out.push(span('packet ', 'faint'));
  if (answer.kind === 'refused') out.push(span(`✗ ${answer.problem.message}`, 'error'));
  else if (state.packet === '') out.push(span(packetText(answer.packet)));
  else {
    // What is assumed stands behind: the packet itself is to be seen on a narrow terminal as well.
    const { expression, local, assume } = readPacketLine(state.packet);
    const words = shellCommand([...(local ? ['--local'] : []), ...expression.map((w) => w.text)]);
    out.push(span(words === '' ? packetText(answer.packet) : words));
    if (assume.length > 0) out.push(span(`  if ${assume.join(', ')}`, 'faint'));
  }
  return out;
}

/** The verdict, and by what. */
function verdictLine(world: World, state: State): Line {
  const leg = currentLeg(world, state);
  const { answer } = state;
  if (!leg || answer.kind !== 'walked')
    return [span(answer.kind === 'refused' ? (answer.problem.hint ?? '') : '', 'faint')];
  const { word, rest, tone } = fateWords(leg.trace.fate);
  const at = decidedBy(leg.trace);
  const by =
    at &&
    ('policy' in at ? `policy of ${at.table} ${at.chain}` : `rule ${at.number} of ${at.table} ${at.chain}`);
  const assumed = answer.ways[state.way]?.assumed ?? [];
  if (state.walkPending) return [span('walking …', 'other')];
  const stop = `${Math.min(state.step + 1, leg.index.stops.length)}/${leg.index.stops.length} `;
  const says = /^[,:]/.test(rest) || rest === '' ? rest : ` ${rest}`;
  return [
    span(stop, 'faint'),
    span(word, tone),
    span(by === undefined ? '' : ` by ${by}`, 'strong'),
    span(says),
    ...(assumed.length === 0 || state.leg.kind !== 'packet'
      ? []
      : [span(`  if ${assumed.map(assumptionWords).join(', ')}`, 'other')]),
  ];
}

function hintLine(state: State): Line {
  const hint = (c: Command): Line => [span(c.keys[0] ?? '', 'command'), span(` ${c.hint}  `, 'faint')];
  const here = commands.filter(
    (c) => c.hint !== undefined && (c.on === undefined || c.on.includes(state.screen)),
  );
  // The way to the list of keys, and the way out, are always shown; of the others, what fits.
  const always = here.filter((c) => c.name === 'help' || c.name === 'quit').flatMap(hint);
  const out: Span[] = [];
  let room = state.size.columns - lineColumns(always);
  for (const c of here) {
    const spans = hint(c);
    room -= lineColumns(spans);
    if (c.name === 'help' || c.name === 'quit') continue;
    if (room < 0) break;
    out.push(...spans);
  }
  return [...out, ...always];
}

function title(text: readonly Span[], columns: number, right: readonly Span[] = []): Line {
  const head = [span('── ', 'faint'), ...text, span(' ', 'faint')];
  const gap = Math.max(1, columns - lineColumns(head) - lineColumns(right) - (right.length > 0 ? 1 : 0));
  return [...head, span('─'.repeat(gap), 'faint'), ...(right.length > 0 ? [span(' '), ...right] : [])];
}

const roads = new WeakMap<State, Road | undefined>();

/** Layout and picture of one frame ask for the same road. */
function roadHere(world: World, state: State): Road | undefined {
  if (roads.has(state)) return roads.get(state);
  const leg = currentLeg(world, state);
  const road =
    leg && state.answer.kind === 'walked'
      ? roadOf(state.answer.chains, leg, currentEvent(leg, state))
      : undefined;
  roads.set(state, road);
  return road;
}

const pictures = new WeakMap<Road, Map<string, readonly Line[] | undefined>>();

function drawPath(road: Road | undefined, form: PathForm, columns: number): readonly Line[] | undefined {
  if (!road) return form === 'list' ? [[span('no packet is walked: p writes one', 'faint')]] : undefined;
  const drawn = pictures.get(road) ?? new Map<string, readonly Line[] | undefined>();
  pictures.set(road, drawn);
  const key = `${form} ${columns}`;
  if (!drawn.has(key)) drawn.set(key, form === 'list' ? pathList(road) : pathDiagram(road, columns, form));
  return drawn.get(key);
}

/** What the changed rules do to all packets; the verdict; the open line or the message; the keys. */
function footLines(world: World, state: State): readonly Line[] {
  const diff = diffLine(state);
  return [
    ...(diff ? [diff] : []),
    verdictLine(world, state),
    ...(state.prompt
      ? promptLines(state, state.prompt, state.size.columns)
      : [...messageLines(state), hintLine(state)]),
  ];
}

/** Where everything stands, for this state. The mouse asks too. */
export function screenLayout(world: World, state: State): Layout {
  const road = state.screen === 'path' ? roadHere(world, state) : undefined;
  const footRows = footLines(world, state).length;
  const size = state.screen === 'path' || state.screen === 'help' ? 0 : listSize(world, state);
  return layoutOf(state, footRows, size, (form, columns) => drawPath(road, form, columns)?.length);
}

/** The first row of the list that is in sight. */
export function listTopRow(world: World, state: State, { listRows }: Layout): number {
  if (state.screen === 'path')
    return windowTop(state.cursor.row, (currentChain(world, state)?.size ?? 0) + 1, listRows);
  if (state.screen === 'help') return state.rows.help;
  return windowTop(state.rows[state.screen], listSize(world, state), listRows);
}

/** The condition that refused, in short. */
function missedText(world: World, state: State, row: RuleRow): string {
  const leg = currentLeg(world, state);
  const event = leg && row.event !== undefined ? eventAt(leg.record, row.event) : undefined;
  if (event?.kind !== 'miss' || !leg) return '';
  const seen = {
    packet: leg.trace.packet,
    inInterface: undefined,
    outInterface: undefined,
    ctState: 'NEW',
  } as const;
  // The condition alone: what the packet has instead stands in the explanation.
  return `no: ${missWords(missReason(event, row.entry?.rule), row.entry?.rule, seen).condition}`;
}

/** While dead rules are not known: that they are coming, or why they are not. */
function deadSpans(state: State, columns: number): readonly Span[] {
  const { dead } = state.told;
  if (!dead || !isFresh(state, 'dead')) return columns < 70 ? [] : [span('dead rules are asked … ', 'faint')];
  const { answered } = dead;
  const why = answered.kind === 'failed' ? answered.reason : answered.untold;
  return why === undefined || columns < 70 ? [] : [span(`dead rules are not told: ${why} `, 'faint')];
}

function listTitle(world: World, state: State, columns: number): Line {
  switch (state.screen) {
    case 'path': {
      const size = currentChain(world, state)?.size ?? 0;
      return title(crumbs(state), columns, [
        ...deadSpans(state, columns),
        span(`${Math.min(state.cursor.row + 1, size)}/${size}`, 'faint'),
      ]);
    }
    case 'packet':
      return title(
        [span('packet', 'strong'), span(' enter changes a field, an empty one takes its default', 'faint')],
        columns,
      );
    case 'flow':
      return title(
        [span('conversation', 'strong'), span(' enter shows a packet on the road', 'faint')],
        columns,
      );
    case 'findings':
      return title(
        [
          span('findings', 'strong'),
          span(
            state.told.findings && !isFresh(state, 'findings')
              ? ' of the rules before the last change; the linter is at work …'
              : '',
            'other',
          ),
          span(state.filter === '' ? '' : ` /${state.filter}`, 'command'),
        ],
        columns,
      );
    case 'diff':
      return title(
        [span('what if', 'strong'), span(' packets that fare differently now; enter walks one', 'faint')],
        columns,
      );
    case 'help':
      return title([span('keys', 'strong'), span(' esc goes back', 'faint')], columns);
  }
}

function listLines(props: ScreenProps, layout: Layout): readonly Line[] {
  const { world, state } = props;
  const top = listTopRow(world, state, layout);
  const { listRows, listColumns } = layout;
  switch (state.screen) {
    case 'path':
      return rowsOf(world, state, top, listRows).map((row) =>
        ruleLine(row, state, listColumns, missedText(world, state, row)),
      );
    case 'packet':
      return packetLines(world, state, top, listRows);
    case 'flow':
      return flowLines(world, state, top, listRows);
    case 'findings':
      return findingLines(state, top, listRows);
    case 'diff':
      return differenceLines(state, top, listRows);
    case 'help':
      return helpLines(top, listRows);
  }
}

function detailLines(props: ScreenProps, { why }: Layout): readonly Line[] {
  const { world, state } = props;
  if (why.place === 'none') return [];
  if (state.screen === 'findings') return findingDetail(world, state, why.columns);
  if (state.screen === 'flow') return flowDetail(world, state, why.columns);
  if (state.screen === 'diff') return differenceDetail(state, why.columns);
  if (state.screen !== 'path') return [];
  const [row] = rowsOf(world, state, state.cursor.row, 1);
  if (!row) return [];
  const lines = whyLines(row, currentLeg(world, state));
  // Below the list there is little room: the rule's own text is there already.
  const shown = why.place === 'below' ? lines.slice(1) : lines;
  const room = why.columns - 2;
  const flat =
    why.place === 'below' && why.rows < 5
      ? wrapText(shown.map((l) => l.text).join('; '), room).map((text): Line => [span(text)])
      : shown.flatMap((l) =>
          wrapText(l.text, room).map((text): Line => [span(text, l.tone === 'plain' ? undefined : l.tone)]),
        );
  return flat.map((line): Line => [span(why.place === 'beside' ? '│ ' : '  ', 'faint'), ...line]);
}

/** Exactly this many lines. */
function exactly(lines: readonly Line[], count: number): readonly Line[] {
  const cut = lines.slice(0, Math.max(count, 0));
  return cut.length === count
    ? cut
    : [...cut, ...Array.from({ length: Math.max(0, count - cut.length) }, (): Line => [])];
}

function Lines({
  lines,
  columns,
  palette,
}: {
  readonly lines: readonly Line[];
  readonly columns: number;
  readonly palette: Palette;
}): ReactElement | null {
  if (lines.length === 0) return null;
  return (
    <Box width={columns} height={lines.length} flexShrink={0}>
      <Text wrap="truncate">{paint(lines, columns, palette)}</Text>
    </Box>
  );
}

/** See the head of this file. */
export function Screen(props: ScreenProps): ReactElement {
  const { world, state, palette } = props;
  const { columns } = state.size;
  const { rows } = state.size;
  const layout = screenLayout(world, state);
  const foot = footLines(world, state);
  const head = [titleLine(world, state), packetLine(world, state)];
  const path =
    layout.pathRows === 0
      ? []
      : exactly(drawPath(roadHere(world, state), layout.pathForm, columns) ?? [], layout.pathRows);
  const { why, listRows, listColumns } = layout;
  const list = [listTitle(world, state, listColumns), ...exactly(listLines(props, layout), listRows)];
  const detail = exactly(detailLines(props, layout), why.place === 'beside' ? why.rows + 1 : why.rows);
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Lines lines={exactly(head, headRows)} columns={columns} palette={palette} />
      <Lines lines={path} columns={columns} palette={palette} />
      <Box width={columns} flexShrink={0}>
        <Lines lines={list} columns={listColumns} palette={palette} />
        {why.place === 'beside' ? (
          <Lines lines={detail} columns={columns - listColumns} palette={palette} />
        ) : null}
      </Box>
      {why.place === 'below' ? <Lines lines={detail} columns={columns} palette={palette} /> : null}
      <Lines lines={foot} columns={columns} palette={palette} />
    </Box>
  );
}

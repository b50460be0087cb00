/** The rules of a chain as rows, made only for the rows that are asked for. */

import { ruleBody } from '../../link/rule-text.ts';
import type { Counters } from '../../model/ruleset.ts';
import type { RuleOutcome } from '../../model/trace.ts';
import type { DraftRule } from '../state/draft.ts';
import { currentChain, currentEvent, currentLeg, isFresh, ruleKey, type State } from '../state/state.ts';
import { eventAt } from '../state/walk-record.ts';
import type { Leg, World } from '../state/world.ts';

/** What became of a rule on the way that is looked at. */
export type RowStatus =
  /** It matched and decided. */
  | 'decided'
  /** It matched, and the packet went on. */
  | 'matched'
  /** It was tried and refused. */
  | 'missed'
  /** Its chain was entered, but it was not tried any more. */
  | 'not-tried'
  /** Its chain was not entered. */
  | 'not-entered'
  /** Switched off. */
  | 'off';

/** The sign in front of a rule, so that its fate shows without colour. */
export const statusSigns: Readonly<Record<RowStatus, string>> = {
  decided: '✓',
  matched: '+',
  missed: '-',
  'not-tried': ' ',
  'not-entered': ' ',
  off: '#',
};

/** What the signs mean, for the list of keys. */
export const rowSigns: readonly (readonly [sign: string, means: string])[] = [
  ['✓', 'matched and decided (✗ for one that stops the packet)'],
  ['+', 'matched, and the packet went on'],
  ['-', 'tried, did not match'],
  [' ', 'not tried'],
  ['#', 'switched off'],
  ['dead', 'no packet gets here; dead? stood there before the last change, and is asked again'],
  ['●', 'breakpoint'],
  ['*', 'changed here'],
  ['►', 'the walk stands here'],
];

/** A row. */
export interface RuleRow {
  readonly row: number;
  /** 1-based number among the rules in force; undefined for one that is switched off. */
  readonly number: number | undefined;
  readonly entry: DraftRule | undefined;
  /** Without `-A CHAIN`; for the row behind the last rule, the policy. */
  readonly text: string;
  readonly status: RowStatus;
  /** The walk stands at it. */
  readonly here: boolean;
  readonly breakpoint: boolean;
  readonly counters: Counters | undefined;
  readonly outcome: RuleOutcome | undefined;
  /** Index of the event that is about it. */
  readonly event: number | undefined;
  /** Why no packet can reach it, if that is known; `stale`: that was before the last change. */
  readonly dead: { readonly why: string; readonly stale: boolean } | undefined;
}

/** The rows from `from` on. The row behind the last rule stands for the end of the chain. */
export function rowsOf(world: World, state: State, from: number, count: number): readonly RuleRow[] {
  const chain = currentChain(world, state);
  if (!chain) return [];
  const leg = currentLeg(world, state);
  const { family, table, chain: name } = state.cursor.name;
  const sameFamily = state.answer.kind === 'walked' && state.answer.family === family;
  const walked = sameFamily ? leg : undefined;
  const at = walked ? currentEvent(walked, state) : -1;
  const entered = walked?.index.entered.has(`${table} ${name}`) === true;
  // Those that are off do not count.
  let number = chain.enabledAbove(from);

  const rows: RuleRow[] = [];
  for (let row = from; row < Math.min(from + count, chain.size + 1); row++) {
    const entry = chain.at(row);
    if (!entry) {
      rows.push(endRow(row, chain.policy, walked, state, at, entered));
      continue;
    }
    const { rule, enabled } = entry;
    if (enabled) number++;
    const event = positionOf(walked, rule.id);
    const what = walked && event !== undefined ? eventAt(walked.record, event) : undefined;
    const outcome = what?.kind === 'rule' ? what.outcome : undefined;
    rows.push({
      row,
      number: enabled ? number : undefined,
      entry,
      text: ruleBody(rule),
      status: !enabled
        ? 'off'
        : what === undefined
          ? entered
            ? 'not-tried'
            : 'not-entered'
          : what.kind === 'miss'
            ? 'missed'
            : outcome !== undefined && ['accept', 'drop', 'queue', 'stolen'].includes(outcome)
              ? 'decided'
              : 'matched',
      here: event !== undefined && event === at,
      breakpoint: state.breakpoints.has(ruleKey(family, rule.id)),
      counters: rule.counters,
      outcome,
      event,
      dead: what?.kind === 'rule' ? undefined : deadness(state, ruleKey(family, rule.id), entry),
    });
  }
  return rows;
}

/** The position of the last event about a rule, if there is one. */
function positionOf(leg: Leg | undefined, ruleId: number): number | undefined {
  const at = leg?.index.byRule[ruleId] ?? -1;
  return at < 0 ? undefined : at;
}

/** Of a rule that was changed, what was found out before says nothing. */
function deadness(state: State, key: string, { change }: DraftRule): RuleRow['dead'] {
  const why = state.dead.get(key);
  const stale = !isFresh(state, 'dead');
  return why === undefined || (stale && change !== undefined) ? undefined : { why, stale };
}

function endRow(
  row: number,
  policy: string | undefined,
  leg: Leg | undefined,
  state: State,
  at: number,
  entered: boolean,
): RuleRow {
  const { table, chain } = state.cursor.name;
  const kept = leg?.record.kept.findLastIndex(
    (e) => (e.kind === 'policy' || e.kind === 'chain-end') && e.table === table && e.chain === chain,
  );
  const event = kept === undefined ? undefined : leg?.record.keptAt[kept];
  const reached = event !== undefined;
  return {
    row,
    number: undefined,
    entry: undefined,
    text: policy === undefined ? 'end of the chain: back to the caller' : `policy ${policy}`,
    status: reached ? (policy === undefined ? 'matched' : 'decided') : entered ? 'not-tried' : 'not-entered',
    here: reached && event === at,
    breakpoint: false,
    counters: undefined,
    outcome: undefined,
    event: reached ? event : undefined,
    dead: undefined,
  };
}

/** Changes of the rules in memory, each undone exactly. */

import type { Policy } from '../../model/netfilter.ts';
import type { Rule } from '../../model/ruleset.ts';
import { changeChain, type Draft, type DraftRule, viewChain } from './draft.ts';
import { keepCursor, refreshSoon, type State } from './state.ts';
import type { World } from './world.ts';

/** Changes that can be undone; older ones are forgotten. */
const changesMax = 500;

/** Says that nothing was changed, and why. */
function nothing(state: State, text: string): State {
  return { ...state, message: { tone: 'info', text } };
}

/** Takes a draft for the new one and remembers the old. The walk follows at once; the cursor stays where it is put. */
function commit(world: World, state: State, draft: Draft, title: string, row?: number): State {
  if (draft === state.draft) return state;
  const { cursor } = state;
  const next: State = {
    ...state,
    draft,
    past: [...state.past, { title, draft: state.draft, cursor }].slice(-changesMax),
    future: [],
    cursor: row === undefined ? cursor : { ...cursor, row },
    message: { tone: 'info', text: title },
  };
  return keepCursor(world, refreshSoon(world, next));
}

const place = ({ cursor }: State): string =>
  `rule ${cursor.row + 1} of ${cursor.name.table} ${cursor.name.chain}`;

/** Switches the rule under the cursor off, or on again. */
export function toggleRule(world: World, state: State): State {
  const { row } = state.cursor;
  let off = true;
  const next = changeChain(world.rulesets, state.draft, state.cursor.name, (chain) => {
    const entry = chain.at(row);
    if (!entry) return undefined;
    off = entry.enabled;
    const inserted = [{ ...entry, enabled: !entry.enabled }];
    return { kind: 'rules', at: row, removed: 1, inserted };
  });
  if (next === state.draft) return nothing(state, 'There is no rule under the cursor');
  return commit(world, state, next, `${off ? 'off' : 'on'}: ${place(state)}`);
}

/** Moves the rule under the cursor one place up or down, and the cursor with it. */
export function moveRule(world: World, state: State, by: 1 | -1): State {
  const { row } = state.cursor;
  const to = row + by;
  const next = changeChain(world.rulesets, state.draft, state.cursor.name, (chain) => {
    const entry = chain.at(row);
    const other = chain.at(to);
    if (!entry || !other) return undefined;
    const moved: DraftRule = { ...entry, change: entry.change ?? 'moved' };
    const inserted = by === 1 ? [other, moved] : [moved, other];
    return { kind: 'rules', at: Math.min(row, to), removed: 2, inserted };
  });
  if (next === state.draft) return nothing(state, 'There is no place to move to');
  return commit(world, state, next, `moved: ${place(state)}`, to);
}

/** Takes the rule under the cursor out of its chain. */
export function deleteRule(world: World, state: State): State {
  const { row } = state.cursor;
  const next = changeChain(world.rulesets, state.draft, state.cursor.name, (chain) =>
    chain.at(row) ? { kind: 'rules', at: row, removed: 1, inserted: [] } : undefined,
  );
  if (next === state.draft) return nothing(state, 'There is no rule under the cursor');
  return commit(world, state, next, `deleted: ${place(state)}`);
}

/** Puts typed rules in place of the one under the cursor, which keeps its identity, or in front of it. */
export function putRules(
  world: World,
  state: State,
  rules: readonly Rule[],
  how: 'replace' | 'insert',
): State {
  const { row } = state.cursor;
  let { nextRuleId } = state;
  const next = changeChain(world.rulesets, state.draft, state.cursor.name, (chain) => {
    const replaced = how === 'replace' ? chain.at(row) : undefined;
    const inserted = rules.map((rule, i): DraftRule => {
      const old = i === 0 ? replaced : undefined;
      return {
        rule: { ...rule, index: row + i, id: old?.rule.id ?? nextRuleId++, counters: undefined },
        enabled: old?.enabled ?? true,
        change: old === undefined || old.change === 'new' ? 'new' : 'changed',
      };
    });
    return { kind: 'rules', at: row, removed: replaced ? 1 : 0, inserted };
  });
  const title = `${how === 'replace' ? 'changed' : 'inserted'}: ${place(state)}`;
  return commit(world, { ...state, nextRuleId }, next, title);
}

/** Sets the policy of the built-in chain under the cursor. */
export function setPolicy(world: World, state: State, policy: Policy): State {
  const { table, chain } = state.cursor.name;
  let builtIn = true;
  const next = changeChain(world.rulesets, state.draft, state.cursor.name, (c) => {
    builtIn = c.policy !== undefined;
    return builtIn && c.policy !== policy ? { kind: 'policy', policy } : undefined;
  });
  if (!builtIn) return { ...state, message: { tone: 'error', text: `${chain} has no policy of its own` } };
  if (next === state.draft) return nothing(state, `The policy of ${chain} is ${policy} already`);
  return commit(world, state, next, `policy ${policy}: ${table} ${chain}`);
}

/** The other policy of a chain, for the key that toggles at the end of a chain. */
export function togglePolicy(world: World, state: State): State {
  const now = viewChain(world.rulesets, state.draft, state.cursor.name);
  return setPolicy(world, state, now?.policy === 'DROP' ? 'ACCEPT' : 'DROP');
}

/** Takes the last change back. */
export function undo(world: World, state: State): State {
  const last = state.past.at(-1);
  if (!last) return nothing(state, 'Nothing to undo');
  const { title } = last;
  const next: State = {
    ...state,
    draft: last.draft,
    past: state.past.slice(0, -1),
    future: [{ title, draft: state.draft, cursor: state.cursor }, ...state.future],
    cursor: last.cursor,
    trail: [],
    message: { tone: 'info', text: `undone: ${title}` },
  };
  return keepCursor(world, refreshSoon(world, next));
}

/** Makes the last undone change again. */
export function redo(world: World, state: State): State {
  const [first, ...rest] = state.future;
  if (!first) return nothing(state, 'Nothing to redo');
  const { title } = first;
  const next: State = {
    ...state,
    draft: first.draft,
    past: [...state.past, { title, draft: state.draft, cursor: state.cursor }],
    future: rest,
    cursor: first.cursor,
    trail: [],
    message: { tone: 'info', text: `done again: ${title}` },
  };
  return keepCursor(world, refreshSoon(world, next));
}

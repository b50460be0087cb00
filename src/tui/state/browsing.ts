/** Through the rules: rows, jumps and the way back, chains, search. */

import { ruleText } from '../../link/rule-text.ts';
import { type ChainName, type ChainView, type DraftRule, viewChain } from './draft.ts';
import { currentChain, type State } from './state.ts';
import type { World } from './world.ts';

/** The cursor some rows up or down; the row behind the last rule is the end of the chain. */
export function moveRow(world: World, state: State, by: number): State {
  const size = currentChain(world, state)?.size ?? 0;
  const row = Math.min(Math.max(state.cursor.row + by, 0), size);
  return { ...state, cursor: { ...state.cursor, row } };
}

/** The rule under the cursor; undefined at the end of the chain. */
export function ruleAtCursor(world: World, state: State): DraftRule | undefined {
  return currentChain(world, state)?.at(state.cursor.row);
}

/** Into the chain that the rule under the cursor jumps to. */
export function followJump(world: World, state: State): State {
  const target = ruleAtCursor(world, state)?.rule.target;
  if (target?.kind !== 'jump' && target?.kind !== 'goto')
    return { ...state, message: { tone: 'info', text: 'This rule jumps nowhere' } };
  const name: ChainName = { ...state.cursor.name, chain: target.chain };
  if (!viewChain(world.rulesets, state.draft, name))
    return { ...state, message: { tone: 'error', text: `There is no chain ${target.chain}` } };
  return { ...state, trail: [...state.trail, state.cursor], cursor: { name, row: 0 } };
}

/** Back to where the last jump was followed from; at the beginning, to a rule that jumps here. */
export function goBack(world: World, state: State): State {
  const last = state.trail.at(-1);
  if (last) return { ...state, cursor: last, trail: state.trail.slice(0, -1) };
  const caller = firstCaller(world, state);
  return caller ? { ...state, cursor: caller } : state;
}

function firstCaller(world: World, { cursor, draft }: State): State['cursor'] | undefined {
  const { family, table, chain } = cursor.name;
  const ruleset = world.rulesets.findLast((r) => r.family === family);
  const chains = ruleset?.tables.find((t) => t.name === table)?.chains ?? [];
  for (const candidate of chains) {
    const name: ChainName = { family, table, chain: candidate.name };
    const row = viewChain(world.rulesets, draft, name)?.rowOfJump(chain) ?? -1;
    if (row >= 0) return { name, row };
  }
  return undefined;
}

/** All chains in order: by ruleset, table, chain. */
export function allChains(world: World): readonly ChainName[] {
  return world.rulesets.flatMap((r) =>
    world.rulesets.findLast((x) => x.family === r.family) === r
      ? r.tables.flatMap((t) =>
          t.chains.map((c): ChainName => ({ family: r.family, table: t.name, chain: c.name })),
        )
      : [],
  );
}

/** The chain before or behind, of those with rules or a policy. */
export function nextChain(world: World, state: State, by: 1 | -1): State {
  const { family, table, chain } = state.cursor.name;
  const chains = allChains(world);
  const at = chains.findIndex((c) => c.family === family && c.table === table && c.chain === chain);
  const name = chains[(at + by + chains.length) % Math.max(chains.length, 1)];
  return name ? { ...state, cursor: { name, row: 0 }, trail: [] } : state;
}

/** To a chain by what somebody typed: `FORWARD`, `nat PREROUTING`, `nat/PREROUTING`. */
export function goToChain(world: World, state: State, words: readonly string[]): State {
  const parts = words.flatMap((w) => (words.length === 1 && !isChain(world, w) ? w.split('/') : [w]));
  const chain = parts.at(-1) ?? '';
  const table = parts.length > 1 ? parts[0] : undefined;
  const found = allChains(world).filter(
    (c) => c.chain === chain && (table === undefined || c.table === table),
  );
  const { family, table: here } = state.cursor.name;
  const name =
    found.find((c) => c.family === family && c.table === (table ?? here)) ??
    found.find((c) => c.family === family && c.table === 'filter') ??
    found.find((c) => c.family === family) ??
    found[0];
  if (!name) return { ...state, message: { tone: 'error', text: `There is no chain "${words.join(' ')}"` } };
  return { ...state, cursor: { name, row: 0 }, trail: [], screen: 'path' };
}

function isChain(world: World, word: string): boolean {
  return allChains(world).some((c) => c.chain === word);
}

/**
 * The text in which a rule is searched: its line in the source, cut out without copying, so that 100,000 rules take
 * milliseconds; printed only for rules that were made here.
 */
function searchedText(source: string, chain: ChainView, row: number): string {
  const offset = chain.offsetAt(row);
  if (offset < 0) {
    const entry = chain.at(row);
    return entry ? ruleText(entry.rule) : '';
  }
  const end = source.indexOf('\n', offset);
  return source.slice(offset, end < 0 ? source.length : end);
}

/** To the next rule or chain that contains the searched text, over all chains, from the cursor on and around. */
export function searchNext(world: World, state: State, by: 1 | -1): State {
  const wanted = state.search.toLowerCase();
  if (wanted === '') return { ...state, message: { tone: 'info', text: 'Nothing to search: / asks for it' } };
  const chains = allChains(world);
  const { name: here, row } = state.cursor;
  const start = Math.max(
    0,
    chains.findIndex((c) => c.family === here.family && c.table === here.table && c.chain === here.chain),
  );
  for (let turn = 0; turn <= chains.length; turn++) {
    const name = chains[(start + by * turn + chains.length * 2) % chains.length];
    const chain = name && viewChain(world.rulesets, state.draft, name);
    if (!name || !chain) continue;
    const source = world.opened.sources.get(name.family) ?? '';
    const named = name.chain.toLowerCase().includes(wanted);
    let at = by === 1 ? 0 : chain.size - 1;
    if (turn === 0) at = row + by;
    for (; at >= 0 && at < chain.size; at += by) {
      const hit = searchedText(source, chain, at).toLowerCase().includes(wanted);
      if (hit) return { ...state, cursor: { name, row: at }, trail: [], screen: 'path' };
    }
    if (named && turn > 0 && chain.size === 0)
      return { ...state, cursor: { name, row: 0 }, trail: [], screen: 'path' };
  }
  return { ...state, message: { tone: 'error', text: `Nothing found of "${state.search}"` } };
}

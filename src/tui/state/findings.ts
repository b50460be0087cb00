/** The linter's findings: which are shown, and what entering one does. */

import type { Finding } from '../../lint/finding.ts';
import { shellCommand } from '../../report/shell-quote.ts';
import { viewChain } from './draft.ts';
import { rowOfRule, type State } from './state.ts';
import type { World } from './world.ts';

/** The findings that the filter leaves, in the linter's order. */
export function shownFindings({ findings, filter }: State): readonly Finding[] {
  if (findings.kind !== 'done') return [];
  if (filter === '') return findings.list;
  const wanted = filter.toLowerCase();
  return findings.list.filter((f) =>
    `${f.severity} ${f.code} ${f.name} ${f.message} ${f.place.chain ?? ''}`.toLowerCase().includes(wanted),
  );
}

/** A finding's witness as a packet line; undefined if it has none. */
export function witnessLine({ witness }: Finding): string | undefined {
  if (!witness) return undefined;
  const words = witness.assume.flatMap((a) => ['--assume', a]);
  return shellCommand([...(witness.local ? ['--local'] : []), ...words, ...witness.packet]);
}

/** Walks the witness of the finding under the cursor and goes to its rule. */
export function loadFinding(
  world: World,
  state: State,
  takePacket: (world: World, state: State, line: string) => State,
): State {
  const finding = shownFindings(state)[state.rows.findings];
  if (!finding) return state;
  const line = witnessLine(finding);
  const walked = line === undefined ? state : takePacket(world, state, line);
  const { table, chain, ruleId } = finding.place;
  const family = finding.family ?? state.cursor.name.family;
  if (table === undefined || chain === undefined) return { ...walked, screen: 'path' };
  const name = { family, table, chain };
  const view = viewChain(world.rulesets, state.draft, name);
  if (!view) return { ...walked, screen: 'path' };
  const found = ruleId === undefined ? view.size : rowOfRule(view, ruleId);
  return {
    ...walked,
    screen: 'path',
    cursor: { name, row: Math.max(found, 0) },
    message: { tone: 'info', text: `${finding.code}: ${finding.message}` },
  };
}

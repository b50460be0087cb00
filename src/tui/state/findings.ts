/** What was found beside the screen: which of it is shown, and what entering one does. */

import { shellCommand } from '../../report/shell-quote.ts';
import type { PacketsChanged } from '../beside/packets-changed.ts';
import type { ShownFinding } from '../beside/shown-finding.ts';
import { viewChain } from './draft.ts';
import type { State } from './state.ts';
import type { World } from './world.ts';

/** The findings that the filter leaves, in the linter's order. */
export function shownFindings({ told, filter }: State): readonly ShownFinding[] {
  const answered = told.findings?.answered;
  if (answered?.kind !== 'done') return [];
  if (filter === '') return answered.list;
  const wanted = filter.toLowerCase();
  return answered.list.filter((f) =>
    `${f.severity} ${f.code} ${f.name} ${f.message} ${f.place.chain ?? ''}`.toLowerCase().includes(wanted),
  );
}

/** A witness as a packet line; undefined if there is none. */
export function witnessLine({ witness }: Pick<ShownFinding, 'witness'>): string | undefined {
  if (!witness) return undefined;
  const words = witness.assume.flatMap((a) => ['--assume', a]);
  return shellCommand([...(witness.local ? ['--local'] : []), ...words, ...witness.packet]);
}

/** The kinds of packets that fare differently with the changed rules. */
export function packetsChanged({ told }: State): readonly PacketsChanged[] {
  const answered = told.diff?.answered;
  return answered?.kind === 'done' ? answered.list : [];
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
  const found = ruleId === undefined ? view.size : view.rowOf(ruleId);
  return {
    ...walked,
    // The cursor stays at the rule, wherever the packet goes.
    walkPending: walked.walkPending && 'rules',
    screen: 'path',
    cursor: { name, row: Math.max(found, 0) },
    message: { tone: 'info', text: `${finding.code}: ${finding.message}` },
  };
}

/** Walks the packet that shows the difference under the cursor. */
export function loadDifference(
  world: World,
  state: State,
  takePacket: (world: World, state: State, line: string) => State,
): State {
  const changed = packetsChanged(state)[state.rows.diff];
  if (!changed) return state;
  const line = changed.witness && witnessLine({ witness: changed.witness });
  if (line === undefined)
    return { ...state, message: { tone: 'info', text: 'No packet of it was found that shows it' } };
  const walked = takePacket(world, state, line);
  const text = `${changed.change}: before ${changed.before}; now ${changed.after}`;
  return walked.message ? walked : { ...walked, message: { tone: 'info', text } };
}

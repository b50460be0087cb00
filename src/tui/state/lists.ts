/** Rows of the list that the screen shows: how many there are, and the one under the cursor. */

import { moveRow } from './browsing.ts';
import { packetsChanged, shownFindings } from './findings.ts';
import { packetFields } from './packet-fields.ts';
import { presets } from './presets.ts';
import { currentChain, type State } from './state.ts';
import type { World } from './world.ts';

/** Some rows down, or up; as far as the list goes. */
export function moveList(world: World, state: State, by: number): State {
  const { screen, rows } = state;
  if (screen === 'path') return moveRow(world, state, by);
  const size = listSize(world, state);
  const row = Math.min(Math.max(rows[screen] + by, 0), Math.max(size - 1, 0));
  return { ...state, rows: { ...rows, [screen]: row } };
}

/** How many rows the list of the screen has. */
export function listSize(world: World, state: State): number {
  switch (state.screen) {
    case 'path':
      return (currentChain(world, state)?.size ?? 0) + 1;
    case 'packet':
      return packetFields.length + presets(world, state.cursor.name.family).length;
    case 'flow': {
      const flow = world.flow(state.answer);
      return typeof flow === 'string' ? 0 : flow.steps.length;
    }
    case 'findings':
      return shownFindings(state).length;
    case 'diff':
      return packetsChanged(state).length;
    case 'help':
      // The reducer knows the length of this list, which is made of this table.
      return Number.MAX_SAFE_INTEGER;
  }
}

/** Rows of a page: half of the screen, whatever its form. */
export const page = (state: State): number => Math.max(3, Math.floor(state.size.rows / 2) - 3);

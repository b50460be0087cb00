/** From screen to screen, and into what stands under the cursor. */

import { followJump, goBack } from './browsing.ts';
import { loadDifference, loadFinding } from './findings.ts';
import { fieldText, packetFields, setField } from './packet-fields.ts';
import { presets } from './presets.ts';
import { openPrompt } from './prompts.ts';
import { currentChain, follow, type Screen, type State, screens, walkPacket } from './state.ts';
import { chooseLeg } from './stepping.ts';
import type { World } from './world.ts';

/** Opens a screen. */
export function show(state: State, screen: Screen): State {
  return { ...state, screen, screenBelow: screen === 'help' ? state.screen : screen };
}

/** Walks a packet line from somewhere else: a preset, a finding. */
export function takePacket(world: World, state: State, packet: string): State {
  const answer = world.ask(state.draft, packet);
  if (answer.kind === 'refused')
    return { ...state, message: { tone: 'error', text: answer.problem.message } };
  return { ...walkPacket(world, state, packet), screen: 'path' };
}

/** Follows the jump; opens the field, packet, finding or difference. */
export function enter(world: World, state: State): State {
  switch (state.screen) {
    case 'path':
      return currentChain(world, state)?.size === state.cursor.row
        ? goBack(world, state)
        : followJump(world, state);
    case 'packet': {
      const field = packetFields[state.rows.packet];
      if (!field) {
        const preset = presets(world, state.cursor.name.family)[state.rows.packet - packetFields.length];
        return preset ? takePacket(world, state, preset.line) : state;
      }
      if (field.values > 0) return openPrompt(world, state, 'field');
      const on = fieldText(state.packet, field) !== undefined;
      const line = setField(state.packet, field, on ? '' : 'yes', state.cursor.name.family);
      const next = takePacket(world, state, line);
      return { ...next, screen: 'packet' };
    }
    case 'flow':
      return chooseLeg(world, state, { kind: 'flow', index: state.rows.flow });
    case 'findings':
      return loadFinding(world, state, takePacket);
    case 'diff':
      return loadDifference(world, state, takePacket);
    case 'help':
      return show(state, state.screenBelow);
  }
}

/** One level out; at the outermost, back to where the walk stands. */
export function backOut(world: World, state: State): State {
  if (state.screen === 'help') return show(state, state.screenBelow);
  if (state.screen !== 'path') return show(state, 'path');
  if (state.leg.kind !== 'packet') return chooseLeg(world, state, { kind: 'packet' });
  return follow(world, { ...state, message: undefined });
}

/** The screen beside the one that is shown, in a ring. */
export function nextScreen({ screen, screenBelow }: State, by: 1 | -1): Screen {
  const here = screen === 'help' ? screenBelow : screen;
  const at = screens.indexOf(here as (typeof screens)[number]);
  return screens[(at + by + screens.length) % screens.length] ?? 'path';
}

/** What is seen, as a command: to be copied, or to be assumed from now on. */

import { assumptionText } from '../../engine/tape.ts';
import { ruleText } from '../../link/rule-text.ts';
import { shellCommand } from '../../report/shell-quote.ts';
import { ruleAtCursor } from './browsing.ts';
import { takePacket } from './opening.ts';
import type { State } from './state.ts';
import type { World } from './world.ts';

/** Copies a text, and shows it for terminals that cannot. */
export function copy(state: State, text: string): State {
  return {
    ...state,
    copied: text,
    message: { tone: 'info', text: `copied: ${text}` },
    effects: [...state.effects, { kind: 'copy', text }],
  };
}

/** Copies the rule under the cursor as a command. */
export function copyRule(world: World, state: State): State {
  const entry = ruleAtCursor(world, state);
  if (!entry) return state;
  const { family, table } = state.cursor.name;
  const program = family === 'ipv6' ? 'ip6tables' : 'iptables';
  return copy(state, `${program} -t ${table} ${ruleText(entry.rule)}`);
}

/** Walks the packet with what leads to the way that is shown. */
export function pinWay(world: World, state: State): State {
  const { answer } = state;
  if (answer.kind !== 'walked' || answer.ways.length < 2)
    return { ...state, message: { tone: 'info', text: 'The packet has one way only' } };
  const words = wayOptions(state);
  return takePacket(world, state, `${shellCommand(words)} ${state.packet}`.trim());
}

/** The `--assume` options that lead to the way that is shown. */
function wayOptions({ answer, way }: State): readonly string[] {
  const assumed = answer.kind === 'walked' ? (answer.ways[way]?.assumed ?? []) : [];
  return assumed.flatMap((a) => ['--assume', assumptionText(a)]);
}

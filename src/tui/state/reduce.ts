/** The reducer: a state and what happened give the next state. Pure; what is to be done outside stands in `effects`. */

import type { Answers, Lists } from '../beside/questions.ts';
import { helpRows } from '../model/help.ts';
import { commandNames, runCommandLine } from './command-line.ts';
import { commandOfKey } from './commands.ts';
import type { Draft } from './draft.ts';
import { judgeOpenPacket, promptKey } from './prompts.ts';
import { ruleKey, type State, type Told, walkNow } from './state.ts';
import type { World } from './world.ts';

/** What can happen. */
export type Action =
  /** A key by name (`j`, `ctrl-d`, `enter`); `text` is what it types, if it types something. */
  | { readonly kind: 'key'; readonly key: string; readonly text?: string }
  /** A text put in at once. */
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  /** A row of the list that is shown was clicked, or a screen's name. */
  | { readonly kind: 'click-row'; readonly row: number }
  /** Answers from beside the screen, about the rules with a draft in force. */
  | { readonly kind: 'told'; readonly draft: Draft; readonly answers: Answers }
  | { readonly kind: 'wrote'; readonly path: string; readonly draft: Draft }
  | { readonly kind: 'failed'; readonly text: string }
  /** The screen has been drawn after a change of a large ruleset. */
  | { readonly kind: 'walk' }
  /** What was to be walked cannot be. */
  | { readonly kind: 'not-walked'; readonly text: string };

/** Changes that come from outside hold for the state below an open line as well: escape must not take them back. */
function everywhere(state: State, change: (state: State) => State): State {
  const next = change(state);
  return next.prompt ? { ...next, prompt: { ...next.prompt, base: change(next.prompt.base) } } : next;
}

/** See the head of this file. */
export function reduce(world: World, before: State, action: Action): State {
  const state = react(world, before, action);
  const last = helpRows().length - 1;
  return state.rows.help > last ? { ...state, rows: { ...state.rows, help: last } } : state;
}

function react(world: World, before: State, action: Action): State {
  const state: State = before.effects.length > 0 ? { ...before, effects: [] } : before;
  switch (action.kind) {
    case 'key':
      return pressKey(world, state, action.key, action.text);
    case 'paste':
      // Outside of a line there is one thing that a pasted text can be.
      return state.prompt
        ? pressKey(world, state, '', action.text)
        : pressKey(world, pressKey(world, pressKey(world, state, 'p'), 'ctrl-u'), '', action.text);
    case 'resize': {
      const size = { columns: Math.max(action.columns, 20), rows: Math.max(action.rows, 6) };
      return everywhere(state, (s) => ({ ...s, size }));
    }
    case 'click-row':
      return clickRow(world, state, action.row);
    case 'told':
      return everywhere(state, (s) => takeAnswers(s, action.draft, action.answers));
    case 'wrote':
      return everywhere(state, (s) => ({
        ...s,
        written: { draft: action.draft, path: action.path },
        message: { tone: 'info', text: `written: ${action.path}; the firewall is as it was` },
      }));
    case 'walk':
      return judgeOpenPacket(
        world,
        everywhere(state, (s) => walkNow(world, s)),
      );
    case 'not-walked':
      return everywhere(state, (s) => ({
        ...s,
        walkPending: undefined,
        message: { tone: 'error', text: action.text },
      }));
    case 'failed':
      return everywhere(state, (s) => ({ ...s, message: { tone: 'error', text: action.text } }));
  }
}

function takeAnswers(state: State, draft: Draft, answers: Answers): State {
  const told = (Object.keys(answers) as (keyof Lists)[]).map((about) => {
    const one: Told<unknown> = { draft, answered: answers[about] as Told<unknown>['answered'] };
    return [about, one];
  });
  const next: State = { ...state, told: { ...state.told, ...Object.fromEntries(told) } };
  if (!answers.dead) return next;
  if (answers.dead.kind === 'failed') return { ...next, dead: new Map() };
  return { ...next, dead: new Map(answers.dead.list.map((r) => [ruleKey(r.family, r.ruleId), r.why])) };
}

function pressKey(world: World, state: State, key: string, text?: string): State {
  // These are about the terminal, whatever is open.
  const everywhereKey = key === 'ctrl-z' || key === 'ctrl-l';
  if (state.prompt && !everywhereKey) {
    return promptKey(world, state, state.prompt, key, text, commandNames, (s, line) =>
      runCommandLine(world, s, line),
    );
  }
  const command = commandOfKey(key, state.screen);
  if (command) return command.run(world, state.message ? { ...state, message: undefined } : state);
  return state;
}

function clickRow(world: World, state: State, row: number): State {
  if (state.prompt) return state;
  if (state.screen === 'path') {
    if (row === state.cursor.row) return pressKey(world, state, 'enter');
    return { ...state, cursor: { ...state.cursor, row } };
  }
  if (state.screen === 'help') return state;
  if (row === state.rows[state.screen]) return pressKey(world, state, 'enter');
  return { ...state, rows: { ...state.rows, [state.screen]: row } };
}

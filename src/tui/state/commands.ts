/**
 * The table of commands: what each does, which keys it has and on which screens, and its name on the command line.
 * The handler, the list of keys, the hints and the completion all read it.
 */

import { goBack, nextChain, searchNext } from './browsing.ts';
import { copy, copyRule, pinWay } from './copying.ts';
import { listSize, moveList, page } from './lists.ts';
import { backOut, enter, nextScreen, show } from './opening.ts';
import { openPrompt } from './prompts.ts';
import { currentChain, type Screen, type State, screens } from './state.ts';
import {
  nextWay,
  seekBreakpoint,
  seekEnd,
  seekHook,
  seekMatch,
  step,
  stepFlow,
  toggleBreakpoint,
  toggleReply,
} from './stepping.ts';
import { traceCommand } from './trace-command.ts';
import { deleteRule, moveRule, redo, togglePolicy, toggleRule, undo } from './what-if.ts';
import type { World } from './world.ts';

/** Parts of the list of keys. */
export type CommandGroup = 'walk' | 'rules' | 'what if' | 'packet' | 'screens';

/** One command. */
export interface Command {
  readonly name: string;
  readonly keys: readonly string[];
  /** Screens on which the keys work; undefined: all. */
  readonly on?: readonly Screen[];
  readonly group: CommandGroup;
  /** What it does, in a few words. */
  readonly title: string;
  /** One or two words for the last line; undefined: not shown there. */
  readonly hint?: string;
  readonly run: (world: World, state: State) => State;
}

const onPath = ['path'] as const;

/** See the head of this file, in the order of the list of keys. */
export const commands: readonly Command[] = [
  {
    name: 'step',
    keys: ['right', 'l'],
    on: onPath,
    group: 'walk',
    title: 'one step forward',
    hint: 'step',
    run: (w, s) => step(w, s, 1),
  },
  {
    name: 'step-back',
    keys: ['left', 'h'],
    on: onPath,
    group: 'walk',
    title: 'one step back',
    run: (w, s) => step(w, s, -1),
  },
  {
    name: 'next-match',
    keys: ['m'],
    on: onPath,
    group: 'walk',
    title: 'to the next match',
    hint: 'match',
    run: (w, s) => seekMatch(w, s, 1),
  },
  {
    name: 'previous-match',
    keys: ['M'],
    on: onPath,
    group: 'walk',
    title: 'to the match before',
    run: (w, s) => seekMatch(w, s, -1),
  },
  {
    name: 'next-hook',
    keys: [']'],
    on: onPath,
    group: 'walk',
    title: 'to the next hook or routing decision',
    hint: 'hook',
    run: (w, s) => seekHook(w, s, 1),
  },
  {
    name: 'previous-hook',
    keys: ['['],
    on: onPath,
    group: 'walk',
    title: 'to the hook before',
    run: (w, s) => seekHook(w, s, -1),
  },
  {
    name: 'start',
    keys: ['0', 'home'],
    on: onPath,
    group: 'walk',
    title: 'to the beginning of the road',
    run: (w, s) => seekEnd(w, s, false),
  },
  {
    name: 'end',
    keys: ['$', 'end'],
    on: onPath,
    group: 'walk',
    title: 'to its end, the verdict',
    run: (w, s) => seekEnd(w, s, true),
  },
  {
    name: 'breakpoint',
    keys: ['b'],
    on: onPath,
    group: 'walk',
    title: 'breakpoint on this rule, or none',
    run: toggleBreakpoint,
  },
  {
    name: 'continue',
    keys: ['c'],
    on: onPath,
    group: 'walk',
    title: 'on to the next breakpoint',
    run: seekBreakpoint,
  },
  {
    name: 'reply',
    keys: ['r'],
    group: 'walk',
    title: "the reply's road, and back",
    hint: 'reply',
    run: toggleReply,
  },
  {
    name: 'next-packet',
    keys: ['.', '>'],
    on: ['path', 'flow'],
    group: 'walk',
    title: 'next packet of the conversation',
    run: (w, s) => stepFlow(w, s, 1),
  },
  {
    name: 'previous-packet',
    keys: [',', '<'],
    on: ['path', 'flow'],
    group: 'walk',
    title: 'packet before',
    run: (w, s) => stepFlow(w, s, -1),
  },
  {
    name: 'next-way',
    keys: ['v'],
    group: 'walk',
    title: 'another way, where the packet alone does not decide',
    run: nextWay,
  },
  {
    name: 'pin',
    keys: ['a'],
    on: onPath,
    group: 'walk',
    title: 'assume what leads to this way',
    run: pinWay,
  },
  {
    name: 'down',
    keys: ['down', 'j'],
    group: 'rules',
    title: 'down',
    run: (w, s) => moveList(w, s, 1),
  },
  { name: 'up', keys: ['up', 'k'], group: 'rules', title: 'up', run: (w, s) => moveList(w, s, -1) },
  {
    name: 'page-down',
    keys: ['pagedown', 'ctrl-d', 'ctrl-f'],
    group: 'rules',
    title: 'a page down',
    run: (w, s) => moveList(w, s, page(s)),
  },
  {
    name: 'page-up',
    keys: ['pageup', 'ctrl-u', 'ctrl-b'],
    group: 'rules',
    title: 'a page up',
    run: (w, s) => moveList(w, s, -page(s)),
  },
  {
    name: 'first',
    keys: ['g'],
    group: 'rules',
    title: 'to the first row',
    run: (w, s) => moveList(w, s, Number.NEGATIVE_INFINITY),
  },
  {
    name: 'last',
    keys: ['G'],
    group: 'rules',
    title: 'to the last row',
    run: (w, s) => moveList(w, s, listSize(w, s)),
  },
  {
    name: 'enter',
    keys: ['enter'],
    group: 'rules',
    title: 'follow the jump; open the field, packet, finding or difference',
    hint: 'follow',
    run: enter,
  },
  {
    name: 'back',
    keys: ['backspace'],
    on: onPath,
    group: 'rules',
    title: 'back to where the jump came from',
    run: goBack,
  },
  {
    name: 'next-chain',
    keys: ['}'],
    on: onPath,
    group: 'rules',
    title: 'next chain',
    run: (w, s) => nextChain(w, s, 1),
  },
  {
    name: 'previous-chain',
    keys: ['{'],
    on: onPath,
    group: 'rules',
    title: 'chain before',
    run: (w, s) => nextChain(w, s, -1),
  },
  {
    name: 'search',
    keys: ['/'],
    group: 'rules',
    title: 'search rules and chains; among findings: show those that contain a text',
    hint: 'search',
    run: (w, s) => openPrompt(w, s, s.screen === 'findings' ? 'filter' : 'search'),
  },
  {
    name: 'search-next',
    keys: ['n'],
    group: 'rules',
    title: 'next hit',
    run: (w, s) => searchNext(w, s, 1),
  },
  {
    name: 'search-previous',
    keys: ['N'],
    group: 'rules',
    title: 'hit before',
    run: (w, s) => searchNext(w, s, -1),
  },
  {
    name: 'edit',
    keys: ['e'],
    on: onPath,
    group: 'what if',
    title: 'edit the rule (at the end of a built-in chain: its policy)',
    hint: 'edit',
    run: (w, s) =>
      currentChain(w, s)?.size === s.cursor.row ? togglePolicy(w, s) : openPrompt(w, s, 'edit-rule'),
  },
  {
    name: 'insert',
    keys: ['o', 'i'],
    on: onPath,
    group: 'what if',
    title: 'insert a rule here',
    run: (w, s) => openPrompt(w, s, 'insert-rule'),
  },
  {
    name: 'toggle',
    keys: ['space'],
    on: onPath,
    group: 'what if',
    title: 'switch the rule off, or on again',
    hint: 'off/on',
    run: (w, s) => (currentChain(w, s)?.size === s.cursor.row ? togglePolicy(w, s) : toggleRule(w, s)),
  },
  {
    name: 'delete',
    keys: ['x'],
    on: onPath,
    group: 'what if',
    title: 'take the rule out',
    run: deleteRule,
  },
  {
    name: 'move-down',
    keys: ['J', 'shift-down'],
    on: onPath,
    group: 'what if',
    title: 'move the rule down',
    run: (w, s) => moveRule(w, s, 1),
  },
  {
    name: 'move-up',
    keys: ['K', 'shift-up'],
    on: onPath,
    group: 'what if',
    title: 'move the rule up',
    run: (w, s) => moveRule(w, s, -1),
  },
  { name: 'undo', keys: ['u'], group: 'what if', title: 'undo', run: undo },
  { name: 'redo', keys: ['ctrl-r'], group: 'what if', title: 'redo', run: redo },
  {
    name: 'write',
    keys: ['w'],
    group: 'what if',
    title: 'write the changed ruleset to a new file',
    hint: 'write',
    run: (w, s) => openPrompt(w, s, 'write'),
  },
  {
    name: 'packet',
    keys: ['p'],
    group: 'packet',
    title: 'the packet as a line of match options',
    hint: 'packet',
    run: (w, s) => openPrompt(w, s, 'packet'),
  },
  {
    name: 'copy',
    keys: ['y'],
    group: 'packet',
    title: 'copy the fwsim trace command of this packet',
    hint: 'copy',
    run: (w, s) => copy(s, traceCommand(w, s)),
  },
  {
    name: 'copy-rule',
    keys: ['Y'],
    on: onPath,
    group: 'packet',
    title: 'copy the rule as an iptables command',
    run: copyRule,
  },
  ...screens.map(
    (screen, i): Command => ({
      name: `${screen}-screen`,
      keys: screen === 'diff' ? ['5', 'd'] : [String(i + 1)],
      group: 'screens',
      title: {
        path: 'the road and the rules',
        packet: 'all fields of the packet, and presets',
        flow: 'the whole conversation, packet by packet',
        findings: 'what the linter found',
        diff: 'which packets in all fare differently with the changed rules',
      }[screen],
      run: (_w, s) => show(s, screen),
    }),
  ),
  {
    name: 'next-screen',
    keys: ['tab'],
    group: 'screens',
    title: 'next screen',
    run: (_w, s) => show(s, nextScreen(s, 1)),
  },
  {
    name: 'previous-screen',
    keys: ['shift-tab'],
    group: 'screens',
    title: 'screen before',
    run: (_w, s) => show(s, nextScreen(s, -1)),
  },
  {
    name: 'escape',
    keys: ['esc'],
    group: 'screens',
    title: 'one level out; back to where the walk stands',
    run: backOut,
  },
  {
    name: 'command-line',
    keys: [':'],
    group: 'screens',
    title: 'command line: any command by name, :chain, :rule, :line, :packet, :preset …',
    run: (w, s) => openPrompt(w, s, 'command'),
  },
  {
    name: 'help',
    keys: ['?', 'f1'],
    group: 'screens',
    title: 'this list',
    hint: 'keys',
    run: (_w, s) => (s.screen === 'help' ? show(s, s.screenBelow) : show(s, 'help')),
  },
  {
    name: 'redraw',
    keys: ['ctrl-l'],
    group: 'screens',
    title: 'draw the screen anew',
    run: (_w, s) => ({ ...s, effects: [...s.effects, { kind: 'redraw' }] }),
  },
  {
    name: 'suspend',
    keys: ['ctrl-z'],
    group: 'screens',
    title: 'to the shell; fg comes back',
    run: (_w, s) => ({ ...s, effects: [...s.effects, { kind: 'suspend' }] }),
  },
  {
    name: 'quit',
    keys: ['q', 'ctrl-c'],
    group: 'screens',
    title: 'quit',
    hint: 'quit',
    run: (_w, s) => ({ ...s, effects: [...s.effects, { kind: 'quit' }] }),
  },
];

/** The command of a key on a screen; undefined if it has none there. */
export function commandOfKey(key: string, screen: Screen): Command | undefined {
  return commands.find((c) => c.keys.includes(key) && (c.on === undefined || c.on.includes(screen)));
}

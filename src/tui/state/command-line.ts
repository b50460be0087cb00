/** The command line: commands of the table by name, and those that take words. */

import { didYouMean } from '../../diagnostics/did-you-mean.ts';
import { goToChain } from './browsing.ts';
import { commands } from './commands.ts';
import { takePacket } from './opening.ts';
import { presets } from './presets.ts';
import { openPrompt } from './prompts.ts';
import { findInColumn } from './shown-rules.ts';
import { currentChain, keepCursor, type State } from './state.ts';
import { setPolicy } from './what-if.ts';
import type { World } from './world.ts';

/** A command that takes words. */
interface WordCommand {
  readonly name: string;
  readonly usage: string;
  readonly run: (world: World, state: State, words: readonly string[], text: string) => State;
}

function failed(state: State, text: string): State {
  return { ...state, message: { tone: 'error', text } };
}

function goToRow(world: World, state: State, word: string | undefined): State {
  const number = Number(word);
  if (!/^\d{1,9}$/.test(word ?? '') || number < 1) return failed(state, ':rule N, for example :rule 12');
  const size = currentChain(world, state)?.size ?? 0;
  if (number > size) return failed(state, `${state.cursor.name.chain} has ${size} rules`);
  return { ...state, screen: 'path', cursor: { ...state.cursor, row: number - 1 } };
}

/** To the rule that stands on a line of the source. */
function goToLine(world: World, state: State, word: string | undefined): State {
  const line = Number(word);
  if (!/^\d{1,9}$/.test(word ?? '')) return failed(state, ':line N, for example :line 47');
  for (const ruleset of world.rulesets)
    for (const table of ruleset.tables)
      for (const chain of table.chains) {
        const row = findInColumn(chain.rules, 'lines', line);
        if (row < 0) continue;
        const name = { family: ruleset.family, table: table.name, chain: chain.name };
        return keepCursor(world, { ...state, screen: 'path', trail: [], cursor: { name, row } });
      }
  return failed(state, `No rule stands on line ${line}`);
}

const wordCommands: readonly WordCommand[] = [
  { name: 'chain', usage: 'chain [TABLE] NAME', run: (w, s, words) => goToChain(w, s, words) },
  { name: 'rule', usage: 'rule N', run: (w, s, [number]) => goToRow(w, s, number) },
  { name: 'line', usage: 'line N', run: (w, s, [number]) => goToLine(w, s, number) },
  {
    name: 'packet',
    usage: 'packet OPTIONS',
    run: (w, s, words, text) => (words.length === 0 ? openPrompt(w, s, 'packet') : takePacket(w, s, text)),
  },
  {
    name: 'preset',
    usage: 'preset NAME',
    run: (w, s, [name]) => {
      const list = presets(w, s.cursor.name.family);
      const found = list.find((p) => p.name === name);
      return found
        ? takePacket(w, s, found.line)
        : failed(s, `presets are: ${list.map((p) => p.name).join(', ')}`);
    },
  },
  {
    name: 'assume',
    usage: 'assume KEY=VALUE',
    run: (w, s, _words, text) =>
      text === '' ? failed(s, ':assume KEY=VALUE') : takePacket(w, s, `--assume ${text} ${s.packet}`),
  },
  {
    name: 'policy',
    usage: 'policy ACCEPT|DROP',
    run: (w, s, [word]) => {
      const policy = word?.toUpperCase();
      return policy === 'ACCEPT' || policy === 'DROP'
        ? setPolicy(w, s, policy)
        : failed(s, ':policy ACCEPT or :policy DROP');
    },
  },
  {
    name: 'write',
    usage: 'write FILE',
    run: (w, s, _words, text) => openPrompt(w, s, 'write', text === '' ? undefined : text),
  },
];

/** Names that the command line knows, for completion. */
export const commandNames: readonly string[] = [
  ...wordCommands.map((c) => c.name),
  ...commands.map((c) => c.name).filter((name) => !wordCommands.some((c) => c.name === name)),
];

/** How commands with words are written, for the list of keys. */
export const commandUsages: readonly string[] = wordCommands.map((c) => `:${c.usage}`);

/** Carries out a line. A number alone is a rule's. */
export function runCommandLine(world: World, state: State, text: string): State {
  const [name, ...words] = text.trim().split(/\s+/);
  if (name === undefined || name === '') return state;
  if (/^\d+$/.test(name)) return goToRow(world, state, name);
  const rest = text.trim().slice(name.length).trim();
  const withWords = wordCommands.find((c) => c.name === name);
  if (withWords) return withWords.run(world, state, words, rest);
  const command = commands.find((c) => c.name === name);
  if (command) return command.run(world, state);
  const meant = didYouMean(name, commandNames);
  return failed(
    state,
    `There is no command "${name}"${meant === undefined ? '; ? lists them' : `; did you mean "${meant}"?`}`,
  );
}

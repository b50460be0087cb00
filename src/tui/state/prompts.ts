/** The lines at the bottom: what they ask for, what they do with each key, and what they give. */

import { ruleBody } from '../../link/rule-text.ts';
import { shellQuote } from '../../report/shell-quote.ts';
import { ruleAtCursor, searchNext } from './browsing.ts';
import { completions } from './completion.ts';
import { editKey, editLine, insertText, type LineEditor, replaceText } from './line-editor.ts';
import { fieldText, packetFields, setField } from './packet-fields.ts';
import { type RuleLine, readRuleLine, type TextProblem } from './rule-line.ts';
import { type Prompt, type PromptKind, type State, walkPacket } from './state.ts';
import { putRules } from './what-if.ts';
import type { World } from './world.ts';

/** Lines remembered for each kind of prompt. */
const historyMax = 50;

/** What a prompt begins with. */
function firstText(world: World, state: State, kind: PromptKind): string {
  switch (kind) {
    case 'packet':
      return state.packet === '' ? '' : `${state.packet} `;
    case 'field': {
      const field = packetFields[state.rows.packet];
      return (field && fieldText(state.packet, field)) ?? '';
    }
    case 'edit-rule': {
      const entry = ruleAtCursor(world, state);
      return entry ? ruleBody(entry.rule) : '';
    }
    case 'write':
      return state.written?.path ?? newName(world.opened.name);
    case 'filter':
      return state.filter;
    default:
      return '';
  }
}

/** `gw.rules` becomes `gw.changed.rules`: never the file that was read. */
function newName(name: string): string {
  if (name.startsWith('<')) return 'changed.rules';
  const dot = name.lastIndexOf('.');
  return dot > name.lastIndexOf('/') + 1
    ? `${name.slice(0, dot)}.changed${name.slice(dot)}`
    : `${name}.changed`;
}

/** Opens a prompt; without a text, with what it is about. */
export function openPrompt(world: World, state: State, kind: PromptKind, text?: string): State {
  if (kind === 'edit-rule' && !ruleAtCursor(world, state))
    return { ...state, message: { tone: 'info', text: 'There is no rule under the cursor: o puts one in' } };
  const line = editLine(text ?? firstText(world, state, kind));
  const prompt: Prompt = {
    kind,
    line,
    problem: undefined,
    taken: false,
    completion: undefined,
    historyAt: -1,
    base: state,
  };
  return { ...state, prompt, message: undefined };
}

/** Reads the typed rule in the place of the cursor. */
function readTypedRule(world: World, state: State, text: string): RuleLine {
  // A change makes no chain and takes none away: what was read tells which there are.
  const ruleset = world.rulesets.findLast((r) => r.family === state.cursor.name.family);
  if (!ruleset)
    return { ok: false, problem: { message: 'There is no ruleset', hint: undefined, start: 0, end: 0 } };
  const { registry, setNames } = world.opened;
  return readRuleLine(text, { registry, ruleset, place: state.cursor.name, setNames });
}

/** The packet line with the typed field in it. */
function lineWithField(state: State, text: string): string {
  const field = packetFields[state.rows.packet];
  return field ? setField(state.packet, field, text, state.cursor.name.family) : state.packet;
}

/** The state after the typed text changed: validity, and what follows of it at once. */
function typed(world: World, state: State, prompt: Prompt, line: LineEditor): State {
  const { base, kind } = prompt;
  const changed: Prompt = { ...prompt, line, completion: undefined, problem: undefined, taken: false };
  const withProblem = (problem: Prompt['problem'], from: State = state): State => ({
    ...from,
    prompt: { ...changed, problem },
  });
  switch (kind) {
    case 'packet':
    case 'field': {
      const packet = kind === 'packet' ? line.text.trim() : lineWithField(base, line.text);
      // Through a large ruleset, it is judged when it is walked.
      if (!world.isReady(base.draft, packet)) return withProblem(undefined, walkPacket(world, base, packet));
      const answer = world.ask(base.draft, packet);
      if (answer.kind === 'refused') return withProblem(packetProblem(answer.problem, changed));
      return withProblem(undefined, walkPacket(world, base, packet));
    }
    case 'edit-rule':
    case 'insert-rule': {
      const read = readTypedRule(world, base, line.text);
      if (!read.ok) return withProblem(read.problem, base);
      // A large ruleset is walked when the rule is taken.
      if (world.large) return withProblem(undefined, base);
      const how = kind === 'edit-rule' ? 'replace' : 'insert';
      return withProblem(undefined, { ...putRules(world, base, read.rules, how), message: undefined });
    }
    case 'search':
      return withProblem(
        undefined,
        line.text === ''
          ? base
          : { ...searchNext(world, { ...base, search: line.text }, 1), search: line.text },
      );
    case 'filter':
      return withProblem(undefined, {
        ...state,
        filter: line.text,
        rows: { ...state.rows, findings: 0 },
      });
    default:
      return withProblem(undefined);
  }
}

/** In a field, what is wrong is wrong with all that was typed. */
function packetProblem(problem: TextProblem, { kind, line }: Prompt): TextProblem {
  return kind === 'packet' ? problem : { ...problem, start: 0, end: line.text.length };
}

/** After a walk: an open packet line that turned out to be no packet says so; one that was taken is left. */
export function judgeOpenPacket(world: World, state: State): State {
  const { prompt } = state;
  if (prompt?.kind !== 'packet' && prompt?.kind !== 'field') return state;
  const answer = world.ask(state.draft, state.packet);
  if (answer.kind !== 'refused') return prompt.taken ? closed(state, prompt) : state;
  return { ...state, prompt: { ...prompt, problem: packetProblem(answer.problem, prompt) } };
}

/** What a line gives when it is taken. `runCommand` carries out the words of the command line. */
export type RunCommand = (state: State, text: string) => State;

function closed(state: State, prompt: Prompt): State {
  const { kind, line } = prompt;
  const before = state.histories[kind] ?? [];
  const kept = line.text.trim() === '' ? before : [line.text, ...before.filter((t) => t !== line.text)];
  const histories = { ...state.histories, [kind]: kept.slice(0, historyMax) };
  return { ...state, prompt: undefined, histories };
}

function submit(world: World, state: State, prompt: Prompt, runCommand: RunCommand): State {
  const { kind, line, base } = prompt;
  const { text } = line;
  switch (kind) {
    case 'packet':
    case 'field':
    case 'search':
    case 'filter': {
      const now = typed(world, state, prompt, line);
      if (now.prompt?.problem) return now;
      const open = world.isReady(now.draft, now.packet) ? undefined : now.prompt;
      return open ? { ...now, prompt: { ...open, taken: true } } : closed(now, prompt);
    }
    case 'edit-rule':
    case 'insert-rule': {
      const read = readTypedRule(world, base, text);
      if (!read.ok) return { ...state, prompt: { ...prompt, problem: read.problem } };
      const how = kind === 'edit-rule' ? 'replace' : 'insert';
      return closed(putRules(world, base, read.rules, how), prompt);
    }
    case 'command':
      return runCommand(closed(base, prompt), text);
    case 'write': {
      const path = text.trim();
      if (path === '') return { ...base, prompt: undefined };
      if (world.opened.texts.some((t) => t.name === path)) {
        const problem = {
          message: `"${path}" is what was read; give another name`,
          hint: undefined,
          start: 0,
          end: text.length,
        };
        return { ...state, prompt: { ...prompt, problem } };
      }
      const { draft } = base;
      const message = { tone: 'info', text: `${path} is being written …` } as const;
      return { ...closed(base, prompt), message, effects: [...base.effects, { kind: 'write', path, draft }] };
    }
  }
}

function recall(world: World, state: State, prompt: Prompt, by: 1 | -1): State {
  const history = state.histories[prompt.kind] ?? [];
  const historyAt = Math.min(Math.max(prompt.historyAt + by, -1), history.length - 1);
  if (historyAt === prompt.historyAt) return state;
  const text = historyAt < 0 ? '' : (history[historyAt] ?? '');
  return typed(world, state, { ...prompt, historyAt }, editLine(text));
}

function complete(
  world: World,
  state: State,
  prompt: Prompt,
  by: 1 | -1,
  commands: readonly string[],
): State {
  const known = prompt.completion ?? completions(world, prompt.base, prompt.kind, prompt.line, commands);
  const { candidates, start } = known;
  if (candidates.length === 0) return { ...state, prompt: { ...prompt, completion: known } };
  const at =
    known.at < 0 && by === -1
      ? candidates.length - 1
      : (known.at + by + candidates.length) % candidates.length;
  const raw = candidates[at] ?? '';
  const word = prompt.kind === 'field' ? raw : shellQuote(raw);
  const line = replaceText(prompt.line, start, prompt.line.cursor, word);
  const next = typed(world, state, prompt, line);
  return next.prompt ? { ...next, prompt: { ...next.prompt, completion: { ...known, at } } } : next;
}

/** What a key does while a prompt is open. Every key is taken; those that mean nothing change nothing. */
export function promptKey(
  world: World,
  state: State,
  prompt: Prompt,
  key: string,
  text: string | undefined,
  commands: readonly string[],
  runCommand: RunCommand,
): State {
  switch (key) {
    case 'esc':
    case 'ctrl-c':
      return { ...prompt.base, message: undefined };
    case 'enter':
      return submit(world, state, prompt, runCommand);
    case 'tab':
      return complete(world, state, prompt, 1, commands);
    case 'shift-tab':
      return complete(world, state, prompt, -1, commands);
    case 'up':
      return recall(world, state, prompt, 1);
    case 'down':
      return recall(world, state, prompt, -1);
  }
  const edited = editKey(prompt.line, key);
  if (edited) {
    if (edited.text !== prompt.line.text) return typed(world, state, prompt, edited);
    return { ...state, prompt: { ...prompt, line: edited } };
  }
  return text === undefined ? state : typed(world, state, prompt, insertText(prompt.line, text));
}

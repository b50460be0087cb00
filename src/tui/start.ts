/** The way in: opens what was read, takes the terminal over, and runs the screen until the user quits. */

import { setFlagsFromString } from 'node:v8';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { defaultRegistry } from '../index.ts';
import { readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { createAsker } from './beside/asker.ts';
import type { BesideMachine, StartThread } from './beside/questions.ts';
import { createWalker, type Walker } from './beside/walker.ts';
import { createDistantWorld } from './state/distant-world.ts';
import type { Draft } from './state/draft.ts';
import { unpackRulesets } from './state/packed-rules.ts';
import { lineOf } from './state/packet-fields.ts';
import { presets } from './state/presets.ts';
import { createWorld, type World } from './state/world.ts';
import { listenEarly } from './terminal/early-keys.ts';
import { enterTerminal, openKeyboard, type Terminal } from './terminal/terminal.ts';

/** What there is to open. */
export interface StartOptions {
  readonly texts: readonly SourceText[];
  readonly diagnostics: readonly Diagnostic[];
  readonly family?: Family;
  readonly backend?: Backend;
  /** The first packet, in match options with `--local` and `--assume`; none: an ordinary one. */
  readonly packet: readonly string[];
  readonly color: boolean;
  /** @throws an error whose message says why the file could not be written. */
  readonly writeFile: (path: string, text: string) => void;
  /** How the linter is to look at the machine. */
  readonly lint: BesideMachine['lint'];
  /** Starts a thread for what takes long; undefined where none can be had. */
  readonly startThread: StartThread;
}

/** Why a terminal cannot be drawn on; undefined: it can. Asked before anything is read. */
export function whyNoTerminal(): string | undefined {
  if (process.stdout.isTTY !== true) return 'fwsim tui draws on a terminal, and its output goes elsewhere';
  if (process.env['TERM'] === 'dumb')
    return 'fwsim tui draws on a terminal, and TERM says that this one is dumb';
  return undefined;
}

/** The packet line that is shown first. */
export function firstPacket(world: World, given: readonly string[]): string {
  if (given.length > 0) return lineOf(given);
  const family = world.rulesets.some((r) => r.family === 'ipv4') ? 'ipv4' : 'ipv6';
  return presets(world, family)[0]?.line ?? '';
}

function progress(terminal: Terminal, text: string): void {
  terminal.clear();
  terminal.out.write(`fwsim: ${text} …\r\n`);
}

/** Why nothing was shown. */
export interface NotShown {
  readonly kind: 'no-keyboard' | 'no-rules';
  readonly couldNotLook: string;
}

/** From so many rules on a walk takes longer than a key may: a thread does it. */
const largeFrom = 5_000;

/** About how many rules the texts hold: lines that append one. Fewer than there are where rules are inserted. */
function guessRules(texts: readonly SourceText[]): number {
  let count = 0;
  for (const { text } of texts)
    for (let at = text.indexOf('-A '); at >= 0; at = text.indexOf('-A ', at + 1)) count++;
  return count;
}

/** A machine to be shown, and its rules as text; or why there is nothing to look at. */
type Shown =
  | { readonly world: World; readonly textOf: (draft: Draft) => Promise<string> }
  | { readonly couldNotLook: string };

function openNear({ texts, family, backend, diagnostics }: BesideMachine): Shown {
  const registry = defaultRegistry();
  const read = readMachine(texts, { registry, family, backend });
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) return { couldNotLook };
  const world = createWorld({ name: texts[0]?.name ?? '', texts, read, registry, diagnostics });
  return { world, textOf: async (draft) => world.text(draft) };
}

async function openFar(walker: Walker, { texts }: BesideMachine): Promise<Shown> {
  const opened = await walker.opened;
  if (typeof opened === 'string') return { couldNotLook: `the rules were not read: ${opened}` };
  if (opened.kind === 'nothing') return opened;
  const { rules, machine, setNames, words } = opened;
  const sources = new Map(opened.sources.map(([family, at]) => [family, texts[at]?.text ?? '']));
  const view = { name: texts[0]?.name ?? '', texts, registry: defaultRegistry(), machine, setNames, sources };
  return {
    world: createDistantWorld(view, unpackRulesets(rules), (family) => words[family]),
    textOf: async (draft) => {
      const printed = await walker.text(draft);
      if (typeof printed === 'string') throw new Error(printed);
      return printed.text;
    },
  };
}

/**
 * By so much, in percent, may memory grow before V8 looks for garbage. Left to itself it lets that of large rulesets
 * grow to several times what is in use.
 */
const heapGrowthPercent = 30;

/** Runs until the user quits. The answer is why nothing could be shown, or undefined after a normal end. */
export async function startTui(options: StartOptions): Promise<NotShown | undefined> {
  const keyboard = openKeyboard();
  if (!keyboard)
    return {
      kind: 'no-keyboard',
      couldNotLook: 'fwsim tui listens to a keyboard, and there is no terminal to open',
    };
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
  const terminal = enterTerminal(keyboard, process.stdout);
  let walker: Walker | undefined;
  try {
    const { texts, diagnostics, family, backend } = options;
    const bytes = texts.reduce((sum, t) => sum + t.text.length, 0);
    progress(terminal, `reading ${(bytes / 1e6).toFixed(1)} MB of rules`);
    const { lint } = options;
    const machine = { texts, diagnostics, lint, ...(family && { family }), ...(backend && { backend }) };
    const early = listenEarly(terminal);
    const app = import('./app.tsx');
    if (guessRules(texts) > largeFrom) walker = createWalker(machine, options.startThread);
    const opened = await Promise.race([walker ? openFar(walker, machine) : openNear(machine), early.givenUp]);
    if (opened === undefined) return undefined;
    if ('couldNotLook' in opened) return { kind: 'no-rules', couldNotLook: opened.couldNotLook };
    const { world, textOf } = opened;
    progress(terminal, 'walking the first packet');
    const { runApp } = await app;
    const notShown = await runApp({
      world,
      terminal,
      walker,
      early,
      textOf,
      packet: firstPacket(world, options.packet),
      color: options.color,
      writeFile: options.writeFile,
      beside: (give) => createAsker(machine, world.ruleCount, options.startThread, give),
    });
    if (notShown !== undefined) return { kind: 'no-rules', couldNotLook: notShown };
    return undefined;
  } finally {
    walker?.stop();
    terminal.leave();
  }
}

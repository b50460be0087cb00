/** The way in: opens what was read, takes the terminal over, and runs the screen until the user quits. */

import { setFlagsFromString } from 'node:v8';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { defaultRegistry } from '../index.ts';
import { readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { createAsker, type Thread, type ThreadEvents } from './beside/asker.ts';
import type { BesideMachine } from './beside/questions.ts';
import { lineOf } from './state/packet-fields.ts';
import { presets } from './state/presets.ts';
import { createWorld, type World } from './state/world.ts';
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
  readonly startThread: (events: ThreadEvents) => Thread | undefined;
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

/**
 * By so much, in percent, may memory grow before V8 looks for garbage. Left to itself it lets that of large rulesets
 * grow to several times what is in use.
 */
const heapGrowthPercent = 50;

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
  try {
    const { texts, diagnostics, family, backend } = options;
    const bytes = texts.reduce((sum, t) => sum + t.text.length, 0);
    progress(terminal, `reading ${(bytes / 1e6).toFixed(1)} MB of rules`);
    const registry = defaultRegistry();
    const read = readMachine(texts, { registry, family, backend });
    const couldNotLook = whyNothingToLookAt(read);
    if (couldNotLook !== undefined) return { kind: 'no-rules', couldNotLook };
    progress(terminal, 'walking the first packet');
    const world = createWorld({ name: texts[0]?.name ?? '', texts, read, registry, diagnostics });
    const { lint } = options;
    const machine = { texts, diagnostics, lint, ...(family && { family }), ...(backend && { backend }) };
    const { runApp } = await import('./app.tsx');
    await runApp({
      world,
      terminal,
      packet: firstPacket(world, options.packet),
      color: options.color,
      writeFile: options.writeFile,
      beside: (give) => createAsker(machine, world.ruleCount, options.startThread, give),
    });
    return undefined;
  } finally {
    terminal.leave();
  }
}

/** Runs a command in a real terminal (tmux), types what it is told, and answers what is on the screen. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is typed, and what the screen must show before anything else is. */
export interface TerminalStep {
  /** Names of keys as tmux has them: `Enter`, `C-r`, `g`. */
  readonly keys?: readonly string[];
  /** Text, typed behind the keys. */
  readonly text?: string;
  readonly until: RegExp;
}

/** A command with its terminal. */
export interface TerminalRun {
  /** A line for a POSIX shell. */
  readonly command: string;
  readonly folder: string;
  readonly columns: number;
  readonly rows: number;
  readonly steps: readonly TerminalStep[];
}

const pollMs = 50;
const limitMs = 60_000;

/** Whether there is a terminal to run in. */
export function hasTerminal(): boolean {
  return spawnSync('tmux', ['-V']).status === 0;
}

/**
 * The lines of the screen after the last step, with the escape codes of colour.
 * @throws Error when a step's text does not come; its message holds the screen.
 */
export async function runInTerminal(run: TerminalRun): Promise<readonly string[]> {
  const home = mkdtempSync(join(tmpdir(), 'fwsim-terminal-'));
  const tmux = (...args: readonly string[]): string =>
    spawnSync('tmux', ['-S', join(home, 'tmux'), '-f', '/dev/null', ...args], { encoding: 'utf8' }).stdout;
  try {
    const size = ['-x', String(run.columns), '-y', String(run.rows)];
    const shell = `env -u CI -u NO_COLOR -u FORCE_COLOR TERM=screen-256color ${run.command}`;
    tmux('new-session', '-d', '-s', 'run', ...size, '-c', run.folder, shell);
    for (const { keys = [], text, until } of run.steps) {
      if (keys.length > 0) tmux('send-keys', '-t', 'run', ...keys);
      if (text !== undefined) tmux('send-keys', '-t', 'run', '-l', '--', text);
      for (let waitedMs = 0; !until.test(tmux('capture-pane', '-p', '-t', 'run')); waitedMs += pollMs) {
        if (waitedMs >= limitMs)
          throw new Error(`${until} is not shown:\n${tmux('capture-pane', '-p', '-t', 'run')}`);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    }
    return tmux('capture-pane', '-e', '-p', '-t', 'run').split('\n').slice(0, run.rows);
  } finally {
    tmux('kill-server');
    rmSync(home, { recursive: true, force: true });
  }
}

import { escapeTerminal } from '../report/escape-terminal.ts';
import type { CommandSpec } from './command.ts';
import { commands } from './command-table.ts';
import { exitCodes } from './exit-codes.ts';
import { processIo } from './io.ts';
import { runCommandLine } from './run-command-line.ts';
import { version } from './version.ts';

/** What runs, where it is not all there is. */
export interface RunOptions {
  readonly table?: readonly CommandSpec[];
  /** The file of this program, for threads of its own. */
  readonly program?: URL;
}

/**
 * Runs a command line in this process and leaves its exit code. Nothing calls `process.exit`, so what was written
 * into a pipe arrives. Ctrl-C is left to Node, which ends the process by the signal (130 in a shell) even while
 * it is computing; a handler would have to wait for the computation.
 */
export async function runProcess(
  args: readonly string[],
  { table = commands, program }: RunOptions = {},
): Promise<void> {
  try {
    process.exitCode = await runCommandLine(args, (color) => processIo(color, process.env, program), table);
  } catch (error) {
    process.exitCode = exitCodes.bug;
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const lines = [
      `fwsim ${version} ran into a bug of its own (Node ${process.version}):`,
      ...trace.split('\n').slice(0, 12),
      'Please report this together with the input that caused it; nothing was changed on this machine.',
    ];
    process.stderr.write(`${lines.map(escapeTerminal).join('\n')}\n`);
  }
}

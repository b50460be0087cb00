import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { createSources } from '../../diagnostics/sources.ts';
import { formatText } from '../../formatting.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { type CommandModule, flag } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { FmtCore } from '../core.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { readMachines, stdinName } from '../read-machines.ts';
import { writeFileAtomically } from '../write-file.ts';
import { readingOptions } from './reading-options.ts';

/** Unreadable lines of a file that is no ruleset would fill the screen. */
const shownDiagnosticsMax = 20;

/** `fwsim fmt`: prints a ruleset as iptables-save would print it after loading. */
export function fmtCommand(core: FmtCore): CommandModule['run'] {
  return async (invocation, io) => {
    const write = flag(invocation, 'write');
    const check = flag(invocation, 'check');
    if (write && check) throw new CommandFailure('--write and --check cannot be used together');
    const [file] = invocation.operands;
    const [machine] = await readMachines(file === undefined ? [] : [file], [], io);
    const source = machine?.texts[0];
    if (machine === undefined || source === undefined) return exitCodes.couldNotLook;
    if (write && source.name === stdinName)
      throw new CommandFailure('--write needs a FILE, stdin has no place');

    const options = { ...readingOptions(invocation), keepComments: flag(invocation, 'keepComments') };
    const { text, diagnostics, couldNotLook } = core.format(source, options);
    const told = [...machine.diagnostics, ...diagnostics];
    io.err(printDiagnostics(told, createSources(machine.texts), io.errStyle, shownDiagnosticsMax));
    if (couldNotLook !== undefined) {
      io.err(`fwsim: ${escapeTerminal(couldNotLook)}\n`);
      return exitCodes.couldNotLook;
    }

    const changed = text !== source.text;
    if (check) io.out(changed ? `${escapeTerminal(source.name)}\n` : '');
    else if (!write) io.out(io.outIsTerminal ? shown(text) : text);
    else if (changed) replace(source.name, text, told);
    return outcome(told, check && changed, io);
  };
}

/** For eyes: what a terminal would obey is shown as what it is. A file or a pipe gets the very characters. */
function shown(text: string): string {
  return text.split('\n').map(escapeTerminal).join('\n');
}

/** A line that was not understood is not in the text: writing it back would delete the line. */
function replace(path: string, text: string, told: readonly Diagnostic[]): void {
  const unreadable = told.filter((diagnostic) => diagnostic.severity === 'error').length;
  if (unreadable > 0) {
    throw new CommandFailure(`"${path}" is left as it is: ${unreadable} of its lines would not load`, {
      exitCode: exitCodes.findings,
    });
  }
  writeFileAtomically(path, text);
}

function outcome(told: readonly Diagnostic[], differs: boolean, io: Io): ExitCode {
  if (told.some((diagnostic) => diagnostic.severity === 'error')) return exitCodes.findings;
  if (differs) io.err('not in the form that iptables-save prints\n');
  return differs ? exitCodes.findings : exitCodes.ok;
}

/** `fwsim fmt` with all its parts. */
export const run = fmtCommand({ format: formatText });

import { defaultRegistry, spoofOf } from '../../asking.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printSpoof, printSpoofJson } from '../../report/spoof.ts';
import { type CommandModule, flag, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { assumeOption } from './assume-option.ts';
import { nodesOption } from './budget-option.ts';
import { rangesOption } from './ranges-option.ts';
import { readingOptions } from './reading-options.ts';

/** `fwsim spoof`: whether packets with false sources are let in. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const ranges = rangesOption(invocation, io);
  const [file, ...more] = invocation.operands;
  if (more.length > 0)
    throw new CommandFailure(`the question is about one machine, "${more[0]}" is a second one`);
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const result = spoofOf(machine.texts, {
    registry: defaultRegistry(),
    diagnostics: machine.diagnostics,
    ...ranges,
    ...assumeOption(invocation),
    ...readingOptions(invocation),
    ...nodesOption(invocation),
  });
  io.out(
    flag(invocation, 'json')
      ? printSpoofJson(result, version)
      : printSpoof(result, io.outStyle, { verbose: flag(invocation, 'verbose') }),
  );
  if (result.couldNotLook !== undefined) {
    io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
    return exitCodes.couldNotLook;
  }
  const rows = result.families.flatMap((f) => f.interfaces.flatMap((i) => i.spoofed));
  if (rows.some((row) => row.witness !== undefined)) return exitCodes.findings;
  if (rows.length === 0) return exitCodes.ok;
  io.err('fwsim: not proved, and no packet was found that shows the contrary: see "not proved" above\n');
  return exitCodes.couldNotLook;
};

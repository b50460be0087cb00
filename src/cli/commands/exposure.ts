import { defaultRegistry, exposureOf } from '../../asking.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { type FindingCounts, printExposure } from '../../report/exposure.ts';
import { printExposureJson } from '../../report/exposure-json.ts';
import { shellCommand } from '../../report/shell-quote.ts';
import { type CommandModule, flag, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import { type MachineTexts, readMachines, stdinName } from '../read-machines.ts';
import { version } from '../version.ts';
import { assumeOption } from './assume-option.ts';
import { nodesOption } from './budget-option.ts';
import { readingOptions } from './reading-options.ts';

/** `fwsim FILE`: what can be reached from where. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const [file, ...more] = invocation.operands;
  if (more.length > 0)
    throw new CommandFailure(`the table is of one machine, "${more[0]}" is a second one`, {
      hint: 'more about the same machine is added by --with FILE; fwsim --help lists the commands',
    });
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const result = exposureOf(machine.texts, {
    registry: defaultRegistry(),
    diagnostics: machine.diagnostics,
    ...(flag(invocation, 'all') ? { rowsMax: 10_000 } : {}),
    ...assumeOption(invocation),
    ...readingOptions(invocation),
    ...nodesOption(invocation),
  });
  const findings =
    result.couldNotLook === undefined && invocation.options['lint'] !== false
      ? await countFindings(machine, readingOptions(invocation))
      : undefined;
  const detail = { all: flag(invocation, 'all'), verbose: flag(invocation, 'verbose') };
  io.out(
    flag(invocation, 'json')
      ? printExposureJson(result, findings, version)
      : printExposure(result, findings, io.outStyle, detail),
  );
  if (result.couldNotLook === undefined) return exitCodes.ok;
  io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
  return exitCodes.couldNotLook;
};

/** The linter is loaded for this alone. */
async function countFindings(
  machine: MachineTexts,
  reading: ReturnType<typeof readingOptions>,
): Promise<FindingCounts> {
  const { checks, lintMachine } = await import('../../linting.ts');
  const { findings } = lintMachine(machine.texts, {
    registry: defaultRegistry(),
    checks,
    diagnostics: machine.diagnostics,
    ...reading,
  });
  const count = (severity: string): number => findings.filter((f) => f.severity === severity).length;
  const [own, ...others] = machine.texts.map((text) => text.name);
  const words = ['fwsim', 'lint', ...(own === undefined || own === stdinName ? [] : [own])];
  for (const other of others) words.push('--with', other);
  const piped = own === stdinName ? '… | ' : '';
  return {
    error: count('error'),
    warning: count('warning'),
    info: count('info'),
    command: `${piped}${shellCommand(words)}`,
  };
}

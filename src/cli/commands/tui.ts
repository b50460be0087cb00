import type { MachineReport } from '../../report/machine-report.ts';
import { type StartOptions, startTui, whyNoTerminal } from '../../tui/start.ts';
import { type CommandModule, flag, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ReadingOptions } from '../core.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Io, wantsColor } from '../io.ts';
import type { LintJob } from '../lint/job.ts';
import { type MachineTexts, readMachines } from '../read-machines.ts';
import { writeFileAtomically } from '../write-file.ts';
import { readingOptions } from './reading-options.ts';

/** `fwsim tui`: the road of a packet as a picture. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const [file, ...more] = invocation.operands;
  if (more.length > 0) {
    throw new CommandFailure(`the screen shows one machine, "${more[0]}" is a second one`, {
      hint: 'more about the same machine is added by --with FILE',
    });
  }
  const unfit = whyNoTerminal();
  const instead = { hint: 'fwsim trace and fwsim lint print the same as text' };
  if (unfit !== undefined) throw new CommandFailure(unfit, instead);
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const color = wantsColor('auto', process.env, true) && invocation.options['color'] !== 'never';
  // Ink asks for colours by itself, from this variable, when it is loaded; it knows nothing of NO_COLOR.
  process.env['FORCE_COLOR'] = color ? '1' : '0';
  const packet = [
    ...(flag(invocation, 'local') ? ['--local'] : []),
    ...values(invocation, 'assume').flatMap((a) => ['--assume', a]),
    ...invocation.expression,
  ];
  const ended = await startTui({
    ...readingOptions(invocation),
    ...machine,
    packet,
    color,
    writeFile: writeFileAtomically,
    lint: lintBeside(machine, readingOptions(invocation), io),
  });
  if (ended === undefined) return exitCodes.ok;
  throw new CommandFailure(ended.couldNotLook, {
    exitCode: ended.kind === 'no-keyboard' ? exitCodes.usage : exitCodes.couldNotLook,
    ...(ended.kind === 'no-keyboard' ? instead : {}),
  });
};

/** The linter in a thread of its own: large rulesets take it seconds, and the screen must not wait. */
function lintBeside(machine: MachineTexts, reading: ReadingOptions, io: Io): StartOptions['lint'] {
  return (give) => {
    const worker = io.startWorker?.();
    if (!worker) {
      give({ kind: 'failed', reason: 'no thread can be started here' });
      return () => {};
    }
    const job: LintJob = {
      ...machine,
      otherTexts: [],
      options: { ...reading, today: io.today() },
      failOn: 'never',
    };
    worker.once('message', ({ findings }: MachineReport) => {
      give({ kind: 'done', list: findings });
      void worker.terminate();
    });
    worker.once('error', (error) => give({ kind: 'failed', reason: error.message }));
    worker.postMessage(job);
    return () => void worker.terminate();
  };
}

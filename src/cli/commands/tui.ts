import type { MachineReport } from '../../report/machine-report.ts';
import type { DeadRulesAnswer } from '../../tui/dead-rules.ts';
import { type StartOptions, startTui, whyNoTerminal } from '../../tui/start.ts';
import { type CommandModule, flag, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { ReadingOptions } from '../core.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Io, wantsColor } from '../io.ts';
import type { ThreadJob } from '../lint/worker.ts';
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
    beside: askBeside(machine, readingOptions(invocation), io),
  });
  if (ended === undefined) return exitCodes.ok;
  throw new CommandFailure(ended.couldNotLook, {
    exitCode: ended.kind === 'no-keyboard' ? exitCodes.usage : exitCodes.couldNotLook,
    ...(ended.kind === 'no-keyboard' ? instead : {}),
  });
};

/** The linter, then the question for dead rules, in a thread: large rulesets take seconds, and the screen must not wait. */
function askBeside(machine: MachineTexts, reading: ReadingOptions, io: Io): StartOptions['beside'] {
  return (give) => {
    const worker = io.startWorker?.();
    if (!worker) {
      give({ kind: 'findings', findings: { kind: 'failed', reason: 'no thread can be started here' } });
      return () => {};
    }
    const send = (job: ThreadJob): void => worker.postMessage(job);
    worker.once('message', ({ findings }: MachineReport) => {
      give({ kind: 'findings', findings: { kind: 'done', list: findings } });
      worker.once('message', (answer: DeadRulesAnswer) => {
        give(answer);
        void worker.terminate();
      });
      send({ deadRules: { texts: machine.texts, ...reading } });
    });
    // The linter's findings stay where only the second question failed.
    worker.once('error', (error) => give({ kind: 'beside-failed', reason: error.message }));
    send({ ...machine, otherTexts: [], options: { ...reading, today: io.today() }, failOn: 'never' });
    return () => void worker.terminate();
  };
}

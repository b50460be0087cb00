import { setFlagsFromString } from 'node:v8';
import { type StartOptions, startTui, whyNoTerminal } from '../../tui/start.ts';
import type { Question, Reply } from '../../tui/thread.ts';
import { type CommandModule, flag, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Io, wantsColor } from '../io.ts';
import type { ThreadJob } from '../lint/worker.ts';
import { readMachines } from '../read-machines.ts';
import { configLoaderOf, configuredJob } from './lint.ts';
import { readingOptions } from './reading-options.ts';

/** Of the memory that the screen takes in all, what a thread beside it may hold. */
const threadHeapMb = { maxOldGenerationSizeMb: 400, maxYoungGenerationSizeMb: 24 };
const tooLarge = 'it would take more memory than the screen may have';

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
  const loader = configLoaderOf(invocation, io);
  const files = file === undefined ? [] : [file];
  const [machine] = await readMachines(files, values(invocation, 'with'), io, async (path) => [
    ...((await loader.config(path === '-' ? undefined : path))?.captures ?? []),
  ]);
  if (machine === undefined) return exitCodes.couldNotLook;
  const job = await configuredJob(machine, invocation, loader, io);
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
    writeFile: newFileWriter(io),
    lint: job.options,
    startThread: threadOf(io),
  });
  if (ended === undefined) return exitCodes.ok;
  throw new CommandFailure(ended.couldNotLook, {
    exitCode: ended.kind === 'no-keyboard' ? exitCodes.usage : exitCodes.couldNotLook,
    ...(ended.kind === 'no-keyboard' ? instead : {}),
  });
};

/** Writes files that were not there before, and those that it has written. */
function newFileWriter(io: Io): StartOptions['writeFile'] {
  const written = new Set<string>();
  return (path, text) => {
    if (io.isFile(path) && !written.has(path))
      throw new CommandFailure(`"${path}" is there already: nothing is written over it, give another name`);
    io.writeFile(path, text);
    written.add(path);
  };
}

/** A thread for what takes long: large rulesets take seconds, and the screen must not wait. */
function threadOf(io: Io): StartOptions['startThread'] {
  return ({ replied, failed }) => {
    // A thread that rests gives its garbage back; only threads that are started from now on can.
    setFlagsFromString('--expose-gc');
    const worker = io.startWorker?.(threadHeapMb);
    if (!worker) return undefined;
    worker.on('message', (reply: Reply) => replied(reply));
    worker.once('error', (error) =>
      failed('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge : error.message),
    );
    const send = (screen: Question): void => worker.postMessage({ screen } satisfies ThreadJob);
    return { send, end: () => void worker.terminate() };
  };
}

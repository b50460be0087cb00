import {
  acceptedFates,
  defaultRegistry,
  destinationWords,
  type QueryOptions,
  queryMachine,
  type ShortQuestion,
  sourceWords,
} from '../../asking.ts';
import { createSources } from '../../diagnostics/sources.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printQuery } from '../../report/query.ts';
import { printQueryJson } from '../../report/query-json.ts';
import { type CommandModule, choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import { readMachines } from '../read-machines.ts';
import { fateWords, hookWords } from '../set-command-specs.ts';
import { version } from '../version.ts';
import { assumeOption } from './assume-option.ts';
import { nodesOption } from './budget-option.ts';
import { readingOptions } from './reading-options.ts';

/** What the command line asks. @throws CommandFailure for options that do not go together. */
function questionOf(invocation: Invocation): Omit<QueryOptions, 'registry'> {
  const reaches = value(invocation, 'whoReaches');
  const from = value(invocation, 'reachedFrom');
  if (reaches !== undefined && from !== undefined)
    throw new CommandFailure('--who-reaches and --reached-from are two questions', {
      hint: 'ask one: fwsim query FILE --who-reaches ADDRESS:PORT -- -s ADDRESS says both',
    });
  const short =
    reaches !== undefined ? destinationWords(reaches) : from !== undefined ? sourceWords(from) : undefined;
  const expression = [...wordsOf(short), ...invocation.expression];
  const hook = choice(invocation, 'hook', hookWords);
  const end = flag(invocation, 'end') || reaches !== undefined;
  if (hook !== undefined && end)
    throw new CommandFailure('--hook and --end say at which place PACKETS are meant', {
      hint:
        reaches === undefined ? 'leave out one of the two' : '--who-reaches means the end: leave --hook out',
    });
  const fate = choice(invocation, 'fate', fateWords) ?? (short === undefined ? undefined : 'accept');
  const all = flag(invocation, 'all');
  return {
    expression,
    ...(hook === undefined ? (end ? { at: 'end' as const } : {}) : { at: hook }),
    ...(fate === undefined ? {} : { fates: fate === 'accept' ? acceptedFates : [fate] }),
    ...(flag(invocation, 'local') ? { road: 'local' as const } : {}),
    openersOnly: flag(invocation, 'new') || short !== undefined,
    ...(all ? { rowsMax: 10_000 } : {}),
    ...assumeOption(invocation),
    ...readingOptions(invocation),
    ...nodesOption(invocation),
  };
}

function wordsOf(short: ShortQuestion | undefined): readonly string[] {
  if (short === undefined) return [];
  if ('problem' in short) throw new CommandFailure(short.problem);
  return short.words;
}

/** `fwsim query`: which packets of a set end how. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const question = questionOf(invocation);
  const [file, ...more] = invocation.operands;
  if (more.length > 0)
    throw new CommandFailure(`a query is about one machine, "${more[0]}" is a second one`, {
      hint: 'more about the same machine is added by --with FILE',
    });
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const result = queryMachine(machine.texts, {
    ...question,
    registry: defaultRegistry(),
    diagnostics: machine.diagnostics,
  });
  if (result.refused) {
    const { expressionText, diagnostics } = result.refused;
    io.err(printDiagnostics(diagnostics, createSources([expressionText]), io.errStyle));
    return exitCodes.usage;
  }
  const detail = { all: flag(invocation, 'all'), verbose: flag(invocation, 'verbose') };
  io.out(
    flag(invocation, 'json')
      ? printQueryJson(result, question, version)
      : printQuery(result, question, io.outStyle, detail),
  );
  if (result.couldNotLook === undefined) return exitCodes.ok;
  io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
  return exitCodes.couldNotLook;
};

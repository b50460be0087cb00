import {
  defaultRegistry,
  diffMachines,
  type MachineDiffResult,
  parseRemoteEnd,
  type RemoteEnd,
} from '../../comparing.ts';
import { createSources } from '../../diagnostics/sources.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { printDiff } from '../../report/diff.ts';
import { printDiffJson } from '../../report/diff-json.ts';
import { printDiffMarkdown } from '../../report/diff-markdown.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { type CommandModule, choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { diffFormats } from '../diff-command-spec.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { assumeOption } from './assume-option.ts';
import { nodesOption } from './budget-option.ts';
import { readingOptions } from './reading-options.ts';

/** `fwsim diff`: which packets fare differently under two rulesets. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const [old, now, ...more] = invocation.operands;
  if (old === undefined || now === undefined || more.length > 0)
    throw new CommandFailure('two rulesets are compared: fwsim diff OLD NEW', {
      hint: more.length > 0 ? `"${more[0]}" is a third one` : '"-" is stdin',
    });
  const remote = remoteOf(invocation);
  const both = values(invocation, 'with');
  const forOld = values(invocation, 'withOld');
  const forNew = values(invocation, 'withNew');
  // Files are asked for in order; both may have the same name.
  let turn = 0;
  const machines = await readMachines([old, now], both, io, async () => (turn++ === 0 ? forOld : forNew));
  const [before, after] = machines;
  if (before === undefined || after === undefined) return exitCodes.couldNotLook;
  const result = diffMachines(before.texts, after.texts, {
    registry: defaultRegistry(),
    expression: invocation.expression,
    logging: flag(invocation, 'logging'),
    twoMachines: forOld.length > 0 || forNew.length > 0,
    ...(remote === undefined ? {} : { remote }),
    ...assumeOption(invocation),
    ...readingOptions(invocation),
    ...nodesOption(invocation),
  });
  return answer(result, invocation, io);
};

function remoteOf(invocation: Invocation): RemoteEnd | undefined {
  const given = value(invocation, 'asRemote');
  if (given === undefined) return undefined;
  const remote = parseRemoteEnd(given);
  if (remote === undefined)
    throw new CommandFailure(`--as-remote "${given}" is no address`, {
      hint: 'ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT: the first two words of $SSH_CLIENT',
    });
  return remote;
}

function answer(result: MachineDiffResult, invocation: Invocation, io: Io): ExitCode {
  if (result.refused) {
    const { expressionText, diagnostics } = result.refused;
    io.err(printDiagnostics(diagnostics, createSources([expressionText]), io.errStyle));
    return exitCodes.usage;
  }
  switch (flag(invocation, 'json') ? 'json' : choice(invocation, 'format', diffFormats)) {
    case 'json':
      io.out(printDiffJson(result, version));
      break;
    case 'markdown':
      io.out(printDiffMarkdown(result));
      break;
    default:
      io.out(printDiff(result, io.outStyle, { all: flag(invocation, 'all') }));
  }
  const different = result.compared?.families.some((f) => f.diff.kind === 'different');
  if (result.couldNotLook !== undefined) io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
  if (result.couldNotLook !== undefined) return exitCodes.couldNotLook;
  return different === true ? exitCodes.findings : exitCodes.ok;
}

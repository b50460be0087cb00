import {
  defaultRegistry,
  type MatrixOptions,
  matrixOf,
  parsePort,
  parseProtocol,
  protocolName,
} from '../../asking.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printMatrix } from '../../report/matrix.ts';
import { printMatrixDot, printMatrixJson } from '../../report/matrix-json.ts';
import { type CommandModule, choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { readMachines } from '../read-machines.ts';
import { matrixFormats } from '../set-command-specs.ts';
import { version } from '../version.ts';
import { assumeOption } from './assume-option.ts';
import { nodesOption } from './budget-option.ts';
import { rangesOption } from './ranges-option.ts';
import { readingOptions } from './reading-options.ts';

/** The destination port, or the type of ICMP, that --port names. */
function portOf(given: string, protocol: number): number {
  const isIcmp = protocol === 1 || protocol === 58;
  const port = parsePort(given, protocol);
  if (port !== undefined && (!isIcmp || port <= 255)) return port;
  throw isIcmp
    ? new CommandFailure(`--port "${given}" is no type of ICMP`, { hint: 'say its number, from 0 to 255' })
    : new CommandFailure(`--port "${given}" is no port of ${protocolName(protocol)}`, {
        hint: 'say a number up to 65535 or the name of a service, and the protocol by --protocol',
      });
}

function questionOf(invocation: Invocation, io: Io): Omit<MatrixOptions, 'registry'> {
  const name = value(invocation, 'protocol') ?? 'tcp';
  const protocol = parseProtocol(name);
  if (protocol === undefined) throw new CommandFailure(`--protocol "${name}" is no protocol`);
  const given = value(invocation, 'port');
  return {
    protocol,
    ...(given === undefined ? {} : { port: portOf(given, protocol) }),
    ...rangesOption(invocation, io),
    ...assumeOption(invocation),
    ...readingOptions(invocation),
    ...nodesOption(invocation),
  };
}

/** `fwsim matrix`: who may open a connection to whom. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const question = questionOf(invocation, io);
  const [file, ...more] = invocation.operands;
  if (more.length > 0) throw new CommandFailure(`a matrix is of one machine, "${more[0]}" is a second one`);
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const result = matrixOf(machine.texts, {
    ...question,
    registry: defaultRegistry(),
    diagnostics: machine.diagnostics,
  });
  const detail = { all: flag(invocation, 'all'), verbose: flag(invocation, 'verbose') };
  const format = flag(invocation, 'json') ? 'json' : choice(invocation, 'format', matrixFormats);
  if (format === 'json') io.out(printMatrixJson(result, question, version));
  else if (format === 'dot') io.out(printMatrixDot(result, question));
  else io.out(printMatrix(result, question, io.outStyle, detail));
  if (result.couldNotLook === undefined) return exitCodes.ok;
  io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
  return exitCodes.couldNotLook;
};

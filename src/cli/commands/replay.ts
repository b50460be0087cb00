import { createSources } from '../../diagnostics/sources.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printReplay } from '../../report/replay.ts';
import { printReplayJson } from '../../report/replay-json.ts';
import { defaultRegistry, parseMac, type ReplayResult, replayCapture } from '../../tracing.ts';
import { choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { readMachines, stdinName } from '../read-machines.ts';
import { version } from '../version.ts';
import { readingOptions } from './reading-options.ts';

/** What `--direction` may be. */
const directionChoices = ['in', 'out', 'auto'] as const;

/** More packets than anybody reads. */
const limitMax = 100_000;

/** `fwsim replay`: all packets of a capture. */
export async function run(invocation: Invocation, io: Io): Promise<ExitCode> {
  const [captureName, rules, ...more] = invocation.operands;
  if (captureName === undefined)
    throw new CommandFailure('a capture is needed: fwsim replay CAPTURE [RULES]');
  if (more.length > 0)
    throw new CommandFailure(`a replay is of one machine, "${more[0]}" is a second one`, {
      hint: 'more about the same machine is added by --with FILE; --diff OTHER compares two rulesets',
    });
  const other = value(invocation, 'diff');
  const used = [
    captureName,
    rules ?? '-',
    ...(other === undefined ? [] : [other]),
    ...values(invocation, 'with'),
  ];
  if (used.filter((path) => path === '-').length > 1)
    throw new CommandFailure('stdin ("-") can be read only once', {
      hint: 'name the file with the rules: fwsim replay CAPTURE RULES',
    });
  const macs = values(invocation, 'mac', 'by-comma').map(macOf);
  const limit = limitOf(value(invocation, 'limit'));
  const capture = {
    name: captureName === '-' ? stdinName : captureName,
    bytes: captureName === '-' ? await io.readStdin() : io.readFile(captureName),
  };
  const files = [...(rules === undefined ? [] : [rules]), ...(other === undefined ? [] : [other])];
  const machines = await readMachines(
    rules === undefined && other !== undefined ? ['-', other] : files,
    values(invocation, 'with'),
    io,
  );
  const [machine, compared] = machines;
  if (machine === undefined) return exitCodes.couldNotLook;
  const interfaceName = value(invocation, 'iface');
  const direction = choice(invocation, 'direction', directionChoices);
  const { family, backend } = readingOptions(invocation);
  const result = replayCapture(capture, machine.texts, {
    registry: defaultRegistry(),
    diagnostics: machine.diagnostics,
    ...(compared && { other: compared.texts }),
    assume: values(invocation, 'assume'),
    ...(family && { family }),
    ...(backend && { backend }),
    ...(interfaceName !== undefined && { interfaceName }),
    ...(direction && { direction }),
    ...(limit !== undefined && { limit }),
    macs,
    ignoreChecksums: flag(invocation, 'ignoreChecksums'),
  });
  return answer(result, flag(invocation, 'json'), io);
}

function answer(result: ReplayResult, json: boolean, io: Io): ExitCode {
  const { refused, couldNotLook, replayed } = result;
  if (refused) {
    io.err(printDiagnostics(refused.diagnostics, createSources([refused.text]), io.errStyle));
    return exitCodes.usage;
  }
  if (json || replayed) io.out(json ? printReplayJson(result, version) : printReplay(result, io.outStyle));
  if (couldNotLook !== undefined) {
    io.err(`fwsim: ${escapeTerminal(couldNotLook)}\n`);
    return exitCodes.couldNotLook;
  }
  return replayed?.other && replayed.other.differingPackets > 0 ? exitCodes.findings : exitCodes.ok;
}

function macOf(text: string): string {
  const mac = parseMac(text);
  if (mac === undefined)
    throw new CommandFailure(`--mac "${text}" is no Ethernet address`, {
      hint: 'for example --mac 52:54:00:12:34:56',
    });
  return mac;
}

function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(limit <= limitMax)) throw new CommandFailure(`--limit "${text}" is no number up to ${limitMax}`);
  return limit;
}

import { createSources, type SourceText } from '../../diagnostics/sources.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printLogStory } from '../../report/trace-log.ts';
import { printLogStoryJson } from '../../report/trace-log-json.ts';
import { defaultRegistry, explainLog } from '../../tracing.ts';
import { flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { decodeText } from '../decode.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { readMachines, stdinName } from '../read-machines.ts';
import { version } from '../version.ts';
import { readingOptions } from './reading-options.ts';

/** Lines that could not be read and are shown. */
const problemsShownMax = 5;

/** `fwsim trace --log`: what lines of the kernel's packet log tell of the rules. */
export async function runTraceLog(invocation: Invocation, io: Io): Promise<ExitCode> {
  const given = value(invocation, 'log') ?? '';
  const [file, ...more] = invocation.operands;
  refuseOthers(invocation, more);
  const fromStdin = given === '-';
  if (fromStdin && (file === undefined || file === '-'))
    throw new CommandFailure('stdin can be read only once, and --log - reads the log from it', {
      hint: 'name the file of the rules: journalctl -k | fwsim trace gw.rules --log -',
    });
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const log: SourceText = fromStdin
    ? { name: stdinName, text: decodeText(await io.readStdin(), stdinName).text }
    : { name: '--log', text: given };
  const all = flag(invocation, 'all');
  const result = explainLog(machine.texts, {
    ...readingOptions(invocation),
    registry: defaultRegistry(),
    log,
    assume: values(invocation, 'assume'),
    ...(all ? { groupCountMax: Number.POSITIVE_INFINITY } : {}),
  });
  if (result.refused) {
    const { expressionText, diagnostics } = result.refused;
    io.err(printDiagnostics(diagnostics, createSources([expressionText]), io.errStyle, problemsShownMax));
    return exitCodes.usage;
  }
  io.out(flag(invocation, 'json') ? printLogStoryJson(result, version) : printLogStory(result, io.outStyle));
  const problems = result.story?.diagnostics ?? [];
  if (problems.length > 0)
    io.err(
      printDiagnostics(
        problems,
        createSources([log]),
        io.errStyle,
        all ? Number.POSITIVE_INFINITY : problemsShownMax,
      ),
    );
  if (result.couldNotLook === undefined) return exitCodes.ok;
  io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
  return exitCodes.couldNotLook;
}

function refuseOthers(invocation: Invocation, more: readonly string[]): void {
  if (more.length > 0) throw new CommandFailure(`a trace is of one machine, "${more[0]}" is a second one`);
  if (invocation.expression.length > 0)
    throw new CommandFailure('the packet is told twice: by --log and by match options');
  for (const name of ['flow', 'kernel'])
    if (flag(invocation, name))
      throw new CommandFailure(
        `--${name} begins with a packet in match options, and --log with one that was logged`,
        {
          hint: 'write the logged packet in match options instead: -i eth0 -p tcp -s ADDRESS -d ADDRESS --dport PORT',
        },
      );
  if (invocation.options['reply'] === false)
    throw new CommandFailure('--no-reply has no say here: of a logged packet no answer is shown');
  for (const name of ['local', 'pick'])
    if (flag(invocation, name))
      throw new CommandFailure(`--${name} is about a packet in match options; a log line says all itself`);
}

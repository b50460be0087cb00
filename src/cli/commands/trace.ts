import { createSources } from '../../diagnostics/sources.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printTrace } from '../../report/trace.ts';
import { printTraceJson } from '../../report/trace-json.ts';
import { compareKernel, defaultRegistry, type TraceResult, tracePacket } from '../../tracing.ts';
import { type CommandModule, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Assumption, TraceAnswer, TraceCore } from '../core.ts';
import { exitCodes } from '../exit-codes.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { readingOptions } from './reading-options.ts';
import { runTraceLog } from './trace-log.ts';

/** `fwsim trace`: the path of one packet. */
export function traceCommand<A extends TraceAnswer>(core: TraceCore<A>): CommandModule['run'] {
  return async (invocation, io) => {
    const assumptions = assumptionsOf(invocation);
    const [file, ...more] = invocation.operands;
    if (more.length > 0) {
      throw new CommandFailure(`a trace is of one machine, "${more[0]}" is a second one`, {
        hint: 'more about the same machine is added by --with FILE',
      });
    }
    const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
    if (machine === undefined) return exitCodes.couldNotLook;
    const detail = { all: flag(invocation, 'all'), verbose: flag(invocation, 'verbose') };
    refuseTogether(invocation);
    let answer = core.trace({
      ...readingOptions(invocation),
      ...machine,
      expression: invocation.expression,
      local: flag(invocation, 'local'),
      pick: flag(invocation, 'pick'),
      assumptions,
      all: detail.all,
      reply: invocation.options['reply'] !== false,
      flow: flag(invocation, 'flow'),
      now: io.now,
    });
    if (answer.refused !== undefined) {
      const { expressionText, diagnostics } = answer.refused;
      io.err(printDiagnostics(diagnostics, createSources([expressionText]), io.errStyle));
      return exitCodes.usage;
    }
    if (flag(invocation, 'kernel')) answer = await core.askKernel(answer);
    io.out(flag(invocation, 'json') ? core.printJson(answer) : core.printPretty(answer, io.outStyle, detail));
    if (answer.couldNotLook === undefined) return exitCodes.ok;
    io.err(`fwsim: ${escapeTerminal(answer.couldNotLook)}\n`);
    return exitCodes.couldNotLook;
  };
}

/** Which keys there are, and what they may be, only the engine knows; here a key and a value must be there. */
function assumptionsOf(invocation: Invocation): readonly Assumption[] {
  return values(invocation, 'assume').map((given) => {
    const equals = given.indexOf('=');
    const empty = equals === given.length - 1 && !given.startsWith('set:');
    if (equals <= 0 || empty) {
      throw new CommandFailure(`--assume "${given}" is not KEY=VALUE`, {
        hint: 'for example --assume local=203.0.113.1 or --assume limit=over',
      });
    }
    return { key: given.slice(0, equals), value: given.slice(equals + 1) };
  });
}

/** Options that ask for different things. */
function refuseTogether(invocation: Invocation): void {
  const refuse = (message: string, hint: string): never => {
    throw new CommandFailure(message, { hint });
  };
  if (flag(invocation, 'flow') && invocation.options['reply'] === false)
    refuse('--flow plays the answers too, and --no-reply leaves them out', 'leave out one of the two');
  if (flag(invocation, 'flow') && flag(invocation, 'kernel'))
    refuse('--kernel sends one packet, and --flow is about many', 'leave out one of the two');
}

async function askLiveKernel(answer: TraceResult): Promise<TraceResult> {
  const { traced } = answer;
  if (!traced) return answer;
  const { askKernel, LiveFailure } = await import('../../live/run.ts');
  try {
    return {
      ...answer,
      traced: { ...traced, kernel: compareKernel(await askKernel(traced), traced.exploration.branches) },
    };
  } catch (problem) {
    if (!(problem instanceof LiveFailure)) throw problem;
    throw new CommandFailure(problem.message, problem.hint === undefined ? {} : { hint: problem.hint });
  }
}

/** What `trace` is made of. */
export const traceCore: TraceCore<TraceResult> = {
  trace: ({ texts, diagnostics, expression, local, pick, assumptions, all, reply, flow, family, backend }) =>
    tracePacket(texts, {
      registry: defaultRegistry(),
      diagnostics,
      expression,
      local,
      pick,
      all,
      reply,
      flow,
      assume: assumptions.map(({ key, value }) => `${key}=${value}`),
      ...(family === undefined ? {} : { family }),
      ...(backend === undefined ? {} : { backend }),
    }),
  askKernel: askLiveKernel,
  printPretty: printTrace,
  printJson: (answer) => printTraceJson(answer, version),
};

/** `fwsim trace` with all its parts. */
export const run: CommandModule['run'] = (invocation, io) =>
  (value(invocation, 'log') === undefined ? traceCommand(traceCore) : runTraceLog)(invocation, io);

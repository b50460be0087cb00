import type { Severity } from '../../diagnostics/diagnostic.ts';
import { checks, defaultRegistry, type LintResult, lintMachine, unknownWords } from '../../index.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printLintPretty } from '../../report/lint-findings.ts';
import { printLintJson } from '../../report/lint-json.ts';
import { type CommandModule, choice, flag, type Invocation, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import type { LintAnswer, LintCore } from '../core.ts';
import { type ExitCode, exitCodes, gravest } from '../exit-codes.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { readingOptions } from './reading-options.ts';

/** What `--fail-on` may be, gravest first; `never` reports and succeeds. */
export const failOnChoices = ['error', 'warning', 'info', 'never'] as const;

/** What `--format` may be. */
export const lintFormats = ['pretty', 'json'] as const;

const rank: Readonly<Record<Severity, number>> = { error: 3, warning: 2, info: 1 };

/** `fwsim lint`: the rules that do not do what they seem to. */
export function lintCommand<A extends LintAnswer>(core: LintCore<A>): CommandModule['run'] {
  return async (invocation, io) => {
    const select = values(invocation, 'select', 'by-comma');
    const ignore = values(invocation, 'ignore', 'by-comma');
    refuseUnknownChecks(core, [...select, ...ignore]);
    const machines = await readMachines(invocation.operands, values(invocation, 'with'), io);
    const reading = readingOptions(invocation);
    const answers = machines.map((machine) =>
      core.lint({ ...reading, ...machine, select, ignore, now: io.now }),
    );
    if (choice(invocation, 'format', lintFormats) === 'json') io.out(core.printJson(answers));
    else io.out(core.printPretty(answers, io.outStyle, detail(invocation)));
    for (const { couldNotLook } of answers) {
      if (couldNotLook !== undefined) io.err(`fwsim: ${escapeTerminal(couldNotLook)}\n`);
    }
    const failOn = choice(invocation, 'failOn', failOnChoices) ?? 'warning';
    return gravest(answers.map((answer) => exitCodeOf(answer, failOn)));
  };
}

function detail(invocation: Invocation) {
  return { all: flag(invocation, 'all'), verbose: flag(invocation, 'verbose') };
}

function exitCodeOf(answer: LintAnswer, failOn: Severity | 'never'): ExitCode {
  if (answer.couldNotLook !== undefined) return exitCodes.couldNotLook;
  if (failOn === 'never') return exitCodes.ok;
  const failed = answer.findings.some((finding) => rank[finding.severity] >= rank[failOn]);
  return failed ? exitCodes.findings : exitCodes.ok;
}

function refuseUnknownChecks<A extends LintAnswer>(core: LintCore<A>, names: readonly string[]): void {
  const [unknown] = core.unknownChecks(names);
  if (unknown === undefined) return;
  const meant = unknown.meant === undefined ? '' : `did you mean "${unknown.meant}"? `;
  throw new CommandFailure(`"${unknown.name}" is no check, and no check's code begins with it`, {
    hint: `${meant}fwsim checks lists them`,
  });
}

/** What `lint` is made of. */
export const lintCore: LintCore<LintResult> = {
  lint: ({ texts, diagnostics, select, ignore, family, backend }) =>
    lintMachine(texts, {
      registry: defaultRegistry(),
      checks,
      diagnostics,
      select,
      ignore,
      ...(family === undefined ? {} : { family }),
      ...(backend === undefined ? {} : { backend }),
    }),
  unknownChecks: (names) => unknownWords(names, checks),
  printPretty: printLintPretty,
  printJson: (results) => printLintJson(results, version),
};

/** `fwsim lint` with all its parts. */
export const run = lintCommand(lintCore);

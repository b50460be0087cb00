import { resolve } from 'node:path';
import type { SourceText } from '../../diagnostics/sources.ts';
import { fixMachine } from '../../fixing.ts';
import { checks, defaultRegistry } from '../../linting.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { printFixPatch, printFixSummary } from '../../report/lint-fixes.ts';
import { failsRun } from '../../report/machine-report.ts';
import { flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ExitCode, exitCodes, gravest } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { stdinName } from '../read-machines.ts';
import type { LintJob } from './job.ts';
import { createProgress } from './progress.ts';

/** What the command line asks to be changed. */
export interface FixChoice {
  readonly unsafe: boolean;
  readonly inPlace: boolean;
}

/**
 * Whether changes are asked for.
 * @throws CommandFailure for options that print something else.
 */
export function fixChoice(invocation: Invocation): FixChoice | undefined {
  const unsafe = flag(invocation, 'unsafeFixes');
  const inPlace = flag(invocation, 'inPlace');
  if (!unsafe && !flag(invocation, 'fix')) {
    if (inPlace) throw new CommandFailure('--in-place needs --fix or --unsafe-fixes');
    return undefined;
  }
  const other =
    values(invocation, 'format').length > 0 || value(invocation, 'outputFile') !== undefined
      ? '--format and --output-file'
      : value(invocation, 'writeBaseline') !== undefined
        ? '--write-baseline'
        : value(invocation, 'explainSilence') !== undefined
          ? '--explain-silence'
          : undefined;
  if (other !== undefined)
    throw new CommandFailure(`--fix prints a patch: ${other} cannot go with it`, {
      hint: '--show-fix tells of changes among the findings',
    });
  return { unsafe, inPlace };
}

/** Mends each machine: a patch on stdout, or the files themselves; what was done and what is left on stderr. */
export function applyFixes(
  jobs: readonly LintJob[],
  { unsafe, inPlace }: FixChoice,
  exitZero: boolean,
  io: Io,
): ExitCode {
  if (inPlace) for (const job of jobs) refuseToWrite(job);
  const progress = createProgress(io);
  const codes = jobs.map((job): ExitCode => {
    const { texts, diagnostics, options, failOn } = job;
    const name = texts[0]?.name ?? '';
    const result = fixMachine(
      texts,
      {
        ...options,
        registry: defaultRegistry(),
        checks,
        diagnostics,
        onProgress: ({ what, done, total }) => progress.tell(`${name}: ${what} (${done} of ${total})`),
      },
      { unsafe },
    );
    progress.end();
    const { couldNotLook } = result.first;
    if (couldNotLook !== undefined) {
      io.err(`fwsim: ${escapeTerminal(couldNotLook)}\n`);
      return exitCodes.couldNotLook;
    }
    const patch = printFixPatch(result);
    io.out(patch.text);
    if (inPlace) write(texts, result.texts, io);
    else if (!patch.exact)
      io.err(
        `fwsim: ${escapeTerminal(name)} holds control characters: the patch shows them, and does not apply\n`,
      );
    io.err(printFixSummary(result, io.errStyle));
    const { unfinished } = result.last;
    if (unfinished !== undefined) {
      io.err(`fwsim: ${escapeTerminal(unfinished)}\n`);
      return exitCodes.couldNotLook;
    }
    const failed = result.last.findings.some((finding) => failsRun(finding, failOn));
    return failed && !exitZero ? exitCodes.findings : exitCodes.ok;
  });
  return gravest(codes);
}

/** @throws CommandFailure where a text cannot be written back as it was read. */
function refuseToWrite({ texts, diagnostics }: LintJob): void {
  for (const { name } of texts) {
    if (name === stdinName)
      throw new CommandFailure('--in-place needs files: stdin cannot be changed', {
        hint: 'without it, the patch is printed',
      });
    const odd = diagnostics.some(
      ({ id, span }) =>
        (id === 'not-utf-8' && (span?.source ?? name) === name) ||
        (id === 'byte-order-mark' && span?.source === name),
    );
    if (odd)
      throw new CommandFailure(`--in-place would change more of "${name}" than its rules`, {
        hint: 'it is not UTF-8 without a byte order mark',
      });
  }
}

function write(old: readonly SourceText[], now: readonly SourceText[], io: Io): void {
  for (const [index, { name, text }] of now.entries())
    if (text !== old[index]?.text) io.writeFile(resolve(io.cwd, name), text);
}

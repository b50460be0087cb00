import { resolve } from 'node:path';
import type { DiagnosticCode } from '../../diagnostics/diagnostic.ts';
import {
  checks,
  confidences,
  type LintOptions,
  parseRemoteEnd,
  presets,
  profiles,
  unknownWords,
} from '../../linting.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { failsRun, type MachineReport } from '../../report/machine-report.ts';
import { type CommandModule, choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { type ExitCode, exitCodes, gravest } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { baselineChoice, createBaselines } from '../lint/baselines.ts';
import { type ConfigLoader, configChoice, createConfigLoader } from '../lint/config-file.ts';
import { lintOutputs, printAll } from '../lint/formats.ts';
import type { LintJob } from '../lint/job.ts';
import type { LoadedConfig, LoadedSuppressions } from '../lint/loaded-config.ts';
import { runLintJobs } from '../lint/run-jobs.ts';
import { type MachineTexts, readMachines, stdinName } from '../read-machines.ts';
import { version } from '../version.ts';
import { nodesOption } from './budget-option.ts';
import { readingOptions } from './reading-options.ts';

/** What `--fail-on` may be, gravest first; `never` reports and succeeds. */
const failOnChoices = ['error', 'warning', 'info', 'never'] as const;

/** `fwsim lint`: the rules that do not do what they seem to. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const asked = readInvocation(invocation, io);
  const wantsFixes =
    flag(invocation, 'fix') || flag(invocation, 'unsafeFixes') || flag(invocation, 'inPlace');
  // What plain runs do not need is not loaded for them.
  const fixes = wantsFixes ? await import('../lint/apply-fixes.ts') : undefined;
  const fixing = fixes?.fixChoice(invocation);
  const loader = configLoaderOf(invocation, io);
  const baselines = createBaselines(baselineChoice(invocation), io);
  const extra = values(invocation, 'with');
  const machines = await readMachines(invocation.operands, extra, io, async (path) => [
    ...((await loader.config(path === '-' ? undefined : path))?.captures ?? []),
  ]);
  const jobs: LintJob[] = [];
  for (const machine of machines) jobs.push(await jobOf(machine, asked, loader, baselines.forMachine, io));
  if (fixes && fixing) return fixes.applyFixes(jobs, fixing, asked.exitZero, io);
  const reports = await runLintJobs(jobs, asked.threads, io);

  if (asked.silence !== undefined) {
    const { printSilence } = await import('../../report/lint-printers.ts');
    for (const report of reports) io.out(printSilence(report, io.outStyle));
  } else if (!(await baselines.write(reports))) {
    const detail = {
      all: flag(invocation, 'all'),
      verbose: flag(invocation, 'verbose'),
      fixes: flag(invocation, 'showFix'),
    };
    await printAll(asked.outputs, { reports, run: { version, checks }, detail }, io);
  }
  for (const { couldNotLook, unfinished } of reports) {
    const why = couldNotLook ?? unfinished;
    if (why !== undefined) io.err(`fwsim: ${escapeTerminal(why)}\n`);
  }
  const quiet = asked.exitZero || asked.silence !== undefined || baselines.writes;
  return gravest(reports.map((report) => exitCodeOf(report, quiet)));
};

function exitCodeOf(report: MachineReport, quiet: boolean): ExitCode {
  if ((report.couldNotLook ?? report.unfinished) !== undefined) return exitCodes.couldNotLook;
  if (quiet) return exitCodes.ok;
  const failed = report.findings.some((finding) => failsRun(finding, report.failOn));
  return failed ? exitCodes.findings : exitCodes.ok;
}

/** The reader of the configuration that the command line wants. */
export function configLoaderOf(invocation: Invocation, io: Io): ConfigLoader {
  return createConfigLoader(io, configChoice(value(invocation, 'config'), noConfig(invocation)));
}

/** How the linter is to look at a machine of another command: as the configuration says. */
export function configuredJob(
  machine: MachineTexts,
  invocation: Invocation,
  loader: ConfigLoader,
  io: Io,
): Promise<LintJob> {
  const baselines = createBaselines(baselineChoice(invocation), io);
  return jobOf(machine, readInvocation(invocation, io), loader, baselines.forMachine, io);
}

function noConfig(invocation: Invocation): boolean {
  // Commander makes `config: false` of --no-config.
  return invocation.options['config'] === false;
}

/** What the command line says by itself. */
function readInvocation(invocation: Invocation, io: Io) {
  const select = values(invocation, 'select', 'by-comma');
  const ignore = values(invocation, 'ignore', 'by-comma');
  refuseUnknownChecks([...select, ...ignore]);
  const silence = value(invocation, 'explainSilence');
  if (silence !== undefined) refuseUnknownChecks([silence]);
  const remoteText = value(invocation, 'asRemote');
  const asRemote = remoteText === undefined ? undefined : parseRemoteEnd(remoteText);
  if (remoteText !== undefined && asRemote === undefined)
    throw new CommandFailure(`--as-remote "${remoteText}" is no address`, {
      hint: 'ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT: the first two words of $SSH_CLIENT',
    });
  const threads = Number(value(invocation, 'jobs') ?? '1');
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new CommandFailure('--jobs takes a number of threads, from 1 to 256');
  }
  const wanted = values(invocation, 'preset', 'by-comma').map((word) => {
    const preset = presets.find((known) => known === word);
    if (preset === undefined)
      throw new CommandFailure(`there is no preset "${word}"`, { hint: `known are ${presets.join(', ')}` });
    return preset;
  });
  return {
    select,
    ignore,
    presets: wanted,
    preview: flag(invocation, 'preview'),
    profile: choice(invocation, 'profile', profiles),
    minConfidence: choice(invocation, 'minConfidence', confidences),
    failOn: choice(invocation, 'failOn', failOnChoices),
    exitZero: flag(invocation, 'exitZero'),
    silence: checks.find(({ code, name }) =>
      [code.toLowerCase(), name].includes(silence?.toLowerCase() ?? ''),
    )?.code,
    threads,
    asRemote,
    reading: { ...readingOptions(invocation), ...nodesOption(invocation) },
    outputs: lintOutputs(
      [...values(invocation, 'format'), ...(flag(invocation, 'json') ? ['json'] : [])],
      value(invocation, 'outputFile'),
      [...invocation.operands, ...values(invocation, 'with')].filter((path) => path !== '-'),
      io,
    ),
  };
}

type Asked = ReturnType<typeof readInvocation>;

/** One machine with all that is said about how to look at it. What the command line says goes first. */
async function jobOf(
  machine: MachineTexts,
  asked: Asked,
  loader: ConfigLoader,
  baselineOf: (name: string, config: LoadedConfig | undefined) => Promise<ReadonlySet<string> | undefined>,
  io: Io,
): Promise<LintJob> {
  const name = machine.texts[0]?.name ?? '';
  const path = name === stdinName ? undefined : name;
  const config = await loader.config(path);
  const beside = await loader.suppressions(path);
  const baseline = await baselineOf(name, config);
  const options: LintJob['options'] = {
    ...asked.reading,
    ...selectionOf(asked, config),
    ...(config?.declared ? { declared: config.declared } : {}),
    ...(beside ? { suppressions: suppressionsFor(beside, path, io) } : {}),
    ...(baseline ? { baseline } : {}),
    ...(asked.silence === undefined ? {} : { explainSilence: asked.silence as DiagnosticCode }),
    ...(asked.asRemote === undefined ? {} : { asRemote: asked.asRemote }),
    today: io.today(),
  };
  return {
    texts: machine.texts,
    otherTexts: beside ? [beside.source] : [],
    diagnostics: machine.diagnostics,
    options,
    failOn: asked.failOn ?? config?.failOn ?? 'warning',
  };
}

/**
 * What runs. `--select` asks for these checks whatever the configuration says; the other options add to it or take its
 * place one by one.
 */
function selectionOf(asked: Asked, config: LoadedConfig | undefined): Partial<LintOptions> {
  const own = config?.lint ?? {};
  const { select, ignore, preview, profile, minConfidence } = asked;
  const severities =
    select.length === 0
      ? own.severities
      : Object.fromEntries(Object.entries(own.severities ?? {}).filter(([, choice]) => choice !== 'off'));
  const presetsWanted = asked.presets.length > 0 ? asked.presets : own.presets;
  return {
    ...own,
    ...(presetsWanted ? { presets: presetsWanted } : {}),
    ...(severities ? { severities } : {}),
    select,
    ignore: select.length > 0 ? ignore : [...(own.ignore ?? []), ...ignore],
    preview: preview || own.preview === true,
    ...(profile ? { profile } : {}),
    ...(minConfidence ? { minConfidence } : {}),
  };
}

/** The suppressions that may be about this machine; those that name it are known to be. */
function suppressionsFor(loaded: LoadedSuppressions, path: string | undefined, io: Io) {
  return loaded.entries.flatMap(({ suppression, file }) => {
    if (file === undefined) return [suppression];
    if (path === undefined || resolve(io.cwd, path) !== file) return [];
    return [{ ...suppression, scope: { ...suppression.scope, owned: true } as typeof suppression.scope }];
  });
}

function refuseUnknownChecks(names: readonly string[]): void {
  const [unknown] = unknownWords(names, checks);
  if (unknown === undefined) return;
  const meant = unknown.meant === undefined ? '' : `did you mean "${unknown.meant}"? `;
  throw new CommandFailure(`"${unknown.name}" is no check, and no check's code begins with it`, {
    hint: `${meant}fwsim checks lists them`,
  });
}

import { resolve } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import type { SourceText } from '../../diagnostics/sources.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { defaultRegistry, packedPageScript, reportPageOf, tooManyRules } from '../../reporting.ts';
import { type CommandModule, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import { runLintJobs } from '../lint/run-jobs.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { boxesOption } from './boxes-option.ts';
import { nodesOption } from './budget-option.ts';
import { configLoaderOf, configuredJob } from './lint.ts';
import { readingOptions } from './reading-options.ts';

/** Beyond so many rules a page takes more than a minute, and a browser does not hold it. */
const rulesMax = 300_000;

/** Lines that add a rule: known before anything is read. */
function ruleLines(texts: readonly SourceText[]): number {
  let count = 0;
  for (const { text } of texts) for (const _ of text.matchAll(/^(?:\[\d+:\d+\] )?-A /gm)) count++;
  return count;
}

/** `fwsim report`: all that is known of a machine's rules on one page. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const [file] = invocation.operands;
  const output = value(invocation, 'output');
  if (output === undefined && io.outIsTerminal)
    throw new CommandFailure('the report is a page for a browser, which a terminal does not show', {
      hint: 'name a file: -o report.html',
    });
  const boxesMax = boxesOption(invocation);
  const nodes = nodesOption(invocation);
  const loader = configLoaderOf(invocation, io);
  const files = file === undefined ? [] : [file];
  const [machine] = await readMachines(files, values(invocation, 'with'), io, async (path) => [
    ...((await loader.config(path === '-' ? undefined : path))?.captures ?? []),
  ]);
  if (machine === undefined) return exitCodes.couldNotLook;
  if (nodes.nodesMax === undefined && ruleLines(machine.texts) > rulesMax) {
    io.err(`fwsim: ${tooManyRules('no page is made', rulesMax)}\n`);
    return exitCodes.couldNotLook;
  }
  const job = await configuredJob(machine, invocation, loader, io);
  const [report] = await runLintJobs([job], 1, io);
  if (report === undefined) return exitCodes.couldNotLook;
  const { page, couldNotLook } = reportPageOf(machine.texts, {
    ...readingOptions(invocation),
    ...nodes,
    registry: defaultRegistry(),
    report,
    declared: job.options.declared,
    diagnostics: machine.diagnostics,
    boxesMax,
    script: inflateRawSync(Buffer.from(packedPageScript, 'base64')).toString('utf8'),
    version,
  });
  if (page !== undefined) {
    if (output === undefined) io.out(page);
    else io.writeFile(resolve(io.cwd, output), page);
  }
  if (couldNotLook.length === 0) return exitCodes.ok;
  for (const text of couldNotLook) io.err(`fwsim: ${escapeTerminal(text)}\n`);
  return exitCodes.couldNotLook;
};

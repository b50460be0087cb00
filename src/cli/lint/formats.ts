/** The forms in which findings are printed, each loaded when it is asked for, and where they go. */

import { resolve } from 'node:path';
import { didYouMean } from '../../diagnostics/did-you-mean.ts';
import type { MachineReport, RunDetails } from '../../report/machine-report.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Detail } from '../core.ts';
import type { Io } from '../io.ts';

/** All that a printer may look at. */
export interface PrintRequest {
  readonly reports: readonly MachineReport[];
  readonly run: RunDetails;
  readonly style: Io['outStyle'];
  readonly detail: Detail;
}

type Print = (request: PrintRequest) => string;

type Printers = typeof import('../../report/lint-printers.ts');

/** Many small pieces would take longer to find than one larger piece to read. */
const other = (choose: (printers: Printers) => Print) => async (): Promise<Print> =>
  choose(await import('../../report/lint-printers.ts'));

const printers = {
  pretty: async (): Promise<Print> => {
    const { printLintPretty } = await import('../../report/lint-findings.ts');
    return ({ reports, style, detail }) => printLintPretty(reports, style, detail);
  },
  concise: other(
    (p) =>
      ({ reports }) =>
        p.printLintConcise(reports),
  ),
  json: other(
    (p) =>
      ({ reports, run }) =>
        p.printLintJson(reports, run),
  ),
  jsonl: other(
    (p) =>
      ({ reports, run }) =>
        p.printLintJsonLines(reports, run),
  ),
  sarif: other(
    (p) =>
      ({ reports, run }) =>
        p.printLintSarif(reports, run),
  ),
  github: other(
    (p) =>
      ({ reports }) =>
        p.printLintGithub(reports),
  ),
  gitlab: other(
    (p) =>
      ({ reports }) =>
        p.printLintGitlab(reports),
  ),
  checkstyle: other(
    (p) =>
      ({ reports, run }) =>
        p.printLintCheckstyle(reports, run),
  ),
  junit: other(
    (p) =>
      ({ reports, run }) =>
        p.printLintJunit(reports, run),
  ),
  markdown: other(
    (p) =>
      ({ reports, run }) =>
        p.printLintMarkdown(reports, run),
  ),
} as const;

/** A name that `--format` takes. */
type LintFormat = keyof typeof printers;

/** All of them, in the order of the help. */
export const lintFormats = Object.keys(printers) as readonly LintFormat[];

/** One answer: a form, and the file that it goes to; undefined: stdout. */
export interface LintOutput {
  readonly format: LintFormat;
  readonly path: string | undefined;
}

/**
 * Reads `--format NAME[=FILE]` and `--output-file`.
 * @throws CommandFailure for names that do not exist, and for two answers in one place.
 */
export function lintOutputs(
  words: readonly string[],
  outputFile: string | undefined,
  inputs: readonly string[],
  io: Io,
): readonly LintOutput[] {
  const outputs = (words.length === 0 ? ['pretty'] : words).map((word): LintOutput => {
    const cut = word.indexOf('=');
    const name = cut < 0 ? word : word.slice(0, cut);
    const path = cut < 0 ? outputFile : word.slice(cut + 1);
    const format = lintFormats.find((known) => known === name);
    if (format === undefined) {
      const meant = didYouMean(name, lintFormats);
      throw new CommandFailure(`there is no format "${name}"`, {
        hint: meant === undefined ? `known are ${lintFormats.join(', ')}` : `did you mean "${meant}"?`,
      });
    }
    if (path === '') throw new CommandFailure(`--format ${word} names no file`);
    return { format, path: path === '-' ? undefined : path };
  });
  const places = outputs.map(({ path }) => (path === undefined ? '' : resolve(io.cwd, path)));
  for (const [index, place] of places.entries()) {
    if (places.indexOf(place) !== index) {
      throw new CommandFailure(
        `two formats go to ${place === '' ? 'stdout' : `"${outputs[index]?.path ?? ''}"`}`,
        { hint: 'name a file for all but one: --format sarif=out.sarif --format pretty' },
      );
    }
    if (inputs.some((input) => resolve(io.cwd, input) === place)) {
      throw new CommandFailure(`"${outputs[index]?.path ?? ''}" is read, and would be overwritten`);
    }
  }
  return outputs;
}

/** Prints all answers; files are written as a whole or not at all. */
export async function printAll(
  outputs: readonly LintOutput[],
  request: Omit<PrintRequest, 'style'>,
  io: Io,
): Promise<void> {
  for (const { format, path } of outputs) {
    const print = await printers[format]();
    if (path === undefined) io.out(print({ ...request, style: io.outStyle }));
    else io.writeFile(resolve(io.cwd, path), print({ ...request, style: io.fileStyle }));
  }
}

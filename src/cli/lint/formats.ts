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

const printers = {
  pretty: async (): Promise<Print> => {
    const { printLintPretty } = await import('../../report/lint-findings.ts');
    return ({ reports, style, detail }) => printLintPretty(reports, style, detail);
  },
  concise: async (): Promise<Print> => {
    const { printLintConcise } = await import('../../report/lint-concise.ts');
    return ({ reports }) => printLintConcise(reports);
  },
  json: async (): Promise<Print> => {
    const { printLintJson } = await import('../../report/lint-json.ts');
    return ({ reports, run }) => printLintJson(reports, run);
  },
  jsonl: async (): Promise<Print> => {
    const { printLintJsonLines } = await import('../../report/lint-json.ts');
    return ({ reports, run }) => printLintJsonLines(reports, run);
  },
  sarif: async (): Promise<Print> => {
    const { printLintSarif } = await import('../../report/lint-sarif.ts');
    return ({ reports, run }) => printLintSarif(reports, run);
  },
  github: async (): Promise<Print> => {
    const { printLintGithub } = await import('../../report/lint-github.ts');
    return ({ reports }) => printLintGithub(reports);
  },
  gitlab: async (): Promise<Print> => {
    const { printLintGitlab } = await import('../../report/lint-gitlab.ts');
    return ({ reports }) => printLintGitlab(reports);
  },
  checkstyle: async (): Promise<Print> => {
    const { printLintCheckstyle } = await import('../../report/lint-xml.ts');
    return ({ reports, run }) => printLintCheckstyle(reports, run);
  },
  junit: async (): Promise<Print> => {
    const { printLintJunit } = await import('../../report/lint-xml.ts');
    return ({ reports, run }) => printLintJunit(reports, run);
  },
  markdown: async (): Promise<Print> => {
    const { printLintMarkdown } = await import('../../report/lint-markdown.ts');
    return ({ reports, run }) => printLintMarkdown(reports, run);
  },
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

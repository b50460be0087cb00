import { commands } from '../cli/command-table.ts';
import { exitCodeMeanings } from '../cli/exit-codes.ts';
import { checks, defaultRegistry } from '../index.ts';
import { checkListMarkdown, checkPageMarkdown } from '../report/check-page.ts';
import { markdownCode } from '../report/escape-markdown.ts';
import { createExampleOutput } from '../report/example-output.ts';

/** A piece of a file that is made from data: it stands between two markers, the rest is written by hand. */
export interface GeneratedPart {
  /** Relative to the repository. */
  readonly file: string;
  /** The markers are `<!-- generated: NAME -->` and `<!-- end: NAME -->`, each on a line of its own. */
  readonly name: string;
  /** Without line end at its end. */
  readonly make: () => string;
}

/** Everything that `npm run generate` writes. */
export const generatedParts: readonly GeneratedPart[] = [
  { file: 'README.md', name: 'commands', make: commandTable },
  { file: 'README.md', name: 'exit codes', make: exitCodeTable },
];

/** A file that is made from data as a whole. */
export interface GeneratedFile {
  /** Relative to the repository. */
  readonly file: string;
  readonly make: () => string;
}

/** The folder of the checks' pages; what else stands in it is removed. */
export const checkPagesFolder = 'docs/checks';

/** Every whole file that `npm run generate` writes. */
export const generatedFiles: readonly GeneratedFile[] = [
  ...checks.map((check) => ({
    file: `${checkPagesFolder}/${check.code}.md`,
    make: () => checkPageMarkdown(check, createExampleOutput(defaultRegistry(), checks)),
  })),
  { file: `${checkPagesFolder}/README.md`, make: checkIndex },
];

function checkIndex(): string {
  return `# Checks

What \`fwsim lint\` looks for. \`fwsim explain CODE\` shows the same pages in the terminal. The files of this folder
are made from the checks by \`npm run generate\`.

${checkListMarkdown(checks)}
`;
}

function commandTable(): string {
  const rows = commands.map(({ name, summary }) => `| ${markdownCode(`fwsim ${name}`)} | ${summary} |`);
  return ['| command | what it does |', '| --- | --- |', ...rows].join('\n');
}

function exitCodeTable(): string {
  const rows = exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return ['| exit code | meaning |', '| ---: | --- |', ...rows].join('\n');
}

/**
 * Puts the parts of one file in their places.
 * @throws Error when a marker is missing or stands twice.
 */
export function withGeneratedParts(text: string, parts: readonly GeneratedPart[]): string {
  let result = text;
  for (const { file, name, make } of parts) {
    const begin = `<!-- generated: ${name} -->\n`;
    const end = `<!-- end: ${name} -->`;
    const pieces = result.split(begin);
    const [before, after] = pieces;
    const endAt = after?.indexOf(end) ?? -1;
    if (pieces.length !== 2 || before === undefined || after === undefined || endAt === -1) {
      throw new Error(`${file} needs the markers "${begin.trim()}" and "${end}" exactly once`);
    }
    result = `${before}${begin}\n${make()}\n\n${after.slice(endAt)}`;
  }
  return result;
}

import { commands } from '../cli/command-table.ts';
import { exitCodeMeanings } from '../cli/exit-codes.ts';
import { markdownCode } from '../report/escape-markdown.ts';

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

import { readFileSync } from 'node:fs';
import { commands } from '../cli/command-table.ts';
import { exitCodeMeanings } from '../cli/exit-codes.ts';
import { ownOptionHelp } from '../expression/own-options.ts';
import { checks, defaultRegistry, graphOf } from '../index.ts';
import { checkListMarkdown, checkPageMarkdown } from '../report/check-page.ts';
import { markdownCode } from '../report/escape-markdown.ts';
import { createExampleOutput } from '../report/example-output.ts';
import { printGraphSvg } from '../report/graph-svg.ts';
import { bashCompletion, fishCompletion, zshCompletion } from './completions.ts';
import {
  configJsonSchema,
  configKeyTable,
  jsonSchemaText,
  policyJsonSchema,
  policyKeyTable,
  suppressionsJsonSchema,
} from './config-json-schema.ts';
import { dependenciesPage } from './dependencies-page.ts';
import { manPage } from './man-page.ts';
import { commandsPage, extensionsPage, jsonPage } from './reference-pages.ts';

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
  { file: 'docs/configuration.md', name: 'keys', make: configKeyTable },
  { file: 'docs/policies.md', name: 'keys', make: policyKeyTable },
  { file: 'docs/reference/packets.md', name: 'own options', make: ownOptionTable },
];

/** A file that is made from data as a whole. */
export interface GeneratedFile {
  /** Relative to the repository. */
  readonly file: string;
  readonly make: () => string;
}

function ownOptionTable(): string {
  const rows = ownOptionHelp.map(([option, help]) => `| ${markdownCode(option)} | ${help} |`);
  return ['| option | meaning |', '| --- | --- |', ...rows].join('\n');
}

function packageVersion(): string {
  return (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
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
  { file: 'docs/dependencies.md', make: dependenciesPage },
  { file: 'docs/reference/commands.md', make: () => commandsPage(commands) },
  { file: 'docs/reference/matches-and-targets.md', make: () => extensionsPage(defaultRegistry()) },
  { file: 'docs/reference/json.md', make: jsonPage },
  { file: 'schemas/fwsim.schema.json', make: () => jsonSchemaText(configJsonSchema()) },
  { file: 'schemas/policy.schema.json', make: () => jsonSchemaText(policyJsonSchema()) },
  { file: 'schemas/suppressions.schema.json', make: () => jsonSchemaText(suppressionsJsonSchema()) },
  { file: 'share/man/fwsim.1', make: () => manPage(commands, packageVersion()) },
  { file: 'share/bash/fwsim', make: () => bashCompletion(commands) },
  { file: 'share/zsh/_fwsim', make: () => zshCompletion(commands) },
  { file: 'share/fish/fwsim.fish', make: () => fishCompletion(commands) },
  { file: 'docs/graph.svg', make: graphPicture },
];

function checkIndex(): string {
  return `# Checks

What \`fwsim lint\` looks for. \`fwsim explain CODE\` shows the same pages in the terminal. The files of this folder
are made from the checks by \`npm run generate\`.

${checkListMarkdown(checks)}
`;
}

/** The chains of a container host, with the road to a published port. */
function graphPicture(): string {
  const file = 'rules-examples/docker-published-port.rules';
  const { drawn } = graphOf([{ name: file, text: readFileSync(file, 'utf8') }], {
    registry: defaultRegistry(),
    boxesMax: 16,
    weights: 'counters',
    expression: '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 5432'.split(' '),
    assume: ['local=203.0.113.1'],
  });
  return drawn === undefined ? '' : printGraphSvg(drawn);
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

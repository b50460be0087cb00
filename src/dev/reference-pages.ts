/** Pages of docs/reference that are made from data and from doc comments. */
import { readFileSync } from 'node:fs';
import type { CommandSpec } from '../cli/command.ts';
import type { Extension } from '../extensions/define.ts';
import type { Registry } from '../extensions/registry.ts';
import { markdownCode } from '../report/escape-markdown.ts';
import { argumentWord, optionMeaning, sentence } from './command-words.ts';

const madeBy = (from: string): string => `Made from ${from} by \`npm run generate\`.`;

/** docs/reference/commands.md: each command with its arguments, options and examples. */
export function commandsPage(commands: readonly CommandSpec[]): string {
  const sections = commands.map((command) =>
    [
      `## fwsim ${command.name}`,
      sentence(command.summary),
      ...(command.description === undefined ? [] : [command.description]),
      `${markdownCode(['fwsim', command.name, '[options]', ...command.arguments.map(argumentWord), ...expressionWord(command)].join(' '))}`,
      table(
        ['argument', 'meaning'],
        [
          ...command.arguments.map(({ name, description }) => [name, description]),
          ...(command.expression === undefined
            ? []
            : [[command.expression.name, command.expression.description]]),
        ],
      ),
      table(
        ['option', 'meaning'],
        command.options.map((option) => [option.flags, optionMeaning(option)]),
      ),
      ...(command.examples.length === 0
        ? []
        : [
            `Examples:\n\n${command.examples.map(([line, effect]) => `- ${markdownCode(line)}: ${effect}`).join('\n')}`,
          ]),
    ]
      .filter((part) => part !== '')
      .join('\n\n'),
  );
  return `# Commands

\`fwsim COMMAND --help\` and \`man fwsim\` show the same. Every command has \`--color auto|always|never\` and \`--help\`. Exit codes
are in the [README](../../README.md#use-it).
${madeBy('the table of commands')}

${sections.join('\n\n')}
`;
}

/** docs/reference/matches-and-targets.md: what is understood in rules. */
export function extensionsPage(registry: Registry): string {
  const list = (title: string, extensions: readonly Extension[]): string => {
    const rows = [...extensions]
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .map((extension) => [
        markdownCode(extension.name) +
          (extension.aliases ?? []).map((alias) => ` (${markdownCode(alias)})`).join(''),
        extension.families.map((family) => (family === 'ipv4' ? '4' : '6')).join(', '),
        Object.keys(extension.options)
          .map((option) => markdownCode(`--${option}`))
          .join(' '),
        extension.docs.summary,
      ]);
    return `## ${title}\n\n${rawTable(['name', 'IP', 'options', 'what it does'], rows)}`;
  };
  return `# Matches and targets

What fwsim reads, prints and judges in rules, besides the options that every rule has (\`-p -s -d -i -o -f\`). A match or target
that is not here is kept as it stands, printed back, and taken as unknown: it may match or not. Options have the meaning that
iptables-extensions(8) gives them. ${madeBy('the extensions')}

${list('Matches', registry.matches)}

${list('Targets', registry.targets)}
`;
}

/** Functions whose doc comments describe what is printed, with the command line that prints it. */
const jsonPrinters = [
  ['fwsim FILE --json', 'src/report/exposure-json.ts', 'printExposureJson'],
  ['fwsim trace --json', 'src/report/trace-json.ts', 'printTraceJson'],
  ['fwsim trace --log … --json', 'src/report/trace-log-json.ts', 'printLogStoryJson'],
  ['fwsim query --json', 'src/report/query-json.ts', 'printQueryJson'],
  ['fwsim matrix --json', 'src/report/matrix-json.ts', 'printMatrixJson'],
  ['fwsim spoof --json', 'src/report/spoof.ts', 'printSpoofJson'],
  ['fwsim diff --format json', 'src/report/diff-json.ts', 'printDiffJson'],
  ['fwsim test --format json', 'src/report/policy-json.ts', 'printPolicyJson'],
  ['fwsim graph --json', 'src/report/graph-json.ts', 'printGraphJson'],
  ['fwsim replay --json', 'src/report/replay-json.ts', 'printReplayJson'],
] as const;

/** docs/reference/json.md: the fields of each command's JSON. @throws Error where a printer says nothing of itself. */
export function jsonPage(): string {
  const sections = jsonPrinters.map(([command, file, name]) => {
    const source = readFileSync(file, 'utf8');
    const comment = new RegExp(String.raw`/\*\*((?:(?!\*/)[^])*)\*/\nexport function ${name}\b`).exec(
      source,
    )?.[1];
    if (comment === undefined) throw new Error(`${file} has no ${name} with a doc comment`);
    const text = comment
      .split('\n')
      .map((line) => line.replace(/^ ?\* ?/, '').trimEnd())
      .join('\n')
      .trim();
    return `## ${command}\n\n${text}`;
  });
  return `# JSON

Every command that answers has a form for programs. Keys are camelCase; \`schemaVersion\` is raised when a field changes its
meaning or goes away, new fields leave it alone. Nothing in it depends on the clock or on the machine it is made on.
\`fwsim lint\` has a page of its own: [lint-json.md](../lint-json.md). Configuration and policy files have JSON Schemas in
[schemas/](../../schemas). ${madeBy('the doc comments of the printers')}

${sections.join('\n\n')}
`;
}

function expressionWord({ expression }: CommandSpec): readonly string[] {
  return expression === undefined ? [] : [`[-- ${expression.name}]`];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0
    ? ''
    : rawTable(
        head,
        rows.map(([first = '', ...rest]) => [markdownCode(first), ...rest]),
      );
}

/** A bar within a cell would end it, in code as well. */
function rawTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('\\|', '|').replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

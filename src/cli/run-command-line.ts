import { Command, CommanderError, Option } from 'commander';
import { didYouMean } from '../diagnostics/did-you-mean.ts';
import { escapeTerminal } from '../report/escape-terminal.ts';
import { wrap } from '../report/layout.ts';
import type { CommandSpec, Invocation, OptionSpec } from './command.ts';
import { CommandFailure } from './command-failure.ts';
import { commands } from './command-table.ts';
import { type ExitCode, exitCodeMeanings, exitCodes } from './exit-codes.ts';
import type { ColorChoice, Io } from './io.ts';
import { splitExpression } from './split-expression.ts';
import { version } from './version.ts';

/** Options that every command has. */
const globalOptions: readonly OptionSpec[] = [
  {
    flags: '--color <when>',
    description: 'colour in the answer (NO_COLOR and FORCE_COLOR are obeyed)',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
  },
];

/** `-h` is commander's own; the splitter has to know it all the same. */
const helpOption: OptionSpec = { flags: '-h, --help', description: 'show this help' };

/**
 * Runs one command line. The table of commands is an argument for tests only.
 * @returns the exit code; a bug is not caught here.
 */
export async function runCommandLine(
  args: readonly string[],
  createIo: (color: ColorChoice) => Io,
  table: readonly CommandSpec[] = commands,
): Promise<ExitCode> {
  const color = colorChoice(args);
  const io = createIo(color);
  let exitCode: ExitCode = exitCodes.ok;
  const { own, expression } = splitForCommand(args, table);

  const mistyped = mistypedCommand(args, table, io);
  if (mistyped !== undefined) {
    reportFailure(mistyped, io);
    return mistyped.exitCode;
  }
  const program = configure(new Command('fwsim'), io)
    .description(
      'Says what an iptables ruleset does to packets, and which rules do not do what they seem to.',
    )
    .version(version, '-V, --version', 'show the version')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', exitCodeHelp);
  for (const option of globalOptions) program.addOption(createOption(option));
  for (const spec of table) {
    const command = createCommand(spec, io).action(async () => {
      const invocation = invocationOf(command, expression);
      exitCode = await (await spec.load()).run(invocation, io);
    });
    program.addCommand(command, { isDefault: spec.isDefault === true });
  }

  try {
    await program.parseAsync([...own], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version arrive here as well, with 0. Help that nobody asked for is a usage error.
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    if (!(error instanceof CommandFailure)) throw error;
    reportFailure(error, io);
    return error.exitCode;
  }
}

/** A first word that is neither command nor file, but nearly the name of a command. */
function mistypedCommand(
  args: readonly string[],
  table: readonly CommandSpec[],
  io: Io,
): CommandFailure | undefined {
  const names = [...table.map((row) => row.name), 'help'];
  const [first] = args;
  if (first === undefined || first.startsWith('-') || names.includes(first) || io.isFile(first))
    return undefined;
  const meant = didYouMean(first, names);
  if (meant === undefined) return undefined;
  return new CommandFailure(`unknown command '${first}', and there is no such file`, {
    hint: `Did you mean ${meant}?`,
  });
}

/** Only a command with an expression has its words split; `--` is left to commander elsewhere. */
function splitForCommand(args: readonly string[], table: readonly CommandSpec[]) {
  const specs = new Map(table.map((row) => [row.name, row]));
  const at = args.findIndex((word) => specs.has(word));
  const spec = specs.get(args[at] ?? '');
  if (spec?.expression === undefined) return { own: args, expression: [] };
  const known = [...spec.options, ...globalOptions, helpOption];
  const { own, expression } = splitExpression(args.slice(at + 1), known);
  return { own: [...args.slice(0, at + 1), ...own], expression };
}

/** Looked for before parsing, since parsing itself may have something to say in colour. */
function colorChoice(args: readonly string[]): ColorChoice {
  let choice: ColorChoice = 'auto';
  args.forEach((word, index) => {
    const given = word === '--color' ? args[index + 1] : /^--color=(.*)$/.exec(word)?.[1];
    if (given === 'always' || given === 'never' || given === 'auto') choice = given;
  });
  return choice;
}

function configure(command: Command, io: Io): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(true)
    .showHelpAfterError('(--help lists what there is)')
    .helpOption(helpOption.flags, helpOption.description)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: io.out,
      // Words of the command line are quoted in these messages, so they are escaped line by line.
      writeErr: (text) => io.err(text.split('\n').map(escapeTerminal).join('\n')),
      outputError: (text, write) => write(text.replace(/^error: /, 'fwsim: ')),
      getOutHelpWidth: () => io.outStyle.columns,
      getErrHelpWidth: () => io.errStyle.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

function createCommand(spec: CommandSpec, io: Io): Command {
  const command = configure(new Command(spec.name), io).summary(spec.summary);
  command.description(
    [spec.summary, ...(spec.description === undefined ? [] : [spec.description])].join('\n\n'),
  );
  for (const argument of spec.arguments) {
    const dots = argument.variadic === true ? '...' : '';
    const name = argument.required === true ? `<${argument.name}${dots}>` : `[${argument.name}${dots}]`;
    command.argument(name, argument.description);
  }
  for (const option of spec.options) command.addOption(createOption(option));
  if (spec.expression !== undefined) {
    const { name, description } = spec.expression;
    command.usage(
      `[options] ${command.registeredArguments.map((a) => `[${a.name()}]`).join(' ')} -- ${name}`,
    );
    const text = wrap(`${name}: ${description}`, io.outStyle, { rest: '  ' });
    command.addHelpText('after', `\n${text.join('\n')}`);
  }
  if (spec.examples.length > 0) {
    const lines = spec.examples.map(([line, effect]) => `  ${line}\n      ${effect}`);
    command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
  return command;
}

function createOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.choices !== undefined) option.choices([...spec.choices]);
  if (spec.default !== undefined) option.default(spec.default);
  if (spec.repeatable === true) {
    option.argParser((given: string, before: unknown) => [...(Array.isArray(before) ? before : []), given]);
  }
  return option;
}

function invocationOf(command: Command, expression: readonly string[]): Invocation {
  return { operands: command.args, options: command.opts(), expression };
}

function exitCodeHelp(): string {
  const rows = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padEnd(3)} ${meaning}`);
  return `\nExit codes:\n${rows.join('\n')}`;
}

function reportFailure(failure: CommandFailure, io: Io): void {
  const lines = [...wrap(`fwsim: ${escapeTerminal(failure.message)}`, io.errStyle, { rest: '  ' })];
  if (failure.hint !== undefined) {
    lines.push(...wrap(escapeTerminal(failure.hint), io.errStyle, { first: '  ', rest: '  ' }));
  }
  io.err(`${lines.join('\n')}\n`);
}

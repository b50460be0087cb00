import type { CommandSpec, OptionSpec } from '../cli/command.ts';
import { exitCodeMeanings } from '../cli/exit-codes.ts';
import { argumentWord, optionMeaning, sentence } from './command-words.ts';

/**
 * The manual page fwsim(1), made from the table of commands, in the man macros (man(7)).
 * @returns roff text of plain ASCII, which every man reads.
 */
export function manPage(commands: readonly CommandSpec[], version: string): string {
  const sections = [
    `.\\" Made by "npm run generate" from the table of commands.`,
    `.TH FWSIM 1 "" ${quoted(`fwsim ${version}`)} "User Commands"`,
    '.nh',
    '.SH NAME',
    'fwsim \\- simulator and linter for iptables rulesets',
    '.SH SYNOPSIS',
    ...commands.flatMap((command, index) => [...(index === 0 ? [] : ['.br']), synopsis(command)]),
    '.SH DESCRIPTION',
    text(
      'fwsim tells what an iptables firewall really does. It reads what iptables-save or ip6tables-save prints, walks ' +
        'packets through it as the Linux kernel would, and reports the rules that do not do what their author meant, each ' +
        'time with a packet that shows it. It only reads: no firewall is ever changed.',
    ),
    '.PP',
    text(
      'A ruleset is read from a file, or from stdin where FILE is missing or "-". What other commands say of the machine ' +
        '(ip addr, ip route show table all, ip rule, sysctl -a, ipset save, ss -tulnp, conntrack -L) may follow in the ' +
        'same stream, in any order, or stand in a file of its own, named by --with.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection),
    '.SH OPTIONS OF EVERY COMMAND',
    ...optionItem({ flags: '--color <auto|always|never>', description: 'colour in the answer' }),
    ...optionItem({ flags: '-h, --help', description: 'show the help of the command' }),
    ...optionItem({ flags: '-V, --version', description: 'show the version' }),
    '.SH EXIT STATUS',
    ...exitCodeMeanings.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, text(meaning)]),
    '.SH ENVIRONMENT',
    '.TP',
    '.BR NO_COLOR ", " FORCE_COLOR',
    'no colour, or colour even where the output is no terminal.',
    '.SH FILES',
    '.TP',
    '.I fwsim.yml',
    'configuration of lint: beside the ruleset, or in a folder above.',
    '.TP',
    '.I *.policy.yml',
    'policies for fwsim test.',
    '.SH SEE ALSO',
    '.BR iptables (8),',
    '.BR iptables-save (8),',
    '.BR iptables-extensions (8),',
    '.BR conntrack (8)',
  ];
  return `${sections.join('\n')}\n`;
}

function synopsis(command: CommandSpec): string {
  const operands = command.arguments.map(argumentWord);
  const packet = command.expression === undefined ? [] : [`[-- ${command.expression.name}]`];
  const words = ['[options]', ...operands, ...packet].map(text).join(' ');
  return `.B fwsim ${command.isDefault === true ? `\\fR[\\fB${command.name}\\fR]` : command.name}\n${words}`;
}

function commandSection(command: CommandSpec): readonly string[] {
  const expression = command.expression;
  return [
    `.SS fwsim ${command.name}`,
    text(sentence(command.summary)),
    ...(command.description === undefined ? [] : ['.PP', text(command.description)]),
    ...command.arguments.flatMap(({ name, description }) => ['.TP', `.I ${name}`, text(description)]),
    ...(expression === undefined ? [] : ['.TP', `.I ${expression.name}`, text(expression.description)]),
    ...command.options.flatMap(optionItem),
    ...command.examples.flatMap(([line, effect], index) => [
      ...(index === 0 ? ['.PP', 'Examples:'] : []),
      '.TP',
      `.nf\n.B ${text(line)}\n.fi`,
      text(effect),
    ]),
  ];
}

function optionItem(option: OptionSpec): readonly string[] {
  return ['.TP', `.B ${text(option.flags)}`, text(optionMeaning(option))];
}

function quoted(words: string): string {
  return `"${words}"`;
}

/** Backslashes, dashes that are typed, and control lines; what is not ASCII in our texts is an ellipsis at most. */
function text(words: string): string {
  const escaped = words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replace(/"/g, '\\(dq');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

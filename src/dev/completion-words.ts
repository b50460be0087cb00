import type { CommandSpec, OptionSpec } from '../cli/command.ts';
import { optionNames } from '../cli/split-expression.ts';
import { checks } from '../index.ts';

/** What a shell offers as the value of an option or argument. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' }
  /** Nothing can be offered: a number, an address, a sentence. */
  | { readonly kind: 'free' };

/** One option as a shell sees it. */
export interface OptionWords {
  /** `-o` and `--output`, dashes included. */
  readonly names: readonly string[];
  /** One line, without the full stop. */
  readonly description: string;
  /** Absent for a flag. */
  readonly values?: Values;
  readonly repeatable: boolean;
}

/** The options that each command has besides its own. */
const everywhere: readonly OptionSpec[] = [
  { flags: '--color <when>', description: 'colour in the answer', choices: ['auto', 'always', 'never'] },
  { flags: '-h, --help', description: 'show the help' },
];

/** What stands for a file name in the table of commands. */
const fileNames = new Set(['file', 'rules', 'FILE', 'RULES', 'OLD', 'NEW', 'POLICY', 'CAPTURE']);

/** What stands for checks: their codes are offered. */
const checkNames = new Set(['check', 'checks', 'CHECK']);

/** Names of presets; `--preset` takes several, so the table cannot list them as choices. */
const presetNames = ['recommended', 'strict', 'cis', 'perf', 'all'];

/** All options of a command, its own first. */
export function optionsOf(command: CommandSpec): readonly OptionWords[] {
  return [...command.options, ...everywhere].map((option) => {
    const placeholder = /<(.+)>/.exec(option.flags)?.[1];
    return {
      names: optionNames(option.flags),
      description: oneLine(option.description),
      repeatable: option.repeatable === true,
      ...(placeholder !== undefined && { values: valuesOf(placeholder, option) }),
    };
  });
}

/** What the positional arguments of a command may be. */
export function operandsOf(command: CommandSpec): Values {
  const [first] = command.arguments;
  if (first === undefined) return { kind: 'free' };
  return byPlaceholder(first.name);
}

/** Match options that a packet is written in, offered behind `--`. */
export const packetOptions: readonly string[] = [
  '-i',
  '-o',
  '-p',
  '-s',
  '-d',
  '-m',
  '--dport',
  '--sport',
  '--syn',
  '--tcp-flags',
  '--icmp-type',
  '--icmpv6-type',
  '--ctstate',
  '--mark',
  '--mac-source',
  '--ttl-eq',
  '--hl-eq',
  '--tos',
  '--length',
  '--uid-owner',
  '--gid-owner',
];

function valuesOf(placeholder: string, option: OptionSpec): Values {
  if (option.choices !== undefined) return { kind: 'words', words: option.choices };
  if (option.flags.startsWith('--preset')) return { kind: 'words', words: presetNames };
  // "how to print, and where: pretty, concise …" lists the names that may be followed by =FILE.
  const listed = /: ((?:[a-z-]+, )+[a-z-]+)/.exec(option.description)?.[1];
  if ((placeholder === 'name[=file]' || placeholder === 'parts') && listed !== undefined)
    return { kind: 'words', words: listed.split(', ') };
  return byPlaceholder(placeholder);
}

function byPlaceholder(placeholder: string): Values {
  if (fileNames.has(placeholder)) return { kind: 'files' };
  if (checkNames.has(placeholder)) return { kind: 'words', words: checks.map(({ code }) => code) };
  return { kind: 'free' };
}

function oneLine(text: string): string {
  return text.replace(/\s*\(repeatable[^)]*\)|; default: [^;]*$/g, '').replace(/\s+/g, ' ');
}

import type { ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';

/** One option of a command, as help, completions and the parser need it. */
export interface OptionSpec {
  /** In commander's notation: `--format <name>`, `--all`. The long name is the key of the value. */
  readonly flags: string;
  readonly description: string;
  /** The only values accepted. */
  readonly choices?: readonly string[];
  readonly default?: string;
  /** May be given several times; the value is then a list in the order given. */
  readonly repeatable?: boolean;
}

/** A positional argument. */
export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  /** Takes all that follow; only the last argument may. */
  readonly variadic?: boolean;
}

/** One row of the command table. Everything that is told about a command is made from it. */
export interface CommandSpec {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs below the summary in the command's own help. */
  readonly description?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Set if iptables match options follow, behind `--` or, where no option of ours is meant, without it. */
  readonly expression?: { readonly name: string; readonly description: string };
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [string, string])[];
  /** What runs where the first word names no command; one row at most. */
  readonly isDefault?: boolean;
  /** Loads the command's code: a chunk of its own, so that no command pays for another. */
  readonly load: () => Promise<CommandModule>;
}

/** What the parser understood of one command line. */
export interface Invocation {
  /** Positional arguments in order; a variadic one contributes all its values. */
  readonly operands: readonly string[];
  /** Values by long name in camel case: `--fail-on` is `failOn`. */
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** The words of the iptables expression, as given. */
  readonly expression: readonly string[];
}

/** The code behind one row of the table. */
export interface CommandModule {
  readonly run: (invocation: Invocation, io: Io) => Promise<ExitCode>;
}

/** A flag that was given, or not. */
export function flag(invocation: Invocation, key: string): boolean {
  return invocation.options[key] === true;
}

/** The value of an option that takes one. */
export function value(invocation: Invocation, key: string): string | undefined {
  const given = invocation.options[key];
  return typeof given === 'string' ? given : undefined;
}

/** The value of an option with fixed choices; the parser has refused all others. */
export function choice<const T extends string>(
  invocation: Invocation,
  key: string,
  choices: readonly T[],
): T | undefined {
  return choices.find((candidate) => candidate === invocation.options[key]);
}

/** All values of a repeatable option; each may also hold several, separated by commas, if asked to split. */
export function values(invocation: Invocation, key: string, split?: 'by-comma'): readonly string[] {
  const given = invocation.options[key];
  const list = Array.isArray(given) ? (given as readonly string[]) : typeof given === 'string' ? [given] : [];
  if (split === undefined) return list;
  return list.flatMap((item) => item.split(',').map((part) => part.trim())).filter((part) => part !== '');
}

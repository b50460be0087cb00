import type { OptionSpec } from './command.ts';

/** A command's words, ours apart from the iptables expression. */
export interface SplitWords {
  readonly own: readonly string[];
  readonly expression: readonly string[];
}

/**
 * Takes the iptables expression out of a command's words. Behind `--` all is expression. Without it, everything
 * from the first word on that starts like an option (or is `!`) and is none of ours is expression, except for our
 * own options in between: `trace gw.rules -i eth0 --all -p tcp`.
 */
export function splitExpression(words: readonly string[], options: readonly OptionSpec[]): SplitWords {
  const dashes = words.indexOf('--');
  if (dashes !== -1) return { own: words.slice(0, dashes), expression: words.slice(dashes + 1) };
  const takesValue = new Map<string, boolean>();
  for (const { flags } of options) {
    for (const name of optionNames(flags)) takesValue.set(name, flags.includes('<'));
  }
  const own: string[] = [];
  const expression: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const withValue = takesValue.get(word.split('=', 1)[0] ?? '');
    if (withValue !== undefined) {
      own.push(word);
      const next = words[index + 1];
      if (withValue && !word.includes('=') && next !== undefined) {
        own.push(next);
        index++;
      }
    } else if (expression.length > 0 || word === '!' || (word.startsWith('-') && word !== '-')) {
      expression.push(word);
    } else {
      own.push(word);
    }
  }
  return { own, expression };
}

/** `-h, --help` has two names, `--format <name>` one. */
export function optionNames(flags: string): readonly string[] {
  return flags.split(/[ ,]+/).filter((part) => part.startsWith('-'));
}

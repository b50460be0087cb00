/** Reads `iptables …` lines of shell scripts and transcripts: enough of the shell to see the words. */

import type { Word } from './words.ts';

/** Which program a line of a script runs. */
export type Program = 'iptables' | 'ip6tables';

/** A line of a script that runs iptables. */
export interface ShellCommand {
  readonly program: Program;
  /** The words behind the program's name. */
  readonly words: readonly Word[];
  /** Index in the text behind the last word, and behind the `;`, `&&` or `||` that follows it, if there is one. */
  readonly end: number;
}

/** A prompt, `sudo`, assignments, then the program by name or as a variable such as `$IPT`. */
const commandPattern =
  /^[ \t]*(?:(?:\[[^\]\n]{1,80}\]|[^\s[]{1,80}@[^\s]{1,80})\s?[#$%>][ \t]+|[$>][ \t]+)?(?:(?:sudo|exec|command|run|then|do|else)[ \t]+(?:-\S+[ \t]+)*|\w+=[^\s;]*[ \t]+)*(?:"?\$\{?(\w+)\}?"?|(?:\/\S*\/)?(ip6?tables)(?:-nft|-legacy)?)[ \t]+(?=[-!$"])/;

const variableOfIptables = /^_?ip_?6?_?t(?!o\b)|iptables|ip6tables/i;

const changingCommand =
  /^(?:-[AIDRNXPFZE].*|--(?:append|insert|delete|replace|new|new-chain|delete-chain|policy|flush|zero|rename-chain)(?:=.*)?)$/s;

/** Whether a line begins as a call of iptables: the cheap question before {@link readShellCommand}. */
export function looksLikeShellCommand(line: string): boolean {
  return /tables|\$\{?_?[iI][pP]/.test(line.slice(0, 300)) && commandPattern.test(line.slice(0, 400));
}

/**
 * Reads a line that changes rules (`-A`, `-N`, `-P` …); undefined for any other line. Redirections, comments and
 * whatever follows `;`, `&`, `|` or `)` are left out.
 *
 * @param base added to all offsets
 */
export function readShellCommand(line: string, base: number): ShellCommand | undefined {
  const m = commandPattern.exec(line);
  if (!m) return undefined;
  const variable = m[1];
  if (variable !== undefined && !variableOfIptables.test(variable)) return undefined;
  const program = (variable ?? m[2] ?? '').includes('6') ? 'ip6tables' : 'iptables';
  const { words, end } = splitShellWords(line, m[0].length, base);
  return words.some((w) => !w.quoted && changingCommand.test(w.text)) ? { program, words, end } : undefined;
}

/** Splits a line into words from an index on, until the shell would see the command end; `base` is added to the offsets of the words, not to the index. */
export function splitShellWords(
  line: string,
  from: number,
  base: number,
): { readonly words: readonly Word[]; readonly end: number } {
  const words: Word[] = [];
  let text = '';
  let quoted = false;
  let start = -1;
  const end = (at: number): void => {
    if (start >= 0) words.push({ text, quoted, start: start + base, end: at + base });
    text = '';
    quoted = false;
    start = -1;
  };
  let i = from;
  while (i < line.length) {
    const c = line[i] as string;
    if (c === ' ' || c === '\t' || c === '\n' || c === '\r') {
      end(i++);
      continue;
    }
    if (c === '\\' && /^\\\r?\n/.test(line.slice(i, i + 3))) {
      end(i);
      i += line[i + 1] === '\r' ? 3 : 2;
      continue;
    }
    if (start < 0 && c === '#') break;
    if (c === ';' || c === '&' || c === '|' || c === ')') break;
    if (c === '>' || c === '<') {
      // A file descriptor in front of a redirection is no word: 2>/dev/null.
      if (!quoted && /^\d+$/.test(text)) start = -1;
      break;
    }
    if (start < 0) start = i;
    if (c === "'") {
      const close = line.indexOf("'", i + 1);
      const stop = close < 0 ? line.length : close;
      text += line.slice(i + 1, stop);
      quoted = true;
      i = stop + 1;
    } else if (c === '"') {
      quoted = true;
      i++;
      while (i < line.length && line[i] !== '"') {
        if (line[i] === '\\' && /["\\$`\n]/.test(line[i + 1] ?? '')) i++;
        text += line[i++] ?? '';
      }
      i++;
    } else if (c === '\\') {
      text += line[i + 1] ?? '';
      i += 2;
    } else if (c === '$' && line[i + 1] === '(') {
      const close = line.indexOf(')', i);
      const stop = close < 0 ? line.length : close + 1;
      text += line.slice(i, stop);
      i = stop;
    } else {
      text += c;
      i++;
    }
  }
  end(Math.min(i, line.length));
  const separator = /^[^;&|#]{0,300}?(?:;|&&|\|\|)/.exec(line.slice(i, i + 400))?.[0] ?? '';
  return { words, end: i + separator.length };
}

/** The options of a command as texts in iptables-save's own spelling, each with its `!` and its words. */
export function groupTexts(words: readonly Word[]): readonly string[] {
  const groups: string[] = [];
  let current: string[] = [];
  const flush = (): void => {
    if (current.length > 0) groups.push(current.join(' '));
    current = [];
  };
  words.forEach((w, index) => {
    const option = !w.quoted && isOption(w.text);
    const next = words[index + 1];
    const bang = !w.quoted && w.text === '!' && next !== undefined && !next.quoted && isOption(next.text);
    if (bang || (option && !(current.length === 1 && current[0] === '!'))) flush();
    current.push(quote(w.text));
  });
  flush();
  return groups;
}

const isOption = (text: string): boolean => /^-(?:[-A-Za-z]|[46]$)/.test(text);

/** Groups are read back by the lexer of iptables-save text: what it would split is quoted. */
const quote = (word: string): string =>
  word !== '' && /^[^\s"\\]+$/.test(word)
    ? word
    : `"${word.replace(/["\\]/g, '\\$&').replace(/[\r\n]/g, ' ')}"`;

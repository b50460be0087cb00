/** A packet as one line: what stands behind `fwsim trace FILE`, or a whole pasted command. */

import { splitShellWords } from '../../grammar/shell-words.ts';
import { splitWords, type Word } from '../../grammar/words.ts';

/** A packet line taken apart. */
export interface PacketLine {
  /** Match options, word by word, with their places in the line. */
  readonly expression: readonly Word[];
  /** Sent by this machine: `--local`. */
  readonly local: boolean;
  /** `KEY=VALUE` each. */
  readonly assume: readonly string[];
}

/** Options of `fwsim trace` without a value that a pasted command may have. */
const passedOver = new Set(['--pick', '--all', '--no-reply', '--flow', '--json', '--verbose', '--']);
/** Those with a value. */
const passedOverWithValue = new Set(['--with', '--family', '--backend', '--log', '--color']);

/** Splits by the shell's quotes: lines come from a shell's history, and are copied into one. */
export function splitLine(text: string): readonly Word[] {
  const { words, end } = splitShellWords(text, 0, 0);
  // A character that would end the command in a shell is part of the line here: it will be refused as a word.
  return text.slice(end).trim() === '' || text[end] === '#' ? words : splitWords(text);
}

/** Reads a packet line. What is wrong with its options is found out when it is walked. */
export function readPacketLine(text: string): PacketLine {
  const words = splitLine(text);
  const own = words.findIndex((w) => w.text === 'trace');
  const pasted = own >= 0 && words.slice(0, own).some((w) => /(?:^|\/)fwsim(?:\.mjs)?$/.test(w.text));
  const rest = pasted ? words.slice(own + 1) : words;
  const expression: Word[] = [];
  const assume: string[] = [];
  let local = false;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as Word;
    const value = rest[i + 1]?.text;
    if (word.text === '--local') local = true;
    else if (word.text === '--assume' && value !== undefined) {
      assume.push(value);
      i++;
    } else if (word.text.startsWith('--assume=')) assume.push(word.text.slice('--assume='.length));
    else if (passedOver.has(word.text)) continue;
    else if (passedOverWithValue.has(word.text)) i++;
    // The name of the ruleset's file stands before the packet.
    else if (pasted && expression.length === 0 && !/^[-!]/.test(word.text)) continue;
    else expression.push(word);
  }
  return { expression, local, assume };
}

/** Where a piece of the words joined by single blanks stands in the line. */
export function placeInLine(
  words: readonly Word[],
  start: number,
  end: number,
  text: string,
): { readonly start: number; readonly end: number } {
  let at = 0;
  let first: number | undefined;
  let last = text.length;
  for (const word of words) {
    const next = at + word.text.length;
    if (first === undefined && start <= next) first = word.start;
    if (end <= next) {
      last = word.end;
      break;
    }
    at = next + 1;
  }
  return { start: first ?? 0, end: Math.max(last, first ?? 0) };
}

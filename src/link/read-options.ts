/**
 * Reads the words of one line as iptables' option parser does, and repairs what can be read in one way only.
 *
 * Source: iptables 1.8.9 iptables/xshared.c do_parse(), command_default().
 */

import { isRefusal, type OptionSpec, refuse } from '../extensions/define.ts';
import { utf8Length } from '../extensions/option-types.ts';
import { type BaseOption, baseOptions, valueMustStandAlone } from './base-options.ts';
import { readBaseOption } from './read-base-option.ts';
import {
  hintForOption,
  isLongName,
  loadExtension,
  type ResolvedOption,
  resolveOption,
} from './resolve-option.ts';
import { placeholder } from './rule-addresses.ts';
import {
  type BindContext,
  type ChainNames,
  complain,
  emptyDraft,
  parseContextOf,
  type RuleDraft,
  requote,
  verdicts,
} from './rule-draft.ts';
import type { Suggest } from './suggest.ts';
import { operandFollows, type WordCursor } from './word-cursor.ts';

/** An option as found at a word. */
interface FoundOption {
  readonly base: BaseOption | undefined;
  readonly extension: (ResolvedOption & { readonly instance: object }) | undefined;
  /** The value in the same word: `--dport=22`, `-ieth0`. */
  readonly attached: string | undefined;
}

/** Reads all words of a line. Never throws; what cannot be read is a problem, and kept as an opaque condition. */
export function readOptions(
  context: BindContext,
  words: readonly string[],
  commandLine: boolean,
  chains: ChainNames,
  suggest: Suggest,
): RuleDraft {
  const draft = emptyDraft(context, words, commandLine, chains, suggest);
  const cursor: WordCursor = { words: readableWords(draft), next: 0 };
  let negatedAt = -1;
  while (cursor.next < cursor.words.length && !draft.otherFamily) {
    const at = cursor.next++;
    const word = cursor.words[at] as string;
    if (word === '!') {
      if (negatedAt >= 0)
        complain(draft, {
          id: 'double-negation',
          message: 'multiple consecutive ! not allowed',
          word: at,
          hint: 'two negations cancel each other out: write none, or one',
        });
      negatedAt = at;
      continue;
    }
    const negated = negatedAt >= 0;
    const bangAt = negatedAt;
    negatedAt = -1;
    if (word.charCodeAt(0) !== 45 || word === '-') {
      if (!readStrayWord(draft, word, at)) break;
      continue;
    }
    if (word === '--') {
      complain(draft, {
        id: 'bad-argument',
        message: 'unknown arguments found on commandline',
        word: at,
        hint: '"--" ends the options: nothing may follow it',
      });
      break;
    }
    const found = findOption(draft, word);
    if (found === 'ambiguous') {
      complain(draft, {
        id: 'ambiguous-option',
        message: `unknown option "${word}"`,
        word: at,
        hint: 'several options begin like this: write it out',
      });
      draft.opaque.push([...(negated ? ['!'] : []), word, ...operands(cursor)]);
    } else if (found.base) {
      const value = attachedValue(draft, found.base, word, found.attached, at);
      readBaseOption(draft, cursor, { option: found.base, word, at, attached: value, negated, bangAt });
    } else if (found.extension) {
      readExtensionOption(draft, cursor, found as Required<FoundOption>, word, at, negated);
    } else readUnknownOption(draft, cursor, word, at, negated);
  }
  if (negatedAt >= 0)
    complain(draft, {
      id: 'dangling-negation',
      message: 'nothing appropriate following !',
      word: negatedAt,
      hint: 'a "!" stands in front of the option that it turns over',
    });
  return draft;
}

/** Words of a line, and bytes of a word, that iptables-restore takes. Source: seen; iptables 1.8.9 xshared.c add_argv(). */
const wordsMax = 251;
const wordBytesMax = 1023;

/** The words that can be read: of a line with too many of them only the command, the rest is kept as it is. */
function readableWords(draft: RuleDraft): readonly string[] {
  const { words } = draft;
  if (draft.commandLine && words.length <= wordsMax) return words;
  words.forEach((word, at) => {
    if (word.length > wordBytesMax / 3 && utf8Length(word) > wordBytesMax)
      complain(draft, {
        id: 'word-too-long',
        message: `Parameter too long! iptables-restore takes ${wordBytesMax} bytes a word`,
        word: at,
      });
  });
  if (words.length <= wordsMax) return words;
  complain(draft, {
    id: 'too-many-words',
    message: `Parser cannot handle more arguments: a line may have ${wordsMax} words, this one has ${words.length}`,
    word: wordsMax,
    hint: 'what the rule matches is not known; write several rules',
  });
  draft.opaque.push(words.slice(2));
  return words.slice(0, 2);
}

/** A word where an option belongs. False: the rest of the line is no part of the rule. */
function readStrayWord(draft: RuleDraft, word: string, at: number): boolean {
  if (draft.commandLine && word.startsWith('$')) {
    draft.opaque.push([word]);
    return true;
  }
  const comment = word.startsWith('#');
  const upper = word.toUpperCase();
  const hint = /^[\u2010-\u2015\u2212]/.test(word)
    ? 'an editor has turned "-" or "--" into a long dash'
    : /[\u2018-\u201f]/.test(word)
      ? 'typographic quotes are ordinary characters here: write "'
      : comment
        ? 'a comment needs a line of its own, or -m comment --comment "…"; the rest of this line is left out'
        : draft.jump === undefined && verdicts.has(upper)
          ? `a target needs -j in front of it: -j ${upper}`
          : placeholder.test(word)
            ? 'nobody has filled this in: iptables-restore takes it as it stands'
            : at > 0 && /^-[-A-Za-z]/.test(draft.words[at - 1] ?? '')
              ? `${draft.words[at - 1]} was taken as the value of the option in front of it`
              : undefined;
  complain(draft, {
    id: 'bad-argument',
    message: `Bad argument \`${word}'`,
    word: at,
    ...(hint === undefined ? {} : { hint }),
  });
  return !comment;
}

function operands(cursor: WordCursor): string[] {
  const out: string[] = [];
  while (operandFollows(cursor)) out.push(cursor.words[cursor.next++] as string);
  return out;
}

/** `-j` and `-p` names of one word: which option is it, and has it a value attached? */
function findOption(draft: RuleDraft, word: string): FoundOption | 'ambiguous' {
  const exact = baseOptions.get(word);
  if (exact) return { base: exact, extension: undefined, attached: undefined };
  if (!word.startsWith('--')) {
    // A short option with its value in the same word: -ptcp.
    const base = baseOptions.get(word.slice(0, 2));
    const takes = base !== undefined && (base.words > 0 || base.optional > 0);
    return {
      base: takes ? base : undefined,
      extension: undefined,
      attached: takes ? word.slice(2) : undefined,
    };
  }
  const equals = word.indexOf('=');
  const plain = equals < 0 ? word : word.slice(0, equals);
  const attached = equals < 0 ? undefined : word.slice(equals + 1);
  const base = equals < 0 ? undefined : baseOptions.get(plain);
  if (base) return { base, extension: undefined, attached };
  const resolved = resolveOption(draft, plain.slice(2));
  if (resolved === 'ambiguous') return 'ambiguous';
  if (resolved === undefined) return { base: undefined, extension: undefined, attached };
  if (resolved.instance) return { base: undefined, extension: resolved, attached };
  return { base: baseOptions.get(resolved.key), extension: undefined, attached };
}

/**
 * What an attached value means. iptables 1.8.9 reads some options' values from the last word it has gone over,
 * which is then the whole word: `-ieth0` is an interface of the name `-ieth0`.
 */
function attachedValue(
  draft: RuleDraft,
  { letter, words, command }: BaseOption,
  word: string,
  attached: string | undefined,
  at: number,
): string | undefined {
  if (attached === undefined) return undefined;
  if (words === 0 && !command) {
    complain(draft, { id: 'unknown-option', message: `unknown option "${word}"`, word: at });
    return undefined;
  }
  if (!valueMustStandAlone.has(letter)) return attached;
  const option = word.slice(0, word.length - attached.length).replace(/=$/, '');
  if (letter === 'i' || letter === 'o') {
    complain(draft, {
      id: 'attached-value',
      severity: 'warning',
      message: `iptables 1.8.9 takes all of \`${word}' as the interface's name`,
      word: at,
      hint: `write ${option} ${attached}`,
    });
    return word;
  }
  const messages: Readonly<Record<string, string>> = {
    p: `unknown protocol "${word.toLowerCase()}" specified`,
    j: `Chain '${word}' does not exist`,
    g: `Chain '${word}' does not exist`,
  };
  complain(draft, {
    id: 'attached-value',
    message: messages[letter] ?? `host/network \`${word}' not found`,
    word: at,
    hint:
      !word.startsWith('--') && isLongName(draft, word.slice(1))
        ? `long options begin with two dashes: -${word}`
        : `iptables 1.8.9 wants a blank between option and value; read as ${option} ${attached}`,
  });
  return attached;
}

function readExtensionOption(
  draft: RuleDraft,
  cursor: WordCursor,
  found: Required<FoundOption>,
  word: string,
  at: number,
  negated: boolean,
): void {
  const { instance, key } = found.extension as Extract<ResolvedOption, { instance: { name: string } }>;
  const { attached } = found;
  const spec = instance.extension?.options[key] as OptionSpec<unknown>;
  const arity = spec.type.optional && !operandFollows(cursor) ? 0 : spec.type.arity;
  const args: string[] = [];
  if (attached !== undefined && arity > 0) args.push(attached);
  while (args.length < arity && cursor.next < cursor.words.length)
    args.push(cursor.words[cursor.next++] as string);
  if (attached !== undefined && arity === 0) {
    complain(draft, {
      id: 'unknown-option',
      message: `unknown option "${word}"`,
      word: at,
      hint: `--${key} takes no value`,
    });
  }
  if (args.length < arity) {
    // Binding refuses the use for its missing words, and keeps it as it is.
    instance.given.push({ key, negated, args, word: at });
    return;
  }
  // Old spelling: `--dport ! 22`.
  if (args[0] === '!' && arity >= 1 && spec.invertible && operandFollows(cursor)) {
    const rest = [...args.slice(1), cursor.words[cursor.next++] as string];
    const read = spec.type.parse(args, parseContextOf(draft, instance.name, `--${key}`));
    const refusal = isRefusal(read) ? read : refuse('bad-value', `Bad argument \`${rest.at(-1)}'`);
    complain(draft, {
      id: 'old-negation',
      message: refusal.message,
      word: refusal.word === '!' || refusal.word === undefined ? at + 1 : at,
      hint: `"!" stands in front of the option since iptables 1.4.3; read as ! ${word} ${rest.map(requote).join(' ')}`,
    });
    instance.given.push({ key, negated: !negated, args: rest, word: at });
    return;
  }
  instance.given.push({ key, negated, args, word: at });
}

/** Nobody's option. It goes to an extension that is not known, if the line has one, and else is kept as it is. */
function readUnknownOption(
  draft: RuleDraft,
  cursor: WordCursor,
  word: string,
  at: number,
  negated: boolean,
): void {
  const all = [...(negated ? ['!'] : []), word, ...operands(cursor)];
  const { jump, instances } = draft;
  const match = instances.findLast((x) => !x.extension);
  const unknownTarget =
    jump?.letter === 'j' &&
    !verdicts.has(jump.name) &&
    !draft.chains.has(jump.name) &&
    !instances.some((x) => x.kind === 'target');
  if (unknownTarget && (match?.word ?? -1) < jump.word) {
    loadExtension(draft, 'target', jump.name, jump.word).verbatim.push(all.map(requote).join(' '));
    return;
  }
  if (match) {
    match.verbatim.push(all.map(requote).join(' '));
    return;
  }
  // Of a protocol that was not understood, nothing more can be said.
  if (!draft.problems.some((p) => p.id === 'unknown-protocol')) {
    const hint = hintForOption(draft, word);
    complain(draft, {
      id: 'unknown-option',
      message: `unknown option "${word}"`,
      word: at,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  draft.opaque.push(all);
}

/** The options that a line may have without any extension: one at a time. */

import { utf8Length } from '../extensions/option-types.ts';
import { tableNames } from '../model/netfilter.ts';
import { interfaceNameMax, interfacePattern } from '../net/interface-pattern.ts';
import { extensionHeaderProtocols, parseProtocol, protocolNames, protocolText } from '../net/protocols.ts';
import type { BaseOption } from './base-options.ts';
import { loadExtension } from './resolve-option.ts';
import { placeholder, variable } from './rule-addresses.ts';
import { complain, type RuleDraft, verdicts } from './rule-draft.ts';
import { operandFollows, type WordCursor } from './word-cursor.ts';

/** A base option at a word of the line. */
export interface BaseOptionUse {
  readonly option: BaseOption;
  /** As written. */
  readonly word: string;
  readonly at: number;
  /** The value in the same word, if it has one. */
  readonly attached: string | undefined;
  readonly negated: boolean;
  /** Word index of the `!`. */
  readonly bangAt: number;
}

/** Takes the option's words from the cursor and notes what they say. */
export function readBaseOption(draft: RuleDraft, cursor: WordCursor, use: BaseOptionUse): void {
  const { option, word, at, negated, bangAt } = use;
  const { letter } = option;
  const args = takeWords(cursor, use);
  if (!args) {
    const missing =
      letter === 'P'
        ? '-P requires a chain and a policy'
        : letter === 'E'
          ? '-E requires old-chain-name and new-chain-name'
          : letter === 'R' && cursor.next > at + 1
            ? '-R requires a rule number'
            : `option "${word}" requires an argument`;
    complain(draft, { id: 'missing-argument', message: missing, word: at });
    return;
  }
  if (negated && !'sdpiof'.includes(letter)) {
    complain(draft, {
      id: 'cannot-invert',
      message:
        letter === 'm'
          ? 'unexpected ! flag before --match'
          : letter === 't'
            ? 'unexpected ! flag before --table'
            : option.command
              ? "unexpected '!' flag"
              : `cannot have ! before -${letter}`,
      word: bangAt,
      ...(letter === 'm' ? { hint: 'the "!" belongs in front of the match\'s own option' } : {}),
    });
  }
  let value = args[0] ?? '';
  let valueAt = use.attached === undefined ? at + 1 : at;
  let flip = negated;
  // Old spelling "-s ! net": refused since 1.4.3, read all the same.
  if (value === '!' && 'sdpio'.includes(letter) && operandFollows(cursor)) {
    value = cursor.words[cursor.next++] as string;
    valueAt = at + 2;
    complain(draft, {
      id: 'old-negation',
      message: letter === 'p' ? 'unknown protocol "!" specified' : `Bad argument \`${value}'`,
      word: letter === 'p' ? at + 1 : at + 2,
      hint: `"!" stands in front of the option since iptables 1.4.3; read as ! ${word} ${value}`,
    });
    flip = !flip;
  }
  switch (letter) {
    case 's':
    case 'd': {
      const field = letter === 's' ? 'src' : 'dst';
      if (draft[field]) repeated(draft, letter, at);
      draft[field] = { text: value, negated: flip, word: valueAt };
      return;
    }
    case 'p':
      readProtocol(draft, value, flip, at, valueAt);
      return;
    case 'i':
    case 'o':
      readInterface(draft, letter, value, flip, at, valueAt);
      return;
    case 'f':
      if (draft.context.family === 'ipv4') draft.fragment = { value: true, negated: flip };
      else
        complain(draft, {
          id: 'unknown-option',
          message: `\`${word}' is not supported in IPv6, use -m frag instead`,
          word: at,
        });
      return;
    case 'm':
      readMatch(draft, value, valueAt);
      return;
    case 'j':
    case 'g':
      if (draft.jump) repeated(draft, draft.jump.letter, at);
      else {
        draft.jump = { letter, name: value, word: valueAt };
        if (
          letter === 'j' &&
          !verdicts.has(value) &&
          draft.context.registry.target(value, draft.context.family)
        )
          loadExtension(draft, 'target', value, valueAt);
      }
      return;
    case 'c':
      readCounters(draft, args, at);
      return;
    case 't':
      if ((tableNames as readonly string[]).includes(value)) draft.table = value;
      else {
        const near = draft.suggest(value, () => tableNames);
        complain(draft, {
          id: 'unknown-table',
          message: `table '${value}' does not exist: read as if "-t" were not there`,
          word: valueAt,
          hint: near ? `did you mean ${near}?` : `the tables are ${tableNames.join(', ')}`,
        });
      }
      return;
    case '4':
    case '6':
      draft.otherFamily = (letter === '4') !== (draft.context.family === 'ipv4');
      return;
    case 'w':
    case 'W':
      if (!draft.commandLine)
        complain(draft, {
          id: 'wait-option',
          message: `You cannot use \`-${letter}' from iptables-restore`,
          word: at,
        });
      return;
    case 'v':
    case 'M':
      return;
    case 'n':
    case 'x':
    case '0':
      if (!draft.commandLine)
        complain(draft, {
          id: 'listing-option',
          message: `Illegal option \`${letter === '0' ? '--line-numbers' : `-${letter}`}' with this command`,
          word: at,
          hint: 'it only means something together with -L',
        });
      return;
    default:
      if (draft.command)
        complain(draft, {
          id: 'repeated-command',
          message: `Cannot use -${letter} with -${draft.command.letter}`,
          word: at,
          hint: 'one command a line; is a line end missing here?',
        });
      else draft.command = { letter, operands: args, word: at };
  }
}

/** The words of a base option; undefined: too few. */
function takeWords(cursor: WordCursor, { option, attached }: BaseOptionUse): string[] | undefined {
  const args: string[] = attached === undefined ? [] : [attached];
  while (args.length < option.words && cursor.next < cursor.words.length) {
    // The chain comes blindly, a second operand only if it is one.
    if (option.command && args.length > 0 && !operandFollows(cursor)) break;
    args.push(cursor.words[cursor.next++] as string);
  }
  if (args.length < option.words) return undefined;
  for (let k = 0; k < option.optional && operandFollows(cursor); k++) {
    const operand = cursor.words[cursor.next] ?? '';
    if (option.letter === 'c' && (args[0] ?? '').includes(',')) break;
    if (option.letter === 'w' && !/^\d+$/.test(operand)) break;
    args.push(operand);
    cursor.next++;
  }
  return args;
}

function repeated(draft: RuleDraft, letter: string, at: number): void {
  complain(draft, {
    id: 'repeated-option',
    message: `multiple -${letter} flags not allowed`,
    word: at,
    ...(letter === 'j' ? { hint: 'a rule has one target; write two rules' } : {}),
  });
}

function readProtocol(draft: RuleDraft, value: string, negated: boolean, at: number, valueAt: number): void {
  if (draft.protocolName !== '') repeated(draft, 'p', at);
  const number = parseProtocol(value);
  if (number === undefined && draft.commandLine && variable.test(value)) {
    draft.opaque.push([...(negated ? ['!'] : []), '-p', value]);
    return;
  }
  if (number === undefined) {
    const hint = placeholder.test(value)
      ? 'nobody has filled this in'
      : /[,/]/.test(value)
        ? 'one protocol a rule: write one rule for each'
        : draft.suggest(value.toLowerCase(), protocolNames);
    complain(draft, {
      id: 'unknown-protocol',
      message: `unknown protocol "${value.toLowerCase()}" specified`,
      word: valueAt,
      ...(hint === undefined ? {} : { hint: hint.includes(' ') ? hint : `did you mean ${hint}?` }),
    });
    draft.opaque.push([...(negated ? ['!'] : []), '-p', value]);
    return;
  }
  draft.protocolName = value.toLowerCase();
  if (number === 0) {
    if (negated)
      complain(draft, { id: 'never-matches', message: 'rule would never match protocol', word: valueAt });
    return;
  }
  draft.protocol = { value: number, negated };
  if (draft.context.family === 'ipv6' && !negated && extensionHeaderProtocols.includes(number)) {
    complain(draft, {
      id: 'never-matches',
      severity: 'warning',
      message: `never matched protocol: ${protocolText(number)}. use extension match instead`,
      word: valueAt,
      hint: 'in IPv6 this is an extension header, not the protocol: -m hbh, rt, frag, ah, dst or ipv6header',
    });
  }
}

function readInterface(
  draft: RuleDraft,
  letter: 'i' | 'o',
  value: string,
  negated: boolean,
  at: number,
  valueAt: number,
): void {
  const isIn = letter === 'i';
  if ((isIn ? draft.inWord : draft.outWord) >= 0) repeated(draft, letter, at);
  if (value === '')
    complain(draft, {
      id: 'empty-interface',
      message: 'Empty interface is likely to be undesired',
      word: valueAt,
    });
  else if (value.length > interfaceNameMax / 3 && utf8Length(value) > interfaceNameMax)
    complain(draft, {
      id: 'interface-too-long',
      message: `interface name \`${value}' must be shorter than IFNAMSIZ (${interfaceNameMax})`,
      word: valueAt,
    });
  else if (/[/ ]/.test(value))
    complain(draft, {
      id: 'odd-interface',
      severity: 'warning',
      message: `weird character in interface \`${value}' ('/' and ' ' are not allowed by the kernel)`,
      word: valueAt,
    });
  else if (!draft.commandLine && placeholder.test(value))
    complain(draft, {
      id: 'placeholder',
      severity: 'warning',
      message: `Nobody has filled in \`${value}': iptables-restore takes it as the interface's name`,
      word: valueAt,
    });
  if (isIn) draft.inWord = at;
  else draft.outWord = at;
  if (draft.commandLine && variable.test(value)) {
    draft.opaque.push([...(negated ? ['!'] : []), `-${letter}`, value]);
    return;
  }
  const pattern = interfacePattern(value);
  const any = pattern.name === '' && (!negated || draft.context.backend === 'legacy');
  const condition = any ? undefined : { value: pattern, negated };
  if (isIn) draft.inInterface = condition;
  else draft.outInterface = condition;
}

function readMatch(draft: RuleDraft, name: string, at: number): void {
  const instance = loadExtension(draft, 'match', name, at);
  if (instance.extension) return;
  const { registry, family } = draft.context;
  const other = registry.match(name);
  const near = draft.suggest(name, () =>
    registry.matches.filter((m) => m.families.includes(family)).map((m) => m.name),
  );
  const hint = other
    ? `${name} is for ${family === 'ipv4' ? 'IPv6' : 'IPv4'} only`
    : registry.target(name, family) || verdicts.has(name)
      ? `${name} is a target: -j ${name}`
      : near
        ? `did you mean ${near}?`
        : 'iptables 1.8.9 has no such match; kept as it is, what it matches is not known';
  complain(draft, {
    id: 'unknown-match',
    message: `Couldn't load match \`${name}'`,
    word: at,
    hint,
  });
}

function readCounters(draft: RuleDraft, args: readonly string[], at: number): void {
  const [packets = '', bytes] = args.length > 1 ? args : (args[0] ?? '').split(',');
  const bad = (message: string): void => complain(draft, { id: 'bad-counters', message, word: at });
  if (bytes === undefined) bad('-c requires packet and byte counter');
  else if (!/^\s*\+?\d/.test(packets)) bad('-c packet counter not numeric');
  else if (!/^\s*\+?\d/.test(bytes)) bad('-c byte counter not numeric');
  else draft.counters = { packets: Number.parseInt(packets, 10), bytes: Number.parseInt(bytes, 10) };
}

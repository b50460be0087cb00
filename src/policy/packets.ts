/** The texts of a policy as sets of packets. */

import type { Description } from '../analysis/vocabulary.ts';
import { familyOfWords } from '../expression/packet-expression.ts';
import { packetSetFromExpression, type SetExpressionContext } from '../expression/packet-set-expression.ts';
import type { Family } from '../net/address.ts';
import { parseAddress } from '../net/address-text.ts';
import { expandNames, type PlacedWord, wordsOf } from './names.ts';
import { type PlacedText, type PolicyNames, type PolicyProblem, unplaced } from './policy.ts';

/** What is known where texts are read. */
export interface ReadingContext extends SetExpressionContext {
  readonly names: PolicyNames;
}

/** A text as a set of one family; undefined where it speaks of the other family alone. */
export type ReadPackets =
  | { readonly ok: true; readonly describe: Description | undefined }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** The family that words are of; ICMP is of the one that it is named after. */
function familySaid(words: readonly string[]): Family | undefined {
  const said = familyOfWords(words);
  if (said !== undefined) return said;
  const protocol = words[words.findIndex((w) => w === '-p' || w === '--protocol') + 1];
  return protocol?.toLowerCase() === 'icmp' || words.includes('--icmp-type') ? 'ipv4' : undefined;
}

/** Packets of one expression, with `front` before its words (options that take the text as their value). */
export function readExpression(
  text: PlacedText,
  context: ReadingContext,
  front: readonly string[] = [],
): ReadPackets {
  const problems: PolicyProblem[] = [];
  const before = front.map((word): PlacedWord => ({ text: word, start: 0, end: 0 }));
  const words = [...before, ...wordsOf(text, problems)];
  const { any, none } = expandNames(text, words, context.names, context.family, problems);
  if (problems.length > 0) return { ok: false, problems };
  const describe = (list: readonly (readonly PlacedWord[])[]): readonly Description[] =>
    list.flatMap((placed) => {
      const plain = placed.map((w) => w.text);
      const said = familySaid(plain);
      if (said !== undefined && said !== context.family) return [];
      const read = packetSetFromExpression(plain, context);
      if (read.ok) return [read.describe];
      for (const { message, hint, span } of read.diagnostics) {
        const from = span && wordAt(placed, span.start);
        const to = span && wordAt(placed, Math.max(span.start, span.end - 1));
        const problem = {
          message: message.replace(/\.$/, ''),
          ...(hint === undefined ? {} : { hint }),
          span: text.place(from?.start, to?.end),
        };
        if (!problems.some((p) => p.message === problem.message && p.span?.start === problem.span?.start))
          problems.push(problem);
      }
      return [];
    });
  const inside = describe(any);
  const outside = describe(none);
  if (problems.length > 0) return { ok: false, problems };
  if (inside.length === 0) return { ok: true, describe: undefined };
  return {
    ok: true,
    describe: (space) => {
      const united = inside.reduce((set, d) => space.or(set, d(space)), space.none);
      return outside.reduce((set, d) => space.and(set, space.not(d(space))), united);
    },
  };
}

/** The word that holds an offset into the words joined by single blanks. */
function wordAt(words: readonly PlacedWord[], offset: number): PlacedWord | undefined {
  let start = 0;
  for (const word of words) {
    start += word.text.length + 1;
    if (offset < start) return word;
  }
  return words.at(-1);
}

/** The union of several texts. */
export function readAny(
  texts: readonly PlacedText[],
  context: ReadingContext,
  read: (text: PlacedText, context: ReadingContext) => ReadPackets = readExpression,
): ReadPackets {
  const problems: PolicyProblem[] = [];
  const found: Description[] = [];
  for (const text of texts) {
    const one = read(text, context);
    if (!one.ok) problems.push(...one.problems);
    else if (one.describe !== undefined) found.push(one.describe);
  }
  if (problems.length > 0) return { ok: false, problems };
  if (found.length === 0) return { ok: true, describe: undefined };
  return { ok: true, describe: (space) => found.reduce((set, d) => space.or(set, d(space)), space.none) };
}

/** Packets from an address, a network or a name. */
export const readSource = (text: PlacedText, context: ReadingContext): ReadPackets =>
  readExpression(text, context, ['-s']);

/** Packets that leave by an interface or one of a zone. */
export const readOut = (text: PlacedText, context: ReadingContext): ReadPackets =>
  readExpression(text, context, ['-o']);

/** Packets to `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]:PORT`, `@name` or `@name:PORT`. */
export function readTarget(text: PlacedText, context: ReadingContext): ReadPackets {
  const whole = parseAddress('ipv6', text.text);
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^[\]]*?))(?::(\d{1,5}))?$/.exec(text.text) ?? [];
  const host = whole ? text.text : (bracketed ?? plain);
  if (host === undefined || host === '' || (!whole && Number(port ?? 0) > 65_535))
    return {
      ok: false,
      problems: [
        {
          message: `"${text.text}" is no destination`,
          hint: 'ADDRESS, ADDRESS:PORT or [IPV6-ADDRESS]:PORT',
          span: text.place(),
        },
      ],
    };
  const address = { ...unplaced(host), place: () => text.place() };
  const read = readExpression(address, context, ['-d']);
  if (!read.ok || whole || port === undefined || read.describe === undefined) return read;
  const { describe } = read;
  const number = Number(port);
  return {
    ok: true,
    describe: (space) => space.and(describe(space), space.interval('dport', number, number)),
  };
}

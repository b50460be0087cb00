/** Fields of a packet that no match option can name: long options of our own. */

import type { Packet } from '../model/packet.ts';

/** What is wrong with a word of an expression. */
interface WordProblem {
  readonly id: string;
  readonly message: string;
  /** Index of the word. */
  readonly word: number;
  readonly hint: string;
}

interface OwnOption {
  /** What stands behind it in help; empty for a flag. */
  readonly placeholder: string;
  readonly expected: string;
  readonly help: string;
  read(word: string): Partial<Packet> | undefined;
}

const unsigned =
  (max: number, make: (value: number) => Partial<Packet>) =>
  (word: string): Partial<Packet> | undefined =>
    /^\d{1,10}$/.test(word) && Number(word) <= max ? make(Number(word)) : undefined;

const hexOf = (bytes: Iterable<number>): string =>
  [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

const table: Readonly<Record<string, OwnOption>> = {
  '--seq': {
    placeholder: 'N',
    expected: 'a sequence number up to 4294967295',
    help: 'TCP sequence number',
    read: unsigned(0xffffffff, (seq) => ({ seq })),
  },
  '--ack': {
    placeholder: 'N',
    expected: 'an acknowledgement number up to 4294967295',
    help: 'TCP acknowledgement number',
    read: unsigned(0xffffffff, (ack) => ({ ack })),
  },
  '--window': {
    placeholder: 'N',
    expected: 'a window up to 65535',
    help: 'TCP window',
    read: unsigned(65535, (window) => ({ window })),
  },
  '--id': {
    placeholder: 'N',
    expected: 'an IP identification up to 65535',
    help: 'IP identification',
    read: unsigned(65535, (identification) => ({ identification })),
  },
  '--icmp-id': {
    placeholder: 'N',
    expected: 'an identifier up to 65535',
    help: 'identifier of an ICMP echo',
    read: unsigned(65535, (icmpId) => ({ icmpId })),
  },
  '--df': {
    placeholder: '',
    expected: '',
    help: 'do not fragment',
    read: () => ({ dontFragment: true }),
  },
  '--bad-checksum': {
    placeholder: '',
    expected: '',
    help: 'a wrong layer-4 checksum',
    read: () => ({ badChecksum: true }),
  },
  '--payload': {
    placeholder: 'HEX|text:…',
    expected: 'bytes in hexadecimal, or text:…',
    help: 'the bytes behind the layer-4 header',
    read: (word) => {
      if (word.startsWith('text:')) return { payload: hexOf(new TextEncoder().encode(word.slice(5))) };
      return /^([0-9a-fA-F]{2})*$/.test(word) ? { payload: word.toLowerCase() } : undefined;
    },
  },
};

/** Takes a packet expression of its own: what an ICMP error quotes. */
const quoteOption = '--quote';

/** Their names, for suggestions. */
export const ownOptions: readonly string[] = [...Object.keys(table), quoteOption];

/** Each with what it means, for help. */
export const ownOptionHelp: readonly (readonly [option: string, help: string])[] = [
  ...Object.entries(table).map(
    ([name, { placeholder, help }]) => [placeholder === '' ? name : `${name} ${placeholder}`, help] as const,
  ),
  [`${quoteOption} 'PACKET'`, 'the packet that an ICMP error is about'],
];

/** An expression parted into iptables' own words and what our options say. */
export interface TakenOptions {
  readonly rest: readonly string[];
  /** Places of the words of `rest` in the input. */
  readonly indices: readonly number[];
  readonly init: Partial<Packet>;
  /** The text behind `--quote`, with the place of its word. */
  readonly quote: { readonly text: string; readonly word: number } | undefined;
  readonly problems: readonly WordProblem[];
}

/** Takes our own options out of an expression. */
export function takeOwnOptions(words: readonly string[]): TakenOptions {
  const rest: string[] = [];
  const indices: number[] = [];
  const problems: WordProblem[] = [];
  let init: Partial<Packet> = {};
  let quote: TakenOptions['quote'];
  for (let i = 0; i < words.length; i++) {
    const name = words[i] as string;
    const option = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!option && name !== quoteOption) {
      rest.push(name);
      indices.push(i);
      continue;
    }
    if (rest.at(-1) === '!') {
      problems.push({
        id: 'not-invertible',
        message: `"${name}" gives a value and cannot be negated`,
        word: i,
        hint: `leave the "!" out`,
      });
    }
    const value = option?.placeholder === '' ? '' : words[++i];
    if (value === undefined) {
      problems.push({
        id: 'missing-value',
        message: `"${name}" needs a value`,
        word: words.length - 1,
        hint: option ? option.expected : `${quoteOption} '-p tcp -s ADDRESS -d ADDRESS --dport 80'`,
      });
      continue;
    }
    if (!option) {
      quote = { text: value, word: i };
      continue;
    }
    const read = option.read(value);
    if (read) init = { ...init, ...read };
    else
      problems.push({
        id: 'bad-value',
        message: `"${value}" is no value of ${name}`,
        word: i,
        hint: option.expected,
      });
  }
  return { rest, indices, init, quote, problems };
}

/** Fields of a packet that no match option can name: long options of our own. */

import type { Packet } from '../model/packet.ts';

interface OwnOption {
  readonly words: 0 | 1;
  read(word: string): Partial<Packet> | undefined;
  readonly expected: string;
}

const unsigned =
  (max: number, make: (value: number) => Partial<Packet>) =>
  (word: string): Partial<Packet> | undefined =>
    /^\d{1,10}$/.test(word) && Number(word) <= max ? make(Number(word)) : undefined;

const table: Readonly<Record<string, OwnOption>> = {
  '--seq': { words: 1, expected: 'a sequence number', read: unsigned(0xffffffff, (seq) => ({ seq })) },
  '--ack': {
    words: 1,
    expected: 'an acknowledgement number',
    read: unsigned(0xffffffff, (ack) => ({ ack })),
  },
  '--window': { words: 1, expected: 'a window up to 65535', read: unsigned(65535, (window) => ({ window })) },
  '--id': {
    words: 1,
    expected: 'an IP identification up to 65535',
    read: unsigned(65535, (identification) => ({ identification })),
  },
  '--icmp-id': {
    words: 1,
    expected: 'an identifier up to 65535',
    read: unsigned(65535, (icmpId) => ({ icmpId })),
  },
  '--df': { words: 0, expected: '', read: () => ({ dontFragment: true }) },
  '--bad-checksum': { words: 0, expected: '', read: () => ({ badChecksum: true }) },
  '--payload': {
    words: 1,
    expected: 'bytes in hexadecimal, or text:…',
    read: (word) => {
      if (word.startsWith('text:')) {
        const bytes = new TextEncoder().encode(word.slice(5));
        return { payload: [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('') };
      }
      return /^([0-9a-fA-F]{2})*$/.test(word) ? { payload: word.toLowerCase() } : undefined;
    },
  },
};

/** Their names, for help and suggestions. */
export const ownOptions: readonly string[] = Object.keys(table);

/** Splits an expression into iptables' own words and what our options say. `indices`: places of `rest` in the input. */
export function takeOwnOptions(words: readonly string[]): {
  readonly rest: readonly string[];
  readonly indices: readonly number[];
  readonly init: Partial<Packet>;
  readonly problems: readonly {
    readonly id: string;
    readonly message: string;
    readonly word: number;
    readonly hint: string;
  }[];
} {
  const rest: string[] = [];
  const indices: number[] = [];
  const problems: { id: string; message: string; word: number; hint: string }[] = [];
  let init: Partial<Packet> = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const option = Object.hasOwn(table, word) ? table[word] : undefined;
    if (!option) {
      rest.push(word);
      indices.push(i);
      continue;
    }
    const value = option.words === 1 ? words[++i] : '';
    const read = value === undefined ? undefined : option.read(value);
    if (read) init = { ...init, ...read };
    else
      problems.push({
        id: 'bad-value',
        message: `${word} wants ${option.expected}`,
        word: Math.min(i, words.length - 1),
        hint: `${word} VALUE`,
      });
  }
  return { rest, indices, init, problems };
}

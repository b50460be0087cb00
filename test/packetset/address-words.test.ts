import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AddressRange, ipv4, ipv6 } from '../../src/net/address.ts';
import { addressListLength, addressWords } from '../../src/packetset/address-words.ts';

const base = 0x0a000000;
const range = (low: number, high = low): AddressRange => ({ low: ipv4(base + low), high: ipv4(base + high) });
const words = (...ranges: readonly AddressRange[]): readonly string[] => addressWords(ranges, 'ipv4').texts;

test('what lacks an address of a network is the network but for it', () => {
  expect(words(range(0, 63), range(65, 255))).toEqual(['10.0.0.0/24 but 10.0.0.64']);
  expect(words(range(0, 4), range(6, 0xffff))).toEqual(['10.0.0.0/16 but 10.0.0.5']);
  expect(words(range(0, 4), range(6, 99), range(104, 0xffff))).toEqual([
    '10.0.0.0/16 but 10.0.0.5 and 10.0.0.100/30',
  ]);
});

test('networks, ranges and lists stay what they are', () => {
  expect(words(range(0, 255))).toEqual(['10.0.0.0/24']);
  expect(words(range(1), range(7))).toEqual(['10.0.0.1', '10.0.0.7']);
  expect(words(range(0, 254))).toEqual(['10.0.0.0-10.0.0.254']);
  expect(words(range(10, 30))).toEqual(['10.0.0.10-10.0.0.30']);
  expect(words(range(1), range(0x100, 0x104), range(0x106, 0x1ff))).toEqual([
    '10.0.0.1',
    '10.0.1.0/24 but 10.0.1.5',
  ]);
});

test('all but a few addresses are said so', () => {
  const all = { low: ipv4(0), high: ipv4(0xffffffff) };
  expect(addressWords([all], 'ipv4')).toEqual({ negated: true, texts: [] });
  expect(
    addressWords(
      [
        { low: ipv4(0), high: ipv4(base - 1) },
        { low: ipv4(base + 1), high: all.high },
      ],
      'ipv4',
    ),
  ).toEqual({ negated: true, texts: ['10.0.0.0'] });
});

test('IPv6', () => {
  const at = (low: number): ReturnType<typeof ipv6> => ipv6(0x20010db8, 0, 0, low);
  expect(
    addressWords(
      [
        { low: at(0), high: at(6) },
        { low: at(8), high: at(0xffff) },
      ],
      'ipv6',
    ).texts,
  ).toEqual(['2001:db8::/112 but 2001:db8::7']);
});

test('the words name exactly the addresses, in no more words than one by one', () => {
  const size = 64;
  const numberOf = (text: string): number =>
    text.split('.').reduce((n, octet) => 256 * n + Number(octet), 0) - base;
  const membersOf = (text: string): number[] => {
    const [net, exceptions] = text.split(' but ');
    const span = (piece: string): [number, number] => {
      const [low, high] = piece.split('-');
      if (high !== undefined) return [numberOf(low as string), numberOf(high)];
      const [address, length = '32'] = piece.split('/');
      const first = numberOf(address as string);
      return [first, first + 2 ** (32 - Number(length)) - 1];
    };
    const within = ([low, high]: [number, number], x: number): boolean => low <= x && x <= high;
    const out = exceptions === undefined ? [] : exceptions.split(' and ').map(span);
    return Array.from({ length: size }, (_, x) => x).filter(
      (x) => within(span(net as string), x) && !out.some((o) => within(o, x)),
    );
  };
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: size, maxLength: size }), (bits) => {
      const wanted = bits.flatMap((bit, x) => (bit ? [x] : []));
      fc.pre(wanted.length > 0);
      const ranges: AddressRange[] = [];
      for (const x of wanted) {
        const last = ranges.at(-1);
        if (last?.high.w3 === base + x - 1)
          ranges[ranges.length - 1] = { low: last.low, high: ipv4(base + x) };
        else ranges.push(range(x));
      }
      const { negated, texts } = addressWords(ranges, 'ipv4');
      const named = new Set(texts.flatMap(membersOf));
      expect(bits.map((_, x) => named.has(x) !== negated)).toEqual(bits);
      if (negated) return;
      const single = ranges.flatMap((r) => addressWords([r], 'ipv4').texts);
      expect(addressListLength(texts)).toBeLessThanOrEqual(addressListLength(single));
    }),
  );
});

import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Address,
  addressFromBigInt,
  addressToBigInt,
  ipv4,
  ipv6,
  networkContains,
  networkRange,
  prefix,
  prefixLength,
  prefixMask,
  rangeContains,
} from '../../src/net/address.ts';
import { addressText, networkText, parseIpv4, parseIpv6 } from '../../src/net/address-text.ts';

const word = fc.oneof(
  fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffff0000, 0xffffffff),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const anyV4 = word.map(ipv4);
const anyV6 = fc.tuple(word, word, word, word).map(([a, b, c, d]) => ipv6(a, b, c, d));
const anyAddress: fc.Arbitrary<Address> = fc.oneof(anyV4, anyV6);

test('print, then parse: the same address', () => {
  fc.assert(
    fc.property(anyAddress, (a) => {
      expect(a.family === 'ipv4' ? parseIpv4(addressText(a)) : parseIpv6(addressText(a))).toEqual(a);
    }),
  );
});

// Oracle: libuv's inet_ntop, which has the same rules as glibc's.
test('printing agrees with inet_ntop', () => {
  fc.assert(
    fc.property(anyAddress, (a) => {
      const text = addressText(a);
      expect(new SocketAddress({ address: text, family: a.family }).address).toBe(text);
    }),
  );
});

test('parsing takes what inet_pton takes', () => {
  const soup = fc.string({
    unit: fc.constantFrom('0', '1', '9', 'a', 'F', 'g', ':', '::', '.', '255', '1.2.3.4', '%', '/'),
    maxLength: 12,
  });
  const near = anyV6.chain((a) =>
    fc
      .tuple(fc.nat(addressText(a).length), fc.constantFrom('', ':', '.', '0', 'f'))
      .map(([at, put]) => addressText(a).slice(0, at) + put + addressText(a).slice(at + 1)),
  );
  fc.assert(
    fc.property(fc.oneof(soup, near), (text) => {
      expect(parseIpv4(text) !== undefined).toBe(isIPv4(text));
      if (!text.includes('%')) expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
    }),
    { numRuns: 3000 },
  );
});

test.each([
  ['::', '::'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:1:2', '::0.1.0.2'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['::ffff:0a00:0001', '::ffff:10.0.0.1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
  ['2001:DB8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8::0:1', '2001:db8::1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
])('%s is printed as %s', (text, printed) => {
  const a = parseIpv6(text);
  expect(a && addressText(a)).toBe(printed);
});

test('the lenient form takes leading zeros and hexadecimal octets', () => {
  expect(parseIpv4('010.0.0.01')).toBeUndefined();
  expect(parseIpv4('010.0.0.01', true)).toEqual(ipv4(0x0a000001));
  expect(parseIpv4('0x0a.0.0.1', true)).toEqual(ipv4(0x0a000001));
  expect(parseIpv4('10.0.1', true)).toBeUndefined();
});

test('numbers and addresses are one', () => {
  fc.assert(
    fc.property(anyAddress, (a) => {
      expect(addressFromBigInt(a.family, addressToBigInt(a))).toEqual(a);
    }),
  );
});

test('a prefix, its mask and its range hold the same addresses', () => {
  fc.assert(
    fc.property(
      anyAddress,
      fc.nat(128),
      anyAddress,
      fc.tuple(word, word, word, word),
      (a, bits, other, near) => {
        const length = a.family === 'ipv4' ? bits % 33 : bits;
        expect(prefixLength(prefixMask(a.family, length))).toBe(length);
        const net = prefix(a, length);
        expect(networkContains(net, a)).toBe(true);
        expect(networkText(net).endsWith(`/${length}`)).toBe(true);
        const range = networkRange(net);
        // An address that shares its upper bits, so that both answers occur.
        const m = prefixMask(a.family, Math.max(0, length - 1));
        const close: Address = {
          family: a.family,
          w0: a.family === 'ipv4' ? 0 : ((a.w0 & m.w0) | (near[0] & ~m.w0)) >>> 0,
          w1: a.family === 'ipv4' ? 0 : ((a.w1 & m.w1) | (near[1] & ~m.w1)) >>> 0,
          w2: a.family === 'ipv4' ? 0 : ((a.w2 & m.w2) | (near[2] & ~m.w2)) >>> 0,
          w3: ((a.w3 & m.w3) | (near[3] & ~m.w3)) >>> 0,
        };
        for (const x of [other, close])
          expect(range && rangeContains(range, x)).toBe(networkContains(net, x));
      },
    ),
  );
});

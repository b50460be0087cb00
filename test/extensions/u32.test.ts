/** Goal: bits of a number that are not known decide nothing, and the others do. The kernel knows all of them. */
import { expect, test } from 'vitest';
import { makePacket } from '../../src/expression/make-packet.ts';
import type { MatchEnv, ParseContext } from '../../src/extensions/define.ts';
import { NO, UNKNOWN, YES } from '../../src/extensions/define.ts';
import { u32 } from '../../src/extensions/matches/u32.ts';
import { zeroAddress } from '../../src/net/address.ts';

// Its flow label is not known: 20 bits from the twelfth on.
const nobody = zeroAddress('ipv6');
const packet = makePacket({
  family: 'ipv6',
  src: nobody,
  dst: nobody,
  protocol: 17,
  sport: 53,
  dport: 40000,
  payload: '6161',
});

function judge(text: string): number {
  const tests = u32.options.u32.type.parse([text], { family: 'ipv6', option: '--u32' } as ParseContext);
  if (!Array.isArray(tests)) throw new Error(JSON.stringify(tests));
  const matcher = u32.compile({ tests, negated: false }, {} as never);
  return matcher(packet, { ask: () => UNKNOWN } as unknown as MatchEnv);
}

test.each([
  ['the version, in front of the flow label', '0>>28=6', YES],
  ['another version', '0>>28=4', NO],
  ['the flow label', '0&0xfffff=0', UNKNOWN],
  ['a range that holds all of what it may be', '0=0x60000000:0x6fffffff', YES],
  ['a range that holds none of it', '0=0x70000000:0x7fffffff', NO],
  ['a range that holds some of it', '0=0x60000000:0x60000001', UNKNOWN],
  ['shifted out', '0<<31>>31&0=0', YES],
  ['an offset made of it', '0&0xff@0=0', UNKNOWN],
  ['a test that fails, whatever the other says', '0&0xfffff=0&&4>>16=0', NO],
])('%s', (_, text, expected) => {
  expect(judge(text)).toBe(expected);
});

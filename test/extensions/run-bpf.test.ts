/**
 * Goal: classic BPF programs answer as in the kernel. Method: programs of each kind of instruction over packets whose bytes
 * are known; the comparison with the running kernel draws the same (`kernelRules`).
 */
import { expect, test } from 'vitest';
import { makePacket } from '../../src/expression/make-packet.ts';
import { isValidBpf, parseBpf } from '../../src/extensions/classic-bpf.ts';
import { packetBytes } from '../../src/extensions/packet-bytes.ts';
import { runBpf } from '../../src/extensions/run-bpf.ts';
import { ipv4 } from '../../src/net/address.ts';

const packet = makePacket({
  family: 'ipv4',
  src: ipv4(0xc6336407),
  dst: ipv4(0xcb007101),
  protocol: 6,
  sport: 40000,
  dport: 443,
  ttl: 64,
  mark: 5,
  payload: undefined,
  lengthBytes: 100,
});

function run(text: string): number | undefined {
  const program = parseBpf(text);
  if (typeof program === 'string') throw new Error(program);
  expect(isValidBpf(program), text).toBe(true);
  return runBpf(program, packet, packetBytes(packet));
}

test.each([
  ['a byte', '2,48 0 0 9,22 0 0 0', 6],
  ['a half word', '2,40 0 0 2,22 0 0 0', 100],
  ['a word', '2,32 0 0 16,22 0 0 0', 0xcb007101],
  ['a port behind the header', '3,177 0 0 0,72 0 0 2,22 0 0 0', 443],
  ['the length', '2,128 0 0 0,22 0 0 0', 100],
  ['the mark', '2,32 0 0 4294963220,22 0 0 0', 5],
  ['the protocol of the frame', '2,40 0 0 4294963200,22 0 0 0', 0x0800],
  ['from the IP header on', '2,48 0 0 4293918728,22 0 0 0', 64],
  ['behind the end', '2,32 0 0 97,6 0 0 1', 0],
  ['behind the end, by the index', '3,1 0 0 4294967295,64 0 0 98,6 0 0 1', 0],
  ['differences wrap', '3,0 0 0 3,20 0 0 5,22 0 0 0', 0xfffffffe],
  ['products wrap', '3,0 0 0 2147483649,36 0 0 6,22 0 0 0', 6],
  ['negation', '3,0 0 0 1,132 0 0 0,22 0 0 0', 0xffffffff],
  ['shifts', '4,0 0 0 1,100 0 0 31,116 0 0 30,22 0 0 0', 2],
  ['a division by nothing', '4,0 0 0 7,1 0 0 0,60 0 0 0,6 0 0 1', 0],
  ['a rest', '3,0 0 0 17,148 0 0 5,22 0 0 0', 2],
  ['memory', '5,0 0 0 9,2 0 0 3,0 0 0 0,96 0 0 3,22 0 0 0', 9],
  ['the index from memory', '6,0 0 0 9,7 0 0 0,3 0 0 1,97 0 0 1,135 0 0 0,22 0 0 0', 9],
  ['a jump that is taken', '4,48 0 0 8,37 1 0 63,6 0 0 0,6 0 0 1', 1],
  ['a jump that is not', '4,48 0 0 8,53 1 0 65,6 0 0 2,6 0 0 1', 2],
  ['bits', '4,48 0 0 8,69 0 1 64,6 0 0 3,6 0 0 1', 3],
  ['a jump anyway', '3,5 0 0 1,6 0 0 1,6 0 0 2', 2],
  ['exclusive or', '4,48 0 0 8,7 0 0 0,172 0 0 0,22 0 0 0', 0],
  ['what is not known, masked away', '3,48 0 0 99,84 0 0 0,22 0 0 0', 0],
  ['what is not known', '2,48 0 0 99,22 0 0 0', undefined],
  ['a choice by what is not known', '4,48 0 0 99,21 0 1 6,6 0 0 1,6 0 0 0', undefined],
  ['the frame', '2,48 0 0 4292870144,22 0 0 0', undefined],
])('%s', (_, text, expected) => {
  expect(run(text)).toBe(expected);
});

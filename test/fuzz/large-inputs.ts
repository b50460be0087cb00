/** Inputs that are large or deep in one way each, at any scale: what docs/limits.md tells of. */

import { makePacket } from '../../src/expression/make-packet.ts';
import { ipv4 } from '../../src/net/address.ts';
import { cookedFrame, writePcap } from '../support/capture-writer.ts';

/** One way to be too much. */
export interface LargeInput {
  readonly name: string;
  /** At full scale. */
  readonly what: string;
  /**
   * The commands that are tried: `@` is the file, `@changed` the same with another policy of INPUT; the others are of
   * {@link besideInputs}.
   */
  readonly commands: readonly (readonly string[])[];
  /** Pieces of the input at a scale from 0 to 1. */
  readonly text: (scale: number) => Iterable<string>;
}

const packet = ['--', '-i', 'eth0', '-p', 'tcp', '-s', '198.51.100.7', '-d', '203.0.113.1', '--dport', '80'];
const trace = ['trace', '--no-reply', '--assume', 'local=203.0.113.1', '@', ...packet];
const fmt = ['fmt', '@'];
const lint = ['lint', '@', '--format', 'concise'];
const query = ['query', '@', '--fate', 'drop'];
const diff = ['diff', '@', '@changed'];
const exposure = ['@'];
const graph = ['graph', '@'];
const report = ['report', '@'];
const matrix = ['matrix', '@'];
const spoof = ['spoof', '@', '--ranges', '@ranges'];
const policy = ['test', '@policy', '--rules', '@'];
const replay = ['replay', '@capture', '@', '--iface', 'eth0', '--assume', 'local=203.0.113.1'];
const all = [fmt, trace, query, lint, diff, exposure, graph, report, matrix, spoof, policy, replay];

const frame = cookedFrame(
  makePacket({
    family: 'ipv4',
    src: ipv4(0xc6336407),
    dst: ipv4(0xcb007101),
    protocol: 6,
    sport: 40000,
    dport: 80,
    payload: '',
  }),
  2,
  0,
);

/** Small files that some commands want beside the large one, and their names. */
export const besideInputs: Readonly<
  Record<string, { readonly name: string; readonly content: string | Uint8Array }>
> = {
  '@policy': {
    name: 'x.policy.yml',
    content: 'tests:\n  - name: telnet\n    packets: -i eth0 -p tcp -m tcp --dport 23\n    expect: blocked\n',
  },
  '@ranges': { name: 'ranges', content: 'eth1 192.168.1.0/24\n' },
  '@capture': { name: 'x.pcap', content: writePcap([{ bytes: frame }], { linkType: 276 }) },
};

const filter = (inside: () => Iterable<string>): Iterable<string> =>
  (function* () {
    yield '*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n';
    yield* inside();
    yield 'COMMIT\n';
  })();

const times = (count: number, line: (i: number) => string): (() => Iterable<string>) =>
  function* () {
    for (let i = 0; i < count; i++) yield line(i);
  };

const address = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

/** All of them. */
export const largeInputs: readonly LargeInput[] = [
  {
    name: 'rules',
    what: '1,000,000 rules (60 MB)',
    commands: all,
    text: (scale) =>
      filter(
        times(1_000_000 * scale, (i) => `-A INPUT -s ${address(i)}/32 -p tcp -m tcp --dport 22 -j ACCEPT\n`),
      ),
  },
  {
    name: 'bytes',
    what: 'a dump of 100 MB: 100,000 rules with a comment of 1,000 characters',
    commands: all,
    text: (scale) =>
      filter(
        times(
          100_000 * scale,
          (i) =>
            `-A INPUT -s ${address(i)}/32 -m comment --comment "${'long '.repeat(51).slice(0, 250)}" -m comment --comment "${'x'.repeat(250)}" -m comment --comment "${'y'.repeat(250)}" -m comment --comment "${'z'.repeat(150)}" -j ACCEPT\n`,
        ),
      ),
  },
  {
    name: 'line',
    what: 'one line of 50 MB',
    commands: all,
    text: (scale) =>
      filter(() => [`-A INPUT -m comment --comment "${'a b'.repeat((50_000_000 * scale) / 3)}" -j ACCEPT\n`]),
  },
  {
    name: 'words',
    what: 'one line of 10 MB, 5,000,000 words',
    commands: all,
    text: (scale) => filter(() => [`-A INPUT ${'x '.repeat(5_000_000 * scale)}-j ACCEPT\n`]),
  },
  {
    name: 'chains',
    what: '100,000 chains, each with a rule and a jump to it',
    commands: all,
    text: (scale) => {
      const count = 100_000 * scale;
      return filter(function* () {
        yield* times(count, (i) => `:C${i} - [0:0]\n`)();
        yield* times(count, (i) => `-A INPUT -s ${address(i)}/32 -j C${i}\n-A C${i} -p udp -j DROP\n`)();
      });
    },
  },
  {
    name: 'depth',
    what: 'jumps 10,000 deep',
    commands: all,
    text: (scale) => {
      const count = Math.floor(10_000 * scale);
      return filter(function* () {
        yield* times(count, (i) => `:C${i} - [0:0]\n`)();
        yield '-A INPUT -j C0\n';
        yield* times(count - 1, (i) => `-A C${i} -j C${i + 1}\n`)();
        yield `-A C${count - 1} -p udp -j DROP\n`;
      });
    },
  },
  {
    name: 'loop',
    what: 'chains that jump to each other, and to themselves',
    commands: all,
    text: () =>
      filter(() => [
        ':A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\n-A FORWARD -g B\n-A B -g B\n',
      ]),
  },
  {
    name: 'doubling',
    what: '40 chains of two jumps to the next each: 2^40 paths',
    commands: all,
    text: () =>
      filter(function* () {
        yield* times(41, (i) => `:D${i} - [0:0]\n`)();
        yield '-A INPUT -j D0\n';
        yield* times(40, (i) => `-A D${i} -j D${i + 1}\n-A D${i} -j D${i + 1}\n`)();
        yield '-A D40 -p udp -j DROP\n';
      }),
  },
  {
    name: 'options',
    what: '65,536 options on one rule',
    commands: all,
    text: (scale) =>
      filter(() => [`-A INPUT ${'-m mark --mark 1 '.repeat((65_536 * scale) / 2)}-j ACCEPT\n`]),
  },
  {
    name: 'set',
    what: 'a set with 1,000,000 members (ipset save)',
    commands: all,
    text: (scale) =>
      (function* () {
        yield* filter(() => ['-A INPUT -m set --match-set bad src -j DROP\n']);
        yield 'create bad hash:ip family inet hashsize 1024 maxelem 2000000\n';
        yield* times(1_000_000 * scale, (i) => `add bad ${address(i)}\n`)();
      })(),
  },
  {
    name: 'comments',
    what: '1,000,000 comment lines',
    commands: [...all, ['fmt', '--keep-comments', '@']],
    text: (scale) => filter(times(1_000_000 * scale, (i) => `# comment ${i}\n`)),
  },
];

import type { Address } from '../../net/address.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, NO, type Refusal, refuse, tri } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** How many nodes there are, and which of them this machine answers for. */
export interface ClusterData {
  readonly totalNodes: number;
  /** Bit i: node i + 1 is ours. */
  readonly nodeMask: number;
  readonly negated: boolean;
  readonly seed: number;
}

const jhashInitial = 0xdeadbeef;
const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** Last step of the kernel's Jenkins hash. Source: include/linux/jhash.h __jhash_final(). */
function jhashFinal(a: number, b: number, c: number): number {
  c = (c ^ b) - rotate(b, 14);
  a = (a ^ c) - rotate(c, 11);
  b = (b ^ a) - rotate(a, 25);
  c = (c ^ b) - rotate(b, 16);
  a = (a ^ c) - rotate(c, 4);
  b = (b ^ a) - rotate(a, 14);
  c = (c ^ b) - rotate(b, 24);
  return c >>> 0;
}

/** The word as a little-endian machine holds an address in network order. */
const swapped = (w: number): number =>
  ((w & 0xff) << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);

/**
 * Hash of a source address, on little-endian machines. Of an IPv6 address the kernel hashes the first 32 bits only:
 * it divides the number of words by four (seen with 6.18).
 *
 * Source: include/linux/jhash.h jhash_1word(), jhash2(); net/netfilter/xt_cluster.c xt_cluster_hash().
 */
function clusterHash(a: Address, seed: number): number {
  const start = (seed + jhashInitial + 4) | 0;
  const word = a.family === 'ipv4' ? a.w3 : a.w0;
  return jhashFinal((swapped(word) + start) | 0, start, start);
}

const hex8 = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

/** Whether the connection belongs to one of our nodes, by a hash of its original source. */
export const cluster = defineMatch({
  name: 'cluster',
  families: ['ipv4', 'ipv6'],
  options: {
    'cluster-total-nodes': { type: integer(1, 32), required: true },
    'cluster-local-node': {
      type: integer(1, 32),
      invertible: true,
      excludes: ['cluster-local-nodemask'],
    },
    // 1.8.9 takes masks up to 32 only, though it prints longer ones.
    'cluster-local-nodemask': {
      type: integer(1, 32, { hex: true }),
      invertible: true,
      excludes: ['cluster-local-node'],
    },
    'cluster-hash-seed': { type: integer(0, 0xffffffff, { hex: true }), required: true },
  },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ClusterData | Refusal => {
    const totalNodes = o['cluster-total-nodes'].value;
    const node = o['cluster-local-node'];
    const mask = o['cluster-local-nodemask'];
    const given = node ?? mask;
    if (!given)
      return refuse(
        'missing-option',
        "cluster match: `--cluster-local-node' or`--cluster-local-nodemask' is missing",
      );
    if (node && node.value > totalNodes) {
      return refuse(
        'too-many-nodes',
        "cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'",
        { word: '--cluster-local-node', option: '--cluster-local-node' },
      );
    }
    if (mask && mask.value >= 2 ** totalNodes) {
      return refuse(
        'too-many-nodes',
        "cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'",
        { word: '--cluster-local-nodemask', option: '--cluster-local-nodemask' },
      );
    }
    return {
      totalNodes,
      nodeMask: node ? (1 << (node.value - 1)) >>> 0 : given.value,
      negated: given.negated,
      seed: o['cluster-hash-seed'].value,
    };
  },
  print: (d, context) => [
    // What is printed of nodes from 7 on could not be read again.
    context.keepMeaning && d.nodeMask > 32
      ? option('cluster-local-node', String(32 - Math.clz32(d.nodeMask)), d.negated)
      : option('cluster-local-nodemask', hex8(d.nodeMask), d.negated),
    option('cluster-total-nodes', String(d.totalNodes)),
    option('cluster-hash-seed', hex8(d.seed)),
  ],
  compile: (d) => {
    const { totalNodes, nodeMask, negated, seed } = d;
    return (_packet, env) => {
      const { entry } = env.connection;
      if (!entry) return NO;
      const hash = clusterHash((entry.master ?? entry).original.src, seed);
      const node = Math.floor((hash * totalNodes) / 2 ** 32);
      return tri(((nodeMask >>> node) & 1) === 1, negated);
    };
  },
  columns: () => [],
  packets: (d, space) => {
    const key = `cluster ${d.totalNodes} ${d.nodeMask} ${d.seed}`;
    const ours = space.choice({ kind: 'pure', key, reads: ['ctOrigSrc'] });
    return space.and(space.tracked(), complementIf(d.negated, space, ours));
  },
  docs: {
    summary: 'Share of this node in a cluster that spreads connections by their source.',
    man: 'iptables-extensions(8) cluster',
    kernel: 'net/netfilter/xt_cluster.c xt_cluster_mt()',
  },
});

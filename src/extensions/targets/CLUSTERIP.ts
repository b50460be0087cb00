import type { Packet } from '../../model/packet.ts';
import { prefixLength } from '../../net/address.ts';
import { jhashWords, reciprocalScale } from '../../net/jhash.ts';
import { macBytes, parseMac } from '../../net/mac.ts';
import { defineTarget, type OptionType, type Refusal, refuse, UNKNOWN, YES } from '../define.ts';
import { flag, integer, oneOf } from '../option-types.ts';
import { option } from '../printed-words.ts';

const hashModes = ['sourceip', 'sourceip-sourceport', 'sourceip-sourceport-destport'] as const;

/** What one `-j CLUSTERIP` says, as data. */
export interface ClusteripData {
  /** Undefined: the rule shares the cluster address that another rule made. */
  readonly cluster:
    | {
        readonly hashMode: (typeof hashModes)[number];
        /** Lower case. */
        readonly mac: string;
        readonly totalNodes: number;
        /** This machine's number, from 1. */
        readonly localNode: number;
        readonly seed: number;
      }
    | undefined;
}

const multicastMac: OptionType<string> = {
  arity: 1,
  placeholder: 'mac',
  shape: { kind: 'mac' },
  parse(words, { option }) {
    const mac = parseMac(words[0] ?? '');
    if (mac === undefined) return refuse('bad-mac', 'Invalid MAC address specified.', { option });
    return (macBytes(mac)[0] ?? 0) & 1
      ? mac
      : refuse('bad-mac', 'MAC has to be a multicast ethernet address', {
          option,
          hint: 'the first byte must be odd: 01:…',
        });
  },
};

const nodes = integer(0, 16);

/** Lets each of several machines with one address take its share of the clients. Gone since Linux 6.3. */
export const CLUSTERIP = defineTarget({
  name: 'CLUSTERIP',
  families: ['ipv4'],
  options: {
    new: { type: flag, requires: ['hashmode', 'clustermac', 'total-nodes', 'local-node'] },
    hashmode: { type: oneOf(hashModes, (word) => `Unknown hashmode "${word}"`), requires: ['new'] },
    clustermac: { type: multicastMac, requires: ['new'] },
    'total-nodes': { type: nodes, requires: ['new'] },
    'local-node': { type: nodes, requires: ['new'] },
    'hash-init': { type: integer(0, 0xffffffff), requires: ['new'] },
  },
  constraints: { tables: ['filter'], hooks: ['INPUT'] },
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ClusteripData => {
    const { hashmode, clustermac } = o;
    const [total, local] = [o['total-nodes'], o['local-node']];
    return hashmode && clustermac && total && local
      ? {
          cluster: {
            hashMode: hashmode.value,
            mac: clustermac.value,
            totalNodes: total.value,
            localNode: local.value,
            seed: o['hash-init']?.value ?? 0,
          },
        }
      : { cluster: undefined };
  },
  check: (_, { base }): Refusal | undefined =>
    !base.dst || base.dst.negated || prefixLength(base.dst.value.mask) !== 32
      ? refuse('needs-address', 'CLUSTERIP needs -d with one address (Invalid argument)')
      : undefined,
  print: ({ cluster }) =>
    cluster === undefined
      ? []
      : [
          option('new'),
          option('hashmode', cluster.hashMode),
          option('clustermac', cluster.mac.toUpperCase()),
          option('total-nodes', String(cluster.totalNodes)),
          option('local-node', String(cluster.localNode)),
          option('hash-init', String(cluster.seed)),
        ],
  compile: ({ cluster }) => {
    return (env) => {
      const { packet } = env;
      const { entry, state } = env.connection;
      if (!entry) return 'drop';
      if (packet.protocol === 1 && state === 'RELATED') return 'continue';
      if (!cluster) {
        const ours = env.ask('clusterip', ['other-node', 'this-node']);
        return ours === UNKNOWN ? 'unknown' : ours === YES ? 'continue' : 'drop';
      }
      const node = nodeOf(cluster, packet);
      if (state === 'NEW') env.setConnmark(node);
      if (node !== cluster.localNode) return 'drop';
      packet.packetType = 'unicast';
      return 'continue';
    };
  },
  effect: () => ({ changes: [{ field: 'connmark', operation: 'unknown' }], outcome: 'unknown' }),
  docs: {
    summary: 'Shares one address among several machines; gone since Linux 6.3, use -m cluster.',
    man: 'iptables-extensions(8) CLUSTERIP',
    kernel: 'net/ipv4/netfilter/ipt_CLUSTERIP.c clusterip_tg(), clusterip_hashfn() (before Linux 6.3)',
  },
});

/** Number of the node that answers this client, from 1. */
function nodeOf(cluster: NonNullable<ClusteripData['cluster']>, packet: Packet): number {
  const sport = packet.sport ?? packet.icmpId ?? 0;
  const dport = packet.dport ?? 0;
  const words =
    cluster.hashMode === 'sourceip'
      ? [packet.src.w3]
      : cluster.hashMode === 'sourceip-sourceport'
        ? [packet.src.w3, sport]
        : [packet.src.w3, sport, dport];
  return reciprocalScale(jhashWords(words, cluster.seed), cluster.totalNodes) + 1;
}

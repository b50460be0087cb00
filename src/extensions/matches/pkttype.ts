import type { PacketType } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, refuse, tri } from '../define.ts';
import { option } from '../printed-words.ts';

/** How the frame must (not) have been addressed. */
export interface PkttypeData {
  readonly type: PacketType;
  readonly negated: boolean;
}

/** All words that `--pkt-type` takes, in any case. */
const typeWords: Readonly<Record<string, PacketType>> = {
  unicast: 'unicast',
  broadcast: 'broadcast',
  multicast: 'multicast',
  otherhost: 'otherhost',
  host: 'unicast',
  bcast: 'broadcast',
  mcast: 'multicast',
};

const typeOption: OptionType<PacketType> = {
  arity: 1,
  placeholder: 'unicast|broadcast|multicast|otherhost',
  shape: { kind: 'words', values: Object.keys(typeWords) },
  parse(words, context) {
    const word = words[0] ?? '';
    const lower = word.toLowerCase();
    return (
      (Object.hasOwn(typeWords, lower) ? typeWords[lower] : undefined) ??
      refuse('bad-value', `Bad packet type '${word}'`, { word, option: context.option })
    );
  },
};

/** How the frame was addressed. Packets that leave, and those on the loopback interface, are unicast. */
export const pkttype = defineMatch({
  name: 'pkttype',
  families: ['ipv4', 'ipv6'],
  options: { 'pkt-type': { type: typeOption, required: true, invertible: true } },
  constraints: {},
  needs: [],
  bind: (o): PkttypeData => ({ type: o['pkt-type'].value, negated: o['pkt-type'].negated }),
  print: (d) => [option('pkt-type', d.type, d.negated)],
  compile: (d) => (packet) => tri(packet.packetType === d.type, d.negated),
  columns: () => [],
  packets: (d, space) => complementIf(d.negated, space, space.named('packetType', d.type)),
  docs: {
    summary: 'Whether the frame was sent to one host, to all or to a group.',
    man: 'iptables-extensions(8) pkttype',
    kernel: 'net/netfilter/xt_pkttype.c pkttype_mt()',
  },
});

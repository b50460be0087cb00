import type { Packet } from '../../model/packet.ts';
import type { Family } from '../../net/address.ts';
import { ipv4, prefix, zeroAddress } from '../../net/address.ts';
import { complementIf, type PacketSet, type PacketSpace } from '../../packetset/space.ts';
import { defineMatch, tri } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** How strict the reverse path check is. */
export interface RpfilterData {
  readonly loose: boolean;
  readonly validmark: boolean;
  readonly acceptLocal: boolean;
  readonly invert: boolean;
}

const zeroNetwork = prefix(ipv4(0), 8);
const localMulticast = prefix(ipv4(0xe0000000), 24);
const limitedBroadcast = prefix(ipv4(0xffffffff), 32);

/** Packets without a source to check: loopback, DHCP clients, IPv6 hosts without an address. */
function isExempt(packet: Packet, inInterface: string | undefined): boolean {
  if (inInterface === 'lo') return true;
  const { src, dst } = packet;
  if (packet.family === 'ipv6') return src.w0 === 0 && src.w1 === 0 && src.w2 === 0 && src.w3 === 0;
  return src.w3 >>> 24 === 0 && (dst.w3 === 0xffffffff || dst.w3 >>> 8 === 0xe00000);
}

function exemptPackets(space: PacketSpace, family: Family): PacketSet {
  const loopback = space.interface('in', { name: 'lo', exact: true });
  if (family === 'ipv6') return space.or(loopback, space.network('src', prefix(zeroAddress('ipv6'), 128)));
  const groups = space.or(space.network('dst', localMulticast), space.network('dst', limitedBroadcast));
  return space.or(loopback, space.and(space.network('src', zeroNetwork), groups));
}

/** Whether the route back to the source leads out by the interface that the packet came in by. */
export const rpfilter = defineMatch({
  name: 'rpfilter',
  families: ['ipv4', 'ipv6'],
  options: {
    loose: { type: flag },
    validmark: { type: flag },
    'accept-local': { type: flag },
    invert: { type: flag },
  },
  constraints: { tables: ['raw', 'mangle'], hooks: ['PREROUTING'] },
  needs: ['routes', 'interfaces'],
  bind: (o): RpfilterData => ({
    loose: o.loose !== undefined,
    validmark: o.validmark !== undefined,
    acceptLocal: o['accept-local'] !== undefined,
    invert: o.invert !== undefined,
  }),
  print: (d) => [
    ...(d.loose ? [option('loose')] : []),
    ...(d.validmark ? [option('validmark')] : []),
    ...(d.acceptLocal ? [option('accept-local')] : []),
    ...(d.invert ? [option('invert')] : []),
  ],
  compile: (d) => (packet, env) => {
    if (isExempt(packet, env.inInterface)) return tri(true, d.invert);
    const fine = env.fib.reversePath(packet, env.inInterface, d);
    if (fine === undefined) return env.ask('rpfilter', d.invert ? ['fine', 'spoofed'] : ['spoofed', 'fine']);
    return tri(fine, d.invert);
  },
  packets: (d, space, context) => {
    const key = `rpfilter${d.loose ? ' loose' : ''}${d.validmark ? ' validmark' : ''}${d.acceptLocal ? ' accept-local' : ''}`;
    const fine = space.choice({ kind: 'pure', key, reads: ['src', 'dst', 'tos', 'mark'] });
    return complementIf(d.invert, space, space.or(exemptPackets(space, context.family), fine));
  },
  docs: {
    summary: 'Reverse path check: whether answers would leave where the packet came in.',
    man: 'iptables-extensions(8) rpfilter',
    kernel: 'net/ipv4/netfilter/ipt_rpfilter.c rpfilter_mt(), net/ipv6/netfilter/ip6t_rpfilter.c',
  },
});

/** Packet sets: how fast sets of rules are built, subtracted from each other, and asked about one packet. */
import { measure } from '../src/dev/measure.ts';
import { type Address, type Family, ipv4, ipv6, type Network, prefix } from '../src/net/address.ts';
import { createCollector } from '../src/packetset/boundaries.ts';
import { buildCodec } from '../src/packetset/codec.ts';
import type { PacketView } from '../src/packetset/packet-view.ts';
import type { PacketSet, PacketSpace } from '../src/packetset/space.ts';
import { type BddPacketSpace, createPacketSpace } from '../src/packetset/space-bdd.ts';

interface Rule {
  readonly src: Network | undefined;
  readonly dst: Network;
  readonly inInterface: string | undefined;
  readonly protocol: number;
  readonly dport: number;
}

/** Pseudo-random numbers, the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Overlapping networks and ports in no order at all: harder than what people write. */
function randomRules(count: number, family: Family): Rule[] {
  const random = generator(42);
  // The same tree of networks in both families: what differs is the length of an address.
  const address = (): Address => {
    const low = 0x0a000000 + random(1 << 24);
    return family === 'ipv4' ? ipv4(low) : ipv6(0x20010db8, 0, 0, low);
  };
  const above = family === 'ipv4' ? 0 : 96;
  const networks = Array.from({ length: Math.ceil(count * 0.7) }, () =>
    prefix(address(), above + (random(10) < 6 ? 32 : 12 + random(18))),
  );
  const ports = Array.from({ length: 200 }, () => random(65536));
  const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  return Array.from({ length: count }, () => ({
    src: random(20) < 17 ? oneOf(networks) : undefined,
    dst: oneOf(networks),
    inInterface: random(4) === 0 ? `eth${random(6)}` : undefined,
    protocol: random(3) === 0 ? 17 : 6,
    dport: oneOf(ports),
  }));
}

function describe(rule: Rule, space: PacketSpace): PacketSet {
  let set = space.and(
    space.interval('protocol', rule.protocol, rule.protocol),
    space.interval('dport', rule.dport, rule.dport),
  );
  if (rule.inInterface !== undefined) {
    set = space.and(space.interface('in', { name: rule.inInterface, exact: true }), set);
  }
  set = space.and(space.network('dst', rule.dst), set);
  return rule.src === undefined ? set : space.and(space.network('src', rule.src), set);
}

function build(rules: readonly Rule[], family: Family): { space: BddPacketSpace; sets: PacketSet[] } {
  const collector = createCollector(family);
  for (const rule of rules) describe(rule, collector.space);
  const space = createPacketSpace(buildCodec(collector.boundaries(), { spareCodes: 3 }));
  return { space, sets: rules.map((rule) => describe(rule, space)) };
}

function reach({ space, sets }: ReturnType<typeof build>): { left: PacketSet; dead: number } {
  let left = space.valid;
  let dead = 0;
  for (const set of sets) {
    if (space.disjoint(left, set)) dead++;
    left = space.diff(left, set);
  }
  return { left, dead };
}

const four = randomRules(5556, 'ipv4');
const six = randomRules(5556, 'ipv6');
const built = build(four, 'ipv4');
const reached = reach(built).left;
// As for a finished diagram: its nodes alone, one beside the other.
const left = built.space.compact([reached])(reached);
const random = generator(7);
const views = Array.from({ length: 1000 }, () => {
  const rule = four[random(four.length)] as Rule;
  const packet = {
    src: ipv4(0x0a000000 + random(1 << 24)),
    dst: rule.dst.address,
    protocol: rule.protocol,
    sport: 40_000,
    dport: rule.dport,
    fragmentOffsetBytes: 0,
    moreFragments: false,
  };
  return { packet, inInterface: 'eth0', outInterface: undefined, connection: {} } as unknown as PacketView;
});

await measure('packet sets of 5,556 random rules', [
  { name: 'build, IPv4', run: () => build(four, 'ipv4') },
  { name: 'build and reach every rule, IPv4', run: () => reach(build(four, 'ipv4')) },
  { name: 'build, IPv6', run: () => build(six, 'ipv6') },
  { name: 'build and reach every rule, IPv6', run: () => reach(build(six, 'ipv6')) },
  {
    name: 'look up 1,000 packets in what is left',
    run: () => views.filter((v) => built.space.contains(left, v)),
  },
]);

import { defineMatch, NO, tri } from '../define.ts';

/** Nothing to say. */
export type Eui64Data = Readonly<Record<string, never>>;

/** Whether the low half of the IPv6 source is made of the frame's Ethernet source, as autoconfiguration makes it. */
export const eui64 = defineMatch({
  name: 'eui64',
  families: ['ipv6'],
  options: {},
  constraints: { hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  needs: [],
  bind: (): Eui64Data => ({}),
  print: () => [],
  compile: () => (packet, env) => {
    // Linux 6.18 drops what has no MAC header (eui64_mt6()); where nobody told one, only later fragments, as before.
    if (env.hasFrame === false) return env.hotDrop();
    if (packet.ethSrc === undefined) return packet.fragmentOffsetBytes > 0 ? env.hotDrop() : NO;
    const mac = packet.ethSrc.split(':').map((x) => Number.parseInt(x, 16));
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
    // The kernel sets the bit for "universal" where RFC 4291 turns it over.
    const high = (((a | 2) << 24) | (b << 16) | (c << 8) | 0xff) >>> 0;
    const low = ((0xfe << 24) | (d << 16) | (e << 8) | f) >>> 0;
    return tri(packet.src.w2 === high && packet.src.w3 === low);
  },
  packets: (_d, space) => space.choice({ kind: 'pure', key: 'eui64', reads: ['src'] }),
  docs: {
    summary: 'The source address is built from the Ethernet address of the sender.',
    man: 'iptables-extensions(8) eui64',
    kernel: 'net/ipv6/netfilter/ip6t_eui64.c eui64_mt6()',
  },
});

/** Machines for fast-check: what `ip` and `sysctl` would print of them. */

import fc from 'fast-check';

/** What the machines are like. */
export interface HostOptions {
  /** Names of the interfaces, the one that leads outside first; default: one to three usual ones. */
  readonly interfaces?: readonly string[];
  readonly forwarding?: boolean;
}

/** Networks of machines, outside first. */
const networks = [
  { prefix: '203.0.113', length: 24 },
  { prefix: '192.168.1', length: 24 },
  { prefix: '10.0.0', length: 24 },
  { prefix: '172.17.0', length: 16 },
  { prefix: '192.168.178', length: 25 },
] as const;

const usualNames = ['eth0', 'eth1', 'wg0', 'br0', 'ppp0'] as const;

/**
 * Draws the context of a machine, for {@link rulesFromText}: addresses, routes, and whether it forwards. Shrinks to a
 * machine with one interface.
 */
export function hosts(o: HostOptions = {}): fc.Arbitrary<string> {
  const names =
    o.interfaces === undefined
      ? fc.integer({ min: 1, max: 3 }).map((count): readonly string[] => usualNames.slice(0, count))
      : fc.constant(o.interfaces);
  const forwarding = o.forwarding === undefined ? fc.boolean() : fc.constant(o.forwarding);
  return fc
    .tuple(names, forwarding, fc.array(fc.integer({ min: 1, max: 126 }), { minLength: 5, maxLength: 5 }))
    .map(([list, forwards, own]) => {
      const lines: string[] = [];
      const interfaces = list.map((ifname, i) => {
        const { prefix, length } = networks[i % networks.length] as (typeof networks)[number];
        const local = `${prefix}.${own[i % own.length]}`;
        lines.push(`${prefix}.0/${length} dev ${ifname} proto kernel scope link src ${local}`);
        return {
          ifname,
          addr_info: [{ family: 'inet', local, prefixlen: length, scope: 'global' }],
        };
      });
      const [first] = list;
      if (first !== undefined) lines.unshift(`default via ${networks[0].prefix}.254 dev ${first}`);
      return [JSON.stringify(interfaces), ...lines, `net.ipv4.ip_forward = ${forwards ? 1 : 0}`, ''].join(
        '\n',
      );
    });
}

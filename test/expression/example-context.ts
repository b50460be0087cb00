import type { SourceText } from '../../src/diagnostics/sources.ts';
import type { Example } from '../support/examples.ts';

/** The network that an address with its length lies in, in the words of `ip route`. */
function networkOf(address: string): string {
  const [host = '', length = '32'] = address.split('/');
  const bits = host.split('.').reduce((value, part) => value * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  const base = Math.floor(bits / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join('.')}/${length}`;
}

/** What `ip addr`, `ip route` and `sysctl` would print on the machine of an example's header. */
export function exampleContext(example: Example): SourceText {
  const addresses = example.addresses.map((text) => {
    const [address = '', , device = ''] = text.split(' ');
    return { address, device };
  });
  const devices = [...new Set(addresses.map(({ device }) => device))];
  const link = (index: number, device: string, kind: string, lines: readonly string[]): string =>
    [`${index}: ${device}: <UP,LOWER_UP> mtu 1500 qdisc noqueue state UP`, `    link/${kind}`, ...lines].join(
      '\n',
    );
  const links = [
    link(1, 'lo', 'loopback', ['    inet 127.0.0.1/8 scope host lo']),
    ...devices.map((device, index) =>
      link(
        index + 2,
        device,
        'ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff',
        addresses
          .filter((a) => a.device === device)
          .map(({ address }) => `    inet ${address} scope global ${device}`),
      ),
    ),
  ];
  const routes = [
    ...example.routes,
    ...addresses
      .filter(({ address }) => !address.endsWith('/32'))
      .map(({ address, device }) => `${networkOf(address)} dev ${device} proto kernel scope link`),
  ];
  const sysctls = Object.entries(example.sysctls).map(([key, value]) => `${key} = ${value}`);
  return { name: 'header', text: `${[...links, ...routes, ...sysctls].join('\n')}\n` };
}

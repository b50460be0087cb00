/** Packets worth asking about, as packet lines made from what is known of the machine. */

import type { Family } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { strangerAddress } from '../../net/documentation.ts';
import type { World } from './world.ts';

/** A packet line with a name. */
export interface Preset {
  /** Short, for `:preset NAME`. */
  readonly name: string;
  readonly title: string;
  readonly line: string;
}

const publishedMax = 4;

/** The presets for a family, the likeliest question first. */
export function presets(world: World, family: Family): readonly Preset[] {
  const { outside, inside, own, insider, published } = world.words(family);
  const v6 = family === 'ipv6';
  const stranger = addressText(strangerAddress(family));
  const here = own[0] ?? (v6 ? '2001:db8:113::1' : '203.0.113.1');
  const far = v6 ? '2001:db8:2::80' : '192.0.2.80';
  const into = outside === undefined ? '' : `-i ${outside} `;
  const within = inside === undefined ? into : `-i ${inside} `;
  const icmp = v6 ? 'icmpv6' : 'icmp';
  const type = v6 ? '--icmpv6-type' : '--icmp-type';
  const toHere = own.length > 0 ? `-d ${here} ` : v6 ? `-d ${here} ` : '';
  const list: Preset[] = [
    {
      name: 'ssh',
      title: 'SYN from outside to port 22',
      line: `${into}-p tcp -s ${stranger} ${toHere}--dport 22`,
    },
    {
      name: 'web',
      title: 'SYN from outside to port 443',
      line: `${into}-p tcp -s ${stranger} ${toHere}--dport 443`,
    },
    ...published.slice(0, publishedMax).map(({ options, port }) => ({
      name: `published-${port.replace('/', '-')}`,
      title: `SYN from outside to published ${port}`.replace(
        'SYN from outside to published udp',
        'datagram to published udp',
      ),
      line: `${into}-s ${stranger} ${options}`,
    })),
    {
      name: 'out',
      title: 'SYN from inside to a web server',
      line: `${within}-p tcp -s ${insider} -d ${far} --dport 443`,
    },
    {
      name: 'dns',
      title: 'DNS query from inside',
      line: `${within}-p udp -s ${insider} ${toHere}--dport 53`,
    },
    {
      name: 'ping',
      title: 'ping from outside',
      line: `${into}-p ${icmp} -s ${stranger} ${toHere}${type} echo-request`,
    },
    {
      name: 'reply',
      title: 'reply from outside (established)',
      line: `${into}-p tcp -s ${far} ${toHere}--sport 443 --dport 40000 --tcp-flags SYN,ACK SYN,ACK -m conntrack --ctstate ESTABLISHED`,
    },
    {
      name: 'stray',
      title: 'SYN,ACK that answers nothing',
      line: `${into}-p tcp -s ${far} ${toHere}--sport 443 --dport 40000 --tcp-flags SYN,ACK,RST,FIN SYN,ACK`,
    },
    {
      name: 'spoofed',
      title: 'inside source from outside',
      line: `${into}-p tcp -s ${insider} ${toHere}--dport 22`,
    },
    {
      name: 'error',
      title: 'ICMP error about a connection of ours',
      line: `${into}-p ${icmp} -s ${stranger} ${toHere}${type} ${v6 ? 'packet-too-big' : 'fragmentation-needed'} --quote '-p tcp -s ${here} -d ${far} --sport 40000 --dport 443'`,
    },
    { name: 'local', title: 'SYN of this machine itself', line: `--local -p tcp -d ${far} --dport 443` },
  ];
  return list;
}

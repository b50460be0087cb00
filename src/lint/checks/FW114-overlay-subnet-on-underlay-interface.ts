import { networkTextShort } from '../../net/address-text.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import { isTunnel, leadsElsewhere, placedNetworks } from './support/behind.ts';
import { ownFilterRules } from './support/roads.ts';
import { accepts } from './support/rules-at.ts';

/** Addresses of a tunnel, asked for on the interface that carries it. */
export const overlaySubnetOnUnderlayInterface = defineCheck({
  code: 'FW114',
  name: 'overlay-subnet-on-underlay-interface',
  title: 'A rule looks for the addresses of a VPN on the interface that carries the VPN',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'An accept names a network that is behind a tunnel (tun0, wg0 …) together with another interface. What comes out of the tunnel has the tunnel’s interface: the rule never matches it.',
  rationale:
    'A packet of a VPN comes twice: as UDP or ESP on the outer interface, and then, unpacked, on the interface of the tunnel. An accept of the inner addresses on the outer interface lets no client in; all that can match it is a forged packet on the outer wire.',
  decision:
    'For every accept of a source network by -i, or of a destination network by -o: routes and addresses of the machine, or, without them, another rule that names the same network with an interface, say where the network is. It is reported if that is a tunnel and not the interface of the rule.',
  exceptions:
    'A network that is reached both ways, by the tunnel and past it. IPsec by policy has no interface of its own (see FW115).',
  references: ['https://github.com/pivpn/pivpn/issues/1710'],
  examples: {
    bad: [
      {
        title: 'ssh for VPN clients, on the outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p udp -m udp --dport 51820 -j ACCEPT
-A INPUT -s 10.8.0.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 scope global eth0
       valid_lft forever preferred_lft forever
3: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default qlen 1000
    link/none
    inet 10.8.0.1/24 scope global wg0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'another rule shows where the clients are',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.8.0.0/24 -i eth0 -p udp -m udp --dport 53 -j ACCEPT
-A FORWARD -s 10.8.0.0/24 -i tun0 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the way back to the clients, by the outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 10.9.0.0/24 -i wg0 -o eth1 -j ACCEPT
-A FORWARD -d 10.9.0.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'on the interface of the tunnel',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p udp -m udp --dport 51820 -j ACCEPT
-A INPUT -s 10.8.0.0/24 -i wg0 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 10.8.0.0/24 -i wg0 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'forged packets of the tunnel’s network are dropped on the outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.8.0.0/24 -i eth0 -j DROP
-A INPUT -s 10.8.0.0/24 -i wg0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nobody says where the network is',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.8.0.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      for (const { rule } of ownFilterRules(view, ['INPUT', 'FORWARD', 'OUTPUT'])) {
        if (!accepts(rule)) continue;
        for (const { net, name, option } of placedNetworks(rule)) {
          const there = leadsElsewhere(context, view, net, name, rule);
          if (!there || !isTunnel(context, there.name) || isTunnel(context, name)) continue;
          const text = networkTextShort(net);
          yield {
            at: { kind: 'rule', view, rule },
            confidence: there.inferences.length === 0 ? 'context' : 'inferred',
            message: `${text} is behind ${there.name}: its packets never ${option === '-i' ? 'come in' : 'leave'} by ${name}, for which this rule accepts them`,
            underline: `${option} ${name}`,
            caption: 'carries the tunnel, not what is in it',
            why: 'what comes out of a tunnel comes in by the interface of the tunnel, and what goes into it leaves by that',
            help: [`if what comes through the tunnel is meant: ${option} ${there.name}`],
            inferences: there.inferences,
            group: `${view.family} ${text} ${name}`,
          };
          break;
        }
      }
    }
  },
});

import type { PacketSet, PacketSpace } from '../../packetset/space.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import {
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  opennessOf,
  strangersMention,
} from './support/openness.ts';

const udpTo = (space: PacketSpace, port: number): PacketSet =>
  space.and(space.interval('protocol', 17, 17), space.interval('dport', port, port));

/** L2TP in the clear beside IPsec. */
export const l2tpOutsideIpsec = defineCheck({
  code: 'FW324',
  name: 'l2tp-outside-ipsec',
  title: 'L2TP is accepted without IPsec around it',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'UDP port 1701 reaches this machine from outside in packets that no IPsec has protected, though IPsec is open as well. The finding shows such a packet.',
  rationale:
    'L2TP encrypts nothing and trusts whoever asks: the IPsec around it is what makes it a VPN. The packet inside an ESP packet passes INPUT a second time, as plain UDP; only `-m policy --dir in --pol ipsec` tells it from one that came in the clear. Without that match anybody may talk to the daemon, and try passwords unseen.',
  decision:
    'First packets from outside to UDP port 1701 that no IPsec policy covers are pushed through the rules. It is reported if nearly anybody reaches the daemon with them, and IKE or ESP is open too. Without these it is a remark: a provider may run L2TP by itself.',
  exceptions: 'The concentrator of a carrier, on which L2TP comes in by a network of its own.',
  references: ['RFC 3193', 'man iptables-extensions(8), policy'],
  yieldsTo: ['FW301', 'FW303', 'FW304'],
  mentions: (family) => (space) =>
    [500, 1701, 4500].reduce<PacketSet>(
      (set, port) => space.or(set, udpTo(space, port)),
      space.or(
        space.or(strangersMention(family)(space), space.interval('protocol', 50, 50)),
        space.interval('sport', 1701, 1701),
      ),
    ),
  examples: {
    bad: [
      {
        title: 'all ports of the VPN in one rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m multiport --dports 500,1701,4500 -j ACCEPT
-A INPUT -p esp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a port of its own, from anywhere',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -i eth0 -p udp -m udp --sport 1701 --dport 1701 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the right rule, and one too many below it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -p udp -m udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT
-A INPUT -p udp -m udp --dport 1701 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'only out of IPsec',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -p esp -j ACCEPT
-A INPUT -p udp -m udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT
COMMIT
`,
      },
      {
        title: 'what came in the clear is dropped first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 1701 -m policy --dir in --pol none -j DROP
-A INPUT -p udp -m multiport --dports 500,1701,4500 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'IPsec without L2TP',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -p esp -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context)) return;
    for (const view of context.views) {
      const openness = opennessOf(context, view);
      const { space } = openness.all;
      if (openness.openings('to').length === 0 || isWideOpen(openness, 'to')) continue;
      const reached =
        openness.reached('to', udpTo(space, 1701)) ??
        openness.reached('to', udpTo(space, 1701), {
          asked: space.interval('sport', 1701, 1701),
          anyPort: true,
        });
      const at = reached && deciderOf(view, reached.walk);
      if (!reached || !at || reached.walk.sketch.dport !== 1701) continue;
      const secured = [udpTo(space, 500), udpTo(space, 4500), space.interval('protocol', 50, 50)].some(
        (set) => openness.mayReach('to', set),
      );
      yield {
        at,
        ...(secured ? {} : { severity: 'info' }),
        message: `udp/1701 (L2TP) is open ${reached.opening.from} to packets that no IPsec has protected`,
        caption: 'takes them in the clear, too',
        why: 'what was inside ESP and what came in the clear look alike here, without -m policy',
        help: [
          knobOf(view, at) ??
            '-A INPUT -p udp -m udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT, and no other rule for 1701',
        ],
        witness: reached.walk,
      };
    }
  },
});

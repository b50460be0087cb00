import { TCPMSS } from '../../extensions/targets/TCPMSS.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { insideInterfaces } from './support/strangers.ts';

/** Interfaces whose packets carry a header more, by their names; those of OpenVPN (tun) hold 1500, and it clamps itself. */
const narrowByName = /^(ppp\d|pppoe|wg\d|l2tp|gre\d)/;

/** What Ethernet carries: hosts behind it announce segments that fill it. */
const ethernetMtu = 1500;

interface Narrow {
  readonly name: string;
  readonly mtu: number | undefined;
}

/** Interfaces that carry less than Ethernet; where nobody gave an MTU, those whose name says so. */
function narrowInterfaces(context: CheckContext, view: RulesetView): readonly Narrow[] {
  const known = context.machine.interfaces.value;
  if (known) {
    return known
      .filter((i) => i.name !== 'lo' && i.mtuBytes !== undefined && i.mtuBytes < ethernetMtu)
      .map((i) => ({ name: i.name, mtu: i.mtuBytes }));
  }
  return context
    .interfaces(view.family)
    .filter((i) => narrowByName.test(i.name))
    .map((i) => ({ name: i.name, mtu: undefined }));
}

/** A TCP opener that is forwarded into the narrow interface, past every TCPMSS. */
function judge(context: CheckContext, view: RulesetView, narrow: Narrow): FindingDraft | undefined {
  const forward = view.chain('filter', 'FORWARD');
  const [first] = view.ruleset.tables;
  if (!first) return undefined;
  const clamps = view.rules().filter((rule) => view.findTarget(rule, TCPMSS));
  for (const from of insideInterfaces(context, view.family, narrow.name)) {
    if (narrowByName.test(from.name)) continue;
    const src = context.remoteAddress(view.family, from.name);
    const dst = context.remoteAddress(view.family, narrow.name);
    const walk = context.send(
      {
        inInterface: from.name,
        src: src.address,
        dst: dst.address,
        protocol: 6,
        dport: 443,
        outInterface: narrow.name,
      },
      sendOptions(src, dst, sideOf(from)),
    );
    if (walk.fate !== 'forward' || clamps.some((rule) => walk.matched(rule))) continue;
    const byName = narrow.mtu === undefined;
    return {
      at: forward ? { kind: 'chain', view, chain: forward } : { kind: 'table', view, table: first },
      ...(byName ? {} : { confidence: 'context' as const }),
      message: `TCP is forwarded into ${narrow.name}, which carries ${byName ? 'less than Ethernet' : `${narrow.mtu} bytes`}, and nothing lowers the segment size: connections hang where ICMP is lost`,
      why: 'each side announces segments that fill its own Ethernet; what is too large for the way is dropped, and the error that says so is often filtered',
      help: [
        `iptables -t mangle -A FORWARD -o ${narrow.name} -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`,
      ],
      witness: walk,
      ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
      inferences: byName
        ? [
            {
              text: `${narrow.name} carries less than ${ethernetMtu} bytes (by its name)`,
              settledBy: 'ip -j addr',
            },
          ]
        : [],
      group: `${view.family} ${narrow.name}`,
    };
  }
  return undefined;
}

/** Routers into a narrow link that do not lower the MSS. */
export const forwardedSynWithoutMssClamp = defineCheck({
  code: 'FW518',
  name: 'forwarded-syn-without-mss-clamp',
  title: 'TCP forwarded into a narrow link without lowering its segment size',
  severity: 'info',
  confidences: ['context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A router forwards TCP into an interface with an MTU below 1500 (PPP, WireGuard, a tunnel), and no rule with TCPMSS sees the packet that opens the connection.',
  rationale:
    'Without it the far side sends segments that do not fit. The router in front of the link then has to say so by ICMP, and where that is filtered the connection is made, and stops at the first large packet: log in works, pages do not load.',
  decision:
    'A SYN from an inside interface is walked into the narrow one and leaves the machine, and no TCPMSS rule has matched it. Narrow is what `ip addr` says; without it, interfaces that are called ppp, wg, tun or gre are taken for narrow.',
  exceptions: 'Carriers that lower it themselves; networks in which ICMP is not filtered.',
  references: ['RFC 2923', 'man iptables-extensions(8), TCPMSS'],
  examples: {
    bad: [
      {
        title: 'DSL by PPPoE',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o ppp0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a tunnel, by its MTU',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -i eth1 -o site -j ACCEPT
-A FORWARD -i site -o eth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
        context: `2: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
       valid_lft forever preferred_lft forever
3: site: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default qlen 1000
    link/none
    inet 10.9.0.1/24 scope global site
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'lowered on another interface',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -o ppp1 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o ppp0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'lowered',
        rules: `*mangle
-A FORWARD -o ppp0 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o ppp0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nothing is forwarded into it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i ppp0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'Ethernet to Ethernet',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const narrow of narrowInterfaces(context, view)) {
        const found = judge(context, view, narrow);
        if (found) yield found;
      }
    }
  },
});

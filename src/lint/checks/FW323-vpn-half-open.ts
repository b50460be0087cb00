import { CT } from '../../extensions/targets/CT.ts';
import type { PacketSet, PacketSpace } from '../../packetset/space.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import {
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  type Opening,
  opennessOf,
  strangersMention,
} from './support/openness.ts';

interface Leg {
  readonly name: string;
  readonly set: (space: PacketSpace) => PacketSet;
}

const port = (protocol: number, number: number, name: string): Leg => ({
  name,
  set: (space) =>
    space.and(space.interval('protocol', protocol, protocol), space.interval('dport', number, number)),
});
const proto = (protocol: number, name: string): Leg => ({
  name,
  set: (space) => space.interval('protocol', protocol, protocol),
});

const pptp = port(6, 1723, 'tcp/1723 (PPTP control)');
const gre = proto(47, 'protocol 47 (GRE)');
const ike = port(17, 500, 'udp/500 (IKE)');
const natT = port(17, 4500, 'udp/4500 (IPsec through NAT)');

/** One leg is open and the other is not: what users of the tunnel see. */
const halves: readonly {
  readonly open: Leg;
  readonly closed: readonly Leg[];
  readonly symptom: string;
  readonly rule: string;
}[] = [
  {
    open: pptp,
    closed: [gre],
    symptom: 'clients log in, then fail with error 619 or 806, since the tunnel itself is refused',
    rule: '-p gre -j ACCEPT',
  },
  {
    open: ike,
    closed: [natT],
    symptom: 'clients behind NAT, which are nearly all, agree on keys and then hear nothing',
    rule: '-p udp -m udp --dport 4500 -j ACCEPT',
  },
  {
    open: natT,
    closed: [ike],
    symptom: 'no client gets in: the exchange of keys begins on port 500',
    rule: '-p udp -m udp --dport 500 -j ACCEPT',
  },
];

/** A VPN of which only a part gets in. */
export const vpnHalfOpen = defineCheck({
  code: 'FW323',
  name: 'vpn-half-open',
  title: 'A VPN of which only a part is let in',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'One of the protocols that a VPN is made of reaches this machine from outside, and another that it needs is refused. The finding names the missing leg and what users see.',
  rationale:
    'PPTP is TCP port 1723 and GRE; IPsec is UDP port 500, and UDP port 4500 or ESP for the data. A client that gets through on one of them and not on the other does not fail at once, but later and oddly.',
  decision:
    'For PPTP (1723 without GRE) and IPsec (500 without 4500, 4500 without 500), first packets from outside are pushed through the rules. It is reported if nearly anybody reaches the one leg, whatever is not known, and nobody may reach the other. ESP is not asked for where 500 and 4500 are open, since clients and servers of today fall back on 4500; nor is ESP alone reported, since distributions used to open it on every machine. GRE is not asked for where a rule attaches the PPTP helper (`-j CT --helper pptp`), which makes it RELATED.',
  exceptions:
    'Two gateways without NAT between them need no port 4500, and say so by ESP; they mostly know the address of their peer, and then nothing is reported.',
  references: ['RFC 3947', 'RFC 2637'],
  mentions: (family) => (space) =>
    [pptp, gre, ike, natT].reduce(
      (set, leg) => space.or(set, leg.set(space)),
      strangersMention(family)(space),
    ),
  examples: {
    bad: [
      {
        title: 'PPTP without GRE, IKE without its second port',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1723 -j ACCEPT
-A INPUT -p udp -m udp --dport 500 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'ESP, but nothing for clients behind NAT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 500 -j ACCEPT
-A INPUT -p esp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the second port alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 500 -j DROP
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'all legs',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1723 -j ACCEPT
-A INPUT -p gre -j ACCEPT
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -p esp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'IPsec with the data on port 4500 alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a peer without NAT, by its address',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.9/32 -p udp -m udp --dport 500 -j ACCEPT
-A INPUT -s 198.51.100.9/32 -p esp -j ACCEPT
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
      const helped = view.rules().some((r) => view.findTarget(r, CT)?.helper === 'pptp');
      for (const { open, closed, symptom, rule } of halves) {
        if (open === pptp && helped) continue;
        if (closed.some((leg) => openness.mayReach('to', leg.set(space)))) continue;
        const reached = openness.reached('to', open.set(space));
        const at = reached && deciderOf(view, reached.walk);
        if (!reached || !at) continue;
        const missing = closed.map((leg) => leg.name).join(' and ');
        const from: Opening['from'] = reached.opening.from;
        yield {
          at,
          id: `${open.name.split(' ')[0]}-without-the-rest`,
          message: `${open.name} is open ${from}, but ${missing} ${closed.length > 1 ? 'are' : 'is'} refused`,
          caption: 'only a part of the VPN',
          what: symptom,
          help: [knobOf(view, at) ?? `-A INPUT ${rule}`],
          witness: reached.walk,
        };
      }
    }
  },
});

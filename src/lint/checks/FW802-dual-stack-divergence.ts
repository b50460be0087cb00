import type { Family } from '../../net/address.ts';
import type { PacketSet } from '../../packetset/space.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type Subject,
  type Walk,
} from '../check.ts';
import type { Inference } from '../finding.ts';
import { bothFamilies, hasIpv6 } from './support/dual-stack.ts';
import { servedAt } from './support/listeners.ts';
import {
  calmWalk,
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  type Openness,
  opennessOf,
  type Reached,
  strangersMention,
  type Way,
} from './support/openness.ts';
import { accepts, destinationNatRules, rulesAt, sourceNatRules } from './support/rules-at.ts';
import { type Service, servicesOf, servicesText, serviceText } from './support/services.ts';

/** To whom a service of this machine is open. */
type OpenTo = 'anybody' | 'some' | 'nobody';

/** Services that one family has in another way: DHCP and its counterpart, and what is asked of one link alone. */
const ofOneFamily: ReadonlySet<string> = new Set([
  'udp/67',
  'udp/68',
  'udp/546',
  'udp/547',
  'udp/137',
  'udp/138',
  'tcp/139',
  'udp/5353',
  'udp/5355',
  'udp/1900',
  'udp/520',
  'udp/521',
]);

/** One of the ports that ordinary clients send from; `strangersMention` tells it apart. */
const clientPort = 40_000;

/** Services that are compared. */
const servicesMax = 64;

/** Packets to this port, or to others that nothing tells apart from it. */
function packetsTo({ all: { space } }: Openness, { protocol, port }: Service): PacketSet {
  const here = space.interval('protocol', protocol, protocol);
  const layout = space.codec.fields.get('dport');
  if (layout?.coding.kind !== 'numbers') return here;
  const { values } = layout.coding.atoms;
  const low = values.findLast((v) => v <= port) ?? 0;
  const next = values.find((v) => v > port);
  return space.and(here, space.interval('dport', low, (next ?? layout.coding.max + 1) - 1));
}

/** Who reaches a service on this way in one family, with the packet of a stranger if anybody does. */
function askedOf(
  openness: Openness,
  way: Way,
  service: Service,
): { readonly openTo: OpenTo; readonly reached: Reached | undefined } {
  const { space } = openness.all;
  const set = packetsTo(openness, service);
  const reached = openness.reached(way, set);
  // Who must send from a certain port is no client: what answers are accepted by is FW304's.
  const ordinary = space.and(set, space.interval('sport', clientPort, clientPort));
  const some = openness.mayReach(way, ordinary, { arriving: way === 'through' });
  return { openTo: reached ? 'anybody' : some ? 'some' : 'nobody', reached };
}

/**
 * Services that accepts of either family name on this way: those of this machine, without what is given to another one;
 * or those behind it, by the port that they have there.
 */
function comparable(context: CheckContext, views: readonly RulesetView[], way: Way): readonly Service[] {
  const translated = new Set(
    way === 'through'
      ? []
      : views.flatMap((v) => destinationNatRules(v).flatMap((r) => servicesOf(v, r).map(serviceText))),
  );
  const services = new Map<string, Service>();
  for (const view of views)
    for (const rule of rulesAt(view, way === 'to' ? 'INPUT' : 'FORWARD')) {
      if (!accepts(rule)) continue;
      for (const s of servicesOf(view, rule)) services.set(serviceText(s), s);
    }
  return [...services]
    .filter(([text]) => !translated.has(text) && !ofOneFamily.has(text))
    .map(([, s]) => s)
    .filter((s) => way === 'through' || views.some((v) => listens(context, s, v.family) !== false))
    .slice(0, servicesMax);
}

/** Whether a program listens on it in this family; undefined where nobody said. */
function listens({ machine }: CheckContext, s: Service, family: Family): boolean | undefined {
  const served = servedAt(machine, family, [{ protocol: s.protocol, low: s.port, high: s.port }]);
  return served && served.open.length > 0;
}

/** Services that fare alike: decided at one place in the family that is open, and as open in the other. */
interface Divergence {
  readonly way: Way;
  readonly open: RulesetView;
  readonly other: OpenTo;
  readonly at: Subject;
  readonly walk: Walk;
  readonly from: string;
  readonly services: Service[];
}

const subjectText = (at: Subject): string =>
  at.kind === 'rule' ? `rule ${at.rule.id}` : at.kind === 'policy' ? `policy ${at.chain.name}` : at.kind;

function divergences(
  context: CheckContext,
  views: readonly [RulesetView, RulesetView],
  way: Way,
): readonly Divergence[] {
  const found = new Map<string, Divergence>();
  const answers = comparable(context, views, way).map((service) => ({
    service,
    by: views.map((view) => ({ view, ...askedOf(opennessOf(context, view), way, service) })),
  }));
  // A family that has no service at all is kept out on purpose.
  const used = (view: RulesetView): boolean =>
    answers.some(({ by }) => by.some((b) => b.view === view && b.openTo !== 'nobody'));
  if (!views.every(used)) return [];
  for (const { service, by } of answers) {
    const open = by.find((b) => b.openTo === 'anybody');
    const other = by.find((b) => b !== open);
    if (!open?.reached || !other || other.openTo === 'anybody') continue;
    if (way === 'to' && listens(context, service, open.view.family) === false) continue;
    // Behind NAT, a service that nobody published is closed without a rule; by IPv6 each has an address of its own.
    if (way === 'through' && other.openTo === 'nobody' && views.some((v) => sourceNatRules(v).length > 0))
      continue;
    const { walk: like, opening } = open.reached;
    const walk = calmWalk(
      context,
      like.trace.events.some((event) => event.kind === 'nat')
        ? like.sketch
        : { ...like.sketch, dport: service.port },
      { assume: like.assume, inferences: like.inferences },
    );
    const at = deciderOf(open.view, walk);
    if (walk.fate !== (way === 'to' ? 'local' : 'forward') || !at) continue;
    const key = `${open.view.family} ${other.openTo} ${subjectText(at)}`;
    const old = found.get(key);
    if (old) old.services.push(service);
    else
      found.set(key, {
        way,
        open: open.view,
        other: other.openTo,
        at,
        walk,
        from: opening.from,
        services: [service],
      });
  }
  return [...found.values()];
}

const names: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

function draftOf(view: RulesetView, d: Divergence, guesses: readonly Inference[]): FindingDraft {
  const open = names[d.open.family];
  const closed = names[d.open.family === 'ipv4' ? 'ipv6' : 'ipv4'];
  const many = d.services.length > 1;
  const text = `${servicesText(d.services)}${d.way === 'through' ? ' behind this machine' : ''}`;
  // Where IPv4 is the wider one and IPv6 has no such service, it is mostly one that IPv6 was never given.
  const lacking = d.open.family === 'ipv4' && d.other === 'nobody';
  return {
    at: d.at,
    ...(lacking ? { severity: 'info' } : {}),
    message:
      d.other === 'some'
        ? `${text} ${many ? 'are' : 'is'} restricted to some sources by ${closed}, and open to anybody by ${open}, ${d.from}`
        : `${text} ${many ? 'are' : 'is'} closed by ${closed}, and open to anybody by ${open}, ${d.from}`,
    caption: `not so in ${closed}`,
    what: lacking
      ? 'clients that try IPv6 first wait, or get no answer'
      : `whoever is kept out by ${closed} comes in by ${open}`,
    why: 'iptables and ip6tables have rules of their own; a change of one leaves the other as it was',
    help: [
      knobOf(view, d.at) ??
        (lacking
          ? `accept ${text} by IPv6 as well, if it is served there`
          : `give ${open} the restriction that ${closed} has, with addresses of its own`),
    ],
    witness: d.walk,
    inferences: guesses,
    group: `${d.way} ${d.open.family} ${d.other}`,
  };
}

const both = (v4: string, v6: string): string => `# Generated by iptables-save v1.8.9 (nf_tables)
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
${v4}COMMIT
# Generated by ip6tables-save v1.8.9 (nf_tables)
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
${v6}COMMIT
`;

const addresses = `2: eth0    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
2: eth0    inet6 2001:db8:1::1/64 scope global
`;

const routerAddresses = `${addresses}3: eth1    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
3: eth1    inet6 2001:db8:2::1/64 scope global
`;

const router = (v4: string, v6: string): string => `# Generated by iptables-save v1.8.9 (nf_tables)
*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 192.168.1.10:22
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:443
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
${v4}COMMIT
# Generated by ip6tables-save v1.8.9 (nf_tables)
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
${v6}COMMIT
`;

/** A service that one family keeps closer than the other. */
export const dualStackDivergence = defineCheck({
  code: 'FW802',
  name: 'dual-stack-divergence',
  title: 'A service is open in one family and restricted in the other',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'The rules of IPv4 and IPv6 treat a service of this machine, or one behind it, differently: by one of them anybody reaches it, by the other only some sources or nobody. The finding shows a packet that comes in where it is open.',
  rationale:
    'Two rulesets are kept by hand, and one of them is forgotten. The port that was closed to the world a year ago by IPv4 still answers by IPv6; names with both kinds of addresses lead scanners to both.',
  decision:
    'For each port that accepts of INPUT name in either family, and the same for FORWARD, strangers’ first packets are pushed through both rulesets, with DNAT on their way (a published service of IPv4 is compared with what IPv6 forwards to the same port of the server): anybody reaches it, if packets from a good part of all public addresses pass and one was walked; some, if any may pass; else nobody. Open to anybody against some or nobody is reported, by the rule that lets the packets in. That IPv4 has a service that IPv6 does not is only mentioned. Left out are families that let nearly everything in (FW301, FW801), a family in which no service is open at all, ports that NAT gives to another machine, what NAT hides in IPv4 without a rule, and what the families do differently by nature (DHCP, NetBIOS, service discovery). With `ss -tulnp` in the input, a port on which nobody listens in the open family is not reported.',
  exceptions:
    'A service that is meant for one family. A router that lets everything through in one family: FW102 and FW805 say so.',
  references: ['https://github.com/chaifeng/ufw-docker/issues/8', 'RFC 4942 (section 2.3)'],
  yieldsTo: ['FW301', 'FW303', 'FW801'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'IPv4 knows who may log in, IPv6 does not',
        rules: both(
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -s 198.51.100.0/28 -p tcp -m tcp --dport 22 -j ACCEPT\n',
          '-A INPUT -p tcp -m multiport --dports 22,443,3306 -j ACCEPT\n',
        ),
      },
      {
        title: 'a port that was closed by IPv4 alone',
        rules: both(
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n',
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'the other way round: IPv6 has the restriction',
        rules: both(
          '-A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT\n',
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -s 2001:db8:5::/48 -p tcp -m tcp --dport 22 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'a server behind the router: IPv4 publishes SSH for some, IPv6 lets everybody through to it',
        rules: router(
          '-A FORWARD -s 198.51.100.0/28 -i eth0 -o eth1 -p tcp -m tcp --dport 22 -j ACCEPT\n-A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT\n',
          '-A FORWARD -i eth0 -o eth1 -p tcp -m multiport --dports 22,443 -j ACCEPT\n',
        ),
        context: routerAddresses,
      },
    ],
    good: [
      {
        title: 'a server behind the router, published to some by IPv4 and let through for them by IPv6',
        rules: router(
          '-A FORWARD -s 198.51.100.0/28 -i eth0 -o eth1 -p tcp -m tcp --dport 22 -j ACCEPT\n-A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT\n',
          '-A FORWARD -s 2001:db8:5::/48 -i eth0 -o eth1 -p tcp -m tcp --dport 22 -j ACCEPT\n-A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT\n',
        ),
        context: routerAddresses,
      },
      {
        title: 'what IPv4 hides behind NAT without a rule',
        rules: router(
          '-A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT\n',
          '-A FORWARD -i eth0 -o eth1 -p tcp -m multiport --dports 25,443 -j ACCEPT\n',
        ),
        context: routerAddresses,
      },
      {
        title: 'the same in both',
        rules: both(
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -s 198.51.100.0/28 -p tcp -m tcp --dport 22 -j ACCEPT\n',
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n-A INPUT -s 2001:db8:5::/48 -p tcp -m tcp --dport 22 -j ACCEPT\n',
        ),
      },
      {
        title: 'by other words: a chain, and a list of ports',
        rules: both(
          '-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n',
          '-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT\n',
        ),
      },
      {
        title: 'IPv6 is not used on this machine',
        rules: both(
          '-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n',
          '-A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT\n',
        ),
        context: `2: eth0    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
2: eth0    inet6 fe80::1/64 scope link
`,
      },
      {
        title: 'IPv6 is closed altogether',
        rules: both('-A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT\n', ''),
      },
    ],
  },
  *run(context) {
    const families = bothFamilies(context);
    const reachable = families && hasIpv6(context);
    if (!families || reachable === undefined || reachable === 'no' || isGuardedElsewhere(context)) return;
    const views = [families.ipv4, families.ipv6] as const;
    if ((context.machine.nativeTables?.value?.length ?? 0) > 0) return;
    for (const [way, chain] of [
      ['to', 'INPUT'],
      ['through', 'FORWARD'],
    ] as const) {
      const isCompared = (view: RulesetView): boolean =>
        view.chain('filter', chain) !== undefined && !isWideOpen(opennessOf(context, view), way);
      if (!views.every(isCompared)) continue;
      for (const d of divergences(context, views, way))
        yield draftOf(d.open, d, reachable === 'given' ? [] : [reachable]);
    }
  },
});

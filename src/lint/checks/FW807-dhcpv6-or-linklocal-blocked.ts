import { atEntry } from '../../analysis/fates.ts';
import type { Description } from '../../analysis/vocabulary.ts';
import { prefix } from '../../net/address.ts';
import { parseAddress } from '../../net/address-text.ts';
import type { PacketSet } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import type { Inference } from '../finding.ts';
import { isRefused } from './support/limiters.ts';
import { deciderOf, isGuardedElsewhere, knobOf, opennessOf, strangersMention } from './support/openness.ts';
import { accepts, rulesAt, servicesOf, strangersInterfaces } from './support/path-probes.ts';

const udp = 17;
const clientPort = 546;
const serverPort = 547;

/** What a DHCPv6 server of the link sends to a client of its. */
const answers: Description = (space) => {
  const anybody = parseAddress('ipv6', 'fe80::');
  const ofLink = anybody ? space.network('src', prefix(anybody, 10)) : space.none;
  const ports = space.and(
    space.interval('sport', serverPort, serverPort),
    space.interval('dport', clientPort, clientPort),
  );
  return space.and(space.interval('protocol', udp, udp), space.and(ports, ofLink));
};

/** How it is known that this machine gets addresses by DHCPv6. */
interface Client {
  readonly inferences: readonly Inference[];
  readonly device: string | undefined;
}

function clientOf({ machine }: CheckContext, view: RulesetView): Client | undefined {
  const socket = machine.listeners.value?.find(
    (l) => l.protocol === udp && l.port === clientPort && l.address?.family !== 'ipv4',
  );
  if (socket) return { inferences: [], device: socket.device };
  // Sockets are known, and there is no client among them.
  if (machine.listeners.value !== undefined) return undefined;
  const asks = rulesAt(view, 'OUTPUT').find(
    (rule) =>
      accepts(rule) && servicesOf(view, rule).some((s) => s.protocol === udp && s.port === serverPort),
  );
  if (!asks) return undefined;
  const out = asks.base.outInterface;
  return {
    inferences: [
      {
        text: `this machine gets its address by DHCPv6 (rule filter/${asks.chain}#${asks.index + 1})`,
        settledBy: 'ss -tulnp',
      },
    ],
    device: out && !out.negated && out.value.exact ? out.value.name : undefined,
  };
}

function* judge(context: CheckContext, view: RulesetView, client: Client): Iterable<FindingDraft> {
  const openness = opennessOf(context, view);
  const { all } = openness;
  const { space } = all;
  if (openness.openings('to').length === 0) return;
  const road = all.road('to');
  const arriving = road.parts
    .filter((part) => part.fate === 'local')
    .map((part): PacketSet => space.may(atEntry(all.analysis.vocabulary, part.set, road)));
  // No connection that is known has such packets: the question went to a group.
  const first = space.codec.fields.has('ctState') ? space.named('ctState', 'NEW') : space.all;
  const wanted = space.and(all.describe(answers).may, first);
  if (arriving.some((set) => !space.disjoint(set, wanted))) return;
  const device = client.device ?? strangersInterfaces(context, 'ipv6')[0]?.name;
  const src = parseAddress('ipv6', 'fe80::1');
  const known = context.machine.interfaces.value
    ?.find((i) => i.name === device)
    ?.addresses.find((a) => a.address.family === 'ipv6' && a.scope === 'link');
  const dst = known?.address ?? parseAddress('ipv6', 'fe80::2');
  if (device === undefined || !src || !dst) return;
  const walk = context.send(
    { inInterface: device, src, dst, protocol: udp, sport: serverPort, dport: clientPort },
    { assume: known ? [] : ['local=fe80::2'], inferences: client.inferences },
  );
  const at = isRefused(walk) ? deciderOf(view, walk) : undefined;
  if (!at) return;
  yield {
    at,
    ...(client.inferences.length === 0 ? { confidence: 'context' } : {}),
    message: `Answers of DHCPv6 servers are refused on ${device}: the address of this machine runs out`,
    caption: 'refuses udp/547 to 546',
    what: 'the machine gets no address when it starts, or loses the one it has when its lease ends',
    why: 'the question went to a group (ff02::1:2), so tracking does not know the answer of a single server: it is NEW',
    help: [
      knobOf(view, at) ??
        '-A INPUT -s fe80::/10 -d fe80::/10 -p udp -m udp --sport 547 --dport 546 -j ACCEPT',
    ],
    witness: walk,
  };
}

const filter = (input: string, output = ''): string => `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ${output === '' ? 'ACCEPT' : 'DROP'} [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
${input}${output}COMMIT
`;

const sockets = (
  address: string,
): string => `2: eth0    inet6 2001:db8:1::87/128 scope global dynamic noprefixroute
2: eth0    inet6 fe80::5054:ff:fe12:3456/64 scope link
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
udp   UNCONN 0      0      ${address} [::]:*    users:(("dhclient",pid=612,fd=6))
`;

/** DHCPv6 without its answers. */
export const dhcpv6OrLinklocalBlocked = defineCheck({
  code: 'FW807',
  name: 'dhcpv6-or-linklocal-blocked',
  title: 'DHCPv6 gets no answers',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'This machine gets its IPv6 address by DHCPv6, and no answer of a server on the link (UDP from port 547 to 546) gets in, though other IPv6 packets do. One is shown as it is refused.',
  rationale:
    'DHCP for IPv4 works below iptables, by raw sockets, and needs no rule. DHCPv6 uses ordinary UDP. Its question goes to a group and is answered by one server, so no tracked connection fits, and the rule for ESTABLISHED does not help. Router and neighbour discovery go on working, which is why it shows only when the lease ends.',
  decision:
    'That DHCPv6 is used is known where a program listens on UDP 546 (`ss -tulnp`), and guessed where OUTPUT accepts UDP to port 547 and nothing is known of sockets; else nothing is said. All packets from fe80::/10, port 547 to 546, are pushed through the rules: it is reported if none may get in, while some other packet may, and one was walked and refused.',
  exceptions:
    'A client that listens and is not needed, since router advertisements give the address (SLAAC).',
  references: ['RFC 8415 (section 7.2)', 'RFC 4890'],
  yieldsTo: ['FW803'],
  mentions: (family) => (space) =>
    family === 'ipv4' ? space.none : space.or(answers(space), strangersMention(family)(space)),
  examples: {
    bad: [
      {
        title: 'neighbour discovery is allowed, DHCPv6 forgotten',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
COMMIT
`,
        context: sockets('[fe80::5054:ff:fe12:3456]%eth0:546'),
      },
      {
        title: 'the port of servers is open instead of the client’s',
        rules: filter('-A INPUT -p udp -m udp --dport 547 -j ACCEPT\n'),
        context: sockets('*:546'),
      },
      {
        title: 'the question may leave, as the rules say',
        rules: filter(
          '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n',
          '-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A OUTPUT -p ipv6-icmp -j ACCEPT\n-A OUTPUT -o eth0 -p udp -m udp --sport 546 --dport 547 -j ACCEPT\n',
        ),
      },
    ],
    good: [
      {
        title: 'the answer of a server on the link',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -s fe80::/10 -d fe80::/10 -p udp -m udp --sport 547 --dport 546 -j ACCEPT
COMMIT
`,
        context: sockets('[fe80::5054:ff:fe12:3456]%eth0:546'),
      },
      {
        title: 'the client’s port, from anywhere',
        rules: filter('-A INPUT -p udp -m udp --dport 546 -j ACCEPT\n'),
        context: sockets('*:546'),
      },
      {
        title: 'nothing shows that DHCPv6 is used',
        rules: filter('-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n'),
      },
    ],
  },
  *run(context) {
    const view = context.views.find((v) => v.family === 'ipv6');
    if (!view?.chain('filter', 'INPUT') || isGuardedElsewhere(context)) return;
    const client = clientOf(context, view);
    if (client) yield* judge(context, view, client);
  },
});

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

/** A service with what it needs, and what is open in its place. */
interface Half {
  readonly service: string;
  readonly port: number;
  readonly open: 6 | 17;
  /** The other protocol is the only one that the service has: the rule does nothing for it. */
  readonly wrong: boolean;
  readonly symptom: string;
}

const names = { 6: 'tcp', 17: 'udp' } as const;

const onlyUdp = (service: string, port: number): Half => ({
  service,
  port,
  open: 6,
  wrong: true,
  symptom: `${service} is UDP alone: no client gets in by this rule`,
});
const onlyTcp = (service: string, port: number): Half => ({
  service,
  port,
  open: 17,
  wrong: true,
  symptom: `${service} is TCP alone: no client gets in by this rule`,
});

const halves: readonly Half[] = [
  onlyUdp('WireGuard', 51_820),
  onlyUdp('NTP', 123),
  onlyUdp('TFTP', 69),
  onlyUdp('IKE', 500),
  onlyUdp('L2TP', 1701),
  onlyTcp('FTP', 21),
  onlyTcp('SSH', 22),
  onlyTcp('SMTP', 25),
  onlyTcp('POP3', 110),
  onlyTcp('IMAP', 143),
  onlyTcp('SMTP with TLS', 465),
  onlyTcp('mail submission', 587),
  onlyTcp('IMAP with TLS', 993),
  onlyTcp('POP3 with TLS', 995),
  onlyTcp('MySQL', 3306),
  onlyTcp('PostgreSQL', 5432),
  {
    service: 'DNS',
    port: 53,
    open: 17,
    wrong: false,
    symptom: 'long answers are asked for again by TCP, and then time out',
  },
  {
    service: 'DNS',
    port: 53,
    open: 6,
    wrong: false,
    symptom: 'resolvers ask by UDP first, and hear nothing',
  },
];

const packets = (space: PacketSpace, protocol: number, port: number): PacketSet =>
  space.and(space.interval('protocol', protocol, protocol), space.interval('dport', port, port));

/** A service by the wrong protocol, or by one of two. */
export const halfOpenServicePair = defineCheck({
  code: 'FW322',
  name: 'half-open-service-pair',
  title: 'The port of a service is open by one protocol, and it needs the other',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A port is open to strangers by TCP or by UDP, the service that is known by it needs the other one, and that is refused. The finding says what users see.',
  rationale:
    'The number of a port says nothing without its protocol, and `-p` is easily wrong by copying a line. WireGuard never answers on TCP, SSH never on UDP. DNS needs both: a question goes by UDP, and by TCP again when the answer is too long.',
  decision:
    'For each service of a short table, first packets from outside are pushed through the rules. It is reported if nearly anybody reaches its port by the one protocol, whatever is not known, and nobody may reach it by the other. Where the other is the only one that the service speaks, that is a warning; DNS by one of two is a remark. HTTP/3 (udp/443) is left out, since a browser falls back to TCP and nothing is missing; so is OpenVPN, which speaks either.',
  exceptions:
    'Another program on that port than the one that it is known for; an authoritative server of short answers that refuses TCP on purpose.',
  references: ['RFC 7766', 'https://www.wireguard.com/protocol/'],
  yieldsTo: ['FW301', 'FW302', 'FW303', 'FW314', 'FW323', 'FW324'],
  mentions: (family) => (space) =>
    halves.reduce(
      (set, { port }) => space.or(set, space.or(packets(space, 6, port), packets(space, 17, port))),
      strangersMention(family)(space),
    ),
  examples: {
    bad: [
      {
        title: 'WireGuard by TCP, DNS by TCP alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 51820 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'SSH by UDP',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'DNS by UDP alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 25,80,443 -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'each by its own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 51820 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 53 -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'both, where one would do',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p udp -m udp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a web server without HTTP/3',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'for one peer',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.53/32 -p udp -m udp --dport 53 -j ACCEPT
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
      for (const { service, port, open, wrong, symptom } of halves) {
        const other = open === 6 ? 17 : 6;
        if (openness.mayReach('to', packets(space, other, port))) continue;
        const reached = openness.reached('to', packets(space, open, port));
        const at = reached && deciderOf(view, reached.walk);
        if (!reached || !at) continue;
        yield {
          at,
          id: `${service.toLowerCase().replaceAll(' ', '-')}-by-${names[open]}`,
          ...(wrong ? {} : { severity: 'info' }),
          message: `${names[open]}/${port} is open ${reached.opening.from}, but ${names[other]}/${port}, which ${service} needs, is refused`,
          underline: '-p',
          caption: wrong ? 'not the protocol of this service' : 'half of the service',
          what: symptom,
          help: [
            knobOf(view, at) ??
              (wrong
                ? `-p ${names[other]} in its place`
                : `-A INPUT -p ${names[other]} --dport ${port} -j ACCEPT`),
          ],
          ...(wrong
            ? {
                inferences: [{ text: `${service} is what is meant by port ${port}`, settledBy: 'ss -tulnp' }],
              }
            : {}),
          witness: reached.walk,
        };
      }
    }
  },
});

import { atEntry } from '../../analysis/fates.ts';
import type { PacketSet } from '../../packetset/space.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type Subject,
} from '../check.ts';
import type { SensitivePort } from '../sensitive-ports.ts';
import { type Served, servedAt, servedText, silentText } from './support/listeners.ts';
import { isManagementPort } from './support/management-ports.ts';
import {
  deciderOf,
  isGuardedElsewhere,
  knobOf,
  type Openness,
  opennessOf,
  type Reached,
  strangersMention,
  toPrivateNetworks,
  type Way,
} from './support/openness.ts';
import { listText } from './support/rule-shape.ts';
import { destinationPorts, serviceRangeMax } from './support/services.ts';

const protocolOf = { tcp: 6, udp: 17 } as const;

function setOf(openness: Openness, port: SensitivePort): PacketSet {
  return openness.ports(protocolOf[port.protocol], port.low, port.high);
}

function portText(port: SensitivePort): string {
  const ports = port.low === port.high ? String(port.low) : `${port.low}-${port.high}`;
  return `${port.protocol}/${ports} (${port.service})`;
}

/** Who listens on these ports of this machine; undefined where nobody said, or where they are another machine's. */
function servedOf(
  context: CheckContext,
  view: RulesetView,
  list: readonly Open[],
  way: string,
): Served | undefined {
  if (way !== 'to') return undefined;
  const ranges = list.map(({ port }) => ({ ...port, protocol: protocolOf[port.protocol] }));
  return servedAt(context.machine, view.family, ranges);
}

interface Open {
  readonly port: SensitivePort;
  readonly reached: Reached;
}

/** By who let them in, so that one rule is told once. */
function grouped(view: RulesetView, open: readonly Open[]): readonly { at: Subject; list: Open[] }[] {
  const groups = new Map<string, { at: Subject; list: Open[] }>();
  for (const one of open) {
    const { walk } = one.reached;
    const at = deciderOf(view, walk);
    if (!at) continue;
    const by = walk.decidedBy;
    const key = `${by?.chain} ${by?.kind === 'rule' ? by.id : ''}`;
    const group = groups.get(key) ?? { at, list: [] };
    groups.set(key, group);
    group.list.push(one);
  }
  return [...groups.values()].map(({ at, list }) => {
    // Beside a service that is beyond doubt, what may be something else needs no telling.
    const sure = list.filter(({ port }) => !port.common);
    return { at, list: sure.length > 0 ? sure : list };
  });
}

/** Packets of strangers that whoever let this one in lets in as well. */
function letInAlike({ all }: Openness, { walk, opening }: Reached): PacketSet {
  const { space, analysis } = all;
  const by = walk.decidedBy;
  const rule = by?.kind === 'rule' ? all.view.ruleById(by.id) : undefined;
  const road = all.road('to');
  const taken = road.visits.flatMap((visit) => {
    if (by === undefined || visit.table !== 'filter' || visit.hook !== 'INPUT') return [];
    return [atEntry(analysis.vocabulary, rule ? visit.taking(rule) : visit.byPolicy, road)];
  });
  return space.and(space.may(space.union(taken)), opening.set);
}

/** Whether the rule that lets it in names so many ports that it is about none of them. */
function isLostInRange(view: RulesetView, { port, reached }: Open): boolean {
  const by = reached.walk.decidedBy;
  const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
  if (rule === undefined) return false;
  const ranges = [...destinationPorts(view, rule)];
  const holding = ranges.filter(({ low, high }) => low <= port.low && port.low <= high);
  return holding.length > 0 && holding.every(({ low, high }) => high - low > serviceRangeMax);
}

/** A service for friends that strangers reach. */
export const sensitiveServiceOpen = defineCheck({
  code: 'FW302',
  name: 'sensitive-service-open',
  title: 'A service that is not meant for strangers is open to them',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A database, a control plane without a password, a file share or a remote desktop can be reached from nearly any public address, on this machine or through a translation. The finding lists the ports by the rule that opens them.',
  rationale:
    'These programs were written for a network of friends: many ask for no password by default, and scanners find an open port within hours.',
  decision:
    'For each port of a table (the configuration adds and removes by `sensitive-ports`), all first packets from outside are pushed through the rules. It is reported if some pass whatever is not known, from at least 1/256 of all IPv4 addresses that are not private, and a packet got there. The port counts as it arrives: a translation of 8022 to 6379 opens Redis. Limits are taken as not reached, and the sender as in no set whose contents are unknown; the finding then says so. Ports that ordinary programs use as well (8080, 9090, 10000) are a guess, unless sockets are known. With `ss -tulnp` in the input it is told who listens; a port on which nobody does, or on loopback addresses alone, is only mentioned.',
  exceptions:
    'A service that is meant to be public: a public FTP or rsync archive. SSH and the management of a router are told by FW313.',
  references: [
    'https://docs.datadoghq.com/security/default_rules/open_docker_daemon',
    'https://github.com/cloudnativelabs/kube-router/issues/282',
  ],
  yieldsTo: ['FW103', 'FW301', 'FW303', 'FW801'],
  mentions: (family, sensitive) => (space) =>
    sensitive.reduce<PacketSet>(
      (set, { low, high }) => space.or(set, space.interval('dport', low, high)),
      space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
    ),
  examples: {
    bad: [
      {
        title: 'databases and the Docker API for everybody',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 2375,3306,6379 -j ACCEPT
-A INPUT -p udp -m udp --dport 11211 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'another port outside, Remote Desktop inside',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 33890 -j DNAT --to-destination 192.168.1.20:3389
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.20/32 -i eth0 -p tcp -m tcp --dport 3389 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a ban list in front of it keeps strangers in',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m set --match-set blocked src -j DROP
-A INPUT -p tcp -m tcp --dport 5432 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'for one network by one interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 10.0.5.0/24 -i eth1 -p tcp -m multiport --dports 3306,6379 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'for the members of a set',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 3306 -m set --match-set allow src -j ACCEPT
COMMIT
`,
      },
      {
        title: 'on the inner side of a router',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -p tcp -m multiport --dports 445,139 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'refused further up, in another table',
        rules: `*raw
-A PREROUTING ! -s 198.51.100.0/24 -p tcp -m tcp --dport 6379 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 6379 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const openness = opennessOf(context, view);
      const { space, analysis } = openness.all;
      const router = context.profile.value === 'router';
      for (const way of ['to', 'through'] as const satisfies readonly Way[]) {
        if (way === 'to' && isGuardedElsewhere(context)) continue;
        // What is forwarded untranslated is the business of FW102.
        const moves = analysis.vocabulary.rewritten.has('dst');
        if (way === 'through' && !moves) continue;
        const moved = way === 'through' ? space.not(space.unchanged(['dst'])) : space.all;
        // Addresses of services within a cluster are nobody's outside.
        const guests = way === 'through' && context.profile.value === 'container-host';
        const open: Open[] = [];
        const asked = guests ? { asked: openness.publicDestinations } : {};
        const wanted = context
          .sensitivePorts()
          .filter((port) => way === 'through' || !router || !isManagementPort(port))
          .map((port) => ({ port, what: space.and(setOf(openness, port), moved) }));
        const asSent = !moves && !analysis.vocabulary.rewritten.has('dport');
        if (asSent && !openness.mayReach(way, space.union(wanted.map(({ what }) => what)))) continue;
        const walked: { readonly reached: Reached; readonly alike: PacketSet }[] = [];
        for (const { port, what } of wanted) {
          // Whom one rule or policy lets in, it lets in to all ports that it takes alike: one packet shows it.
          const likewise = walked.find(({ alike }) => openness.fromAnybody(space.and(alike, what)));
          const reached = likewise?.reached ?? openness.reached(way, what, asked);
          if (!reached) continue;
          if (!likewise && way === 'to') walked.push({ reached, alike: letInAlike(openness, reached) });
          if (!isLostInRange(view, { port, reached })) open.push({ port, reached });
        }
        for (const { at, list } of grouped(view, open)) {
          const [first] = list;
          if (!first) continue;
          const { walk, opening } = first.reached;
          const served = servedOf(context, view, list, way);
          const silent = served?.open.length === 0 ? served : undefined;
          const heard = servedText(served);
          const common = list.every(({ port }) => port.common) && !heard;
          const texts = list.map(({ port }) => portText(port));
          const knob = knobOf(view, at);
          yield {
            at,
            ...(silent || common ? { severity: 'info' } : {}),
            message: `Strangers reach ${listText(texts)} ${way === 'to' ? 'on this machine' : 'behind this machine'} ${opening.from}`,
            caption: 'opens it to everybody',
            ...(served ? { confidence: 'context' } : {}),
            ...(heard === undefined ? {} : { what: heard }),
            why: silent ? silentText(silent) : 'no condition on the source stands on the way',
            help: [
              knob ?? 'accept it from the addresses that need it: -s NETWORK, and the interface: -i NAME',
            ],
            ...(common
              ? {
                  inferences: [
                    {
                      text: `behind ${listText(list.map(({ port }) => `${port.protocol}/${port.low}`))} is what commonly listens there`,
                      settledBy: 'ss -tulnp',
                    },
                  ],
                }
              : {}),
            witness: walk,
          };
        }
      }
    }
  },
});

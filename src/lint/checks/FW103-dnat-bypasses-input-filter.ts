import type { Rule } from '../../model/ruleset.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type PacketSketch,
  type RulesetView,
} from '../check.ts';
import { bodyWith, type FixDraft, insertRules } from '../fixes/fix-draft.ts';
import { deciderOf } from './support/openness.ts';
import {
  accepts,
  admitsInterface,
  denies,
  destinationNatRules,
  isNamedAt,
  rulesAt,
} from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sendToMachine, sideOf } from './support/sending.ts';
import { type Service, servicesOf, serviceText, unspokenService } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** A rule of INPUT that would have kept this packet out, had it come there: by naming its port. */
function guardOf(
  context: CheckContext,
  view: RulesetView,
  packet: PacketSketch,
  closed: boolean,
): Rule | undefined {
  const names = (r: Rule): boolean =>
    servicesOf(view, r).some((s) => s.protocol === packet.protocol && s.port === packet.dport);
  const given = {
    inInterface: packet.inInterface,
    src: packet.src,
    dst: packet.dst,
    protocol: packet.protocol,
    dport: packet.dport,
  };
  const candidates = rulesAt(view, 'INPUT').filter(
    (r) => names(r) && admitsInterface(r, packet.inInterface ?? ''),
  );
  const describes = (r: Rule): boolean => context.packetsOf(view, r, given).length > 0;
  // An accept that the packet would meet first: INPUT would have let it in as well.
  const first = candidates.find((r) => (denies(r) || accepts(r)) && describes(r));
  if (first) return denies(first) ? first : undefined;
  return closed ? candidates.find((r) => accepts(r) && !describes(r)) : undefined;
}

/** The guard, asking for the port that was asked for before the translation. */
function guardedInForward(view: RulesetView, guard: Rule, service: Service): readonly FixDraft[] {
  const chain = view.chain('filter', 'FORWARD');
  if (!chain || guard.base.dst) return [];
  const original = `-m conntrack --ctorigdstport ${service.port} --ctdir ORIGINAL`;
  const ported = new Set(['tcp', 'udp', 'multiport']);
  const body = bodyWith(
    { ...guard, matches: guard.matches.filter((m) => !ported.has(m.extension)) },
    original,
  );
  return [insertRules(view, chain, chain.rules[0], [body])];
}

/** A guard in INPUT for packets that DNAT takes away. */
export const dnatBypassesInputFilter = defineCheck({
  code: 'FW103',
  name: 'dnat-bypasses-input-filter',
  title: 'INPUT guards a port whose packets are translated away before they get there',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'INPUT refuses a port, or allows it to a few, but a rule of nat PREROUTING gives packets to that port another destination, and FORWARD lets them through. The finding shows a packet that INPUT would have refused and that arrives all the same.',
  rationale:
    'Destination NAT comes before the routing decision. A translated packet is no longer addressed to this machine, so it takes FORWARD and never meets INPUT. Ports that Docker publishes are open in this way whatever ufw or a hand-written INPUT says; hand-made port forwards, libvirt and Kubernetes node ports work alike.',
  decision:
    'For every destination NAT, an ordinary packet from outside that it translates is sent. It is reported if the packet is forwarded and accepted, and a rule that INPUT packets can come to names the port and would refuse that packet: a drop or reject that describes it, or an accept for other sources in an INPUT that refuses what it does not name.',
  exceptions:
    'A port that is published on purpose and that INPUT does not mention is not reported here. Leave the INPUT rule if it guards the same port for the time when nothing is published.',
  references: [
    'https://github.com/moby/moby/issues/4737',
    'https://github.com/moby/moby/issues/22054',
    'https://docs.docker.com/engine/network/packet-filtering-firewalls/',
  ],
  fixes: [{ kind: 'unsafe', does: 'puts a rule that refuses at the top of FORWARD, for the original port' }],
  examples: {
    bad: [
      {
        title: 'a published container port, "allowed" in INPUT to one network',
        rules: `*nat
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 8088 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 172.17.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a deny in INPUT that sees nothing',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 3306 -j DNAT --to-destination 10.0.3.9
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 3306 -j DROP
COMMIT
`,
      },
      {
        title: 'the deny stands in a chain of its own',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 6379 -j DNAT --to-destination 172.18.0.4:6379
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:closed - [0:0]
-A INPUT -i eth0 -j closed
-A closed -p tcp -m multiport --dports 3306,6379 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the restriction stands in FORWARD and names the original port',
        rules: `*nat
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 172.17.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-USER ! -s 203.0.113.0/24 -i eth0 -p tcp -m conntrack --ctorigdstport 8088 --ctdir ORIGINAL -j DROP
-A DOCKER-USER -j RETURN
COMMIT
`,
      },
      {
        title: 'a published port that INPUT does not speak of',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.5
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -d 10.0.0.5/32 -i eth0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the translation is limited to the same sources',
        rules: `*nat
-A PREROUTING -s 203.0.113.0/24 -i eth0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.0/24 -i eth0 -p tcp -m tcp --dport 8088 -j ACCEPT
-A FORWARD -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const told = new Set<number>();
      for (const rule of destinationNatRules(view)) {
        if (!servicesOf(view, rule).some((s) => isNamedAt(view, 'INPUT', s))) continue;
        for (const from of strangersInterfaces(context, view.family)) {
          const local = context.localAddress(view.family, from.name);
          const src = context.remoteAddress(view.family, from.name);
          const closedWalk = sendToMachine(context, from, src, unspokenService, view.family, local);
          const closed = closedWalk.fate === 'drop' || closedWalk.fate === 'reject';
          for (const service of servicesOf(view, rule)) {
            if (!isNamedAt(view, 'INPUT', service)) continue;
            const wanted = { inInterface: from.name, protocol: service.protocol, dport: service.port };
            const sketches = [
              ...context.packetsOf(view, rule, { ...wanted, src: src.address, dst: local.address }),
              ...context.packetsOf(view, rule, { ...wanted, src: src.address }),
              ...context.packetsOf(view, rule, wanted),
            ];
            for (const sketch of sketches.slice(0, 4)) {
              const walk = sendByAnyWay(
                context,
                sketch,
                sendOptions(local, src, sideOf(from)),
                view.family,
              ).find((w) => w.fate === 'forward' && w.matched(rule) && !w.hooks.includes('INPUT'));
              if (!walk) continue;
              const guard = guardOf(context, view, walk.sketch, closed);
              if (!guard || told.has(guard.id)) continue;
              told.add(guard.id);
              const owner = view.writer(rule);
              const opener = deciderOf(view, walk);
              const port = serviceText(service);
              yield {
                at: { kind: 'rule', view, rule: guard },
                message: `${port} is guarded in INPUT, but its packets are translated before and pass FORWARD`,
                caption: 'never sees these packets',
                what: `${port} is reached from ${from.name} by sources that this rule means to keep out`,
                why: `the DNAT in nat ${rule.chain} comes before routing: the packet is no longer for this machine and takes FORWARD`,
                ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
                ...(opener ? { covers: [opener] } : {}),
                related: [
                  {
                    message: `translated here${owner ? ` (written by ${owner.name})` : ''}`,
                    at: { kind: 'rule', view, rule },
                  },
                ],
                help: [
                  owner
                    ? `${owner.knob}; a rule in ${owner.name === 'Docker' ? 'DOCKER-USER' : 'FORWARD'} sees the packet: -m conntrack --ctorigdstport ${service.port} --ctdir ORIGINAL`
                    : `restrict it at the top of FORWARD: -m conntrack --ctorigdstport ${service.port} --ctdir ORIGINAL, or in the DNAT rule itself`,
                ],
                fixes: denies(guard) ? guardedInForward(view, guard, service) : [],
                witness: walk,
              };
              break;
            }
          }
        }
      }
    }
  },
});

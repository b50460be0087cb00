import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import type { Rule } from '../../model/ruleset.ts';
import type { PacketSet } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { refusedAt, sendAnswer } from './support/conversations.ts';
import { accepts, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { type Service, servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

type Way = 'INPUT' | 'FORWARD' | 'OUTPUT';

/** Both ends of these may use the same port. */
const bothEnds: ReadonlySet<string> = new Set([
  'udp/53',
  'udp/123',
  'udp/137',
  'udp/138',
  'udp/500',
  'udp/4500',
  'udp/67',
  'udp/68',
  'udp/514',
]);

/** New connections to a service: in by a rule's out-interface where the rule is for answers. */
function openTo(context: CheckContext, view: RulesetView, way: Way, service: Service): readonly Walk[] {
  const { family } = view;
  const [outside] = strangersInterfaces(context, family);
  const [inside] = insideInterfaces(context, family, outside?.name ?? '');
  if (!outside || !inside) return [];
  const stranger = context.remoteAddress(family);
  const local = context.localAddress(family, outside.name);
  const host = context.remoteAddress(family, inside.name);
  const ports = { protocol: service.protocol, dport: service.port };
  switch (way) {
    case 'OUTPUT':
      return [
        context.send(
          { ...ports, inInterface: outside.name, src: stranger.address, dst: local.address },
          sendOptions(stranger, local, sideOf(outside)),
        ),
      ];
    case 'INPUT':
      return [
        context.send(
          { ...ports, outInterface: outside.name, src: local.address, dst: stranger.address },
          sendOptions(stranger, local),
        ),
      ];
    case 'FORWARD':
      return [[inside, host, outside, stranger] as const, [outside, stranger, inside, host] as const].map(
        ([from, src, to, dst]) =>
          context.send(
            { ...ports, inInterface: from.name, outInterface: to.name, src: src.address, dst: dst.address },
            sendOptions(src, dst, sideOf(from)),
          ),
      );
  }
}

/** Protocol and destination port of the connections that this machine, or who sends packets through it, may open. */
function askedFor(context: CheckContext, view: RulesetView, way: Way): PacketSet {
  const { space, accepted, openers } = context.packets(view);
  const heading = way === 'INPUT' ? 'to' : way === 'OUTPUT' ? 'out' : 'through';
  const byLo = space.interface('out', { name: 'lo', exact: true });
  const opened = space.diff(space.and(accepted(heading).may, openers), byLo);
  return space.forget(
    opened,
    [...space.codec.fields.keys()].filter((f) => f !== 'protocol' && f !== 'dport'),
  );
}

/** Whether first packets never come to the rule and match, and packets of known connections do; jumps have their say. */
function isForKnownAlone(context: CheckContext, view: RulesetView, rule: Rule, way: Way): boolean {
  const { space, rules } = context.packets(view);
  const taken = space.may(
    space.union(rules.visitsOf(rule).flatMap((v) => (v.hook === way ? [v.taking(rule)] : []))),
  );
  return (
    space.isDecided(taken) &&
    space.disjoint(taken, space.named('ctState', 'NEW')) &&
    !space.disjoint(taken, space.named('ctState', 'ESTABLISHED'))
  );
}

/** The finding for a rule; `asked` gives what {@link askedFor} says of its way. */
function judge(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  way: Way,
  asked: () => PacketSet,
): FindingDraft | undefined {
  const services = servicesOf(view, rule);
  const ports = view.find(rule, tcp) ?? view.find(rule, udp);
  // A source port as well: the rule means one connection, not a kind of them.
  if (ports?.sport || services.length === 0) return undefined;
  if (services.some((s) => s.port >= 1024 || bothEnds.has(serviceText(s)))) return undefined;
  const { space, conditions } = context.packets(view);
  if (!space.disjoint(asked(), conditions(rule)) || !isForKnownAlone(context, view, rule, way))
    return undefined;
  for (const service of services) {
    for (const opener of openTo(context, view, way, service)) {
      const answer = opener.accepted ? sendAnswer(context, opener) : undefined;
      if (!answer?.decidedBy || !refusedAt(answer, way)) continue;
      const text = serviceText(service);
      return {
        at: { kind: 'rule', view, rule },
        message: `The answers of ${text} do not have port ${service.port} as their destination: the rule never matches, and they are refused`,
        underline: servicesOption(view, rule),
        caption: 'the port is on the other side',
        what: `${text} is asked and the question gets through; the answer comes from port ${service.port} and is refused`,
        why: 'an answer goes from the port of the service to that of the client; nobody may open a connection the other way either',
        openedBy: [answer.decidedBy],
        help: [`say --sport ${service.port} instead, or leave the port out: the state is enough`],
        witness: answer,
      };
    }
  }
  return undefined;
}

function servicesOption(view: RulesetView, rule: Rule): string {
  return view.find(rule, tcp)?.dport || view.find(rule, udp)?.dport ? '--dport' : '--dports';
}

/** Rules for states that no connection with these ports can come to. */
export const stateInfeasibleRule = defineCheck({
  code: 'FW519',
  name: 'state-infeasible-rule',
  title: 'A rule for answers with the port on the wrong side',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts packets of known connections to a service port, in the direction in which only the answers of that service go. Those have the port as their source, so the rule matches nothing; an answer is shown as it is refused.',
  rationale:
    'Pairs of rules, one for the question and one for the answer, are typed by copying. In the copy the chain and the state are changed, and `--dport` stays. The connection is accepted, the server answers, and nothing comes back.',
  decision:
    'The rule accepts packets of known connections and never a first one, whether it asks for the state itself or a rule before it or a jump does; it names destination ports below 1024 and no source port. No new connection to these ports may pass at its hook, by the sets of all packets, so that no request of a known connection can come to it. A new connection to the service in the other direction is walked and accepted, and its answer is refused at the hook of the rule. Services that use one port at both ends (DNS, NTP, IKE, DHCP, NetBIOS) are left out.',
  exceptions:
    'Connections that are older than the rules, or that another machine has handed over (conntrackd).',
  references: ['net/netfilter/nf_conntrack_core.c'],
  mentions: () => (space) =>
    ['NEW', 'ESTABLISHED'].reduce(
      (set, state) => space.or(set, space.named('ctState', state)),
      space.interval('protocol', 6, 6),
    ),
  examples: {
    bad: [
      {
        title: 'a web server whose answers are to go to port 80',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a client whose answers are to come in at port 443',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m state --state ESTABLISHED -j ACCEPT
-A OUTPUT -p tcp -m tcp --sport 22 -m state --state ESTABLISHED -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 443 -m state --state NEW,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two services with one rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -d 203.0.113.1/32 -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A OUTPUT -s 203.0.113.1/32 -p tcp -m multiport --dports 80,443 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the jump asks for the state',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:answers - [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A OUTPUT -p tcp -m conntrack --ctstate ESTABLISHED -j answers
-A answers -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the answers come from port 80',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A OUTPUT -p tcp -m tcp --sport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the machine asks such a server itself',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p tcp -m tcp --sport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'wrong, but the answers leave by another rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A OUTPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const way of ['INPUT', 'FORWARD', 'OUTPUT'] as const) {
        let known: PacketSet | undefined;
        const asked = () => (known ??= askedFor(context, view, way));
        for (const rule of rulesAt(view, way)) {
          if (!accepts(rule) || view.owner(rule.table, rule.chain)) continue;
          const found = judge(context, view, rule, way, asked);
          if (found) yield found;
        }
      }
    }
  },
});

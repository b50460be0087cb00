import type { Rule } from '../../model/ruleset.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { bodyWith, type FixDraft, insertRules } from '../fixes/fix-draft.ts';
import { deciderOf } from './support/openness.ts';
import { writerText } from './support/origin.ts';
import { translatorOf } from './support/published.ts';
import { hadTheyComeToInput, strangersOf, translatedOpeners, walkOf } from './support/roads.ts';
import { accepts, denies, destinationNatRules, rulesAt } from './support/rules-at.ts';
import { destinationPorts, type Service, serviceText } from './support/services.ts';

/** A rule of INPUT that would have kept packets out, had they come there. */
interface Guard {
  readonly rule: Rule;
  /** Openers that it would have kept out and that pass, as they came in. */
  readonly bypassing: PacketSet;
}

/** Packets to the ports that a rule names. */
function namedPorts({ space }: AllPackets, view: RulesetView, rule: Rule): PacketSet {
  return space.union(destinationPorts(view, rule).map(({ low, high }) => space.interval('dport', low, high)));
}

/** Rules of INPUT that name ports; what a program writes that translates ports itself is part of its own plan. */
function guardRules(view: RulesetView): readonly Rule[] {
  const translators = new Set(destinationNatRules(view).map((rule) => view.writer(rule)?.name));
  return rulesAt(view, 'INPUT').filter((rule) => {
    const writer = view.writer(rule)?.name;
    const own = writer === undefined || !translators.has(writer);
    return own && (denies(rule) || accepts(rule)) && destinationPorts(view, rule).length > 0;
  });
}

/**
 * The rules of INPUT that name ports and would keep some of these packets out: refusals first, then accepts for other
 * sources, for what no refusal is blamed for.
 */
function* guardsOf(
  all: AllPackets,
  view: RulesetView,
  naming: readonly Rule[],
  passing: PacketSet,
): Iterable<Guard> {
  const { space } = all;
  const there = passing === space.none ? undefined : hadTheyComeToInput(all, passing);
  if (there === undefined) return;
  let told = space.none;
  for (const refusals of [true, false])
    for (const rule of naming) {
      if (denies(rule) !== refusals) continue;
      const ports = namedPorts(all, view, rule);
      const asked = all.conditions(rule);
      const kept = refusals
        ? there.taking(rule)
        : space.and(there.refused, space.may(space.diff(space.forget(asked, ['src']), asked)));
      const bypassing = space.diff(space.and(kept, ports), told);
      if (bypassing === space.none) continue;
      told = space.or(told, bypassing);
      yield { rule, bypassing };
    }
}

function* judge(context: CheckContext, view: RulesetView, guards: readonly Rule[]): Iterable<FindingDraft> {
  const all = context.packets(view);
  const { space } = all;
  const strangers = strangersOf(context, all);
  const passing = space.and(
    space.and(translatedOpeners(all), strangers.set),
    space.and(all.accepted('through').may, all.openers),
  );
  for (const { rule: guard, bypassing } of guardsOf(all, view, guards, passing)) {
    const walk = walkOf(
      context,
      all,
      bypassing,
      'to',
      (w) => w.fate === 'forward' && !w.hooks.includes('INPUT') && translatorOf(view, w) !== undefined,
      { inferences: strangers.inferences, byAnyWay: true },
    );
    const rule = walk && translatorOf(view, walk);
    if (!walk || !rule) continue;
    const owner = view.writer(rule);
    const opener = deciderOf(view, walk);
    const service = { protocol: walk.sketch.protocol, port: walk.sketch.dport ?? 0 };
    const port = serviceText(service);
    const writer = writerText(view, rule);
    yield {
      at: { kind: 'rule', view, rule: guard },
      message: `${port} is guarded in INPUT, but its packets are translated before and pass FORWARD`,
      caption: 'never sees these packets',
      what: `${port}${writer ? `, published by ${writer},` : ''} is reached from ${walk.sketch.inInterface} by sources that this rule means to keep out`,
      why: `the DNAT in nat ${rule.chain} comes before routing: the packet is no longer for this machine and takes FORWARD`,
      ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
      ...(opener ? { covers: [opener] } : {}),
      related: [
        {
          message: `translated here${writer ? ` (written by ${writer})` : ''}`,
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
  }
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
    'Of all packets from outside that open a connection, those that a destination NAT may take and that may pass FORWARD are put before the rules of INPUT, as they came in. It is reported for every refusal there that names ports and would take some of them, and for every accept that names ports, where INPUT would refuse some for no more than their source, whatever is not known; one such packet is sent, and has to arrive. What programs publish without naming ports in the translation (Kubernetes behind chances and chains) is told as well.',
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
      {
        title: 'a NodePort of Kubernetes: the translation stands behind a chance and names no port',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-EXT-WEB - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SEP-AAA - [0:0]
:KUBE-SEP-BBB - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-EXT-WEB -j KUBE-SVC-WEB
-A KUBE-NODEPORTS -p tcp -m comment --comment "shop/web" -m tcp --dport 30080 -j KUBE-EXT-WEB
-A KUBE-SEP-AAA -p tcp -m comment --comment "shop/web" -m tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-BBB -p tcp -m comment --comment "shop/web" -m tcp -j DNAT --to-destination 10.244.2.7:8080
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-SVC-WEB -m comment --comment "shop/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-AAA
-A KUBE-SVC-WEB -m comment --comment "shop/web -> 10.244.2.7:8080" -j KUBE-SEP-BBB
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 30000:32767 -j DROP
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
      // Sets are made only where a port is named that somebody might be kept from.
      const guards = destinationNatRules(view).length > 0 ? guardRules(view) : [];
      if (guards.length > 0) yield* judge(context, view, guards);
    }
  },
});

import type { Rule } from '../../model/ruleset.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { interfacePattern } from '../../net/interface-pattern.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import type { Inference } from '../finding.ts';
import { changedBody, type FixDraft } from '../fixes/fix-draft.ts';
import { isTunnel, leadsElsewhere, placedNetworks } from './support/behind.ts';
import { ownFilterRules } from './support/roads.ts';
import { conditionsOf } from './support/rule-shape.ts';
import { accepts } from './support/rules-at.ts';
import { sendOptions } from './support/sending.ts';

/** The interfaces of a rule that accepts everything that comes in by the one and leaves by the other. */
function openedWay(rule: Rule): { readonly from: string; readonly to: string } | undefined {
  const { inInterface, outInterface, src, dst, protocol } = rule.base;
  if (!accepts(rule) || src || dst || protocol || conditionsOf(rule).length > 0) return undefined;
  if (!inInterface?.value.exact || inInterface.negated) return undefined;
  if (!outInterface?.value.exact || outInterface.negated) return undefined;
  return { from: inInterface.value.name, to: outInterface.value.name };
}

/** Whether some connection can be opened from one interface to the other, as far as is known. */
function canOpen(context: CheckContext, view: RulesetView, from: string, to: string): boolean {
  const all = context.packets(view);
  const { space } = all;
  const way = space.and(
    space.interface('in', interfacePattern(from)),
    space.interface('out', interfacePattern(to)),
  );
  return all.road('through').visits.some((visit) => {
    if (visit.table !== 'filter' || visit.hook !== 'FORWARD') return false;
    const accepted = visit.ends.get('accept') ?? space.none;
    return !space.disjoint(space.and(accepted, way), all.openers);
  });
}

/** A stranger's packet through such a rule. */
function walkIn(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: string,
  to: string,
  inferences: readonly Inference[],
): Walk | undefined {
  const { family } = view;
  const src = context.remoteAddress(family);
  const dst = context.remoteAddress(family, to);
  const walk = context.send(
    {
      inInterface: from,
      outInterface: to,
      src: src.address,
      dst: dst.address,
      protocol: 6,
      dport: 22,
    },
    sendOptions(src, dst, { assume: [], inferences }),
  );
  return walk.fate === 'forward' && walk.matched(rule) ? walk : undefined;
}

/** Each rule for the other direction. */
function swapped(view: RulesetView, rules: readonly Rule[]): FixDraft {
  return {
    title: `swap -i and -o in rules ${rules.map((rule) => rule.index + 1).join(' and ')} of FORWARD`,
    applicability: 'unsafe',
    view,
    edits: rules.map((rule) => {
      const { inInterface, outInterface } = rule.base;
      const base = { ...rule.base, inInterface: outInterface, outInterface: inInterface };
      return { kind: 'replace', rule, body: changedBody(rule, { base }) };
    }),
  };
}

function* openDoors(context: CheckContext, view: RulesetView): Iterable<FindingDraft> {
  const sides = new Map(context.interfaces(view.family).map((i) => [i.name, i]));
  const rules = [...ownFilterRules(view, ['FORWARD'])].map(({ rule }) => rule);
  for (const rule of rules) {
    const way = openedWay(rule);
    const from = way && sides.get(way.from);
    const to = way && sides.get(way.to);
    if (!way || from?.side !== 'outside' || !to || to.side === 'outside' || to.side === 'loopback') continue;
    // A tunnel may be there for those outside to come in by.
    if (isTunnel(context, way.to)) continue;
    const back = rules.find(
      (r) =>
        accepts(r) &&
        r.base.inInterface?.value.name === way.to &&
        r.base.outInterface?.value.name === way.from,
    );
    if (!back || canOpen(context, view, way.to, way.from)) continue;
    const walk = walkIn(context, view, rule, way.from, way.to, from.inferences);
    if (!walk) continue;
    yield {
      at: { kind: 'rule', view, rule },
      severity: 'error',
      message: `Everything that comes in by ${way.from} is let through to ${way.to}, and nothing the other way: -i and -o look swapped`,
      underline: `-i ${way.from}`,
      caption: 'leads outside',
      what: `strangers reach every host behind ${way.to}, and these can open no connection to the outside`,
      why: 'the first packet of a connection tells its direction: it comes in by -i, and leaves by -o',
      related: [{ message: 'lets only answers go the other way', at: { kind: 'rule', view, rule: back } }],
      help: [`-i ${way.to} -o ${way.from} here, and the state in the rule for the other direction`],
      fixes: [swapped(view, [rule, back])],
      witness: walk,
    };
  }
}

function* networksElsewhere(context: CheckContext, view: RulesetView): Iterable<FindingDraft> {
  for (const { rule } of ownFilterRules(view, ['INPUT', 'FORWARD', 'OUTPUT'])) {
    if (!accepts(rule)) continue;
    for (const { net, name, option } of placedNetworks(rule)) {
      // Only routes say so for sure: rules may know several ways to a network.
      const there = leadsElsewhere(context, view, net, name, rule);
      if (!there || there.inferences.length > 0 || isTunnel(context, there.name)) continue;
      if (!context.machine.interfaces.value?.some((i) => i.name === name)) continue;
      const other = option === '-i' ? rule.base.outInterface : rule.base.inInterface;
      const swapped = other?.value.name === there.name;
      const text = networkTextShort(net);
      yield {
        at: { kind: 'rule', view, rule },
        id: 'network-behind-other-interface',
        confidence: 'context',
        message: `${text} is behind ${there.name}, not ${name}: this rule accepts nothing of it`,
        underline: `${option} ${name}`,
        caption: 'does not lead to this network',
        why: `by addresses and routes, packets ${option === '-i' ? 'from' : 'to'} ${text} ${option === '-i' ? 'come in' : 'leave'} by ${there.name}`,
        help: [swapped ? 'swap -i and -o' : `${option} ${there.name}, if this network is meant`],
      };
      break;
    }
  }
}

/** Interfaces the wrong way round. */
export const interfacesSwapped = defineCheck({
  code: 'FW111',
  name: 'interfaces-swapped',
  title: 'The interfaces of a rule are the wrong way round',
  severity: 'error',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule in FORWARD lets everything in from outside to the inside, while the inside can open nothing to the outside; or a rule accepts a network on an interface that does not lead to it. The finding shows a stranger’s packet that gets in.',
  rationale:
    'Who thinks of “the LAN may go out” and writes -i for the interface where the packets go to has opened the door to everybody, and closed it for his own. The rules with the state match hide it: answers go both ways.',
  decision:
    'For every accept without other conditions from an interface that leads outside to another one: some rule lets packets go the other way, and of all packets that open a connection none may. For every accept of a source by -i, or a destination by -o: routes and addresses say that the network is behind another interface. Which interface leads outside is known from the configuration or the routes, or else inferred.',
  exceptions:
    'Asymmetric routes, where packets come in by another way than they go out. Refusals are not looked at: rules against forged sources are written just so.',
  references: ['man iptables(8), -i and -o'],
  yieldsTo: ['FW112', 'FW113'],
  fixes: [{ kind: 'unsafe', does: 'swaps the interfaces of both rules' }],
  examples: {
    bad: [
      {
        title: 'in from outside, and only answers go out',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -o eth1 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'with a catch-all for answers',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i ppp0 -o br0 -j ACCEPT
-A FORWARD -i br0 -o ppp0 -m state --state ESTABLISHED -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o ppp0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the LAN on the outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -i eth0 -o eth1 -j ACCEPT
COMMIT
`,
        context: `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 scope global eth0
       valid_lft forever preferred_lft forever
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 scope global eth1
       valid_lft forever preferred_lft forever
`,
      },
    ],
    good: [
      {
        title: 'out from inside, and answers come in',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -i eth0 -o eth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'open both ways',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -o eth1 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'forged sources are dropped on the outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -i eth0 -j DROP
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      yield* openDoors(context, view);
      yield* networksElsewhere(context, view);
    }
  },
});

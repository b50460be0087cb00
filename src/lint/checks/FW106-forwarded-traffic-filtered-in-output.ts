import type { Rule } from '../../model/ruleset.ts';
import { addressBits, type Network, networkContains, prefixLength } from '../../net/address.ts';
import { addressText, networkText } from '../../net/address-text.ts';
import { addressKind } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { copied } from './support/mends.ts';
import { comingBy, describedAtEntry, walkOf } from './support/roads.ts';
import { denies, exactName, rulesAt } from './support/rules-at.ts';
import { sideOf } from './support/sending.ts';
import { destinationPorts, serviceText } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

/** The network whose packets a rule of OUTPUT refuses; undefined where it is about this machine alone. */
function networkOf(view: RulesetView, rule: Rule): Network | undefined {
  const { src, outInterface } = rule.base;
  if (!denies(rule) || !src || src.negated) return undefined;
  const length = prefixLength(src.value.mask);
  if (length === undefined || length === 0 || length >= addressBits(view.family)) return undefined;
  if (addressKind(src.value.address) === 'loopback' || exactName(outInterface) === 'lo') return undefined;
  return rule.matches.some((m) => m.extension === 'owner') ? undefined : src.value;
}

/** A packet of a host in the network that the rule describes, on its way through this machine. */
function walkThrough(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  net: Network,
): { readonly walk: Walk; readonly about: string } | undefined {
  const all = context.packets(view);
  const { space } = all;
  const outInterface = exactName(rule.base.outInterface);
  const open = space.and(describedAtEntry(all, rule, 'through'), all.accepted('through').may);
  const asked = destinationPorts(view, rule);
  for (const from of insideInterfaces(context, view.family, outInterface ?? '')) {
    const walk = walkOf(
      context,
      all,
      space.and(open, comingBy(context, all, from.name)),
      'through',
      (w) => w.fate === 'forward' && w.hooks.includes('FORWARD') && networkContains(net, w.sketch.src),
      {
        inferences: sideOf(from).inferences,
        ...(outInterface === undefined ? { byAnyWay: true } : { fixed: { outInterface } }),
      },
    );
    if (!walk) continue;
    const { protocol, dport } = walk.sketch;
    const named = asked.length > 0 && dport !== undefined;
    return { walk, about: named ? serviceText({ protocol, port: dport }) : 'this traffic' };
  }
  return undefined;
}

/** A rule about forwarded traffic in OUTPUT. */
export const forwardedTrafficFilteredInOutput = defineCheck({
  code: 'FW106',
  name: 'forwarded-traffic-filtered-in-output',
  title: 'A rule about machines behind this router stands in OUTPUT',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule in OUTPUT refuses traffic of a whole network, but the packets of the hosts in that network take FORWARD, which lets the same traffic through. The finding shows such a packet.',
  rationale:
    'OUTPUT sees what processes on this machine send, nothing else. Packets that this machine passes on for others never come by, so a rule against the mail, IRC or DNS of the LAN does nothing there.',
  decision:
    'For every drop or reject that packets in OUTPUT can meet and whose -s is a network: of all packets that come in from inside, those are taken that the rule describes and that FORWARD may let through. It is reported with one of them, sent. With `ip -j addr` it is known whether an address of this machine is in that network: then the rule does something, and the finding is only a note.',
  exceptions:
    'A policy for everything that leaves, written once in OUTPUT and once in FORWARD: then FORWARD refuses the packet and nothing is reported. Rules about the owner of a process are meant for this machine.',
  references: ['https://serverfault.com/questions/769294/'],
  fixes: [{ kind: 'unsafe', does: 'puts the same rule into FORWARD as well' }],
  examples: {
    bad: [
      {
        title: 'no mail out of the LAN, in the wrong chain',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: 'the clients of a VPN',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i tun0 -o eth0 -j ACCEPT
-A OUTPUT -s 10.8.0.0/24 -p tcp -m multiport --dports 25,465,587 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'in a chain that OUTPUT jumps to',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:egress - [0:0]
-A OUTPUT -o ppp0 -j egress
-A egress -s 192.168.0.0/16 -p udp -m udp --dport 53 -j DROP
COMMIT
*nat
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: 'in both',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
-A OUTPUT -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: "this machine's own mail",
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -o eth0 -p tcp -m tcp --dport 25 -m owner ! --uid-owner 105 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      for (const rule of rulesAt(view, 'OUTPUT')) {
        const net = networkOf(view, rule);
        if (net === undefined || view.writer(rule)) continue;
        const found = walkThrough(context, view, rule, net);
        if (!found) continue;
        const { walk, about } = found;
        const { interfaces } = context.machine;
        const ours = interfaces.value
          ?.flatMap((i) => i.addresses)
          .find((a) => networkContains(net, a.address))?.address;
        const network = networkText(net);
        yield {
          at: { kind: 'rule', view, rule },
          severity: ours ? 'info' : 'warning',
          message: `${about} of the hosts in ${network} takes FORWARD, not OUTPUT, and FORWARD lets it through`,
          caption: 'sees only what this machine itself sends',
          what: ours
            ? `the rule holds for this machine's own ${addressText(ours)}, and for nobody else in ${network}`
            : `hosts in ${network} send ${about} through this machine as if the rule were not there`,
          why: 'packets that this machine passes on go PREROUTING, FORWARD, POSTROUTING',
          ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
          help: ['put the same rule into FORWARD, above what accepts there'],
          fixes: copied(view, rule, 'FORWARD', walk),
          ...(interfaces.value
            ? {}
            : {
                inferences: [
                  { text: `${network} is a network behind this machine`, settledBy: 'ip -j addr' },
                ],
              }),
          witness: walk,
        };
      }
    }
  },
});

import { atEntry } from '../../analysis/fates.ts';
import { multiport } from '../../extensions/matches/multiport.ts';
import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import type { Rule } from '../../model/ruleset.ts';
import { createMeasure } from '../../packetset/measure.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { isGuardedElsewhere, isWideOpen, knobOf, opennessOf, strangersMention } from './support/openness.ts';
import { accepts } from './support/rules-at.ts';

/** Ports that one service has at most: what is open beyond them was not asked for. */
const portsMax = 1024n;

/** Whether the rule asks for ports of the sender. */
function asksSourcePort(view: RulesetView, rule: Rule): boolean {
  const range = view.find(rule, tcp)?.sport ?? view.find(rule, udp)?.sport;
  if (range && !range.negated) return true;
  const list = view.find(rule, multiport);
  return list !== undefined && !list.negated && list.side === 'source';
}

/** A rule that believes the sender's port. */
export const sourcePortTrust = defineCheck({
  code: 'FW304',
  name: 'source-port-trust',
  title: 'A rule trusts the port that the sender chose',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts new connections by their source port, to more than a thousand ports here. Whoever sends from that port reaches all of them; the finding shows such a packet.',
  rationale:
    'The rule was meant for answers: those of a name server come from port 53. But everybody chooses the port that he sends from, and to bind 53 or 443 takes one option of any scanner. Connection tracking knows answers from first packets; a port does not.',
  decision:
    'For each accept with a condition on the source port, the first packets from outside that it takes are worked out, behind all rules above it. It is reported if they go to more than 1024 ports, from at least 1/256 of all IPv4 addresses that are not private, and a packet got in by this rule.',
  exceptions:
    'Where tracking is switched off for these packets (NOTRACK), the rule may be the only way; it is open all the same. Services whose both ends have a fixed port (DHCP 67 and 68, NTP 123 to 123, IKE 500 to 500) are not reported.',
  references: [
    'https://openreview.net/forum?id=QlMGcVKjJ2',
    'https://wiki.drake.org.uk/books/linux/page/oracle-cloud-hosting-configuring-default-iptables-on-a-virtual-machine',
  ],
  yieldsTo: ['FW301', 'FW303'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'answers of name servers and web servers, as it was meant',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --sport 53 -j ACCEPT
-A INPUT -p tcp -m tcp --sport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the time server rule of a cloud image',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p udp -m udp --sport 123 -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`,
      },
      {
        title: 'high ports only are more than enough',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --sport 53 --dport 1024:65535 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'answers by their connection',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a state beside the port',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --sport 53 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'both ports are fixed',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT
-A INPUT -p udp -m udp --sport 500 --dport 500 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'from one resolver',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.53/32 -p udp -m udp --sport 53 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const rules = view.rules().filter((r) => r.table === 'filter' && accepts(r) && asksSourcePort(view, r));
      if (rules.length === 0) continue;
      const openness = opennessOf(context, view);
      const { all } = openness;
      const { space, analysis } = all;
      const road = all.road('to');
      const measure = createMeasure(space, ['dport']);
      const others = [...space.codec.fields.keys()].filter((f) => f !== 'dport');
      for (const rule of rules)
        for (const way of ['to', 'through'] as const) {
          if (way === 'to' && isGuardedElsewhere(context)) continue;
          const hook = way === 'to' ? 'INPUT' : 'FORWARD';
          if (!view.hooks('filter', rule.chain).includes(hook) || isWideOpen(openness, way)) continue;
          const taken = space.union(
            road.visits.flatMap((visit) =>
              visit.table === 'filter' && visit.hook === hook
                ? [space.may(atEntry(analysis.vocabulary, visit.taking(rule), road))]
                : [],
            ),
          );
          if (taken === space.none || !space.isDecided(taken)) continue;
          const reached = openness.reached(way, space.all, { asked: taken, anyPort: true });
          const by = reached?.walk.decidedBy;
          if (!reached || by?.kind !== 'rule' || by.id !== rule.id) continue;
          const ports = measure.count(space.forget(reached.set, others));
          if (ports <= portsMax) continue;
          const at = { kind: 'rule', view, rule } as const;
          const whose = way === 'to' ? 'ports of this machine' : 'ports behind this machine';
          yield {
            at,
            message: `Rule ${rule.index + 1} of ${rule.chain} opens ${ports} ${whose} to everybody who sends from port ${reached.walk.sketch.sport ?? 0}`,
            underline: '--sport',
            caption: 'the sender chooses this',
            why: 'first packets match as well as answers: nothing asks for the state of a connection',
            help: [
              knobOf(view, at) ??
                'instead: -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT, which takes the answers alone',
            ],
            witness: reached.walk,
            group: `${view.family} ${way}`,
          };
        }
    }
  },
});

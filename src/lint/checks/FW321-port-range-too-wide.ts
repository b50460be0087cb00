import { atEntry } from '../../analysis/fates.ts';
import { multiport } from '../../extensions/matches/multiport.ts';
import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import type { Rule } from '../../model/ruleset.ts';
import { createMeasure } from '../../packetset/measure.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { isGuardedElsewhere, isWideOpen, knobOf, opennessOf, strangersMention } from './support/openness.ts';
import { accepts } from './support/rules-at.ts';

const portsMax = { 6: 1000n, 17: 20_000n } as const;

/** The widest range of destination ports that a rule names. */
function widest(view: RulesetView, rule: Rule): number {
  const range = view.find(rule, tcp)?.dport ?? view.find(rule, udp)?.dport;
  const list = view.find(rule, multiport);
  const ranges = [
    ...(range && !range.negated ? [range] : []),
    ...(list && !list.negated && list.side !== 'source' ? list.ports : []),
  ];
  return Math.max(0, ...ranges.map(({ low, high }) => high - low + 1));
}

/** A service with a thousand ports. */
export const portRangeTooWide = defineCheck({
  code: 'FW321',
  name: 'port-range-too-wide',
  title: 'More than a thousand ports in a row are open to strangers',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule opens a range of more than a thousand TCP ports, or twenty thousand UDP ports, to nearly any address. The finding shows a packet to one of them.',
  rationale:
    'No service needs them. Most such rules were written for the answers of connections that this machine opened, whose ports are high: a rule for ESTABLISHED lets these in. Databases, caches and consoles listen on high ports as well.',
  decision:
    'For each accept that names destination ports, the first packets from outside that it takes are worked out, behind all rules above it. It is reported if they go to more than 1000 TCP ports or 20000 UDP ports, from nearly anybody, and a packet got in by this rule.',
  exceptions: 'Media servers (RTP), passive FTP, peer-to-peer programs.',
  references: ['man iptables-extensions(8), conntrack'],
  yieldsTo: ['FW301', 'FW303', 'FW304'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'the high ports',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 10000:65535 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'high ports of UDP',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 32768:61000 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a range in a list',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m multiport --dports 22,443,8000:9999 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a hundred ports',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 12000:12100 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'media of telephones',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 10000:20000 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'for one network',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 1024:65535 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'with a state',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context)) return;
    for (const view of context.views) {
      const rules = view
        .rules()
        .filter((r) => r.table === 'filter' && accepts(r) && view.hooks('filter', r.chain).includes('INPUT'))
        .filter((r) => widest(view, r) > 1000);
      if (rules.length === 0) continue;
      const openness = opennessOf(context, view);
      const { all } = openness;
      const { space } = all;
      if (isWideOpen(openness, 'to')) continue;
      const road = all.road('to');
      const measure = createMeasure(space, ['dport']);
      const others = [...space.codec.fields.keys()].filter((f) => f !== 'dport');
      for (const rule of rules) {
        const protocol = rule.base.protocol?.value;
        if (protocol !== 6 && protocol !== 17) continue;
        const taken = space.union(
          road.visits
            .filter((visit) => visit.table === 'filter' && visit.hook === 'INPUT')
            .map((visit) => space.may(atEntry(all.analysis.vocabulary, visit.taking(rule), road))),
        );
        if (taken === space.none || !space.isDecided(taken)) continue;
        const reached = openness.reached('to', space.all, { asked: taken });
        const by = reached?.walk.decidedBy;
        if (!reached || by?.kind !== 'rule' || by.id !== rule.id) continue;
        const ports = measure.count(space.forget(reached.set, others));
        if (ports <= portsMax[protocol]) continue;
        const at = { kind: 'rule', view, rule } as const;
        yield {
          at,
          message: `Rule ${rule.index + 1} of ${rule.chain} opens ${ports} ${protocol === 6 ? 'TCP' : 'UDP'} ports to strangers ${reached.opening.from}`,
          caption: 'more than any service has',
          help: [
            knobOf(view, at) ??
              'for answers: -m conntrack --ctstate RELATED,ESTABLISHED; for a service: its own ports',
          ],
          witness: reached.walk,
        };
      }
    }
  },
});

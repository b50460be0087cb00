import type { Rule } from '../../model/ruleset.ts';
import type { Heading } from '../all-packets.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { comingTo, describedAtEntry, ownFilterRules, takenBy, walkOf } from './support/roads.ts';
import { accepts, denies } from './support/rules-at.ts';
import { servicesOf, servicesText } from './support/services.ts';

/** Refusals of raw and mangle that packets from the wire meet before filter. */
function earlyDenies(view: RulesetView): readonly Rule[] {
  return view
    .rules()
    .filter(
      (rule) =>
        (rule.table === 'raw' || rule.table === 'mangle') &&
        denies(rule) &&
        view.hooks(rule.table, rule.chain).some((h) => h !== 'OUTPUT' && h !== 'POSTROUTING'),
    );
}

/** A drop in raw or mangle that takes what filter is to accept. */
export const dropOutsideFilterTable = defineCheck({
  code: 'FW119',
  name: 'drop-outside-filter-table',
  title: 'A drop in raw or mangle takes everything that a rule of filter accepts',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of filter accepts a service, and a drop in raw or mangle has taken every packet of it before. The finding shows one.',
  rationale:
    'PREROUTING comes before routing: a drop in raw or mangle PREROUTING holds for packets to this machine and for those that it passes on alike. Who meant only the one kind has lost the other, and finds no reason for it in filter.',
  decision:
    'For every accept of ports in filter: no packet that opens a connection and that it describes comes to its hook, and a refusal in raw or mangle takes some of them. Where part of them comes through nothing is reported: drops of forged sources and of floods are written so.',
  exceptions: 'An accept that is kept for the day on which the drop is taken out.',
  references: ['man iptables(8), TABLES'],
  examples: {
    bad: [
      {
        title: 'a port is closed for this machine, and with it for the server behind',
        rules: `*mangle
-A PREROUTING -p tcp -m tcp --dport 3306 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -d 10.0.0.9/32 -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in raw',
        rules: `*raw
-A PREROUTING -i eth0 -p tcp -m multiport --dports 22,23 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in mangle INPUT',
        rules: `*mangle
-A INPUT -p udp -m udp --dport 161 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.0.0/16 -p udp -m udp --dport 161 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'in filter, where the two roads are apart',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -d 10.0.0.9/32 -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'forged sources, dropped in raw',
        rules: `*raw
-A PREROUTING -s 192.168.1.0/24 -i eth0 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a list of addresses, dropped in raw',
        rules: `*raw
-A PREROUTING -s 203.0.113.66/32 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const early = earlyDenies(view);
      if (early.length === 0) continue;
      for (const { rule, at } of ownFilterRules(view, ['INPUT', 'FORWARD'])) {
        const services = servicesOf(view, rule);
        if (!accepts(rule) || services.length === 0) continue;
        const all = context.packets(view);
        const { space } = all;
        if (comingTo(all, rule) !== space.none) continue;
        for (const heading of at.map((h): Heading => (h === 'INPUT' ? 'to' : 'through'))) {
          const described = describedAtEntry(all, rule, heading);
          const taker = early.find((d) => !space.disjoint(described, takenBy(all, d)));
          if (!taker) continue;
          const lost = space.and(described, takenBy(all, taker));
          const walk = walkOf(
            context,
            all,
            lost,
            heading,
            (w) => !w.accepted && w.decidedBy?.kind === 'rule' && w.decidedBy.id === taker.id,
          );
          if (!walk) continue;
          yield {
            at: { kind: 'rule', view, rule },
            message: `${servicesText(services)} is accepted here, and ${taker.table} ${taker.chain} has dropped every packet of it before`,
            caption: 'no packet of it comes here',
            why: `table ${taker.table} is asked before filter${taker.chain === 'PREROUTING' ? ', and before routing: for packets to this machine and through it alike' : ''}`,
            ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
            related: [{ message: 'drops them', at: { kind: 'rule', view, rule: taker } }],
            help: ['move the drop into filter, into the chain of the road that is meant'],
            witness: walk,
          };
          break;
        }
      }
    }
  },
});

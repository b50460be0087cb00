import type { Rule } from '../../model/ruleset.ts';
import type { PacketSet } from '../../packetset/space.ts';
import { defineCheck, type FindingDraft, type Walk } from '../check.ts';
import { deleteRules } from '../fixes/fix-draft.ts';
import { comingTo, describedAtEntry, strangersOf, takenBy, walkOf } from './support/roads.ts';
import { accepts, destinationNatRules, rulesAt } from './support/rules-at.ts';
import { servicesOf, servicesText } from './support/services.ts';

/** An accept in INPUT for packets that DNAT takes away. */
export const dnatAcceptedInInput = defineCheck({
  code: 'FW104',
  name: 'dnat-accepted-in-input',
  title: 'A translated port is opened in INPUT, which its packets do not take',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'INPUT accepts a port that nat PREROUTING gives to another machine. The packets that the rule describes go through FORWARD; the finding shows one.',
  rationale:
    'Whoever wrote the accept thought that a forwarded port needs opening in INPUT. It needs FORWARD. The rule does nothing as long as the translation stands, and opens the port of the machine itself on the day on which it goes.',
  decision:
    'For every accept that names translated ports in a chain that INPUT leads to: of all packets from other machines that open a connection, none comes to the rule that a destination NAT would not take away, and some of those that it describes are taken. It is reported with one of them, sent.',
  exceptions:
    'A translation of only one of several addresses or interfaces leaves the others to INPUT, and the accept is right for those: nothing is reported if any packet gets there. Generators that write both rules on purpose.',
  references: ['man iptables-extensions(8), DNAT'],
  yieldsTo: ['FW103', 'FW201', 'FW204'],
  fixes: [{ kind: 'unsafe', does: 'deletes the rule, where FORWARD lets its packets through' }],
  examples: {
    bad: [
      {
        title: 'the forwarded port is opened in INPUT and forgotten in FORWARD',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.0.0.5:443
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 8443 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'opened in both places',
        rules: `*nat
-A PREROUTING -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.5
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
-A FORWARD -d 192.168.1.5/32 -p tcp -m tcp --dport 25 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'several ports, each of them translated',
        rules: `*nat
-A PREROUTING -i ppp0 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i ppp0 -p tcp -m multiport --dports 80,443 -j ACCEPT
-A FORWARD -i eth1 -o ppp0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'opened in FORWARD, where the packets come by',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.0.0.5:443
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.5/32 -i eth0 -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'from the LAN the port is served by this machine',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.5
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -d 10.0.0.5/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'one of several addresses is translated, the others are served here',
        rules: `*nat
-A PREROUTING -d 203.0.113.9/32 -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.5
-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.1
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 443 -j ACCEPT
-A FORWARD -d 10.0.0.5/32 -i eth0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const translations = destinationNatRules(view);
      if (translations.length === 0) continue;
      let taken: PacketSet | undefined;
      const translated = new Set(
        translations.flatMap((r) => servicesOf(view, r).map((s) => `${s.protocol}/${s.port}`)),
      );
      for (const rule of rulesAt(view, 'INPUT')) {
        if (!accepts(rule) || view.owner('filter', rule.chain)) continue;
        const services = servicesOf(view, rule);
        if (services.length === 0 || !services.every((s) => translated.has(`${s.protocol}/${s.port}`)))
          continue;
        const all = context.packets(view);
        const { space } = all;
        taken ??= space.union(translations.map((r) => takenBy(all, r, ['PREROUTING'])));
        const gone = space.and(describedAtEntry(all, rule, 'to'), taken);
        // What else comes to the rule keeps it alive: another address, another interface.
        if (gone === space.none || space.diff(comingTo(all, rule, 'to'), taken) !== space.none) continue;
        // What becomes of strangers is what the rule was written for.
        const strange = space.and(gone, strangersOf(context, all).set);
        const away = strange === space.none ? gone : strange;
        const takerOf = (w: Walk): Rule | undefined => translations.find((r) => w.matched(r));
        const walk = walkOf(
          context,
          all,
          away,
          'to',
          (w) => !w.hooks.includes('INPUT') && takerOf(w) !== undefined,
        );
        const taker = walk && takerOf(walk);
        if (!walk || !taker) continue;
        const arrived = walk.fate === 'forward';
        yield {
          at: { kind: 'rule', view, rule },
          message: `${servicesText(services)} is opened in INPUT, but its packets are translated before and take FORWARD`,
          caption: 'is not on the way of these packets',
          what: arrived
            ? 'the accept does nothing: the packets are let through by FORWARD'
            : 'the accept does nothing, and FORWARD refuses the packets: the forwarded port does not work',
          why: `the DNAT in nat ${taker.chain} comes before routing, so the packet is no longer for this machine`,
          related: [{ message: 'translated here', at: { kind: 'rule', view, rule: taker } }],
          help: [
            arrived
              ? 'remove the rule, or it opens the port of this machine when the DNAT goes'
              : 'accept the translated destination and port in FORWARD instead',
          ],
          fixes: arrived ? [deleteRules(view, [rule], 'unsafe')] : [],
          witness: walk,
        };
      }
    }
  },
});

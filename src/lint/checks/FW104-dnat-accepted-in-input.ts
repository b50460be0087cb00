import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import {
  accepts,
  admitsInterface,
  destinationNatRules,
  rulesAt,
  sendOptions,
  servicesOf,
  servicesText,
  sideOf,
} from './support/path-probes.ts';

/** The DNAT rule that took the packet away, if one did. */
function takenBy(view: RulesetView, walk: Walk): Rule | undefined {
  if (walk.hooks.includes('INPUT')) return undefined;
  return destinationNatRules(view).find((r) => walk.matched(r));
}

/** Every packet of the rule that we can think of, by every interface that it admits, at every address of ours. */
function* walksOf(context: CheckContext, view: RulesetView, rule: Rule): Iterable<Walk> {
  const { family } = view;
  for (const from of context.interfaces(family)) {
    if (from.side === 'loopback' || !admitsInterface(rule, from.name)) continue;
    const local = context.localAddress(family, from.name);
    for (const service of servicesOf(view, rule)) {
      const given = { inInterface: from.name, protocol: service.protocol, dport: service.port };
      for (const dst of [local.address, context.localAddress(family).address]) {
        for (const sketch of context.packetsOf(view, rule, { ...given, dst }).slice(0, 2)) {
          yield context.send(sketch, sendOptions(local, sideOf(from)));
        }
      }
    }
  }
}

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
    'For every accept that names ports in a chain that INPUT leads to, ordinary packets of it are sent by each interface it admits to the addresses that are known to be ours. It is reported if each of them is taken away by a destination NAT, and none reaches INPUT.',
  exceptions:
    'A translation of only one of several addresses or interfaces leaves the others to INPUT, and the accept is right for those: nothing is reported if any packet gets there. Generators that write both rules on purpose.',
  references: ['man iptables-extensions(8), DNAT'],
  yieldsTo: ['FW103'],
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
      const translated = new Set(
        translations.flatMap((r) => servicesOf(view, r).map((s) => `${s.protocol}/${s.port}`)),
      );
      // A translation for one address leaves the machine's other addresses to INPUT; only without -d it takes all.
      const wide = translations.filter((r) => !r.base.dst);
      for (const rule of rulesAt(view, 'INPUT')) {
        if (!accepts(rule) || view.owner('filter', rule.chain)) continue;
        const services = servicesOf(view, rule);
        if (services.length === 0 || !services.every((s) => translated.has(`${s.protocol}/${s.port}`)))
          continue;
        const walks = [...walksOf(context, view, rule)];
        const takers = walks.map((w) => takenBy(view, w));
        const [walk] = walks;
        const [taker] = takers;
        if (!walk || !taker || takers.some((t) => t === undefined)) continue;
        if (!rule.base.dst && !takers.every((t) => t !== undefined && wide.includes(t))) continue;
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
          witness: walk,
        };
      }
    }
  },
});

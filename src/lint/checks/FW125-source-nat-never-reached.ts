import type { Rule } from '../../model/ruleset.ts';
import { addressBits, networkContains, prefixLength } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { refusedAt } from './support/conversations.ts';
import { deciderOf } from './support/openness.ts';
import { comingBy, comingTo, describedAtEntry, walkOf } from './support/roads.ts';
import { exactName, sourceNatRules } from './support/rules-at.ts';
import { sideOf } from './support/sending.ts';
import { insideInterfaces } from './support/strangers.ts';

/** Whether the rule names one address of this machine: it is about what the machine itself sends. */
function isForItself({ machine }: CheckContext, view: RulesetView, { base }: Rule): boolean {
  const { src } = base;
  if (!src || src.negated || prefixLength(src.value.mask) !== addressBits(view.family)) return false;
  return machine.localAddresses.some(
    (f) => f.value.family === view.family && networkContains(src.value, f.value),
  );
}

/** A packet that the rule describes, from a host inside, and that FORWARD refuses. */
function walkRefused(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const all = context.packets(view);
  const { space } = all;
  const fates = all.fates('through');
  const refused = space.union(
    (['drop', 'reject'] as const).map((fate) => fates.get(fate)?.may ?? space.none),
  );
  const described = space.and(describedAtEntry(all, rule, 'through'), refused);
  const outInterface = exactName(rule.base.outInterface);
  for (const from of insideInterfaces(context, view.family, outInterface ?? '')) {
    const walk = walkOf(
      context,
      all,
      space.and(described, comingBy(context, all, from.name)),
      'through',
      (w) => refusedAt(w, 'FORWARD'),
      {
        inferences: sideOf(from).inferences,
        ...(outInterface === undefined ? { byAnyWay: true } : { fixed: { outInterface } }),
      },
    );
    if (walk) return walk;
  }
  return undefined;
}

/** A network that is translated and not let out. */
export const sourceNatNeverReached = defineCheck({
  code: 'FW125',
  name: 'source-nat-never-reached',
  title: 'A network is translated, and FORWARD lets none of its packets out',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  probation: 'its findings on real dumps, all true, are of three rulesets alone',
  since: '0.1.0',
  reports:
    'A rule of nat POSTROUTING hides a network behind this machine, and no packet of that network ever comes so far: FORWARD refuses them all. One such packet is shown on its way.',
  rationale:
    'POSTROUTING comes after FORWARD: source NAT sees what FORWARD has let out, and lets nothing out itself. A gateway whose FORWARD drops by policy (Docker sets it so) needs an accept for its network as well. The translation looks as if the network had its way out, and the hosts behind it have none.',
  decision:
    'For every SNAT and MASQUERADE that names a source network and no destination: of all packets that are passed on and open a connection, none that the rule describes comes to POSTROUTING, whatever is not known. It is reported with one that a host inside sends and that FORWARD refuses. A rule for an address of this machine alone is about its own packets, and one that names no source may be.',
  exceptions:
    'Rules that a program completes when it starts (wg-quick, libvirt hooks), where the dump was taken before. A machine that no longer routes: then the translation is a leftover and can go.',
  references: [
    'man iptables-extensions(8), MASQUERADE',
    'https://docs.docker.com/engine/network/packet-filtering-firewalls/',
  ],
  yieldsTo: ['FW122', 'FW411'],
  examples: {
    bad: [
      {
        title: 'the policy of FORWARD drops, and no rule lets the LAN out',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the accept names another network',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j SNAT --to-source 203.0.113.1
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 10.0.8.0/24 -i tun0 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rule refuses all that is passed on',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 172.16.0.0/12 -o ppp0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i ppp0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp-admin-prohibited
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'FORWARD lets the network out',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a part of it gets out',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.10/32 -o eth0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no source is named: the machine’s own packets leave so, too',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o tun0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`,
      },
      {
        title: 'what the machine itself sends',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.0.0.2/32 -p tcp -m tcp --dport 22 -j REDIRECT --to-ports 2222
-A POSTROUTING -s 10.0.0.2/32 -o eth0 -j SNAT --to-source 203.0.113.1
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 2222 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (!view.table('filter')) continue;
      const told = new Set<string>();
      for (const rule of sourceNatRules(view)) {
        const { src, dst } = rule.base;
        // With a destination it is about those who ask for a published service from inside.
        if (!src || src.negated || (dst && !dst.negated) || view.writer(rule)) continue;
        const network = networkTextShort(src.value);
        if (told.has(network) || isForItself(context, view, rule)) continue;
        const all = context.packets(view);
        if (comingTo(all, rule, 'to') !== all.space.none) continue;
        const walk = walkRefused(context, view, rule);
        const refuser = walk && deciderOf(view, walk);
        if (!walk?.decidedBy) continue;
        told.add(network);
        yield {
          at: { kind: 'rule', view, rule },
          message: `This rule translates what ${network} sends, and FORWARD lets none of it out`,
          caption: 'no such packet comes here',
          what: 'hosts behind this machine open no connection by this way, whatever this rule does',
          why: 'packets that are passed on go PREROUTING, FORWARD, POSTROUTING: what FORWARD refuses is never translated',
          openedBy: [walk.decidedBy],
          ...(refuser?.kind === 'rule' ? { related: [{ message: 'refuses them', at: refuser }] } : {}),
          help: [
            `accept -s ${network} in FORWARD, and -m conntrack --ctstate RELATED,ESTABLISHED for the answers; or let the rule go`,
          ],
          witness: walk,
          group: `FW125 ${view.family}`,
        };
      }
    }
  },
});

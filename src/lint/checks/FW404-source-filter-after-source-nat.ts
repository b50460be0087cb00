import type { Rule } from '../../model/ruleset.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { interfaceNames } from '../sides.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import { translatorOf } from './support/published.ts';
import { comingBy, fromUnnamed, hidingBy, translatedOpeners, walkOf } from './support/roads.ts';
import { destinationNatRules, sourceNatRules } from './support/rules-at.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** Packets to public addresses that a port forward names: the server is not on the side of those who ask for them. */
function publishedAddresses(all: AllPackets): PacketSet {
  const named = destinationNatRules(all.view).filter(({ base: { dst } }) => dst && !dst.negated);
  return all.space.union(
    named.flatMap(({ base: { dst } }) =>
      dst && isPublicAddress(dst.value.address) ? [all.describe((s) => s.network('dst', dst.value)).may] : [],
    ),
  );
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const all = context.packets(view);
  const { space } = all;
  const { dst } = rule.base;
  for (const from of strangersInterfaces(context, view.family)) {
    // Back out by where it came in: without source NAT the answers would not come this way.
    const elsewhere = interfaceNames(context.machine, context.views).filter(
      (name) => name !== from.name && name !== 'lo',
    );
    const { hidden, plain, other } = hidingBy(
      context,
      all,
      rule,
      elsewhere.length > 0 ? elsewhere : undefined,
    );
    // Who names the server says himself where it is. Else all ways hide the visitors, and none leads back to them.
    const away = space.or(space.not(other), publishedAddresses(all));
    const sure = dst && !dst.negated ? hidden : space.and(space.diff(hidden, plain), away);
    const strangers = space.and(fromUnnamed(all), comingBy(context, all, from.name));
    const visitors = space.and(space.and(sure, translatedOpeners(all)), strangers);
    const walk = walkOf(
      context,
      all,
      visitors,
      'to',
      (w) =>
        w.fate === 'forward' &&
        w.matched(rule) &&
        leftBy(w) !== from.name &&
        natEvents(w, 'source').length > 0 &&
        translatorOf(view, w) !== undefined,
      { inferences: from.inferences, byAnyWay: true },
    );
    const forward = walk && translatorOf(view, walk);
    if (!walk || !forward) continue;
    const [service] = servicesOf(view, forward);
    return {
      at: { kind: 'rule', view, rule },
      message: `Visitors of ${service ? serviceText(service) : 'a published port'} reach the server under this machine's address: it cannot tell them apart`,
      underline: '-j',
      caption: 'hides the visitors',
      what: 'bans, limits and allowances by address on the server hit everybody or nobody, and its log shows one visitor',
      why: 'this source NAT is asked after the port forward, and its conditions hold for visitors as well as for hosts inside',
      related: [{ message: 'the port forward that they come by', at: { kind: 'rule', view, rule: forward } }],
      help: [
        'limit it to those who need it: -s and the network inside, whose hosts ask for the public address',
      ],
      witness: walk,
      group: `${view.family} ${from.name}`,
    };
  }
  return undefined;
}

/** Source NAT for a published server that hides its visitors. */
export const sourceFilterAfterSourceNat = defineCheck({
  code: 'FW404',
  name: 'source-filter-after-source-nat',
  title: 'A published server that sees one visitor for all',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  probation: 'its findings on real dumps are of one ruleset alone',
  since: '0.1.0',
  reports:
    'A rule of nat POSTROUTING for a published server, made so that hosts inside reach it by its public address, also takes visitors from outside. They come to the server under the address of this machine: one is shown.',
  rationale:
    'Whoever filters, bans or limits by address on the server filters this machine. A mail server that trusts its own network relays for the world; fail2ban locks out everybody with the first offender.',
  decision:
    'All that strangers send and a port forward translates is pushed through the rules. It is reported if some of it passes, leaves by another interface than it came in by, and gets another source there by a rule that names its way out or its destination. Where nothing says which interface leads to the server, and the rule does not name the server, every interface that is named has to be one at which visitors are hidden, and they may not leave by the one that they came in by, unless the forward names a public address. One such packet is walked. A rule that names neither is FW403.',
  exceptions:
    'A server whose way back does not lead through this machine: then the visitors have to be hidden.',
  references: ['man iptables-extensions(8), SNAT'],
  yieldsTo: ['FW403'],
  examples: {
    bad: [
      {
        title: 'a mail server whose trusted router is everybody',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.10:25
-A POSTROUTING -d 192.168.1.10/32 -p tcp -m tcp --dport 25 -j SNAT --to-source 192.168.1.1
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 25 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'MASQUERADE into the LAN',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -o eth0 -j MASQUERADE
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'one rule for all servers',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i ppp0 -p tcp -m tcp --dport 22 -j DNAT --to-destination 10.0.0.22
-A POSTROUTING -d 10.0.0.0/24 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/24 -o ppp0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'only hosts inside are hidden',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.10:25
-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10/32 -p tcp -m tcp --dport 25 -j SNAT --to-source 192.168.1.1
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 25 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nobody is let through',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.10:25
-A POSTROUTING -d 192.168.1.10/32 -p tcp -m tcp --dport 25 -j SNAT --to-source 192.168.1.1
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`,
      },
      {
        title: 'two ways out are hidden, and the server is at neither',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -o eth0 -j MASQUERADE
-A POSTROUTING -o eth2 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A FORWARD -i br0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'source NAT on the way out alone',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of sourceNatRules(view)) {
        const { outInterface, dst } = rule.base;
        const scoped = (outInterface && !outInterface.negated) || (dst && !dst.negated);
        const found = scoped && !view.writer(rule) ? judge(context, view, rule) : undefined;
        if (found) yield found;
      }
    }
  },
});

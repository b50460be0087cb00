import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import { destinationNatRules, sourceNatRules } from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** Published ports that are looked at. */
const dnatMax = 24;

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const { family } = view;
  for (const from of strangersInterfaces(context, family)) {
    const src = context.remoteAddress(family);
    const local = context.localAddress(family, from.name);
    for (const dnat of destinationNatRules(view).slice(0, dnatMax)) {
      const given = {
        inInterface: from.name,
        src: src.address,
        ...(dnat.base.dst ? {} : { dst: local.address }),
      };
      for (const sketch of context.packetsOf(view, dnat, given)) {
        const walk = sendByAnyWay(context, sketch, sendOptions(src, local, sideOf(from))).find(
          (w) =>
            w.fate === 'forward' && w.matched(dnat) && w.matched(rule) && natEvents(w, 'source').length > 0,
        );
        // A mark that a rule asks for is none that came by the wire.
        if (sketch.mark) continue;
        // Back out by where it came in: without source NAT the answers would not come this way.
        if (!walk || leftBy(walk) === from.name) continue;
        const [service] = servicesOf(view, dnat);
        return {
          at: { kind: 'rule', view, rule },
          message: `Visitors of ${service ? serviceText(service) : 'a published port'} reach the server under this machine's address: it cannot tell them apart`,
          underline: '-j',
          caption: 'hides the visitors',
          what: 'bans, limits and allowances by address on the server hit everybody or nobody, and its log shows one visitor',
          why: 'this source NAT is asked after the port forward, and its conditions hold for visitors as well as for hosts inside',
          related: [
            { message: 'the port forward that they come by', at: { kind: 'rule', view, rule: dnat } },
          ],
          help: [
            'limit it to those who need it: -s and the network inside, whose hosts ask for the public address',
          ],
          witness: walk,
          group: `${family} ${from.name}`,
        };
      }
    }
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
  probation: 'where nothing says which interface leads to the server, it believes any that source NAT names',
  since: '0.1.0',
  reports:
    'A rule of nat POSTROUTING for a published server, made so that hosts inside reach it by its public address, also takes visitors from outside. They come to the server under the address of this machine: one is shown.',
  rationale:
    'Whoever filters, bans or limits by address on the server filters this machine. A mail server that trusts its own network relays for the world; fail2ban locks out everybody with the first offender.',
  decision:
    'A connection of a stranger is walked by every port forward. It is reported if it is accepted, gets another source by a rule that names its way out or its destination, and leaves by another interface than it came in by. A rule that names neither is FW403.',
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

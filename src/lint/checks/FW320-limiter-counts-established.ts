import { atEntry } from '../../analysis/fates.ts';
import { tcpFlagBits } from '../../net/tcp-flags.ts';
import { maskInUse } from '../../packetset/valid.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import { limiterOf } from './support/limiters.ts';
import { knobOf } from './support/openness.ts';
import { denies } from './support/rules-at.ts';

/** Packets in a second that any transfer exceeds. */
const perSecondMax = 200;

/** A limit for connections that counts packets. */
export const limiterCountsEstablished = defineCheck({
  code: 'FW320',
  name: 'limiter-counts-established',
  title: 'A limit on connections counts every packet of them',
  severity: 'warning',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rate that is low enough for connections is asked of every TCP packet, those of established connections included. A download trips it.',
  rationale:
    'Ten new connections a second are many, ten packets a second are a few kilobytes. Placed above the rule for ESTABLISHED, without a state or a SYN of its own, the limit refuses the middle of transfers that were welcome.',
  decision:
    'For each rule with a rate in packets below 200 a second that refuses, or lets pass what is then refused, the packets of established TCP connections that come to it are worked out. It is reported if there are any that it describes, from outside.',
  exceptions: 'Traffic that is meant to be slow. Rates in bytes are not looked at, nor are UDP and ICMP.',
  references: ['https://github.com/jawj/IKEv2-setup/pull/64'],
  examples: {
    bad: [
      {
        title: 'above the rule for established connections',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 443 -m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name web -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no rule for established connections',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m hashlimit --hashlimit-above 5/min --hashlimit-mode srcip --hashlimit-name ssh -j DROP
COMMIT
`,
      },
      {
        title: 'on the way through',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -p tcp -m hashlimit --hashlimit-above 50/sec --hashlimit-mode srcip --hashlimit-name all -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'below it, and of new connections',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name web -j DROP
COMMIT
`,
      },
      {
        title: 'packets that open a connection',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 443 --tcp-flags FIN,SYN,RST,ACK SYN -m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name web -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rate that transfers do not reach',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m hashlimit --hashlimit-above 5000/sec --hashlimit-mode srcip --hashlimit-name flood -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views)
      for (const rule of view.rules()) {
        const limiter = limiterOf(view, rule);
        if (!limiter?.packets || !limiter.above || !denies(rule)) continue;
        if ((limiter.perSecond ?? perSecondMax) >= perSecondMax) continue;
        const all = context.packets(view);
        const { space } = all;
        const road = all.road('to');
        const taken = space.union(
          road.visits
            .filter((visit) => visit.table === rule.table && visit.hook !== 'PREROUTING')
            .map((visit) => space.may(atEntry(all.analysis.vocabulary, visit.taking(rule), road))),
        );
        // Where no rule asks for states, nothing is tracked.
        if (!space.codec.fields.has('ctState')) continue;
        const mask = maskInUse(space.codec, 'tcpFlags');
        const { ACK, SYN } = tcpFlagBits;
        const some = space.and(space.interval('protocol', 6, 6), space.named('ctState', 'ESTABLISHED'));
        // Data has an ACK and no SYN.
        const data =
          mask === 0 ? some : space.and(some, space.bits('tcpFlags', ACK & mask, (ACK | SYN) & mask));
        if (!space.isDecided(taken) || space.disjoint(taken, data)) continue;
        const at = { kind: 'rule', view, rule } as const;
        yield {
          at,
          message: `Rule ${rule.index + 1} of ${rule.chain} counts every packet of a connection, so a transfer exceeds its rate`,
          underline: limiter.match,
          caption: 'data counts as well',
          why: 'packets of established connections come to it, and it asks for no state and no SYN',
          help: [knobOf(view, at) ?? 'ask for first packets: -m conntrack --ctstate NEW, or --syn'],
        };
      }
  },
});

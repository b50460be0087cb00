import { tcpFlag } from '../../model/packet.ts';
import { protocolName } from '../../net/protocols.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import { isRefused, limiterOf, walksOfLimiter } from './support/limiters.ts';
import { deciderText } from './support/openness.ts';
import { isReflector } from './support/reflectors.ts';

/** A rate that is hardly ever reached. */
const perSecondMax = 500;

/** One rate for all senders, in front of a service. */
export const rateLimitSharedBucket = defineCheck({
  code: 'FW317',
  name: 'rate-limit-shared-bucket',
  title: 'One limit for all senders: one of them closes the service for everybody',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'New connections to a service pass only while a rate is kept that all senders share. One sender who exceeds it keeps everybody else out; the finding shows a packet that is refused then.',
  rationale:
    '`-m limit` has one bucket for the rule. Whoever hammers the port empties it and keeps it empty, and the others are refused with him: the rule that was to soften an attack completes it. `hashlimit` keeps a bucket for each source.',
  decision:
    'An ordinary first packet of TCP or UDP that the rule describes is walked twice, with the rate kept and with the rate exceeded. It is reported if the first is accepted and the second refused, and the count knows no source (`limit`, `hashlimit` without srcip, `connlimit` over all addresses). ICMP and LOG have no such finding; nor have rates of 500 a second or more, and rules for one network.',
  exceptions:
    'Rules that a program writes, and caps on services of UDP that answer with more than they are sent (DNS, NTP), are passed over. A cap that protects something scarce, on purpose: better no more than ten logins a minute than a machine that stands still.',
  references: [
    'https://www.cyberciti.biz/tips/howto-limit-linux-syn-attacks.html',
    'man iptables-extensions(8), hashlimit',
  ],
  examples: {
    bad: [
      {
        title: 'the recipe that everybody copied',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 25/min --limit-burst 100 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a chain against floods that all connections go through',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:flood - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j flood
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A flood -m limit --limit 1/sec --limit-burst 4 -j RETURN
-A flood -j DROP
COMMIT
`,
      },
      {
        title: 'a hashlimit that counts by destination alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m hashlimit --hashlimit-above 20/sec --hashlimit-mode dstip --hashlimit-name web -j DROP
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a bucket for each source',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m hashlimit --hashlimit-above 20/sec --hashlimit-burst 60 --hashlimit-mode srcip --hashlimit-srcmask 32 --hashlimit-name web -j DROP
-A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 100 --connlimit-mask 32 --connlimit-saddr -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'echo requests and a log',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 5/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 3/min -j LOG --log-prefix "ssh: "
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'beyond the limit another rule accepts as well',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -m limit --limit 10/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views)
      for (const rule of view.rules()) {
        const limiter = limiterOf(view, rule);
        if (!limiter || limiter.sourceBits !== undefined || view.writer(rule)) continue;
        if ((limiter.perSecond ?? 0) >= perSecondMax) continue;
        const { src } = rule.base;
        if (src && !src.negated) continue;
        for (const { within, beyond } of walksOfLimiter(context, view, rule, limiter)) {
          const { protocol, dport, state } = beyond.sketch;
          if ((protocol !== 6 && protocol !== 17) || (state !== undefined && state !== 'NEW')) continue;
          const flags = beyond.sketch.tcpFlags;
          // A cap on what this machine sends to those whose addresses others forge.
          if (protocol === 17 && isReflector(dport)) continue;
          if (protocol === 6 && flags !== undefined && flags !== tcpFlag.SYN) continue;
          if (!within.accepted || !isRefused(beyond)) continue;
          const at = { kind: 'rule', view, rule } as const;
          const service = `${protocolName(protocol)}/${dport ?? 80}`;
          yield {
            at,
            message: `All who connect to ${service} share one limit: whoever exceeds it keeps everybody else out`,
            underline: limiter.match,
            caption: 'one count for all senders',
            why: `beyond the rate ${deciderText(beyond)} refuses, whoever has used it up`,
            help: [
              'a count for each source: -m hashlimit --hashlimit-above RATE --hashlimit-mode srcip --hashlimit-name NAME -j DROP, and accept the rest',
            ],
            witness: beyond,
          };
          break;
        }
      }
  },
});

import { tcpFlag } from '../../model/packet.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { accepts, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { servicesOf } from './support/services.ts';
import { acceptsState, stateOf } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

function judge(context: CheckContext, view: RulesetView): FindingDraft | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  if (!from) return undefined;
  const src = context.remoteAddress(family);
  const dst = context.localAddress(family, from.name);
  for (const rule of rulesAt(view, 'INPUT')) {
    if (!accepts(rule) || !acceptsState(view, rule, 'NEW') || acceptsState(view, rule, 'ESTABLISHED'))
      continue;
    const service = servicesOf(view, rule).find((s) => s.protocol === 6);
    if (!service || view.writer(rule)) continue;
    const walk = context.send(
      {
        inInterface: from.name,
        src: src.address,
        dst: dst.address,
        protocol: 6,
        dport: service.port,
        tcpFlags: tcpFlag.ACK,
      },
      sendOptions(src, dst, sideOf(from)),
    );
    if (!walk.accepted || !walk.matched(rule)) continue;
    return {
      at: { kind: 'rule', view, rule },
      message: 'NEW is not SYN: a TCP packet from the middle of nothing is accepted as a new connection',
      underline: stateOf(view, rule)?.option ?? '-j',
      caption: 'an ACK will do',
      why: 'conntrack picks up connections in the middle, so that they live through a restart of the firewall; NEW says only that it has no entry yet',
      help: [
        'above it: -p tcp ! --syn -m conntrack --ctstate NEW -j DROP',
        'or for the whole machine: sysctl net.netfilter.nf_conntrack_tcp_loose=0',
      ],
      witness: walk,
      group: family,
    };
  }
  return undefined;
}

/** New connections that begin without SYN. */
export const newNotSynAccepted = defineCheck({
  code: 'FW504',
  name: 'new-not-syn-accepted',
  title: 'TCP packets without SYN are accepted as new connections',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of INPUT accepts TCP by the state NEW, and a packet with ACK alone, of a connection that nobody opened, passes it: it is shown.',
  rationale:
    'NEW means that conntrack knew of no connection, not that one is opened. Scans with odd flags pass rules for NEW, make entries, and are answered by the host with a reset.',
  decision:
    'A TCP packet with ACK, and no entry, is walked to the first service that INPUT accepts by NEW. Rules above that drop such packets, INVALID for want of `nf_conntrack_tcp_loose`, and flags in the rule itself are seen by what they do. Rules that accept without a state are not reported.',
  exceptions: 'Pairs of firewalls that take over from each other need it.',
  references: ['net/netfilter/nf_conntrack_proto_tcp.c tcp_new()', 'sysctl nf_conntrack_tcp_loose'],
  examples: {
    bad: [
      {
        title: 'NEW without a look at the flags',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'INVALID does not include it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the older words',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m state --state NEW -m tcp --dport 25 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what is NEW without SYN is dropped first',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the rule asks for SYN itself',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the kernel is strict',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
        context: `net.netfilter.nf_conntrack_tcp_loose = 0
`,
      },
    ],
  },
  *run(context) {
    const sysctls = context.read.facts.sysctls?.value;
    if (sysctls?.['net.netfilter.nf_conntrack_tcp_loose'] === '0') return;
    for (const view of context.views) {
      const found = judge(context, view);
      if (found) yield found;
    }
  },
});

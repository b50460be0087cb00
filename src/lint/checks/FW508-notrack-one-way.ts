import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { sendAnswer } from './support/conversations.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { notrackRules } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

function judge(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  all: readonly Rule[],
): FindingDraft | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  if (!from) return undefined;
  const inbound = view.hooks('raw', rule.chain).includes('PREROUTING');
  const remote = context.remoteAddress(family);
  const local = context.localAddress(family, from.name);
  const [src, dst] = inbound ? [remote, local] : [local, remote];
  const given = {
    ...(rule.base.src ? {} : { src: src.address }),
    ...(rule.base.dst ? {} : { dst: dst.address }),
    ...(inbound ? { inInterface: from.name } : { outInterface: from.name }),
  };
  const options = sendOptions(src, dst, sideOf(from));
  for (const sketch of context.packetsOf(view, rule, given)) {
    // The packet of a question; what a rule takes by its source port are the answers.
    if ((sketch.sport ?? 40_000) < 1024) continue;
    const there = context.send(sketch, options);
    if (!there.accepted || !there.matched(rule)) continue;
    const back = sendAnswer(context, there);
    if (!back || back.fate === 'undecided' || all.some((r) => back.matched(r))) continue;
    return {
      at: { kind: 'rule', view, rule },
      message: 'Questions are not tracked, and their answers are: conntrack takes the answer for a beginning',
      caption: 'one direction alone',
      what: 'answers of TCP are INVALID, those of UDP make an entry of their own; rules for ESTABLISHED match neither',
      why: 'a connection is known by its first packet; this one was kept from conntrack, the second one is not',
      help: [
        `the same for the answers: iptables -t raw -A ${inbound ? 'OUTPUT' : 'PREROUTING'} with source and destination exchanged -j CT --notrack`,
      ],
      witness: there,
    };
  }
  return undefined;
}

/** Connections of which conntrack sees one half. */
export const notrackOneWay = defineCheck({
  code: 'FW508',
  name: 'notrack-one-way',
  title: 'Only one direction is taken out of connection tracking',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of table raw keeps questions from connection tracking, and nothing keeps the answers from it. A question is shown that gets through untracked and whose answer is tracked.',
  rationale:
    'To be spared the work, both directions have to be left out. Else each answer makes an entry that nobody needs, or is INVALID and dropped by the first rule that refuses such packets.',
  decision:
    'An ordinary packet that the rule describes is walked; it has to match and be accepted. Its answer is sent the other way and has to match no rule that takes packets out of tracking. Packets that SYNPROXY takes are none, and rules for answers (by a source port below 1024) are looked at from the question.',
  exceptions: 'Packets that need no answer.',
  references: ['man iptables-extensions(8), CT'],
  examples: {
    bad: [
      {
        title: 'a name server: the questions alone',
        rules: `*raw
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a web server',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j NOTRACK
COMMIT
`,
      },
      {
        title: 'what this machine asks itself',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -m udp --dport 123 -j CT --notrack
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'both directions',
        rules: `*raw
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -p udp -m udp --sport 53 -m conntrack --ctstate UNTRACKED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'SYNPROXY answers for the server',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
-A INPUT -m conntrack --ctstate INVALID -j DROP
COMMIT
`,
      },
      {
        title: 'what is dropped needs no answer',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 1900 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const all = notrackRules(view);
      for (const rule of all) {
        if (view.owner(rule.table, rule.chain)) continue;
        const found = judge(context, view, rule, all);
        if (found) yield found;
      }
    }
  },
});

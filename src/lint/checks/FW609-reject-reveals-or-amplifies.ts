import { conntrack, ctStateWords } from '../../extensions/matches/conntrack.ts';
import { state } from '../../extensions/matches/state.ts';
import { REJECT } from '../../extensions/targets/REJECT.ts';
import { tcpFlag } from '../../model/packet.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { admitsInterface } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { strangersInterfaces } from './support/strangers.ts';

const invalidBit = 1 << ctStateWords.indexOf('INVALID');

/** Whether the rule is for packets of the state INVALID and no other. */
function isForInvalid(view: RulesetView, rule: Rule): boolean {
  const states = view.find(rule, conntrack)?.state ?? view.find(rule, state);
  return states !== undefined && !states.negated && states.bits === invalidBit;
}

/** A TCP packet of no known connection, such as a late one, that this rule answers with a reset. */
function resetOf(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  for (const from of strangersInterfaces(context, view.family)) {
    if (!admitsInterface(rule, from.name)) continue;
    const src = context.remoteAddress(view.family, from.name);
    const dst = context.localAddress(view.family, from.name);
    const walk = context.send(
      {
        inInterface: from.name,
        src: src.address,
        dst: dst.address,
        protocol: 6,
        sport: 443,
        dport: 40000,
        tcpFlags: tcpFlag.ACK,
        state: 'INVALID',
      },
      sendOptions(src, dst, sideOf(from)),
    );
    if (walk.fate === 'reject' && walk.decidedBy?.kind === 'rule' && walk.decidedBy.id === rule.id)
      return walk;
  }
  return undefined;
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const answer = view.findTarget(rule, REJECT)?.with;
  if (answer === undefined) return undefined;
  if (isForInvalid(view, rule)) {
    return {
      at: { kind: 'rule', view, rule },
      id: 'invalid-rejected',
      confidence: 'proved',
      message: 'Packets of no known connection are answered: a late packet of a good connection can end it',
      caption: 'answers INVALID',
      why: 'INVALID is also what a packet out of order looks like; the answer goes to whoever it names as sender',
      help: ['drop them: -m conntrack --ctstate INVALID -j DROP'],
    };
  }
  const walk = answer === 'tcp-reset' ? resetOf(context, view, rule) : undefined;
  if (!walk) return undefined;
  return {
    at: { kind: 'rule', view, rule },
    id: 'invalid-reset',
    message:
      'Packets of no known connection come down to this rule and are answered by a reset, which ends the connection that they were late for',
    caption: 'resets INVALID too',
    help: ['above it: -m conntrack --ctstate INVALID -j DROP'],
    witness: walk,
  };
}

/** Answers to packets that should have none. */
export const rejectRevealsOrAmplifies = defineCheck({
  code: 'FW609',
  name: 'reject-reveals-or-amplifies',
  title: 'REJECT for packets of no known connection',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A REJECT answers packets in the state INVALID, by its own condition or because nothing drops them above; with a reset, that ends the connection they belong to.',
  rationale:
    'A packet that comes late, or doubled, is INVALID to conntrack. Answered with a reset, it makes its sender give the connection up. The manual of REJECT says to drop such packets instead.',
  decision:
    'A rule with `--ctstate INVALID` alone and `-j REJECT`; or one that rejects with tcp-reset, and a TCP packet of the state INVALID from outside is walked to it. That REJECT answers floods is not reported: the kernel limits ICMP errors by itself (net.ipv4.icmp_ratelimit), and never answers broadcasts.',
  exceptions: 'Networks inside, where a quick answer is worth more than a connection that may break.',
  references: ['man iptables-extensions(8), REJECT', 'net/ipv4/netfilter/nf_reject_ipv4.c nf_send_reset()'],
  examples: {
    bad: [
      {
        title: 'an answer to what nobody asked',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate INVALID -j REJECT --reject-with icmp-port-unreachable
-A INPUT -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'the last rule resets them',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
COMMIT
`,
      },
      {
        title: 'the older spelling',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -p tcp -m state --state INVALID -j REJECT --reject-with tcp-reset
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'dropped first',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -m addrtype --dst-type BROADCAST,MULTICAST -j DROP
-A INPUT -m limit --limit 100/min -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'a reset for new connections only',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 113 -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset
COMMIT
`,
      },
      {
        title: 'an ICMP error is no reset',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const found = view.writer(rule) ? undefined : judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});

import type { Rule, RuleTarget } from '../../model/ruleset.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft } from '../fixes/fix-draft.ts';
import { isRefused, type Limiter, limiterOf, walksOfLimiter } from './support/limiters.ts';
import { withoutMatch } from './support/mends.ts';
import { deciderText, knobOf } from './support/openness.ts';

/** The rule for what is wanted, and behind it one without the rate for the rest. */
function turnedRound(view: RulesetView, rule: Rule, limiter: Limiter): readonly FixDraft[] {
  const chain = view.chain(rule.table, rule.chain);
  if (!chain || rule.target.kind === 'jump' || rule.target.kind === 'goto') return [];
  const verdict = (name: 'ACCEPT' | 'DROP'): RuleTarget => ({ kind: 'verdict', verdict: name });
  // Who exceeds it was accepted, or who keeps to it refused: the rest fares otherwise in either case.
  const [limited, rest] = limiter.above
    ? [verdict('DROP'), verdict('ACCEPT')]
    : [verdict('ACCEPT'), rule.target];
  const next = chain.rules[rule.index + 1];
  return [
    {
      title: `let rule ${rule.index + 1} of ${rule.chain} ${limiter.above ? 'refuse what exceeds its rate, and accept the rest' : 'accept what keeps to its rate, and refuse the rest'} behind it`,
      applicability: 'unsafe',
      view,
      edits: [
        { kind: 'replace', rule, body: changedBody(rule, { target: limited }) },
        { kind: 'insert', chain, before: next, body: withoutMatch(rule, limiter.match, rest) },
      ],
    },
  ];
}

/** A rate that refuses the calm and lets the flood pass. */
export const rateLimitInverted = defineCheck({
  code: 'FW318',
  name: 'rate-limit-inverted',
  title: 'A limit refuses what stays within it and lets the excess pass',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A packet is refused while its rate stays within a limit, and accepted once the limit is exceeded. The finding shows the calm packet that is refused.',
  rationale:
    '`-m limit` matches as long as the rate is not exceeded: with DROP it refuses the first packets of everybody and steps aside when the flood comes. What was meant is the other half: accept within the limit and drop the rest, or match what is above it.',
  decision:
    'An ordinary packet of the rule is walked twice, with the rate kept and with the rate exceeded. It is reported if the first is refused and the second accepted. So `limit -j REJECT` above a DROP, which refuses politely but not too often, is no finding, nor is a limit before LOG or before a RETURN from a chain that drops.',
  exceptions: 'None is known: a rule that only serves those who hammer is hardly ever meant.',
  references: ['man iptables-extensions(8), limit, hashlimit'],
  fixes: [{ kind: 'unsafe', does: 'accepts within the rate and refuses beyond it' }],
  examples: {
    bad: [
      {
        title: 'a limit in front of DROP',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m limit --limit 1/sec --limit-burst 5 -j DROP
COMMIT
`,
      },
      {
        title: 'what is above the rate is accepted',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m hashlimit --hashlimit-above 5/min --hashlimit-mode srcip --hashlimit-name ssh -j ACCEPT
COMMIT
`,
      },
      {
        title: 'connections up to a number are refused',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -p tcp -m tcp --dport 443 -j web
-A web -p tcp -m connlimit --connlimit-upto 20 --connlimit-mask 32 --connlimit-saddr -j REJECT --reject-with tcp-reset
-A web -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what is above the rate is refused',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m hashlimit --hashlimit-above 5/sec --hashlimit-burst 20 --hashlimit-mode srcip --hashlimit-name syn80 -j DROP
COMMIT
`,
      },
      {
        title: 'refused politely, but not too often',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m limit --limit 100/min -j REJECT --reject-with icmp-port-unreachable
-A INPUT -j DROP
COMMIT
`,
      },
      {
        title: 'within the limit back from a chain that drops',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:flood - [0:0]
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j flood
-A flood -m limit --limit 50/sec --limit-burst 100 -j RETURN
-A flood -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views)
      for (const rule of view.rules()) {
        const limiter = limiterOf(view, rule);
        if (!limiter) continue;
        for (const { within, beyond } of walksOfLimiter(context, view, rule, limiter)) {
          if (!isRefused(within) || !beyond.accepted) continue;
          const at = { kind: 'rule', view, rule } as const;
          const matches = limiter.above ? 'what exceeds its rate' : 'what stays within its rate';
          yield {
            at,
            message: `Rule ${rule.index + 1} of ${rule.chain} matches ${matches}, so packets are refused while they come slowly and accepted once they flood`,
            underline: limiter.match,
            caption: limiter.above
              ? 'only those who exceed it pass'
              : 'only those who keep to it are refused',
            why: `within the rate ${deciderText(within)} refuses; beyond it ${deciderText(beyond)} accepts`,
            help: [
              knobOf(view, at) ??
                (limiter.above
                  ? 'refuse what is above: -j DROP here, and accept the rest below'
                  : 'accept within the limit and drop the rest, or -m hashlimit --hashlimit-above RATE --hashlimit-mode srcip -j DROP'),
            ],
            fixes: turnedRound(view, rule, limiter),
            witness: within,
          };
          break;
        }
      }
  },
});

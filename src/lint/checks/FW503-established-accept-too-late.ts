import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { moveRules } from '../fixes/fix-draft.ts';
import { clientPorts, refusedAt } from './support/conversations.ts';
import { nameOfRule } from './support/covered.ts';
import { denies } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { acceptsState, admitsState } from './support/states.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

type Way = 'INPUT' | 'FORWARD';

/** Answers of ordinary services, to ports that clients really have: both ends of the range, so that a few odd ports are no cause. */
const answers = [6, 17].map((protocol) =>
  [clientPorts.low, 40_000, clientPorts.high].map((dport) => ({
    protocol,
    sport: protocol === 6 ? 443 : 53,
    dport,
  })),
);

/** Sends the answers of strangers, by protocol; a protocol counts only if one rule refuses all of its answers. */
function refusedAnswers(context: CheckContext, view: RulesetView, way: Way): readonly Walk[] {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  if (!from) return [];
  const [to] = insideInterfaces(context, family, from.name);
  const src = context.remoteAddress(family);
  const dst =
    way === 'INPUT' ? context.localAddress(family, from.name) : context.remoteAddress(family, to?.name);
  const options = sendOptions(src, dst, sideOf(from));
  const ends = {
    inInterface: from.name,
    src: src.address,
    dst: dst.address,
    ...(way === 'FORWARD' && to ? { outInterface: to.name } : {}),
    state: 'ESTABLISHED',
    direction: 'reply',
  } as const;
  return answers.flatMap((list) => {
    const walks = list.map((answer) => context.send({ ...ends, ...answer }, options));
    const [first] = walks;
    const id = (w: Walk): number | undefined => (w.decidedBy?.kind === 'rule' ? w.decidedBy.id : undefined);
    const all = walks.every(
      (w) => refusedAt(w, way) && id(w) !== undefined && id(w) === id(walks[0] as Walk),
    );
    return first && all ? [first] : [];
  });
}

/** The rule further down that would have let these packets in. */
function meantFor(view: RulesetView, deny: Rule, walk: Walk): Rule | undefined {
  const chain = view.chain(deny.table, deny.chain);
  return chain?.rules.slice(deny.index + 1).find((rule) => {
    const { inInterface, src, dst } = rule.base;
    const named = inInterface && !inInterface.negated && inInterface.value.exact;
    const here = !named || inInterface.value.name === walk.sketch.inInterface;
    return here && !src && !dst && acceptsState(view, rule, 'ESTABLISHED');
  });
}

function* judge(context: CheckContext, view: RulesetView, way: Way): Generator<FindingDraft> {
  const told = new Set<number>();
  for (const walk of refusedAnswers(context, view, way)) {
    const by = walk.decidedBy;
    const deny = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
    // A rule that asks for states, or for odd flags, means what it says.
    if (!deny || told.has(deny.id) || !denies(deny) || !admitsState(view, deny, 'NEW')) continue;
    // A deny for single sources is a ban, or keeps out addresses that nobody has.
    if (view.owner(deny.table, deny.chain) || (deny.base.src && !deny.base.src.negated)) continue;
    const late = meantFor(view, deny, walk);
    if (!late) continue;
    told.add(deny.id);
    yield {
      at: { kind: 'rule', view, rule: late },
      message: `Answers are refused by ${nameOfRule(deny, late)} before this rule accepts them`,
      caption: 'comes too late for them',
      what: `${way === 'INPUT' ? 'this machine' : 'a host behind this machine'} asks, and the answers to its ports are refused`,
      why: 'rules are asked in their order; the deny above does not ask for the state, so it takes answers as well as strangers',
      openedBy: [
        {
          kind: 'rule',
          table: deny.table,
          chain: deny.chain,
          number: deny.index + 1,
          id: deny.id,
          line: deny.line,
        },
      ],
      related: [{ message: 'takes the answers first', at: { kind: 'rule', view, rule: deny } }],
      help: [
        `move this rule above ${nameOfRule(deny, late)}, or let that one ask for -m conntrack --ctstate NEW`,
      ],
      fixes: late.chain === deny.chain ? [moveRules(view, [late], deny)] : [],
      witness: walk,
    };
  }
}

/** Denies that take answers before the rule that would accept them. */
export const establishedAcceptTooLate = defineCheck({
  code: 'FW503',
  name: 'established-accept-too-late',
  title: 'Answers are refused above the rule that would accept them',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts what is ESTABLISHED, and a rule above it refuses the answers that it is for: those of ordinary services, from strangers, to ports that clients have. Such an answer is shown as it is refused.',
  rationale:
    'A deny without a state takes packets of connections that exist as readily as those of strangers. Written for a range of high ports, it takes the answers to everything that the machine asks. What asks a second time over another protocol may then seem to work, slowly.',
  decision:
    'Answers of HTTPS (TCP) and DNS (UDP) come from a stranger to the lowest, a middle and the highest port that Linux gives to clients, to this machine (INPUT) and to a host behind it (FORWARD). All three of a protocol have to be refused by one and the same rule that does not ask for the state; an accept for ESTABLISHED stands below it in its chain. So bans of single hosts and networks, rules for INVALID or odd flags, for single ports and below their rate are not reported: those above an ESTABLISHED rule are mostly meant to cut what is open. The mere place of the rule is FW701.',
  exceptions: 'An emergency brake that is to cut everything, put at the top for a while.',
  references: ['https://github.com/geerlingguy/ansible-role-firewall/issues/72'],
  fixes: [{ kind: 'unsafe', does: 'moves the rule above the one that refuses answers' }],
  examples: {
    bad: [
      {
        title: 'high ports are rejected first',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 1024:65535 -j REJECT --reject-with icmp-port-unreachable
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'all of UDP is dropped, DNS with it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p udp -j DROP
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a gateway that drops what comes from outside, answers included',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -o eth1 -p tcp -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the answers first',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1024:65535 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'bans above are meant to cut what is open',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.66/32 -j DROP
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the deny asks for new connections',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate NEW -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'single ports of services',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m multiport --dports 135,139,445 -j DROP
-A INPUT -p udp -m udp --dport 33434:33523 -j REJECT --reject-with icmp-port-unreachable
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const way of ['INPUT', 'FORWARD'] as const) {
        const stated = view
          .rules()
          .some((rule) => rule.table === 'filter' && acceptsState(view, rule, 'ESTABLISHED'));
        if (stated) yield* judge(context, view, way);
      }
    }
  },
});

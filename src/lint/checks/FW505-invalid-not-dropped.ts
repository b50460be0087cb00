import { ctStateBit } from '../../extensions/matches/conntrack.ts';
import { tcpFlag } from '../../model/packet.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { moveRules } from '../fixes/fix-draft.ts';
import { conditionsOf } from './support/rule-shape.ts';
import { accepts, denies, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { servicesOf } from './support/services.ts';
import { stateOf } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** A rule that drops what is INVALID, whatever else it is. */
function dropsInvalid(view: RulesetView, rule: Rule): boolean {
  const states = stateOf(view, rule);
  const { src, dst, protocol } = rule.base;
  const plain = !src && !dst && !protocol && conditionsOf(rule).length === 1;
  return plain && denies(rule) && states?.bits === ctStateBit('INVALID') && !states.negated;
}

function judge(context: CheckContext, view: RulesetView): FindingDraft | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  const rules = rulesAt(view, 'INPUT');
  const drop = rules.find((rule) => dropsInvalid(view, rule));
  if (!from || !drop || view.owner(drop.table, drop.chain)) return undefined;
  const src = context.remoteAddress(family);
  const dst = context.localAddress(family, from.name);
  for (const rule of rules) {
    if (rule.chain !== drop.chain || rule.index > drop.index || !accepts(rule) || stateOf(view, rule))
      continue;
    const service = servicesOf(view, rule).find((s) => s.protocol === 6);
    if (!service) continue;
    const walk = context.send(
      {
        inInterface: from.name,
        src: src.address,
        dst: dst.address,
        protocol: 6,
        dport: service.port,
        tcpFlags: tcpFlag.SYN | tcpFlag.ACK,
        state: 'INVALID',
      },
      sendOptions(src, dst, sideOf(from)),
    );
    if (!walk.accepted || walk.decidedBy?.kind !== 'rule' || walk.decidedBy.id !== rule.id) continue;
    return {
      at: { kind: 'rule', view, rule: drop },
      message: `INVALID is dropped too late: rule ${rule.index + 1} has accepted such packets before`,
      underline: stateOf(view, drop)?.option ?? '-j',
      caption: 'below what accepts them',
      why: 'a rule that names a port and no state accepts packets of no connection as well',
      related: [{ message: 'accepts them', at: { kind: 'rule', view, rule } }],
      help: [`move this rule above rule ${rule.index + 1}`],
      fixes: [moveRules(view, [drop], rule)],
      witness: walk,
    };
  }
  return undefined;
}

/** Drops of INVALID that stand too low. */
export const invalidNotDropped = defineCheck({
  code: 'FW505',
  name: 'invalid-not-dropped',
  title: 'INVALID packets are accepted above the rule that drops them',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of INPUT drops what is INVALID, and above it a rule accepts a port without asking for the state. An INVALID packet to that port is shown as it is accepted.',
  rationale:
    'Somebody wanted packets of no connection out, and put the rule at the end, where it sees what is dropped anyway.',
  decision:
    'A TCP packet with SYN and ACK, INVALID, is walked from outside to the ports that rules above the drop, in its chain, accept without a state. Rulesets that do not drop INVALID at all are not reported: the host answers such packets with a reset.',
  exceptions: 'Asymmetric routes, on which good packets are INVALID.',
  references: ['man iptables-extensions(8), conntrack'],
  fixes: [{ kind: 'unsafe', does: 'moves the drop above what accepts' }],
  examples: {
    bad: [
      {
        title: 'the web server first',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
COMMIT
`,
      },
      {
        title: 'between the services',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the older words, by interface',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i eth0 -m state --state INVALID -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'INVALID first',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the accept asks for NEW',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
COMMIT
`,
      },
      {
        title: 'nothing is said of INVALID',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const found = judge(context, view);
      if (found) yield found;
    }
  },
});

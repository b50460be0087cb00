import { atEntry } from '../../analysis/fates.ts';
import type { Rule } from '../../model/ruleset.ts';
import { createMeasure } from '../../packetset/measure.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { bodyWith, replaceRule } from '../fixes/fix-draft.ts';
import {
  isGuardedElsewhere,
  opennessOf,
  openShare,
  type Reached,
  strangersMention,
  type Way,
} from './support/openness.ts';
import { accepts } from './support/rules-at.ts';
import { admitsState } from './support/states.ts';

/** Strangers' packets that this rule accepts, if they are nearly all that there are. */
function takesAll(context: CheckContext, view: RulesetView, rule: Rule, way: Way): Reached | undefined {
  const openness = opennessOf(context, view);
  const { all } = openness;
  const { space, analysis } = all;
  const road = all.road('to');
  const hook = way === 'to' ? 'INPUT' : 'FORWARD';
  const taken = space.union(
    road.visits.flatMap((visit) =>
      visit.table === 'filter' && visit.hook === hook
        ? [space.may(atEntry(analysis.vocabulary, visit.taking(rule), road))]
        : [],
    ),
  );
  if (taken === space.none || !space.isDecided(taken)) return undefined;
  const fields = ['src', 'protocol', 'sport', 'dport'] as const;
  const others = [...space.codec.fields.keys()].filter((f) => !fields.some((mine) => mine === f));
  const measure = createMeasure(space, fields);
  const whole = space.forget(space.and(all.openers, space.entryOf(road.entering)), others);
  for (const opening of openness.openings(way)) {
    const set = openness.within(opening, taken);
    if (set === space.none || measure.share(space.forget(set, others), whole) < openShare) continue;
    const reached = openness.reached(way, space.all, { asked: taken, anyPort: true });
    const by = reached?.walk.decidedBy;
    if (reached && by?.kind === 'rule' && by.id === rule.id) return reached;
  }
  return undefined;
}

/** A rule that lets strangers send anything. */
export const acceptAnyAny = defineCheck({
  code: 'FW303',
  name: 'accept-any-any',
  title: 'A rule accepts everything that strangers send',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts new connections from outside whatever their source, protocol and port. The finding shows one that passes.',
  rationale:
    'Such a rule is the end of the list for strangers: everything below it is for nobody. Often it was meant for the answers of connections that inside opened, which a rule for ESTABLISHED is for, or an interface was forgotten.',
  decision:
    'For each accept without a condition on protocol and addresses that no program wrote, the packets that it takes are worked out, behind all rules above it. It is reported if these are nine tenths or more of all that strangers may send, and a packet got through by this rule.',
  exceptions:
    'A router of public networks that is meant to be transparent. An interface that the rules make look like the outside and that is not: name what leads outside in `fwsim.yml`.',
  references: ['Wool: A Quantitative Study of Firewall Configuration Errors, IEEE Computer 37(6), 2004'],
  yieldsTo: ['FW301', 'FW102', 'FW801', 'FW805'],
  mentions: strangersMention,
  fixes: [{ kind: 'suggestion', does: 'lets the rule ask for the state of answers' }],
  examples: {
    bad: [
      {
        title: 'everything from the outer interface is forwarded',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'an accept without conditions, below others',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.0/24 -j DROP
-A INPUT -p tcp -m tcp --dport 25 -j DROP
-A INPUT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'both directions of a gateway, where one was meant',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -i eth0 -o eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
        context: `2: eth0    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
3: eth1    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
`,
      },
    ],
    good: [
      {
        title: 'from inside only, and what belongs to a connection',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the loopback interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a tunnel whose other end is a friend',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i wg0 -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      for (const way of ['to', 'through'] as const) {
        if (way === 'to' && isGuardedElsewhere(context)) continue;
        const hook = way === 'to' ? 'INPUT' : 'FORWARD';
        const rules = view.rules().filter((rule) => {
          const { protocol, src, dst, inInterface } = rule.base;
          if (rule.table !== 'filter' || !accepts(rule) || !admitsState(view, rule, 'NEW')) return false;
          if ((protocol && !protocol.negated) || (src && !src.negated) || (dst && !dst.negated)) return false;
          if (view.writer(rule)) return false;
          if (inInterface?.value.name === 'lo' && !inInterface.negated) return false;
          return view.hooks('filter', rule.chain).includes(hook);
        });
        for (const rule of rules) {
          const reached = takesAll(context, view, rule, way);
          if (!reached) continue;
          const at = { kind: 'rule', view, rule } as const;
          const chain = view.chain('filter', hook);
          const where = way === 'to' ? 'reach this machine' : 'pass through this machine';
          yield {
            at,
            message: `Rule ${rule.index + 1} of ${rule.chain} lets strangers ${where} with anything ${reached.opening.from}`,
            caption: 'no condition keeps anybody out',
            ...(chain ? { covers: [{ kind: 'policy', view, chain } as const] } : {}),
            why: 'it asks for no state of a connection, so it is for first packets as well',
            help: [
              'for answers: -m conntrack --ctstate RELATED,ESTABLISHED; for services: protocol and port of each',
            ],
            fixes: [
              replaceRule(
                view,
                rule,
                bodyWith(rule, '-m conntrack --ctstate RELATED,ESTABLISHED'),
                'suggestion',
              ),
            ],
            witness: reached.walk,
          };
        }
      }
    }
  },
});

import type { Rule } from '../../model/ruleset.ts';
import type { Heading } from '../all-packets.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type Generator,
  type RulesetView,
  type Walk,
} from '../check.ts';
import { decisionOf } from './support/decisions.ts';
import { comingTo, describedAtEntry, ownFilterRules, walkOf } from './support/roads.ts';
import { accepts, denies } from './support/rules-at.ts';

/** A rule is as good as dead where the program's rules take this share of its packets. */
const lostShare = 0.9;

const headingAt = { INPUT: 'to', FORWARD: 'through', OUTPUT: 'out' } as const;

/** Rules before this one, in a built-in chain, that lead into chains of a program. */
function jumpsBefore(view: RulesetView, rule: Rule): readonly Rule[] {
  const chain = view.chain(rule.table, rule.chain);
  if (chain?.hook === undefined) return [];
  return chain.rules
    .slice(0, rule.index)
    .filter(
      ({ target }) =>
        (target.kind === 'jump' || target.kind === 'goto') && view.owner(rule.table, target.chain),
    );
}

/** Whether a program's rules leave this one next to nothing, and decide the other way. */
function isTaken(context: CheckContext, view: RulesetView, rule: Rule): boolean {
  const answers = context.answers(view);
  const mine = accepts(rule) ? 'accept' : 'deny';
  const death = answers.death(rule);
  const loss = death === undefined ? answers.loss(rule) : undefined;
  const takers = death?.kind === 'covered' ? death.cover : (loss?.takers ?? []);
  if (takers.length === 0 || (loss && loss.share < lostShare)) return false;
  return takers.every((part) => {
    const theirs = decisionOf(part.ending);
    return theirs !== undefined && theirs !== mine && view.owner(part.rule.table, part.rule.chain);
  });
}

/** A packet that the rule describes, and that a rule of the program has decided the other way before. */
function walkBefore(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  heading: Heading,
): { readonly walk: Walk; readonly by: Rule; readonly owner: Generator } | undefined {
  const all = context.packets(view);
  const refuses = denies(rule);
  // Those that leave where the rule says, as far as routes tell.
  const described = all.space.and(describedAtEntry(all, rule, heading), comingTo(all, rule));
  const open = refuses ? all.space.and(described, all.accepted(heading).may) : described;
  let found: { readonly by: Rule; readonly owner: Generator } | undefined;
  const walk = walkOf(context, all, open, heading, (w) => {
    const by = w.decidedBy?.kind === 'rule' ? view.ruleById(w.decidedBy.id) : undefined;
    const owner = by && by.table === 'filter' ? view.owner(by.table, by.chain) : undefined;
    if (!by || !owner || w.accepted !== refuses || w.matched(rule)) return false;
    found = { by, owner };
    return true;
  });
  return walk && found ? { walk, ...found } : undefined;
}

/** A refusal of single sources within a chain that Docker writes anew at each start. */
function standsInDocker(view: RulesetView, rule: Rule): boolean {
  const { src, inInterface } = rule.base;
  return (
    rule.table === 'filter' &&
    rule.chain === 'DOCKER' &&
    view.owner('filter', 'DOCKER') !== undefined &&
    denies(rule) &&
    src !== undefined &&
    !src.negated &&
    inInterface === undefined
  );
}

/** A rule of one's own that a program's rules forestall. */
export const userRuleBehindGenerator = defineCheck({
  code: 'FW117',
  name: 'user-rule-behind-generator',
  title: 'A rule of one’s own stands behind rules of a program that decide before it',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule that somebody wrote by hand stands below the jump into chains of Docker, libvirt or another program, and those decide its packets the other way. Or it stands in a chain that the program writes anew. The finding shows a packet that the rule describes and that the program’s rule decided.',
  rationale:
    'Programs put their jumps at the top of the chain when they start. A rule that was appended is asked only about what they leave. The programs have a chain for rules of one’s own (DOCKER-USER), or a setting.',
  decision:
    'For every refusal of named sources in a built-in chain below a jump into a program’s chain: a packet from such a source is let through by the program before the refusal is asked. For every other refusal or accept there: the program’s rules take nine tenths or more of its packets, all the other way. Refusals of sources in Docker’s own chain are reported too.',
  exceptions:
    'A port that is refused to all but those whom the program lets in is written just so: refusals that name no source are reported only where next to nothing is left to them.',
  references: ['https://docs.docker.com/engine/network/packet-filtering-firewalls/'],
  examples: {
    bad: [
      {
        title: 'a source is refused below Docker’s accept',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -s 198.51.100.7/32 -o docker0 -j DROP
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
*nat
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'an accept below libvirt’s reject',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:LIBVIRT_FWI - [0:0]
-A FORWARD -j LIBVIRT_FWI
-A FORWARD -i eth0 -o virbr0 -p tcp -m tcp --dport 22 -j ACCEPT
-A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A LIBVIRT_FWI -o virbr0 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
-A POSTROUTING -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'in the chain of Docker itself',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -s 198.51.100.7/32 -j DROP
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'in DOCKER-USER',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-USER -s 198.51.100.7/32 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
`,
      },
      {
        title: 'above the jump',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -s 198.51.100.7/32 -o docker0 -j DROP
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the rest is refused behind what the program lets in',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i eth0 -j DROP
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (!standsInDocker(view, rule)) continue;
        yield {
          at: { kind: 'rule', view, rule },
          id: 'user-rule-in-generated-chain',
          confidence: 'proved',
          message: 'A rule of one’s own stands in chain DOCKER, which Docker writes anew at its next start',
          caption: 'is gone after a restart of Docker',
          help: ['put it into DOCKER-USER, which Docker leaves alone'],
        };
      }
      for (const { rule, at } of ownFilterRules(view, ['INPUT', 'FORWARD', 'OUTPUT'])) {
        const jumps = jumpsBefore(view, rule);
        if (jumps.length === 0 || (!denies(rule) && !accepts(rule))) continue;
        const { src } = rule.base;
        const bySource = denies(rule) && src !== undefined && !src.negated;
        if (!bySource && !isTaken(context, view, rule)) continue;
        const [hook] = at;
        const heading = headingAt[hook as keyof typeof headingAt];
        const found = walkBefore(context, view, rule, heading);
        if (!found) continue;
        const { walk, by, owner } = found;
        const refuses = denies(rule);
        yield {
          at: { kind: 'rule', view, rule },
          message: `${owner.name} ${refuses ? 'lets' : 'keeps'} these packets ${refuses ? 'through' : 'out'} before rule ${rule.index + 1} of ${rule.chain} is asked`,
          caption: 'stands behind the rules of a program',
          why: `${owner.name} put its jump above this rule, and decides in "${by.chain}"`,
          ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
          related: [{ message: 'decides before', at: { kind: 'rule', view, rule: by } }],
          help: [
            view.chain('filter', 'DOCKER-USER') && heading === 'through'
              ? 'put the rule into DOCKER-USER'
              : `put the rule above the jump, or change ${owner.knob}`,
          ],
          witness: walk,
          group: `${view.family} ${rule.chain} ${owner.name}`,
        };
      }
    }
  },
});

import type { CoverPart } from '../../analysis/cover.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { deleteRules, type FixDraft, moveRules } from '../fixes/fix-draft.ts';
import { coveredRules, namesOfCover, tellCover } from './support/covered.ts';
import { walkPast } from './support/decisions.ts';
import { exactName } from './support/rules-at.ts';
import { admitsState } from './support/states.ts';

/** The rule above the first of those that it should come before, where all of them stand in its chain. */
function movedAbove(view: RulesetView, rule: Rule, against: readonly CoverPart[]): readonly FixDraft[] {
  const takers = against.filter((part) => part.needed).map((part) => part.rule);
  const [first] = [...takers].sort((a, b) => a.index - b.index);
  const here = takers.every((other) => other.table === rule.table && other.chain === rule.chain);
  return first && here ? [moveRules(view, [rule], first)] : [];
}

/** Dead rules whose packets earlier rules decide otherwise. */
export const ruleShadowed = defineCheck({
  code: 'FW201',
  name: 'rule-shadowed',
  title: 'A rule whose packets earlier rules decide otherwise',
  severity: 'error',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Earlier rules take every packet that a rule is for, and at least one of them decides otherwise. The rule never matches. It is an error if the rule is to refuse new connections that are accepted before it, other than by lo.',
  rationale:
    'The first rule that decides ends the matter. A ban below the rule that lets its port in bans nobody, and nothing tells so: the rule is listed, its counter stays at zero.',
  decision:
    'All packets at once are pushed through the rules, in every state of a connection: the rule is dead if none is left when it is asked, on any way into its chain. The rules that are named would be enough to make it so; where several have to come together, the one that takes most stands first. Rates, chance, lists and sets of unknown contents never cover anything. An ESTABLISHED rule above a ban covers no first packet. Nothing is said of a guard against forged loopback addresses, which routing drops before, nor of an accept that a program put into a built-in chain and that rules of your own go before.',
  exceptions:
    'A rule kept for the day on which another is deleted. Chains that a program writes (Docker, ufw, fail2ban …) are left to that program.',
  references: [
    'Al-Shaer, Hamed: Discovery of Policy Anomalies in Distributed Firewalls, INFOCOM 2004',
    'https://github.com/Linuxfabrik/firewallfabrik/issues/136',
  ],
  yieldsTo: ['FW117', 'FW124', 'FW216', 'FW411'],
  fixes: [
    { kind: 'unsafe', does: 'moves the rule above those that take its packets' },
    { kind: 'safe', does: 'deletes the rule' },
  ],
  examples: {
    bad: [
      {
        title: 'a ban below the rule that lets its port in',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
      {
        title: 'two rules that only together leave nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/9 -j DROP
-A INPUT -s 10.128.0.0/9 -p tcp -m multiport --dports 22,80 -j DROP
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'decided in a chain that is called before',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -i eth0 -j services
-A INPUT -s 198.51.100.66/32 -i eth0 -p tcp -m tcp --dport 443 -j REJECT --reject-with tcp-reset
-A services -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the ban first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'what belongs to a connection passes a ban, its first packet does not',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 203.0.113.0/24 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a chain with two callers: by one of them packets come',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -p tcp -j ACCEPT
-A INPUT -j web
-A FORWARD -j web
-A web -p tcp -m tcp --dport 80 -j DROP
COMMIT
`,
      },
      {
        title: 'a limit lets some packets go on',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const covered of coveredRules(context, view)) {
        const { rule, decides, cover, against } = covered;
        const needed = cover.filter((part) => part.needed);
        if (!against.some((part) => part.needed)) continue;
        // What only belongs to connections that were accepted before (ESTABLISHED), or stays within the machine, is no hole.
        const denyLost =
          decides.has('deny') &&
          against.some(
            (part) =>
              part.ending === 'accept' &&
              admitsState(view, part.rule, 'NEW') &&
              exactName(part.rule.base.inInterface) !== 'lo',
          );
        const witness = walkPast(
          context,
          view,
          rule,
          against.map((part) => part.rule),
        );
        const many = needed.length > 1;
        yield {
          ...tellCover(context, view, covered),
          at: { kind: 'rule', view, rule },
          severity: denyLost ? 'error' : 'warning',
          message: `Rule ${rule.index + 1} of ${rule.chain} never matches: ${namesOfCover(needed, rule)} ${
            many ? 'take' : 'takes'
          } all its packets first`,
          caption: denyLost ? 'refuses nobody' : 'no packet is left for it',
          why: `what it is to ${decides.has('deny') ? 'refuse' : 'accept'} is decided before it is asked`,
          help: [`move it above ${namesOfCover(against.slice(0, 1), rule)}; to delete it changes nothing`],
          fixes: [...movedAbove(view, rule, against), deleteRules(view, [rule])],
          ...(witness ? { witness } : {}),
        };
      }
    }
  },
});

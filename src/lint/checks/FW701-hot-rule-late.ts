import type { Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { packetsOf, packetsSeen } from './support/costs.ts';
import { ruleSets } from './support/rule-sets.ts';
import { isDecidedByPacket } from './support/rule-shape.ts';

/** Fewer packets say nothing about what is usual. */
const packetsMin = 100_000;

/** What a move must save of all comparisons in the chain, to be worth telling. */
const savingMin = 0.3;

/** Rules that a rule is moved past at most: each is compared with it by sets. */
const stepsMax = 200;

/** Whether the two rules may change places, and every packet fares the same. */
function mayChangePlaces(context: CheckContext, view: RulesetView, upper: Rule, lower: Rule): boolean {
  const a = upper.target;
  const b = lower.target;
  const same =
    a.kind === 'verdict' && b.kind === 'verdict' && a.verdict === b.verdict && a.verdict !== 'RETURN';
  if (same && isDecidedByPacket(context, view, upper) && isDecidedByPacket(context, view, lower)) return true;
  const both = ruleSets(context, view, [upper, lower]);
  const [above, below] = both?.sets ?? [];
  return above !== undefined && below !== undefined && both?.space.disjoint(above, below) === true;
}

/** How far up the rule can go, and what that saves: comparisons of its packets less those of the rules it passes. */
function bestMove(
  context: CheckContext,
  view: RulesetView,
  chain: Chain,
  rule: Rule,
): { readonly to: number; readonly saved: number } | undefined {
  const own = packetsOf(rule) ?? 0;
  let saved = 0;
  let best: { to: number; saved: number } | undefined;
  for (let i = rule.index - 1; i >= Math.max(0, rule.index - stepsMax); i--) {
    const upper = chain.rules[i];
    if (!upper || !mayChangePlaces(context, view, upper, rule)) break;
    saved += own - (packetsOf(upper) ?? 0);
    if (!best || saved > best.saved) best = { to: i, saved };
  }
  return best;
}

function judge(context: CheckContext, view: RulesetView, chain: Chain): FindingDraft | undefined {
  const seen = packetsSeen(chain);
  if (seen === undefined || seen < packetsMin || chain.rules.length < 2) return undefined;
  const policy = (chain.counters?.packets ?? 0) * chain.rules.length;
  const cost = chain.rules.reduce((sum, rule) => sum + (packetsOf(rule) ?? 0) * (rule.index + 1), policy);
  const hottest = [...chain.rules].sort((a, b) => (packetsOf(b) ?? 0) - (packetsOf(a) ?? 0))[0];
  const { outcome } = hottest ? view.effect(hottest) : { outcome: 'continue' };
  // What does not end the walk costs the same wherever it stands.
  if (!hottest || (outcome !== 'accept' && outcome !== 'drop')) return undefined;
  const move = bestMove(context, view, chain, hottest);
  if (!move || move.saved < cost * savingMin) return undefined;
  const share = Math.round(((packetsOf(hottest) ?? 0) / seen) * 100);
  return {
    at: { kind: 'rule', view, rule: hottest },
    confidence: 'proved',
    message: `Rule ${hottest.index + 1} of ${chain.name} decides ${share} % of the packets: as rule ${move.to + 1} it would save ${Math.round((move.saved / cost) * 100)} % of the comparisons`,
    caption: `can stand at ${move.to + 1}`,
    why: 'the rules that it would pass either match none of its packets or have the same verdict, so that every packet fares the same',
    help: [`move it up: delete it and insert it as rule ${move.to + 1} of ${chain.name}`],
  };
}

/** A rule that most packets come to last. */
export const hotRuleLate = defineCheck({
  code: 'FW701',
  name: 'hot-rule-late',
  title: 'The rule that most packets meet stands far down',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'By the counters, one rule decides most packets of its chain, and it stands below rules that it could be moved above without any packet faring otherwise.',
  rationale:
    'A packet is compared with each rule until one decides. If almost all packets belong to connections that exist, and the rule for them stands last, all of them are compared with everything first.',
  decision:
    'The dump has counters, and the chain has seen 100,000 packets or more. The rule with the most packets may pass a rule above it if both have the same verdict and the packet alone decides them, or if no packet matches both, by exact sets. It is reported if the move saves 30 % of the comparisons or more.',
  exceptions: 'Counters that were reset a short while ago, or at a time that was not usual.',
  references: ['man iptables-save(8), -c'],
  examples: {
    bad: [
      {
        title: 'what belongs to connections, behind every service',
        rules: `*filter
:INPUT DROP [0:0]
[2:120] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[1:60] -A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
[0:0] -A INPUT -p udp -m udp --dport 161 -j ACCEPT
[912333:812345678] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'past a drop of other packets',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
[10:600] -A INPUT -p udp -m udp --dport 137 -j DROP
[20:600] -A INPUT -p udp -m udp --dport 138 -j DROP
[500000:90000000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in a chain of one’s own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
[800003:90000000] -A INPUT -i eth0 -j web
[1:60] -A web -s 198.51.100.1/32 -j ACCEPT
[2:60] -A web -s 198.51.100.2/32 -j ACCEPT
[800000:90000000] -A web -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'first what most packets are',
        rules: `*filter
:INPUT DROP [0:0]
[912333:812345678] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[2:120] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[1:60] -A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
[0:0] -A INPUT -p udp -m udp --dport 161 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a drop that it may not pass',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
[10:600] -A INPUT -s 198.51.100.0/24 -j DROP
[500000:90000000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'too few packets to tell',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
[1:60] -A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
[500:90000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          const found = view.owner(table.name, chain.name) ? undefined : judge(context, view, chain);
          if (found) yield found;
        }
      }
    }
  },
});

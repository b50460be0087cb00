import { type Condition, draftSpace } from '../../expression/draft-space.ts';
import type { MatchUse, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';

/** Whether a condition looks into the packet, behind its headers. */
function isAboutContents(condition: Condition): boolean {
  if (condition.kind !== 'choice' || condition.choice.kind !== 'pure') return false;
  return condition.choice.reads.some((field) => field === 'payload' || field === 'tcpOptions');
}

/** Whether nothing that is modelled of a packet decides this match. */
function isNotModelled(context: CheckContext, view: RulesetView, rule: Rule, use: MatchUse): boolean {
  const extension = context.registry.match(use.extension, view.family);
  // Asked first, since it is cheap: what reads contents says so.
  if (!extension?.needs.includes('payload') || !use.known) return false;
  const space = draftSpace();
  const set = extension.packets(use.data as never, space, {
    family: view.family,
    base: rule.base,
    machine: context.machine,
  });
  const ways = space.ways(set, 16);
  return ways.length > 0 && ways.every((way) => way.some(({ condition }) => isAboutContents(condition)));
}

/** Matches that answer "unknown". */
export const matchNotModelled = defineCheck({
  code: 'FW904',
  name: 'match-not-modelled',
  title: 'A match or target whose answer is not known here',
  severity: 'info',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Rules use an extension that is not known to fwsim, or that decides by something that is not modelled, such as the contents of a packet. It is named once, with the number of rules.',
  rationale:
    'Such a rule may match or not. Nothing is concluded from it: it hides no other rule, and it closes no door. What is said about packets that meet it says so.',
  decision:
    'The match answers neither yes nor no for an ordinary packet, whatever the header says. `fwsim trace --assume rule:TABLE/CHAIN/N=yes` decides it for one packet.',
  exceptions: 'This is a remark on the answer, not on the ruleset.',
  references: ['man iptables-extensions(8)'],
  examples: {
    bad: [
      {
        title: 'a program in the rule',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m u32 --u32 "0>>22&0x3C@ 0>>16=80" -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a match from outside of the kernel',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m geoip --source-country DE -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the contents of packets',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m string --string "BitTorrent" --algo bm -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what the header says is known',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 198.51.100.7/32 -p udp -m udp --sport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a limit is a question of its own, not an unknown match',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p icmp -m limit --limit 5/sec -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the state of the connection',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const byName = new Map<string, Rule[]>();
      for (const rule of view.rules()) {
        for (const use of rule.matches) {
          if (!isNotModelled(context, view, rule, use)) continue;
          const rules = byName.get(use.extension);
          if (rules) rules.push(rule);
          else byName.set(use.extension, [rule]);
        }
      }
      for (const [name, rules] of byName) {
        const [first] = rules;
        if (!first) continue;
        yield {
          at: { kind: 'rule', view, rule: first },
          confidence: 'proved',
          underline: `-m ${name}`,
          message: `What "-m ${name}" looks at is not modelled: ${
            rules.length === 1 ? 'this rule counts' : `${rules.length} rules count`
          } as "may match"`,
          group: name,
        };
      }
    }
  },
});

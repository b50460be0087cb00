import { ruleBody } from '../../link/rule-text.ts';
import type { Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { deleteRules } from '../fixes/fix-draft.ts';
import { isDecidedByPacket } from './support/rule-shape.ts';

/** Whether a rule may change what later rules see of the packet. */
function mayChange(view: RulesetView, rule: Rule, depth = 0): boolean {
  const { outcome, changes } = view.effect(rule);
  if (changes === undefined || (changes.length > 0 && outcome === 'continue')) return true;
  if (outcome !== 'jump') return false;
  const chain = rule.target.kind === 'jump' ? view.chain(rule.table, rule.target.chain) : undefined;
  if (!chain?.declared || depth > 8) return true;
  return chain.rules.some((r) => mayChange(view, r, depth + 1));
}

function* inChain(context: CheckContext, view: RulesetView, chain: Chain): Iterable<FindingDraft> {
  const firsts = new Map<string, Rule>();
  let changedAt = -1;
  for (const rule of chain.rules) {
    const body = ruleBody(rule);
    const first = firsts.get(body);
    if (first === undefined || first.index <= changedAt) firsts.set(body, rule);
    else if (!view.writer(rule) && isDecidedByPacket(context, view, rule)) yield* repeated(view, first, rule);
    if (mayChange(view, rule)) changedAt = rule.index;
  }
}

function* repeated(view: RulesetView, first: Rule, rule: Rule): Iterable<FindingDraft> {
  const { outcome } = view.effect(rule);
  if (outcome === 'unknown') return;
  const number = first.index + 1;
  const decided = outcome !== 'continue' && outcome !== 'jump';
  const doing =
    rule.target.kind === 'none' ? 'counts' : rule.target.kind === 'jump' ? 'visits the chain for' : 'treats';
  yield {
    at: { kind: 'rule', view, rule },
    confidence: 'proved',
    message: decided
      ? `Rule ${rule.index + 1} of ${rule.chain} repeats rule ${number}: its packets are gone when it is asked`
      : `Rule ${rule.index + 1} of ${rule.chain} repeats rule ${number}: it ${doing} the same packets again`,
    underline: `-A ${rule.chain}`,
    caption: `the same as rule ${number}`,
    related: [{ message: 'the first one', at: { kind: 'rule', view, rule: first } }],
    help: [`delete the later one: iptables -t ${rule.table} -D ${rule.chain} ${rule.index + 1}`],
    fixes: [deleteRules(view, [rule])],
    group: `${view.family} ${rule.table} ${rule.chain}`,
    // Without the first one, the second would do the same.
    covers: [{ kind: 'rule', view, rule: first }],
  };
}

/** Rules that stand twice in one chain. */
export const duplicateRule = defineCheck({
  code: 'FW210',
  name: 'duplicate-rule',
  title: 'The same rule twice in one chain',
  severity: 'info',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Two rules of a chain are the same, conditions and target, however they were spelled. The later one does nothing, or does again what the first did.',
  rationale:
    'Scripts that are run twice, and interfaces that add their rules each time they come up, leave such rules behind. They cost time for every packet, and deleting one of them leaves the other in force, which surprises.',
  decision:
    'Both rules print alike as iptables-save prints them. Rules with a rate, a list, a set or a chance in them are not compared: each of them counts for itself. Neither are rules with a target in between that changes the packet, its marks or a set, and rules with a match that is not known here.',
  exceptions:
    'Chains that a program writes (Docker, Kubernetes, fail2ban …) are left to that program. A rule that stands twice on purpose, such as a counter before and after, needs a comment that differs.',
  references: ['https://github.com/community-scripts/ProxmoxVE/issues/2461'],
  yieldsTo: ['FW204'],
  fixes: [{ kind: 'safe', does: 'deletes the later rule' }],
  examples: {
    bad: [
      {
        title: 'a script that ran twice',
        rules: `*nat
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'two spellings of one rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.2.3/8 -p tcp --dport ssh -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -s 10.0.0.0/255.0.0.0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a chain that is visited twice',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bans - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j bans
-A INPUT -p tcp -m multiport --dports 22 -j bans
-A bans -s 198.51.100.66/32 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'one rule is enough',
        rules: `*nat
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'each limit has a bucket of its own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m limit --limit 5/sec -j ACCEPT
-A INPUT -p icmp -m limit --limit 5/sec -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the mark is another one by then',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m mark --mark 0x1 -j ACCEPT
-A PREROUTING -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x1/0xffffffff
-A PREROUTING -m mark --mark 0x1 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two logs that say different things',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -j LOG --log-prefix "outside: "
-A INPUT -i eth0 -j LOG --log-prefix "denied: "
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          if (!view.owner(table.name, chain.name)) yield* inChain(context, view, chain);
        }
      }
    }
  },
});

import type { Chain, Table } from '../../model/ruleset.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';

/** The chains that a chain leads to, itself left out. */
function reachedFrom(view: RulesetView, start: Chain): readonly Chain[] {
  const seen = new Set([start.name]);
  const open = [start];
  const found: Chain[] = [];
  for (let chain = open.pop(); chain; chain = open.pop()) {
    for (const { target } of chain.rules) {
      if (target.kind !== 'jump' && target.kind !== 'goto') continue;
      const next = seen.has(target.chain) ? undefined : view.chain(chain.table, target.chain);
      if (!next) continue;
      seen.add(next.name);
      open.push(next);
      found.push(next);
    }
  }
  return found;
}

/** Chains of the administrator's that a program jumps to as soon as it runs. */
const hungInLater: ReadonlySet<string> = new Set(['DOCKER-USER']);

/** Whether a table is a whole one: files with chains of their own alone are loaded beside others. */
function isWhole(table: Table): boolean {
  return table.chains.some(
    (chain) => chain.hook !== undefined && (chain.rules.length > 0 || chain.offset !== table.offset),
  );
}

function ruleCountText(count: number): string {
  return count === 0
    ? 'it is empty'
    : count === 1
      ? 'its rule is never asked'
      : `its ${count} rules are never asked`;
}

function* inTable(view: RulesetView, table: Table): Iterable<FindingDraft> {
  if (!isWhole(table)) return;
  const unused = table.chains.filter(
    (chain) => chain.hook === undefined && chain.declared && view.hooks(table.name, chain.name).length === 0,
  );
  const explained = new Set<string>();
  const roots = unused.filter((chain) => view.callers(table.name, chain.name).length === 0);
  // What is left after the roots are chains that only lead to each other.
  for (const chain of [...roots, ...unused]) {
    if (explained.has(chain.name)) continue;
    const further = reachedFrom(view, chain).filter((c) => unused.includes(c) && !explained.has(c.name));
    for (const c of [chain, ...further]) explained.add(c.name);
    if (view.owner(table.name, chain.name) || hungInLater.has(chain.name)) continue;
    const others = further.filter((c) => !view.owner(table.name, c.name));
    const also =
      others.length === 0
        ? ''
        : `, and with it ${others
            .slice(0, 3)
            .map((c) => `"${c.name}"`)
            .join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''}`;
    const rules = [chain, ...others].reduce((sum, c) => sum + c.rules.length, 0);
    yield {
      at: { kind: 'chain', view, chain },
      confidence: 'proved',
      message: `No rule leads to chain "${chain.name}"${also}: ${ruleCountText(rules)}`,
      caption: 'nothing jumps here',
      why: 'a chain of your own is visited only by -j or -g from a built-in chain, directly or through others',
      help: [
        rules === 0
          ? `delete it: iptables -t ${table.name} -X ${chain.name}`
          : `add the jump that is missing, or delete it: iptables -t ${table.name} -F ${chain.name}; iptables -t ${table.name} -X ${chain.name}`,
      ],
      fixes: [
        {
          title: `delete chain "${chain.name}"${others.length === 0 ? '' : ` and ${others.length} more`}`,
          applicability: 'safe',
          view,
          edits: [chain, ...others].map((c) => ({ kind: 'delete-chain', chain: c })),
        },
      ],
      group: `${view.family} ${table.name}`,
      covers: others.map((c) => ({ kind: 'chain', view, chain: c })),
    };
  }
}

/** Chains of the user's that no hook leads to. */
export const unusedChain = defineCheck({
  code: 'FW205',
  name: 'unused-chain',
  title: 'A chain that nothing jumps to',
  severity: 'info',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'No rule of a built-in chain leads to this chain, neither directly nor through others. Its rules are never asked.',
  rationale:
    'A chain without a jump to it does nothing, whatever stands in it. Often the jump was lost when rules were flushed and loaded in part, and with it the protection that the chain was written for.',
  decision:
    'Jumps and gotos are followed from every built-in chain of the table, whatever their conditions. A chain that is left is reported, together with those that only it leads to. Files that hold no built-in chain of the table are pieces to be loaded beside others, and are not judged.',
  exceptions:
    'Chains that a program fills or hangs in later. Those of known programs (Docker, Kubernetes, ufw, fail2ban …) are not reported.',
  references: ['man iptables(8), TARGETS'],
  yieldsTo: ['FW124'],
  fixes: [{ kind: 'safe', does: 'deletes the chain, and those that only it leads to' }],
  examples: {
    bad: [
      {
        title: 'the rules of another time',
        rules: `*filter
:INPUT DROP [0:0]
:old_rules - [0:0]
-A INPUT -i lo -j ACCEPT
-A old_rules -s 192.0.2.9/32 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two chains that lead to each other, and nothing to them',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bans - [0:0]
:bans-log - [0:0]
-A INPUT -i lo -j ACCEPT
-A bans -s 198.51.100.66/32 -j bans-log
-A bans-log -j LOG --log-prefix "banned: "
-A bans-log -j DROP
COMMIT
`,
      },
      {
        title: 'a chain of the same name in another table is another chain',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:voip - [0:0]
-A PREROUTING -i eth1 -j voip
-A voip -p udp -m udp --dport 5060 -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:voip - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A voip -p udp -m udp --dport 5060 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the chain is gone',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'reached through another chain, by a goto',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:lan - [0:0]
:lan-ssh - [0:0]
-A INPUT -i eth1 -j lan
-A lan -p tcp -m tcp --dport 22 -g lan-ssh
-A lan-ssh -s 192.168.1.0/24 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'chains that programs keep in store',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:f2b-sshd - [0:0]
:ufw-user-logging-input - [0:0]
-A INPUT -i lo -j ACCEPT
-A f2b-sshd -j RETURN
COMMIT
`,
      },
      {
        title: 'a chain that Docker jumps to once it runs',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A INPUT -i lo -j ACCEPT
-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 5432 -j DROP
COMMIT
`,
      },
      {
        title: 'a piece that is loaded beside other rules',
        rules: `*filter
:bans - [0:0]
-A bans -s 198.51.100.66/32 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) yield* inTable(view, table);
    }
  },
});

import type { Chain } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { deleteRules } from '../fixes/fix-draft.ts';
import { keepsCount } from './support/rule-shape.ts';

/** Chains of the administrator's that a program made for him to fill. */
const keptEmpty: ReadonlySet<string> = new Set(['DOCKER-USER']);

/** Whether every packet comes back out of a chain as it went in, and nothing is written, counted by name or sent. */
function doesNothing(view: RulesetView, chain: Chain, depth = 0): boolean {
  if (!chain.declared || chain.hook !== undefined || depth > 8) return false;
  return chain.rules.every((rule) => {
    const { target } = rule;
    if (target.kind === 'verdict') return target.verdict === 'RETURN' && hasNoEffect(rule.matches);
    if (target.kind !== 'jump' || !hasNoEffect(rule.matches)) return false;
    const next = view.chain(chain.table, target.chain);
    return next !== undefined && doesNothing(view, next, depth + 1);
  });
}

/** Whether being asked leaves no trace in the matches; those that nobody here knows may do anything. */
function hasNoEffect(matches: Chain['rules'][number]['matches']): boolean {
  return matches.every((use) => use.known && !keepsCount.has(use.extension));
}

/** Jumps to chains that return every packet. */
export const jumpToEmptyChain = defineCheck({
  code: 'FW206',
  name: 'jump-to-empty-chain',
  title: 'A jump to a chain that does nothing',
  severity: 'info',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule jumps to a chain without rules, or with rules that only return. Every packet comes back as it went in.',
  rationale:
    'The jump looks like protection and is none: the list of bans was flushed, the script that fills the chain did not run, or a rule was moved elsewhere and its chain forgotten.',
  decision:
    'The chain is declared, and each of its rules returns or jumps to such a chain. Rules without a target count as something that is done, since they count packets; so do matches that keep lists or counts (recent, hashlimit, set, quota …). A goto is not reported: it ends the chain that it stands in.',
  exceptions:
    'Chains that something fills while the machine runs. Those of known programs (fail2ban, ufw, firewalld …) and DOCKER-USER are not reported.',
  references: ['man iptables(8), TARGETS'],
  fixes: [{ kind: 'safe', does: 'deletes the jump' }],
  examples: {
    bad: [
      {
        title: 'a list of bans without a ban',
        rules: `*filter
:INPUT ACCEPT [0:0]
:blocklist - [0:0]
-A INPUT -j blocklist
COMMIT
`,
      },
      {
        title: 'all that the chain does is to return',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:lan - [0:0]
-A INPUT -i eth1 -j lan
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
-A lan -s 192.168.1.0/24 -j RETURN
-A lan -j RETURN
COMMIT
`,
      },
      {
        title: 'an empty chain behind another',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:guests - [0:0]
:guests-allowed - [0:0]
-A FORWARD -i wlan0 -j guests
-A guests -p tcp -j guests-allowed
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a ban is in the list',
        rules: `*filter
:INPUT ACCEPT [0:0]
:blocklist - [0:0]
-A INPUT -j blocklist
-A blocklist -s 203.0.113.66/32 -j DROP
COMMIT
`,
      },
      {
        title: 'chains of programs that wait for rules',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:f2b-sshd - [0:0]
:ufw-user-input - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -j ufw-user-input
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
-A f2b-sshd -j RETURN
COMMIT
`,
      },
      {
        title: 'a chain that counts',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:accounting - [0:0]
-A FORWARD -j accounting
-A accounting -s 192.168.1.10/32
-A accounting -s 192.168.1.11/32
COMMIT
`,
      },
      {
        title: 'a goto to an empty chain ends the chain that it stands in',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
:out - [0:0]
-A INPUT -j services
-A services -s 198.51.100.0/24 -g out
-A services -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (rule.target.kind !== 'jump' || view.writer(rule)) continue;
        const name = rule.target.chain;
        if (view.owner(rule.table, name) || keptEmpty.has(name)) continue;
        const chain = view.chain(rule.table, name);
        if (!chain || !doesNothing(view, chain)) continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: `Chain "${name}" ${chain.rules.length === 0 ? 'is empty' : 'only returns'}: this jump does nothing`,
          caption: 'comes back unchanged',
          related: [{ message: 'the chain', at: { kind: 'chain', view, chain } }],
          help: [`put the rules that are missing into ${name}, or delete the jump`],
          fixes: [deleteRules(view, [rule])],
          group: `${view.family} ${rule.table} ${name}`,
        };
      }
    }
  },
});

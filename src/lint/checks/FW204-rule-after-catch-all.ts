import type { Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { deleteRules, moveRules } from '../fixes/fix-draft.ts';
import { catchAllAt } from './support/covered.ts';
import { type Decision, decisions, walkPast } from './support/decisions.ts';

/** What becomes of everything that a catch-all takes, where that is one thing. */
function decisionOfCatchAll(view: RulesetView, rule: Rule, chain: Chain): Decision | undefined {
  const { outcome } = view.effect(rule);
  if (outcome === 'return' && chain.hook !== undefined) return chain.policy === 'ACCEPT' ? 'accept' : 'deny';
  const [only, ...others] = decisions(view, rule);
  return others.length === 0 ? only : undefined;
}

const doing = {
  accept: 'accepts',
  deny: 'refuses',
  return: 'returns',
  goto: 'sends away',
  other: 'takes',
} as const;

function doingOf(view: RulesetView, rule: Rule, decision: Decision | undefined): string {
  const { outcome } = view.effect(rule);
  if (outcome === 'return') return doing.return;
  if (outcome === 'goto' && decision === undefined) return doing.goto;
  return decision === undefined ? doing.other : doing[decision];
}

function rangeText(rules: readonly Rule[]): string {
  const [first] = rules;
  const last = rules.at(-1);
  if (!first || !last) return '';
  if (rules.length === 1) return `Rule ${first.index + 1}`;
  return `Rules ${first.index + 1} ${rules.length === 2 ? 'and' : 'to'} ${last.index + 1}`;
}

function* inChain(context: CheckContext, view: RulesetView, chain: Chain): Iterable<FindingDraft> {
  const at = catchAllAt(context, view, chain);
  const catchAll = chain.rules[at];
  if (!catchAll || at === chain.rules.length - 1) return;
  const dead = chain.rules.slice(at + 1);
  const decision = decisionOfCatchAll(view, catchAll, chain);
  const against = dead.filter((rule) => {
    const own = decisions(view, rule);
    return decision === undefined ? own.size > 0 : [...own].some((d) => d !== decision);
  });
  const subject = against[0] ?? dead[0];
  if (!subject) return;
  const witness = walkPast(context, view, subject, [catchAll]);
  const number = catchAll.index + 1;
  const where = chain.hook === undefined ? `chain "${chain.name}"` : chain.name;
  const never = dead.length === 1 ? 'never matches' : 'never match';
  const verb = doingOf(view, catchAll, decision);
  const kept = against.length < dead.length && against.length > 0;
  yield {
    at: { kind: 'rule', view, rule: subject },
    severity: against.length > 0 && decision !== undefined ? 'error' : 'warning',
    confidence: 'proved',
    message: `${rangeText(dead)} of ${where} ${never}: rule ${number} ${verb} every packet first`,
    underline: `-A ${chain.name}`,
    caption: 'no packet comes this far',
    why: `rule ${number} has no condition, so nothing passes it; a rule that is appended (-A) lands below it${
      kept ? `; ${against.length} of the ${dead.length} rules below would decide otherwise` : ''
    }`,
    openedBy: [
      { kind: 'rule', table: chain.table, chain: chain.name, number, id: catchAll.id, line: catchAll.line },
    ],
    related: [{ message: `this rule ${verb} everything`, at: { kind: 'rule', view, rule: catchAll } }],
    help: [
      `move ${dead.length === 1 ? 'it' : 'them'} above rule ${number} (iptables -I ${chain.name} ${number} …), or delete ${dead.length === 1 ? 'it' : 'them'}`,
    ],
    fixes: [...(against.length > 0 ? [moveRules(view, dead, catchAll)] : []), deleteRules(view, dead)],
    covers: dead.map((rule) => ({ kind: 'rule', view, rule })),
    ...(witness ? { witness } : {}),
  };
}

/** Rules below a rule that lets nothing pass. */
export const ruleAfterCatchAll = defineCheck({
  code: 'FW204',
  name: 'rule-after-catch-all',
  title: 'A rule below a rule that takes every packet',
  severity: 'error',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule without any condition decides every packet that comes to it, and rules follow in the same chain. They never match. All rules behind one such rule are told as one finding; it is an error if one of them would have decided otherwise.',
  rationale:
    'A chain is read from the top, and the first rule that decides ends it. `iptables -A` appends: behind the DROP or REJECT that many rulesets end with, the new rule has no effect. The port stays closed, or worse, the ban that was appended below an ACCEPT never bans.',
  decision:
    'A rule is a catch-all if it has no condition (a comment is none), or only such as every jump into its chain asks for already, and its target ends the chain: a verdict, REJECT, a translation, RETURN, a goto, or a jump to a chain that lets no packet come back. Rules with a rate limit, a set, or a match that is not known here are never taken for catch-alls. What follows in the calling chains is not concerned.',
  exceptions:
    'Rules that are kept below on purpose, to be moved up by hand in an emergency. Chains that a program writes (Docker, ufw, fail2ban …) are left to that program.',
  references: [
    'https://blogs.oracle.com/developers/post/enabling-network-traffic-to-ubuntu-images-in-oracle-cloud-infrastructure',
    'https://github.com/angristan/wireguard-install/issues/213',
    'man iptables(8), TARGETS',
  ],
  yieldsTo: ['FW117', 'FW124'],
  fixes: [
    { kind: 'unsafe', does: 'moves the rules above the one that takes every packet' },
    { kind: 'safe', does: 'deletes the rules' },
  ],
  examples: {
    bad: [
      {
        title: 'a port opened below the REJECT that ends the chain',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the condition of the catch-all is asked for by the jump already',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:from-lan - [0:0]
-A INPUT -s 192.168.1.0/24 -i eth1 -j from-lan
-A from-lan -i eth1 -m comment --comment "our own people" -j ACCEPT
-A from-lan -s 192.168.1.66/32 -j DROP
COMMIT
`,
      },
      {
        title: 'a jump to a chain that refuses everything lets nothing come back',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:refuse - [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -j refuse
-A FORWARD -i wg0 -o eth0 -j ACCEPT
-A refuse -m limit --limit 5/min -j LOG --log-prefix "refused: "
-A refuse -p tcp -j REJECT --reject-with tcp-reset
-A refuse -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'IPv6, and a RETURN that hands everything to the policy',
        rules: `# Generated by ip6tables-save v1.8.9 (nf_tables)
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -j RETURN
-A INPUT -p ipv6-icmp -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the same rules in the order that was meant',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`,
      },
      {
        title: 'a limit, an address type or a recent list is no catch-all',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m limit --limit 10/sec -j ACCEPT
-A INPUT -m addrtype --dst-type BROADCAST -j DROP
-A INPUT -m recent --update --seconds 60 --name bad --mask 255.255.255.255 --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a catch-all in a chain ends that chain alone, and LOG ends nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ssh
-A INPUT -j LOG --log-prefix "in: "
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A ssh -s 192.168.1.0/24 -j ACCEPT
-A ssh -j DROP
COMMIT
`,
      },
      {
        title: 'a chain that lets some packets come back decides not all',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bans - [0:0]
-A INPUT -j bans
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A bans -s 192.168.1.0/24 -j RETURN
-A bans -j DROP
COMMIT
`,
      },
      {
        title: 'two jumps into one chain, from two interfaces: the condition is not asked for by both',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:inside - [0:0]
-A INPUT -i eth1 -j inside
-A INPUT -i eth2 -j inside
-A inside -i eth1 -j ACCEPT
-A inside -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          if (view.owner(table.name, chain.name)) continue;
          yield* inChain(context, view, chain);
        }
      }
    }
  },
});

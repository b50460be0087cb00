import type { Rule } from '../../model/ruleset.ts';
import { prefixLength } from '../../net/address.ts';
import type { PacketSet } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';
import { nameOfRule } from './support/covered.ts';
import { decisions, walkPast } from './support/decisions.ts';

/** Whether the rule is about certain hosts. */
function namesHosts({ base }: Rule): boolean {
  return [base.src, base.dst].some(
    (side) => side !== undefined && !side.negated && (prefixLength(side.value.mask) ?? 1) > 0,
  );
}

/** Whether a rule accepts a service, or what comes from a network: no loopback, no connection that is known. */
function acceptsService({ base }: Rule): boolean {
  const { inInterface, protocol } = base;
  if (inInterface?.value.name === 'lo' && !inInterface.negated) return false;
  return protocol?.value === 6 || protocol?.value === 17;
}

/**
 * Whether what is accepted first has every pair of ends that the rule refuses. An accept for some of the hosts, or
 * towards some of them, is an exception that somebody made.
 */
function isForAllOf(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  lost: PacketSet,
  taken: PacketSet,
): boolean {
  const { space, rules, openers } = context.packets(view);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'src' && f !== 'dst');
  const ends = (set: PacketSet): PacketSet => space.forget(space.may(set), others);
  const left = rules.visitsOf(rule).map((visit) => space.and(visit.taking(rule), openers));
  return space.implies(ends(space.union([lost, ...left])), ends(taken));
}

/** The rule that accepts most of the first packets that this one is to refuse, with their share of all of those. */
function swallowing(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
): { readonly by: Rule; readonly share: number } | undefined {
  const lost = context.answers(view).lossOfOpeners(rule);
  const by = lost?.takers.find(
    (t) =>
      t.ending === 'accept' &&
      acceptsService(t.rule) &&
      t.firstShare > 0.01 &&
      isForAllOf(context, view, rule, lost.lost, t.takes),
  );
  return lost && by ? { by: by.rule, share: lost.share * by.firstShare } : undefined;
}

/** Refusals that come too late for a part of what they are to refuse. */
export const exceptionPartlySwallowed = defineCheck({
  code: 'FW213',
  name: 'exception-partly-swallowed',
  title: 'A refusal that comes too late for part of its packets',
  severity: 'info',
  confidences: ['proved', 'context'],
  groups: ['strict'],
  state: 'preview',
  probation: 'no real dump has it since accepts for some of the hosts are left out',
  since: '0.1.0',
  reports:
    'A rule refuses packets of certain hosts, and a rule above it has accepted some of them already. What is left of the rule still works, so nobody notices.',
  rationale:
    'A ban that is appended below the rules that let services in bans a host from everything but these services: the very ones that it came for.',
  decision:
    'Only first packets of connections are looked at: answers to connections that are let through pass a ban on purpose. The rule names a source or a destination, it is still live, and a rule for TCP or UDP that stands before it accepts part of what it would refuse, for every pair of source and destination that the rule is for: a service that all of them still have. An accept for some of the hosts alone is an exception that somebody made, and is not reported.',
  exceptions: 'Bans that are meant for all but the public services.',
  references: ['https://github.com/EvilBit-Labs/opnDossier/issues/202'],
  yieldsTo: ['FW201', 'FW204'],
  examples: {
    bad: [
      {
        title: 'one port of two is let in already',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 3306 -j ACCEPT
-A INPUT -s 10.0.9.0/24 -p tcp -m multiport --dports 22,3306 -j DROP
COMMIT
`,
      },
      {
        title: 'a ban below the web',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m multiport --dports 80:9000 -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -j DROP
COMMIT
`,
      },
      {
        title: 'accepted in a chain that is called before',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -j services
-A INPUT -s 203.0.113.0/24 -p udp -m multiport --dports 53,123 -j REJECT --reject-with icmp-port-unreachable
-A services -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'some of the hosts are let through on purpose',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 192.0.2.10/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A FORWARD -s 10.0.9.0/24 -p tcp -j DROP
COMMIT
`,
      },
      {
        title: 'the refusal first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.9.0/24 -p tcp -m multiport --dports 22,3306 -j DROP
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'connections that exist, and the loopback',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a refusal for everybody closes what is left',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (rule.table !== 'filter' || view.owner(rule.table, rule.chain) || !namesHosts(rule)) continue;
        if (view.effect(rule).outcome !== 'drop' || [...decisions(view, rule)].join() !== 'deny') continue;
        const found = swallowing(context, view, rule);
        if (!found) continue;
        const { by, share } = found;
        const name = nameOfRule(by, rule);
        const witness = walkPast(context, view, rule, [by]);
        yield {
          at: { kind: 'rule', view, rule },
          message: `Rule ${rule.index + 1} of ${rule.chain} refuses only part of its packets: ${name} accepts ${Math.max(1, Math.round(share * 100))} % of them first`,
          underline: `-A ${rule.chain}`,
          caption: `too late for what ${name} accepts`,
          openedBy: [
            {
              kind: 'rule',
              table: by.table,
              chain: by.chain,
              number: by.index + 1,
              id: by.id,
              line: by.line,
            },
          ],
          related: [{ message: 'accepts them first', at: { kind: 'rule', view, rule: by } }],
          help: [`move it above ${name}`],
          ...(witness ? { witness } : {}),
        };
      }
    }
  },
});

import type { Rule } from '../../model/ruleset.ts';
import { prefixLength } from '../../net/address.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { accepts, denies, rulesAt } from './support/rules-at.ts';
import { ofRule, sendOptions, sideOf } from './support/sending.ts';
import { servicesOf } from './support/services.ts';
import { acceptsState } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** A rule that bans one address, or a small network. */
function isBan(view: RulesetView, rule: Rule): boolean {
  const { src } = rule.base;
  if (!denies(rule) || !src || src.negated) return false;
  return (prefixLength(src.value.mask) ?? 0) >= (view.family === 'ipv4' ? 24 : 48);
}

function judge(context: CheckContext, view: RulesetView, ban: Rule): FindingDraft | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  const src = ban.base.src?.value.address;
  if (!from || !src) return undefined;
  const dst = context.localAddress(family, from.name);
  const service = servicesOf(view, ban)[0] ?? open(view);
  if (!service) return undefined;
  const packet = {
    inInterface: from.name,
    src,
    dst: dst.address,
    protocol: service.protocol,
    dport: service.port,
  };
  const options = sendOptions(ofRule(src), dst, sideOf(from));
  const first = context.send(packet, options);
  // The ban works for new connections: else it is FW201's, or FW118's.
  if (first.decidedBy?.kind !== 'rule' || first.decidedBy.id !== ban.id) return undefined;
  const later = context.send({ ...packet, state: 'ESTABLISHED', direction: 'original' }, options);
  const by = later.decidedBy;
  const above = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
  if (!later.accepted || !by || !above || !acceptsState(view, above, 'ESTABLISHED')) return undefined;
  return {
    at: { kind: 'rule', view, rule: above },
    message: 'Open connections of banned addresses go on: this rule accepts them before the bans are asked',
    caption: 'above the bans',
    what: 'whoever is banned while connected stays connected, for as long as packets flow',
    why: 'a ban below the rule for ESTABLISHED is asked about first packets alone',
    openedBy: [by],
    related: [{ message: 'a ban that comes too late', at: { kind: 'rule', view, rule: ban } }],
    help: [
      'put the jump to the bans above this rule; or end the connections when banning: conntrack -D -s ADDRESS',
    ],
    witness: later,
    group: `${family} ${above.id}`,
  };
}

/** A service that INPUT accepts, for bans that name none. */
function open(view: RulesetView): ReturnType<typeof servicesOf>[number] | undefined {
  for (const rule of rulesAt(view, 'INPUT'))
    if (accepts(rule)) for (const s of servicesOf(view, rule)) return s;
  return undefined;
}

/** Bans that open connections do not feel. */
export const establishedOutlivesBan = defineCheck({
  code: 'FW510',
  name: 'established-outlives-ban',
  title: 'Open connections of banned addresses go on',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule for ESTABLISHED stands above the bans of single addresses. New connections of these are refused; a packet of an open one is shown as it passes.',
  rationale:
    'A bot that keeps its connection open, or that tries passwords within one, is banned and stays. With keep-alive, one connection is enough for thousands of requests.',
  decision:
    'A ban is a DROP or REJECT for a source of at most 256 addresses (IPv6: a /48), by hand or by a program. It is reported if a first packet of that source is refused by the ban, and a packet of a known connection of the same source is accepted by a rule that asks for ESTABLISHED.',
  exceptions:
    'It saves work to ask for ESTABLISHED first, and many accept the price; programs that end connections themselves when they ban.',
  references: ['https://github.com/fail2ban/fail2ban/issues/732'],
  examples: {
    bad: [
      {
        title: 'the jump to the bans comes second',
        rules: `*filter
:INPUT DROP [0:0]
:f2b-sshd - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A f2b-sshd -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'a ban by hand',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.0/24 -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a list of bans in a chain of its own',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:bans - [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -j bans
-A INPUT -p tcp -m tcp --dport 25 -j ACCEPT
-A bans -s 203.0.113.7/32 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the bans first',
        rules: `*filter
:INPUT DROP [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A f2b-sshd -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
      {
        title: 'nobody is banned',
        rules: `*filter
:INPUT DROP [0:0]
:f2b-sshd - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A f2b-sshd -j RETURN
COMMIT
`,
      },
      {
        title: 'a whole country is no ban of somebody who is connected',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 203.0.0.0/8 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const ban = rulesAt(view, 'INPUT')
        .filter((rule) => isBan(view, rule))
        .slice(0, bansMax);
      const told = new Set<string>();
      for (const rule of ban) {
        const found = judge(context, view, rule);
        if (!found?.group || told.has(found.group)) continue;
        told.add(found.group);
        yield found;
      }
    }
  },
});

/** Bans that are tried: they stand together. */
const bansMax = 16;

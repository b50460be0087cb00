import type { Rule } from '../../model/ruleset.ts';
import type { AllPackets, Heading } from '../all-packets.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { takenBy, walkOf } from './support/roads.ts';
import { accepts } from './support/rules-at.ts';
import { servicesOf, servicesText } from './support/services.ts';

/** Whether the accept keeps packets from a rule that would do something with them: then it is an exception. */
function keepsFromOthers(all: AllPackets, view: RulesetView, rule: Rule): boolean {
  const { space } = all;
  const mine = all.conditions(rule);
  return view.rules().some((other) => {
    if (other === rule || other.table !== rule.table) return false;
    if (other.chain === rule.chain && other.index < rule.index) return false;
    const { outcome, changes } = view.effect(other);
    if (outcome === 'jump' || outcome === 'goto' || outcome === 'return') return false;
    const idle = changes?.length === 0 && (outcome === 'accept' || outcome === 'continue');
    return !idle && !space.disjoint(mine, all.conditions(other));
  });
}

/** An accept that opens nothing. */
export const acceptOutsideFilterIsNoPermit = defineCheck({
  code: 'FW120',
  name: 'accept-outside-filter-is-no-permit',
  title: 'An accept in nat, mangle or raw opens nothing: filter refuses the packets',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts packets in table nat, mangle or raw, as if that let them in, and table filter refuses every one of them. The finding shows one.',
  rationale:
    'ACCEPT ends the way through one table at one hook; the next table is asked all the same, and filter is the one that decides. In nat it says besides that the connection is not translated. A permit has to stand in filter.',
  decision:
    'For every accept of ports or of a source in nat PREROUTING, or in mangle or raw: all packets that open a connection and that it takes are refused afterwards, and no other rule of its table would have done anything with them, so that without the rule nothing would be different.',
  exceptions:
    'An accept that keeps packets from a translation, a mark or a drop further down is an exception of that table, and is not reported.',
  references: ['man iptables(8), TABLES'],
  examples: {
    bad: [
      {
        title: 'ssh, opened in nat',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'web, opened in mangle',
        rules: `*mangle
-A INPUT ! -s 10.0.0.0/8 -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'an office, let through raw',
        rules: `*raw
-A PREROUTING -s 198.51.100.0/28 -p tcp -m tcp --dport 5432 -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'opened in filter',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'an exception from a translation',
        rules: `*nat
-A PREROUTING -s 198.51.100.7/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'an exception from a mark',
        rules: `*mangle
-A PREROUTING -p tcp -m tcp --dport 22 -j ACCEPT
-A PREROUTING -i eth1 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m mark --mark 0x1 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (!view.table('filter')) continue;
      for (const rule of view.rules()) {
        if (!['nat', 'mangle', 'raw'].includes(rule.table) || !accepts(rule)) continue;
        const services = servicesOf(view, rule);
        if (services.length === 0 && !rule.base.src) continue;
        if (view.writer(rule)) continue;
        const hooks = view.hooks(rule.table, rule.chain);
        if (!hooks.every((h) => h === 'PREROUTING' || h === 'INPUT' || h === 'FORWARD')) continue;
        const all = context.packets(view);
        const { space } = all;
        const taken = takenBy(all, rule);
        if (taken === space.none || !space.isDecided(taken)) continue;
        const headings: readonly Heading[] = ['to', 'through'];
        if (headings.some((h) => !space.disjoint(taken, all.accepted(h).may))) continue;
        if (keepsFromOthers(all, view, rule)) continue;
        const refused = (heading: Heading) =>
          walkOf(context, all, taken, heading, (w) => !w.accepted && w.matched(rule));
        const walk = refused('to') ?? refused('through');
        if (!walk) continue;
        const about = services.length > 0 ? servicesText(services) : 'what it describes';
        yield {
          at: { kind: 'rule', view, rule },
          message: `${rule.table} ${rule.chain} accepts ${about}, which opens nothing: table filter refuses it all the same`,
          underline: '-j',
          caption: 'ends the way through this table only',
          why: `after ${rule.table} ${walk.hooks[0] ?? ''} the packet goes on to table filter, which decides`,
          ...(walk.decidedBy
            ? {
                what: `${walk.decidedBy.kind === 'policy' ? `the policy of ${walk.decidedBy.chain}` : `rule ${walk.decidedBy.number} of ${walk.decidedBy.chain}`} refuses these packets`,
                openedBy: [walk.decidedBy],
              }
            : {}),
          help: ['accept the packets in table filter, if they are to come in; this rule can go'],
          witness: walk,
        };
      }
    }
  },
});

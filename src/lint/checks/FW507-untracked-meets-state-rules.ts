import type { Rule } from '../../model/ruleset.ts';
import type { Address } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import type { PacketSpace } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { leftBy, refusedAt } from './support/conversations.ts';
import { accepts, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { admitsState, notrackRules, stateOf } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** Ordinary packets of a NOTRACK rule, as strangers or this machine itself would send them. */
function packetsOf(context: CheckContext, view: RulesetView, rule: Rule): readonly Walk[] {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  const remote = context.remoteAddress(family);
  const inbound = view.hooks('raw', rule.chain).includes('PREROUTING');
  const asked = rule.base.inInterface?.value;
  const name = asked?.exact && !rule.base.inInterface?.negated ? asked.name : from?.name;
  if (name === undefined || name === 'lo') return [];
  const local = context.localAddress(family, name);
  const [src, dst] = inbound ? [remote, local] : [local, remote];
  const given = {
    ...(rule.base.src ? {} : { src: src.address }),
    ...(rule.base.dst ? {} : { dst: dst.address }),
    ...(inbound ? { inInterface: name } : { outInterface: name }),
  };
  const options = [src, dst, ...(from?.name === name ? [sideOf(from)] : [])];
  return context.packetsOf(view, rule, given).map((sketch) => {
    const own = inbound ? sketch.dst : sketch.src;
    const named = inbound ? rule.base.dst : rule.base.src;
    return context.send(sketch, sendOptions(...options, ...(named ? [saidToBeOurs(own, rule)] : [])));
  });
}

/** What this machine takes out of connection tracking is mostly for itself. */
function saidToBeOurs(address: Address, rule: Rule): ReturnType<typeof sideOf> {
  const text = addressText(address);
  return {
    assume: [`local=${text}`],
    inferences: [
      {
        text: `${text} is this machine's (rule raw/${rule.chain}#${rule.index + 1})`,
        settledBy: 'ip -j addr',
      },
    ],
  };
}

/** A rule that would accept this packet if it had a state, and that the packet comes to without one. */
function stateRule(
  context: CheckContext,
  view: RulesetView,
  walk: Walk,
  hook: 'INPUT' | 'FORWARD' | 'OUTPUT',
): Rule | undefined {
  const { inInterface, src, dst, protocol, sport, dport } = walk.sketch;
  const out = leftBy(walk);
  const given = { inInterface, src, dst, protocol, sport, dport, ...(out ? { outInterface: out } : {}) };
  return rulesAt(view, hook).find((rule) => {
    if (!accepts(rule) || !stateOf(view, rule)) return false;
    if (admitsState(view, rule, 'UNTRACKED')) return false;
    // What belongs to a connection is waited for only where the connection could begin.
    const wanted =
      admitsState(view, rule, 'NEW') || (admitsState(view, rule, 'ESTABLISHED') && isAnswer(context, walk));
    return wanted && context.packetsOf(view, rule, given).length > 0 && isAsked(context, view, rule, given);
  });
}

/** Whether the packet would answer one that gets through, tracked or not. */
function isAnswer(context: CheckContext, { sketch, assume, inferences }: Walk): boolean {
  const { src, dst, protocol, sport, dport, inInterface, outInterface } = sketch;
  if (sport === undefined || sport >= 1024) return false;
  const request = { src: dst, dst: src, protocol, sport: dport, dport: sport, inInterface: outInterface };
  const sent = inInterface === undefined ? request : { ...request, outInterface: inInterface };
  return context.send(sent, { assume, inferences }).accepted;
}

/** Whether packets with these ports and without a state come to the rule at all. */
function isAsked(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  { protocol, dport }: { readonly protocol: number; readonly dport: number | undefined },
): boolean {
  const { space, analysis, describe } = context.packets(view);
  const header = describe((s: PacketSpace) => {
    const transport = s.and(s.named('ctState', 'UNTRACKED'), s.interval('protocol', protocol, protocol));
    return dport === undefined ? transport : s.and(transport, s.interval('dport', dport, dport));
  });
  const coming = space.and(analysis.reaching(rule), header.may);
  return space.isDecided(coming) && coming !== space.none;
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  for (const walk of packetsOf(context, view, rule)) {
    if (!walk.matched(rule)) continue;
    const hook = walk.hooks.at(-1);
    if (hook !== 'INPUT' && hook !== 'FORWARD' && hook !== 'OUTPUT') continue;
    if (!refusedAt(walk, hook)) continue;
    const waiting = stateRule(context, view, walk, hook);
    if (!waiting || !walk.decidedBy) continue;
    const option = stateOf(view, waiting)?.option ?? '--ctstate';
    return {
      at: { kind: 'rule', view, rule: waiting },
      message: `These packets are not tracked (rule ${rule.index + 1} of raw ${rule.chain}), so they have no state to match: they are refused`,
      underline: option,
      caption: 'UNTRACKED is none of these',
      what: 'what the rule is to accept is refused, from the first packet on',
      why: 'NOTRACK gives packets the state UNTRACKED; they are never NEW, nor ESTABLISHED, and no table nat sees them',
      openedBy: [walk.decidedBy],
      related: [{ message: 'takes them out of connection tracking', at: { kind: 'rule', view, rule } }],
      help: [
        'add UNTRACKED to the states of this rule, and accept the answers by UNTRACKED as well; or let them be tracked',
      ],
      witness: walk,
    };
  }
  return undefined;
}

/** Rules for states that packets without tracking never meet. */
export const untrackedMeetsStateRules = defineCheck({
  code: 'FW507',
  name: 'untracked-meets-state-rules',
  title: 'Packets that are not tracked come to rules that ask for their state',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of table raw takes packets out of connection tracking, and the rule that is to accept them asks for a state. They have none, so they are refused: one is shown.',
  rationale:
    'NOTRACK saves the work of tracking, for a busy name server or web server. Its packets are UNTRACKED from then on, in both directions. A rule for NEW does not match them, nor does the one for ESTABLISHED that every ruleset begins with, and table nat is not asked.',
  decision:
    'An ordinary packet that the rule of table raw describes is sent. It is reported if INPUT, FORWARD or OUTPUT refuses it, and a rule there that such packets come to describes it but for its state, which is NEW or ESTABLISHED and not UNTRACKED.',
  exceptions:
    'Packets that are meant to be refused, such as floods: then the rule that would accept them is not for them.',
  references: ['man iptables-extensions(8), CT', 'net/netfilter/xt_CT.c'],
  mentions: () => (space) => space.named('ctState', 'UNTRACKED'),
  examples: {
    bad: [
      {
        title: 'a web server without tracking, and rules for states',
        rules: `*raw
-A PREROUTING -p tcp -m tcp --dport 80 -j CT --notrack
-A OUTPUT -p tcp -m tcp --sport 80 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a name server, and the older words',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 192.0.2.53/32 -p udp -m udp --dport 53 -j NOTRACK
-A OUTPUT -s 192.0.2.53/32 -p udp -m udp --sport 53 -j NOTRACK
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m state --state NEW -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the requests come in, the answers do not leave',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -s 192.0.2.53/32 -p udp -m udp --sport 53 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'UNTRACKED is among the states',
        rules: `*raw
-A PREROUTING -p tcp -m tcp --dport 80 -j CT --notrack
-A OUTPUT -p tcp -m tcp --sport 80 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the accept asks for no state',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'what is not tracked is not to come in either',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 23 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const told = new Set<Rule>();
      for (const rule of notrackRules(view)) {
        const found = judge(context, view, rule);
        if (found?.at.kind !== 'rule' || told.has(found.at.rule)) continue;
        told.add(found.at.rule);
        yield found;
      }
    }
  },
});

import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { refusedAt, sendAnswer } from './support/conversations.ts';
import { accepts, rulesAt } from './support/rules-at.ts';
import { apartFrom, sendOptions, sideOf } from './support/sending.ts';
import { admitsState } from './support/states.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

/** A TCP opener of the rule that is forwarded because of it. Other protocols may be meant for one way. */
function openerOf(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const { family } = view;
  const { base } = rule;
  if (base.protocol && !base.protocol.negated && base.protocol.value !== 6) return undefined;
  const [outside] = strangersInterfaces(context, family);
  const [inside] = insideInterfaces(context, family, outside?.name ?? '');
  if (!outside || !inside) return undefined;
  const exact = (i: Rule['base']['inInterface']): string | undefined =>
    i && !i.negated && i.value.exact ? i.value.name : undefined;
  // From inside to outside, where the rule does not say otherwise.
  const from =
    exact(base.inInterface) ?? (exact(base.outInterface) === inside.name ? outside.name : inside.name);
  const to = exact(base.outInterface) ?? (from === outside.name ? inside.name : outside.name);
  if (from === to) return undefined;
  const src = context.remoteAddress(family, from);
  const dst = apartFrom(context.remoteAddress(family, to === outside.name ? undefined : to), src);
  const given = {
    inInterface: from,
    outInterface: to,
    protocol: 6,
    ...(base.src ? {} : { src: src.address }),
    ...(base.dst ? {} : { dst: dst.address }),
  };
  const guesses = [outside, inside].filter((i) => !exact(base.inInterface) && i.name === from);
  for (const sketch of context.packetsOf(view, rule, given)) {
    if (sketch.state !== undefined && sketch.state !== 'NEW') continue;
    // An answer that is let in without its state is no opener.
    if ((sketch.sport ?? 40_000) < 1024) continue;
    const walk = context.send(sketch, sendOptions(src, dst, ...guesses.map(sideOf)));
    if (walk.fate === 'forward' && walk.decidedBy?.kind === 'rule' && walk.decidedBy.id === rule.id)
      return walk;
  }
  return undefined;
}

/** Rules that are tried: where answers are stuck, they are so for the first as for the last. */
const triedMax = 64;

/** Whether ordinary packets of known connections pass both ways: then nobody waits for answers. */
function answersPass(context: CheckContext, view: RulesetView): boolean {
  const { family } = view;
  const [outside] = strangersInterfaces(context, family);
  const [inside] = insideInterfaces(context, family, outside?.name ?? '');
  if (!outside || !inside) return true;
  const stranger = context.remoteAddress(family);
  const host = context.remoteAddress(family, inside.name);
  const options = sendOptions(stranger, host);
  const known = { protocol: 6, state: 'ESTABLISHED', direction: 'reply', sport: 443 } as const;
  return [
    { inInterface: outside.name, outInterface: inside.name, src: stranger.address, dst: host.address },
    { inInterface: inside.name, outInterface: outside.name, src: host.address, dst: stranger.address },
  ].every((ends) => context.send({ ...known, ...ends, dport: 40_000 }, options).fate === 'forward');
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const opener = openerOf(context, view, rule);
  const answer = opener && sendAnswer(context, opener);
  if (!opener || !answer?.decidedBy || !refusedAt(answer, 'FORWARD')) return undefined;
  const by = answer.decidedBy;
  return {
    at: { kind: 'rule', view, rule },
    message: 'Connections are let through one way, and their answers are refused on the way back',
    caption: 'no answer comes back',
    what: 'a connection that this rule accepts never comes about: its first answer is lost',
    why: 'FORWARD sees both directions, each as a packet of its own; the answer comes in by the other interface',
    openedBy: [by],
    help: [
      'iptables -I FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'with the state and not with the same rule turned round: that one would let strangers in (FW513)',
    ],
    witness: answer,
    group: `${view.family} ${by.kind === 'rule' ? by.id : by.chain}`,
  };
}

/** Connections that FORWARD accepts and whose answers it refuses. */
export const oneWayForward = defineCheck({
  code: 'FW512',
  name: 'one-way-forward',
  title: 'FORWARD accepts connections and refuses their answers',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of FORWARD accepts new connections of TCP, and what comes back to them is refused in FORWARD. The answer is shown on its way.',
  rationale:
    'A connection is packets in two directions, and FORWARD is asked about each. A rule for `-i wg0 -o eth0` is for one direction. Without one for what is ESTABLISHED, the first answer is dropped, and clients time out.',
  decision:
    'An opener of TCP that the rule describes is sent, from inside to outside where the rule leaves that open. If this rule is the one that accepts it, its answer (ESTABLISHED, ends exchanged, before source NAT has hidden the client and after destination NAT has led the way) is sent back. It is reported if a rule or policy of FORWARD refuses it. UDP and others are left out, since a log server needs no answer. Rules that fail for the same reason are told once.',
  exceptions: 'A rule for packets that really need no answer.',
  references: ['man iptables-extensions(8), conntrack'],
  yieldsTo: ['FW519'],
  examples: {
    bad: [
      {
        title: 'clients of a tunnel, and nothing for the way back',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -s 10.7.0.0/24 -i wg0 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a published server whose answers are stuck',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.5
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 10.0.0.5/32 -i eth0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the rule for answers stands at the wrong direction',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what is ESTABLISHED passes both ways',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i wg0 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a log server needs no answer',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 10.0.0.9/32 -i eth0 -p udp -m udp --dport 514 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'without states: a rule for each direction',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 10.0.0.5/32 -i eth0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT
-A FORWARD -s 10.0.0.5/32 -i eth1 -o eth0 -p tcp -m tcp --sport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      if (answersPass(context, view)) continue;
      const told = new Set<string>();
      let tried = 0;
      for (const rule of rulesAt(view, 'FORWARD')) {
        if (!accepts(rule) || !admitsState(view, rule, 'NEW') || view.writer(rule)) continue;
        if (++tried > triedMax) break;
        const found = judge(context, view, rule);
        if (!found?.group || told.has(found.group)) continue;
        told.add(found.group);
        yield found;
      }
    }
  },
});

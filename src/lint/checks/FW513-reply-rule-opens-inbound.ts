import { ruleBody } from '../../link/rule-text.ts';
import type { BaseMatch, Rule } from '../../model/ruleset.ts';
import type { Address } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SendOptions,
  type SidedInterface,
} from '../check.ts';
import { bodyWith, replaceRule } from '../fixes/fix-draft.ts';
import { natEvents } from './support/conversations.ts';
import { nameOfRule } from './support/covered.ts';
import { conditionsOf } from './support/rule-shape.ts';
import { accepts, rulesAt } from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sideOf } from './support/sending.ts';
import { unspokenService } from './support/services.ts';
import { admitsState, stateOf } from './support/states.ts';

/** A rule's conditions with both ends exchanged; undefined where it names none, or ports that make it more than a direction. */
function turned(base: BaseMatch): BaseMatch | undefined {
  if (!base.inInterface && !base.outInterface && !base.src && !base.dst) return undefined;
  return {
    ...base,
    inInterface: base.outInterface,
    outInterface: base.inInterface,
    src: base.dst,
    dst: base.src,
  };
}

const keyOf = (base: BaseMatch): string =>
  JSON.stringify(
    [base.inInterface, base.outInterface, base.src, base.dst, base.protocol].map((c) => c ?? null),
  );

/** Rules that accept new connections by their direction alone, by what they ask for. */
function byDirection(view: RulesetView, rules: readonly Rule[]): ReadonlyMap<string, Rule> {
  const found = new Map<string, Rule>();
  for (const rule of rules) {
    const plain = conditionsOf(rule).every((m) => m.extension === 'conntrack' || m.extension === 'state');
    if (plain && admitsState(view, rule, 'NEW') && !found.has(keyOf(rule.base)))
      found.set(keyOf(rule.base), rule);
  }
  return found;
}

/** Whether FORWARD refuses anything that comes in there: else there is no door, and FW102 says so. */
function refusesFrom(context: CheckContext, view: RulesetView, from: SidedInterface): boolean {
  const dst = context.remoteAddress(view.family);
  const src = context.remoteAddress(view.family, from.name);
  const other = context.interfaces(view.family).find((i) => i.side !== 'loopback' && i.name !== from.name);
  const names = [...(other ? [other.name] : []), 'other0'];
  return names.some((outInterface) => {
    const { protocol, port } = unspokenService;
    const walk = context.send(
      { inInterface: from.name, outInterface, src: src.address, dst: dst.address, protocol, dport: port },
      sendOptions(src, dst),
    );
    return walk.fate === 'drop' || walk.fate === 'reject';
  });
}

function judge(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  others: ReadonlyMap<string, Rule>,
): FindingDraft | undefined {
  const { family } = view;
  // Only conditions of the direction: a port would be a service that is offered on purpose.
  if (stateOf(view, rule) || conditionsOf(rule).length > 0) return undefined;
  const exchanged = turned(rule.base);
  const mirror = exchanged && others.get(keyOf(exchanged));
  if (!mirror || mirror.id === rule.id || (!rule.base.outInterface && !rule.base.dst)) return undefined;
  const outside = context.interfaces(family).filter((i) => i.side === 'outside');
  for (const from of outside) {
    const src = context.remoteAddress(family);
    const to = rule.base.outInterface;
    const name = to && !to.negated ? (to.value.exact ? to.value.name : `${to.value.name}0`) : undefined;
    if (name === from.name) continue;
    const dst = context.remoteAddress(family, name);
    const given = {
      inInterface: from.name,
      protocol: rule.base.protocol?.value ?? unspokenService.protocol,
      dport: unspokenService.port,
      ...(rule.base.src ? {} : { src: src.address }),
      ...(rule.base.dst ? {} : { dst: dst.address }),
      ...(name === undefined ? {} : { outInterface: name }),
    };
    // Of a whole network that packets are sent on to, most hosts are not this machine.
    const optionsFor = (host: Address): SendOptions =>
      sendOptions(src, dst, sideOf(from), { assume: [`remote=${addressText(host)}`], inferences: [] });
    // From one known network to another is transit, not an answer.
    if (rule.base.src && !rule.base.src.negated) continue;
    for (const sketch of context.packetsOf(view, rule, given)) {
      for (const walk of sendByAnyWay(context, sketch, optionsFor(sketch.dst))) {
        const by = walk.decidedBy;
        if (walk.fate !== 'forward' || by?.kind !== 'rule' || by.id !== rule.id) continue;
        if (natEvents(walk, 'destination').length > 0 || !refusesFrom(context, view, from)) continue;
        const where = name ?? 'the hosts that it names';
        return {
          at: { kind: 'rule', view, rule },
          message: `This rule lets answers back in, and with them everybody: new connections from ${from.name} to ${where} are accepted`,
          underline: '-j',
          caption: 'does not ask for the state',
          what: `whoever can send to ${from.name} reaches any port of the hosts behind ${where}`,
          why: `it is ${nameOfRule(mirror, rule)} turned round; an answer differs from a new connection only by its state`,
          openedBy: [by],
          related: [
            {
              message: 'the direction whose answers it was made for',
              at: { kind: 'rule', view, rule: mirror },
            },
          ],
          help: [
            `let it ask for the state: ${ruleBody(rule).replace(/ -j ACCEPT$/, '')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
          ],
          fixes: [replaceRule(view, rule, bodyWith(rule, '-m conntrack --ctstate RELATED,ESTABLISHED'))],
          witness: walk,
        };
      }
    }
  }
  return undefined;
}

/** Rules for answers that let strangers in. */
export const replyRuleOpensInbound = defineCheck({
  code: 'FW513',
  name: 'reply-rule-opens-inbound',
  title: 'A rule for answers that lets new connections in',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of FORWARD is the accept of another direction turned round, without a state, so that answers may come back. New connections from outside to the hosts inside pass it as well: one is shown.',
  rationale:
    'With `-i wg0 -o eth0 -j ACCEPT` alone nothing works, and with the same rule turned round everything does. The second rule says nothing of answers: whoever routes a packet for the inner network to this machine gets it delivered. Neighbours at the provider, or in the same rack, can; source NAT does not keep them out.',
  decision:
    'The rule has no other conditions than interfaces, networks and a protocol, and another rule of FORWARD has the same exchanged and accepts new connections. A new connection to a port that no rule names, from a stranger by an interface that leads outside, is walked: this rule has to be the one that lets it through, without a destination NAT. It is not reported where FORWARD refuses nothing from that interface, which is FW102. Which interface leads outside is mostly inferred from source NAT; then it is a warning.',
  exceptions:
    'Transit between two networks that trust each other, where one of them was taken for the outside.',
  references: [
    'https://github.com/angristan/wireguard-install/pull/132',
    'https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/4/html/system_administration_guide/s1-firewall-ipt-fwd',
  ],
  fixes: [{ kind: 'unsafe', does: 'lets the rule ask for the state of answers' }],
  examples: {
    bad: [
      {
        title: 'copied from an installer of a tunnel',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -i wg0 -o eth0 -j ACCEPT
-A FORWARD -i eth0 -o wg0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 10.7.0.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'by networks instead of interfaces',
        rules: `*nat
-A POSTROUTING -s 192.168.1.0/24 -o ppp0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -j ACCEPT
-A FORWARD -d 192.168.1.0/24 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'one interface is enough',
        rules: `*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -j ACCEPT
-A FORWARD -o eth1 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the way back asks for the state',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -i wg0 -o eth0 -j ACCEPT
-A FORWARD -i eth0 -o wg0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'two networks inside that trust each other',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth2 -j ACCEPT
-A FORWARD -i eth2 -o eth1 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'strangers are refused before',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -m conntrack --ctstate NEW,INVALID -j DROP
-A FORWARD -i eth1 -j ACCEPT
-A FORWARD -o eth1 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const rules = rulesAt(view, 'FORWARD');
      const plain = rules.filter((rule) => accepts(rule) && !view.writer(rule));
      const others = byDirection(view, plain);
      for (const rule of plain) {
        const found = judge(context, view, rule, others);
        if (found) yield found;
      }
    }
  },
});

import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { addressText } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { refusedAt } from './support/conversations.ts';
import { takenBy } from './support/roads.ts';
import { destinationNatRules } from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, type sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';

/** The new destination is taken for a host behind this machine, unless the machine's addresses are known. */
function elsewhere(context: CheckContext, view: RulesetView, rule: Rule): ReturnType<typeof sideOf> {
  const target = view.findTarget(rule, DNAT)?.range.addresses?.low;
  if (target === undefined || context.machine.interfaces.value !== undefined)
    return { assume: [], inferences: [] };
  return { assume: [`remote=${addressText(target)}`], inferences: [] };
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const packets = context.packets(view);
  const { space, fates, accepted, examples, comingBy } = packets;
  // A forward is for those outside; for others it may be open by other rules.
  const outside = context.interfaces(view.family).filter((i) => i.side === 'outside');
  const all = space.may(takenBy(packets, rule, ['PREROUTING']));
  const taken = outside.length === 0 ? all : space.and(all, comingBy(outside.map((i) => i.name)));
  if (!space.isDecided(taken) || taken === space.none) return undefined;
  const passing = accepted('through').may;
  const refused = space.union(
    [...fates('through')].flatMap(([fate, set]) => (fate === 'drop' || fate === 'reject' ? [set.may] : [])),
  );
  const dropped = space.and(taken, refused);
  if (!space.isDecided(dropped) || dropped === space.none || !space.disjoint(taken, passing))
    return undefined;
  for (const { sketch, options } of examples(dropped, 'through')) {
    const told = sendOptions(
      { assume: options.assume ?? [], inferences: options.inferences ?? [] },
      elsewhere(context, view, rule),
    );
    for (const walk of sendByAnyWay(context, sketch, told)) {
      const by = walk.decidedBy;
      if (!by || !walk.matched(rule) || !refusedAt(walk, 'FORWARD')) continue;
      const [service] = servicesOf(view, rule);
      const denier = by.kind === 'rule' ? view.ruleById(by.id) : undefined;
      return {
        at: { kind: 'rule', view, rule },
        message: `${service ? `${serviceText(service)} is` : 'These packets are'} forwarded here, and FORWARD refuses every connection that comes of it`,
        caption: 'leads to nowhere',
        what: 'the port is published and cannot be reached by anybody',
        why: 'table filter sees the packet after the translation: the address and port to allow are the new ones',
        openedBy: [by],
        ...(denier
          ? { related: [{ message: 'refuses it', at: { kind: 'rule', view, rule: denier } as const }] }
          : {}),
        help: [
          'accept the translated address and port in FORWARD, or -m conntrack --ctstate DNAT for all that is translated',
        ],
        witness: walk,
        inferences: outside.flatMap((i) => (i.name === walk.sketch.inInterface ? i.inferences : [])),
      };
    }
  }
  return undefined;
}

/** Port forwards that FORWARD refuses. */
export const publishedPortDroppedInForward = defineCheck({
  code: 'FW401',
  name: 'published-port-dropped-in-forward',
  title: 'A port is forwarded, and FORWARD refuses the packets',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of nat PREROUTING gives connections another destination, and FORWARD refuses them all. Nobody reaches the published port; one packet is shown on its way.',
  rationale:
    'A port forward is two rules: the translation, and an accept in FORWARD for what it makes. The second sees the packet with its new address and port. Naming the published port there, or forgetting it, leaves a forward that looks complete and does not work.',
  decision:
    'All new connections from outside that the rule may translate are followed on (from anywhere, where nobody knows what is outside). It is reported if none of them may pass through FORWARD, whatever falls how, and one of them is walked and refused there. Where the addresses of the machine are not known, the new destination is taken for a host behind it: a forward to itself is what REDIRECT is for. Where some sources may pass, it is an allowance and not reported.',
  exceptions:
    'A forward that is switched off in FORWARD for the time being, or whose accept is added by a program when it starts (libvirt hooks, port knocking).',
  references: ['https://github.com/angristan/openvpn-install/issues/233'],
  yieldsTo: ['FW105', 'FW104'],
  examples: {
    bad: [
      {
        title: 'the published port is accepted, and not the one that it becomes',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.0.0.20:22
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.20/32 -i eth0 -p tcp -m tcp --dport 2222 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no rule in FORWARD at all',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the accept names the host of before',
        rules: `*nat
-A PREROUTING -i ppp0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 10.0.0.26
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.25/32 -i ppp0 -p tcp -m tcp --dport 25 -j ACCEPT
-A FORWARD -i ppp0 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the new port is accepted',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.0.0.20:22
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.20/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'all that is translated is accepted',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.0.0.20:22
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'some sources are allowed',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 22 -j DNAT --to-destination 10.0.0.20
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 198.51.100.0/24 -d 10.0.0.20/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      if (!view.table('filter')) continue;
      for (const rule of destinationNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});

import type { Rule } from '../../model/ruleset.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import { translatorOf } from './support/published.ts';
import { comingBy, fromUnnamed, hidingBy, translatedOpeners, walkOf } from './support/roads.ts';
import { sourceNatRules } from './support/rules-at.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

/** A connection of a stranger that arrives inside under this machine's address. */
interface Hidden {
  readonly walk: Walk;
  /** The published service, if it came by a port forward. */
  readonly service: string | undefined;
}

/** Strangers whom the rule hides from hosts inside: visitors of a published service first, then those who are passed on. */
function hidden(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
): Hidden | undefined {
  const all = context.packets(view);
  const { space } = all;
  const published = translatedOpeners(all);
  for (const to of insideInterfaces(context, view.family, from.name)) {
    const strangers = space.and(fromUnnamed(all), comingBy(context, all, from.name));
    const come = space.and(hidingBy(context, all, rule, [to.name]).hidden, strangers);
    for (const set of [space.and(come, published), space.diff(come, published)]) {
      const walk = walkOf(
        context,
        all,
        set,
        'through',
        (w) => w.fate === 'forward' && w.matched(rule) && natEvents(w, 'source').length > 0,
        {
          inferences: [...from.inferences, ...to.inferences],
          ...(context.machine.routes.value === undefined ? { fixed: { outInterface: to.name } } : {}),
        },
      );
      if (!walk || leftBy(walk) !== to.name) continue;
      const forward = translatorOf(view, walk);
      const [service] = forward ? servicesOf(view, forward) : [];
      return { walk, service: service && serviceText(service) };
    }
  }
  return undefined;
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const { base } = rule;
  // What names its way out, or the hosts that it is for, is FW404's.
  if (base.outInterface && !base.outInterface.negated) return undefined;
  if (base.dst && !base.dst.negated) return undefined;
  for (const from of strangersInterfaces(context, view.family)) {
    const found = hidden(context, view, rule, from);
    if (!found) continue;
    const { walk, service } = found;
    const out = walk.trace.fate.kind === 'forward' ? walk.trace.fate.outInterface : '';
    return {
      at: { kind: 'rule', view, rule },
      message: `This source NAT also hides who comes in: ${service ? `visitors of ${service}` : 'strangers'} reach ${out} under this machine's address`,
      underline: '-j',
      caption: 'whichever way it leaves',
      what: 'servers inside log one visitor, and bans, limits and allowances by address hit everybody or nobody',
      why: 'POSTROUTING sees packets that leave by every interface; without -o the rule takes those that go in as well',
      help: [
        `name the interface that leads outside: ${`-o ${from.name}`}`,
        'or the sources that are to be hidden: -s and the network inside',
      ],
      witness: walk,
    };
  }
  return undefined;
}

/** Source NAT without a direction. */
export const unscopedMasquerade = defineCheck({
  code: 'FW403',
  name: 'unscoped-masquerade',
  title: 'Source NAT that hides strangers from the servers inside',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A MASQUERADE or SNAT does not say by which interface packets leave. New connections of strangers to hosts inside get the address of this machine as their source: one is shown.',
  rationale:
    'Source NAT is meant for what leaves to the Internet. Without `-o` it takes packets that go into the LAN, into tunnels and to containers as well. A mail server then sees all the world coming from its trusted router, which has made open relays; fail2ban bans the router; logs are worth nothing.',
  decision:
    'The rule names neither an out-interface nor a destination. A connection of a stranger, by every port forward and by plain routing, is walked: it has to be accepted, to leave by an interface that does not lead outside, and to get another source by this rule. So `-s` of the networks inside, exceptions above and a FORWARD that lets nobody in are seen by what they do.',
  exceptions:
    'A server inside whose way back does not lead through this machine; then the visitors have to be hidden.',
  references: [
    'https://github.com/Ysurac/openmptcprouter/issues/3072',
    'https://github.com/Nyr/openvpn-install/issues/122',
    'https://github.com/angristan/wireguard-install/issues/586',
  ],
  examples: {
    bad: [
      {
        title: 'everything that leaves, by whatever interface',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10:80
-A POSTROUTING -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'all but one interface, and the others lead inside too',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i ppp0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 10.0.0.25
-A POSTROUTING ! -o lo -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'SNAT without a direction',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -j SNAT --to-source 203.0.113.1
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the network inside, on its way out',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10:80
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'clients of a tunnel, wherever they go',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.8.0.0/24 ! -d 10.8.0.0/24 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'nobody from outside is let in',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of sourceNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});

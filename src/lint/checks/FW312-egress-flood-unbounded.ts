import { protocolName } from '../../net/protocols.ts';
import { createMeasure } from '../../packetset/measure.ts';
import type { PacketSet } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { leftBy } from './support/conversations.ts';
import {
  calmWalk,
  deciderOf,
  deciderText,
  knobOf,
  strangersMention,
  toPrivateNetworks,
} from './support/openness.ts';
import { comingBy, takenBy } from './support/roads.ts';
import { listText } from './support/rule-shape.ts';

/** Protocols that floods are made of, with a rule that bounds them for each sender. */
const floods = [
  { protocol: 6, rule: '-p tcp --syn -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 200' },
  { protocol: 17, rule: '-p udp -m hashlimit --hashlimit-above 200/sec --hashlimit-burst 400' },
] as const;

/** From this share of the public destinations on, somebody may flood anybody. */
const freeShare = 0.5;

/** Rules that are looked at for one way out. */
const rulesMax = 8;

/** First packets of one protocol that leave at any rate, from one interface to another. */
interface Unbounded {
  readonly from: string;
  readonly out: string;
  readonly flood: (typeof floods)[number];
  readonly walk: Walk;
}

/** Whether lists of those who came too often had a part in the walk: a rate by another name. */
function isCounted(walk: Walk): boolean {
  return walk.assume.some((text) => text.startsWith('recent:') || text.startsWith('set:'));
}

function* unbounded(context: CheckContext, view: RulesetView): Iterable<Unbounded> {
  const { family } = view;
  const interfaces = context.interfaces(family);
  const outside = interfaces.filter((i) => i.side === 'outside');
  if (outside.length === 0) return;
  const all = context.packets(view);
  const { space } = all;
  const near = all.describe(toPrivateNetworks(family)).may;
  const away = space.diff(space.and(all.accepted('through').may, all.openers), near);
  const measure = createMeasure(space, ['dst']);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dst');
  const destinations = space.forget(space.diff(all.entering('through'), near), others);
  // What goes to a few hosts alone is no way out.
  const isAnywhere = (set: PacketSet): boolean =>
    measure.share(space.forget(set, others), destinations) >= freeShare;
  const walkOut = (set: PacketSet, out: string, inferences: Walk['inferences']): Walk | undefined => {
    let left = set;
    // Rules for a few hosts that stand above the one that lets anybody be flooded are passed over.
    for (let n = 0; n < rulesMax && isAnywhere(left) && space.isDecided(left); n++) {
      const walk = walkOne(left, out, inferences);
      const by = walk?.decidedBy;
      const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
      const taken = rule && space.may(takenBy(all, rule, ['FORWARD']));
      if (!taken || isAnywhere(space.and(set, taken))) return walk;
      left = space.diff(left, taken);
    }
    return undefined;
  };
  const walkOne = (set: PacketSet, out: string, inferences: Walk['inferences']): Walk | undefined => {
    for (const { sketch, options } of all.examples(set, 'through')) {
      const walk = calmWalk(
        context,
        { ...sketch, outInterface: out },
        {
          assume: [...(options.assume ?? []), 'limit=over'],
          inferences: [...(options.inferences ?? []), ...inferences],
        },
      );
      if (walk.fate === 'forward' && leftBy(walk) === out && !isCounted(walk)) return walk;
    }
    return undefined;
  };
  for (const from of interfaces.filter((i) => i.side === 'inside'))
    for (const out of outside) {
      const here = space.and(away, comingBy(context, all, from.name));
      for (const flood of floods) {
        const set = space.and(here, space.interval('protocol', flood.protocol, flood.protocol));
        const walk = walkOut(set, out.name, [...from.inferences, ...out.inferences]);
        if (walk) yield { from: from.name, out: out.name, flood, walk };
      }
    }
}

/** A way out without a measure. */
export const egressFloodUnbounded = defineCheck({
  code: 'FW312',
  name: 'egress-flood-unbounded',
  title: 'Hosts inside may open connections to the Internet at any rate',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  profiles: ['router'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'New connections from inside to the Internet are forwarded however many there are: no rule keeps a rate. The finding shows one that passes with every rate on its way exceeded.',
  rationale:
    'One infected host can fill the line and the connection table of the router, and everybody behind it is cut off while somebody else is attacked. A ceiling for each sender, far above what people need, stops that and is noticed.',
  decision:
    'Only on routers. For each way from an inner interface to an outer one, ordinary first packets that may pass to at least half of all public addresses, of TCP and of UDP, are walked with every rate on their way exceeded (`limit`, `hashlimit`, `connlimit`). It is reported if one leaves all the same by a rule that lets out to as many, and no list of senders (`recent`, sets) had a part in it. A rate for all senders together counts as well: the line is safe then, though not the neighbours. Echo requests are not asked about here: FW315 tells of them where it matters.',
  exceptions: 'Where traffic control (tc) shares the line, or the provider does.',
  references: ['man iptables-extensions(8), hashlimit and connlimit'],
  mentions: (family) => (space) =>
    space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
  examples: {
    bad: [
      {
        title: 'a way out and nothing else',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the policy, with a rate for the wrong direction',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i ppp0 -p tcp -m hashlimit --hashlimit-above 50/sec --hashlimit-mode srcip --hashlimit-name in -j DROP
-A FORWARD -i ppp0 -m conntrack --ctstate NEW -j DROP
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o ppp0 -j MASQUERADE
-A POSTROUTING -o eth1 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rate for TCP, none for UDP',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -p tcp -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name out_tcp -j DROP
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a ceiling for each sender',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name out_new -j DROP
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'only what is within a rate is accepted',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -m hashlimit --hashlimit-upto 50/sec --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name out_new -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'nothing goes out',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const byRule = new Map<string, Unbounded[]>();
      for (const one of unbounded(context, view)) {
        const key = deciderText(one.walk);
        byRule.set(key, [...(byRule.get(key) ?? []), one]);
      }
      for (const [text, list] of byRule) {
        const [first] = list;
        const at = first && deciderOf(view, first.walk);
        if (!first || !at) continue;
        const { from, out, flood, walk } = first;
        const inner = [...new Set(list.map((one) => one.from))];
        const outer = [...new Set(list.map((one) => one.out))];
        const protocols = [...new Set(list.map((one) => protocolName(one.flood.protocol).toUpperCase()))];
        yield {
          at,
          message: `Hosts behind ${listText(inner)} may open connections of ${protocols.join(' and ')} by ${listText(outer)} at any rate: ${text} keeps none`,
          caption: 'no rate is kept',
          help: [
            knobOf(view, at) ??
              `above it: -A FORWARD -i ${from} -o ${out} ${flood.rule} --hashlimit-mode srcip --hashlimit-name out -j DROP`,
          ],
          witness: walk,
          group: view.family,
        };
      }
    }
  },
});

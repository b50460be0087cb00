import { atEntry } from '../../analysis/fates.ts';
import type { Rule } from '../../model/ruleset.ts';
import { addressText, networkTextShort } from '../../net/address-text.ts';
import { addressKind } from '../../net/documentation.ts';
import { interfacePattern } from '../../net/interface-pattern.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import type { Inference } from '../finding.ts';
import { interfaceNames } from '../sides.ts';
import { isTunnel } from './support/behind.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import {
  deciderOf,
  deciderText,
  fromPrivateNetworks,
  knobOf,
  opennessOf,
  strangersMention,
  toPrivateNetworks,
} from './support/openness.ts';
import { type OwnNetwork, ownNetworks, ownNetworksMention, sourceCheck } from './support/own-networks.ts';
import { comingBy, walkOf } from './support/roads.ts';
import { listText } from './support/rule-shape.ts';

/** SNAT, MASQUERADE and what else gives packets another source. */
function rewritesSource(view: RulesetView, rule: Rule): boolean {
  if (rule.table !== 'nat') return false;
  return view.effect(rule).changes?.some((c) => c.field === 'nat' && c.manip !== 'destination') ?? false;
}

/** Whether hosts send to the Internet from there: those with a unique local address have another one for it. */
function goesOut({ network }: OwnNetwork): boolean {
  return addressKind(network.address) !== 'unique-local';
}

/** Openers that are forwarded and leave by this interface with the source that they came with, as they came in. */
function untranslated(all: AllPackets, out: string): PacketSet {
  const { space, analysis, view } = all;
  const road = all.road('through');
  const hidden = space.union(
    road.visits
      .filter((visit) => visit.table === 'nat' && visit.hook === 'POSTROUTING')
      .flatMap((visit) =>
        view
          .rules()
          .filter((rule) => rewritesSource(view, rule))
          .map((rule) => visit.taking(rule)),
      ),
  );
  const leaving = space.interface('out', interfacePattern(out));
  const passed = space.union(
    road.parts.filter((part) => part.fate === 'forward').map((part) => space.and(part.set, leaving)),
  );
  return space.and(space.may(atEntry(analysis.vocabulary, space.diff(passed, hidden), road)), all.openers);
}

/** A packet under a false source from one interface that left by another, with what it rests on. */
interface Escaped {
  readonly walk: Walk;
  readonly from: SidedInterface;
  readonly belongs: readonly OwnNetwork[];
}

function escaped(context: CheckContext, view: RulesetView): Escaped | undefined {
  const { family } = view;
  const interfaces = context.interfaces(family);
  const outside = interfaces.filter((i) => i.side === 'outside');
  const named = interfaceNames(context.machine, context.views);
  const inside = interfaces.filter((i) => i.side === 'inside');
  const nets = outside.length === 0 ? [] : ownNetworks(context, view).filter(goesOut);
  if (nets.length === 0) return undefined;
  const openness = opennessOf(context, view);
  const { all } = openness;
  const { space } = all;
  const odd = space.or(
    all.describe(toPrivateNetworks(family)).may,
    all.describe(fromPrivateNetworks(family)).may,
  );
  for (const out of outside) {
    const plain = untranslated(all, out.name);
    if (plain === space.none || !space.isDecided(plain)) continue;
    for (const from of inside) {
      // A VPN knows who is at the other end of each tunnel, and drops other sources itself.
      if (isTunnel(context, from.name)) continue;
      const alone = inside.every((i) => i === from);
      const belongs = nets.filter((n) => n.behind === from.name || (alone && n.behind === undefined));
      const check = sourceCheck(context, family, from.name);
      if (belongs.length === 0 || check === 'strict') continue;
      const own = space.union(belongs.map(({ network }) => space.network('src', network)));
      const set = space.diff(space.diff(space.and(plain, comingBy(context, all, from.name)), own), odd);
      if (set === space.none || !openness.fromAnybody(set)) continue;
      const inferences: readonly Inference[] = [
        ...from.inferences,
        ...out.inferences,
        ...belongs.flatMap((n) => n.inferences),
        ...check,
        ...(named.includes(from.name)
          ? []
          : [
              {
                text: `hosts inside come in by an interface that no rule names (called ${from.name} here)`,
                settledBy: 'ip -j addr',
              },
            ]),
      ];
      const walk = walkOf(
        context,
        all,
        set,
        'through',
        (w) => w.fate === 'forward' && leftBy(w) === out.name && natEvents(w, 'source').length === 0,
        {
          inferences: [...new Map(inferences.map((i) => [i.text, i])).values()],
          fixed: { outInterface: out.name },
        },
      );
      if (walk) return { walk, from, belongs };
    }
  }
  return undefined;
}

/** A router that forwards any source. */
export const missingEgressAntispoofing = defineCheck({
  code: 'FW309',
  name: 'missing-egress-antispoofing',
  title: 'Hosts inside may send to the Internet under any source address',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  profiles: ['router'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'First packets from a network inside, with a source that is none of that network, are forwarded to the Internet as they are: no rule asks for the source, and source NAT does not take them. The finding shows such a packet.',
  rationale:
    'Floods that cannot be traced, and all attacks by reflection, need networks that let false sources out. A host inside that was taken over takes part in them under the names of others, and only the router next to it can tell. Source NAT for everything that leaves would end it, since the source is rewritten; source NAT with `-s` passes by just those packets whose source is false.',
  decision:
    'Only on routers, for each interface that leads inside and whose networks are known: from `ip -j addr` and routes, or else from rules that name a network with the interface, or that translate a network on its way out where only one interface leads inside; the finding then says so. Tunnels are left out: WireGuard, OpenVPN and IPsec drop what a peer sends under an address that is not his. First packets from there, between public addresses, are pushed through all rules. It is reported if packets with foreign sources from at least 1/256 of the public addresses leave by an outer interface and no source NAT may take them, and the engine walked one of them. Nothing is reported where `rp_filter` is 1 on the interface; where nobody gave it, that it is not is a guess. From routers that translate all sources no false one leaves, and nothing is reported.',
  exceptions:
    'Where the provider refuses such packets, or a router before this one does. Transit networks whose sources are many.',
  references: ['BCP 38 (RFC 2827)', 'BCP 84 (RFC 3704)', 'https://www.caida.org/projects/spoofer/'],
  mentions: (family, _sensitive, read) => (space) =>
    space.or(
      space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
      ownNetworksMention(family, read, ['src'])(space),
    ),
  examples: {
    bad: [
      {
        title: 'source NAT for the true sources, a way out for all',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a router of public addresses',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","addr_info":[{"family":"inet","local":"198.51.100.2","prefixlen":30,"scope":"global"}]},
{"ifindex":3,"ifname":"eth1","flags":["UP"],"mtu":1500,"link_type":"ether","addr_info":[{"family":"inet","local":"203.0.113.1","prefixlen":24,"scope":"global"}]}]
[{"dst":"default","gateway":"198.51.100.1","dev":"eth0"}]
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
`,
      },
      {
        title: 'the policy lets them out',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i ppp0 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP
COMMIT
*nat
-A POSTROUTING -s 10.0.0.0/24 -o ppp0 -j SNAT --to-source 203.0.113.1
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the way out asks for the source',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'every source is rewritten',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -p tcp -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the way back is looked up first',
        rules: `*raw
-A PREROUTING -m rpfilter --invert -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the kernel checks sources',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
        context: `net.ipv4.conf.all.rp_filter = 1
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const found = escaped(context, view);
      const at = found && deciderOf(view, found.walk);
      if (!found || !at) continue;
      const { walk, from, belongs } = found;
      const hides = view.rules().some((rule) => rewritesSource(view, rule));
      const nets = listText(belongs.map(({ network }) => networkTextShort(network)));
      yield {
        at,
        message: `Hosts behind ${from.name} may send to the Internet under any source, such as ${addressText(walk.sketch.src)}: ${deciderText(walk)} lets it out as it is`,
        caption: 'asks for no source',
        why: `behind ${from.name} is ${nets}; nothing on the way asks for that${hides ? ', and source NAT does not take other sources' : ''}`,
        help: [
          knobOf(view, at) ??
            `let out only what is ours: -i ${from.name} -s ${nets}; or above everything, in raw PREROUTING: -m rpfilter --invert -j DROP`,
        ],
        witness: walk,
      };
    }
  },
});

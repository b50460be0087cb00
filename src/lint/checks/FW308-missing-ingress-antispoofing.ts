import { atEntry } from '../../analysis/fates.ts';
import { networkContains, prefixLength } from '../../net/address.ts';
import { addressText, networkTextShort } from '../../net/address-text.ts';
import { interfacePattern } from '../../net/interface-pattern.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type PacketSketch,
  type RulesetView,
  type SendOptions,
  type Walk,
} from '../check.ts';
import { leftBy } from './support/conversations.ts';
import { isRefused } from './support/limiters.ts';
import {
  deciderOf,
  deciderText,
  fromPrivateNetworks,
  isGuardedElsewhere,
  knobOf,
  strangersMention,
  toPrivateNetworks,
  type Way,
} from './support/openness.ts';
import { type OwnNetwork, ownNetworks, ownNetworksMention, sourceCheck } from './support/own-networks.ts';
import { hasPrivateSource, strangersOf, takenBy } from './support/roads.ts';

/** Rules that are told for one ruleset. */
const findingsMax = 3;

/** Prefixes up to this are a whole range of private addresses. */
const rangeMax = 16;

/** Our networks; where nothing tells, the private ones that FORWARD lets pass by their source alone. */
function belonging(context: CheckContext, view: RulesetView): readonly OwnNetwork[] {
  const known = ownNetworks(context, view);
  if (known.length > 0 || context.machine.interfaces.value !== undefined) return known;
  const found = new Map<string, OwnNetwork>();
  for (const rule of view.rules()) {
    const { src, inInterface } = rule.base;
    if (rule.table !== 'filter' || !src || inInterface || !hasPrivateSource(rule)) continue;
    // A range that large is no network that somebody laid out: part of it may be anywhere (FW306).
    if ((prefixLength(src.value.mask) ?? 0) <= rangeMax) continue;
    if (view.effect(rule).outcome !== 'accept') continue;
    if (!view.hooks('filter', rule.chain).includes('FORWARD')) continue;
    const text = networkTextShort(src.value);
    found.set(text, {
      network: src.value,
      behind: undefined,
      inferences: [
        {
          text: `${text} is inside (rule filter/${rule.chain}#${rule.index + 1} forwards for it)`,
          settledBy: 'ip -j addr',
        },
      ],
    });
  }
  return [...found.values()];
}

/**
 * Openers that get in on this way, as they came in. What leaves by an outer interface again has got nowhere, and no more
 * has what goes to public addresses: those behind this machine are ours, too.
 */
function passing(context: CheckContext, all: AllPackets, way: Way): PacketSet {
  const { space, analysis, view } = all;
  const road = all.road(way);
  const outer = context
    .interfaces(view.family)
    .filter((i) => i.side === 'outside')
    .map((i) => space.interface('out', interfacePattern(i.name)));
  const fate = way === 'to' ? 'local' : 'forward';
  const parts = road.parts.filter((part) => part.fate === fate);
  const got = space.diff(space.union(parts.map((part) => part.set)), space.union(outer));
  const ours = space.or(
    all.describe(toPrivateNetworks(view.family)).may,
    space.union(ownNetworks(context, view).map(({ network }) => space.network('dst', network))),
  );
  const set = way === 'to' ? got : space.and(got, ours);
  return space.and(space.may(atEntry(analysis.vocabulary, set, road)), all.openers);
}

/** Sends a packet; that the machine forwards is taken for granted where nothing says whether it does. */
function sendForwarded(context: CheckContext, sketch: PacketSketch, options: SendOptions): Walk {
  const walk = context.send(sketch, options);
  const { fate } = walk.trace;
  if (fate.kind !== 'undecided' || fate.question.topic !== 'forwarding') return walk;
  return context.send(sketch, {
    assume: [...(options.assume ?? []), 'forwarding=on'],
    inferences: [
      ...(options.inferences ?? []),
      { text: 'this machine forwards packets', settledBy: 'sysctl -a' },
    ],
  });
}

/** A packet that got in under a source of ours, and not under another. */
interface Forged {
  readonly walk: Walk;
  readonly net: OwnNetwork;
}

function* forgedOn(context: CheckContext, view: RulesetView, way: Way): Iterable<Forged> {
  const { family } = view;
  const all = context.packets(view);
  const { space } = all;
  const strangers = strangersOf(context, all);
  // What rules place behind the interface of strangers belongs there.
  const nets = belonging(context, view).filter((n) => !strangers.names.includes(n.behind ?? ''));
  if (nets.length === 0) return;
  const [from] = strangers.names;
  const check = from === undefined ? 'strict' : sourceCheck(context, family, from);
  if (check === 'strict') return;
  const passed = space.and(passing(context, all, way), strangers.set);
  if (passed === space.none || !space.isDecided(passed)) return;
  const own = space.union(nets.map(({ network }) => space.network('src', network)));
  const odd = space.or(own, all.describe(fromPrivateNetworks(family)).may);
  let gained = space.diff(space.and(passed, own), space.forget(space.diff(passed, odd), ['src']));
  const inner = context.interfaces(family).filter((i) => i.side === 'inside' || i.side === 'unknown');
  const ways = [undefined, ...inner.map((i) => i.name)].filter(
    (name) => !strangers.names.includes(name ?? ''),
  );
  for (let n = 0; n < findingsMax && gained !== space.none; n++) {
    const found = all.examples(gained, way).flatMap(({ sketch, options }) => {
      const net = nets.find(({ network }) => networkContains(network, sketch.src));
      if (!net) return [];
      const inferences = [
        ...(options.inferences ?? []),
        ...strangers.inferences,
        ...net.inferences,
        ...check,
      ];
      for (const outInterface of way === 'to' ? [undefined] : ways) {
        const sent = { ...sketch, ...(outInterface === undefined ? {} : { outInterface }) };
        const walk = sendForwarded(context, sent, { ...options, inferences });
        if (walk.fate !== (way === 'to' ? 'local' : 'forward')) continue;
        const honest = context.send(
          { ...walk.sketch, src: context.remoteAddress(family).address },
          { assume: walk.assume },
        );
        if (isRefused(honest) && walk.decidedBy && !strangers.names.includes(leftBy(walk) ?? ''))
          return [{ walk, net }];
      }
      return [];
    });
    const [first] = found;
    if (!first) return;
    yield first;
    const by = first.walk.decidedBy;
    const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
    if (!rule) return;
    gained = space.diff(gained, space.may(takenBy(all, rule)));
  }
}

/** Strangers under an address of ours. */
export const missingIngressAntispoofing = defineCheck({
  code: 'FW308',
  name: 'missing-ingress-antispoofing',
  title: 'Strangers get past a rule under an address of ours',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A packet from outside with a source of a network inside gets in where the same packet under a source of its own is refused: a rule knows our hosts by their address and does not ask by which interface they come. The finding shows the packet.',
  rationale:
    'The sender writes the source. Answers go to the true owner of the address, so no whole connection is made this way by somebody far off; but one packet is enough for UDP services, for floods and for scans, and a neighbour on the same segment can also have the answers. The kernel checks sources only where `rp_filter` is 1, or a rule asks `rpfilter`.',
  decision:
    "Our networks are those of the machine's addresses and routes; where none are given, those that rules name with an inner interface or hide by source NAT, or, failing all that, private networks of a prefix longer than 16 that FORWARD lets pass. All first packets from outside with such a source are pushed through the rules; those that leave by an outer interface again, or go on to addresses that are neither ours nor private, do not count. What strangers reach under sources of their own is taken off: a false source gains nothing there. That is sharper than the criterion of Diekmann, who asks for the source alone. For the rest the engine walks a packet twice, under both sources, and it is reported if only the false one passes. With `rp_filter` 1 on the interface nothing is reported; where nobody gave it, that it is off is a guess, and the finding is a remark.",
  exceptions:
    'Where the provider or a router before this one drops such packets. Asymmetric routes, where strict checks would drop honest packets too.',
  references: ['arXiv:1603.07538', 'BCP 38 (RFC 2827)', 'BCP 84 (RFC 3704)', 'NIST SP 800-41 Rev. 1'],
  yieldsTo: ['FW303', 'FW306'],
  mentions: (family, _sensitive, read) => (space) =>
    space.or(
      space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
      ownNetworksMention(family, read, ['src', 'dst'])(space),
    ),
  examples: {
    bad: [
      {
        title: 'a network by its address, from wherever',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the firewall trusts its LAN by address',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.1.0/24 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'known to be unchecked',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.1.0.0/16 -p udp -m udp --dport 161 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","addr_info":[{"family":"inet","local":"198.51.100.2","prefixlen":24,"scope":"global"}]},
{"ifindex":3,"ifname":"eth1","flags":["UP"],"mtu":1500,"link_type":"ether","addr_info":[{"family":"inet","local":"10.1.0.1","prefixlen":16,"scope":"global"}]}]
[{"dst":"default","gateway":"198.51.100.1","dev":"eth0"}]
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
`,
      },
    ],
    good: [
      {
        title: 'the way back is looked up first, and the rule names the interface',
        rules: `*raw
-A PREROUTING -m rpfilter --invert -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -i eth1 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a look at the way back is enough',
        rules: `*raw
-A PREROUTING -m rpfilter --invert -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the kernel is strict',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.168.1.0/24 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
        context: `net.ipv4.conf.all.rp_filter = 1
`,
      },
      {
        title: 'the service is open to everybody anyhow',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views)
      for (const way of ['to', 'through'] as const) {
        if (way === 'to' && isGuardedElsewhere(context)) continue;
        for (const { walk, net } of forgedOn(context, view, way)) {
          const at = deciderOf(view, walk);
          if (!at) continue;
          const { src, inInterface } = walk.sketch;
          const guessed = walk.inferences.some((i) => i.text.includes('rp_filter'));
          yield {
            at,
            ...(guessed ? { severity: 'info' } : {}),
            message: `Whoever sends as ${addressText(src)} by ${inInterface ?? 'another interface'} gets past ${deciderText(walk)}: under an address of his own he is refused`,
            ...(at.kind === 'rule' && at.rule.base.src ? { underline: '-s' } : {}),
            caption: 'the sender writes this',
            why: `${networkTextShort(net.network)} is inside, and nothing asks by which interface its packets come`,
            help: [
              knobOf(view, at) ??
                `name the interface as well: -i ${net.behind ?? 'and the inner interface'}; or above everything, in raw PREROUTING: -m rpfilter --invert -j DROP`,
            ],
            witness: walk,
            group: `${view.family} ${way}`,
          };
        }
      }
  },
});

import { atEntry } from '../../analysis/fates.ts';
import { SNAT } from '../../extensions/targets/SNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, type Network, networkContains, prefix, prefixLength } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import { interfaceMatches, interfacePattern } from '../../net/interface-pattern.ts';
import type { PacketSet } from '../../packetset/space.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
} from '../check.ts';
import type { Inference } from '../finding.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import { opennessOf, strangersMention, toPrivateNetworks } from './support/openness.ts';
import { addressesOn, isOnThePublicNet, knownInside } from './support/published.ts';
import { walkOf } from './support/roads.ts';
import { accepts, rulesAt, sourceNatRules } from './support/rules-at.ts';

/** A private network behind this machine. */
interface Inner {
  readonly net: Network;
  /** Where its hosts come in; undefined: nobody knows. */
  readonly from: string | undefined;
  readonly inferences: readonly Inference[];
  /** The rule that speaks of it. */
  readonly rule: Rule | undefined;
}

function isPrivateNet(net: Network): boolean {
  const length = prefixLength(net.mask) ?? 0;
  return length >= 8 && length <= 30 && net.address.family === 'ipv4' && !isPublicAddress(net.address);
}

/** Networks that interfaces inside have, or else those that FORWARD lets out by their source. */
function innerNetworks(context: CheckContext, view: RulesetView): readonly Inner[] {
  const known = context.machine.interfaces.value;
  if (known !== undefined)
    return knownInside(context, view).flatMap((i) =>
      (known.find(({ name }) => name === i.name)?.addresses ?? [])
        .filter((a) => a.address.family === 'ipv4' && a.scope === 'global')
        .map((a) => prefix(a.peer ?? a.address, a.prefixLength))
        .filter(isPrivateNet)
        .map((net) => ({ net, from: i.name, inferences: i.inferences, rule: undefined })),
    );
  const named = new Map<string, Inner>();
  for (const rule of rulesAt(view, 'FORWARD')) {
    const { src, inInterface } = rule.base;
    if (!accepts(rule) || view.writer(rule) || !src || src.negated) continue;
    if (!isPrivateNet(src.value)) continue;
    const text = networkTextShort(src.value);
    if (named.has(text)) continue;
    const exact = inInterface && !inInterface.negated && inInterface.value.exact;
    named.set(text, {
      net: src.value,
      from: exact ? inInterface.value.name : undefined,
      rule,
      inferences: [
        {
          text: `hosts of ${text} are behind this machine (rule filter/${rule.chain}#${rule.index + 1})`,
          settledBy: 'ip -j addr',
        },
      ],
    });
  }
  return [...named.values()].slice(0, networksMax);
}

/** Networks that are looked at. */
const networksMax = 24;

/** What leaves by one interface to the Internet: who is translated, and who goes as he is. */
interface Leaving {
  /** The first source NAT rule that takes any of it. */
  readonly rule: Rule;
  /** Openers as they came in whose source no rule translates, wherever they go. */
  readonly untranslated: PacketSet;
}

function leavingBy(context: CheckContext, view: RulesetView, out: SidedInterface): Leaving | undefined {
  const { all, publicDestinations } = opennessOf(context, view);
  const { space, analysis, openers } = all;
  const road = all.road('through');
  const outward = space.interface('out', interfacePattern(out.name));
  const visits = road.visits.filter((v) => v.table === 'nat' && v.hook === 'POSTROUTING');
  const entry = (relation: PacketSet): PacketSet =>
    space.may(space.and(atEntry(analysis.vocabulary, relation, road), openers));
  let first: Rule | undefined;
  const left: PacketSet[] = [];
  const hidden: PacketSet[] = [];
  for (const visit of visits) {
    for (const rule of sourceNatRules(view)) {
      const taken = visit.taking(rule);
      if (taken === space.none) continue;
      hidden.push(entry(taken));
      if (space.and(taken, outward) !== space.none) first ??= rule;
    }
    left.push(entry(space.and(visit.entering, outward)));
  }
  if (!first) return undefined;
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'src');
  // Whoever is translated anywhere has his way out: routing by source is not seen here.
  const sources = space.forget(space.union(hidden), others);
  const untranslated = space.and(space.diff(space.union(left), sources), publicDestinations);
  return { rule: first, untranslated: space.diff(untranslated, all.comingBy([out.name])) };
}

const inNet = (net: Network, address: Address): boolean => networkContains(net, address);

function* judge(
  context: CheckContext,
  view: RulesetView,
  out: SidedInterface,
  inner: readonly Inner[],
): Iterable<{ readonly net: Network; readonly draft: FindingDraft }> {
  const leaving = leavingBy(context, view, out);
  if (!leaving) return;
  const { all } = opennessOf(context, view);
  const { space } = all;
  for (const { net, from, inferences, rule } of inner) {
    let set = leaving.untranslated;
    if (rule) set = space.and(set, all.describe((s) => s.network('src', net)).may);
    if (from !== undefined) set = space.and(set, all.comingBy([from]));
    const walk = walkOf(
      context,
      all,
      set,
      'through',
      (w) =>
        w.fate === 'forward' &&
        leftBy(w) === out.name &&
        inNet(net, w.sketch.src) &&
        isPublicAddress(w.sketch.dst) &&
        natEvents(w, 'source').length === 0,
      { inferences: [...out.inferences, ...inferences], fixed: { outInterface: out.name } },
    );
    if (!walk) continue;
    const text = networkTextShort(net);
    const draft: FindingDraft = {
      at: { kind: 'rule', view, rule: leaving.rule },
      id: 'internal-net-not-translated',
      message: `Hosts of ${text} get out by ${out.name} with their private addresses: this source NAT does not take them`,
      caption: `not for ${text}`,
      what: 'their packets leave, and no answer comes back; the provider sees the addresses of the network inside',
      why: 'FORWARD lets them out, and no rule of nat POSTROUTING gives them another source',
      ...(rule ? { related: [{ message: 'lets them out', at: { kind: 'rule', view, rule } as const }] } : {}),
      help: [`-A POSTROUTING -s ${text} -o ${out.name} -j MASQUERADE; or refuse them in FORWARD`],
      witness: walk,
    };
    yield { net, draft };
  }
}

/** Interfaces to the Internet, as far as anybody can tell: none whose own addresses are private. */
function waysOut(context: CheckContext, view: RulesetView): readonly SidedInterface[] {
  const hidesBehindPrivate = (name: string): boolean =>
    sourceNatRules(view).some((rule) => {
      const out = rule.base.outInterface;
      const address = view.findTarget(rule, SNAT)?.range.addresses?.low;
      if (!out || out.negated || !address || isPublicAddress(address)) return false;
      return interfaceMatches(out.value, name);
    });
  return context
    .interfaces(view.family)
    .filter(
      (i) =>
        i.side === 'outside' &&
        (addressesOn(context, i.name, view.family).length === 0
          ? !hidesBehindPrivate(i.name)
          : isOnThePublicNet(context, i.name, view.family)),
    );
}

const addresses = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
       valid_lft forever preferred_lft forever
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
       valid_lft forever preferred_lft forever
4: eth1.20@eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 10.20.0.1/24 brd 10.20.0.255 scope global eth1.20
       valid_lft forever preferred_lft forever
`;

const gateway = (nat: string, forward: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${nat}COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
${forward}COMMIT
`;

/** Networks inside that source NAT forgets. */
export const internalNetNotTranslated = defineCheck({
  code: 'FW414',
  name: 'internal-net-not-translated',
  title: 'A private network gets out without source NAT',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'This machine hides a network on the way out by an interface, and lets another private network out by the same interface as it is. A new connection from there is shown as it leaves with its private address.',
  rationale:
    'A VLAN is added, FORWARD opened for it, and source NAT names the old network alone. Packets leave with an address to which nobody can answer: connections hang, and what should stay inside shows outside.',
  decision:
    'Of all new connections that leave by an interface to the Internet, those are taken whose source no rule of nat POSTROUTING translates anywhere, and whose destination is not private. Where the addresses of the machine are given, a host of each private network on an inner interface must not be among them; else the private networks that accepts of FORWARD name by `-s` are asked, and that there are such hosts is a guess. One connection is walked, and has to leave with the source that it came with. Nothing is said where that interface has a private address of its own, or SNAT takes one for it, since then somebody else translates, nor of IPv6.',
  exceptions:
    'A router beyond this one that knows the network and translates it. An accept in FORWARD that is wider than the networks that exist. A source that is translated for some packets alone (`-p tcp`) is not looked for.',
  references: ['https://datatracker.ietf.org/doc/html/rfc1918 (section 3)'],
  mentions: (family) => (space) =>
    space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
  examples: {
    bad: [
      {
        title: 'FORWARD is open for more than is translated',
        rules: `*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.0.0/16 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a new VLAN, forgotten in table nat',
        rules: gateway(
          '-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE\n',
          '-A FORWARD -i eth1 -o eth0 -j ACCEPT\n-A FORWARD -i eth1.20 -o eth0 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'one network is translated, the other only allowed',
        rules: gateway(
          '-A POSTROUTING -s 10.1.0.0/24 -o ppp0 -j SNAT --to-source 203.0.113.1\n',
          '-A FORWARD -s 10.1.0.0/24 -o ppp0 -j ACCEPT\n-A FORWARD -s 10.2.0.0/24 -o ppp0 -p tcp -m tcp --dport 443 -j ACCEPT\n',
        ),
      },
    ],
    good: [
      {
        title: 'everything that may leave is translated',
        rules: `*nat
-A POSTROUTING -s 192.168.0.0/16 -o eth0 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.0.0/16 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'by the interface, whoever it is',
        rules: gateway(
          '-A POSTROUTING -o eth0 -j MASQUERADE\n',
          '-A FORWARD -i eth1 -o eth0 -j ACCEPT\n-A FORWARD -i eth1.20 -o eth0 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'the new VLAN may not leave',
        rules: gateway(
          '-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE\n',
          '-A FORWARD -i eth1 -o eth0 -j ACCEPT\n-A FORWARD -i eth1 -o eth1.20 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'a network behind a tunnel, which speaks with ours alone',
        rules: gateway(
          '-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE\n',
          '-A FORWARD -s 10.9.0.0/24 -d 192.168.1.0/24 -i tun0 -j ACCEPT\n-A FORWARD -s 192.168.1.0/24 -o eth0 -j ACCEPT\n',
        ),
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      if (view.family !== 'ipv4' || sourceNatRules(view).length === 0) continue;
      const inner = innerNetworks(context, view);
      if (inner.length === 0) continue;
      // What gets out by several ways is told for the first.
      let left = inner;
      for (const out of waysOut(context, view)) {
        const told = [...judge(context, view, out, left)];
        left = left.filter(({ net }) => !told.some(({ net: n }) => n === net));
        for (const { draft } of told) yield draft;
      }
    }
  },
});

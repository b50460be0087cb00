import { atEntry, openers } from '../../analysis/fates.ts';
import { visitTable } from '../../analysis/table-run.ts';
import type { Rule } from '../../model/ruleset.ts';
import { ipv4, networkContains, prefix, prefixLength } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { interfacePattern } from '../../net/interface-pattern.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { calmWalk, isGuardedElsewhere, knobOf, strangersMention } from './support/openness.ts';
import { strangersOf } from './support/roads.ts';

const loopback = prefix(ipv4(0x7f000000), 8);

/** Accepts by a source within 127/8 that a packet to this machine may meet, by whatever interface as far as they say. */
function trusting(view: RulesetView): readonly Rule[] {
  return view.rules().filter((rule) => {
    const { src, inInterface } = rule.base;
    if (rule.table !== 'filter' || !src || src.negated) return false;
    if ((prefixLength(src.value.mask) ?? 0) < 8 || !networkContains(loopback, src.value.address))
      return false;
    if (inInterface && !inInterface.negated && inInterface.value.name === 'lo') return false;
    return view.effect(rule).outcome === 'accept' && view.hooks('filter', rule.chain).includes('INPUT');
  });
}

/** Packets of the set that the rule would take in INPUT, as they came in. */
function takenIn(all: AllPackets, rule: Rule, set: PacketSet): PacketSet {
  const road = all.road('to');
  let rest = set;
  for (const table of ['mangle', 'filter'] as const) {
    const known = road.visits.find((v) => v.table === table && v.hook === 'INPUT');
    if (known === undefined) continue;
    const visit = visitTable(known.analysis, 'INPUT', rest);
    if (table === 'filter') return atEntry(all.analysis.vocabulary, visit.taking(rule), road);
    rest = visit.ends.get('accept') ?? all.space.none;
  }
  return all.space.none;
}

/** What the packets with a loopback source from elsewhere come to. */
interface Forged {
  /** They get in, by this walk. */
  readonly admitted: Walk | undefined;
  /** Rules would let them in: only routing, which refuses such sources, stands before them. */
  readonly stopped: Walk | undefined;
}

function forged(context: CheckContext, all: AllPackets, rule: Rule): Forged {
  const { space, analysis } = all;
  const { vocabulary } = analysis;
  const road = all.road('to');
  const strangers = strangersOf(context, all);
  const first = space.and(
    space.forget(openers(vocabulary), [...vocabulary.rewritten], 'entry'),
    space.and(
      space.and(space.network('src', loopback), space.not(space.network('dst', loopback))),
      space.not(space.interface('in', interfacePattern('lo'))),
    ),
  );
  const walkOf = (set: PacketSet, wanted: (walk: Walk) => boolean): Walk | undefined => {
    const here = space.and(space.may(set), first);
    const outside = space.and(here, strangers.set);
    for (const { sketch, options } of all.examples(outside === space.none ? here : outside, 'to')) {
      const walk = calmWalk(context, sketch, options);
      if (wanted(walk)) return walk;
    }
    return undefined;
  };
  const taken = space.union(
    road.visits
      .filter((visit) => visit.table === 'filter' && visit.hook === 'INPUT')
      .map((visit) => atEntry(vocabulary, visit.taking(rule), road)),
  );
  const admitted = walkOf(taken, (w) => w.fate === 'local' && w.matched(rule));
  if (admitted) return { admitted, stopped: undefined };
  const unrouted = space.union(
    road.parts.filter((part) => part.fate === 'route-drop' && !part.looped).map((part) => part.set),
  );
  const held = takenIn(all, rule, space.and(unrouted, space.network('src', loopback)));
  return { admitted, stopped: walkOf(held, (w) => w.fate === 'route-drop') };
}

/** An address in place of an interface. */
export const loopbackTrustByAddress = defineCheck({
  code: 'FW307',
  name: 'loopback-trust-by-address',
  title: 'Packets of the machine itself are known by their address alone',
  severity: 'error',
  confidences: ['proved', 'context'],
  groups: ['recommended', 'cis'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of INPUT accepts by a source within 127.0.0.0/8 and does not ask for the interface `lo`. Where the kernel routes such addresses from the wire (`route_localnet`), a forged packet gets in, and the finding shows it; elsewhere the finding shows that routing alone stands between.',
  rationale:
    "What a packet says of its source is its sender's choice; by which interface it came is not. Linux refuses 127.0.0.0/8 from the wire when it routes a packet, unless `route_localnet` is set for the interface, as kube-proxy did for years (CVE-2020-8558) and as port forwards to 127.0.0.1 need. The rule also misses half of what it means: programs of the machine that talk by another of its addresses use `lo` as well.",
  decision:
    'For each accept in INPUT whose source lies within 127.0.0.0/8 and that does not ask for `lo`, first packets with such a source from other interfaces are pushed through all rules. If some get in, that is an error. If the rule would take some of those that only routing refused, as the kernel does by default, it is a remark. Nothing is reported where a rule refuses them first, `rpfilter` among them. IPv6 is not looked at: the kernel refuses `::1` from the wire before any rule, whatever is set. Of addresses of 127.0.0.0/8 the kernel refuses 127.0.0.1 even with `route_localnet`, since that one is its own; 127.0.0.2 passes.',
  exceptions:
    'A machine whose `route_localnet` is 0 for good: the rule then only misses traffic of the machine to its other addresses.',
  references: [
    'https://github.com/kubernetes/kubernetes/issues/92315',
    'CIS Benchmarks for Linux, "Ensure iptables loopback traffic is configured"',
  ],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'the kernel alone stands between',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'and here it does not',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
        context: `net.ipv4.conf.all.route_localnet = 1
`,
      },
      {
        title: 'one service, for the machine itself',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 127.0.0.1/32 -p tcp -m tcp --dport 25 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'by the interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -d 127.0.0.0/8 ! -i lo -j DROP
COMMIT
`,
        context: `net.ipv4.conf.all.route_localnet = 1
`,
      },
      {
        title: 'by both',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 -i lo -j ACCEPT
COMMIT
`,
        context: `net.ipv4.conf.all.route_localnet = 1
`,
      },
      {
        title: 'forged ones are dropped further up',
        rules: `*raw
-A PREROUTING -s 127.0.0.0/8 ! -i lo -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 -j ACCEPT
COMMIT
`,
        context: `net.ipv4.conf.all.route_localnet = 1
`,
      },
      {
        title: 'in a chain for lo',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:own - [0:0]
-A INPUT -i lo -j own
-A own -s 127.0.0.1/32 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context)) return;
    for (const view of context.views) {
      if (view.family !== 'ipv4') continue;
      for (const rule of trusting(view)) {
        const { admitted, stopped } = forged(context, context.packets(view), rule);
        const witness = admitted ?? stopped;
        const at = { kind: 'rule', view, rule } as const;
        const knob = knobOf(view, at);
        // What a program wrote and the kernel makes harmless is nobody's to change.
        if (!witness || (!admitted && knob)) continue;
        const net = rule.base.src ? networkTextShort(rule.base.src.value) : '127.0.0.0/8';
        yield {
          at,
          severity: admitted ? 'error' : 'info',
          message: admitted
            ? `Rule ${rule.index + 1} of ${rule.chain} trusts the source ${net} by any interface, and route_localnet lets forged packets from the wire come to it`
            : `Rule ${rule.index + 1} of ${rule.chain} trusts the source ${net} by any interface: nothing but the kernel's routing keeps forged packets from it`,
          underline: '-s',
          caption: 'the sender writes this',
          why: admitted
            ? 'by which interface a packet came, no sender can choose'
            : 'such sources from the wire are refused unless route_localnet is set for the interface, and 127.0.0.1 unless accept_local is set as well',
          help: [knob ?? 'name the interface in place of the address: -i lo'],
          witness,
          group: `${view.family} ${admitted ? 'admitted' : 'stopped'}`,
        };
      }
    }
  },
});
